"""Waking a worker: a message that carries a task's name and ids, after the change that asks for the work is committed.

The row is the outbox: a message that is lost, doubled or late costs seconds (until the sweeper looks), never work.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, cast

from django.conf import settings
from django.utils.module_loading import import_string

from clinical.valkey import server_for

if TYPE_CHECKING:
    from uuid import UUID

    from celery import Celery

log = logging.getLogger(__name__)


def has_workers() -> bool:
    """Whether work may be left to workers: those of a configured broker, or the one that runs on this machine."""
    return settings.CELERY_BROKER_URL is not None or server_for(settings.ANAMNESIS_DATA_DIR).serves_worker()


def wake(task: str, *ids: UUID | str, queue: str) -> bool:
    """False, and never an error, for a broker that is away: who asked for the work has it in a row already."""
    app = cast("Celery", import_string(settings.CELERY_APP))
    try:
        app.send_task(task, args=[str(one) for one in ids], queue=f"anamnesis.{queue}")
    except Exception as error:  # every transport raises its own; the next sweep finds the row
        log.warning("No broker took %s: %s. The sweeper will.", task, type(error).__name__)
        return False
    return True
