"""The verb beneath every import: whole or not at all, once, and as the utterances have it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext

from clinical.models import Client, Session, User
from tests.factories import open_client
from transcripts.formats.base import Conversation, FormatErrors, Utterance, Word
from transcripts.models import Passage, SearchWord, Source, Speaker
from transcripts.models.shapes import read_words
from transcripts.roles import Role
from transcripts.storing import MAX_PASSAGE_CHARACTERS, Stored, prepare, remember_words, store

HELLO = Utterance("Hello there.", "T", 0, 900, 0.5, (Word("Hello", 0, 400, 0.9),))
TALK = Conversation((HELLO, Utterance("Well …", "Kim", 1000), Utterance("(a door)")), external_id="s-1")


def put(client: Client, conversation: Conversation, *, title: str = "A session", **roles: Role) -> Stored:
    return store(
        conversation,
        prepare(conversation, roles, {}),
        client=client,
        actor=User.objects.local(),
        title=title,
        format="txt",
        file_name="a.txt",
    )


@pytest.mark.seed("S0-24", "S0-25", "S0-26", "S0-28", "S0-29", "S0-31", "S0-56")
def test_passages_are_stored_as_they_were_said(ada: Client) -> None:
    source = put(ada, TALK, T=Role.THERAPIST).source
    passages = source.passages.order_by("sequence").select_related("speaker")
    assert [
        (one.sequence, one.speaker and one.speaker.label, one.start_ms, one.end_ms, one.text, one.confidence)
        for one in passages
    ] == [
        (0, "T", 0, 900, "Hello there.", 0.5),
        (1, "Kim", 1000, None, "Well …", None),
        (2, None, None, None, "(a door)", None),
    ]
    assert [one.client for one in passages] == [ada] * 3
    assert read_words(passages[0].words) == HELLO.words
    assert [one.words for one in passages[1:]] == [None, None]
    assert [one.word_count for one in passages] == [2, 2, 2]
    assert dict(source.speakers.values_list("label", "role")) == {"T": "therapist", "Kim": "unknown"}
    assert (source.duration_ms, source.external_id, source.revision) == (1000, "s-1", 1)


@pytest.mark.parametrize(
    "changed",
    [
        {"text": "Hello there!"},
        {"speaker": "U"},
        {"speaker": None},
        {"start_ms": 1},
        {"end_ms": None},
        {"confidence": None},
        {"words": ()},
    ],
)
def test_the_hash_is_over_all_that_an_utterance_says(changed: dict[str, Any]) -> None:
    other = replace(TALK, utterances=(replace(HELLO, **changed), *TALK.utterances[1:]))
    assert prepare(other, {}, {}).sha256 != prepare(TALK, {}, {}).sha256


def test_the_hash_is_over_the_order_and_not_over_titles_roles_or_warnings() -> None:
    sha256 = prepare(TALK, {}, {}).sha256
    assert prepare(replace(TALK, utterances=TALK.utterances[::-1]), {}, {}).sha256 != sha256
    same = replace(TALK, title="Other", language="de", external_id="s-2", roles={"T": Role.CLIENT}, warnings=("Odd.",))
    assert prepare(same, {"C": Role.CLIENT}, {}).sha256 == sha256


def test_two_texts_never_hash_as_one() -> None:
    one = Conversation((Utterance("a\nb", "T"),))
    two = Conversation((Utterance("a", "T"), Utterance("b", "T")))
    assert prepare(one, {}, {}).sha256 != prepare(two, {}, {}).sha256


def test_storing_again_gives_what_is_there(ada: Client) -> None:
    first, second = put(ada, TALK), put(ada, TALK, title="Another title")
    assert (first.created, second.created) == (True, False)
    assert first.source == second.source
    assert (Source.objects.count(), Passage.objects.count(), Session.objects.count()) == (1, 3, 1)


def test_two_clients_may_have_the_same_content(ada: Client, clara: User) -> None:
    assert put(ada, TALK).source != put(open_client("BEA", clara), TALK).source


def test_no_id_is_one_id_and_the_empty_text_none(ada: Client) -> None:
    nameless = replace(TALK, external_id=None)
    assert put(ada, nameless).created
    assert not put(ada, nameless).created
    assert put(ada, replace(nameless, utterances=TALK.utterances[:1])).source.revision == 1
    assert Source.objects.current().count() == 2


def test_the_database_holds_that_content_comes_once(ada: Client) -> None:
    source = put(ada, TALK).source
    with pytest.raises(DatabaseError, match="transcripts_source_content_once"), transaction.atomic():
        Source.objects.create(
            client=ada,
            external_id="s-1",
            content_sha256=source.content_sha256,
            format="txt",
            imported_by=source.imported_by,
        )


def test_a_conversation_that_breaks_leaves_nothing(ada: Client) -> None:
    """Fault injection: an end before its start, which no format lets through."""
    broken = replace(TALK, utterances=(HELLO, Utterance("No.", "C", 5, 1)))
    with pytest.raises(DatabaseError, match="transcripts_passage_end_after_start"):
        put(ada, broken)
    assert [model.objects.count() for model in (Source, Speaker, Passage, Session)] == [0, 0, 0, 0]
    assert put(ada, TALK).created


def test_what_no_row_can_hold_is_refused_all_at_once() -> None:
    long = Utterance("x" * (MAX_PASSAGE_CHARACTERS + 1), "n" * 256)
    with pytest.raises(FormatErrors) as caught:
        prepare(Conversation((HELLO, long), external_id="e" * 256), {}, {})
    assert [error.what for error in caught.value.errors] == [
        "Utterance 2 has 100,001 characters; a passage holds 100,000.",
        "The speaker of utterance 2 has more than 255 characters.",
        "The id of a conversation has more than 255 characters.",
    ]


@pytest.mark.parametrize("character", ["x", "\u4e00", "\U0001f600", "a b ", "é"])
def test_the_longest_passage_can_be_stored_and_searched_whatever_it_is_written_in(ada: Client, character: str) -> None:
    text = (character * MAX_PASSAGE_CHARACTERS)[:MAX_PASSAGE_CHARACTERS].strip()
    put(ada, Conversation((Utterance(text, "n" * 255),), external_id="e" * 255))
    assert Passage.objects.get().text == text


def test_a_hundred_thousand_different_words_fit(ada: Client) -> None:
    text = " ".join(f"{number:05x}q" for number in range(14_000))
    put(ada, Conversation((Utterance(text),)))
    assert Passage.objects.get().word_count == 14_000


def test_a_source_takes_as_many_queries_with_three_passages_as_with_three_hundred(ada: Client) -> None:
    put(ada, TALK)
    with CaptureQueriesContext(connection) as few:
        put(ada, replace(TALK, external_id="s-2"))
    many_said = tuple(Utterance(f"Number {number}.", "TC"[number % 2]) for number in range(300))
    with CaptureQueriesContext(connection) as many:
        put(ada, Conversation(many_said, external_id="s-3"))
    assert len(few) == len(many)


def test_words_are_remembered_once_and_in_any_order(db: None) -> None:
    remember_words(["b", "a"])
    remember_words(["c", "a"])
    assert list(SearchWord.objects.order_by("word").values_list("word", flat=True)) == ["a", "b", "c"]
