"""The row that is the outbox: work to do is written with the change that asks for it, and claimed from here."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from clinical.models.base import Record


class Job(Record):
    """State, attempts, lease and fence of one piece of work.

    `last_error` holds a class and a safe message: never a word of what a client said.
    `fence` grows with each claim, so that a worker whose lease ran out cannot finish somebody else's attempt.
    """

    class State(models.TextChoices):
        PENDING = "pending"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"

    state = models.CharField(max_length=8, choices=State, default=State.PENDING)
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
                condition=Q(state__in=["pending", "running", "done", "failed"]),
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
