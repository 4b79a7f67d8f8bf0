"""Session review: the transcript with its findings beside it, and the decisions about them."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from clinical.access import Action
from clinical.models import User
from insights.analysis import analyse
from insights.analyzers.reading import ANALYZERS
from insights.models import AnalysisRun, Insight, Review
from insights.queue import Places, View, count_waiting, find_places
from insights.reviewing import Decision, NotAllowed, ReviewConflict, ReviewRefused, decide, undo
from insights.screens import page
from insights.screens.cards import Card, Typed, decided, insights_of
from insights.screens.transcript import Narrowing, read_transcript
from transcripts.models import Source, Speaker
from transcripts.roles import Role
from transcripts.speaking import SpeakerRefused, merge_speakers, name_speaker, separate_speaker


@dataclass(frozen=True, slots=True)
class Came:
    """The list that the reader came from: `?queue=<view>&pos=<n>`, none where they came from elsewhere."""

    view: View | None
    position: int

    @property
    def query(self) -> str:
        return urlencode({"queue": self.view.value, "pos": self.position}) if self.view else ""


@require_safe
def show(request: HttpRequest, source_id: UUID) -> HttpResponse:
    user = page.asker(request)
    source = _source(user, source_id)
    if page.by_htmx(request) and "to" in request.GET:
        return _more(request, source)
    return _page(request, user, source)


@require_POST
def decide_insight(request: HttpRequest, source_id: UUID, insight_id: UUID) -> HttpResponse:
    """One decision. Answers with the card for htmx, else goes back to it; what was typed comes back with a refusal."""
    user = page.asker(request)
    insight = get_object_or_404(Insight.objects.visible_to(user), pk=insight_id, source=source_id)
    problem, status = _decide(request, insight, user)
    typed = _typed(request, problem)
    if not typed and (request.POST.get("then") == "next" or not page.by_htmx(request)):
        return _go_on(request, user, insight)
    if page.by_htmx(request):
        return _card(request, user, source_id, insight_id, typed, status)
    return _page(request, user, _source(user, source_id), (insight_id, typed), status)


@require_POST
def read_again(request: HttpRequest, source_id: UUID) -> HttpResponse:
    """Analyse this source now: after a failure, or when somebody has said who speaks."""
    user = page.asker(request, Action.ANALYSE)
    source = _source(user, source_id)
    analyse(actor=user, source=source)
    return _back(request, source_id, "")


@require_POST
def change_speaker(request: HttpRequest, source_id: UUID, speaker_id: UUID) -> HttpResponse:
    """Another name, another role, merged into another one, or separate again."""
    user = page.asker(request, Action.REVIEW)
    speaker = get_object_or_404(Speaker.objects.visible_to(user), pk=speaker_id, source=source_id)
    try:
        _change(request, speaker, user)
    except SpeakerRefused as refused:
        status = HTTPStatus.UNPROCESSABLE_ENTITY
        return _page(request, user, _source(user, source_id), status=status, speaker_problem=str(refused))
    return _back(request, source_id, "#speakers")


@require_safe
def end(request: HttpRequest) -> HttpResponse:
    """The end of a queue is a page: what is left, and where to go from here."""
    page.asker(request)
    view = _came(request).view or View.NEEDS_ME
    return page.show(request, "review_end", "queue", "End of the queue", view=view)


def _source(user: User, source_id: UUID) -> Source:
    rows = Source.objects.visible_to(user).select_related("client", "session", "summary", "imported_by")
    return get_object_or_404(rows, pk=source_id)


def _came(request: HttpRequest) -> Came:
    given = request.POST if request.method == "POST" else request.GET
    position = given.get("pos", "")
    number = int(position) if position.isascii() and position.isdigit() and len(position) < 7 else 0
    view = given.get("queue", "")
    return Came(View(view) if view in View.values else None, number)


def _narrowing(request: HttpRequest) -> Narrowing:
    given = request.GET
    try:
        speaker = str(UUID(given["speaker"])) if given.get("speaker") else ""
    except ValueError:
        raise Http404 from None
    find = given.get("find", "").replace("\0", "").strip()[:200]
    return Narrowing(find, speaker, "evidence" in given, "flagged" in given)


def _number(request: HttpRequest, name: str) -> int:
    given = request.GET.get(name, "")
    return int(given) if given.isascii() and given.isdigit() and len(given) < 10 else 0


def _more(request: HttpRequest, source: Source) -> HttpResponse:
    """The next lines of a gap, as a fragment."""
    transcript = read_transcript(source, insights_of(source))
    rows = transcript.chunk(_number(request, "from"), _number(request, "to"), _narrowing(request))
    return render(request, "workspace/turns.html", {"rows": rows, **_queries(request)})


def _queries(request: HttpRequest) -> dict[str, str]:
    """What the links that load more carry along."""
    kept = request.GET.copy()
    for name in ("from", "to"):
        kept.pop(name, None)
    return {"kept": kept.urlencode()}


def _page(
    request: HttpRequest,
    user: User,
    source: Source,
    typed: tuple[UUID, Typed] | None = None,
    status: int = HTTPStatus.OK,
    speaker_problem: str = "",
) -> HttpResponse:
    insights = insights_of(source, also=typed[0] if typed else None)
    transcript = read_transcript(source, insights)
    narrowing, came = _narrowing(request), _came(request)
    rows = transcript.rows(_number(request, "from"), narrowing)
    places = find_places(user, came.view, source, came.position) if came.view else None
    run = AnalysisRun.objects.filter(source=source).order_by("-id").first()
    return page.show(
        request,
        "review",
        "review",
        f"Review of {source.client.code}",
        status=status,
        source=source,
        transcript=transcript,
        rows=rows,
        narrowing=narrowing,
        cards=[_card_of(insight, typed) for insight in insights],
        decided=decided(insights),
        total=len(insights),
        risk=page.risk_of(source.client),
        run=run,
        failed=run is not None and run.state == AnalysisRun.State.FAILED,
        analyzers=ANALYZERS,
        roles=[role.value for role in Role],
        speaker_problem=speaker_problem,
        **_summary(source),
        **_queries(request),
        **_around(places, came),
    )


def _card_of(insight: Insight, typed: tuple[UUID, Typed] | None) -> Card:
    return Card(insight, typed[1]) if typed and typed[0] == insight.pk else Card(insight)


def _summary(source: Source) -> dict[str, Any]:
    summary = getattr(source, "summary", None)
    if summary is None:
        return {"summary": None, "talk": None, "not_assessed": 0}
    field = type(summary)._meta.get_field("talk")
    return {"summary": summary, "talk": field.read(summary.talk), "not_assessed": summary.passages - summary.assessed}


def _around(places: Places | None, came: Came) -> dict[str, Any]:
    if places is None:
        return {"places": None, "came": came, "next_url": reverse("admin:review_queue"), "previous_url": ""}
    view = places.view.value
    after = _review_url(places.next, view) or f"{reverse('admin:review_end')}?{urlencode({'queue': view})}"
    return {"places": places, "came": came, "next_url": after, "previous_url": _review_url(places.previous, view)}


def _review_url(place: tuple[UUID, int] | None, view: str) -> str:
    if place is None:
        return ""
    return f"{reverse('admin:review', args=[place[0]])}?{urlencode({'queue': view, 'pos': place[1]})}"


def _decide(request: HttpRequest, insight: Insight, user: User) -> tuple[str, int]:
    """What went wrong, in words, and the status to answer with."""
    given = request.POST
    made = Decision(
        decision=given.get("decision", ""),
        reason=given.get("reason", ""),
        words=given.get("words", "").strip(),
        edited_text=given.get("edited_text", "").replace("\r\n", "\n").strip(),
    )
    unchanged = made.decision == Review.Decision.EDITED and made.edited_text in ("", insight.title)
    if unchanged and given.get("then") == "next":
        return "", HTTPStatus.OK
    try:
        if made.decision == Review.Decision.UNDONE:
            undo(insight, by=user)
        else:
            decide(insight, made, by=user)
    except NotAllowed as refused:
        return str(refused), HTTPStatus.FORBIDDEN
    except ReviewConflict as conflict:
        return str(conflict), HTTPStatus.CONFLICT
    except ReviewRefused as refused:
        return str(refused), HTTPStatus.UNPROCESSABLE_ENTITY
    return "", HTTPStatus.OK


def _typed(request: HttpRequest, problem: str) -> Typed:
    """What is to be shown again: after a refusal, and after an undo what somebody had typed before."""
    given = request.POST
    undone = given.get("decision") == Review.Decision.UNDONE
    if not problem and not undone:
        return Typed()
    return Typed(problem, given.get("decision", ""), given.get("words", ""), given.get("edited_text", ""))


def _card(
    request: HttpRequest, user: User, source_id: UUID, insight_id: UUID, typed: Typed, status: int
) -> HttpResponse:
    insights = insights_of(_source(user, source_id), also=insight_id)
    insight = next(one for one in insights if one.pk == insight_id)
    context = {
        "card": Card(insight, typed),
        "source": insight.source,
        "decided": decided(insights),
        "total": len(insights),
        "waiting": count_waiting(user),
        "may_review": user.may(Action.REVIEW),
        "came": _came(request),
        "swapped": True,
    }
    return render(request, "workspace/insight_swapped.html", context, status=status)


def _go_on(request: HttpRequest, user: User, insight: Insight) -> HttpResponse:
    """Back to the card, or on to the next source of the list that the reader came from."""
    if request.POST.get("then") != "next":
        return _back(request, insight.source_id, f"#i-{insight.pk}")
    came = _came(request)
    places = find_places(user, came.view, insight.source, came.position) if came.view else None
    url = _around(places, came)["next_url"]
    if page.by_htmx(request):
        return HttpResponse(status=HTTPStatus.NO_CONTENT, headers={"HX-Redirect": url})
    return redirect(url)


def _back(request: HttpRequest, source_id: UUID, anchor: str) -> HttpResponse:
    query = _came(request).query
    url = reverse("admin:review", args=[source_id]) + (f"?{query}" if query else "") + anchor
    return redirect(url)


def _change(request: HttpRequest, speaker: Speaker, user: User) -> None:
    given = request.POST
    into = given.get("into", "")
    if into == "separate":
        separate_speaker(speaker, by=user)
    elif into:
        others = Speaker.objects.filter(source=speaker.source_id)
        merge_speakers(speaker, get_object_or_404(others, pk=_uuid(into)), by=user)
    else:
        role = given.get("role", "")
        name_speaker(speaker, by=user, name=given.get("name"), role=Role(role) if role in list(Role) else None)


def _uuid(given: str) -> UUID:
    try:
        return UUID(given)
    except ValueError:
        raise Http404 from None
