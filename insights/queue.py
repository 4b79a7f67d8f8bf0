"""What waits for a user: sources with undecided findings, urgent first, then by how long they wait.

Each view is a filter over one annotated queryset, so that a page takes one query for the counts of all views and one
for the rows of the open one, however many there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import (
    Avg,
    Case,
    Count,
    DateTimeField,
    Exists,
    F,
    FloatField,
    IntegerField,
    Max,
    Min,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    TextChoices,
    Value,
    When,
)
from django.db.models.functions import Coalesce
from django.utils import timezone

from clinical.models import User
from insights.models import AnalysisRun, Insight
from transcripts.models import Passage, Source, Speaker
from transcripts.roles import Role

UNSURE = 0.5  # a recogniser's confidence under which its words are in doubt
POOR_SHARE = 0.1  # of a transcript's passages
QUALITY_DAYS = 90  # counting unsure passages reads them all: only of what was taken in lately
MOST_PLACES = 1_000  # places of a queue that a review walks through
PAGE = 50

_DECIDED = (Insight.Status.ACCEPTED, Insight.Status.EDITED, Insight.Status.DISMISSED)


class View(TextChoices):
    """The saved views of the queue, in the order of their tabs."""

    NEEDS_ME = "needs", "Needs me"
    RISK = "risk", "Risk flags"
    DECIDED = "decided", "Decided"
    QUALITY = "quality", "Low transcript quality"
    FAILED = "failed", "Failed analysis"


_FILTERS: dict[View, Q] = {
    View.NEEDS_ME: Q(undecided__gt=0),
    View.RISK: Q(urgent__gt=0),
    View.DECIDED: Q(undecided=0, decided__gt=0),
    View.QUALITY: Q(unsure_share__gte=POOR_SHARE) | Q(has_unnamed=True),
    View.FAILED: Q(last_run=AnalysisRun.State.FAILED),
}


@dataclass(frozen=True, slots=True)
class Places:
    """Where a source stands in a view: what comes before and after it, with their positions from 1.

    A walk holds on to its position: a source that was decided leaves the view, and one whose urgent finding was
    decided moves down in it, and neither may make the reader miss what stood behind it.
    """

    view: View
    position: int
    total: int
    previous: tuple[UUID, int] | None
    next: tuple[UUID, int] | None


def count_views(user: User) -> dict[View, int]:
    """One query for all views."""
    counts = _annotated(user).aggregate(**{view.name: Count("pk", filter=_FILTERS[view]) for view in View})
    return {view: counts[view.name] for view in View}


def count_waiting(user: User) -> int:
    """Sources that wait for the user: for the navigation."""
    waiting = Insight.objects.filter(source=OuterRef("pk"), status=Insight.Status.PUBLISHED)
    return Source.objects.visible_to(user).current().filter(Exists(waiting)).count()


def list_view(user: User, view: View) -> QuerySet[Source, Any]:
    """Sources of a view in its order, with what its columns show."""
    rows = _annotated(user).filter(_FILTERS[view]).select_related("client", "session")
    if view in (View.NEEDS_ME, View.RISK):
        return rows.order_by(Case(When(urgent__gt=0, then=0), default=1), F("waiting_since"), "pk")
    return rows.order_by(F("occurred_at").desc(nulls_last=True), "-pk")


def find_places(user: User, view: View, source: Source, position: int) -> Places:
    """One query: the keys of the view, in order. Position 0 is "wherever it stands"."""
    keys: list[UUID] = list(list_view(user, view).values_list("pk", flat=True)[:MOST_PLACES])
    if source.pk in keys and not position:
        position = keys.index(source.pk) + 1
    at = min(max(position - 1, 0), len(keys))
    others = [key for key in keys if key != source.pk]

    def place(index: int) -> tuple[UUID, int] | None:
        return (others[index], keys.index(others[index]) + 1) if 0 <= index < len(others) else None

    return Places(view=view, position=at + 1, total=len(keys), previous=place(at - 1), next=place(at))


def last_decision_at(user: User) -> datetime | None:
    """When the user last decided about a finding: for the queue that is empty."""
    last: datetime | None = user.reviews.aggregate(last=Max("created_at"))["last"]
    return last


def _annotated(user: User) -> QuerySet[Source, Any]:
    insights = Insight.objects.filter(source=OuterRef("pk")).order_by().values("source")
    published = insights.filter(status=Insight.Status.PUBLISHED)
    runs = AnalysisRun.objects.filter(source=OuterRef("pk")).order_by("-id")
    passages = Passage.objects.filter(source=OuterRef("pk")).order_by().values("source")
    unsure = Avg(Case(When(confidence__lt=UNSURE, then=1.0), default=0.0, output_field=FloatField()))
    unnamed = Speaker.objects.filter(source=OuterRef("pk"), merged_into=None, role=Role.UNKNOWN.value)
    lately = timezone.now() - timedelta(days=QUALITY_DAYS)
    return (
        Source.objects.visible_to(user)
        .current()
        .annotate(
            undecided=_count(published),
            urgent=_count(published.filter(priority=Insight.Priority.URGENT)),
            decided=_count(insights.filter(status__in=_DECIDED)),
            waiting_since=Subquery(
                published.annotate(since=Min("created_at")).values("since"), output_field=DateTimeField()
            ),
            has_unnamed=Exists(unnamed),
            unsure_share=Case(
                When(created_at__gte=lately, then=Subquery(passages.annotate(share=unsure).values("share"))),
                output_field=FloatField(),
            ),
            last_run=Subquery(runs.values("state")[:1]),
            last_error=Subquery(runs.values("last_error")[:1]),
        )
    )


def _count(rows: QuerySet[Insight, Any]) -> Coalesce:
    counted = Subquery(rows.annotate(counted=Count("pk")).values("counted"), output_field=IntegerField())
    return Coalesce(counted, Value(0))
