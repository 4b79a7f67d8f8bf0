"""Which column of a CSV holds what: by its header's obvious names, or by the user's mapping. Pure."""

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from transcripts.formats.csv_rows import read_rows
from transcripts.formats.refusals import FormatError

FIELDS = (
    "conversation", "sequence", "speaker", "role", "start", "end", "start_ms", "end_ms", "text", "confidence", "title",
    "occurred_at", "language",
)  # fmt: skip
# In order of preference; compared in lower case with "_" for blanks.
_KNOWN = {
    "text": "text utterance_text utterance transcript content message sentence body caption statement what_was_said",
    "conversation": "conversation conversation_id transcript_id dialogue_id dialog_id session_id call_id meeting_id"
    " session",
    "sequence": "sequence utterance_id utterance_index turn_id turn_index turn sentence_id segment_id message_id"
    " line_number seq index idx line no nr #",
    "speaker": "speaker speaker_label speaker_name interlocutor participant name author from sender who person"
    " sprecher",
    "role": "role speaker_role rolle",
    "start_ms": "start_ms start_time_ms begin_ms",
    "end_ms": "end_ms end_time_ms stop_ms",
    "start": "start start_time start_s start_sec start_seconds begin timestamp time zeit",
    "end": "end end_time end_s end_sec end_seconds stop",
    "confidence": "confidence score probability",
    "title": "title video_title session_title",
    "occurred_at": "occurred_at recorded_at session_date date datetime",
    "language": "language lang",
}
_DELIMITERS = (",", ";", "\t", "|")
_SINGLE_WORD = re.compile(r"[\w#.-]{1,30}")
_LONGEST_NAME = 200  # what is longer is the text of a file that is no CSV
# Excel's own line above the header.
_EXCEL_HINT = re.compile(r"\"?sep=(.)\"?[;,\t|]*\n", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Layout:
    """Where things stand. `columns` has an index for every field, -1 for those that the file does not have."""

    delimiter: str
    columns: Mapping[str, int]
    width: int
    body_at: int  # offset of the first row after the header
    body_line: int

    @property
    def recognised(self) -> int:
        return sum(1 for column in self.columns.values() if column >= 0)


def find_layout(text: str, mapping: Mapping[str, str]) -> Layout | None:
    _refuse_unknown_fields(mapping)
    hint = _EXCEL_HINT.match(text)
    delimiters = (hint[1],) if hint else _DELIMITERS
    found = [layout for each in delimiters if (layout := _read_header(text, hint, each, mapping)) is not None]
    if mapping and not found:
        _refuse_unknown_columns(text, hint, mapping)
    return max(found, key=lambda layout: (layout.recognised, layout.width), default=None)


def _read_header(text: str, hint: re.Match[str] | None, delimiter: str, mapping: Mapping[str, str]) -> Layout | None:
    start, line = (hint.end(), 2) if hint else (0, 1)
    try:
        _, stop, next_line, header = next(read_rows(text, start, len(text), line, delimiter))
    except (csv.Error, StopIteration):
        return None
    columns = _columns(header, mapping)
    if columns is None or columns["text"] < 0:
        return None
    return Layout(delimiter, columns, len(header), stop, next_line)


def _columns(header: Sequence[str], mapping: Mapping[str, str]) -> dict[str, int] | None:
    """None where a mapped column is not in the header."""
    names = [_plain(name) for name in header]
    columns = dict.fromkeys(FIELDS, -1)
    for field, column in mapping.items():
        if column in header:
            columns[field] = header.index(column)
        elif _plain(column) in names:
            columns[field] = names.index(_plain(column))
        else:
            return None
    for field, known in _KNOWN.items():
        free = (name for name in known.split() if name in names and names.index(name) not in columns.values())
        if field not in mapping and (name := next(free, None)) is not None:
            columns[field] = names.index(name)
    if columns["role"] < 0 and "interlocutor" in names:  # AnnoMI: "therapist" or "client"
        columns["role"] = names.index("interlocutor")
    return columns


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]+", "_", name.strip().lower()) if len(name) <= _LONGEST_NAME else ""


def _refuse_unknown_fields(mapping: Mapping[str, str]) -> None:
    unknown = [field for field in mapping if field not in FIELDS]
    if unknown:
        raise FormatError(None, f"There is no field {unknown[0]!r} to map.", f"Fields are {', '.join(FIELDS)}.")


def _refuse_unknown_columns(text: str, hint: re.Match[str] | None, mapping: Mapping[str, str]) -> None:
    start = hint.end() if hint else 0
    first = text[start : text.find("\n", start) if "\n" in text[start:] else None]
    delimiter = hint[1] if hint else max(_DELIMITERS, key=first.count)
    header = next(csv.reader([first], delimiter=delimiter), [])
    names = {_plain(name) for name in header}
    missing = [column for column in mapping.values() if _plain(column) not in names]
    if missing:
        raise FormatError(1, f"There is no column {missing[0]!r}.", _name_columns(header))


def _name_columns(header: Sequence[str]) -> str:
    """Single words only: in a file without a header, the first row is what somebody said."""
    names = [name for name in header if _SINGLE_WORD.fullmatch(name)]
    others = len(header) - len(names)
    shown = f"Columns are {', '.join(names)[:500]}" if names else "Its first row names no columns"
    return f"{shown}, and {others} more." if names and others else f"{shown}."
