"""The review queue: what waits for the user, in views with their counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from insights.queue import PAGE, POOR_SHARE, QUALITY_DAYS, View, count_views, last_decision_at, list_view
from insights.screens import page
from transcripts.models import Source

_EXPLANATIONS = {
    View.NEEDS_ME: "Risk first, then what waits longest.",
    View.RISK: "Urgent findings that nobody has decided about.",
    View.DECIDED: "Everything decided; newest session first.",
    View.QUALITY: f"A speaker without a role, or {POOR_SHARE:.0%} and more of the sentences unsure "
    f"(of what came in within {QUALITY_DAYS} days).",
    View.FAILED: "The last analysis failed: nothing is known of these.",
}
_EMPTY = {
    View.NEEDS_ME: "Nothing waits for you.",
    View.RISK: "No risk flag is open.",
    View.DECIDED: "Nothing is decided yet.",
    View.QUALITY: "No transcript is in doubt.",
    View.FAILED: "No analysis has failed.",
}


@dataclass(frozen=True, slots=True)
class Tab:
    view: View
    count: int


@dataclass(frozen=True, slots=True)
class Row:
    source: Any  # a Source with the annotations of the queue
    url: str

    @property
    def total(self) -> int:
        return int(self.source.undecided + self.source.decided)

    @property
    def is_poor(self) -> bool:
        return (self.source.unsure_share or 0) >= POOR_SHARE


@require_safe
def show(request: HttpRequest) -> HttpResponse:
    """Three queries: the counts, the rows, and when the user last decided."""
    user = page.asker(request)
    given = request.GET.get("view", "")
    view = View(given) if given in View.values else View.NEEDS_ME
    q = request.GET.get("q", "").replace("\0", "").strip()[:100]
    start = _start(request)
    counts = count_views(user)
    sources = list_view(user, view)
    if q:
        sources = sources.filter(Q(client__code__icontains=q) | Q(title__icontains=q))
    rows = list(sources[start : start + PAGE + 1])
    return page.show(
        request,
        "queue",
        "queue",
        "Review queue",
        waiting=counts[View.NEEDS_ME],
        tabs=[Tab(one, counts[one]) for one in View],
        view=view,
        q=q,
        rows=[_row(source, view, start + number, q) for number, source in enumerate(rows[:PAGE], 1)],
        more_url="?" + urlencode({"view": view.value, "q": q, "from": start + PAGE}) if len(rows) > PAGE else "",
        explanation=_EXPLANATIONS[view],
        empty=_EMPTY[view],
        last_decision=last_decision_at(user),
    )


def _start(request: HttpRequest) -> int:
    given = request.GET.get("from", "")
    return int(given) if given.isascii() and given.isdigit() and len(given) < 7 else 0


def _row(source: Source, view: View, position: int, q: str) -> Row:
    """A filtered list is not a queue: what is opened from it stands at its own place in the view."""
    place = {"queue": view.value, "pos": 0 if q else position}
    return Row(source, f"{reverse('admin:review', args=[source.pk])}?{urlencode(place)}")
