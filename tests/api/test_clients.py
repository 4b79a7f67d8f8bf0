"""Clients over the API: a code in lists, everything in the detail, and nothing of somebody else's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from clinical.models import Client, Member, Session, User
from tests.factories import open_client


def test_the_list_shows_codes_and_no_names(ada: Client, clara_api: APIClient) -> None:
    Client.objects.update(name="Ada Lovelace")
    answer = clara_api.get("/api/v1/clients/").json()
    assert [row["code"] for row in answer["results"]] == ["ADA"]
    assert "Lovelace" not in str(answer)
    assert answer["next"] is None


def test_the_detail_has_the_members(ada: Client, clara_api: APIClient) -> None:
    Member.objects.create(client=ada, name="Bo", relation="partner")
    assert [one["name"] for one in clara_api.get(f"/api/v1/clients/{ada.pk}/").json()["members"]] == ["Bo"]


def test_whoever_opens_a_client_is_in_its_care_team(clara_api: APIClient, clara: User, ben_api: APIClient) -> None:
    made = clara_api.post("/api/v1/clients/", {"code": "BEA", "demographics": {"occupation": "nurse"}})
    assert made.status_code == 201
    assert clara_api.get(f"/api/v1/clients/{made.json()['id']}/").json()["demographics"] == {"occupation": "nurse"}
    assert ben_api.get(f"/api/v1/clients/{made.json()['id']}/").status_code == 404


def test_a_code_that_is_taken_is_a_conflict(ada: Client, clara_api: APIClient, ben_api: APIClient) -> None:
    for api in (clara_api, ben_api):
        answer = api.post("/api/v1/clients/", {"code": "ada"})
        assert (answer.status_code, answer.json()["code"]) == (409, "duplicate")
        assert answer.json()["message"] == "A client with this code exists already."


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "code"),
        ({"code": ""}, "code"),
        ({"code": "x" * 41}, "code"),
        ({"code": "B", "kind": "pair"}, "kind"),
        ({"code": "B", "colour": "red"}, "colour"),
        ({"code": "B", "id": "00000000-0000-7000-8000-000000000000"}, "id"),
        ({"code": "B", "demographics": {"a": {"b": 1}}}, "demographics"),
        ({"code": "B", "risk_factors": [{"severity": "high"}]}, "risk_factors"),
        ({"code": "B", "birth_date": "31/12/1990"}, "birth_date"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_field(clara_api: APIClient, body: dict[str, Any], field: str) -> None:
    answer = clara_api.post("/api/v1/clients/", body)
    assert (answer.status_code, answer.json()["field"]) == (400, field)
    assert not Client.objects.exists()


def test_every_error_is_said_at_once(clara_api: APIClient) -> None:
    answer = clara_api.post("/api/v1/clients/", {"kind": "pair", "birth_date": "soon"})
    assert {one["field"] for one in answer.json()["errors"]} == {"code", "kind", "birth_date"}


def test_a_control_character_in_a_code_is_refused_in_the_words_of_the_constraint(clara_api: APIClient) -> None:
    answer = clara_api.post("/api/v1/clients/", {"code": "B\u0007B"})
    assert answer.status_code == 400
    assert "control characters" in answer.json()["message"]


def test_a_patch_changes_what_it_names(ada: Client, clara_api: APIClient) -> None:
    answer = clara_api.patch(f"/api/v1/clients/{ada.pk}/", {"gender": "female"})
    assert answer.status_code == 200
    ada.refresh_from_db()
    assert (ada.gender, ada.code) == ("female", "ADA")


def test_a_filter_that_is_none_is_refused(ada: Client, clara_api: APIClient) -> None:
    answer = clara_api.get("/api/v1/clients/", {"kin": "couple"})
    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (400, "unknown_parameter", "kin")


def test_filters(ada: Client, clara: User, clara_api: APIClient) -> None:
    open_client("BEA", clara, kind="couple")
    assert [one["code"] for one in clara_api.get("/api/v1/clients/", {"kind": "couple"}).json()["results"]] == ["BEA"]
    assert [one["code"] for one in clara_api.get("/api/v1/clients/", {"code": "ada"}).json()["results"]] == ["ADA"]
    assert clara_api.get("/api/v1/clients/", {"kind": "pair"}).status_code == 400


@pytest.mark.seed("S0-58")
def test_the_sessions_of_a_client_stand_in_their_order(ada: Client, clara_api: APIClient) -> None:
    for _ in range(3):
        Session.objects.schedule(client=ada, start=None)
    first = clara_api.get(f"/api/v1/clients/{ada.pk}/sessions/", {"limit": 2}).json()
    assert [one["number"] for one in first["sessions"]] == [1, 2]
    assert [one["number"] for one in clara_api.get(first["next"]).json()["sessions"]] == [3]


@pytest.mark.seed("S0-65")
def test_the_summary_counts_what_was_held(ada: Client, clara_api: APIClient) -> None:
    now = timezone.now()
    held = datetime(2026, 3, 2, 10, tzinfo=UTC)
    Session.objects.schedule(client=ada, start=held, duration_minutes=40)
    Session.objects.schedule(client=ada, start=held - timedelta(days=7), duration_minutes=50)
    Session.objects.schedule(client=ada, start=now - timedelta(hours=1), status="cancelled")
    Session.objects.schedule(client=ada, start=now + timedelta(days=7))
    assert clara_api.get(f"/api/v1/clients/{ada.pk}/summary/").json() == {
        "total_sessions": 4,
        "avg_duration": 45.0,
        "last_session": "2026-03-02T10:00:00Z",
    }


def test_a_client_without_sessions_has_no_average(ada: Client, clara_api: APIClient) -> None:
    answer = clara_api.get(f"/api/v1/clients/{ada.pk}/summary/").json()
    assert answer == {"total_sessions": 0, "avg_duration": None, "last_session": None}
