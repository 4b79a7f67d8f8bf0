"""Insights and decisions over the API: the first decision stands, and the second is told of it."""

from __future__ import annotations

import pytest
from rest_framework.test import APIClient

from clinical.models import CareTeamMembership, Client, User
from insights.models import Insight, Review
from tests.api.conftest import sign_in
from tests.factories import open_client, sign_up, state_insight, tell


@pytest.fixture
def insight(ada: Client) -> Insight:
    passage = tell(ada, ["I wanted to be gone."]).passages.get()
    return state_insight(passage, span=(2, 8), priority="urgent")


def url(insight: Insight, verb: str = "") -> str:
    return f"/api/v1/insights/{insight.pk}/{verb and verb + '/'}"


def test_an_insight_comes_with_the_words_it_rests_on(insight: Insight, clara_api: APIClient) -> None:
    (evidence,) = clara_api.get(url(insight)).json()["evidence"]
    assert (evidence["quote"], evidence["text"], evidence["start_ms"]) == ("wanted", "I wanted to be gone.", 0)


def test_drafts_are_not_shown(insight: Insight, clara_api: APIClient) -> None:
    Insight.objects.update(status="draft")
    assert clara_api.get("/api/v1/insights/").json()["results"] == []
    assert clara_api.get(url(insight)).status_code == 404


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"status": "published"}, 1),
        ({"status": "accepted"}, 0),
        ({"priority": "urgent", "kind": "crisis"}, 1),
        ({"priority": "low"}, 0),
        ({"client": "00000000-0000-7000-8000-000000000000"}, 0),
    ],
)
def test_filters(insight: Insight, clara_api: APIClient, query: dict[str, str], found: int) -> None:
    assert len(clara_api.get("/api/v1/insights/", query).json()["results"]) == found
    assert len(clara_api.get("/api/v1/insights/", {"source": str(insight.source_id)}).json()["results"]) == 1


def test_accept_edit_dismiss_and_undo(insight: Insight, clara_api: APIClient, clara: User) -> None:
    assert clara_api.post(url(insight, "accept")).json()["status"] == "accepted"
    assert clara_api.post(url(insight, "undo")).json()["status"] == "published"
    edited = clara_api.post(url(insight, "edit"), {"edited_text": "She spoke of an old wish."}).json()
    assert (edited["status"], edited["reviews"][-1]["edited_text"]) == ("edited", "She spoke of an old wish.")
    assert edited["title"] == "Words about suicide"
    clara_api.post(url(insight, "undo"))
    assert clara_api.post(url(insight, "dismiss"), {"reason": "not_apt"}).json()["status"] == "dismissed"
    rows = clara_api.get("/api/v1/reviews/", {"insight": str(insight.pk)}).json()["results"]
    assert [row["decision"] for row in rows] == ["dismissed", "undone", "edited", "undone", "accepted"]
    assert {row["reviewer_email"] for row in rows} == {clara.email}


def test_the_second_decision_is_told_of_the_first(insight: Insight, ada: Client, clara_api: APIClient) -> None:
    carl = sign_up("carl@practice.example")
    CareTeamMembership.objects.create(client=ada, user=carl, role="covering")
    clara_api.post(url(insight, "accept"))
    answer = sign_in(carl).post(url(insight, "dismiss"), {"reason": "not_apt"})
    assert (answer.status_code, answer.json()["code"]) == (409, "decided_already")
    current = answer.json()["current"]
    assert (current["status"], current["decided_by"]) == ("accepted", "clara@practice.example")
    assert Review.objects.count() == 1


def test_a_double_click_is_no_conflict(insight: Insight, clara_api: APIClient) -> None:
    assert [clara_api.post(url(insight, "accept")).status_code for _ in range(2)] == [200, 200]
    assert Review.objects.count() == 1


def test_what_waits_cannot_be_undone(insight: Insight, clara_api: APIClient) -> None:
    assert clara_api.post(url(insight, "undo")).status_code == 409


@pytest.mark.parametrize(
    ("verb", "body", "status"),
    [
        ("dismiss", {}, 400),
        ("dismiss", {"reason": "boring"}, 400),
        ("dismiss", {"reason": "other"}, 422),
        ("edit", {}, 400),
        ("edit", {"edited_text": "   "}, 400),
        ("accept", {"reason": "other"}, 400),
    ],
)
def test_an_incomplete_decision_is_refused_and_changes_nothing(
    insight: Insight, clara_api: APIClient, verb: str, body: dict[str, str], status: int
) -> None:
    assert clara_api.post(url(insight, verb), body).status_code == status
    insight.refresh_from_db()
    assert (insight.status, Review.objects.count()) == ("published", 0)


