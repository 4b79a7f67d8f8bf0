"""Sessions of care: when, who, what kind, and how far their transcript and analysis are."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar, Self

from django.db import models, transaction
from django.db.models import F, Max, Q
from django.db.models.functions import Coalesce
from django.utils import timezone

from clinical.models.base import Record, ScopedQuerySet
from clinical.models.people import Client, Member, User

if TYPE_CHECKING:
    from datetime import datetime


class IllegalTransition(ValueError):
    """A session cannot move from its present status to that one. Correct the status on the session itself."""


class Progress(models.TextChoices):
    """How far a step of the work is. Failed is failed: it is never shown as an empty result."""

    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"


class SessionQuerySet(ScopedQuerySet["Session"]):
    def for_client(self, client: Client) -> Self:
        return self.filter(client=client).order_by("number")

    def schedule(self, *, client: Client, start: datetime | None, **fields: object) -> Session:
        """A new session with the client's next number, taken under a lock on the client."""
        with transaction.atomic(savepoint=False):
            Client.objects.select_for_update(no_key=True).get(pk=client.pk)
            last = self.filter(client=client).aggregate(last=Max("number"))["last"] or 0
            return self.create(client=client, number=last + 1, scheduled_start=start, **fields)


class Session(Record):
    class Type(models.TextChoices):
        INDIVIDUAL = "individual"
        COUPLES = "couples"
        FAMILY = "family"
        GROUP = "group"
        CRISIS = "crisis"
        FOLLOW_UP = "follow_up"
        ASSESSMENT = "assessment"
        CONSULTATION = "consultation"

    class Status(models.TextChoices):
        SCHEDULED = "scheduled"
        IN_PROGRESS = "in_progress"
        COMPLETED = "completed"
        CANCELLED = "cancelled"
        NO_SHOW = "no_show"
        RESCHEDULED = "rescheduled"

    class Approach(models.TextChoices):
        COGNITIVE_BEHAVIORAL = "cognitive_behavioral"
        EMOTIONALLY_FOCUSED = "emotionally_focused"
        GOTTMAN_METHOD = "gottman_method"
        SOLUTION_FOCUSED = "solution_focused"
        NARRATIVE_THERAPY = "narrative_therapy"
        SYSTEMIC_THERAPY = "systemic_therapy"
        MINDFULNESS_BASED = "mindfulness_based"

    TRANSITIONS: ClassVar[dict[str, tuple[str, ...]]] = {
        Status.SCHEDULED: (
            Status.IN_PROGRESS,
            Status.COMPLETED,
            Status.CANCELLED,
            Status.NO_SHOW,
            Status.RESCHEDULED,
        ),
        Status.IN_PROGRESS: (Status.COMPLETED, Status.CANCELLED),
        Status.RESCHEDULED: (Status.SCHEDULED, Status.CANCELLED),
        Status.COMPLETED: (),
        Status.CANCELLED: (),
        Status.NO_SHOW: (),
    }

    client = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="sessions")
    number = models.PositiveIntegerField()
    title = models.CharField(max_length=255, blank=True)
    session_type = models.CharField(max_length=14, choices=Type, default=Type.INDIVIDUAL)
    status = models.CharField(max_length=12, choices=Status, default=Status.SCHEDULED)
    scheduled_start = models.DateTimeField(null=True, blank=True)
    scheduled_end = models.DateTimeField(null=True, blank=True)
    actual_start = models.DateTimeField(null=True, blank=True)
    actual_end = models.DateTimeField(null=True, blank=True)
    # when it was: every trend and every list by date orders by this, never by created_at
    occurred_at = models.GeneratedField(
        expression=Coalesce("actual_start", "scheduled_start"),
        output_field=models.DateTimeField(null=True),
        db_persist=True,
    )
    duration_minutes = models.PositiveIntegerField(null=True, blank=True)
    therapy_approach = models.CharField(max_length=24, choices=Approach, blank=True)
    interventions: models.ManyToManyField[Intervention, SessionIntervention] = models.ManyToManyField(
        "Intervention", through="SessionIntervention", related_name="sessions"
    )
    transcript_status = models.CharField(max_length=10, choices=Progress, default=Progress.PENDING)
    analysis_status = models.CharField(max_length=10, choices=Progress, default=Progress.PENDING)
    analysis_error = models.CharField(max_length=500, blank=True)

    objects = SessionQuerySet.as_manager()

    class Meta:
        ordering = ("client", "number")
        constraints = (
            models.UniqueConstraint(fields=["client", "number"], name="clinical_session_number_unique"),
            # the pair that a child row's composite foreign key points at
            models.UniqueConstraint(fields=["id", "client"], name="clinical_session_of_client"),
            models.CheckConstraint(condition=Q(number__gte=1), name="clinical_session_number_from_one"),
            models.CheckConstraint(
                condition=Q(scheduled_end__gte=F("scheduled_start")),
                name="clinical_session_scheduled_end_after_start",
                violation_error_message="A session's planned end is not before its start.",
            ),
            models.CheckConstraint(
                condition=Q(actual_end__gte=F("actual_start")),
                name="clinical_session_actual_end_after_start",
                violation_error_message="A session ends at or after its start.",
            ),
            models.CheckConstraint(
                condition=Q(
                    session_type__in=[
                        "individual",
                        "couples",
                        "family",
                        "group",
                        "crisis",
                        "follow_up",
                        "assessment",
                        "consultation",
                    ]
                ),
                name="clinical_session_type_known",
            ),
            models.CheckConstraint(
                condition=Q(
                    status__in=["scheduled", "in_progress", "completed", "cancelled", "no_show", "rescheduled"]
                ),
                name="clinical_session_status_known",
            ),
            models.CheckConstraint(
                condition=Q(
                    therapy_approach__in=[
                        "",
                        "cognitive_behavioral",
                        "emotionally_focused",
                        "gottman_method",
                        "solution_focused",
                        "narrative_therapy",
                        "systemic_therapy",
                        "mindfulness_based",
                    ]
                ),
                name="clinical_session_approach_known",
            ),
            models.CheckConstraint(
                condition=Q(transcript_status__in=Progress.values) & Q(analysis_status__in=Progress.values),
                name="clinical_session_progress_known",
            ),
            models.CheckConstraint(
                condition=~Q(analysis_status="failed") | ~Q(analysis_error=""),
                name="clinical_session_failed_analysis_says_why",
            ),
        )
        indexes = (
            # a client's sessions by date, newest first
            models.Index("client", F("occurred_at").desc(nulls_last=True), name="clinical_session_by_date"),
            # the practice's calendar
            models.Index(fields=["scheduled_start"], name="clinical_session_scheduled"),
            # what is planned, running, missed
            models.Index(fields=["client", "status"], name="clinical_session_by_status"),
            # sessions of one kind and approach
            models.Index(fields=["client", "session_type", "therapy_approach"], name="clinical_session_by_approach"),
        )

    def __str__(self) -> str:
        return f"Session {self.number}"

    @property
    def duration(self) -> timedelta | None:
        """Between actual start and end; None until both are known."""
        if self.actual_start is None or self.actual_end is None:
            return None
        return self.actual_end - self.actual_start

    def move_to(self, status: str) -> None:
        """Change the status if that is legal, also against somebody who changes it at the same moment.

        Completing fills the duration from the actual times where nobody has entered one.
        """
        if status not in self.TRANSITIONS[self.status]:
            raise IllegalTransition(f"A session that is {self.status} cannot become {status}.")
        if status == self.Status.COMPLETED and self.duration_minutes is None and self.duration is not None:
            self.duration_minutes = round(self.duration.total_seconds() / 60)
        now = timezone.now()
        moved = Session.objects.filter(pk=self.pk, status=self.status).update(
            status=status, duration_minutes=self.duration_minutes, updated_at=now
        )
        if not moved:
            raise IllegalTransition("Somebody changed this session in the meantime: load it again.")
        self.status, self.updated_at = status, now


