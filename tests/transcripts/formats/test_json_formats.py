"""Whisper's family, X-01 and our own JSON: what is kept, what is warned of, what is refused."""

import json
import math

import pytest

from tests.transcripts.formats.reading import only, read_one, read_sample, texts, timed, turns
from transcripts.formats.base import FormatError, Word
from transcripts.roles import Role


def whisper(*segments: object, **more: object) -> str:
    return json.dumps({"text": "", "segments": segments, "language": "en", **more})


CONFIDENCES = [
    ({"confidence": 0.9, "avg_logprob": -3}, 0.9),
    ({"avg_logprob": -0.5}, math.exp(-0.5)),
    ({"words": [{"word": "a", "score": 0.5}, {"word": "b"}, {"word": "c", "score": 1.0}], "avg_logprob": -3}, 0.75),
    ({"words": [{"word": "a", "probability": 0.5}, {"word": "b", "probability": 0.7}]}, 0.6),
    ({}, None),
    ({"confidence": 1.5}, None),
    ({"confidence": -0.1}, None),
    ({"confidence": "high"}, None),
    ({"avg_logprob": 3}, None),
    ({"confidence": 0}, 0.0),
]


@pytest.mark.parametrize(("given", "confidence"), CONFIDENCES)
def test_confidence_is_what_the_tool_gives_or_nothing(given: dict[str, object], confidence: float | None) -> None:
    utterance = only(read_one(whisper({"start": 0, "end": 1, "text": "Hello", **given})))
    assert utterance.confidence == (None if confidence is None else pytest.approx(confidence))


@pytest.mark.parametrize(
    "given", ["NaN", "Infinity", "-Infinity", "1e999", "-3", "1e40", '"soon"', "true", "[1]", "9" * 400]
)
def test_a_time_that_is_none_is_left_empty_with_a_warning(given: str) -> None:
    text = f'{{"segments": [{{"start": {given}, "end": 2.5, "text": "Hello"}}]}}'
    conversation = read_one(text)
    assert timed(conversation) == [(None, None, 2500, "Hello")]
    assert len(conversation.warnings) == 1
    assert conversation.warnings[0].startswith("Segment 1: the start is")


def test_an_end_before_its_start_is_left_empty_with_a_warning() -> None:
    conversation = read_one(whisper({"start": 5, "end": 4, "text": "Hello"}))
    assert timed(conversation) == [(None, 5000, None, "Hello")]
    assert conversation.warnings == ("Segment 1: the end is before the start; it was left empty.",)


def test_a_blank_segment_is_left_out_with_a_warning() -> None:
    conversation = read_one(whisper({"start": 0, "end": 1, "text": "  "}, {"start": 1, "end": 2, "text": "Hi"}))
    assert texts(conversation) == ["Hi"]
    assert conversation.warnings == ("Segment 1: there is no text; it was left out.",)


def test_words_keep_their_own_times_where_they_have_any() -> None:
    _, (conversation,) = read_sample("whisperx_diarised.json")
    assert conversation.utterances[0].words == (
        Word("I", 100, 200, 0.8), Word("walked", 300, 800, 0.6), Word("3"), Word("miles", 1200, 1600, 0.7),
        Word("today.", 1700, 2200, 0.9),
    )  # fmt: skip


def test_a_segment_whose_words_have_several_speakers_has_none() -> None:
    words = [{"word": "Yes", "speaker": "A"}, {"word": "No", "speaker": "B"}]
    conversation = read_one(whisper({"start": 0, "end": 1, "text": "Yes No", "words": words}))
    assert turns(conversation) == [(None, "Yes No")]
    assert conversation.warnings == ("Segment 1: its words have several speakers; the speaker was left empty.",)


def test_a_numbered_speaker_is_a_label() -> None:
    assert turns(read_one(whisper({"start": 0, "end": 1, "text": "Hi", "speaker": 0}))) == [("0", "Hi")]


def test_whisper_that_heard_nothing_is_an_empty_source() -> None:
    assert read_one(whisper()).utterances == ()


def test_a_text_without_segments_is_one_passage_without_times() -> None:
    conversation = read_one(json.dumps({"text": " Hello there.", "segments": []}))
    assert timed(conversation) == [(None, None, None, "Hello there.")]
    assert len(conversation.warnings) == 1


