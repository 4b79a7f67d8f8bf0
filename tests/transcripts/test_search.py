"""Search finds what its asker may see, and marks it safely."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from clinical.models import Client, User
from tests.factories import open_client, tell
from transcripts.search import search


def test_search_finds_inflected_words_and_marks_them(ada: Client, clara: User) -> None:
    tell(ada, ["I was drinking again on Friday.", "Nothing to do with it."])
    found = search("drinks", user=clara)
    assert (found.total, found.capped, found.suggestions) == (1, False, [])
    assert found.hits[0].highlight == "I was <mark>drinking</mark> again on Friday."
    assert (found.hits[0].client, found.hits[0].speaker, found.hits[0].start_ms) == ("ADA", "client", 0)


def test_a_highlight_shows_markup_as_text(ada: Client, clara: User) -> None:
    tell(ada, ["<script>alert('panic')</script> & panic"])
    highlight = search("panic", user=clara).hits[0].highlight
    assert "<script>" not in highlight
    assert "&lt;script&gt;" in highlight
    assert "<mark>panic</mark>" in highlight


def test_a_stranger_finds_nothing_and_is_offered_nothing(ada: Client, ben: User) -> None:
    tell(ada, ["My neighbour Zebulon came round."])
    assert search("Zebulon", user=ben).total == 0
    assert search("Zebulun", user=ben).suggestions == []


def test_a_typo_gets_a_suggestion_that_has_a_hit(ada: Client, clara: User) -> None:
    tell(ada, ["The anxiety comes at night."])
    assert search("anxeity", user=clara).suggestions == ["anxiety"]
    assert search("the anxeity", user=clara).suggestions == ["the anxiety"]


@pytest.mark.parametrize(
    ("query", "total"),
    [
        ('"at night"', 1),
        ('"night comes"', 0),
        ("night -anxiety", 0),
        ("morning or night", 1),
        ("", 0),
        ("   ", 0),
        ("the", 0),
        ("\x00night", 1),
        ("night & | ! ( :*", 1),
        ("\ud800 night", 1),
        ("night " * 2_000, 1),
    ],
)
def test_queries(ada: Client, clara: User, query: str, total: int) -> None:
    tell(ada, ["The anxiety comes at night."])
    assert search(query, user=clara).total == total


def test_pages_follow_each_other_without_gap_or_overlap(ada: Client, clara: User) -> None:
    tell(ada, [f"Sleep, number {number}." for number in range(25)])
    first = search("sleep", user=clara, limit=10)
    second = search("sleep", user=clara, limit=10, after=first.next)
    third = search("sleep", user=clara, limit=10, after=second.next)
    seen = [hit.passage for page in (first, second, third) for hit in page.hits]
    assert (len(seen), len(set(seen)), third.next) == (25, 25, None)


def test_a_replaced_revision_is_not_found(ada: Client, clara: User) -> None:
    tell(ada, ["I said sausage."], external_id="s1")
    tell(ada, ["I said knowledge."], external_id="s1")
    assert search("sausage", user=clara).total == 0
    assert search("knowledge", user=clara).total == 1


def test_one_client_can_be_searched_alone(ada: Client, clara: User) -> None:
    tell(ada, ["Sleep is bad."])
    tell(open_client("BEA", clara), ["Sleep is good."])
    assert search("sleep", user=clara).total == 2
    assert [hit.client for hit in search("sleep", user=clara, client=ada).hits] == ["ADA"]


def test_search_takes_as_many_queries_for_two_hits_as_for_twenty(ada: Client, clara: User) -> None:
    tell(ada, ["Sleep."] * 2)
    with CaptureQueriesContext(connection) as few:
        search("sleep", user=clara)
    tell(ada, ["Sleep well."] * 20)
    with CaptureQueriesContext(connection) as many:
        search("sleep", user=clara)
    assert len(few) == len(many)
