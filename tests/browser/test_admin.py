"""What a clinician sees in the stock admin."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page
from pytest_django.live_server_helper import LiveServer

from clinical.models import Client, User
from tests.factories import PASSWORD, open_client, sign_up, state_insight, tell

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]


@pytest.fixture
def ada(db: None) -> Client:
    clara = sign_up("clara@practice.example", name="Clara Voss")
    ada = open_client("ADA", clara)
    lines: list[str | tuple[str, str]] = [
        ("therapist", "How was the week?"),
        "I did not want to wake up on Tuesday.",
        "But I got up.",
    ]
    source = tell(ada, lines)
    state_insight(source.passages.get(sequence=1), span=(2, 25))
    return ada


def test_a_clinician_signs_in_and_reads_from_client_to_evidence(
    live_server: LiveServer, page: Page, ada: Client, pictures: Path
) -> None:
    stranger = sign_up("ben@practice.example")
    tell(open_client("BEA", stranger), ["Nobody else may read this."])
    page.goto(f"{live_server.url}/")
    page.get_by_label("Email").fill("clara@practice.example")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(f"{live_server.url}/admin/")
    for name, shown in (
        ("clinical/client", "ADA"),
        ("clinical/session", "ADA"),
        ("transcripts/source", "A session"),
        ("transcripts/passage", "I did not want to wake up on Tuesday."),
        ("insights/insight", "Words about suicide"),
    ):
        page.goto(f"{live_server.url}/admin/{name}/")
        page.screenshot(path=pictures / f"{name.replace('/', '-')}.png")
        assert shown in page.inner_text("#content")
        assert "BEA" not in page.content()
        assert "Nobody else" not in page.content()
    page.click("#result_list tbody th a")
    assert "not want to wake up" in page.inner_text("#content")
    page.screenshot(path=pictures / "insight.png", full_page=True)


def test_an_operator_sees_users_and_no_record(live_server: LiveServer, page: Page, ada: Client, pictures: Path) -> None:
    User.objects.create_superuser("olga@practice.example", PASSWORD)
    page.goto(f"{live_server.url}/admin/")
    page.get_by_label("Email").fill("olga@practice.example")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    assert page.locator(".model-user").count() > 0
    assert page.locator(".model-client, .model-source, .model-passage, .model-insight").count() == 0
    page.screenshot(path=pictures / "operator.png")
