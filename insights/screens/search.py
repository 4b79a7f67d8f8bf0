"""Search over what was said: hits with the line before them, each a link to its place in the review."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.db import OperationalError, connection, transaction
from django.db.models import OuterRef, Q, Subquery
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.safestring import SafeString
from django.views.decorators.http import require_safe

from clinical.access import Action
from clinical.models import Client, User
from insights.models import Reading
from insights.screens import page
from transcripts.models import Passage
from transcripts.search import CAP, MAX_QUERY_CHARACTERS, Found, Hit, search

PAGE = 20
TIMEOUT_MS = 2_000


@dataclass(frozen=True, slots=True)
class Shown:
    """A hit with where it stands. `highlight` is escaped by the search, with <mark> around what matched."""

    hit: Hit
    passage: Any  # a Passage with its source, session and tone
    before: Passage | None
    url: str

    @property
    def highlight(self) -> SafeString:
        return SafeString(self.hit.highlight)


@require_safe
def show(request: HttpRequest) -> HttpResponse:
    user = page.asker(request, Action.SEARCH)
    q = request.GET.get("q", "").replace("\0", "").strip()[:MAX_QUERY_CHARACTERS]
    code = request.GET.get("client", "")[:40]
    clients = list(Client.objects.visible_to(user).only("code"))
    client = next((one for one in clients if one.code == code), None)
    found, timed_out = _search(q, user, client, _after(request)) if q else (None, False)
    next_page = urlencode({"q": q, "client": code, "after": found.next}) if found and found.next else ""
    return page.show(
        request,
        "search",
        "search",
        "Search",
        q=q,
        client=client,
        unknown_client=bool(code) and client is None,
        clients=clients,
        found=found,
        hits=_shown(user, found.hits) if found else [],
        timed_out=timed_out,
        seconds=TIMEOUT_MS // 1000,
        cap=CAP,
        next_page=next_page,
    )


def _after(request: HttpRequest) -> UUID | None:
    try:
        return UUID(request.GET["after"]) if request.GET.get("after") else None
    except ValueError:
        return None


def _search(q: str, user: User, client: Client | None, after: UUID | None) -> tuple[Found | None, bool]:
    """What was found, and whether it took too long."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(TIMEOUT_MS)])
            return search(q, user=user, client=client, limit=PAGE, after=after), False
    except OperationalError:
        return None, True


def _shown(user: User, hits: Sequence[Hit]) -> list[Shown]:
    """Two queries: the hits' own rows, and the lines before them."""
    newest = Reading.objects.filter(passage=OuterRef("pk")).order_by("-id").values("sentiment")[:1]
    visible = Passage.objects.visible_to(user).defer("search", "words")
    own = visible.filter(pk__in=[hit.passage for hit in hits]).select_related("source__session", "speaker__merged_into")
    passages = {one.pk: one for one in own.annotate(tone=Subquery(newest))}
    places = Q(*((Q(source=one.source_id, sequence=one.sequence - 1)) for one in passages.values()), _connector=Q.OR)
    lines = visible.filter(places).select_related("speaker__merged_into") if passages else ()
    before = {(one.source_id, one.sequence + 1): one for one in lines}
    return [_one(hit, passages[hit.passage], before) for hit in hits if hit.passage in passages]


def _one(hit: Hit, passage: Passage, before: dict[tuple[UUID, int], Passage]) -> Shown:
    url = reverse("admin:review", args=[passage.source_id])
    far = f"?from={passage.sequence - 5}" if passage.sequence > 150 else ""
    return Shown(hit, passage, before.get((passage.source_id, passage.sequence)), f"{url}{far}#s-{passage.sequence}")
