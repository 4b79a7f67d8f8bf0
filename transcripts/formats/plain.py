"""Dialogue as plain text: who and when before what was said.

`Name: text` · `[mm:ss] Name: text` · `hh:mm:ss Name text` · `hh:mm:ss text` · `**Name** [m:ss] text` · Zoom's chat
log · `Name  m:ss` or `Name (m:ss):` over the text, as Otter and Rev write it · a time alone over the text. A turn goes
on until the next one begins.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from transcripts.formats.base import Conversation, Document, Transcript, TranscriptPassage
from transcripts.formats.gathering import Gathering
from transcripts.formats.labels import is_certain, may_be_name, speaker_labels, split_label
from transcripts.formats.line_escapes import read_turn, write_turn
from transcripts.formats.refusals import FormatError
from transcripts.formats.times import CLOCK, format_clock, parse_clock

NAME = "txt"

# Opens our own exports: paragraphs are passages, with backslash escapes and times in square brackets.
_OWN = "# anamnesis 1"
_OWN_TIMES = re.compile(r"\[(\?|[\d:.]+)(?: - ([\d:.]+))?\] ", re.ASCII)

_RANGE = rf"\[\s*({CLOCK})(?:\s*(?:-->|-|–|—)\s*({CLOCK}))?\s*\]"
_IN_BRACKETS = re.compile(rf"\s*(?:{_RANGE}|\(({CLOCK})\))[ \t]*[-–—]?[ \t]*", re.ASCII)
_BARE = re.compile(rf"\s*({CLOCK})(?=\s|$)(?:\s*(?:-->|-|–|—)\s*({CLOCK})(?=\s|$))?[ \t]*(?:[-–—][ \t]+)?", re.ASCII)
_NAME_OVER_TEXT = re.compile(rf"(\S[^\t\n]{{0,58}}?)(?:[ ]{{2,}}|\t[ ]*)\(?({CLOCK})\)?\s*", re.ASCII)
_NAME_THEN_PARENTHESES = re.compile(rf"(\S[^\t\n(\[:]{{0,58}}?)\s*[(\[]({CLOCK})[)\]]\s*:?[ \t]*", re.ASCII)
_MARKDOWN_NAME = re.compile(r"\s*\*\*([^*\n]{1,60}?):?\*\*:?[ \t]*")
_CHAT_NAME = re.compile(r"From\s+(.{1,60}?)(?:\s+to\s+.{1,60})?\s*", re.IGNORECASE)
_FOOTERS = frozenset(("transcribed by https://otter.ai",))
_SNIFFED = 200_000
_FIRST_WORDS = """
    I You He She It We They My Your His Her Our Their This That These Those There Here Is Are Was Were Do Does Did Have
    Has Had Can Could Will Would Should May Might Not Oh Um Uh Mm Hm Hello Hi Thanks Thank Good Great Sure Right
