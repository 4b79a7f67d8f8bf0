"""Rows of a part of a CSV text, with the physical line and the offset where each stands. Pure."""

import csv
from collections.abc import Iterator

# A field may be as long as the file; one that was never closed is reported by the strict mode.
csv.field_size_limit(2**31 - 1)


class _Lines:
    """The lines of a part of the text, for csv.reader, which says nothing of where it stands."""

    def __init__(self, text: str, start: int, stop: int) -> None:
        self._text, self.offset, self._stop = text, start, stop

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        start = self.offset
        if start >= self._stop:
            raise StopIteration
        self.offset = self._text.find("\n", start) + 1 or self._stop
        return self._text[start : self.offset]


def read_rows(text: str, start: int, stop: int, line: int, delimiter: str) -> Iterator[tuple[int, int, int, list[str]]]:
    """(first line, offset of the next row, its line, cells); blank lines are left out."""
    lines = _Lines(text, start, stop)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    first = line
    for row in reader:
        following = line + reader.line_num
        if row:
            yield first, lines.offset, following, row
        first = following
