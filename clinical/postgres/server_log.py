"""The server's log: rotated when it starts, quoted where it does not (its settings keep clients' text out of it)."""

from __future__ import annotations

from pathlib import Path

from clinical.postgres.place import Place

_LARGEST = 10_000_000


def rotate(place: Place) -> None:
    if size_of(place.log) > _LARGEST:
        place.user.run("mv", "-f", place.log, place.log.with_suffix(".log.1"))


def size_of(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def read_from(path: Path, offset: int) -> str:
    if not path.exists():
        return ""
    with path.open("rb") as file:
        file.seek(offset)
        return file.read().decode(errors="replace")


def last_lines(text: str) -> str:
    return "\n".join(text.strip().splitlines()[-12:])
