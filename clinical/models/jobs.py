"""The row that is the outbox: work to do is written with the change that asks for it, and claimed from here."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Self, TypeVar
from uuid import UUID

from django.db import connection, models
from django.db.models import F, Q
from django.db.models.functions import Now

from clinical.models.base import Record, ScopedQuerySet

# Long enough for a machine that is busy, short enough that a killed worker's work is soon somebody else's.
LEASE = timedelta(seconds=60)
MAX_ATTEMPTS = 5
_GIVEN_UP = f"It was begun {MAX_ATTEMPTS} times, and each time the worker ended before it was done. Retry it."

_CLAIM = """
    UPDATE {table}
    SET state = 'running', attempts = attempts + 1, fence = fence + 1, lease_until = clock_timestamp() + %s,
        started_at = clock_timestamp(), finished_at = NULL, last_error = ''
    WHERE id = %s AND attempts < %s AND due_at <= clock_timestamp()
        AND (state = 'pending' OR (state = 'running' AND lease_until < clock_timestamp()))
    RETURNING *"""


class LeaseLost(Exception):
    """Somebody else has claimed, cancelled or finished this work: whatever was done for it is to be rolled back."""


_JobRow = TypeVar("_JobRow", bound="Job")


class JobQuerySet(ScopedQuerySet[_JobRow]):
    """Claims. The database's clock alone decides: the machines of workers need not agree on the time."""

    def claim(self, pk: UUID | str) -> _JobRow | None:
        """The row with its new fence, or None where it is done, not due, or in somebody's hands. One statement."""
        sql = _CLAIM.format(table=connection.ops.quote_name(self.model._meta.db_table))
        return next(iter(self.raw(sql, [LEASE, pk, MAX_ATTEMPTS])), None)

    def overdue(self) -> Self:
        """What nobody works on and somebody should: never begun, or begun by a worker that died."""
        waiting = Q(state=Job.State.PENDING, due_at__lte=Now())
        abandoned = Q(state=Job.State.RUNNING, lease_until__lt=Now())
        return self.filter(waiting | abandoned, attempts__lt=MAX_ATTEMPTS).order_by("due_at")

    def give_up(self) -> int:
        """What killed a worker with every attempt is failed, so that somebody sees it."""
        exhausted = Q(state=Job.State.PENDING) | Q(state=Job.State.RUNNING, lease_until__lt=Now())
        return self.filter(exhausted, attempts__gte=MAX_ATTEMPTS).update(
            state=Job.State.FAILED, finished_at=Now(), lease_until=None, last_error=_GIVEN_UP
        )


class Job(Record):
    """State, attempts, lease and fence of one piece of work.

    `last_error` holds a class and a safe message: never a word of what a client said.
    `fence` grows with each claim, so that a worker whose lease ran out cannot finish somebody else's attempt.
    """

    class State(models.TextChoices):
        HELD = "held"  # waits for a person's word: nobody claims it
        PENDING = "pending"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"
        CANCELLED = "cancelled"

    state = models.CharField(max_length=9, choices=State, default=State.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    fence = models.PositiveIntegerField(default=0)
    due_at = models.DateTimeField(db_default=Now())
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=500, blank=True)

    class Meta:
        abstract = True
        constraints = (
            models.CheckConstraint(
                condition=Q(state__in=["held", "pending", "running", "done", "failed", "cancelled"]),
                name="%(app_label)s_%(class)s_state_known",
            ),
            models.CheckConstraint(
                condition=~Q(state="failed") | ~Q(last_error=""), name="%(app_label)s_%(class)s_failed_says_why"
            ),
            models.CheckConstraint(
                condition=Q(finished_at__gte=F("started_at")), name="%(app_label)s_%(class)s_finished_after_start"
            ),
        )
        indexes = (
            # what a worker or the sweeper claims next
            models.Index(
                fields=["due_at"], condition=Q(state__in=["pending", "running"]), name="%(app_label)s_%(class)s_due"
            ),
        )

    def extend(self, **progress: Any) -> None:
        """Another lease, with how far it has come. Raises LeaseLost."""
        self._update_mine(lease_until=Now() + LEASE, **progress)

    def finish(self, **results: Any) -> None:
        """Done or failed, by the attempt that holds the fence: call it in the transaction of the results."""
        self._update_mine(**{"state": Job.State.DONE, "last_error": ""} | results, lease_until=None, finished_at=Now())

    def fail(self, reason: str, **results: Any) -> None:
        self.finish(state=Job.State.FAILED, last_error=reason[:500], **results)

    def release(self, reason: str) -> None:
        """This attempt did not succeed, another may: later each time, and failed when there were enough of them."""
        if self.attempts >= MAX_ATTEMPTS:
            self.fail(reason)
            return
        later = Now() + timedelta(seconds=15 * 2**self.attempts)
        self._update_mine(state=Job.State.PENDING, lease_until=None, due_at=later, last_error=reason[:500])

    def _update_mine(self, **fields: Any) -> None:
        mine = type(self)._default_manager.filter(pk=self.pk, fence=self.fence, state=Job.State.RUNNING)
        if not mine.update(**fields):
            raise LeaseLost
        for name, value in fields.items():
            if not hasattr(value, "resolve_expression"):
                setattr(self, name, value)

    @contextmanager
    def leased(self) -> Iterator[None]:
        """Keep the lease while the work is done, from a thread: reading a large file takes longer than a lease."""
        ended = threading.Event()
        keeper = threading.Thread(target=self._keep_lease, args=(ended,), daemon=True)
        keeper.start()
        try:
            yield
        finally:
            ended.set()
            keeper.join()

    def _keep_lease(self, ended: threading.Event) -> None:
        """Ends by itself when the lease is lost; the work itself learns of it when it saves something."""
        mine = type(self)._default_manager.filter(pk=self.pk, fence=self.fence, state=Job.State.RUNNING)
        try:
            while not ended.wait(LEASE.total_seconds() / 3) and mine.update(lease_until=Now() + LEASE):
                pass
        finally:
            connection.close()  # this thread's own
