import pytest

from tests.transcripts.formats.reading import read_one, timed, turns
from transcripts.formats.base import FormatError

HEADS = [
    ("[00:05] Ann: Hi", "Ann", 5000),
    ("[00:00:05.250] Ann: Hi", "Ann", 5250),
    ("(0:05) Ann: Hi", "Ann", 5000),
    ("[75:10] Ann: Hi", "Ann", 4_510_000),
    ("[1:00:05 - 1:00:07] Ann: Hi", "Ann", 3_605_000),
    ("00:00:05 Ann: Hi", "Ann", 5000),
    ("00:00:05\tAnn Lee\tHi", "Ann Lee", 5000),
    ("00:00:05 - Ann: Hi", "Ann", 5000),
    ("00:00:05 Therapist Hi", "Therapist", 5000),
    ("00:00:05 Hi", None, 5000),
    ("0:05\nHi", None, 5000),
    ("Ann (00:05): Hi", "Ann", 5000),
    ("Ann [00:05]\nHi", "Ann", 5000),
    ("Ann  0:05  \nHi", "Ann", 5000),
    ("**Ann** [0:05] Hi", "Ann", 5000),
    ("**Ann:** Hi\n**Ben:** Hm", "Ann", None),
    ("00:00:05\t From  Ann to  Everyone : Hi", "Ann", 5000),
    ("00:00:05 From Ann to Everyone:\n\tHi", "Ann", 5000),
    ("Therapist: Hi", "Therapist", None),
    ("T: Hi", "T", None),
    ("[SPEAKER_00] Hi", "SPEAKER_00", None),
    ("[Therapist]: Hi", "Therapist", None),
    ("00:00:05 - 00:00:07 Ann: Hi", "Ann", 5000),
    ("00:00:05 --> 00:00:07 Ann: Hi", "Ann", 5000),
    ("SPEAKER_00: Hi", "SPEAKER_00", None),
    ("Ann: Hi\nBen: Hm", "Ann", None),
    ("Dr. Ana-María O’Brien: Hi\nBen: Hm", "Dr. Ana-María O’Brien", None),
    ("王：Hi\n李：Hm", "王", None),
]


@pytest.mark.parametrize(("text", "speaker", "start_ms"), HEADS, ids=range(len(HEADS)))
def test_a_turn_may_open_in_many_ways(text: str, speaker: str | None, start_ms: int | None) -> None:
    first = read_one(text).utterances[0]
    assert (first.speaker, first.start_ms, first.text) == (speaker, start_ms, "Hi")


def test_names_without_a_colon_are_found_where_every_line_opens_with_one() -> None:
    text = "00:00:01 Ann Lee Hello there\n00:00:04 Ben Good day\n00:00:06 Ann Lee Sit down\n00:00:09 Ben Thanks a lot\n"
    assert turns(read_one(text)) == [
        ("Ann Lee", "Hello there"),
        ("Ben", "Good day"),
        ("Ann Lee", "Sit down"),
        ("Ben", "Thanks a lot"),
    ]


def test_the_first_words_of_sentences_are_no_names() -> None:
    text = "00:00:01 I went home\n00:00:04 You did\n00:00:06 I slept\n00:00:09 You did not\n"
    assert {speaker for speaker, _ in turns(read_one(text))} == {None}


NOT_HEADS = [
    "at 17:30: the bell",
    "17:30 was too late",
    "Honestly: no idea",
    "remember this: breathe",
    "and he said: go",
    "https://example.org: a page",
    "I thought, well: maybe",
    '"Mum": that was my word',
]


@pytest.mark.parametrize("line", NOT_HEADS)
def test_a_colon_in_speech_opens_no_turn(line: str) -> None:
    text = f"Therapist: What was it?\nClient: I waited.\n{line}\nTherapist: Yes."
    assert turns(read_one(text))[1] == ("Client", f"I waited.\n{line}")


def test_text_before_the_first_speaker_is_kept_with_a_warning() -> None:
    conversation = read_one("Session of Tuesday\n\nTherapist: Hello.\nClient: Hello.\n")
    assert turns(conversation)[0] == (None, "Session of Tuesday")
    assert conversation.warnings == ("Line 1: text before the first speaker; it was kept without a speaker.",)


def test_a_turn_without_words_is_left_out_with_a_warning() -> None:
    conversation = read_one("[00:01] Ann: Hi\n[00:05] Ben:\n[00:09] Ann: Are you there?\n")
    assert timed(conversation) == [("Ann", 1000, None, "Hi"), ("Ann", 9000, None, "Are you there?")]
    assert conversation.warnings == ("Line 2: there is no text; it was left out.",)


PROSE = {
    "a letter": "Dear Ann,\n\nthank you for coming. I noted: rest, walks, sleep.\n\nBest wishes\n",
    "a list of settings": "Name: x\nColour: y\nWeight: 3\nHeight: 4\nAge: 5\n",
    "one line": "Just a sentence.",
    "markup": "<html><body>Ann: hello</body></html>",
    "code": "def f(x):\n    return x\n",
    "an SBV": "0:00:00.378,0:00:11.378\nHello\n",
    "an address book": "first,last\nAnn,Lee\n",
}


@pytest.mark.parametrize("text", PROSE.values(), ids=PROSE)
def test_what_is_no_dialogue_is_refused(text: str) -> None:
    with pytest.raises(FormatError, match=r"no transcript that is known here.*Looked for: WebVTT"):
        read_one(text)


def test_a_text_without_speakers_and_times_is_refused_by_name_too() -> None:
    with pytest.raises(FormatError, match="No line names a speaker or a time"):
        read_one("Just a sentence.", "txt")
