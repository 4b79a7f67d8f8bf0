import pytest

from tests.transcripts.formats.reading import only, read_one, texts, timed, turns
from transcripts.formats.base import FormatError


def vtt(*blocks: str) -> str:
    return "\n\n".join(["WEBVTT", *blocks]) + "\n"


def cue(text: str, times: str = "00:01.000 --> 00:02.000") -> str:
    return vtt(f"{times}\n{text}")


TIMES = [
    ("00:00:01.000 --> 00:00:02.500", 1000, 2500),
    ("00:01.000 --> 00:02.500", 1000, 2500),
    ("00:01.000-->00:02.500", 1000, 2500),
    ("\t00:01.000\t -->  00:02.500 align:start line:0", 1000, 2500),
    ("120:00:00.000 --> 120:00:01.000", 432_000_000, 432_001_000),
    ("0:0:1.5 --> 0:1:2.25", 1500, 62_250),
    ("100:00.000 --> 100:01.000", 6_000_000, 6_001_000),
]


@pytest.mark.parametrize(("times", "start_ms", "end_ms"), TIMES)
def test_times_in_all_their_forms(times: str, start_ms: int, end_ms: int) -> None:
    assert timed(read_one(cue("Hi", times))) == [(None, start_ms, end_ms, "Hi")]


@pytest.mark.parametrize("times", ["00:01 --> 00:02.5", "0:01,50 --> 0:02,500", "00:00:01.04 --> 00:00:02.04"])
def test_a_file_that_never_pads_its_times_is_read_by_what_it_means(times: str) -> None:
    assert texts(read_one(cue("Hi", times))) == ["Hi"]


BROKEN = ["00:00:60.000 --> 00:01:01.000", "00:01.000 --> 00:0x.000", "00:01.00 --> 00:02.000", "--> 00:02.000"]


@pytest.mark.parametrize("times", BROKEN)
def test_a_cue_with_a_broken_time_is_left_out_with_its_line(times: str) -> None:
    conversation = read_one(vtt("00:00.000 --> 00:01.000\nkept", f"{times}\nlost"))
    assert texts(conversation) == ["kept"]
    assert conversation.warnings == ("Line 6: the time line is broken; the cue was left out.",)


def test_a_file_whose_every_cue_is_broken_is_refused() -> None:
    with pytest.raises(FormatError, match="No cue could be read; the first fault is on line 4") as refused:
        read_one(vtt("one\n00:01.00 --> 00:02.000\nlost"))
    assert refused.value.line == 4


TEXTS = [
    ("<b>bold</b> <c.red.big>and</c> <lang en>more</lang>", "bold and more"),
    ("<font color=red>font</font>", "font"),
    ("one<00:00:01.500>two", "onetwo"),
    ("I <3 you & him", "I <3 you & him"),
    ("<v It is never closed", "<v It is never closed"),
    ("Tom &amp; Jerry &lt;3 &nbsp;&#233;", "Tom & Jerry <3 \xa0é"),
    ("&lt;b&gt;", "<b>"),
    ("two\nlines", "two\nlines"),
    ("<ruby>base<rt>gloss</rt></ruby>", "basegloss"),
]


@pytest.mark.parametrize(("raw", "text"), TEXTS)
def test_tags_go_and_entities_are_decoded(raw: str, text: str) -> None:
    assert texts(read_one(cue(raw))) == [text]


VOICES = [
    ("<v Ann>Hello</v>", "Ann", "Hello"),
    ("<v Ann>Hello", "Ann", "Hello"),
    ("<v.loud.first Ann Lee>Hello</v>", "Ann Lee", "Hello"),
    ("<v Tom &amp; Ben>Hello", "Tom & Ben", "Hello"),
    ("<v>Hello</v>", None, "Hello"),
    ("<v Ann>Hello</v> again", "Ann", "Hello again"),
    ("<v Ann>Hello</v>\n<v Ann>again</v>", "Ann", "Hello\nagain"),
]


