"""Insights with the evidence they rest on, and what clinicians decided about them."""

from __future__ import annotations

import hashlib

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from clinical.identifiers import uuid7
from clinical.models.base import Record, ScopedQuerySet, ShapedJSONField
from clinical.models.people import Client, User
from clinical.models.sessions import Session
from insights.models.shapes import CrisisAttributes, read_recommendations
from transcripts.models import Passage, Source


class Insight(Record):
    """Something the words of a source say, stated only with evidence: without a passage and a span behind it,
    the database refuses any status but draft.

    NULL severity and confidence are "not assessed". `fingerprint` names the same statement over the same words,
    so that a second run adds nothing and a decided insight is not asked again.
    """

    class Kind(models.TextChoices):
        CRISIS = "crisis"

    class Status(models.TextChoices):
        DRAFT = "draft"
        PUBLISHED = "published"
        ACCEPTED = "accepted"
        EDITED = "edited"
        DISMISSED = "dismissed"
        SUPERSEDED = "superseded"

    class Method(models.TextChoices):
        RULES = "rules"
        PERSON = "person"

    class Severity(models.TextChoices):
        NONE = "none"
        LOW = "low"
        MODERATE = "moderate"
        HIGH = "high"
        CRITICAL = "critical"

    class Priority(models.TextChoices):
        LOW = "low"
        MEDIUM = "medium"
        HIGH = "high"
        URGENT = "urgent"

    client = models.ForeignKey(Client, on_delete=models.PROTECT, db_constraint=False, related_name="insights")
    source = models.ForeignKey(Source, on_delete=models.CASCADE, db_constraint=False, related_name="insights")
    session = models.ForeignKey(
        Session, on_delete=models.PROTECT, db_constraint=False, null=True, blank=True, related_name="insights"
    )
    kind = models.CharField(max_length=30, choices=Kind)
    label = models.CharField(max_length=60)
    title = models.CharField(max_length=255)
    description = models.TextField(blank=True)
    method = models.CharField(max_length=10, choices=Method)
    confidence = models.FloatField(null=True, blank=True)
    severity = models.CharField(max_length=10, choices=Severity, null=True, blank=True)  # noqa: DJ001 - NULL: not assessed
    priority = models.CharField(max_length=6, choices=Priority, default=Priority.MEDIUM)
    status = models.CharField(max_length=10, choices=Status, default=Status.DRAFT)
    attributes = ShapedJSONField(shape=CrisisAttributes.read, default=dict, blank=True)
    recommendations = ShapedJSONField(shape=read_recommendations, default=list, blank=True)
    analyzer_version = models.CharField(max_length=12, blank=True)
    fingerprint = models.CharField(max_length=64)

    objects = ScopedQuerySet["Insight"].as_manager()

    class Meta:
        ordering = ("-id",)
        constraints = (
            models.UniqueConstraint(
                fields=["source", "fingerprint"],
                condition=~Q(status="superseded"),
                name="insights_insight_stated_once",
            ),
            # the pair that a child row's composite foreign key points at
            models.UniqueConstraint(fields=["id", "client"], name="insights_insight_of_client"),
            models.CheckConstraint(
                condition=Q(confidence__gte=0, confidence__lte=1), name="insights_insight_confidence_in_range"
            ),
            models.CheckConstraint(condition=Q(kind__in=["crisis"]), name="insights_insight_kind_known"),
            models.CheckConstraint(
                condition=Q(status__in=["draft", "published", "accepted", "edited", "dismissed", "superseded"]),
                name="insights_insight_status_known",
            ),
            models.CheckConstraint(
                condition=Q(severity__in=["none", "low", "moderate", "high", "critical"]),
                name="insights_insight_severity_known",
            ),
            models.CheckConstraint(
                condition=Q(priority__in=["low", "medium", "high", "urgent"]), name="insights_insight_priority_known"
            ),
            models.CheckConstraint(condition=Q(method__in=["rules", "person"]), name="insights_insight_method_known"),
        )
        indexes = (
            # what waits for a decision, most urgent first
            models.Index(
                fields=["client", "priority"], condition=Q(status="published"), name="insights_insight_waiting"
            ),
            # a session's insights of one kind
            models.Index(fields=["session", "kind"], name="insights_insight_of_session"),
            # a client's insights by kind and severity
            models.Index(fields=["client", "kind", "severity"], name="insights_insight_by_severity"),
        )

    def __str__(self) -> str:
        return self.title


