"""The insights pane: each finding with its evidence, what was decided, and what somebody is typing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Case, F, Prefetch, Q, When

from insights.models import Evidence, Insight, Review
from insights.reviewing import DECIDED
from transcripts.models import Source

SHOWN = (Insight.Status.PUBLISHED, Insight.Status.ACCEPTED, Insight.Status.EDITED, Insight.Status.DISMISSED)


@dataclass(frozen=True, slots=True)
class Typed:
    """What came with a decision that could not be made: shown again, with the reason why."""

    problem: str = ""
    decision: str = ""
    words: str = ""
    edited_text: str = ""

    def __bool__(self) -> bool:
        return bool(self.problem or self.words or self.edited_text)


@dataclass(frozen=True, slots=True)
class Card:
    insight: Insight
    typed: Typed = Typed()

    @property
    def review(self) -> Review | None:
        """The decision that stands."""
        reviews = list(self.insight.reviews.all())
        return reviews[-1] if reviews and self.is_decided else None

    @property
    def is_decided(self) -> bool:
        return self.insight.status in DECIDED

    @property
    def is_urgent(self) -> bool:
        return self.insight.priority == Insight.Priority.URGENT


def insights_of(source: Source, also: UUID | None = None) -> list[Insight]:
    """Risk first, then confidence. Three queries for any number: insights, evidence, reviews."""
    evidence = Evidence.objects.select_related("passage").defer("passage__search", "passage__words")
    reviews = Review.objects.select_related("reviewer").order_by("id")
    urgent_first = Case(When(priority=Insight.Priority.URGENT, then=0), default=1)
    rows = Insight.objects.filter(Q(status__in=SHOWN) | Q(pk=also), source=source)
    rows = rows.order_by(urgent_first, F("confidence").desc(nulls_last=True), "pk")
    return list(rows.prefetch_related(Prefetch("evidence", evidence)).prefetch_related(Prefetch("reviews", reviews)))


def decided(insights: Sequence[Insight]) -> int:
    return sum(insight.status in DECIDED for insight in insights)
