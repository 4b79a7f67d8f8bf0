"""JSON as the API takes it: what the database cannot hold, or what is there to hurt, is a 400 and never a 500."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import orjson
from django.conf import settings
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ParseError
from rest_framework.parsers import BaseParser
from rest_framework.renderers import JSONRenderer

from clinical.api.errors import Problem, Refused

MAX_DEPTH = 32
MAX_KEYS = 10_000
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_INTEGERS = range(-(2**63), 2**63)


class _Unfit(ValueError):
    """The document is no JSON that the API takes; the message says why."""


class StrictJSONParser(BaseParser):
    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        limit: int = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        raw: bytes = stream.read(limit + 1)
        if len(raw) > limit:
            said = f"The request has more than {limit:,} bytes."
            raise Refused(Problem(413, "too_large", said, "Send less at once; files go to /api/v1/imports/."))
        try:
            return read_json(raw.decode("utf-8"))
        except _Unfit as error:
            raise ParseError(str(error)) from error
        except UnicodeDecodeError as error:
            raise ParseError("The request is not UTF-8.") from error


def read_json(text: str) -> Any:
    """Raises ValueError for what is no JSON, or JSON with NUL, lone surrogates, NaN, huge numbers, deep nesting."""
    try:
        value = json.loads(
            text, object_pairs_hook=_object, parse_constant=_refuse_constant, parse_float=_float, parse_int=_int
        )
    except RecursionError as error:
        raise _Unfit(f"The JSON is nested more than {MAX_DEPTH} deep.") from error
    except json.JSONDecodeError as error:
        raise _Unfit(f"This is no JSON: {error.msg}, line {error.lineno}, column {error.colno}.") from error
    check_fit(value)
    return value


def check_fit(value: Any) -> None:
    """Raises ValueError where the database or the answer could not hold the value."""
    waiting: list[tuple[Any, int]] = [(value, 1)]
    keys = 0
    while waiting:
        one, depth = waiting.pop()
        if depth > MAX_DEPTH:
            raise _Unfit(f"The JSON is nested more than {MAX_DEPTH} deep.")
        if isinstance(one, str) and _UNSTORABLE.search(one):
            raise _Unfit("A text has a NUL or half of a surrogate pair in it.")
        if isinstance(one, dict):
            keys += len(one)
            waiting += [(inner, depth + 1) for pair in one.items() for inner in pair]
        elif isinstance(one, list):
            waiting += [(inner, depth + 1) for inner in one]
        if keys > MAX_KEYS:
            raise _Unfit(f"The JSON has more than {MAX_KEYS:,} keys.")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _Unfit("An object has the same key twice.")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise _Unfit(f"{name} is no number of JSON.")


def _float(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise _Unfit("A number is too large.")
    return number


def _int(digits: str) -> int:
    if len(digits) > 20 or int(digits) not in _INTEGERS:
        raise _Unfit("A whole number is too large.")
    return int(digits)


class SafeJSONField(serializers.JSONField):
    """A JSON value, read by its column's own shape. In a form it is a text with JSON in it."""

    def __init__(self, *, shape: Callable[[Any], Any] | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.shape = shape

    def to_internal_value(self, data: Any) -> Any:
        try:
            value = read_json(data) if getattr(data, "is_json_string", False) else data
            check_fit(value)
            if self.shape is not None:
                self.shape(value)
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            raise serializers.ValidationError([ErrorDetail(str(error), code="invalid")]) from error
        return value


class FastJSONRenderer(JSONRenderer):
    """orjson: rows of `values()` go out as they come from the database, uuids and times included."""

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        if data is None:
            return b""
        try:
            return orjson.dumps(data, default=str, option=orjson.OPT_UTC_Z)
        except TypeError:  # a number past 64 bits that some file or form has brought into a JSON column
            rendered: bytes = super().render(data, accepted_media_type, renderer_context)
            return rendered
