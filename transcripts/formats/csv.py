"""CSV with a header row: one row an utterance, one or several conversations a file.

Obvious column names are known, others are mapped (field -> column). Rows of one conversation need not stand together;
rows with the same conversation and sequence are one utterance, as annotators repeat it. AnnoMI's layouts need no
mapping.
"""

from __future__ import annotations  # array[int] is a type only

import csv
import io
import re
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence

from transcripts.formats.base import Conversation, Document, Transcript
from transcripts.formats.csv_layout import FIELDS, Layout, find_layout
from transcripts.formats.csv_rows import read_rows
from transcripts.formats.gathering import Gathering
from transcripts.formats.refusals import FormatError, FormatErrors
from transcripts.formats.times import parse_clock, parse_instant, parse_number, seconds_to_ms
from transcripts.roles import Role, guess_role

NAME = "csv"

_OWN_HEADER = (
    "conversation", "title", "occurred_at", "sequence", "speaker", "role", "start_ms", "end_ms", "text", "confidence",
)  # fmt: skip
# A text column alone makes no transcript, nor does one with a score or a date.
_TELLING = ("conversation", "sequence", "speaker", "role", "start", "start_ms")
_MOST_ERRORS = 100
# What may be shown of a cell in the wrong place: a mapping may name the column of what was said.
_TIME_LIKE = re.compile(r"[\d:.,+-]{1,20}", re.ASCII)


def sniff(document: Document) -> bool:
    layout = find_layout(document.text, {})
    return layout is not None and any(layout.columns[field] >= 0 for field in _TELLING)


def read(document: Document, *, mapping: Mapping[str, str]) -> Iterable[Conversation]:
    layout = find_layout(document.text, mapping)
    if layout is None:
        what = "No column holds the text." if not mapping else "The mapping names no column for the text."
        raise FormatError(1, what, f"Name it by mapping the field text to a column; fields are {', '.join(FIELDS)}.")
    conversations = Conversations(document.text, layout)
    conversations.check()
    return conversations


def write(transcript: Transcript) -> str:
    """Every code point as it is: this CSV is data, so a text that looks like a formula gets no prefix."""
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(_OWN_HEADER)
    occurred_at = transcript.occurred_at.isoformat() if transcript.occurred_at else None
    of_all = (transcript.external_id, transcript.title, occurred_at)
    rows.writerows(
        (*of_all, each.sequence, each.speaker, each.role.value, each.start_ms, each.end_ms, each.text, each.confidence)
        for each in transcript.passages
    )
    return out.getvalue()


class Conversations:
    """A file's conversations in the order of their first rows, each read when it is asked for.

    Held are the text and, per conversation, where its runs of rows stand: (offset, end, line) each.
    """

    def __init__(self, text: str, layout: Layout) -> None:
        self._text = text
        self._layout = layout
        self._runs = self._index()

    def __len__(self) -> int:
        return len(self._runs)

    def __iter__(self) -> Iterator[Conversation]:
        return (self._read(name, runs) for name, runs in self._runs.items())

    def check(self) -> None:
        """Raises every contradiction of the file at once, before anything of it is used."""
        column = self._layout.columns["sequence"]
        if column < 0:
            return
        errors: list[FormatError] = []
        for runs in self._runs.values():
            errors += self._contradictions(runs, column)
            if len(errors) >= _MOST_ERRORS:
                break
        _raise_all(errors)

    def _index(self) -> dict[str, array[int]]:
        layout, text = self._layout, self._text
        column, width, needed = layout.columns["conversation"], layout.width, layout.columns["text"]
        runs: dict[str, array[int]] = {}
        errors: list[FormatError] = []
        at, begins, last = layout.body_at, layout.body_line, None
        try:
            for line, stop, following, row in read_rows(text, at, len(text), begins, layout.delimiter):
                if len(row) != width and (len(row) <= needed or any(row[width:])):
                    errors.append(_width_error(line, len(row), width))
                name = row[column].strip() if 0 <= column < len(row) else ""
                if name == last:
                    runs[name][-2] = stop
                else:
                    runs.setdefault(name, array("q")).extend((at, stop, begins))
                at, begins, last = stop, following, name
                if len(errors) == _MOST_ERRORS:
                    break
        except csv.Error as error:
            what = f"The row that begins on line {begins} is broken: {error}."
            errors.append(FormatError(begins, what, "Check its quotation marks; one inside a field is doubled."))
        _raise_all(errors)
        return runs or {"": array("q")}

    def _rows_of(self, runs: array[int]) -> Iterator[tuple[int, list[str]]]:
        width = self._layout.width
        for place in range(0, len(runs), 3):
            start, stop, first = runs[place : place + 3]
            for line, _, _, row in read_rows(self._text, start, stop, first, self._layout.delimiter):
                yield line, row if len(row) >= width else row + [""] * (width - len(row))

    def _contradictions(self, runs: array[int], sequence: int) -> Iterator[FormatError]:
        """Rows that give one utterance two texts."""
        column = self._layout.columns["text"]
        texts: dict[str, str] = {}
        for line, row in self._rows_of(runs):
            key, text = row[sequence].strip(), row[column]
            if key and texts.setdefault(key, text) != text:
                what = f"Line {line} gives an utterance another text than a row before, which has the same id."
                yield FormatError(line, what, "Give each utterance its own id, or map sequence to another column.")

    def _in_sequence(self, runs: array[int]) -> list[tuple[int, list[str]]]:
        """One row for every utterance, by number where all have one, else as in the file."""
        column = self._layout.columns["sequence"]
        rows = list(self._rows_of(runs))
        if column < 0:
            return rows
        keys = [row[column].strip() for _, row in rows]
        first = {key or f"row {place}": place for place, key in reversed(list(enumerate(keys)))}
        places = sorted(first.values())
        numbers = [parse_number(keys[place]) for place in places]
        if None not in numbers:
            places = [place for _, place in sorted(zip(numbers, places, strict=True))]
        return [rows[place] for place in places]

    def _read(self, name: str, runs: array[int]) -> Conversation:
        gathering = Gathering()
        cells = _Cells(self._layout.columns, gathering)
        rows = self._in_sequence(runs)
        text = self._layout.columns["text"]
        for line, row in rows:
            gathering.add(
                line,
                row[text],
                cells.speaker(row),
                cells.time(line, row, "start"),
                cells.time(line, row, "end"),
                cells.confidence(line, row),
            )
        occurred_at = cells.first_of(rows, "occurred_at")
        return gathering.conversation(
            external_id=name,
            title=cells.first_of(rows, "title"),
            language=cells.first_of(rows, "language"),
            occurred_at=parse_instant(occurred_at) if occurred_at else None,
            roles=cells.roles(rows),
        )


