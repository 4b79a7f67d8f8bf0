import codecs

import pytest

from transcripts.formats.base import FormatError
from transcripts.formats.encodings import decode

TEXT = "1\n00:00:01,000 --> 00:00:02,000\nGrüße – 你好\n"
ENCODED = {
    "utf-8": TEXT.encode(),
    "utf-8 with BOM": TEXT.encode("utf-8-sig"),
    "utf-16 le with BOM": codecs.BOM_UTF16_LE + TEXT.encode("utf-16-le"),
    "utf-16 be with BOM": codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"),
    "utf-16 le": TEXT.encode("utf-16-le"),
    "utf-16 be": TEXT.encode("utf-16-be"),
    "utf-32 le with BOM": codecs.BOM_UTF32_LE + TEXT.encode("utf-32-le"),
    "utf-32 be with BOM": codecs.BOM_UTF32_BE + TEXT.encode("utf-32-be"),
    "utf-32 le": TEXT.encode("utf-32-le"),
    "utf-32 be": TEXT.encode("utf-32-be"),
}


@pytest.mark.parametrize("raw", ENCODED.values(), ids=ENCODED)
def test_unicode_is_recognised_with_and_without_a_byte_order_mark(raw: bytes) -> None:
    assert decode(raw) == TEXT


def test_what_is_not_unicode_is_windows_1252() -> None:
    assert decode("Ann: “Naïve” – 5 €".encode("cp1252")) == "Ann: “Naïve” – 5 €"


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1252"])
def test_every_line_end_becomes_a_line_feed(line_end: str, encoding: str) -> None:
    assert decode(f"Ann: hé{line_end}{line_end}Ben: ho{line_end}".encode(encoding)) == "Ann: hé\n\nBen: ho\n"


@pytest.mark.parametrize("byte", [0x81, 0x8D, 0x8F, 0x90, 0x9D])
def test_a_byte_that_windows_1252_lacks_is_refused_with_its_line(byte: int) -> None:
    with pytest.raises(
        FormatError, match=rf"Line 3 is neither UTF-8 nor Windows-1252 \(byte 0x{byte:02X}\)"
    ) as refused:
        decode(b"Ann: one\r\nBen: \xe9\r\nAnn: " + bytes([byte]))
    assert refused.value.line == 3


def test_damaged_utf8_is_not_taken_for_windows_1252() -> None:
    with pytest.raises(FormatError, match="The UTF-8 text is broken on line 2") as refused:
        decode("Ann: häufig müde\nBen: ".encode() + b"\xc3\nAnn: s\xc3\xbc\xc3\x9f\n")
    assert refused.value.line == 2


def test_utf16_that_is_cut_off_is_refused_with_its_line() -> None:
    with pytest.raises(FormatError, match="UTF-16-LE text is broken on line 2") as refused:
        decode(codecs.BOM_UTF16_LE + "Ann: one\nBen: two".encode("utf-16-le")[:-1])
    assert refused.value.line == 2


BINARY = {
    "a PDF": b"%PDF-1.7\n%\xe2\xe3",
    "a ZIP archive": b"PK\x03\x04\x14\x00\x06\x00",
    "a gzip archive": b"\x1f\x8b\x08\x00",
    "an image": b"\x89PNG\r\n\x1a\n",
    "a recording": b"RIFF\x24\x00\x00\x00WAVEfmt ",
    "an RTF document": b"{\\rtf1\\ansi Ann: hello}",
    "a binary file": bytes(range(1, 9)) * 40,
}


@pytest.mark.parametrize(("what", "raw"), BINARY.items(), ids=BINARY)
def test_a_file_that_is_no_text_is_named_and_refused(what: str, raw: bytes) -> None:
    with pytest.raises(FormatError, match=f"This is {what}.*Save the transcript as text"):
        decode(raw)


@pytest.mark.parametrize("raw", [b"", b" \r\n\t ", codecs.BOM_UTF8, "\n \n".encode("utf-16")])
def test_an_empty_file_is_refused(raw: bytes) -> None:
    with pytest.raises(FormatError, match="The file is empty"):
        decode(raw)
