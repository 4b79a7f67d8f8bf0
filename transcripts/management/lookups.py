"""Rows that commands are given by id."""

from __future__ import annotations

from uuid import UUID

from django.core.management.base import CommandError

from clinical.models import User
from transcripts.models import Source


def find_source(given: str, actor: User) -> Source:
    """The source with this id; what the actor may not see is as unknown as what is not there."""
    try:
        found = Source.objects.visible_to(actor).filter(pk=UUID(given)).first()
    except ValueError:
        raise CommandError(f"“{given}” is not the id of a source. import_sources --json prints the ids.") from None
    if found is None:
        raise CommandError(f"There is no source {given} that you may see.")
    return found
