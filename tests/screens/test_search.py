"""The search screen: hits in their context, only of what the asker may see."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext

from clinical.models import Client, User
from insights.screens import search
from tests.factories import open_client, tell
from tests.screens.conftest import SignIn
from transcripts.models import Source


def _found(browser: Browser, **asked: str) -> str:
    return browser.get("/admin/search/", asked).content.decode()


def test_a_hit_stands_in_its_context_and_leads_to_its_line(browser: Browser, told: Source) -> None:
    shown = _found(browser, q="wake")
    assert "1 result" in shown
    assert "<mark>wake</mark>" in shown
    assert "How was the week?" in shown
    assert f'href="/admin/review/{told.pk}/#s-1"' in shown
    assert "not assessed" in shown


def test_a_typo_is_asked_about(browser: Browser, told: Source) -> None:
    assert '?q=week"' in _found(browser, q="weak") or "Nothing found" in _found(browser, q="weak")
    shown = _found(browser, q="weeek")
    assert "Did you mean" in shown
    assert ">week</a>" in shown


def test_a_stranger_finds_nothing(told: Source, ben: User, sign_in: SignIn) -> None:
    browser = sign_in(ben)
    for asked in ({"q": "wake"}, {"q": "wake", "client": "ADA"}, {"q": "weeek"}):
        shown = _found(browser, **asked)
        assert "How was" not in shown
        assert "<mark>" not in shown
        assert "Did you mean" not in shown
    assert "You see no client with that code" in _found(browser, q="wake", client="ADA")


def test_one_client_can_be_chosen(browser: Browser, clara: User, told: Source) -> None:
    tell(open_client("BEA", clara), ["I wake at four."])
    assert "2 results" in _found(browser, q="wake")
    assert "1 result in BEA" in _found(browser, q="wake", client="BEA")


def test_what_was_said_is_escaped(browser: Browser, ada: Client) -> None:
    tell(ada, ["<b>bold</b> words"])
    shown = _found(browser, q="words")
    assert "<b>bold" not in shown
    assert "&lt;b&gt;bold" in shown


def test_a_page_takes_as_many_queries_for_many_hits_as_for_few(browser: Browser, ada: Client) -> None:
    counts = []
    for count in (2, 15):
        tell(ada, [f"Number {count} {number} flood{count}." for number in range(count)])
        with CaptureQueriesContext(connection) as queries:
            assert f"{count} results" in _found(browser, q=f"flood{count}")
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_more_hits_stand_on_the_next_page(browser: Browser, ada: Client) -> None:
    tell(ada, [f"Line {number} of rain." for number in range(25)])
    answer = browser.get("/admin/search/", {"q": "rain"})
    assert len(answer.context["hits"]) == 20
    rest = browser.get(f"/admin/search/?{answer.context['next_page']}")
    assert len(rest.context["hits"]) == 5


def test_a_search_that_takes_too_long_says_so(browser: Browser, told: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(*_: object, **__: object) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(1)")

    monkeypatch.setattr(search, "TIMEOUT_MS", 20)
    monkeypatch.setattr(search, "search", slow)
    assert "was stopped. Narrow it" in _found(browser, q="wake")


@pytest.mark.parametrize("asked", [{}, {"q": " "}, {"q": "\0", "after": "x"}, {"q": "wake", "after": "x"}])
def test_a_mistyped_address_is_no_error(browser: Browser, told: Source, asked: dict[str, str]) -> None:
    assert browser.get("/admin/search/", asked).status_code == 200
