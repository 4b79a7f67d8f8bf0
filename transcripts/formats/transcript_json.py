"""The transcript JSON of MyMind (X-01): a session with its speakers and segments, each with words."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from transcripts.formats.base import Conversation, Document
from transcripts.formats.gathering import Gathering
from transcripts.formats.json_text import JsonObject, is_object, label_of, list_of, string_of
from transcripts.formats.refusals import FormatError
from transcripts.formats.times import parse_instant, seconds_to_ms
from transcripts.formats.whisper import add_segment
from transcripts.roles import Role, guess_role

NAME = "x01"

_KEYS = "It needs session_id and segments[{id, start, end, text, speaker, confidence, words}]."


def sniff(document: Document) -> bool:
    found = document.json if document.looks_like_json else None
    return is_object(found) and "session_id" in found and list_of(found.get("segments")) is not None


def read(document: Document, *, mapping: Mapping[str, str]) -> Iterable[Conversation]:
    found = document.json
    segments = list_of(found.get("segments")) if is_object(found) else None
    if not is_object(found) or segments is None or "session_id" not in found:
        raise FormatError(None, "This is not a transcript JSON.", _KEYS)
    gathering = Gathering()
    for number, segment in enumerate(segments, start=1):
        add_segment(gathering, f"Segment {number}", segment)
    _check_speakers(gathering, found)
    _check_duration(gathering, found)
    return (
        gathering.conversation(
            external_id=label_of(found["session_id"]),
            title=string_of(found.get("title")),
            language=string_of(found.get("language")),
            occurred_at=_occurred_at(gathering, found),
            roles=_roles_of(found),
        ),
    )


def _occurred_at(gathering: Gathering, found: JsonObject) -> datetime | None:
    given = string_of(found.get("created_at"))
    if given is None:
        return None
    instant = parse_instant(given)
    if instant is None:
        gathering.warnings.add("created_at", "it is not an ISO 8601 time; it was left empty.")
    return instant


def _names_of(entry: object) -> list[str]:
    """A speaker is a string, or an object whose id, label or name the segments use."""
    if not is_object(entry):
        label = label_of(entry)
        return [] if label is None else [label]
    found = (label_of(entry.get(key)) for key in ("id", "label", "speaker", "name"))
    return [label for label in found if label is not None]


def _roles_of(found: JsonObject) -> dict[str, Role]:
    roles = {}
    for entry in list_of(found.get("speakers")) or ():
        role = guess_role(string_of(entry.get("role")) or "") if is_object(entry) else Role.UNKNOWN
        if role is not Role.UNKNOWN:
            roles.update(dict.fromkeys(_names_of(entry), role))
    spoken = {label_of(segment.get("speaker")) for segment in list_of(found["segments"]) or () if is_object(segment)}
    return {label: role for label, role in roles.items() if label in spoken}


def _check_speakers(gathering: Gathering, found: JsonObject) -> None:
    entries = list_of(found.get("speakers"))
    if not entries:
        return
    listed = {label for entry in entries for label in _names_of(entry)}
    unlisted = {each.speaker for each in gathering.utterances if each.speaker is not None} - listed
    if unlisted:
        gathering.warnings.add("Speakers", f"{len(unlisted)} of the segments' speakers are not in the list.")


def _check_duration(gathering: Gathering, found: JsonObject) -> None:
    duration_ms = seconds_to_ms(found.get("duration"))
    times = [each.end_ms or each.start_ms or 0 for each in gathering.utterances]
    if duration_ms is not None and times and max(times) > duration_ms + 1000:
        gathering.warnings.add("Duration", "segments go on after the end that the duration gives.")
