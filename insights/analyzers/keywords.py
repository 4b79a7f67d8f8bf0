"""The phrases a passage is about ("panic attack", "sister"), each with every place where it stands.

A phrase is one to three neighbouring content words, as long as it can be; function words, fillers of speech, general
verbs, vague nouns, contractions, numbers, emoji, punctuation and [notes] end it (`lexicons/keywords.txt`).
The term is the phrase in lower case with its last word in the singular, so that it can be counted over many passages.

Score, 0 to 1, to rank the terms of one passage: where the phrase stands n times by itself and has w words, and t is 1.5
if one of them is a topic that clinicians follow, else 1:  s = n * t * (1 + (w - 1) / 2),  score = s / (s + 1).
So an ordinary word said once is 0.5. At most `MOST` terms a passage.

Another language than English was not assessed: it has no keywords. Tell it from a passage without any by its language.
"""

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from insights.analyzers import tokens
from insights.analyzers.base import Finding, Segment
from insights.analyzers.tokens import Tokens
from transcripts.lexicons import read_lexicon

KIND = "keyword"
MOST = 8
LONGEST = 3  # words in a phrase
LONGEST_WORD = 40  # letters; what is longer is a key, a hash or a scream
TOPIC_WEIGHT = 1.5

_LEXICON = read_lexicon(Path(__file__).parent / "lexicons" / "keywords.txt")
_CONTENT, _OWNER, _LEAD, _MODIFIER, _TAIL, _SPACE, _STOP = "cogmt ."
_NOTE = "["

# One letter a piece, so that a phrase is a match in a string of classes: leads and content, then a word that can end
# it. A transcriber's note in brackets matches whole, to be left out.
_RUN = re.compile(r"(?:[gmc] ){0,6}(?:(?<=[mc] )t|[co])|\[[^\[\]]{0,20}\]")
_ENDINGS = _CONTENT + _OWNER + _TAIL
_LONGEST_RUN = 2 * LONGEST - 1  # pieces: the words of a phrase and the spaces between them

_IRREGULAR_SINGULARS = {
    "children": "child",
    "wives": "wife",
    "knives": "knife",
    "lives": "life",
    "feet": "foot",
    "teeth": "tooth",
    "shoes": "shoe",
    "toes": "toe",
    **{plural: plural[:-1] for plural in _LEXICON["ie"]},
}
_UNCHANGED = _LEXICON["unchanged"]


def _inflected(verb: str) -> set[str]:
    """Regular forms, with more spellings than exist ("stoping"): a form that nobody writes does no harm."""
    stem = verb.removesuffix("e")
    if verb.endswith("ee"):
        stem = verb  # "seeing"; "seed" is no form of it, but a word that says as little
    forms = {verb, verb + "s", verb + "es", stem + "ed", stem + "ing", verb + verb[-1] + "ed", verb + verb[-1] + "ing"}
    return forms | {stem + "in'", verb[:-1] + "ies", verb[:-1] + "ied"} if verb.endswith("y") else forms


_VAGUE_ENDINGS = (
    "ly",
    "ed",
    "able",
    "ible",
    "ous",
    "iest",
)  # adverbs, participles and adjectives, but for those listed

_URL_MARKS = frozenset("./@:")


class _Classes(dict[str, str]):
    """The class of every listed piece; the others are classed by their form, and not remembered."""

    def __missing__(self, piece: str) -> str:
        if piece.isspace():
            return _SPACE if piece.count("\n") < 2 else _STOP
        if not tokens.is_word(piece) or piece[0].isdigit() or not 2 < len(piece) <= LONGEST_WORD:
            return _STOP
        if not _URL_MARKS.isdisjoint(piece):
            return _STOP
        if "'" in piece:
            return self._owner(piece)
        if "-" in piece:
            return self._compound(piece)
        if piece.endswith(_VAGUE_ENDINGS):
            return _STOP
        one = singular(piece)
        return self.get(one, _CONTENT) if one != piece else _CONTENT

    def _owner(self, piece: str) -> str:
        """ "sister's" is a sister; "it's", "don't" and "o'clock" are nothing."""
        owner = piece.removesuffix("'s")
        return _OWNER if owner != piece and "'" not in owner and self[owner] == _CONTENT else _STOP

    def _compound(self, piece: str) -> str:
        """ "co-worker", but not a stutter ("wh-what", "th-the-the") and not "twenty-two"."""
        parts = piece.split("-")
        last = parts[-1]
        stutter = any(last.startswith(part) for part in parts[:-1])
        return _STOP if stutter or (self[last] == _STOP and self[parts[0]] == _STOP) else _CONTENT