def test_search_finds_and_pages(ada: Client, clara: User, clara_api: APIClient, ben_api: APIClient) -> None:
    tell(ada, [f"Sleep, number {number}." for number in range(5)])
    first = clara_api.get("/api/v1/search/", {"q": "sleep", "limit": "3"}).json()
    assert (first["total"], len(first["results"])) == (5, 3)
    second = clara_api.get(first["next"]).json()
    assert (len(second["results"]), second["next"]) == (2, None)
    assert "<mark>Sleep</mark>" in first["results"][0]["highlight"]
    assert clara_api.get("/api/v1/search/", {"q": "sleeep"}).json()["suggestions"] == ["sleep"]
    assert ben_api.get("/api/v1/search/", {"q": "sleep"}).json()["total"] == 0


def test_search_in_a_client_that_nobody_shows_them_is_refused(ada: Client, ben_api: APIClient) -> None:
    assert ben_api.get("/api/v1/search/", {"q": "sleep", "client": str(ada.pk)}).status_code == 400
    assert ben_api.get("/api/v1/search/").status_code == 400


def test_an_analysis_on_demand_leaves_its_run(ada: Client, clara_api: APIClient) -> None:
    source = tell(ada, ["My sister makes me happy.", "I want to kill myself."])
    report = clara_api.post(f"/api/v1/sources/{source.pk}/analyse/").json()
    assert (report["passages"], report["failed"]) == (2, 0)
    assert clara_api.post(f"/api/v1/sources/{source.pk}/analyse/").json()["passages"] == 0
    (run,) = clara_api.get("/api/v1/analysis-runs/", {"source": str(source.pk)}).json()["results"]
    assert (run["state"], run["passages"]) == ("done", 2)
    assert clara_api.get(f"/api/v1/analysis-runs/{run['id']}/").json() == run


class TestTrends:
    @pytest.fixture
    def analysed(self, ada: Client, clara_api: APIClient) -> Client:
        source = tell(ada, ["My sister is wonderful.", "My sister called.", ("therapist", "How is your sister?")])
        clara_api.post(f"/api/v1/sources/{source.pk}/analyse/")
        return ada

    @pytest.mark.seed("S0-66")
    def test_keywords_by_the_passages_they_are_in(self, analysed: Client, clara_api: APIClient) -> None:
        rows = clara_api.get(f"/api/v1/clients/{analysed.pk}/keywords/").json()["results"]
        assert rows[0] == {"term": "sister", "passages": 3}

    @pytest.mark.seed("S0-62")
    def test_the_passages_with_a_keyword(self, analysed: Client, clara_api: APIClient) -> None:
        address = f"/api/v1/clients/{analysed.pk}/keywords/search/"
        first = clara_api.get(address, {"q": "Sister", "limit": "2"}).json()
        assert [row["text"] for row in first["results"]] == ["My sister is wonderful.", "My sister called."]
        start, end = first["results"][0]["spans"][0]
        assert "My sister is wonderful."[start:end] == "sister"
        rest = clara_api.get(first["next"]).json()
        assert ([row["text"] for row in rest["results"]], rest["next"]) == (["How is your sister?"], None)
        assert clara_api.get(address, {"q": "sist"}).json()["results"] == []

    @pytest.mark.seed("S0-63")
    def test_the_tone_of_each_session_and_no_emotion_that_nobody_assessed(
        self, analysed: Client, clara_api: APIClient
    ) -> None:
        (point,) = clara_api.get(f"/api/v1/clients/{analysed.pk}/emotions/trend/").json()["results"]
        assert point["sentiment"] > 0
        assert (point["emotions"], set(point)) == (None, {"date", "session", "emotions", "sentiment"})

    @pytest.mark.seed("S0-64")
    def test_progress_is_empty_while_no_analyzer_looks_for_it(self, analysed: Client, clara_api: APIClient) -> None:
        assert clara_api.get(f"/api/v1/clients/{analysed.pk}/progress/").json() == {"results": []}

    def test_another_clients_words_are_not_counted(self, analysed: Client, clara: User, clara_api: APIClient) -> None:
        other = open_client("BEA", clara)
        assert clara_api.get(f"/api/v1/clients/{other.pk}/keywords/").json() == {"results": []}