"""
_SENTENCE_OPENINGS = frozenset(_FIRST_WORDS.split())
_NEEDS = "It needs lines like 'Name: text', '[00:12] Name: text' or '00:00:12 text'."


class _Head(NamedTuple):
    """How a line opens a turn. `label` is certain, `guess` may be a name, judged with the whole file."""

    start_ms: int | None = None
    end_ms: int | None = None
    label: str | None = None
    guess: str | None = None
    rest: str = ""  # what follows the time and the certain label
    after_guess: str = ""  # what follows the guessed label


def sniff(document: Document) -> bool:
    if _is_own(document.text):
        return True
    return _Turns(document.text[:_SNIFFED].split("\n")).are_dialogue()


def read(document: Document, *, mapping: Mapping[str, str]) -> Iterable[Conversation]:
    gathering = Gathering()
    lines = document.text.split("\n")
    if _is_own(document.text):
        _read_own(gathering, lines)
        return (gathering.conversation(),)
    turns = _Turns(lines)
    if not turns.any():
        raise FormatError(1, "No line names a speaker or a time.", _NEEDS)
    turns.add_to(gathering)
    return (gathering.conversation(),)


def write(transcript: Transcript) -> str:
    return "\n\n".join([_OWN, *map(_write_passage, transcript.passages)]) + "\n"


class _Turns:
    """The turns of a file: every line read once by itself, then judged by what the whole file does."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._lines = lines
        written = [line for line in lines[:2000] if line.strip()]
        # "17:30 was late" may open any line of speech, so bare minutes count only where the file begins with them.
        self._bare_minutes = bool(written) and _BARE.match(written[0]) is not None
        self._heads = {index: head for index, line in enumerate(lines) if (head := self._head_of(line)) is not None}
        timed = [head for head in self._heads.values() if head.start_ms is not None]
        self._names, self._untimed_names = self._find_names(timed)
        self._first_words = _repeated_first_words(timed)

    def _find_names(self, timed: Sequence[_Head]) -> tuple[frozenset[str], frozenset[str]]:
        """The names after a time, and the names that open a turn without one."""
        names = speaker_labels((head.guess for head in timed if head.guess is not None), places=len(timed))
        said = Counter(head.label or head.guess or "" for head in timed if head.label or head.guess in names)
        if said:
            return names, frozenset(name for name, count in said.items() if count > 1)
        guesses = [head.guess for head in self._heads.values() if head.guess is not None]
        paragraphs = sum(1 for before, line in pairwise(["", *self._lines]) if line and not before)
        return names, speaker_labels(guesses, places=max(paragraphs, len(guesses)))

    def any(self) -> bool:
        return any(self._opens(head) for head in self._heads.values())

    def are_dialogue(self) -> bool:
        """Begins as one, within a title's length, and names its speakers as a dialogue does."""
        written = [index for index, line in enumerate(self._lines) if line.strip()][:40]
        opening = [index for index in written if index in self._heads and self._opens(self._heads[index])]
        if not opening:
            return False
        opens = [head for head in self._heads.values() if self._opens(head)]
        if any(head.start_ms is not None for head in opens):
            return opens[0].start_ms is not None or len(opens) > 1
        labels = Counter(head.label or head.guess or "" for head in opens)
        if any(is_certain(label) for label in labels):
            return True
        return len(opens) > 1 and (len(labels) <= 3 or len(labels) * 2 <= len(opens)) and opening[0] == written[0]

    def add_to(self, gathering: Gathering) -> None:
        for index, head, body in self._spans():
            if head is None:
                if any(line.strip() for line in body):
                    gathering.warnings.add(index + 1, "text before the first speaker; it was kept without a speaker.")
                    gathering.add(index + 1, "\n".join(body).strip())
                continue
            label, first = self._label_and_text(head)
            text = "\n".join([first, *body]).strip()
            gathering.add(index + 1, text, label, head.start_ms, head.end_ms)

    def _spans(self) -> Iterator[tuple[int, _Head | None, Sequence[str]]]:
        opens = [index for index, head in self._heads.items() if self._opens(head)]
        yield 0, None, self._lines[: opens[0]]
        for index, end in zip(opens, [*opens[1:], len(self._lines)], strict=True):
            body = [line for line in self._lines[index + 1 : end] if line.strip().lower() not in _FOOTERS]
            yield index, self._heads[index], body

    def _opens(self, head: _Head) -> bool:
        return head.start_ms is not None or head.label is not None or head.guess in self._untimed_names

    def _label_and_text(self, head: _Head) -> tuple[str | None, str]:
        if head.label is not None:
            return head.label, head.rest
        if head.guess is not None and head.guess in (self._untimed_names if head.start_ms is None else self._names):
            return head.guess, head.after_guess
        return self._split_first_words(head.rest)

    def _split_first_words(self, text: str) -> tuple[str | None, str]:
        """`hh:mm:ss Name text`: a name without a colon, where every timed line opens with one of a few."""
        words = text.split(None, 2)
        for count in (2, 1):
            name = " ".join(words[:count])
            if len(words) > count and name in self._first_words:
                return name, text.split(None, count)[count]
        return None, text

    def _head_of(self, line: str) -> _Head | None:
        if ":" not in line and "：" not in line and not line.startswith(("**", "[")):
            return None
        times = _IN_BRACKETS.match(line)
        if times is not None:
            return _labelled(line[times.end() :], parse_clock(times[1] or times[3]), parse_clock(times[2] or ""))
        bare = _BARE.match(line)
        if bare is not None and (self._bare_minutes or bare[1].count(":") == 2):
            return _labelled(line[bare.end() :], parse_clock(bare[1]), parse_clock(bare[2] or ""))
        return _name_before_time(line) or _untimed(line)


