"""The review queue and Today: what waits, for whom, in which order."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from clinical.access import UserRole
from clinical.models import CareTeamMembership, Client, Session, User
from insights.models import AnalysisRun, Insight
from insights.queue import View, count_views, list_view
from insights.reviewing import Decision, decide
from tests.factories import open_client, sign_up, state_insight, tell
from tests.screens.conftest import SignIn, passage
from transcripts.formats.base import Conversation, Utterance
from transcripts.models import Source, Speaker
from transcripts.storing import prepare, store

QUEUE_QUERIES = 5  # sign-in 2, counts, rows, last decision
TODAY_QUERIES = 9  # sign-in 2, counts, clients, dates, tones, failures, coming sessions, imports


def _waiting(client: Client, text: str, **finding: Any) -> Source:
    source = tell(client, [text])
    state_insight(passage(source, 0), **finding)
    return source


def _codes(browser: Browser, **asked: str) -> list[str]:
    shown = browser.get("/admin/review/", asked).content.decode()
    return re.findall(r'<th scope="row"><a class="strong" href="[^"]+">(.+?)</a>', shown)


def test_urgent_comes_first_and_then_what_waits_longest(browser: Browser, clara: User) -> None:
    for code, priority, days in (("NEW", "low", 1), ("OLD", "low", 9), ("RISK", "urgent", 0)):
        source = _waiting(open_client(code, clara), code, priority=priority)
        Insight.objects.filter(source=source).update(created_at=timezone.now() - timedelta(days=days))
    assert _codes(browser) == ["RISK", "OLD", "NEW"]
    assert _codes(browser, view="risk") == ["RISK"]
    assert _codes(browser, q="ol") == ["OLD"]


def test_each_view_counts_what_it_lists(browser: Browser, clara: User, ada: Client) -> None:
    _waiting(ada, "Waits.")
    _waiting(ada, "Urgent.", priority="urgent")
    decided = _waiting(ada, "Decided.")
    decide(Insight.objects.get(source=decided), Decision("dismissed", "not_apt"), by=clara)
    failed = tell(ada, ["Could not be read."])
    AnalysisRun.objects.create(client=ada, source=failed, analyzer_version="1", state="failed", last_error="OSError.")
    unnamed = tell(ada, ["Who is this?"])
    Speaker.objects.filter(source=unnamed).update(role="unknown")
    counts = count_views(clara)
    assert counts == {
        View.NEEDS_ME: 2,
        View.RISK: 1,
        View.DECIDED: 1,
        View.QUALITY: 1,
        View.FAILED: 1,
    }
    for view, expected in counts.items():
        assert len(_codes(browser, view=view.value)) == expected == list_view(clara, view).count()
    shown = browser.get("/admin/review/", {"view": "failed"}).content.decode()
    assert "OSError." in shown
    assert "Retry" in shown


def test_a_failure_that_was_put_right_is_none_any_more(clara: User, ada: Client) -> None:
    source = tell(ada, ["Read at last."])
    for state, reason in (("failed", "OSError."), ("done", "")):
        AnalysisRun.objects.create(client=ada, source=source, analyzer_version="1", state=state, last_error=reason)
    assert count_views(clara)[View.FAILED] == 0


def test_unsure_words_are_low_quality(clara: User, ada: Client) -> None:
    def hear(confidence: float | None) -> None:
        conversation = Conversation((Utterance(f"Said {confidence}.", "client", confidence=confidence),), language="en")
        prepared = prepare(conversation, {}, {})
        store(conversation, prepared, client=ada, actor=clara, title="A", format="txt", file_name="a.txt")

    for confidence in (None, 0.5, 0.49):
        hear(confidence)
    assert [source.unsure_share for source in list_view(clara, View.QUALITY)] == [1.0]


def test_a_page_takes_as_many_queries_for_many_rows_as_for_few(browser: Browser, clara: User) -> None:
    made = {"/admin/review/": QUEUE_QUERIES, "/admin/": TODAY_QUERIES}
    for count in (1, 12):
        for number in range(count):
            client = open_client(f"C{count}-{number}", clara)
            _waiting(client, f"Line {number}.", priority="urgent")
            start = timezone.now() + timedelta(hours=number + 1)
            Session.objects.schedule(client=client, start=start)
        for path, expected in made.items():
            with CaptureQueriesContext(connection) as queries:
                assert browser.get(path).status_code == 200
            assert len(queries) == expected, path


def test_an_empty_queue_says_when_somebody_last_decided(browser: Browser, clara: User, ada: Client) -> None:
    assert "Nothing waits for you." in browser.get("/admin/review/").content.decode()
    source = _waiting(ada, "Waits.")
    decide(Insight.objects.get(source=source), Decision("accepted"), by=clara)
    shown = browser.get("/admin/review/").content.decode()
    assert f"You last decided on {timezone.localtime():%-d %b %Y}" in shown
    assert browser.get("/admin/review/", {"view": "nonsense", "from": "-1"}).status_code == 200


def test_nobody_sees_what_waits_for_others(told: Source, ben: User, sign_in: SignIn) -> None:
    for path in ("/admin/", "/admin/review/", "/admin/review/?view=risk", "/admin/review/end/"):
        shown = sign_in(ben).get(path).content.decode()
        assert "ADA" not in shown
        assert "1 urgent" not in shown


def test_a_revision_that_was_replaced_waits_for_nobody(clara: User, ada: Client) -> None:
    old = tell(ada, ["First form."], external_id="a")
    state_insight(passage(old, 0))
    tell(ada, ["Second form."], external_id="a")
    assert count_views(clara)[View.NEEDS_ME] == 0


SCREENS = ("/admin/review/", "/admin/review/end/", "/admin/search/", "/admin/import/", "/admin/keys/")
READS = {"/admin/review/", "/admin/review/end/", "/admin/search/", "/admin/keys/"}
ALLOWED = {
    UserRole.CLINICIAN: set(SCREENS),
    UserRole.SUPERVISOR: READS,
    UserRole.INTAKE: set(SCREENS),
    UserRole.AUDITOR: set[str](),
    UserRole.OPERATOR: set[str](),
}


@pytest.mark.parametrize("role", UserRole.values)
def test_each_role_reaches_its_screens_and_no_other(db: None, sign_in: SignIn, role: str) -> None:
    browser = sign_in(sign_up("somebody@practice.example", role))
    expected = ALLOWED.get(UserRole(role))
    for path in SCREENS:
        answer = browser.get(path)
        if expected is None:  # may not sign in to the admin
            assert (answer.status_code, answer["Location"]) == (302, f"/admin/login/?next={path}")
        else:
            assert answer.status_code == (200 if path in expected else 403), path


def test_nobody_is_let_in_without_signing_in(told: Source) -> None:
    for path in (*SCREENS, "/admin/", "/admin/records/", f"/admin/review/{told.pk}/"):
        answer = Browser().get(path)
        assert (answer.status_code, answer["Location"].split("?")[0]) == (302, "/admin/login/")


def test_who_reads_no_record_has_the_plain_index(db: None, sign_in: SignIn) -> None:
    shown = sign_in(sign_up("olga@practice.example", UserRole.OPERATOR)).get("/admin/").content.decode()
    assert "model-user" in shown
    assert "Caseload" not in shown


def test_today_puts_trouble_first_and_says_why(browser: Browser, clara: User, told: Source) -> None:
    open_client("AAA", clara, risk_factors=[{"factor": "insomnia", "severity": "high"}])
    shown = browser.get("/admin/").content.decode()
    assert re.findall(r'class="strong">(.+?)</a>', shown) == ["ADA", "AAA"]
    assert "1 risk flag" in shown
    assert "Not assessed" in shown  # Ada's risk
    assert "High" in shown
    assert "Start review, 1 waiting" in shown


def test_a_failed_analysis_is_never_shown_as_nothing_open(browser: Browser, ada: Client) -> None:
    failed = tell(ada, ["Could not be read."])
    AnalysisRun.objects.create(client=ada, source=failed, analyzer_version="1", state="failed", last_error="OSError.")
    shown = browser.get("/admin/").content.decode()
    assert "1 analysis failed" in shown
    assert "Nothing open" not in shown


def test_today_of_somebody_new_has_the_first_steps(browser: Browser) -> None:
    shown = browser.get("/admin/").content.decode()
    assert "Nobody is in your care yet" in shown
    assert "Add a client" in shown


def test_a_covering_colleague_sees_it_while_covering(told: Source, ben: User, sign_in: SignIn) -> None:
    place = CareTeamMembership.objects.create(client=told.client, user=ben, role="covering")
    assert _codes(sign_in(ben)) == ["ADA"]
    place.end()
    assert _codes(sign_in(ben)) == []


def test_keys_are_turned_off_per_user(browser: Browser, clara: User, told: Source) -> None:
    url = f"/admin/review/{told.pk}/"
    assert 'data-keys="on"' in browser.get(url).content.decode()
    answer = browser.post("/admin/keys/", {"keys": "off", "back": url})
    assert answer["Location"] == url
    assert 'data-keys="off"' in browser.get(url).content.decode()
    assert browser.post("/admin/keys/", {"keys": "on", "back": "https://evil.example/"})["Location"] == "/admin/keys/"
    assert 'data-keys="on"' in browser.get(url).content.decode()
