"""A database of the bench's own: settings and durability of a new installation, removed at the end."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from clinical.postgres.embedded import Cluster
from tests.bench import Figure, Stopwatch, milliseconds


@dataclass(frozen=True, slots=True)
class Starts:
    """Seconds to the database's first answer, from nothing and when it runs already."""

    first: float
    again: float


@contextmanager
def running_database() -> Iterator[Starts]:
    """Start and migrate it; from here on Django's settings mean this database and no other."""
    folder = Path(tempfile.gettempdir(), f"anamnesis-bench-{os.getpid()}")
    os.environ["ANAMNESIS_DATA_DIR"] = str(folder)
    os.environ["SECRET_KEY"] = "only-for-measurements-" + "0123456789abcdefghijklmnopqrstuvwxyz" * 2
    cluster = Cluster(folder)
    os.environ["DATABASE_URL"] = ""  # ours, whatever .env says
    try:
        first, again = Stopwatch(), Stopwatch()
        with first.lap():
            cluster.ensure()
        with again.lap():
            cluster.ensure()
        _migrate()
        yield Starts(first.seconds, again.seconds)
    finally:
        _remove(folder)


def _migrate() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)


def _remove(folder: Path) -> None:
    """It ran as durable as any; only a throwaway one may be removed, so it is called one now."""
    from django.db import connections

    connections.close_all()
    Cluster(folder, throwaway=True).remove()
    with suppress(OSError):
        folder.rmdir()


def measure(starts: Starts) -> Iterator[Figure]:
    yield Figure("embedded server, first start", milliseconds(starts.first), target="< 10 s", holds=starts.first < 10)
    yield Figure(
        "embedded server, already running", milliseconds(starts.again), target="< 0.2 s", holds=starts.again < 0.2
    )
