"""WebVTT (https://www.w3.org/TR/webvtt1/), with Zoom's "Name: text" and Microsoft's unpadded times.

Cues are found as the standard's parser finds them, so text without a time line and cues with a broken time are left
out, each with a warning; a file of nothing else is refused.
"""

import html
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from transcripts.formats.base import Conversation, Document, Transcript
from transcripts.formats.cues import DERIVED_END, DERIVED_START, Cue, TimedPassage, add_cues, with_times
from transcripts.formats.gathering import Gathering
from transcripts.formats.line_escapes import join_lines
from transcripts.formats.refusals import FormatError
from transcripts.formats.times import format_clock, parse_stamp

NAME = "vtt"

# Our own exports: voices are whole labels, white space counts, no name is looked for in the text.
_OWN = "NOTE anamnesis 1"
_SIGNATURE = re.compile(r"WEBVTT(?:[ \t][^\n]*)?(?:\n|$)")
# The standard's form; minutes alone may have three digits, as players allow.
_STANDARD = r"(?:\d+:[0-5]\d:[0-5]\d|\d{2,3}:[0-5]\d)\.\d{3}"
# Microsoft Graph writes 0:0:5.32: no part has a leading zero.
_UNPADDED = r"(?:0|[1-9]\d*):(?:0|[1-5]?\d):(?:0|[1-5]?\d)\.\d{1,3}"
_LOOSE = r"(?:\d+:)?\d{1,3}:[0-5]?\d(?:[.,]\d{1,3})?"
_TIMES = r"[ \t\f]*({stamp})[ \t\f]*-->[ \t\f]*({stamp})(?!\d)"
_STANDARD_LINE = re.compile(_TIMES.replace("{stamp}", _STANDARD), re.ASCII)
_UNPADDED_LINE = re.compile(_TIMES.replace("{stamp}", _UNPADDED), re.ASCII)
_LOOSE_LINE = re.compile(_TIMES.replace("{stamp}", _LOOSE), re.ASCII)
_STANDARD_STAMP = re.compile(_STANDARD, re.ASCII)
# Zoom's newer identifiers: 3 "Ann Lee" (1234567).
_NAMED_CUE = re.compile(r"\d+ \"([^\"\n]{1,100})\" \(\d+\)")
_NO_CUE = re.compile(r"(?:NOTE|STYLE|REGION)(?:[ \t]|$)")
_VOICE = re.compile(r"<v(?:\.[^\s<>]*)?(?:[ \t\n]([^<>]*))?>")
# Start and end tags, and times within a cue; "I <3 you" holds none. An unclosed one is text.
_TAG = re.compile(r"</?[A-Za-z][^<>]*>|</>|<\d[\d:.]*>")

# Voices and tags may leave empty lines behind; no cue holds one of its own.
_BLANK_LINES = re.compile(r"\n(?:[ \t]*\n)+")


class _Block(NamedTuple):
    first: int  # index of the first line
    times: int  # index of the line with the arrow, -1 where there is none
    end: int


def sniff(document: Document) -> bool:
    return _SIGNATURE.match(document.text) is not None


def read(document: Document, *, mapping: Mapping[str, str]) -> Iterable[Conversation]:
    if not sniff(document):
        raise FormatError(1, "The first line is not WEBVTT.", "Add that line, or import the file as srt or txt.")
    lines = document.text.split("\n")
    body = _end_of_header(lines)
    gathering = Gathering()
    if _OWN in lines[1:4]:
        _read_own(gathering, lines)
    else:
        cues = list(_cues(gathering, lines, body))
        _refuse_if_all_lost(gathering, cues, lines, body)
        add_cues(gathering, cues, names_in_text=_VOICE.search(document.text) is None)
    return (gathering.conversation(language=_language(lines[1:body])),)


def write(transcript: Transcript) -> str:
    blocks = [_write_cue(number, timed) for number, timed in enumerate(with_times(transcript), start=1)]
    return "\n\n".join(["WEBVTT", _OWN, *blocks]) + "\n"


def _end_of_header(lines: Sequence[str]) -> int:
    for index in range(1, len(lines)):
        if not lines[index] or "-->" in lines[index]:
            return index
    return len(lines)


def _language(header: Sequence[str]) -> str | None:
    found = (line.partition(":")[2].strip() for line in header if line.lower().startswith("language:"))
    return next((language for language in found if language), None)


def _blocks(lines: Sequence[str], body: int) -> Iterator[_Block]:
    """The standard's "collect a block": a line with an arrow is a time line as first or second, else the next block."""
    index, total = body, len(lines)
    while index < total:
        if not lines[index]:
            index += 1
            continue
        first, times = index, -1
        while index < total and lines[index]:
            if "-->" in lines[index]:
                if times >= 0 or index - first > 1:
                    break
                times = index
            index += 1
        yield _Block(first, times, index)


