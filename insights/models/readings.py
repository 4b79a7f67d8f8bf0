"""What analyzers read in passages: runs, readings, and the rollup per source."""

from __future__ import annotations

from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from clinical.identifiers import uuid7
from clinical.models.base import Record, ScopedQuerySet, ShapedJSONField
from clinical.models.jobs import Job
from clinical.models.people import Client
from insights.analyzers.talk import TalkMetrics
from insights.models.shapes import read_analyzers, read_emotions, read_keywords
from transcripts.models import Passage, Source


class AnalysisRun(Job):
    """One analysis of one source, done or failed. A failed one keeps its reason and stores nothing else."""

    client = models.ForeignKey(Client, on_delete=models.PROTECT, db_constraint=False, related_name="+")
    source = models.ForeignKey(Source, on_delete=models.CASCADE, db_constraint=False, related_name="analysis_runs")
    analyzer_version = models.CharField(max_length=12)
    analyzers = ShapedJSONField(shape=read_analyzers, default=list)
    passages = models.PositiveIntegerField(default=0)
    readings = models.PositiveIntegerField(default=0)
    insights = models.PositiveIntegerField(default=0)

    objects = ScopedQuerySet["AnalysisRun"].as_manager()

    class Meta(Job.Meta):
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"Analysis {self.analyzer_version}: {self.state}"


class Reading(models.Model):
    """An analyzer version's reading of one passage in its context. Rows are only ever added.

    NULL is "not assessed": another language, or no analyzer for it. It is never shown as neutral.
    `input_sha256` is over text, role and the turn before: the same input is never read twice.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    client = models.ForeignKey(Client, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="+")
    passage = models.ForeignKey(Passage, on_delete=models.CASCADE, db_index=False, related_name="readings")
    analyzer_version = models.CharField(max_length=12)
    input_sha256 = models.BinaryField(max_length=32)
    language = models.CharField(max_length=8)
    sentiment = models.FloatField(null=True)
    emotions = ShapedJSONField(shape=read_emotions, null=True)
    keywords = ShapedJSONField(shape=read_keywords, null=True)

    objects = ScopedQuerySet["Reading"].as_manager()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["passage", "analyzer_version", "input_sha256"], name="insights_reading_once"
            ),
            models.CheckConstraint(
                condition=Q(sentiment__gte=-1, sentiment__lte=1), name="insights_reading_sentiment_in_range"
            ),
        )
        indexes = (
            # a client's passages with a keyword: keywords @> '[{"term": ...}]'
            GinIndex(
                fields=["client", "keywords"],
                opclasses=["uuid_ops", "jsonb_path_ops"],
                name="insights_reading_keywords",
            ),
        )

    def __str__(self) -> str:
        return f"Reading {self.analyzer_version}"


class SourceSummary(Record):
    """What the readings of one source add up to, written in the transaction of the analysis.

    `assessed` counts the passages that were in a language the analyzers read; the rest is not assessed, and
    `sentiment` (mean, -1..1, of the clients' and partners' and families' passages) is NULL where none was.
    """

    client = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="+")
    source = models.OneToOneField(Source, on_delete=models.CASCADE, db_constraint=False, related_name="summary")
    occurred_at = models.DateTimeField(null=True)
    analyzer_version = models.CharField(max_length=12)
    analysed_at = models.DateTimeField()
    passages = models.PositiveIntegerField()
    assessed = models.PositiveIntegerField()
    sentiment = models.FloatField(null=True)
    emotions = ShapedJSONField(shape=read_emotions, null=True)
    talk = ShapedJSONField(shape=TalkMetrics.from_json)

    objects = ScopedQuerySet["SourceSummary"].as_manager()

    class Meta:
        verbose_name_plural = "source summaries"
        constraints = (
            models.CheckConstraint(
                condition=Q(sentiment__gte=-1, sentiment__lte=1), name="insights_sourcesummary_sentiment_in_range"
            ),
            models.CheckConstraint(
                condition=Q(assessed__lte=models.F("passages")), name="insights_sourcesummary_assessed_in_range"
            ),
        )
        indexes = (
            # a client's trend over time
            models.Index(fields=["client", "occurred_at"], name="insights_sourcesummary_trend"),
        )

    def __str__(self) -> str:
        return f"Summary of {self.source_id}"
