"""JSON as people's tools write it, and a plain refusal where it is none. Pure."""

import json
from typing import TypeGuard

from transcripts.formats.refusals import FormatError

JsonObject = dict[str, object]


def parse_json(text: str) -> object:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        # The decoder's message names what it expected, never what it found.
        what = f"Not valid JSON: {error.msg} (column {error.colno})."
        raise FormatError(error.lineno, what, "Export the file again; it may be cut off.") from error
    except RecursionError as error:
        what = "The JSON is nested too deeply."
        raise FormatError(None, what, "A transcript has a few levels; check the file.") from error
    except ValueError as error:  # a number of thousands of digits
        raise FormatError(None, "The JSON holds a number that is too long.", "Check the times in the file.") from error


def is_object(value: object) -> TypeGuard[JsonObject]:
    return isinstance(value, dict)


def list_of(value: object) -> list[object] | None:
    return value if isinstance(value, list) else None


def label_of(value: object) -> str | None:
    """A speaker as JSON has it: a string, or a number as some diarisers write it."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return str(value)


def string_of(value: object) -> str | None:
    """A non-blank string, or None."""
    return value if isinstance(value, str) and value.strip() else None
