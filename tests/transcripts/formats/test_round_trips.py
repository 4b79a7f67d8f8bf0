"""What is exported comes back: count, order, text to the code point, speakers, times."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transcripts.formats import WRITERS, read_file, write_text
from transcripts.formats.base import Conversation, ExportError, Transcript, TranscriptPassage
from transcripts.formats.times import LAST_MS
from transcripts.roles import Role

WRITTEN = [writer.NAME for writer in WRITERS]
LOSSLESS = ["json", "csv"]

HARD_TEXTS = [
    "Bob: that was not me",
    "1\n00:00:01,000 --> 00:00:02,000\nnot a cue",
    "00:00:01.000 --> 00:00:02.000",
    "[00:01] Bob: neither a turn",
    "[00:00:01.000 - 00:00:02.000] Bob: nor this",
    "00:00:05 Bob said",
    "first\n\nafter a blank line\n\n\nafter two",
    "\n\nopens with breaks",
    "ends with breaks\n\n",
    "a line of blanks\n   \nbetween",
    "- a dash\n- and another",
    '"quoted", and a comma; a "quote"',
    "=1+1",
    "@SUM(A1)",
    "<b>bold</b> <v Ann>voice</v> <3 you",
    "&amp; &lt; &nbsp; & &#10;",
    "--> --&gt; -->",
    "\ttabs\tbetween\t",
    "  blanks at both ends  ",
    "back\\slash \\N \\n \\: \\",
    "NOTE anamnesis 1",
    "WEBVTT",
    "# anamnesis 1",
    "{\\an8}top",
    "7",
    "Grüße, 你好, שלום, 👩‍👩‍👧, e\u0301, \u00a0, \u2028, \u200b, \ufeff",
    "And then: x: y",
    "colon:\nnext line",
    ": ",
    "sep=;",
    "https://example.org: look",
]
HARD_LABELS = [
    None,
    "Ann",
    "Dr. Meyer: Therapist",
    "A: B: ",
    " Ann ",
    "Ana María",
    "王",
    "<v>",
    "a&amp;b",
    "[1]",
    "-->",
    "\\N",
    "x,y;z",
]


def transcript(*passages: TranscriptPassage) -> Transcript:
    return Transcript(
        id="018f",
        external_id="S-1",
        title="Session; 1",
        kind="transcript",
        occurred_at=datetime(2024, 5, 6, 9, 30, tzinfo=UTC),
        passages=passages,
    )


def passage(
    sequence: int, text: str, speaker: str | None = "Ann", start_ms: int | None = None, end_ms: int | None = None
) -> TranscriptPassage:
    return TranscriptPassage(sequence, speaker, Role.UNKNOWN, start_ms, end_ms, text, None)


def read_back(written: Transcript, format_name: str, *, sniffed: bool = True) -> Conversation:
    raw = write_text(written, format_name).encode()
    name, conversations = read_file("export", raw, "auto" if sniffed else format_name)
    (conversation,) = conversations
    assert name == format_name
    return conversation


def told(conversation: Conversation) -> list[tuple[object, ...]]:
    return [(each.speaker, each.start_ms, each.end_ms, each.text) for each in conversation.utterances]


def expected(written: Transcript) -> list[tuple[object, ...]]:
    return [(each.speaker, each.start_ms, each.end_ms, each.text) for each in written.passages]


@pytest.mark.parametrize("format_name", WRITTEN)
@pytest.mark.parametrize("text", HARD_TEXTS)
def test_a_text_that_looks_like_structure_stays_a_text(format_name: str, text: str) -> None:
    written = transcript(
        passage(0, "before", None, 0, 500),
        passage(1, text, None, 1000, 2000),
        passage(2, text, "Ann", 3000, 4000),
        passage(3, "after", None, 5000, 6000),
    )
    assert told(read_back(written, format_name)) == expected(written)


@pytest.mark.parametrize("format_name", WRITTEN)
@pytest.mark.parametrize("label", HARD_LABELS)
def test_a_speaker_comes_back_to_the_letter(format_name: str, label: str | None) -> None:
    written = transcript(passage(0, "Well: x", label, 0, 500), passage(1, "line\n\nline", label, 1000, 2000))
    assert told(read_back(written, format_name)) == expected(written)


@pytest.mark.parametrize("format_name", WRITTEN)
def test_times_beyond_99_hours_come_back(format_name: str) -> None:
    written = transcript(passage(0, "late", "Ann", 400 * 3_600_000 + 7, 500 * 3_600_000 + 999))
    assert told(read_back(written, format_name)) == expected(written)


@pytest.mark.parametrize("format_name", WRITTEN)
def test_what_has_no_time_has_none_after_the_round_trip(format_name: str) -> None:
    written = transcript(
        passage(0, "no time at all"),
        passage(1, "a start", "Ann", 1000),
        passage(2, "an end", "Ann", None, 2500),
        passage(3, "both", "Ann", 3000, 3000),
    )
    assert told(read_back(written, format_name)) == expected(written)


@pytest.mark.parametrize("format_name", ["txt", "json", "csv"])
def test_a_source_without_times_can_be_exported_where_times_are_not_needed(format_name: str) -> None:
    written = transcript(passage(0, "Hello", "Ann"), passage(1, "Hi", None))
    assert told(read_back(written, format_name)) == expected(written)


@pytest.mark.parametrize("format_name", ["vtt", "srt"])
def test_subtitles_of_a_source_without_times_are_refused(format_name: str) -> None:
    with pytest.raises(ExportError, match=r"no times.*json, csv or txt"):
        write_text(transcript(passage(0, "Hello"), passage(1, "Hi")), format_name)


@pytest.mark.parametrize("format_name", ["vtt", "txt", "json", "csv"])
def test_an_empty_source_comes_back_empty(format_name: str) -> None:
    assert read_back(transcript(), format_name).utterances == ()


def test_an_empty_source_makes_no_srt() -> None:
    with pytest.raises(ExportError, match="no passages"):
        write_text(transcript(), "srt")


@pytest.mark.parametrize("format_name", LOSSLESS)
def test_json_and_csv_lose_nothing(format_name: str) -> None:
    passages = (
        TranscriptPassage(3, "Ann", Role.THERAPIST, 0, 900, "How are you?", 0.1 + 0.2),
        TranscriptPassage(7, "Ben", Role.CLIENT, None, None, "=HYPERLINK(1)", 1 / 3),
        TranscriptPassage(12, None, Role.UNKNOWN, 5, None, "noise", None),
    )
    found = read_back(transcript(*passages), format_name)
    assert [each.confidence for each in found.utterances] == [0.1 + 0.2, 1 / 3, None]
    assert found.roles == {"Ann": Role.THERAPIST, "Ben": Role.CLIENT}
    assert (found.external_id, found.title, found.occurred_at) == (
        "S-1",
        "Session; 1",
        datetime(2024, 5, 6, 9, 30, tzinfo=UTC),
    )
    assert found.warnings == ()


@pytest.mark.parametrize("format_name", LOSSLESS)
def test_nothing_known_of_the_source_stays_unknown(format_name: str) -> None:
    bare = replace(transcript(passage(0, "Hello")), external_id=None, title=None, occurred_at=None)
    found = read_back(bare, format_name)
    assert (found.external_id, found.title, found.occurred_at) == (None, None, None)


def test_an_export_as_vtt_derives_missing_ends_and_is_plain_webvtt() -> None:
    written = transcript(
        passage(0, "Hello, you", "Ann", 1000), passage(1, "Hi", None, 4000, 5000), passage(2, "Bye", "Ben", 9000)
    )
    assert write_text(written, "vtt") == (
        "WEBVTT\n\nNOTE anamnesis 1\n\n"
        "1 end:derived\n00:00:01.000 --> 00:00:04.000\n<v Ann>Hello, you</v>\n\n"
        "2\n00:00:04.000 --> 00:00:05.000\nHi\n\n"
        "3 end:derived\n00:00:09.000 --> 00:00:11.000\n<v Ben>Bye</v>\n"
    )


def test_an_export_as_srt_is_plain_subrip() -> None:
    written = transcript(passage(0, "Hello, you", "Ann", 1000), passage(1, "Hi", None, 4000, 5000))
    assert write_text(written, "srt") == (
        "1\n00:00:01,000 --> 00:00:04,000 anamnesis:1 end:derived\nAnn: Hello, you\n\n"
        "2\n00:00:04,000 --> 00:00:05,000\nHi\n"
    )


def test_an_export_as_txt_reads_as_a_dialogue() -> None:
    written = transcript(
        passage(0, "Hello,\nyou", "Ann", 1000), passage(1, "Hi", None, 4000, 5000), passage(2, "So: bye", "Ben")
    )
    assert write_text(written, "txt") == (
        "# anamnesis 1\n\n[00:00:01.000] Ann: Hello,\nyou\n\n[00:00:04.000 - 00:00:05.000] Hi\n\nBen: So: bye\n"
    )


# Any text but what no passage may hold: control characters, lone surrogates, nothing but white space.
CHARACTERS = st.characters(exclude_categories=("Cs", "Cc")) | st.sampled_from("\n\t:[]<>&\\-\"',;= 0")
TEXTS = st.one_of(
    st.text(CHARACTERS, min_size=1, max_size=40),
    st.sampled_from(HARD_TEXTS),
    st.lists(st.sampled_from(HARD_TEXTS), min_size=2, max_size=3).map("\n".join),
)
LABELS = (
    st.none()
    | st.text(CHARACTERS, min_size=1, max_size=12).filter(lambda label: bool(label.strip()))
    | st.sampled_from(HARD_LABELS)
)


@st.composite
def transcripts(draw: st.DrawFn) -> Transcript:
    rows = draw(
        st.lists(
            st.tuples(
                TEXTS.filter(lambda text: bool(text.strip())),
                LABELS,
                st.integers(0, LAST_MS - 9000) | st.none(),
                st.integers(0, 9000) | st.none(),
            ),
            min_size=1,
            max_size=6,
        )
    )
    return transcript(
        *(
            passage(number, text, label, start, None if start is None or length is None else start + length)
            for number, (text, label, start, length) in enumerate(rows)
        )
    )


@settings(max_examples=300, deadline=None)
@given(written=transcripts(), format_name=st.sampled_from(WRITTEN), line_end=st.sampled_from(["\n", "\r\n", "\r"]))
def test_any_transcript_comes_back(written: Transcript, format_name: str, line_end: str) -> None:
    timed = any(each.start_ms is not None for each in written.passages)
    if format_name in ("vtt", "srt") and not timed:
        with pytest.raises(ExportError):
            write_text(written, format_name)
        return
    raw = write_text(written, format_name).replace("\n", line_end).encode()
    name, (found,) = read_file("export", raw)
    assert (name, told(found)) == (format_name, expected(written))
