"""The formats of transcripts: which there are, which one a file is, and what a file says. Pure."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from transcripts.formats import anamnesis_json, csv, plain, srt, transcript_json, webvtt, whisper
from transcripts.formats.base import Conversation, Document, ExportError, Format, FormatError, Transcript, Writer
from transcripts.formats.encodings import open_document
from transcripts.formats.vendors import explain_json

# In the order in which sniffing asks: the most peculiar first, plain text last.
FORMATS: tuple[Format, ...] = (webvtt, srt, transcript_json, anamnesis_json, whisper, csv, plain)
WRITERS: tuple[Writer, ...] = (anamnesis_json, webvtt, srt, plain, csv)

_SUFFIXES = {"vtt": "vtt", "srt": "srt", "csv": "csv", "tsv": "csv", "txt": "txt", "md": "txt"}
_LOOKED_FOR = (
    "WebVTT (WEBVTT on the first line), SRT (a number, then 00:00:01,000 --> 00:00:04,000), JSON of Whisper, of X-01 or"
    " of Anamnesis, CSV with a header row that has a text column, or dialogue as text (Name: text, [00:12] Name: text)"
)
_NO_MAPPING: Mapping[str, str] = MappingProxyType({})


def read_file(
    name: str, raw: bytes, format_name: str = "auto", mapping: Mapping[str, str] = _NO_MAPPING
) -> tuple[str, Iterable[Conversation]]:
    """The format's name and the conversations of a file. Raises FormatError or FormatErrors."""
    document = open_document(name, raw)
    found = _choose(document, mapping) if format_name == "auto" else find_format(format_name)
    return found.NAME, found.read(document, mapping=mapping)


def _choose(document: Document, mapping: Mapping[str, str]) -> Format:
    """Only CSV has columns: whoever maps some has said which format it is."""
    return csv if mapping else detect(document)


def write_text(transcript: Transcript, format_name: str) -> str:
    """The transcript in one of the WRITERS' formats. Raises ExportError."""
    writers = {writer.NAME: writer for writer in WRITERS}
    if format_name in writers:
        return writers[format_name].write(transcript)
    names = ", ".join(writers)
    raise ExportError(f"There is no export format {format_name!r}; choose one of {names}.")


def find_format(name: str) -> Format:
    formats = {found.NAME: found for found in FORMATS}
    if name in formats:
        return formats[name]
    names = ", ".join(formats)
    raise FormatError(None, f"There is no format {name!r}.", f"Choose auto or one of {names}.")


def detect(document: Document) -> Format:
    """By content; where several formats claim it, the one that the file's name says."""
    claiming = [found for found in FORMATS if found.sniff(document)]
    if not claiming:
        raise _refusal(document)
    suffix = document.name.rpartition(".")[2].lower()
    if suffix == "vtt" and webvtt not in claiming:
        what = "The file is named .vtt, but its first line is not WEBVTT."
        raise FormatError(1, what, f"Add that line, or import it with the format {claiming[0].NAME}.")
    named = {found.NAME: found for found in claiming}
    return named.get(_SUFFIXES.get(suffix, ""), claiming[0])


def _refusal(document: Document) -> FormatError:
    if document.looks_like_json:
        return explain_json(document.json)
    what_next = f"Looked for: {_LOOKED_FOR}. Save it as one of these, or name the format."
    return FormatError(None, "The file is no transcript that is known here.", what_next)
