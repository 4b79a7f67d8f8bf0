"""Bytes of a file -> text with \\n as line end, or a refusal that says what the file is. Pure."""

import re

from transcripts.formats.base import Document
from transcripts.formats.refusals import FormatError

_BOMS = (
    (b"\xff\xfe\x00\x00", "utf-32-le"),  # before UTF-16 LE, whose BOM it starts with
    (b"\x00\x00\xfe\xff", "utf-32-be"),
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)
_RECORDING = "a recording"
_MAGIC = (
    (b"%PDF", "a PDF"),
    (b"PK\x03\x04", "a ZIP archive or an Office document"),
    (b"PK\x05\x06", "a ZIP archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ", "an xz archive"),
    (b"\x89PNG", "an image"),
    (b"\xff\xd8\xff", "an image"),
    (b"GIF8", "an image"),
    (b"\xd0\xcf\x11\xe0", "an old Office document"),
    (b"{\\rtf", "an RTF document"),
    (b"SQLite format 3", "a database"),
    (b"ID3", _RECORDING),
    (b"OggS", _RECORDING),
    (b"fLaC", _RECORDING),
    (b"RIFF", _RECORDING),
    (b"\x1aE\xdf\xa3", _RECORDING),
)
_SAVE_AS_TEXT = "Save the transcript as text, VTT, SRT, JSON or CSV and import that."
_SAVE_AS_UTF8 = "Save the file as UTF-8 and import it again."
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_PROBE = 1 << 16


def open_document(name: str, raw: bytes) -> Document:
    return Document(name=name, raw=raw, text=decode(raw))


def decode(raw: bytes) -> str:
    _refuse_binary(raw)
    encoding, skip = _find_encoding(raw)
    text = _decode_as(raw[skip:], encoding) if encoding else _decode_8bit(raw)
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not text or text.isspace():
        raise FormatError(None, "The file is empty.", "Choose the file that holds the transcript.")
    _refuse_controls(text)
    return text


def _refuse_binary(raw: bytes) -> None:
    for magic, what in _MAGIC:
        if raw.startswith(magic):
            raise FormatError(None, f"This is {what}, not a text file.", _SAVE_AS_TEXT)
    if raw[4:8] == b"ftyp":
        raise FormatError(None, f"This is {_RECORDING}, not a text file.", _SAVE_AS_TEXT)


def _refuse_controls(text: str) -> None:
    probe = text[:_PROBE]
    if len(_CONTROLS.findall(probe)) * 10 > len(probe):
        raise FormatError(None, "This is a binary file, not a text file.", _SAVE_AS_TEXT)


def _find_encoding(raw: bytes) -> tuple[str | None, int]:
    for bom, encoding in _BOMS:
        if raw.startswith(bom):
            return encoding, len(bom)
    return _guess_by_nuls(raw[:_PROBE]), 0


def _guess_by_nuls(probe: bytes) -> str | None:
    """UTF-16 and UTF-32 without a BOM: digits, spaces and line ends have their NULs on the same side."""
    if b"\x00" not in probe:
        return None
    nuls = [probe[place::4].count(0) for place in range(4)]
    quarter = max(1, len(probe) // 4)
    if nuls[1] + nuls[2] + nuls[3] > 2.5 * quarter and nuls[0] * 4 < quarter:
        return "utf-32-le"
    if nuls[0] + nuls[1] + nuls[2] > 2.5 * quarter and nuls[3] * 4 < quarter:
        return "utf-32-be"
    high, low = nuls[0] + nuls[2], nuls[1] + nuls[3]
    # Ten per cent: below that, stray NULs in an 8-bit file.
    if max(high, low) * 20 < len(probe):
        return None
    if low > 4 * high:
        return "utf-16-le"
    return "utf-16-be" if high > 4 * low else None


def _decode_as(raw: bytes, encoding: str) -> str:
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError as error:
        line = _line_of(raw[: error.start].decode(encoding, errors="replace"))
        what = f"The {encoding.upper()} text is broken on line {line}."
        raise FormatError(line, what, f"It may be cut off. {_SAVE_AS_UTF8}") from error


def _decode_8bit(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        if _is_damaged_utf8(raw):
            line = _line_of(raw[: error.start].decode("utf-8", errors="replace"))
            raise FormatError(line, f"The UTF-8 text is broken on line {line}.", _SAVE_AS_UTF8) from error
    try:
        return raw.decode("cp1252")
    except UnicodeDecodeError as error:
        line = _line_of(raw[: error.start].decode("latin-1"))
        what = f"Line {line} is neither UTF-8 nor Windows-1252 (byte 0x{raw[error.start]:02X})."
        raise FormatError(line, what, _SAVE_AS_UTF8) from error


def _is_damaged_utf8(raw: bytes) -> bool:
    """More whole multi-byte characters than broken ones: as Windows-1252 every accent would read as two characters."""
    text = raw.decode("utf-8", errors="replace")
    broken = text.count("\ufffd")
    whole = sum(1 for character in text if character > "\x7f") - broken
    return whole > broken


def _line_of(text: str) -> int:
    return 1 + text.count("\r") + text.count("\n") - text.count("\r\n")