class _Cells:
    """One conversation's cells as values."""

    def __init__(self, columns: Mapping[str, int], gathering: Gathering) -> None:
        self._columns = columns
        self._warnings = gathering.warnings
        self._confidence = columns["confidence"]
        self._speaker = columns["speaker"] if columns["speaker"] >= 0 else columns["role"]
        self._times = {side: (columns[f"{side}_ms"], columns[side]) for side in ("start", "end")}

    def speaker(self, row: Sequence[str]) -> str | None:
        return row[self._speaker] or None if self._speaker >= 0 else None

    def time(self, line: int, row: Sequence[str], side: str) -> int | None:
        in_ms, column = self._times[side]
        if in_ms >= 0 and (cell := row[in_ms].strip()):
            number = parse_number(cell)
            ms = None if number is None else round(number)
        elif column >= 0 and (cell := row[column].strip()):
            ms = parse_clock(cell)
            ms = seconds_to_ms(parse_number(cell)) if ms is None else ms
        else:
            return None
        if ms is None:
            shown = f" {cell}" if _TIME_LIKE.fullmatch(cell) else ""
            kind = f"the {side} is no time like 00:01:02.345 or 62.345; it was left empty."
            self._warnings.add(line, kind.replace(" is", f"{shown} is", 1), kind)
        return ms

    def confidence(self, line: int, row: Sequence[str]) -> float | None:
        if self._confidence < 0 or not (cell := row[self._confidence].strip()):
            return None
        number = parse_number(cell)
        if number is None:
            self._warnings.add(line, "the confidence is no number; it was left empty.")
        return number

    def first_of(self, rows: Sequence[tuple[int, list[str]]], field: str) -> str | None:
        column = self._columns[field]
        return next((row[column] for _, row in rows if row[column].strip()), None) if column >= 0 else None

    def roles(self, rows: Sequence[tuple[int, list[str]]]) -> dict[str, Role]:
        column = self._columns["role"]
        if column < 0:
            return {}
        said = dict.fromkeys((row[self._speaker], row[column]) for _, row in rows)
        roles: dict[str, Role] = {}
        for speaker, given in said:
            role = _role(given)
            if speaker.strip() and role is not Role.UNKNOWN:
                roles.setdefault(speaker, role)
        return roles


def _role(given: str) -> Role:
    try:
        return Role(given.strip().lower())
    except ValueError:
        return guess_role(given)


def _width_error(line: int, found: int, width: int) -> FormatError:
    what = f"Line {line} has {found} columns, the header has {width}."
    return FormatError(line, what, "Put quotation marks around a text that contains the delimiter.")


def _raise_all(errors: Sequence[FormatError]) -> None:
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise FormatErrors(errors)
