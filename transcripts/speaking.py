"""Who is who in a source: rename, give a role, merge, and take each of it back. Passages never change."""

from __future__ import annotations

from django.db import transaction

from clinical.access import Action
from clinical.models import User
from transcripts.models import Speaker
from transcripts.roles import Role


class SpeakerRefused(ValueError):
    """This change of a speaker cannot be made. The message says why."""


def name_speaker(speaker: Speaker, *, by: User, name: str | None = None, role: Role | None = None) -> Speaker:
    """Another shown name, another role, or both. The label as in the file stays; an empty name shows it again."""
    _check(by)
    if name is not None:
        speaker.name = name.strip()[:255]
    if role is not None:
        speaker.role = role.value
    speaker.save(update_fields=["name", "role"])
    return speaker


def merge_speakers(speaker: Speaker, into: Speaker, *, by: User) -> Speaker:
    """From now on both count as one person: for reading, talk metrics and analysis."""
    _check(by)
    with transaction.atomic():
        locked = {one.pk: one for one in Speaker.objects.select_for_update().filter(source=speaker.source_id)}
        merged, target = locked.get(speaker.pk), locked.get(into.pk)
        if merged is None or target is None:
            raise SpeakerRefused("Only speakers of one source can be merged.")
        if merged == target:
            raise SpeakerRefused("A speaker cannot be merged into itself.")
        if target.merged_into_id is not None:
            raise SpeakerRefused("That speaker is merged into another one itself: choose the other one.")
        if any(one.merged_into_id == merged.pk for one in locked.values()):
            raise SpeakerRefused("Others are merged into this speaker: separate them first.")
        merged.merged_into = target
        merged.save(update_fields=["merged_into"])
        return merged


def separate_speaker(speaker: Speaker, *, by: User) -> Speaker:
    """Undo a merge."""
    _check(by)
    speaker.merged_into = None
    speaker.save(update_fields=["merged_into"])
    return speaker


def _check(by: User) -> None:
    if not by.may(Action.REVIEW):
        raise SpeakerRefused(f"{by.email} ({by.role}) may not change speakers.")