def _labelled(rest: str, start_ms: int | None, end_ms: int | None) -> _Head | None:
    """What follows a time: `Name: text`, `**Name** text`, `Name:<tab>text`, a chat log's `From Name to Everyone:`."""
    if start_ms is None:
        return None
    markdown = _MARKDOWN_NAME.match(rest)
    if markdown is not None:
        return _Head(start_ms, end_ms, label=markdown[1], rest=rest[markdown.end() :])
    before, tab, after = rest.strip().partition("\t")
    if tab and may_be_name(before.rstrip(": ")) and after.strip():
        return _Head(start_ms, end_ms, label=before.rstrip(": "), rest=after.strip())
    before, colon, after = rest.strip().partition(":")
    chat = _CHAT_NAME.fullmatch(before.strip()) if colon else None
    if chat is not None and before.startswith("From "):
        return _Head(start_ms, end_ms, label=chat[1].strip(), rest=after.strip())
    split = split_label(rest)
    if split is None:
        return _Head(start_ms, end_ms, rest=rest)
    return _Head(start_ms, end_ms, guess=split[0], rest=rest, after_guess=split[1])


def _name_before_time(line: str) -> _Head | None:
    """`**Name** [m:ss] text`, `Name  m:ss` and `Name (m:ss): text`."""
    markdown = _MARKDOWN_NAME.match(line)
    if markdown is not None:
        rest = line[markdown.end() :]
        times = _IN_BRACKETS.match(rest)
        if times is None:
            return _Head(guess=markdown[1], rest=line, after_guess=rest) if may_be_name(markdown[1]) else None
        start_ms, end_ms = parse_clock(times[1] or times[3]), parse_clock(times[2] or "")
        return _Head(start_ms, end_ms, label=markdown[1], rest=rest[times.end() :])
    over = (_NAME_OVER_TEXT.fullmatch(line) if len(line) < 120 else None) or _NAME_THEN_PARENTHESES.match(line)
    if over is None or not may_be_name(over[1]) or (start_ms := parse_clock(over[2])) is None:
        return None
    return _Head(start_ms, label=over[1], rest=line[over.end() :])


def _untimed(line: str) -> _Head | None:
    split = split_label(line)
    return None if split is None else _Head(guess=split[0], rest=line, after_guess=split[1])


def _repeated_first_words(timed: Sequence[_Head]) -> frozenset[str]:
    """The names of `hh:mm:ss Name text`, where the first words of all such lines are a few names, each repeated."""
    texts = [head.rest.split(None, 2) for head in timed if head.label is None and head.guess is None]
    openings = Counter(words[0] for words in texts if len(words) > 1)
    if not openings:
        return frozenset()
    certain = {word for word in openings if is_certain(word)}
    few = len(openings) <= 8 and len(openings) * 2 <= len(texts) and all(count > 1 for count in openings.values())
    if not few or not all(word.isalpha() and may_be_name(word) and not word.islower() for word in openings):
        return frozenset(certain)
    if openings.keys() & _SENTENCE_OPENINGS:
        return frozenset(certain)
    return frozenset(_with_surname(word, texts) for word in openings)


def _with_surname(word: str, texts: Sequence[Sequence[str]]) -> str:
    seconds = {words[1] for words in texts if len(words) > 2 and words[0] == word}
    surname = seconds.pop() if len(seconds) == 1 else ""
    return f"{word} {surname}" if surname[:1].isupper() and surname.isalpha() and not is_certain(word) else word


def _is_own(text: str) -> bool:
    return text.startswith(_OWN) and text[len(_OWN) : len(_OWN) + 1] in ("", "\n")


def _write_passage(passage: TranscriptPassage) -> str:
    turn = write_turn(passage.speaker, passage.text)
    times = _write_times(passage.start_ms, passage.end_ms)
    return times + ("\\" + turn if turn.startswith("[") else turn)


def _write_times(start_ms: int | None, end_ms: int | None) -> str:
    if start_ms is None and end_ms is None:
        return ""
    start = "?" if start_ms is None else format_clock(start_ms)
    return f"[{start}] " if end_ms is None else f"[{start} - {format_clock(end_ms)}] "


def _read_own(gathering: Gathering, lines: Sequence[str]) -> None:
    index, total = 1, len(lines)
    while index < total:
        first = index
        while index < total and lines[index]:
            index += 1
        if index > first:
            _add_own(gathering, first + 1, "\n".join(lines[first:index]))
        index += 1


def _add_own(gathering: Gathering, line: int, block: str) -> None:
    times = _OWN_TIMES.match(block)
    speaker, text = read_turn(block[times.end() :] if times else block)
    start_ms, end_ms = (parse_clock(times[1]), parse_clock(times[2] or "")) if times else (None, None)
    gathering.add(line, text, speaker, start_ms, end_ms)
