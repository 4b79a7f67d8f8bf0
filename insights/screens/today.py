"""Today: what needs the user, and their caseload, most urgent first."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Count, Max, Min, Q, QuerySet
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils import timezone

from clinical.access import Action
from clinical.models import Client, Session, User
from insights.charts import Sparkline, sparkline
from insights.models import Insight, SourceSummary
from insights.queue import View, count_views, list_view
from insights.screens import page
from transcripts.models import ImportJob

_TONE_DAYS = 183
_AHEAD = timedelta(days=2)
_MOST_POINTS = 60


@dataclass(slots=True)
class Case:
    """One client of the caseload, with the reasons to look at them now."""

    client: Any  # a Client with its counts
    risk: str | None
    tones: list[float] = field(default_factory=list)
    last_seen: datetime | None = None
    next_session: datetime | None = None
    failed: int = 0

    @property
    def line(self) -> Sparkline | None:
        return sparkline(self.tones[-_MOST_POINTS:], -1, 1)

    @property
    def latest(self) -> float | None:
        return self.tones[-1] if self.tones else None

    @property
    def order(self) -> tuple[bool, bool, bool, str]:
        return (not self.client.urgent, not self.failed, not self.client.undecided, self.client.code)


def show(request: HttpRequest) -> TemplateResponse:
    """Seven queries for any caseload, and the two of signing in."""
    user = page.asker(request)
    counts = count_views(user)
    cases = _caseload(user)
    now = timezone.now()
    return page.show(
        request,
        "today",
        "today",
        "Today",
        waiting=counts[View.NEEDS_ME],
        today=timezone.localdate(),
        counts={view.name.lower(): counts[view] for view in View},
        findings=sum(case.client.undecided for case in cases),
        cases=cases,
        coming=_sessions(user).filter(occurred_at__gte=now, occurred_at__lt=now + _AHEAD).select_related("client")[:10],
        jobs=ImportJob.objects.visible_to(user).filter(requested_by=user).select_related("client")[:5],
        may_add=user.may(Action.ADD_CLIENT),
    )


def _caseload(user: User) -> list[Case]:
    """Four queries: clients with what waits, their sessions' dates and tone, and what could not be analysed."""
    published = Q(insights__status=Insight.Status.PUBLISHED, insights__source__superseded_at=None)
    urgent = published & Q(insights__priority=Insight.Priority.URGENT)
    clients = Client.objects.visible_to(user).annotate(
        undecided=Count("insights", filter=published), urgent=Count("insights", filter=urgent)
    )
    dates, tones = _dates(user), _tones(user)
    failed = Counter(list_view(user, View.FAILED).values_list("client", flat=True))
    cases = [
        Case(client, page.risk_of(client), tones[client.pk], *dates.get(client.pk, (None, None)), failed[client.pk])
        for client in clients
    ]
    return sorted(cases, key=lambda case: case.order)


def _dates(user: User) -> dict[UUID, tuple[datetime | None, datetime | None]]:
    now = timezone.now()
    rows = (
        Session.objects.visible_to(user)
        .order_by()
        .values_list("client")
        .annotate(
            last=Max("occurred_at", filter=Q(occurred_at__lt=now, status=Session.Status.COMPLETED)),
            coming=Min("occurred_at", filter=Q(occurred_at__gte=now, status=Session.Status.SCHEDULED)),
        )
    )
    return {client: (last, coming) for client, last, coming in rows}


def _tones(user: User) -> defaultdict[UUID, list[float]]:
    since = timezone.now() - timedelta(days=_TONE_DAYS)
    rows = SourceSummary.objects.visible_to(user).filter(
        occurred_at__gte=since, sentiment__isnull=False, source__superseded_at=None
    )
    tones: defaultdict[UUID, list[float]] = defaultdict(list)
    for client, sentiment in rows.order_by("occurred_at", "pk").values_list("client", "sentiment"):
        tones[client].append(sentiment or 0.0)
    return tones


def _sessions(user: User) -> QuerySet[Session, Session]:
    return Session.objects.visible_to(user).filter(status=Session.Status.SCHEDULED).order_by("occurred_at")