def _load_classes() -> _Classes:
    classes = _Classes()
    for word in (
        _LEXICON["stop"] | _LEXICON["irregular"] | {form for verb in _LEXICON["verb"] for form in _inflected(verb)}
    ):
        classes[word] = _STOP
    for section, letter in (("tail", _TAIL), ("lead", _LEAD), ("modifier", _MODIFIER)):
        classes.update(dict.fromkeys(_LEXICON[section], letter))
    classes.update(dict.fromkeys(_LEXICON["content"] | _LEXICON["clinical"], _CONTENT))
    classes.update({" ": _SPACE, "[": "[", "]": "]"})
    return classes


_CLASSES = _load_classes()
_TOPICS = _LEXICON["clinical"]


class Phrase(NamedTuple):
    """`words` are as they stand, folded; `first` is the piece where it begins; its words are two pieces apart."""

    term: str
    words: list[str]
    first: int


class KeywordAnalyzer:
    name = "keywords.phrases"
    version = f"1.{tokens.VERSION}"
    sha256 = hashlib.sha256((_LEXICON.sha256 + _RUN.pattern).encode()).hexdigest()

    def analyze(self, batch: Sequence[Segment]) -> list[tuple[Finding, ...]]:
        return [_read(segment) for segment in batch]


def _read(segment: Segment) -> tuple[Finding, ...]:
    if segment.language != "en":
        return ()
    return tuple(Finding(KIND, term, score, spans=spans) for score, term, spans in rank_terms(segment.tokens))


def rank_terms(read: Tokens) -> list[tuple[float, str, tuple[tuple[int, int], ...]]]:
    """The best `MOST` terms as (score, term, spans), the best first, and in the order of the text among equals."""
    phrases = find_phrases(read)
    by_term: dict[str, list[Phrase]] = {}
    for phrase in phrases:
        by_term.setdefault(phrase.term, []).append(phrase)
    ranked = sorted(((_score(found), term, found) for term, found in by_term.items()), key=lambda entry: -entry[0])
    shared = len(by_term) > 1 and _share_words(phrases)
    return [(score, term, _spans(read, term, phrases if shared else found)) for score, term, found in ranked[:MOST]]


def find_phrases(read: Tokens) -> list[Phrase]:
    """Every phrase of the text, left to right, none inside another."""
    pieces = read.pieces
    classes = "".join(map(_CLASSES.__getitem__, pieces))
    phrases = []
    for run in _RUN.finditer(classes):
        first, end = run.span()
        if classes[first] == _NOTE:
            continue
        if end - first > _LONGEST_RUN:
            phrases += [_phrase(pieces, start, end) for start, end in _cut_run(classes, first, end)]
        else:
            phrases.append(_phrase(pieces, first, end))
    return phrases


def _cut_run(classes: str, first: int, end: int) -> list[tuple[int, int]]:
    """Threes from the right, where English has its nouns: "family | high blood pressure"."""
    cuts = []
    while end > first:
        start = max(first, end - _LONGEST_RUN)
        if classes[end - 1] in _ENDINGS:
            cuts.append((start, end))
        end = start - 1
    return cuts[::-1]


def _phrase(pieces: list[str], first: int, end: int) -> Phrase:
    words = pieces[first:end:2]
    last = singular(words[-1])
    return Phrase(" ".join((*words[:-1], last)) if len(words) > 1 else last, words, first)


def singular(word: str) -> str:
    """By rule, without the possessive; a word that the rule would spoil is listed."""
    word = word.removesuffix("'s")
    if word in _IRREGULAR_SINGULARS:
        return _IRREGULAR_SINGULARS[word]
    if word[-1] != "s" or len(word) < 4 or word in _UNCHANGED or word.endswith(("ss", "us", "is")):
        return word
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    return word[:-2] if word.endswith(("sses", "shes", "ches", "xes", "zzes", "oes")) else word[:-1]


def _score(found: list[Phrase]) -> float:
    words = [*found[0].words[:-1], singular(found[0].words[-1])]
    topic = 1.0 if _TOPICS.isdisjoint(words) else TOPIC_WEIGHT
    strength = len(found) * topic * (1 + (len(words) - 1) / 2)
    return round(strength / (strength + 1), 4)


def _share_words(phrases: list[Phrase]) -> bool:
    words = [singular(word) for phrase in phrases for word in phrase.words]
    return len(set(words)) < len(words)


def _spans(read: Tokens, term: str, phrases: list[Phrase]) -> tuple[tuple[int, int], ...]:
    """Every place of the term, inside longer phrases too: "drinking" in "drinking problem"."""
    *before, last = term.split(" ")
    size = len(before)
    return tuple(
        _span(read, phrase, at, at + size)
        for phrase in phrases
        for at in range(len(phrase.words) - size)
        if phrase.words[at : at + size] == before and singular(phrase.words[at + size]) == last
    )


def _span(read: Tokens, phrase: Phrase, first: int, last: int) -> tuple[int, int]:
    """From the first to the last of these words, without a possessive's ending."""
    owner = len(phrase.words[last]) - len(phrase.words[last].removesuffix("'s"))
    return read.starts[phrase.first + 2 * first], read.starts[phrase.first + 2 * last + 1] - owner
