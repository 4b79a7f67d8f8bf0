"""Anamnesis's own JSON export: lossless, and read back as it was written."""

import json
from collections.abc import Iterable, Mapping

from transcripts.formats.base import Conversation, Document, Transcript
from transcripts.formats.gathering import Gathering
from transcripts.formats.json_text import JsonObject, is_object, label_of, list_of, string_of
from transcripts.formats.refusals import FormatError
from transcripts.formats.times import parse_instant
from transcripts.roles import Role

NAME = "json"

_KEYS = "It needs passages[{sequence, speaker, role, start_ms, end_ms, text, confidence}]."


def sniff(document: Document) -> bool:
    found = document.json if document.looks_like_json else None
    return is_object(found) and list_of(found.get("passages")) is not None


def read(document: Document, *, mapping: Mapping[str, str]) -> Iterable[Conversation]:
    found = document.json
    passages = list_of(found.get("passages")) if is_object(found) else None
    if not is_object(found) or passages is None:
        raise FormatError(None, "This is not a JSON export of Anamnesis.", _KEYS)
    gathering, roles = Gathering(), dict[str, Role]()
    for number, passage in _in_sequence(passages):
        _add(gathering, f"Passage {number}", passage, roles)
    given = string_of(found.get("occurred_at"))
    return (
        gathering.conversation(
            external_id=label_of(found.get("external_id")),
            title=string_of(found.get("title")),
            language=string_of(found.get("language")),
            occurred_at=parse_instant(given) if given else None,
            roles=roles,
        ),
    )


def write(transcript: Transcript) -> str:
    found = {
        "id": transcript.id,
        "external_id": transcript.external_id,
        "title": transcript.title,
        "kind": transcript.kind,
        "occurred_at": transcript.occurred_at.isoformat() if transcript.occurred_at else None,
        "passages": [
            {
                "sequence": passage.sequence,
                "speaker": passage.speaker,
                "role": passage.role.value,
                "start_ms": passage.start_ms,
                "end_ms": passage.end_ms,
                "text": passage.text,
                "confidence": passage.confidence,
            }
            for passage in transcript.passages
        ],
    }
    return json.dumps(found, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def _in_sequence(passages: list[object]) -> list[tuple[int, JsonObject]]:
    """With their place in the file; ordered by `sequence` where every passage has one."""
    found = []
    for number, passage in enumerate(passages, start=1):
        if not is_object(passage) or not isinstance(passage.get("text"), str):
            raise FormatError(None, f"Passage {number} has no text.", _KEYS)
        found.append((number, passage))
    sequences = [passage.get("sequence") for _, passage in found]
    if all(type(sequence) is int for sequence in sequences):
        found.sort(key=lambda each: int(str(each[1]["sequence"])))
    return found


def _add(gathering: Gathering, place: str, passage: JsonObject, roles: dict[str, Role]) -> None:
    speaker = label_of(passage.get("speaker"))
    confidence = passage.get("confidence")
    gathering.add(
        place,
        str(passage["text"]),
        speaker,
        _ms(gathering, place, passage, "start_ms"),
        _ms(gathering, place, passage, "end_ms"),
        # Bounded first: a NaN or a number of 400 digits is then merely out of range.
        float(min(2, max(-1, confidence))) if isinstance(confidence, int | float) else None,
    )
    role = _role(gathering, place, passage)
    if speaker is not None and role is not Role.UNKNOWN:
        roles.setdefault(speaker, role)


def _ms(gathering: Gathering, place: str, passage: JsonObject, key: str) -> int | None:
    value = passage.get(key)
    if value is None or type(value) is int:
        return value
    gathering.warnings.add(place, f"{key} is not a whole number of milliseconds; it was left empty.")
    return None


def _role(gathering: Gathering, place: str, passage: JsonObject) -> Role:
    given = passage.get("role") or Role.UNKNOWN
    try:
        return Role(str(given))
    except ValueError:
        gathering.warnings.add(place, f"the role is none of {', '.join(Role)}; it was left unknown.")
        return Role.UNKNOWN