class Evidence(models.Model):
    """The words an insight rests on: a half-open span of code points in a passage's text.

    The database holds that the span lies inside the text and that `quote_sha256` is the hash of its words.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    client = models.ForeignKey(Client, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="+")
    insight = models.ForeignKey(Insight, on_delete=models.CASCADE, db_constraint=False, related_name="evidence")
    passage = models.ForeignKey(Passage, on_delete=models.CASCADE, related_name="evidence")
    char_start = models.PositiveIntegerField()
    char_end = models.PositiveIntegerField()
    quote_sha256 = models.CharField(max_length=64)

    objects = ScopedQuerySet["Evidence"].as_manager()

    class Meta:
        ordering = ("id",)
        constraints = (
            models.CheckConstraint(condition=Q(char_end__gt=F("char_start")), name="insights_evidence_span_not_empty"),
            models.UniqueConstraint(
                fields=["insight", "passage", "char_start", "char_end"], name="insights_evidence_once"
            ),
        )

    def __str__(self) -> str:
        return f"{self.char_start}-{self.char_end}"

    @property
    def quote(self) -> str:
        return self.passage.text[self.char_start : self.char_end]


def hash_quote(text: str, start: int, end: int) -> str:
    return hashlib.sha256(text[start:end].encode()).hexdigest()


class Review(Record):
    """One decision of a clinician about one insight. An edit keeps the machine's words and the clinician's."""

    class Decision(models.TextChoices):
        ACCEPTED = "accepted"
        EDITED = "edited"
        DISMISSED = "dismissed"
        UNDONE = "undone"

    class Reason(models.TextChoices):
        NOT_SUPPORTED = "not_supported", "not supported by the text"
        WRONG_SPEAKER = "wrong_speaker", "wrong speaker"
        NOT_APT = "not_apt", "clinically not apt"
        ALREADY_KNOWN = "already_known", "already known"
        OTHER = "other", "other"

    client = models.ForeignKey(Client, on_delete=models.PROTECT, db_constraint=False, related_name="+")
    insight = models.ForeignKey(Insight, on_delete=models.CASCADE, db_constraint=False, related_name="reviews")
    reviewer = models.ForeignKey(User, on_delete=models.PROTECT, related_name="reviews")
    decision = models.CharField(max_length=9, choices=Decision)
    reason = models.CharField(max_length=13, choices=Reason, blank=True)
    words = models.TextField("reason in words", blank=True)
    edited_text = models.TextField(blank=True)

    objects = ScopedQuerySet["Review"].as_manager()

    class Meta:
        ordering = ("id",)
        constraints = (
            models.CheckConstraint(
                condition=Q(decision__in=["accepted", "edited", "dismissed", "undone"]),
                name="insights_review_decision_known",
            ),
            models.CheckConstraint(
                condition=Q(reason__in=["", "not_supported", "wrong_speaker", "not_apt", "already_known", "other"]),
                name="insights_review_reason_known",
            ),
            models.CheckConstraint(
                condition=~Q(decision="dismissed") | ~Q(reason=""),
                name="insights_review_dismissal_says_why",
                violation_error_message="A dismissal needs a reason.",
            ),
            models.CheckConstraint(
                condition=~Q(reason="other") | ~Q(words=""),
                name="insights_review_other_reason_in_words",
                violation_error_message="The reason “other” needs words.",
            ),
            models.CheckConstraint(
                condition=~Q(decision="edited") | ~Q(edited_text=""),
                name="insights_review_edit_has_text",
                violation_error_message="An edit needs the clinician's text.",
            ),
        )

    def __str__(self) -> str:
        return self.decision
