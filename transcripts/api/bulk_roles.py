"""One role for a label over all sources of a client, and back again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction

from clinical.models import Client, User
from transcripts.models import Speaker
from transcripts.roles import Role
from transcripts.speaking import name_speaker


@dataclass(frozen=True, slots=True)
class RoleChange:
    speaker: UUID
    was: str
    now: str


def assign_role(client: Client, label: str, role: Role, *, by: User) -> list[RoleChange]:
    """Every speaker of the client with this label, as the files spell it, gets the role. Raises SpeakerRefused."""
    with transaction.atomic():
        speakers = Speaker.objects.visible_to(by).filter(client=client, label=label).exclude(role=role.value)
        changes = []
        for speaker in speakers.select_for_update(of=("self",), no_key=True):
            changes.append(RoleChange(speaker.pk, speaker.role, role.value))
            name_speaker(speaker, by=by, role=role)
        return changes


def restore_roles(changes: Iterable[RoleChange], *, by: User) -> list[RoleChange]:
    """Take `assign_role` back. Whose role somebody has changed since keeps it, and is not in the answer."""
    wanted = {change.speaker: change for change in changes}
    with transaction.atomic():
        restored = []
        speakers = Speaker.objects.visible_to(by).filter(pk__in=wanted)
        for speaker in speakers.select_for_update(of=("self",), no_key=True):
            change = wanted[speaker.pk]
            if speaker.role == change.now:
                name_speaker(speaker, by=by, role=Role(change.was))
                restored.append(RoleChange(speaker.pk, change.now, change.was))
        return restored
