"""What stands in the JSON columns of transcripts."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from transcripts.formats.base import Word
from transcripts.roles import Role


def read_words(value: Any) -> tuple[Word, ...]:
    """Word timings: [{"word", "start_ms", "end_ms", "confidence"}], the last three null where unknown."""
    return tuple(Word(one["word"], one["start_ms"], one["end_ms"], one["confidence"]) for one in value)


def write_words(words: tuple[Word, ...]) -> list[dict[str, Any]] | None:
    return [
        {"word": word.text, "start_ms": word.start_ms, "end_ms": word.end_ms, "confidence": word.confidence}
        for word in words
    ] or None


def read_import_errors(value: Any) -> tuple[tuple[int | None, str], ...]:
    """A refused file's errors: [{"line", "message"}], line null where no line is to blame."""
    return tuple((one["line"], str(one["message"])) for one in value)


def read_import_options(value: Any) -> dict[str, Any]:
    """What the user said of an uploaded file; empty for one that a command read.

    {"kind", "format", "occurred_at": ISO or null, "roles": {label: role}, "mapping": {field: column}}
    """
    if not value:
        return {}
    moment = value["occurred_at"]
    return {
        "kind": str(value["kind"]),
        "format": str(value["format"]),
        "occurred_at": datetime.fromisoformat(moment) if moment is not None else None,
        "roles": {str(label): Role(role) for label, role in value["roles"].items()},
        "mapping": {str(field): str(column) for field, column in value["mapping"].items()},
    }


def read_import_result(value: Any) -> tuple[tuple[str, bool, int], ...]:
    """The sources of a file that was taken in: [{"source": id, "created", "passages"}]."""
    return tuple((str(UUID(one["source"])), bool(one["created"]), int(one["passages"])) for one in value)
