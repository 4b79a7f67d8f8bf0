"""Who may come in, and in which words everybody else is sent away."""

from __future__ import annotations

import pytest
from rest_framework.test import APIClient

from clinical.access import UserRole
from clinical.models import Client, User
from tests.api.conftest import sign_in
from tests.factories import PASSWORD, sign_up

FORM = {"code", "message", "field", "next_step"}


@pytest.mark.django_db
def test_whoever_is_not_signed_in_gets_401_and_the_way_in() -> None:
    answer = APIClient().get("/api/v1/clients/")
    assert answer.status_code == 401
    assert set(answer.json()) == FORM
    assert answer["WWW-Authenticate"] == "Session"
    assert "/admin/login/" in answer.json()["next_step"]


def test_a_role_without_records_gets_403(db: None) -> None:
    answer = sign_in(sign_up("op@practice.example", UserRole.OPERATOR)).get("/api/v1/clients/")
    assert (answer.status_code, answer.json()["code"]) == (403, "not_permitted")


def test_a_write_without_the_csrf_token_is_refused_and_with_it_taken(ada: Client, clara: User) -> None:
    browser = APIClient(enforce_csrf_checks=True)
    token = browser.get("/admin/login/").cookies["csrftoken"].value
    browser.post(
        "/admin/login/",
        {"username": clara.email, "password": PASSWORD, "csrfmiddlewaretoken": token, "next": "/api/v1/clients/"},
        format="multipart",
    )
    refused = browser.post("/api/v1/clients/", {"code": "BEA"})
    assert (refused.status_code, refused.json()["code"]) == (403, "csrf_failed")
    token = browser.cookies["csrftoken"].value
    assert browser.post("/api/v1/clients/", {"code": "BEA"}, headers={"X-CSRFToken": token}).status_code == 201


def test_what_is_out_of_scope_reads_as_what_is_not_there(ada: Client, ben_api: APIClient) -> None:
    hers = ben_api.get(f"/api/v1/clients/{ada.pk}/")
    nobodys = ben_api.get("/api/v1/clients/00000000-0000-7000-8000-000000000000/")
    nowhere = ben_api.get("/api/v1/nothing/")
    assert {hers.status_code, nobodys.status_code, nowhere.status_code} == {404}
    assert hers.content == nobodys.content == nowhere.content


def test_nothing_of_it_stays_in_a_cache(ada: Client, clara_api: APIClient) -> None:
    assert "no-store" in clara_api.get("/api/v1/clients/")["Cache-Control"]


def test_outside_of_debug_there_is_no_browsable_api(ada: Client, clara_api: APIClient) -> None:
    answer = clara_api.get("/api/v1/clients/", headers={"Accept": "text/html"})
    assert (answer.status_code, answer.json()["code"]) == (406, "not_acceptable")


def test_other_content_types_and_methods_are_refused_in_the_same_form(ada: Client, clara_api: APIClient) -> None:
    form = clara_api.post("/api/v1/clients/", "code=BEA", content_type="application/x-www-form-urlencoded")
    gone = clara_api.delete(f"/api/v1/clients/{ada.pk}/")
    assert (form.status_code, gone.status_code) == (415, 405)
    assert set(form.json()) == set(gone.json()) == FORM
