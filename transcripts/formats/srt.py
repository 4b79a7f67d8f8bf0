"""SubRip. No standard exists: cues are found by their time lines, and all that stands between two of them is text."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from transcripts.formats.base import Conversation, Document, Transcript
from transcripts.formats.cues import DERIVED_END, DERIVED_START, Cue, TimedPassage, add_cues, with_times
from transcripts.formats.gathering import Gathering
from transcripts.formats.line_escapes import read_turn, write_turn
from transcripts.formats.refusals import ExportError, FormatError
from transcripts.formats.times import format_clock, parse_stamp

NAME = "srt"

# Behind the first time line, where players look for coordinates and skip what is none: our own export, with
# backslash escapes, white space that counts and a speaker before the first plain ": ".
_OWN = "anamnesis:1"
_STAMP = r"-?(?:\d+:)?\d{1,3}:\d{1,2}(?:[.,:]\s?\d{1,9})?"
_TIMES = re.compile(rf"\s*({_STAMP})\s*--?>\s*({_STAMP})(?![\d:])(.*)", re.ASCII)
_BROKEN_TIMES = re.compile(r"\s*[^\s>]{0,20}\d:[^>]{0,20}-->|[^>]{0,40}-->\s*\d+:\d", re.ASCII)
# X1:40 Y1:20 of old players, line:0 of WebVTT; anything else beside the times is text.
_POSITIONS = re.compile(r"(?:\s+[A-Za-z]\w*:\S+)*\s*", re.ASCII)
_INDEX = re.compile(r"\s*\d{1,9}\s*", re.ASCII)
# HTML-like tags, and {\an8} of SubStation; an unclosed one is text.
_TAG = re.compile(r"</?[A-Za-z][^<>]*>|\{\\[^{}]*\}")
_NO_CUE = "A cue is a number, a line like 00:00:01,000 --> 00:00:04,500, and its text."


class _Times(NamedTuple):
    at: int  # index of the time line in the file's lines
    opens: int  # index of the cue's first line: its number, where it has one
    start_ms: int | None
    end_ms: int | None
    rest: str


def sniff(document: Document) -> bool:
    head = [line for line in document.text[:4096].split("\n") if line.strip()][:2]
    if len(head) == 2 and _INDEX.fullmatch(head[0]):
        return bool(_TIMES.fullmatch(head[1]) or _BROKEN_TIMES.match(head[1]))
    times = _TIMES.fullmatch(head[0])
    return times is not None and _POSITIONS.fullmatch(times[3]) is not None


def read(document: Document, *, mapping: Mapping[str, str]) -> Iterable[Conversation]:
    lines = document.text.split("\n")
    found = list(_time_lines(lines))
    if not found:
        raise FormatError(1, "This is not SRT: it has no time line.", _NO_CUE)
    if any(line.strip() for line in lines[: found[0].opens]):
        raise FormatError(1, f"The file does not begin with a cue; the first is on line {found[0].opens + 1}.", _NO_CUE)
    gathering = Gathering()
    if found[0].rest.split()[:1] == [_OWN]:
        _read_own(gathering, lines)
    else:
        add_cues(gathering, list(_cues(gathering, lines, found)), names_in_text=True)
    return (gathering.conversation(),)


def write(transcript: Transcript) -> str:
    if not transcript.passages:
        raise ExportError("The source has no passages, and an SRT file without cues is none: export it as json or vtt.")
    return "\n\n".join(_write_cue(number, timed) for number, timed in enumerate(with_times(transcript), start=1)) + "\n"


def _time_lines(lines: Sequence[str]) -> Iterator[_Times]:
    for index, line in enumerate(lines):
        if ">" not in line or "-" not in line:
            continue
        match = _TIMES.fullmatch(line)
        if match is None and not _BROKEN_TIMES.match(line):
            continue
        opens = index - 1 if index and _INDEX.fullmatch(lines[index - 1]) else index
        start_ms, end_ms = (_parse(match[1]), _parse(match[2])) if match else (None, None)
        yield _Times(index, opens, start_ms, end_ms, match[3] if match else "")


def _parse(stamp: str) -> int | None:
    """Milliseconds; negative where a shifted file has a minus, which is then reported as no time."""
    clock, _, fraction = stamp.lstrip("-").replace(",", ".").partition(".")
    if clock.count(":") == 3:  # 00:00:01:500
        clock, _, fraction = clock.rpartition(":")
    ms = parse_stamp(f"{clock}.{fraction.strip()}")
    return -ms if stamp.startswith("-") else ms


def _cues(gathering: Gathering, lines: Sequence[str], found: Sequence[_Times]) -> Iterator[Cue]:
    ends = [times.opens for times in found[1:]] + [len(lines)]
    for times, end in zip(found, ends, strict=True):
        line = times.at + 1
        if times.start_ms is None:
            gathering.warnings.add(line, "the time line is broken; the cue was kept without times.")
        beside = [] if _POSITIONS.fullmatch(times.rest) else [times.rest]
        text = _TAG.sub("", "\n".join([*beside, *lines[times.at + 1 : end]])).strip()
        if "\n\n" in text:
            gathering.warnings.add(line, "a blank line stands in the text; all up to the next time line was kept.")
        yield Cue(line, times.start_ms, times.end_ms, text)


def _write_cue(number: int, timed: TimedPassage) -> str:
    own = (_OWN,) if number == 1 else ()
    times = f"{format_clock(timed.start_ms, ',')} --> {format_clock(timed.end_ms, ',')}"
    turn = write_turn(timed.passage.speaker, timed.passage.text)
    return f"{number}\n{' '.join([times, *own, *timed.derived])}\n{turn}"


def _read_own(gathering: Gathering, lines: Sequence[str]) -> None:
    index, total = 0, len(lines)
    while index < total:
        if not lines[index]:
            index += 1
            continue
        times = _TIMES.fullmatch(lines[index + 1]) if index + 1 < total and _INDEX.fullmatch(lines[index]) else None
        if times is None:
            what = f"Line {index + 1} begins no cue."
            raise FormatError(index + 1, what, f"Take {_OWN!r} out of line 2 if the file was edited by hand.")
        first = index = index + 2
        while index < total and lines[index]:
            index += 1
        speaker, text = read_turn("\n".join(lines[first:index]))
        start_ms = None if DERIVED_START in times[3] else _parse(times[1])
        end_ms = None if DERIVED_END in times[3] else _parse(times[2])
        gathering.add(first, text, speaker, start_ms, end_ms)
