"""Analysis by a worker, and the sweep that finds what no message tells of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID

from celery import shared_task
from django.db import connection, transaction
from django.db.models import Count, Max, Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from clinical.broker import has_workers, wake
from clinical.models import User
from clinical.models.jobs import LEASE, MAX_ATTEMPTS
from insights.analysis import analyse, due
from insights.analyzers.reading import VERSION
from insights.models import AnalysisRun
from transcripts.models import ImportJob, Source
from transcripts.uploading import sweep_uploads

_MOST_WOKEN = 200  # in one sweep; the next one finds the rest
_DIED = "The worker ended while it read this source."


@shared_task(name="insights.analyse_source")
def analyse_source(source_id: str) -> None:
    """Read one source if it is due. The claim is the row lock of the analysis; the row here tells of a death."""
    source = due(Source.objects.filter(pk=source_id)).first()
    if source is not None:
        with _attempt(source):
            analyse(actor=User.objects.local(), source=source)


@shared_task(name="insights.sweep")
def sweep() -> None:
    """Wake workers for what is due and nobody works on; say of what kills its workers that it failed."""
    with transaction.atomic():
        if not _is_only_sweep():
            return
        ImportJob.objects.give_up()
        _bury_dead_runs()
        imports = list(ImportJob.objects.overdue().values_list("pk", flat=True)[:_MOST_WOKEN])
        sources = list(overdue_sources(Source.objects.all()).values_list("pk", flat=True)[:_MOST_WOKEN])
    _wake_each("transcripts.import_upload", imports, queue="imports")
    _wake_each("insights.analyse_source", sources, queue="analysis")
    sweep_uploads()


def wake_analysis(sources: Sequence[UUID | str], *, finish: bool) -> None:
    """After an import (settings.AFTER_IMPORT). Without workers the reading is done here and now where `finish` asks
    for it; else `manage.py analyse` or the first sweep of a worker finds the sources, which are due all the same."""

    def wake_or_finish() -> None:
        fresh = due(Source.objects.filter(pk__in=sources))
        if has_workers():
            _wake_each("insights.analyse_source", fresh.values_list("pk", flat=True), queue="analysis")
        elif finish:
            for source in fresh:
                analyse(actor=User.objects.local(), source=source)

    transaction.on_commit(wake_or_finish, robust=True)


def overdue_sources(sources: QuerySet[Source, Source]) -> QuerySet[Source, Source]:
    """Due, nobody reads them, and not failed too often or just now: after each failure it rests twice as long."""
    of_these_analyzers = Q(analysis_runs__analyzer_version=VERSION)
    failed = of_these_analyzers & Q(analysis_runs__state=AnalysisRun.State.FAILED)
    running = Q(analysis_runs__state=AnalysisRun.State.RUNNING)
    counted = due(sources).annotate(
        failures=Count("analysis_runs", filter=failed),
        failed_at=Max("analysis_runs__finished_at", filter=failed),
        reading=Count("analysis_runs", filter=running),
    )
    rested = Q(failures=0)
    for failures in range(1, MAX_ATTEMPTS):
        rested |= Q(failures=failures, failed_at__lt=Now() - timedelta(seconds=15 * 2**failures))
    return counted.filter(rested, reading=0)


def _wake_each(task: str, ids: Iterable[UUID], *, queue: str) -> None:
    """Up to the first that no broker takes: each costs seconds while it is away."""
    all(wake(task, one, queue=queue) for one in ids)


@contextmanager
def _attempt(source: Source) -> Iterator[None]:
    """A running row while a worker reads. It is gone with the end: what came of it has a row of its own."""
    run = AnalysisRun.objects.create(
        client_id=source.client_id,
        source=source,
        analyzer_version=VERSION,
        state=AnalysisRun.State.RUNNING,
        attempts=1,
        fence=1,
        started_at=timezone.now(),
        lease_until=timezone.now() + LEASE,
    )
    try:
        with run.leased():
            yield
    finally:
        AnalysisRun.objects.filter(pk=run.pk).delete()


def _bury_dead_runs() -> None:
    dead = AnalysisRun.objects.filter(state=AnalysisRun.State.RUNNING, lease_until__lt=Now())
    dead.update(state=AnalysisRun.State.FAILED, finished_at=Now(), lease_until=None, last_error=_DIED)


def _is_only_sweep() -> bool:
    """Two machines with a beat each sweep once."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtext('anamnesis.sweep'))")
        return bool(cursor.fetchone()[0])
