import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from insights.analyzers.base import Segment
from insights.analyzers.tokens import fold, is_emoji, tokenize


def words(text: str) -> list[str]:
    return [word.folded for word in tokenize(text).words()]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I don't know", ["i", "don't", "know"]),
        ("I don’t know", ["i", "don't", "know"]),
        ("my co-worker’s dose is 3.5mg", ["my", "co-worker's", "dose", "is", "3.5mg"]),
        ("covid-19 for 30 days", ["covid-19", "for", "30", "days"]),
        ("I--I can't", ["i", "i", "can't"]),
        ("'no'", ["no"]),
        ("see www.x.org/a?b=c, or https://y.org/d).", ["see", "www.x.org/a?b=c", "or", "https://y.org/d"]),
        ("write to ann.lee@example.org.", ["write", "to", "ann.lee@example.org"]),
        ("cafe\u0301 café", ["cafe\u0301", "café"]),
        ("हिन्दी भाषा", ["हिन्दी", "भाषा"]),
        ("我很難過", ["我", "很", "難", "過"]),
        ("カタカナ は", ["カタカナ", "は"]),
        ("잠을 못 자요", ["잠을", "못", "자요"]),
        ("ok 👍🏽 👩‍👩‍👧 1️⃣", ["ok"]),
        ("a_b", ["a", "b"]),
        ("...", []),
        ("", []),
    ],
)
def test_words_are_cut_as_a_reader_would(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@pytest.mark.parametrize("emoji", ["🙂", "❤️", "👍🏽", "👩‍👩‍👧", "🇩🇪", "1️⃣"])
def test_an_emoji_of_many_code_points_is_one_piece(emoji: str) -> None:
    pieces = tokenize(f"so {emoji}").pieces
    assert pieces == ["so", " ", emoji]
    assert is_emoji(pieces[-1])


def test_positions_are_code_points_even_where_a_letter_grows_when_lowered() -> None:
    text = "İzmir ve BEN"
    assert [text[w.start : w.end] for w in tokenize(text).words()] == ["İzmir", "ve", "BEN"]


@given(st.text())
def test_the_pieces_are_the_whole_text_and_stand_where_they_say(text: str) -> None:
    read = tokenize(text)
    assert "".join(read.pieces) == fold(text)
    assert len(fold(text)) == len(text) == read.starts[-1]
    assert all(fold(text)[start:].startswith(piece) for piece, start in zip(read.pieces, read.starts, strict=False))


@given(st.text(), st.text())
def test_a_blank_line_between_two_texts_changes_the_words_of_neither(first: str, second: str) -> None:
    assert words(f"{first}\n\n{second}") == words(first) + words(second)


@pytest.mark.parametrize(
    "unit",
    ["a", "a-", "a@", "@a", "http://", "https://....", "www.", "我", "👩\u200d", "\u0301", "' ", "İ", "1-", "\x00"],
)
def test_a_megabyte_of_anything_is_cut_in_linear_time(unit: str) -> None:
    text = (unit * 1_000_000)[:1_000_000]
    started = time.process_time()
    tokenize(text)
    assert time.process_time() - started < 5


def test_a_segment_is_cut_once() -> None:
    segment = Segment("I slept badly")
    assert segment.tokens is segment.tokens
    assert segment == Segment("I slept badly")
