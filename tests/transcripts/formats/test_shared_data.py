"""Real files of others, read only where they are at hand: none of them may stand in this repository."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.transcripts.formats.reading import read_one, texts
from transcripts.formats import read_file
from transcripts.formats.base import Conversation, FormatError

DATA = Path(__file__).parents[3].parent / "shared" / "data"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f"the shared data is not at {DATA}")

# file -> passages, where this is not what an independent parser counts, and why.
DIFFERENT = {
    "formats/srt/pysrt/empty.srt": 5,  # two cues are blank
    "formats/webvtt/astisub/example-in.vtt": 6,  # a time without a fraction is read
}
REFUSED = {
    "formats/webvtt/webvtt_py/invalid.vtt": "first line is not WEBVTT",
    "formats/asr_json/whisperx/diarazition.json": "not what was said",
}
KINDS = (
    "webvtt/webvtt_py", "webvtt/astisub", "webvtt/node_webvtt", "srt", "pairs", "teams", "zoom", "podcast_namespace",
    "asr_json/whisper", "asr_json/whisper_timestamped", "asr_json/whisperx", "otter_txt", "speaker_markdown",
)  # fmt: skip
COUNTS = ("cues", "segments", "turns", "lines", "messages")


@cache
def truths(path: str = "EXPECTED.json") -> dict[str, Any]:
    file = DATA / path
    return dict(json.loads(file.read_text())) if file.is_file() else {}


def counted() -> list[tuple[str, int]]:
    found = (
        (path, DIFFERENT.get(path, next((truth[key] for key in COUNTS if truth.get(key)), None)))
        for path, truth in truths().items()
    )
    of_kinds = ((path, count) for path, count in found if any(path.startswith(f"formats/{kind}/") for kind in KINDS))
    return [(path, count) for path, count in of_kinds if count is not None and path not in REFUSED]


def read(path: str) -> Conversation:
    return read_one((DATA / path).read_bytes(), file_name=Path(path).name)


@pytest.mark.parametrize(("path", "count"), counted())
def test_a_real_file_has_as_many_passages_as_others_count(path: str, count: int) -> None:
    assert len(read(path).utterances) == count


@pytest.mark.parametrize(("path", "reason"), REFUSED.items())
def test_a_real_file_that_is_no_transcript_is_refused(path: str, reason: str) -> None:
    with pytest.raises(FormatError, match=reason):
        read(path)


def test_zoom_s_speakers_are_found() -> None:
    path = "formats/zoom/meeting_transcript_part1.vtt"
    speakers = [each.speaker for each in read(path).utterances if each.speaker is not None]
    assert (sorted(set(speakers)), len(speakers)) == (truths()[path]["speakers"], truths()[path]["cues_with_speaker"])


@pytest.mark.parametrize("name", truths("formats/webvtt/wpt/EXPECTED.json"))
def test_the_web_platform_s_cues_are_found(name: str) -> None:
    truth = truths("formats/webvtt/wpt/EXPECTED.json")[name]
    if name == "timings-garbage.vtt":  # not one cue of many: refused rather than an empty source
        with pytest.raises(FormatError, match="No cue could be read"):
            read(f"formats/webvtt/wpt/{name}")
        return
    utterances = read(f"formats/webvtt/wpt/{name}").utterances
    assert len(utterances) == truth["cues"]
    assert [each.text for each in utterances] == truth.get("texts", [])
    assert [each.start_ms for each in utterances] == [
        second * 1000 for second in truth.get("start", [(each.start_ms or 0) // 1000 for each in utterances])
    ]


def vttjs() -> list[tuple[str, str]]:
    root = "formats/webvtt/vttjs"
    pairs = [f"{root}/{each}/PAIRS.json" for each in ("cue-times", "cuetext/format", "cuetext/voice")]
    return [(f"{root}/{source}", f"{root}/{truth}") for each in pairs for source, truth in truths(each).items()]


@pytest.mark.parametrize(("source", "truth"), vttjs())
def test_the_cues_of_vttjs_are_found(source: str, truth: str) -> None:
    cues = truths(truth)["cues"]
    if not cues:
        with pytest.raises(FormatError, match="No cue could be read"):
            read(source)
        return
    utterances = read(source).utterances
    assert len(utterances) == len(cues)
    # vtt.js takes 120:00.000 for hours; a file that writes it means minutes.
    if not source.endswith("minimum-spots-over-sixty.vtt"):
        assert [(each.start_ms, each.end_ms) for each in utterances] == [
            (round(cue["startTime"] * 1000), round(cue["endTime"] * 1000)) for cue in cues
        ]
    if "/format/" in source:
        assert [each.text for each in utterances] == [cue["text"] for cue in cues]


def test_the_two_forms_of_one_transcript_say_the_same() -> None:
    spoken = [" ".join(texts(read(f"formats/pairs/talkpython_000.{suffix}"))).split() for suffix in ("txt", "vtt")]
    assert spoken[0] == spoken[1]


def test_annomi_comes_in_one_to_one_from_both_files() -> None:
    simple, full = (
        list(read_file(name, (DATA / "therapy/annomi" / name).read_bytes())[1])
        for name in ("annomi_simple.csv", "annomi_full.csv")
    )
    truth = truths()["therapy/annomi/annomi_simple.csv"]["per_transcript"]
    assert {each.external_id: len(each.utterances) for each in simple} == {
        key: each["utterances"] for key, each in truth.items()
    }
    assert (len(simple), sum(len(each.utterances) for each in simple)) == (107, 8136)
    assert {each.external_id: each.utterances for each in full} == {
        each.external_id: each.utterances for each in simple
    }
    for conversation in simple:
        known = truth[str(conversation.external_id)]
        assert sum(each.speaker == "therapist" for each in conversation.utterances) == known["therapist"]
        assert conversation.utterances[0].start_ms == known["first_s"] * 1000
        assert bool(conversation.warnings) == (bool(known["bad_timestamp"]) or not known["monotone"])
