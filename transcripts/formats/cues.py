"""What WebVTT and SRT share: cues with their names, and the times that a cue cannot do without. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from transcripts.formats.base import Transcript, TranscriptPassage
from transcripts.formats.gathering import Gathering
from transcripts.formats.labels import speaker_labels, split_label
from transcripts.formats.refusals import ExportError

DERIVED_START, DERIVED_END = "start:derived", "end:derived"
_DEFAULT_MS = 2000


class Cue(NamedTuple):
    line: int
    start_ms: int | None
    end_ms: int | None
    text: str
    speaker: str | None = None


def add_cues(gathering: Gathering, cues: Sequence[Cue], *, names_in_text: bool) -> None:
    """The cues as utterances; with `names_in_text` a speaker may open the text, as Zoom writes it ("Name: text")."""
    found = [split_label(cue.text) if names_in_text else None for cue in cues]
    names = speaker_labels((each[0] for each in found if each is not None), places=len(cues))
    for cue, split in zip(cues, found, strict=True):
        text, speaker = cue.text, cue.speaker
        if split is not None and split[0] in names:
            if _names_another(split, names):
                gathering.warnings.add(cue.line, "the cue has several speakers; the names stay in its text.")
            else:
                speaker, text = split[0], split[1].strip()
        gathering.add(cue.line, text, speaker, cue.start_ms, cue.end_ms)


def _names_another(split: tuple[str, str], names: frozenset[str]) -> bool:
    others = (split_label(line) for line in split[1].split("\n")[1:])
    return any(other is not None and other[0] in names and other[0] != split[0] for other in others)


@dataclass(frozen=True, slots=True)
class TimedPassage:
    passage: TranscriptPassage
    start_ms: int
    end_ms: int
    derived: tuple[str, ...]


def with_times(transcript: Transcript) -> list[TimedPassage]:
    """Every passage with a start and an end: a missing end is the next start, a missing start the one before.

    What was derived is said beside the cue, so that reading the file back leaves it empty again.
    """
    passages = transcript.passages
    if passages and all(passage.start_ms is None for passage in passages):
        raise ExportError("The source has no times, and subtitles cannot do without: export it as json, csv or txt.")
    timed: list[TimedPassage] = []
    following = _following_starts(passages)
    before = 0
    for passage, after in zip(passages, following, strict=True):
        start, end = passage.start_ms, passage.end_ms
        if start is None:
            start = before if end is None else min(before, end)
        if end is None:
            end = after if after is not None and after > start else start + _DEFAULT_MS
        starts = () if passage.start_ms is not None else (DERIVED_START,)
        ends = () if passage.end_ms is not None else (DERIVED_END,)
        timed.append(TimedPassage(passage, start, end, starts + ends))
        before = start
    return timed


def _following_starts(passages: Sequence[TranscriptPassage]) -> list[int | None]:
    following: list[int | None] = []
    after: int | None = None
    for passage in reversed(passages):
        following.append(after)
        after = passage.start_ms if passage.start_ms is not None else after
    return following[::-1]
