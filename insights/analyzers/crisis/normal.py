"""Words as the rules expect them, each with its place in the original text.

Speech and text-speak say one thing in many spellings: "I, um, I don't", "i dont", "I do n't". The rules are written for
one of them. Contractions are opened ("can't" -> can not), known misspellings mended, fillers and repeats dropped,
punctuation reduced to `. ? ! ; , "`. Every word keeps the half-open span of the piece that it came from, so that a
finding points into the text as it was said.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

from insights.analyzers.crisis.rules import RULES
from insights.analyzers.tokens import Tokens, is_word

_is_year = re.compile(r"(?:19\d\d|20[0-3]\d)s?").fullmatch
_is_stretched = re.compile(r"(.)\1\1").search
LONGEST_SENTENCE = 80  # words; a text without full stops is cut here, which keeps the work linear
_ENDS = frozenset(".?!")
_MARKS = {"\n": ".", "…": ",", "—": ",", "–": ",", "-": ",", ":": ",", "(": ",", ")": ",", ";": ";", ",": ","}
_MARKS |= dict.fromkeys(('"', "“", "”", "«", "»"), '"')
_COPULA_HOSTS = frozenset("he she it that there who what here everyone nobody everybody someone somebody".split())
_SUFFIXES = {"n't": "not", "'ll": "will", "'ve": "have", "'re": "are", "'m": "am", "'d": "would"}


@dataclass(frozen=True, slots=True)
class Word:
    form: str
    start: int
    end: int


@dataclass(frozen=True)
class Sentence:
    """`line` is the words with one space before and after each: what the rules are matched against."""

    words: tuple[Word, ...]

    @cached_property
    def forms(self) -> list[str]:
        return [word.form for word in self.words]

    @cached_property
    def line(self) -> str:
        return " " + " ".join(self.forms) + " "

    @cached_property
    def offsets(self) -> dict[int, int]:
        """Where each word begins in `line`, to its number; the end of the line is one more."""
        starts = accumulate((len(form) + 1 for form in self.forms), initial=1)
        return {start: number for number, start in enumerate(starts)}

    @property
    def is_question(self) -> bool:
        return self.forms[-1] == "?"


def read_sentences(tokens: Tokens) -> list[Sentence]:
    sentences: list[Sentence] = []
    current: list[Word] = []
    for word in _without_fillers(_words(tokens)):
        current.append(word)
        if word.form in _ENDS or len(current) >= LONGEST_SENTENCE:
            _close(current, sentences)
            current = []
    _close(current, sentences)
    return sentences


def _close(words: list[Word], sentences: list[Sentence]) -> None:
    words = _without_stray_commas(_without_repeats(_without_fillers_of_two(words)))
    if any(is_word(word.form) for word in words):
        sentences.append(Sentence(tuple(words)))
    elif words and sentences and words[-1].form == "?" and sentences[-1].forms[-1] not in _ENDS:
        sentences[-1] = Sentence((*sentences[-1].words, words[-1]))


def _words(tokens: Tokens) -> Iterator[Word]:
    pieces, starts = tokens.pieces, tokens.starts
    spellings = RULES.spellings
    for i, piece in enumerate(pieces):
        if piece == " ":
            continue
        start, end = starts[i], starts[i + 1]
        if piece in spellings:
            for form in spellings[piece]:
                yield Word(form, start, end)
        elif _is_year(piece):
            yield Word("yearnumber", start, end)
        elif is_word(piece):
            yield from (Word(form, start, end) for form in _open(piece))
        elif (mark := _mark(piece)) is not None:
            yield Word(mark, start, end)


def _mark(piece: str) -> str | None:
    first = piece[0]
    if first in _ENDS:
        return "," if first == "." and len(piece) > 1 else first  # "..." is a pause, not an end
    if first.isspace():
        return "." if piece.count("\n") > 1 else None
    return _MARKS.get(first)


def _open(piece: str) -> tuple[str, ...]:
    """ "girlfriend's" -> girlfriend 's; "they'll" -> they will; "stop-and-search" -> stop and search."""
    if piece.isalpha():
        return (_unstretched(piece),)
    if "-" in piece:
        parts = [part for part in piece.split("-") if part]
        if len(parts) > 1 and parts[-1].startswith(parts[0]):  # a stutter, "w-want"
            parts = parts[-1:]
        return tuple(form for part in parts for form in RULES.spellings.get(part) or _open(part))
    host, apostrophe, _ = piece.partition("'")
    if not apostrophe:
        return (piece,)
    for suffix, word in _SUFFIXES.items():
        if piece.endswith(suffix):
            return (piece.removesuffix(suffix), word)
    if piece.endswith("'s"):
        return (host, "is") if host in _COPULA_HOSTS else (host, "'s")
    return (piece.replace("'", ""),)


def _unstretched(piece: str) -> str:
    """ "dieeee" -> die, if that is a word the rules know; else as it is."""
    if _is_stretched(piece) is None:
        return piece
    for longest in (1, 2):
        kept = "".join(c for i, c in enumerate(piece) if piece[max(0, i - longest) : i] != c * longest)
        if kept in RULES.vocabulary:
            return kept
    return piece


def _without_fillers(words: Iterator[Word]) -> Iterator[Word]:
    return (word for word in words if word.form not in RULES.fillers)


def _without_fillers_of_two(words: list[Word]) -> list[Word]:
    """Drops "you know", "i mean" and a "like" that stands for a breath."""
    kept: list[Word] = []
    skip = False
    for i, word in enumerate(words):
        after = words[i + 1].form if i + 1 < len(words) else "."
        before = kept[-1].form if kept else ","
        if skip:
            skip = False
        elif (word.form, after) in RULES.filler_pairs and _is_parenthesis(words, i):
            skip = True
        elif word.form != "like" or not (before in {",", "to", "am", "was"} or after == ","):
            kept.append(word)
    return kept


_OPENERS = frozenset("to not going want about of the my a will would am".split())


def _without_stray_commas(words: list[Word]) -> list[Word]:
    """ "i want to , die" -> "i want to die": nobody ends a clause there; a filler stood between."""
    return [word for i, word in enumerate(words) if word.form != "," or i == 0 or words[i - 1].form not in _OPENERS]


def _is_parenthesis(words: list[Word], i: int) -> bool:
    """ "I mean, ..." and ", you know, ..." but not "I mean it"."""
    after = words[i + 2].form if i + 2 < len(words) else "."
    return not after[0].isalpha() or after in RULES.subjects or (i > 0 and words[i - 1].form == ",")


def _without_repeats(words: list[Word]) -> list[Word]:
    """ "i , i want to want to" -> "i want to": the last of the repeats stays, commas between them go."""
    kept: list[Word] = []
    for word in words:
        while word.form == "," and kept and kept[-1].form == ",":
            kept.pop()
        if not kept and word.form == ",":
            continue
        kept.append(word)
        for size in (3, 2, 1):
            if word.form in {before.form for before in kept[-2 - size : -size]}:  # cheap, and seldom so
                _drop_repeat(kept, size)
    return kept


def _drop_repeat(kept: list[Word], size: int) -> None:
    tail = [word.form for word in kept[-2 * size - 1 :]]
    if len(tail) >= 2 * size and tail[-size:] == tail[-2 * size : -size]:
        if "," not in tail[-size:] or size > 1:
            del kept[-2 * size : -size]
    elif len(tail) == 2 * size + 1 and tail[size] == "," and tail[:size] == tail[-size:]:
        del kept[-2 * size - 1 : -size]