@pytest.mark.parametrize(("raw", "speaker", "text"), VOICES)
def test_a_voice_is_a_speaker(raw: str, speaker: str | None, text: str) -> None:
    assert turns(read_one(cue(raw))) == [(speaker, text)]


@pytest.mark.parametrize("block", ['3 "Ann" (16778240)\n{}\nHi', "3\n{}\n[Ann]: Hi", "3\n{}\n[SPEAKER_00]: Hi"])
def test_tools_name_speakers_in_their_own_ways(block: str) -> None:
    ((speaker, text),) = turns(read_one(vtt(block.format("00:01.000 --> 00:02.000"))))
    assert (speaker in ("Ann", "SPEAKER_00"), text) == (True, "Hi")


def test_two_voices_in_a_cue_are_nobodys_but_keep_their_names() -> None:
    conversation = read_one(cue("<v Ann>Hello</v> <v Ben>Hi</v>"))
    assert turns(conversation) == [(None, "Ann: Hello\nBen: Hi")]
    assert conversation.warnings == ("Line 3: the cue has several voices; their names stand in its text.",)


def test_a_name_before_a_colon_is_a_speaker_where_the_file_writes_names_so() -> None:
    named = vtt("00:01.000 --> 00:02.000\nAnn Lee: One thing: rest.", "00:03.000 --> 00:04.000\nBen:\nYes")
    assert turns(read_one(named)) == [("Ann Lee", "One thing: rest."), ("Ben", "Yes")]


def test_a_colon_in_what_is_said_makes_no_speaker() -> None:
    cues = [f"00:0{second}.000 --> 00:0{second}.500\nsaid {second}" for second in range(6)]
    conversation = read_one(vtt(*cues, "00:07.000 --> 00:08.000\nHappiness: that was his word."))
    assert {each.speaker for each in conversation.utterances} == {None}


def test_a_cue_in_which_another_speaker_answers_is_nobodys() -> None:
    conversation = read_one(vtt("00:01.000 --> 00:02.000\nAnn: Yes?\nBen: No.", "00:03.000 --> 00:04.000\nBen: No!"))
    assert turns(conversation) == [(None, "Ann: Yes?\nBen: No."), ("Ben", "No!")]


@pytest.mark.parametrize(
    "text", ["WEBVTT", "WEBVTT - title", "WEBVTT\n", "WEBVTT\nKind: captions\n\nNOTE nothing\n", "\ufeffWEBVTT\n"]
)
def test_a_file_without_cues_is_an_empty_source(text: str) -> None:
    assert read_one(text).utterances == ()


@pytest.mark.parametrize("text", ["WEBVTTX\n\n00:01.000 --> 00:02.000\nHi", "webvtt\n\n00:01.000 --> 00:02.000\nHi"])
def test_without_its_first_line_it_is_no_webvtt(text: str) -> None:
    with pytest.raises(FormatError, match="first line is not WEBVTT"):
        read_one(text, "vtt")


def test_a_blank_cue_is_left_out_with_a_warning() -> None:
    conversation = read_one(vtt("00:01.000 --> 00:02.000\n", "00:02.000 --> 00:03.000\nHi"))
    assert (texts(conversation), conversation.warnings) == (["Hi"], ("Line 3: there is no text; it was left out.",))


def test_a_text_that_a_blank_line_parts_from_its_time_is_kept() -> None:
    conversation = read_one("WEBVTT\n\n00:01.000 --> 00:02.000\n\n\nHi\n")
    assert (only(conversation).text, len(conversation.warnings)) == ("Hi", 1)


def test_a_text_without_a_time_line_is_left_out_with_its_line() -> None:
    conversation = read_one(vtt("00:01.000 --> 00:02.000\nHi", "stray"))
    assert (texts(conversation), conversation.warnings) == (
        ["Hi"],
        ("Line 6: text without a time line; it was left out.",),
    )


def test_a_cue_may_follow_without_a_blank_line() -> None:
    assert texts(read_one(vtt("00:01.000 --> 00:02.000\na\n00:02.000 --> 00:03.000\nb"))) == ["a", "b"]
