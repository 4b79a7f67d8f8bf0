"""What stands in the JSON columns of transcripts."""

from __future__ import annotations

from typing import Any

from transcripts.formats.base import Word


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