class Attendance(Record):
    """Who was in a session and as what; a person is a member of the client, or a user of the practice."""

    class Role(models.TextChoices):
        CLIENT = "client"
        PARTNER = "partner"
        FAMILY = "family"
        THERAPIST = "therapist"
        SUPERVISOR = "supervisor"
        OBSERVER = "observer"

    client = models.ForeignKey(Client, on_delete=models.PROTECT, db_constraint=False, related_name="+")
    session = models.ForeignKey(Session, on_delete=models.CASCADE, db_constraint=False, related_name="attendances")
    role = models.CharField(max_length=10, choices=Role)
    member = models.ForeignKey(
        Member, on_delete=models.PROTECT, db_constraint=False, null=True, blank=True, related_name="attendances"
    )
    user = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="attendances")
    attended = models.BooleanField(null=True, help_text="Empty until somebody says.")

    objects = ScopedQuerySet["Attendance"].as_manager()

    class Meta:
        ordering = ("id",)
        constraints = (
            models.UniqueConstraint(
                fields=["session", "role", "member", "user"],
                nulls_distinct=False,
                name="clinical_attendance_once",
            ),
            models.CheckConstraint(condition=Q(member=None) | Q(user=None), name="clinical_attendance_one_person"),
            models.CheckConstraint(
                condition=Q(role__in=["client", "partner", "family", "therapist", "supervisor", "observer"]),
                name="clinical_attendance_role_known",
            ),
        )

    def __str__(self) -> str:
        return self.get_role_display()


class Intervention(Record):
    """A technique a session used, by name. Common to the practice: it says nothing of a client."""

    name = models.CharField(max_length=120, unique=True)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class SessionIntervention(Record):
    client = models.ForeignKey(Client, on_delete=models.PROTECT, db_constraint=False, related_name="+")
    session = models.ForeignKey(Session, on_delete=models.CASCADE, db_constraint=False)
    intervention = models.ForeignKey(Intervention, on_delete=models.PROTECT)

    objects = ScopedQuerySet["SessionIntervention"].as_manager()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["session", "intervention"], name="clinical_sessionintervention_once"),
        )

    def __str__(self) -> str:
        return str(self.intervention_id)