def test_characters_that_cannot_be_stored_are_taken_out_with_a_warning() -> None:
    conversation = read_one('{"segments": [{"start": 0, "end": 1, "text": "a\\u0000b \\ud800 c\\u0007\\r\\nd"}]}')
    assert texts(conversation) == ["ab \ufffd c\nd"]
    assert conversation.warnings == ("Segment 1: characters that cannot be stored were taken out.",)


REFUSED = {
    '{"jobName": "x", "results": {}}': "the JSON of Amazon Transcribe",
    '{"audio_url": "x", "words": [], "text": "hi"}': "the JSON of AssemblyAI",
    '{"metadata": {}, "results": {"channels": []}}': "the JSON of Deepgram",
    '[{"label": "0", "speaker": "A", "start": 0, "end": 1}]': "who speaks when, but not what was said",
    '{"text": "hello"}': "a text, but no segments",
    '{"segments": [{"begin": 1}]}': "not objects with a start and a text",
    '{"version": "1", "segments": [{"startTime": 0, "body": "x"}]}': "a podcast's transcript JSON",
    "[]": "This JSON is no transcript",
    '{"a": 1}': "neither segments nor passages",
    '{"segments": [\n{"start": 0, "text": "x"},\n]}': "Not valid JSON",
    "[" * 200_000: "nested too deeply",
    '{"segments": [{"start": ' + "9" * 5000 + ', "text": "x"}]}': "a number that is too long",
}


@pytest.mark.parametrize(("text", "reason"), REFUSED.items(), ids=range(len(REFUSED)))
def test_other_json_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(FormatError, match=reason):
        read_one(text)


def test_broken_json_is_refused_with_its_line() -> None:
    with pytest.raises(FormatError, match="Not valid JSON") as refused:
        read_one('{"segments": [\n{"start": 0, "end": 1, "text": "x"}\n{"start": 1}]}')
    assert refused.value.line == 3


BAD_SEGMENTS = [("a string", "Segment 2 is not a JSON object"), ({"start": 1, "end": 2}, "Segment 2 has no text")]


@pytest.mark.parametrize(("segment", "reason"), BAD_SEGMENTS)
def test_a_bad_segment_is_named_by_its_number(segment: object, reason: str) -> None:
    with pytest.raises(FormatError, match=reason):
        read_one(whisper({"start": 0, "end": 1, "text": "fine"}, segment))


def x01(**changed: object) -> str:
    segment = {"id": 1, "start": 0, "end": 2, "text": "Hello", "speaker": "Ann", "confidence": 0.9, "words": []}
    return json.dumps({"session_id": 7, "duration": 60, "speakers": ["Ann"], "segments": [segment], **changed})


X01_WARNINGS = [
    ({}, ()),
    ({"speakers": ["Ben"]}, ("Speakers: 1 of the segments' speakers are not in the list.",)),
    ({"duration": 0.5}, ("Duration: segments go on after the end that the duration gives.",)),
    ({"created_at": "yesterday"}, ("created_at: it is not an ISO 8601 time; it was left empty.",)),
]


@pytest.mark.parametrize(("changed", "warnings"), X01_WARNINGS)
def test_x01_is_checked_against_what_it_says_of_itself(changed: dict[str, object], warnings: tuple[str, ...]) -> None:
    conversation = read_one(x01(**changed))
    assert (conversation.external_id, conversation.warnings) == ("7", warnings)


@pytest.mark.parametrize("key", ["id", "label", "name"])
def test_an_x01_speaker_may_be_an_object_with_a_role(key: str) -> None:
    assert read_one(x01(speakers=[{key: "Ann", "role": "Clinician"}])).roles == {"Ann": Role.THERAPIST}


def test_our_own_json_is_read_by_its_sequence() -> None:
    passages = [{"sequence": 2, "text": "second"}, {"sequence": 1, "text": "first", "role": "wizard", "start_ms": 1.5}]
    conversation = read_one(json.dumps({"passages": passages}))
    assert texts(conversation) == ["first", "second"]
    assert conversation.warnings == (
        "Passage 2: start_ms is not a whole number of milliseconds; it was left empty.",
        "Passage 2: the role is none of client, therapist, partner, family, other, unknown; it was left unknown.",
    )


def test_a_passage_without_a_text_is_refused() -> None:
    with pytest.raises(FormatError, match="Passage 1 has no text"):
        read_one('{"passages": [{"sequence": 1}]}')
