"""The Whisper family's JSON.

openai-whisper and the API's verbose_json, faster-whisper (also a bare list of segments), WhisperX aligned and
diarised, whisper-timestamped, whisper.cpp (`transcription`, times in ms), transformers pipelines (`chunks`).
"""

import math
from collections.abc import Iterable, Mapping

from transcripts.formats.base import Conversation, Document, Word
from transcripts.formats.gathering import Gathering, clean
from transcripts.formats.json_text import JsonObject, is_object, label_of, list_of, string_of
from transcripts.formats.refusals import FormatError
from transcripts.formats.times import LAST_MS, seconds_to_ms

NAME = "whisper"

_EXPORT_AGAIN = "Export the JSON of Whisper again, with its segments."


def sniff(document: Document) -> bool:
    return document.looks_like_json and _segments_of(document.json) is not None


def read(document: Document, *, mapping: Mapping[str, str]) -> Iterable[Conversation]:
    found = document.json
    segments = _segments_of(found)
    if segments is None:
        raise FormatError(None, "This is not Whisper's JSON: it has no list of segments with a text.", _EXPORT_AGAIN)
    gathering = Gathering()
    for number, segment in enumerate(segments, start=1):
        add_segment(gathering, f"Segment {number}", segment)
    if not segments:
        _keep_bare_text(gathering, found)
    return (gathering.conversation(language=_language_of(found)),)


def add_segment(gathering: Gathering, place: str, segment: object) -> None:
    if not is_object(segment):
        raise FormatError(None, f"{place} is not a JSON object.", _EXPORT_AGAIN)
    words = read_words(segment)
    gathering.add(
        place,
        _text_of(place, segment, words),
        _speaker_of(gathering, place, segment),
        _time_of(gathering, place, segment, "start", 0),
        _time_of(gathering, place, segment, "end", 1),
        _confidence_of(gathering, place, segment),
        words,
    )


def read_words(segment: JsonObject) -> tuple[Word, ...]:
    return tuple(_word(each) for each in list_of(segment.get("words")) or () if is_object(each) and _has_text(each))


def _segments_of(found: object) -> list[object] | None:
    """The list of segments, None where this is another tool's JSON."""
    if isinstance(found, list):
        return found if found and all(map(_is_segment, found)) else None
    if not is_object(found) or "session_id" in found or "passages" in found:
        return None
    if "transcription" in found:
        return list_of(found["transcription"])
    segments = list_of(found.get("segments"))
    if segments is None:
        return _chunks_of(found)
    return segments if all(map(_is_segment, segments[:1])) else None


def _chunks_of(found: JsonObject) -> list[object] | None:
    chunks = list_of(found.get("speakers")) or list_of(found.get("chunks"))
    if chunks is None or not all(is_object(chunk) and "timestamp" in chunk and "text" in chunk for chunk in chunks[:1]):
        return None
    return chunks


def _is_segment(value: object) -> bool:
    return is_object(value) and ("start" in value or "words" in value) and ("text" in value or "words" in value)


def _keep_bare_text(gathering: Gathering, found: object) -> None:
    text = string_of(found.get("text")) if is_object(found) else None
    if text is not None:
        gathering.warnings.add("Text", "the file has a text but no segments; it was kept as one passage without times.")
        gathering.add("Text", text.strip())


def _text_of(place: str, segment: JsonObject, words: tuple[Word, ...]) -> str:
    text = segment.get("text")
    if isinstance(text, str):
        return text.strip()
    if words and text is None:
        return " ".join(word.text for word in words)
    raise FormatError(None, f"{place} has no text.", _EXPORT_AGAIN)


def _speaker_of(gathering: Gathering, place: str, segment: JsonObject) -> str | None:
    speaker = label_of(segment.get("speaker"))
    if speaker is not None:
        return speaker
    named = {label_of(word.get("speaker")) for word in list_of(segment.get("words")) or () if is_object(word)} - {None}
    if len(named) > 1:
        gathering.warnings.add(place, "its words have several speakers; the speaker was left empty.")
    return named.pop() if len(named) == 1 else None


def _time_of(gathering: Gathering, place: str, segment: JsonObject, key: str, side: int) -> int | None:
    """`start` and `end` in seconds, `offsets` in ms (whisper.cpp), `timestamp` pairs in seconds (transformers)."""
    value, factor = segment.get(key), 1.0
    offsets, pair = segment.get("offsets"), list_of(segment.get("timestamp"))
    if value is None and is_object(offsets):
        value, factor = offsets.get(("from", "to")[side]), 0.001
    elif value is None and pair is not None and len(pair) == 2:
        value = pair[side]
    if value is None:
        return None
    ms = seconds_to_ms(value)
    if ms is None:
        gathering.warnings.add(place, f"the {key} is not a number of seconds; it was left empty.")
        return None
    return round(ms * factor)


def _confidence_of(gathering: Gathering, place: str, segment: JsonObject) -> float | None:
    given = segment.get("confidence")
    if given is not None:
        value = _number(given)
        if value is None:
            gathering.warnings.add(place, "the confidence is not a number; it was left empty.")
        return value
    scores = _word_numbers(segment, "words", "score")
    if scores:
        return _mean(scores)
    logprob = _number(segment.get("avg_logprob"))
    if logprob is not None:
        return math.exp(min(logprob, 1.0))  # above 0 it is no log probability: out of range, reported as such
    probabilities = _word_numbers(segment, "words", "probability") or _word_numbers(segment, "tokens", "p")
    return _mean(probabilities) if probabilities else None


def _word_numbers(segment: JsonObject, words: str, key: str) -> list[float]:
    """Numbers of a segment's words; whisper.cpp's control tokens (`[_BEG_]`) are no words."""
    found = (each for each in list_of(segment.get(words)) or () if is_object(each))
    spoken = (each for each in found if not str(each.get("text", "")).startswith("[_"))
    numbers = (_number(each.get(key)) for each in spoken)
    return [number for number in numbers if number is not None]


def _mean(numbers: list[float]) -> float:
    return math.fsum(numbers) / len(numbers)


def _has_text(word: JsonObject) -> bool:
    return isinstance(word.get("word", word.get("text")), str)


def _word(word: JsonObject) -> Word:
    given = (_number(word.get(key)) for key in ("score", "probability", "confidence"))
    confidence = next((number for number in given if number is not None), None)
    start_ms, end_ms = _word_time(word.get("start")), _word_time(word.get("end"))
    return Word(
        text=clean(str(word.get("word", word.get("text")))).strip(),
        start_ms=start_ms,
        end_ms=None if end_ms is not None and start_ms is not None and end_ms < start_ms else end_ms,
        confidence=confidence if confidence is not None and 0.0 <= confidence <= 1.0 else None,
    )


def _word_time(value: object) -> int | None:
    ms = seconds_to_ms(value)
    return ms if ms is not None and 0 <= ms <= LAST_MS else None


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 1e15 or not math.isfinite(value):
        return None
    return float(value)


def _language_of(found: object) -> str | None:
    if not is_object(found):
        return None
    result = found.get("result")
    return string_of(found.get("language")) or (string_of(result.get("language")) if is_object(result) else None)
