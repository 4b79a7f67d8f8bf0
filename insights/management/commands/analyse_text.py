"""Analyse texts given on stdin, without any database."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from itertools import islice
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from insights.analyzers.base import Finding, Segment
from insights.analyzers.reading import ANALYZERS, SegmentReading, read_segments
from transcripts.languages import detect
from transcripts.roles import Role

_BATCH = 256


class Command(BaseCommand):
    help = (
        'Reads JSON lines {"id", "text", "role", "prev_text", "prev_role"} from stdin and writes one JSON line each, '
        "in the same order: language, sentiment, emotions, keywords, findings. Touches no database."
    )
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        analyzers = [{"name": one.name, "version": one.version} for one in ANALYZERS]
        lines = ((number, line) for number, line in enumerate(sys.stdin.buffer, 1) if line.strip())
        for batch in _batches(lines):
            asked = [_parse(number, line) for number, line in batch]
            readings = read_segments([segment for _, segment in asked])
            for (given_id, _), reading in zip(asked, readings, strict=True):
                # In ASCII: no reader then cuts a line at U+2028, and a lone surrogate in an id comes back as it was.
                self.stdout.write(json.dumps(_answer(given_id, reading, analyzers)))


def _batches(lines: Iterator[tuple[int, bytes]]) -> Iterator[list[tuple[int, bytes]]]:
    while batch := list(islice(lines, _BATCH)):
        yield batch


def _parse(number: int, line: bytes) -> tuple[Any, Segment]:
    try:
        given = json.loads(line)
        json.dumps(given.get("id") if isinstance(given, dict) else None, allow_nan=False)  # Python alone reads NaN
    except (ValueError, RecursionError) as error:
        raise CommandError(f"Line {number} is not JSON: {error}. Give one object a line.") from None
    if not isinstance(given, dict) or not isinstance(given.get("text"), str):
        raise CommandError(f"Line {number} has no “text”. Give one object a line, with at least id and text.")
    previous = given.get("prev_text")
    if previous is not None and not isinstance(previous, str):
        raise CommandError(f"Line {number}: “prev_text” is a text or null.")
    text = _clean(given["text"])
    role, previous_role = _role(number, given, "role"), _role(number, given, "prev_role")
    previous = None if previous is None else _clean(previous)
    segment = Segment(text, role, previous, None if previous is None else previous_role, detect(text))
    return given.get("id"), segment


def _clean(text: str) -> str:
    """A lone surrogate is no character and could not be written again; positions stay the same."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _role(number: int, given: dict[str, Any], name: str) -> Role:
    value = given.get(name)
    if value is None:
        return Role.UNKNOWN
    try:
        return Role(value)
    except ValueError:
        roles = ", ".join(role.value for role in Role)
        raise CommandError(f"Line {number}: “{name}” is one of {roles}, or null.") from None


def _answer(given_id: Any, reading: SegmentReading, analyzers: list[dict[str, str]]) -> dict[str, Any]:
    return {
        "id": given_id,
        "language": reading.language,
        "sentiment": reading.sentiment,
        "emotions": None,  # nobody assesses them yet, and that is what null says
        "keywords": [{"term": one.label, "score": one.score, "spans": one.spans} for one in reading.keywords],
        "findings": [_finding(one) for one in reading.findings],
        "analyzers": analyzers,
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "kind": finding.kind,
        "label": finding.label,
        "urgent": finding.urgent,
        "status": finding.status,
        "attributes": dict(finding.attributes),
        "spans": finding.spans,
        "score": finding.score,
    }
