"""Sessions over the API: planned, moved along the legal ways, read as a timeline."""

from __future__ import annotations

import pytest
from rest_framework.test import APIClient

from clinical.models import Client, Session
from tests.factories import tell


@pytest.mark.seed("S0-57")
def test_a_new_session_is_scheduled_with_the_next_number(ada: Client, clara_api: APIClient) -> None:
    Session.objects.schedule(client=ada, start=None)
    body = {"client": str(ada.pk), "scheduled_start": "2026-12-01T10:00:00Z", "title": "Second"}
    answer = clara_api.post("/api/v1/sessions/", body)
    assert answer.status_code == 201
    made = answer.json()
    assert (made["number"], made["status"], made["occurred_at"]) == (2, "scheduled", "2026-12-01T10:00:00Z")


def test_nobody_plans_a_session_for_a_client_that_they_do_not_see(ada: Client, ben_api: APIClient) -> None:
    hers = ben_api.post("/api/v1/sessions/", {"client": str(ada.pk)})
    nobodys = ben_api.post("/api/v1/sessions/", {"client": "00000000-0000-7000-8000-000000000000"})
    assert (hers.status_code, hers.content) == (400, nobodys.content)
    assert not Session.objects.exists()


def test_an_end_before_the_start_is_refused(ada: Client, clara_api: APIClient) -> None:
    times = {"scheduled_start": "2026-12-01T10:00:00Z", "scheduled_end": "2026-12-01T09:00:00Z"}
    answer = clara_api.post("/api/v1/sessions/", {"client": str(ada.pk), **times})
    assert (answer.status_code, answer.json()["message"]) == (400, "A session's planned end is not before its start.")


@pytest.mark.seed("S0-59")
def test_a_session_is_completed_with_its_times_and_its_duration_follows(ada: Client, clara_api: APIClient) -> None:
    session = Session.objects.schedule(client=ada, start=None)
    times = {"actual_start": "2026-12-01T10:00:00Z", "actual_end": "2026-12-01T10:50:00Z"}
    answer = clara_api.patch(f"/api/v1/sessions/{session.pk}/", {"status": "completed", **times})
    assert (answer.status_code, answer.json()["duration_minutes"], answer.json()["status"]) == (200, 50, "completed")
    session.refresh_from_db()
    assert session.status == "completed"


@pytest.mark.seed("S0-59")
def test_an_illegal_transition_is_a_conflict_and_changes_nothing(ada: Client, clara_api: APIClient) -> None:
    session = Session.objects.schedule(client=ada, start=None, status="cancelled")
    answer = clara_api.patch(f"/api/v1/sessions/{session.pk}/", {"status": "in_progress", "title": "New"})
    assert (answer.status_code, answer.json()["code"]) == (409, "illegal_transition")
    session.refresh_from_db()
    assert (session.status, session.title) == ("cancelled", "")


def test_a_session_stays_its_clients(ada: Client, clara_api: APIClient) -> None:
    session = Session.objects.schedule(client=ada, start=None)
    answer = clara_api.patch(f"/api/v1/sessions/{session.pk}/", {"client": str(ada.pk)})
    assert (answer.status_code, answer.json()["field"]) == (400, "client")


@pytest.mark.seed("S0-60")
def test_the_transcript_is_in_the_order_in_which_it_was_said(ada: Client, clara_api: APIClient) -> None:
    source = tell(ada, [("therapist", "How was it?"), "Bad.", "Very bad."])
    answer = clara_api.get(f"/api/v1/sessions/{source.session_id}/transcript/", {"limit": 2}).json()
    assert [(row["text"], row["role"], row["start_ms"]) for row in answer["passages"]] == [
        ("How was it?", "therapist", 0),
        ("Bad.", "client", 5_000),
    ]
    assert [row["text"] for row in clara_api.get(answer["next"]).json()["passages"]] == ["Very bad."]


def test_a_replaced_revision_is_not_in_the_transcript(ada: Client, clara_api: APIClient) -> None:
    tell(ada, ["I said sausage."], external_id="s1")
    source = tell(ada, ["I said knowledge."], external_id="s1")
    answer = clara_api.get(f"/api/v1/sessions/{source.session_id}/transcript/").json()
    assert [row["text"] for row in answer["passages"]] == ["I said knowledge."]


def test_filters(ada: Client, clara_api: APIClient) -> None:
    Session.objects.schedule(client=ada, start=None, title="open")
    Session.objects.schedule(client=ada, start=None, title="gone", status="cancelled")
    rows = clara_api.get("/api/v1/sessions/", {"client": str(ada.pk), "status": "cancelled"}).json()["results"]
    assert [row["title"] for row in rows] == ["gone"]
    assert clara_api.get("/api/v1/sessions/", {"client": "nonsense"}).status_code == 400