def _cues(gathering: Gathering, lines: Sequence[str], body: int) -> Iterator[Cue]:
    standard = any("-->" in line and _STANDARD_STAMP.search(line) for line in lines)
    waiting: Cue | None = None  # a blank cue, whose text may stand after a blank line
    for block in _blocks(lines, body):
        if block.times < 0:
            if _NO_CUE.match(lines[block.first]):
                continue
            if waiting is None:
                gathering.warnings.add(block.first + 1, "text without a time line; it was left out.")
                continue
            text = _join(lines[block.first : block.end])
            gathering.warnings.add(waiting.line, "the text stands after a blank line; it was kept.")
            yield _read_cue(gathering, waiting, text)
            waiting = None
            continue
        if waiting is not None:
            yield waiting
        waiting = None
        times = _read_times(lines[block.times], standard)
        if times is None:
            gathering.warnings.add(block.times + 1, "the time line is broken; the cue was left out.")
            continue
        named = _NAMED_CUE.fullmatch(lines[block.first]) if block.times > block.first else None
        cue = Cue(block.times + 1, *times, "", named[1] if named else None)
        text = _join(lines[block.times + 1 : block.end])
        if text.strip():
            yield _read_cue(gathering, cue, text)
        else:
            waiting = cue
    if waiting is not None:
        yield waiting


def _join(lines: Sequence[str]) -> str:
    return "\n".join(lines)


def _read_times(line: str, standard: bool) -> tuple[int, int] | None:
    """Whoever pads times as the standard says is held to it; a file that never does is read by what it means."""
    match = _STANDARD_LINE.match(line) or _UNPADDED_LINE.match(line) or (None if standard else _LOOSE_LINE.match(line))
    if match is None:
        return None
    return parse_stamp(match[1]), parse_stamp(match[2])


def _read_cue(gathering: Gathering, cue: Cue, payload: str) -> Cue:
    if "<" not in payload and "&" not in payload:
        return cue._replace(text=payload.strip())
    voices = list(dict.fromkeys(name for raw in _VOICE.findall(payload) if (name := _annotation(raw))))
    if len(voices) > 1:
        gathering.warnings.add(cue.line, "the cue has several voices; their names stand in its text.")
        payload = _VOICE.sub(lambda match: f"\n{_annotation(match[1] or '')}: ", payload).replace(" \n", "\n")
        voices = []
    text = html.unescape(_TAG.sub("", payload)).strip(" \t\n")
    return cue._replace(text=_BLANK_LINES.sub("\n", text), speaker=voices[0] if voices else cue.speaker)


def _annotation(raw: str) -> str:
    return " ".join(html.unescape(raw).split())


def _refuse_if_all_lost(gathering: Gathering, cues: Sequence[Cue], lines: Sequence[str], body: int) -> None:
    """A file of which nothing could be read is a broken one, not an empty source."""
    if cues or not gathering.warnings:
        return
    lost = next(block for block in _blocks(lines, body) if block.times >= 0 or not _NO_CUE.match(lines[block.first]))
    line = max(lost.first, lost.times) + 1
    what = f"No cue could be read; the first fault is on line {line}."
    raise FormatError(line, what, "A cue's time line is like 00:01.000 --> 00:04.500.")


def _write_cue(number: int, timed: TimedPassage) -> str:
    times = f"{format_clock(timed.start_ms)} --> {format_clock(timed.end_ms)}"
    text = join_lines(_escape(timed.passage.text), "&#10;")
    speaker = timed.passage.speaker
    body = text if speaker is None else f"<v {_escape(speaker).replace(chr(10), '&#10;')}>{text}</v>"
    return f"{' '.join([str(number), *timed.derived])}\n{times}\n{body}"


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _read_own(gathering: Gathering, lines: Sequence[str]) -> None:
    for block in _blocks(lines, lines.index(_OWN) + 1):
        times = _STANDARD_LINE.match(lines[block.times]) if block.times >= 0 else None
        if times is None:
            what = f"Line {block.first + 1} begins no cue."
            raise FormatError(block.first + 1, what, f"Take out the line {_OWN!r} if the file was edited by hand.")
        identifier = lines[block.first] if block.times > block.first else ""
        speaker, text = _read_own_body(_join(lines[block.times + 1 : block.end]))
        start_ms = None if DERIVED_START in identifier else parse_stamp(times[1])
        end_ms = None if DERIVED_END in identifier else parse_stamp(times[2])
        gathering.add(block.times + 1, text, speaker, start_ms, end_ms)


def _read_own_body(body: str) -> tuple[str | None, str]:
    if not body.startswith("<v "):
        return None, html.unescape(body)
    label, _, text = body.removeprefix("<v ").partition(">")
    return html.unescape(label), html.unescape(text.removesuffix("</v>"))
