"""What was said: a source (one transcript), its speakers and its passages."""

from __future__ import annotations

from typing import Self

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector, SearchVectorField
from django.db import models
from django.db.models import Case, F, Func, Q, Value, When
from django.db.models.functions import Length, Now, Replace

from clinical.identifiers import uuid7
from clinical.models.base import BLANKS, UNUSUAL_BLANKS, Record, ScopedQuerySet, ShapedJSONField
from clinical.models.people import Client, Member, User
from clinical.models.sessions import Session
from transcripts.configurations import CONFIGURATIONS
from transcripts.models.shapes import read_words
from transcripts.roles import Role

ROLE_CHOICES = [(role.value, role.value) for role in Role]


class SourceQuerySet(ScopedQuerySet["Source"]):
    def current(self) -> Self:
        """Without those that a newer revision replaced."""
        return self.filter(superseded_at=None)


class Source(Record):
    """One thing that was said or written, made of passages. Its text never changes: a correction is a new revision.

    `content_sha256` is over what the file says (speakers, times, text), not over its bytes: the same transcript
    in another encoding or another file of the same form is the same content.
    """

    class Kind(models.TextChoices):
        TRANSCRIPT = "transcript"

    client = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="sources")
    session = models.ForeignKey(
        Session, on_delete=models.PROTECT, db_constraint=False, null=True, blank=True, related_name="sources"
    )
    kind = models.CharField(max_length=12, choices=Kind, default=Kind.TRANSCRIPT)
    title = models.CharField(max_length=500, blank=True)
    language = models.CharField(max_length=8, default="en", help_text="ISO 639-1")
    occurred_at = models.DateTimeField(null=True, blank=True)
    duration_ms = models.PositiveBigIntegerField(null=True, blank=True)
    format = models.CharField(max_length=20)
    file_name = models.CharField(max_length=255, blank=True)
    content_sha256 = models.CharField(max_length=64)
    external_id = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001 - "none" differs from ""
    revision = models.PositiveIntegerField(default=1)
    superseded_at = models.DateTimeField(null=True, blank=True)
    warnings = ArrayField(models.CharField(max_length=500), default=list, blank=True)
    imported_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")

    objects = SourceQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        constraints = (
            models.UniqueConstraint(
                fields=["client", "external_id", "content_sha256"],
                nulls_distinct=False,
                name="transcripts_source_content_once",
                violation_error_message="This client has this content already.",
            ),
            models.UniqueConstraint(
                fields=["client", "external_id", "revision"],
                condition=Q(external_id__isnull=False),
                name="transcripts_source_revision_unique",
            ),
            models.UniqueConstraint(
                fields=["client", "external_id"],
                condition=Q(external_id__isnull=False, superseded_at=None),
                name="transcripts_source_one_current_revision",
            ),
            # the pair that a child row's composite foreign key points at
            models.UniqueConstraint(fields=["id", "client"], name="transcripts_source_of_client"),
            models.CheckConstraint(condition=Q(kind__in=["transcript"]), name="transcripts_source_kind_known"),
            models.CheckConstraint(
                condition=Q(content_sha256__regex="^[0-9a-f]{64}$"), name="transcripts_source_sha256_form"
            ),
            models.CheckConstraint(condition=Q(revision__gte=1), name="transcripts_source_revision_from_one"),
            models.CheckConstraint(
                condition=Q(external_id=None) | ~Q(external_id=""), name="transcripts_source_external_id_not_empty"
            ),
        )
        indexes = (
            # a client's sources by date, newest first
            models.Index("client", F("occurred_at").desc(nulls_last=True), name="transcripts_source_by_date"),
            # which languages are in use
            models.Index(fields=["language"], name="transcripts_source_languages"),
            # search leaves these out: few, so the whole set is hashed
            models.Index(fields=["id"], condition=Q(superseded_at__isnull=False), name="transcripts_source_superseded"),
        )

    def __str__(self) -> str:
        return self.title or self.file_name


