"""Lists: as many queries for two rows as for twenty, and pages without gap or overlap while rows are added."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from clinical.models import Client, Member, Session, User
from config.api import router
from insights.models import AnalysisRun, Review
from tests.factories import open_client, state_insight, tell
from transcripts.models import ImportJob


def _grow(client: Client, clara: User) -> None:
    """One more of everything that a list shows."""
    now = timezone.now()
    number = ImportJob.objects.count()
    open_client(f"C{number}", clara)
    Member.objects.create(client=client, name=f"M{number}")
    source = tell(client, [("therapist", f"How is sister {number}?"), f"My sister is {number}."])
    insight = state_insight(source.passages.all()[1])
    Review.objects.create(client=client, insight=insight, reviewer=clara, decision="accepted")
    ended: dict[str, Any] = {"attempts": 1, "started_at": now, "finished_at": now, "state": "done"}
    ImportJob.objects.create(client=client, requested_by=clara, file_name="a.txt", **ended)
    AnalysisRun.objects.create(client=client, source=source, analyzer_version="1", **ended)


_URLS: list[Any] = list(router.urls)
LISTS = sorted({str(url.pattern) for url in _URLS if str(url.name).endswith("-list")} - {"search/"})
OF_A_CLIENT = ["", "sessions/", "summary/", "keywords/", "keywords/search/?q=sister", "emotions/trend/", "progress/"]


def _count(read: Callable[[], Any]) -> int:
    with CaptureQueriesContext(connection) as queries:
        assert read().status_code == 200
    return len(queries)


def _same_for_two_and_twenty(ada: Client, clara: User, api: APIClient, address: str) -> None:
    for _ in range(2):
        _grow(ada, clara)
    few = _count(lambda: api.get(address))
    for _ in range(18):
        _grow(ada, clara)
    assert _count(lambda: api.get(address)) == few


@pytest.mark.parametrize("path", [*LISTS, "search/?q=sister"])
def test_a_list_takes_as_many_queries_for_two_rows_as_for_twenty(
    ada: Client, clara: User, clara_api: APIClient, path: str
) -> None:
    _same_for_two_and_twenty(ada, clara, clara_api, f"/api/v1/{path}")


@pytest.mark.parametrize("path", OF_A_CLIENT)
def test_what_a_client_has_takes_as_many_queries_however_much_it_is(
    ada: Client, clara: User, clara_api: APIClient, path: str
) -> None:
    _same_for_two_and_twenty(ada, clara, clara_api, f"/api/v1/clients/{ada.pk}/{path}")


def _pages(api: APIClient, address: str, between: Callable[[], Any]) -> list[str]:
    seen: list[str] = []
    following: str | None = address
    while following:
        page = api.get(following).json()
        seen += [row["id"] for row in next(rows for rows in page.values() if isinstance(rows, list))]
        following = page["next"]
        between()
    return seen


def test_pages_have_no_gap_and_no_overlap_while_rows_are_added(ada: Client, clara_api: APIClient) -> None:
    there = [str(Session.objects.schedule(client=ada, start=None).pk) for _ in range(7)]
    seen = _pages(clara_api, "/api/v1/sessions/?limit=2", lambda: Session.objects.schedule(client=ada, start=None))
    assert seen == there[::-1]  # newest first: what came later is above the first page


def test_passages_come_in_the_order_in_which_they_were_said(ada: Client, clara_api: APIClient) -> None:
    source = tell(ada, [f"Line {number}." for number in range(7)])
    seen = _pages(clara_api, f"/api/v1/passages/?source={source.pk}&limit=3", lambda: None)
    assert seen == [str(pk) for pk in source.passages.order_by("sequence").values_list("pk", flat=True)]


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=x", "after=x", "after=", "offset=3", "page=2"])
def test_a_page_that_cannot_be_is_refused(ada: Client, clara_api: APIClient, query: str) -> None:
    assert clara_api.get(f"/api/v1/clients/?{query}").status_code == 400
