import pytest

from tests.transcripts.formats.reading import read_one, texts, timed, turns
from transcripts.formats.base import FormatError

TIMES = [
    ("00:00:01,000 --> 00:00:02,500", 1000, 2500),
    ("00:00:01.000 --> 00:00:02.500", 1000, 2500),
    ("0:00:01,0 --> 0:00:02,5", 1000, 2500),
    ("00:00:01 --> 00:00:02,50", 1000, 2500),
    ("00:01,000 --> 00:02,500", 1000, 2500),
    ("  00:00:01,000-->00:00:02,500  ", 1000, 2500),
    ("00:00:01,000 --> 00:00:02,500 X1:40 X2:600 Y1:20 Y2:50", 1000, 2500),
    ("00:00:01, 000 --> 00:00:02, 500", 1000, 2500),
    ("100:00:00,000 --> 100:00:00,001", 360_000_000, 360_000_001),
]


@pytest.mark.parametrize(("times", "start_ms", "end_ms"), TIMES)
def test_times_in_all_their_forms(times: str, start_ms: int, end_ms: int) -> None:
    assert timed(read_one(f"1\n{times}\nHi\n")) == [(None, start_ms, end_ms, "Hi")]


FORMS = {
    "numbered": "1\n00:00:01,000 --> 00:00:02,000\none\n\n2\n00:00:02,000 --> 00:00:03,000\ntwo\n",
    "without numbers": "00:00:01,000 --> 00:00:02,000\none\n\n00:00:02,000 --> 00:00:03,000\ntwo",
    "without blank lines": "1\n00:00:01,000 --> 00:00:02,000\none\n2\n00:00:02,000 --> 00:00:03,000\ntwo",
    "with blank lines": "\n\n1\n00:00:01,000 --> 00:00:02,000\none\n\n\n2\n00:00:02,000 --> 00:00:03,000\n\ntwo\n\n",
    "numbered at random": "7\n00:00:01,000 --> 00:00:02,000\none\n\n3\n00:00:02,000 --> 00:00:03,000\ntwo\n",
    "styled": "1\n00:00:01,000 --> 00:00:02,000\n<i>one\n\n2\n00:00:02,000 --> 00:00:03,000\n{\\an8}<b x=1>two</b>\n",
}


@pytest.mark.parametrize("text", FORMS.values(), ids=FORMS)
def test_cues_are_found_by_their_times(text: str) -> None:
    assert timed(read_one(text)) == [(None, 1000, 2000, "one"), (None, 2000, 3000, "two")]


def test_a_number_that_is_said_is_no_index() -> None:
    text = (
        "00:00:01,000 --> 00:00:02,000\n41\n\n00:00:02,000 --> 00:00:03,000\n42\n\n00:00:03,000 --> 00:00:04,000\nOh."
    )
    assert texts(read_one(text)) == ["41", "42", "Oh."]


def test_a_cue_without_its_time_stays_with_the_cue_before() -> None:
    conversation = read_one(
        "1\n00:00:01,000 --> 00:00:02,000\none\n\n2\ntwo\n\n3\n00:00:03,000 --> 00:00:04,000\nthree\n"
    )
    assert texts(conversation) == ["one\n\n2\ntwo", "three"]
    assert conversation.warnings == ("Line 2: a blank line stands in the text; all up to the next time line was kept.",)


def test_a_broken_time_line_keeps_its_text_without_times() -> None:
    conversation = read_one("1\n00:00:01,000 --> 00:00:02,000\none\n\n2\n00:00:0x,000 --> 00:00:03,000\ntwo\n")
    assert timed(conversation) == [(None, 1000, 2000, "one"), (None, None, None, "two")]
    assert conversation.warnings == ("Line 6: the time line is broken; the cue was kept without times.",)


def test_a_text_beside_its_times_is_kept() -> None:
    assert texts(read_one("1\n00:00:01,000 --> 00:00:02,000 beside\nbelow\n")) == ["beside\nbelow"]


def test_a_negative_time_is_none() -> None:
    conversation = read_one("1\n-00:00:01,000 --> 00:00:02,000\none\n")
    assert (timed(conversation), len(conversation.warnings)) == ([(None, None, 2000, "one")], 1)


def test_an_end_before_its_start_is_none() -> None:
    conversation = read_one("1\n00:00:03,000 --> 00:00:02,000\none\n")
    assert (timed(conversation), len(conversation.warnings)) == ([(None, 3000, None, "one")], 1)


def test_subtitles_name_a_speaker_in_capitals() -> None:
    text = "1\n00:00:01,000 --> 00:00:02,000\nMAN:\nOver here!\n\n2\n00:00:02,000 --> 00:00:03,000\nWho was it?\n"
    assert turns(read_one(text + "\n3\n00:00:04,000 --> 00:00:05,000\nHe said: no.\n"))[0] == ("MAN", "Over here!")


def test_a_blank_cue_is_left_out_with_a_warning() -> None:
    conversation = read_one("1\n00:00:01,000 --> 00:00:02,000\n\n\n2\n00:00:02,000 --> 00:00:03,000\ntwo\n")
    assert (texts(conversation), conversation.warnings) == (["two"], ("Line 2: there is no text; it was left out.",))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Ann: hello", "no time line"),
        ("Title\n\n1\n00:00:01,000 --> 00:00:02,000\nHi", "begin with a cue; the first is on line 3"),
    ],
)
def test_what_is_no_srt_is_refused(text: str, reason: str) -> None:
    with pytest.raises(FormatError, match=reason):
        read_one(text, "srt")
