import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from insights.analyzers.talk import Share, Silence, TalkMetrics, Utterance, is_question, measure_talk
from transcripts.roles import Role

SESSION = [
    Utterance("How have you been?", "A", Role.THERAPIST, 0, 2_000),
    Utterance("Not good.", "B", Role.CLIENT, 5_000, 6_000),
    Utterance("I don't sleep.", "B", Role.CLIENT, 6_500, 8_000),
    Utterance("Since when? Since May?", "A", Role.THERAPIST, 7_500, 9_000),
    Utterance("Yes.", "B", Role.CLIENT, 20_000, None),
]


def test_a_session_is_counted_by_speaker_and_by_role() -> None:
    talk = measure_talk(SESSION)
    therapist = Share(Role.THERAPIST, "A", 8, 0.5714, 2, 2, 2, 4.0, 3_500)
    client = Share(Role.CLIENT, "B", 6, 0.4286, 3, 2, 0, 3.0, 2_500)
    assert talk.speakers == (therapist, client)
    assert [(share.role, share.speaker, share.words) for share in talk.roles] == [
        ("therapist", None, 8),
        ("client", None, 6),
    ]
    assert (talk.passages, talk.turns, talk.words, talk.questions) == (5, 4, 14, 2)
    assert talk.longest_silence == Silence(after=3, duration_ms=11_000)


def test_two_clients_of_a_couple_are_two_speakers_of_one_role() -> None:
    talk = measure_talk([Utterance("Well, he left.", "Ann", Role.CLIENT), Utterance("No.", "Ben", Role.CLIENT)])
    assert [(share.speaker, share.words, share.turns) for share in talk.speakers] == [("Ann", 3, 1), ("Ben", 1, 1)]
    assert [(share.role, share.words, share.turns) for share in talk.roles] == [(Role.CLIENT, 4, 2)]


def test_nameless_speakers_are_told_apart_by_role() -> None:
    talk = measure_talk([Utterance("Hi", role=Role.THERAPIST), Utterance("Hi", role=Role.CLIENT), Utterance("Hm")])
    assert [(share.speaker, share.role) for share in talk.speakers] == [
        (None, role) for role in ("therapist", "client", "unknown")
    ]
    assert talk.turns == 3


def test_nothing_said_is_nothing_counted() -> None:
    assert measure_talk([]) == TalkMetrics(0, 0, 0, 0, (), (), None)
    assert measure_talk([Utterance("...", "A")]).speakers[0].share is None


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ([(0, 10), (30, 40), (45, 50)], Silence(0, 20)),
        ([(0, 10), (20, 30), (40, 50)], Silence(0, 10)),
        ([(0, None), (30, 40)], None),
        ([(0, 10), (None, 40)], None),
        ([(0, 10), (None, None), (90, 95)], None),
        ([(0, 100), (20, 30), (90, 95)], None),
        ([(50, 60), (10, 20)], None),
        ([(0, 10), (10, 20)], None),
        ([(60, 50), (70, 80)], Silence(0, 20)),
    ],
)
def test_a_silence_is_between_a_known_end_and_the_next_known_start(
    times: list[tuple[int | None, int | None]], expected: Silence | None
) -> None:
    said = [Utterance("Yes", "A", Role.CLIENT, start, end) for start, end in times]
    assert measure_talk(said).longest_silence == expected


def test_a_passage_that_ends_before_it_starts_has_no_speaking_time() -> None:
    assert measure_talk([Utterance("Yes", "A", Role.CLIENT, 60, 50)]).speakers[0].speaking_ms is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Is it?", True),
        ("You stopped?", True),
        ("真的吗？", True),
        ("Is it. I see", False),
        ("how long have you been here", True),
        ("so what do you think", True),
        ("okay and did you sleep", True),
        ("don’t you think", True),
        ("which days do you drink", True),
        ("what happened", True),
        ("how about your sister", True),
        ("what i mean is that", False),
        ("when i was a kid we moved", False),
        ("when the kids were small", False),
        ("i do not know", False),
        ("that was it", False),
        ("", False),
    ],
)
def test_a_question_is_told_by_its_mark_or_else_by_its_opening(text: str, expected: bool) -> None:
    assert is_question(text) is expected


TIMES = st.none() | st.integers(-1_000, 10_000_000)
UTTERANCES = st.lists(
    st.builds(
        Utterance, st.text() | st.just("do you"), st.none() | st.sampled_from("AB"), st.sampled_from(Role), TIMES, TIMES
    )
)


@given(UTTERANCES)
def test_speakers_and_roles_each_add_up_to_the_whole(said: list[Utterance]) -> None:
    talk = measure_talk(said)
    for shares in (talk.speakers, talk.roles):
        assert sum(share.words for share in shares) == talk.words
        assert sum(share.passages for share in shares) == talk.passages == len(said)
        assert sum(share.turns for share in shares) == talk.turns
        assert sum(share.questions for share in shares) == talk.questions
        assert not talk.words or sum(share.share or 0 for share in shares) == pytest.approx(1, abs=0.001)


@given(UTTERANCES)
def test_metrics_come_back_from_json_as_they_went(said: list[Utterance]) -> None:
    talk = measure_talk(said)
    assert TalkMetrics.from_json(json.loads(json.dumps(talk.to_json()))) == talk