class Speaker(Record):
    """Somebody who speaks in one source: the label as in the file, and who that is as far as known.

    Merging sets `merged_into`; passages keep the speaker they came with.
    """

    client = models.ForeignKey(Client, on_delete=models.PROTECT, db_constraint=False, related_name="+")
    source = models.ForeignKey(Source, on_delete=models.CASCADE, db_constraint=False, related_name="speakers")
    label = models.CharField(max_length=255)
    name = models.CharField(max_length=255, blank=True, help_text="Shown instead of the label; empty: the label.")
    role = models.CharField(max_length=10, choices=ROLE_CHOICES, default=Role.UNKNOWN.value)
    member = models.ForeignKey(
        Member, on_delete=models.PROTECT, db_constraint=False, null=True, blank=True, related_name="speakers"
    )
    user = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="speakers")
    merged_into = models.ForeignKey(
        "self", on_delete=models.SET_NULL, db_constraint=False, null=True, blank=True, related_name="merged"
    )

    objects = ScopedQuerySet["Speaker"].as_manager()

    class Meta:
        ordering = ("id",)
        constraints = (
            models.UniqueConstraint(fields=["source", "label"], name="transcripts_speaker_label_unique"),
            # the pairs that composite foreign keys point at
            models.UniqueConstraint(fields=["id", "source"], name="transcripts_speaker_of_source"),
            models.CheckConstraint(
                condition=Q(role__in=["client", "therapist", "partner", "family", "other", "unknown"]),
                name="transcripts_speaker_role_known",
            ),
            models.CheckConstraint(condition=Q(member=None) | Q(user=None), name="transcripts_speaker_one_person"),
            models.CheckConstraint(
                condition=Q(merged_into=None) | ~Q(merged_into=F("id")), name="transcripts_speaker_not_into_itself"
            ),
        )

    def __str__(self) -> str:
        return self.label


def _search_vector() -> Case:
    """to_tsvector with the configuration of the passage's language.

    A configuration taken from a column is not immutable, so the languages are spelled out as literals.
    """
    return Case(
        *(
            When(language=language, then=SearchVector("text", config=configuration))
            for language, configuration in CONFIGURATIONS.items()
        ),
        default=SearchVector("text", config="simple"),
    )


def _word_count() -> Case:
    """Runs of what is not blank. Most texts have single blanks only, which are counted at a quarter of the cost."""
    counted = models.IntegerField()
    runs = Func(F("text"), Value(f"[^{BLANKS}]+"), function="regexp_count", output_field=counted)
    none = Value("", output_field=models.TextField())
    blanks = Length("text") - Length(Replace("text", Value(" ", output_field=models.TextField()), none))
    return Case(When(text__regex=f"[{UNUSUAL_BLANKS}]|  |^ | $", then=runs), default=blanks + 1)


class PassageQuerySet(ScopedQuerySet["Passage"]):
    def timeline(self) -> Self:
        """In the order in which it was said."""
        return self.order_by("source", "sequence")

    def current(self) -> Self:
        """Passages of sources that no newer revision has replaced; asked as one hashed set of the few replaced."""
        return self.exclude(source__in=Source.objects.filter(superseded_at__isnull=False).values("pk"))


class Passage(models.Model):
    """One utterance. Never updated (held by a trigger); what analysis finds is in rows of its own.

    Times are milliseconds from the source's start; NULL is "the file does not say". No index but these two:
    each more would cost every import, and none served a query that the two do not (measured).
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    client = models.ForeignKey(
        Client, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="passages"
    )
    source = models.ForeignKey(
        Source, on_delete=models.CASCADE, db_constraint=False, db_index=False, related_name="passages"
    )
    speaker = models.ForeignKey(
        Speaker, on_delete=models.RESTRICT, db_constraint=False, db_index=False, null=True, related_name="passages"
    )
    sequence = models.PositiveIntegerField()
    start_ms = models.PositiveBigIntegerField(null=True)
    end_ms = models.PositiveBigIntegerField(null=True)
    text = models.TextField()
    confidence = models.FloatField(null=True)
    words = ShapedJSONField(shape=read_words, null=True)
    language = models.CharField(max_length=8, default="en")
    search = models.GeneratedField(expression=_search_vector(), output_field=SearchVectorField(), db_persist=True)
    word_count = models.GeneratedField(
        expression=_word_count(),
        output_field=models.IntegerField(),
        db_persist=True,
    )

    objects = PassageQuerySet.as_manager()

    class Meta:
        ordering = ("source", "sequence")
        constraints = (
            models.UniqueConstraint(fields=["source", "sequence"], name="transcripts_passage_sequence_unique"),
            models.CheckConstraint(
                condition=Q(end_ms__gte=F("start_ms")),
                name="transcripts_passage_end_after_start",
                violation_error_message="A passage ends at or after its start.",
            ),
            models.CheckConstraint(
                condition=Q(confidence__gte=0, confidence__lte=1), name="transcripts_passage_confidence_in_range"
            ),
            models.CheckConstraint(
                condition=Q(text__regex=f"[^{BLANKS}]"),
                name="transcripts_passage_text_not_blank",
                violation_error_message="A passage has a text.",
            ),
        )
        indexes = (
            # search inside one client, a caseload or all; also the client filter itself
            GinIndex(fields=["client", "search"], name="transcripts_passage_search", gin_pending_list_limit=256),
        )

    def __str__(self) -> str:
        return f"Passage {self.sequence}"
