"""What the readings of a client add up to: keywords, tone and emotions over time, progress. Counted in SQL."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Case, F, FloatField, Min, Q, QuerySet, Sum, When
from django.db.models.functions import Cast, Coalesce

from clinical.models import Client, User
from insights.models import Insight, Reading, SourceSummary

# In each of a client's current sources, the newest reading of each passage by the analyzers that read it last.
_FREQUENCY = """
    SELECT keyword ->> 'term' AS term, count(DISTINCT reading.passage_id) AS passages
    FROM insights_reading reading
    JOIN transcripts_passage passage ON passage.id = reading.passage_id
    JOIN transcripts_source source ON source.id = passage.source_id AND source.superseded_at IS NULL
    JOIN insights_sourcesummary summary
        ON summary.source_id = source.id AND summary.analyzer_version = reading.analyzer_version
    CROSS JOIN LATERAL jsonb_array_elements(reading.keywords) keyword
    WHERE reading.client_id = %s AND jsonb_typeof(reading.keywords) = 'array'
    GROUP BY term
    ORDER BY passages DESC, term
    LIMIT %s"""


def count_keywords(client: Client, limit: int) -> list[dict[str, Any]]:
    """In how many passages of the client each term is; the client is one that the asker may see."""
    with connection.cursor() as cursor:
        cursor.execute(_FREQUENCY, [client.pk, limit])
        return [{"term": term, "passages": passages} for term, passages in cursor.fetchall()]


def find_keyword(client: Client, term: str, *, by: User, after: UUID | None, limit: int) -> QuerySet[Any, Any]:
    """A client's passages with this term, as they were said: by containment, over the GIN."""
    current = Q(passage__source__superseded_at=None, analyzer_version=F("passage__source__summary__analyzer_version"))
    rows = Reading.objects.visible_to(by).filter(current, client=client, keywords__contains=[{"term": term.lower()}])
    if after is not None:
        rows = rows.filter(passage__gt=after)
    named = {"source": F("passage__source"), "text": F("passage__text"), "start_ms": F("passage__start_ms")}
    newest = rows.order_by("passage", "-id").distinct("passage")
    return newest.values("passage", "keywords", **named)[: limit + 1]


def trend_of(client: Client, *, by: User, limit: int) -> QuerySet[Any, Any]:
    """Each session's mean tone, weighted by how much of it was assessed; what was not assessed is null, never 0."""
    heard = Case(When(sentiment__isnull=False, then=Cast("assessed", FloatField())), output_field=FloatField())
    rows = SourceSummary.objects.visible_to(by).filter(client=client, source__superseded_at=None)
    of_session = rows.values(session=F("source__session"), of=Coalesce("source__session", "source")).annotate(
        date=Min("occurred_at"), total=Sum(F("sentiment") * heard), weight=Sum(heard)
    )
    return of_session.order_by(F("date").desc(nulls_last=True), "-of")[:limit]


def progress_of(client: Client, *, by: User, limit: int) -> QuerySet[Any, Any]:
    """What was found about progress, by the date of what was said. No analyzer of this version looks for it."""
    rows = Insight.objects.visible_to(by).filter(client=client, kind="progress")
    shown = rows.exclude(status__in=[Insight.Status.DRAFT, Insight.Status.DISMISSED, Insight.Status.SUPERSEDED])
    dated = shown.annotate(date=Coalesce("source__occurred_at", "created_at")).order_by("-date", "-id")
    return dated.values("id", "date", "confidence", "recommendations", insight=F("title"))[:limit]
