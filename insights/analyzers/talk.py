"""Who talked how much: counts and times of one source. No judgement, no model; the same turns give the same figures.

A **turn** is everything one speaker says until another does, however many passages it takes. Times are milliseconds
from the start of the source; what is not known is None and is not guessed. Words are those of `tokens.tokenize`.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby, pairwise
from typing import Any, Self

from insights.analyzers.tokens import tokenize
from transcripts.roles import Role

VERSION = "1"


@dataclass(frozen=True, slots=True)
class Utterance:
    """One passage, in the order of the source. `speaker` is any key; None is a speaker nobody named."""

    text: str
    speaker: str | None = None
    role: Role = Role.UNKNOWN
    start_ms: int | None = None
    end_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Share:
    """What one speaker, or all speakers of one role, contributed.

    `share` is of all words, 0 to 1, None where nobody said any. `speaking_ms` sums the passages whose start and end are
    known; None where none is. `mean_turn_words` is words per turn, None where the role changes inside every turn.
    `speaker` is None for a role, and for speakers without a name.
    """

    role: Role
    speaker: str | None
    words: int
    share: float | None
    passages: int
    turns: int
    questions: int
    mean_turn_words: float | None
    speaking_ms: int | None


@dataclass(frozen=True, slots=True)
class Silence:
    """A gap between the end of one passage and the start of the next; `after` is the first one's position, from 0."""

    after: int
    duration_ms: int


@dataclass(frozen=True, slots=True)
class TalkMetrics:
    """Speakers and roles in the order in which they first speak. `longest_silence` is None where no gap is known."""

    passages: int
    turns: int
    words: int
    questions: int
    speakers: tuple[Share, ...]
    roles: tuple[Share, ...]
    longest_silence: Silence | None
    version: str = VERSION

    def to_json(self) -> dict[str, Any]:
        document = asdict(self)
        return document | {"speakers": list(document["speakers"]), "roles": list(document["roles"])}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        silence = document["longest_silence"]
        return cls(
            passages=document["passages"],
            turns=document["turns"],
            words=document["words"],
            questions=document["questions"],
            speakers=_read_shares(document["speakers"]),
            roles=_read_shares(document["roles"]),
            longest_silence=None if silence is None else Silence(**silence),
            version=document["version"],
        )


def _read_shares(shares: Iterable[Mapping[str, Any]]) -> tuple[Share, ...]:
    return tuple(Share(**{**share, "role": Role(share["role"])}) for share in shares)


@dataclass(frozen=True, slots=True)
class _Counted:
    utterance: Utterance
    words: int
    is_question: bool
    opens_turn: bool


def measure_talk(utterances: Sequence[Utterance]) -> TalkMetrics:
    counted = _count(utterances)
    words = sum(c.words for c in counted)
    return TalkMetrics(
        passages=len(counted),
        turns=sum(c.opens_turn for c in counted),
        words=words,
        questions=sum(c.is_question for c in counted),
        speakers=_shares(counted, words, by_role=False),
        roles=_shares(counted, words, by_role=True),
        longest_silence=find_longest_silence(utterances),
    )


def _count(utterances: Sequence[Utterance]) -> list[_Counted]:
    counted = []
    for _, turn in groupby(utterances, key=_speaker_key):
        for position, said in enumerate(turn):
            words = tokenize(said.text).count_words()
            counted.append(_Counted(said, words, is_question(said.text), opens_turn=position == 0))
    return counted


def _speaker_key(said: Utterance) -> tuple[str | None, Role | None]:
    """Nameless speakers are told apart by their role; a named one is the same person in any role."""
    return (None, said.role) if said.speaker is None else (said.speaker, None)


def _shares(counted: Sequence[_Counted], all_words: int, *, by_role: bool) -> tuple[Share, ...]:
    groups: dict[tuple[str | None, Role | None], list[_Counted]] = {}
    for c in counted:
        groups.setdefault((None, c.utterance.role) if by_role else _speaker_key(c.utterance), []).append(c)
    return tuple(_share(speaker, said, all_words) for (speaker, _), said in groups.items())


def _share(speaker: str | None, said: Sequence[_Counted], all_words: int) -> Share:
    words = sum(c.words for c in said)
    turns = sum(c.opens_turn for c in said)
    return Share(
        role=said[0].utterance.role,
        speaker=speaker,
        words=words,
        share=round(words / all_words, 4) if all_words else None,
        passages=len(said),
        turns=turns,
        questions=sum(c.is_question for c in said),
        mean_turn_words=round(words / turns, 2) if turns else None,
        speaking_ms=_speaking_ms(c.utterance for c in said),
    )


def _speaking_ms(said: Iterable[Utterance]) -> int | None:
    """A passage that ends before it starts has no known duration."""
    spans = [u.end_ms - u.start_ms for u in said if u.start_ms is not None and u.end_ms is not None]
    known = [span for span in spans if span >= 0]
    return sum(known) if known else None


def find_longest_silence(utterances: Sequence[Utterance]) -> Silence | None:
    """Measured from the latest end so far, so that an interjection inside a long passage makes no silence.

    Only neighbours whose end and start are both known are compared; overlaps and backward times are no silence.
    The first of equals.
    """
    longest: Silence | None = None
    latest_end = 0
    for position, (said, following) in enumerate(pairwise(utterances)):
        if said.end_ms is None:
            continue
        latest_end = max(latest_end, said.end_ms)
        if following.start_ms is None:
            continue
        gap = following.start_ms - latest_end
        if gap > 0 and (longest is None or gap > longest.duration_ms):
            longest = Silence(position, gap)
    return longest


_AUXILIARY = r"(?:(?:do|did|is|are|would|could|have)(?:n't)?|does|was|were|has|had|can|will|should|may)"
_PRONOUN = r"(?:you|he|she|it|we|they|i|that|this|there|any(?:one|body|thing)|some(?:one|body|thing))"
_SUBJECT = rf"(?:{_PRONOUN}|the|a|an|your|my|his|her|our|their|things|people)"
_PREAMBLE = r"(?:(?:so|and|but|okay|ok|well|um|uh|now|then|right|yeah)[,\s]+)*"
_OPENINGS = (
    rf"{_AUXILIARY}\s+{_SUBJECT}",
    rf"(?:what|why|who|where|when|which|how)\s+(?:(?!{_SUBJECT}\b)[a-z]+\s+){{0,2}}{_AUXILIARY}\s+{_SUBJECT}",
    r"(?:what|how|where|who)'s",
    r"(?:what|how)\s+(?:about|else|kind of|sort of|many|much|long|often|come|happened|happens)|why\s+not",
)
_OPENS_AS_QUESTION = re.compile(rf"\s*{_PREAMBLE}(?:{'|'.join(_OPENINGS)})\b")
_SENTENCE_MARK = re.compile(r"[.!?\u3002\uff01\uff1f\u061f]")
_QUESTION_MARK = re.compile(r"[?\uff1f\u061f]")
_OPENING = 120  # code points: an opening is not looked for beyond


def is_question(text: str) -> bool:
    """By its mark; without any sentence mark, as some recognisers write, by how it opens ("do you", "how long")."""
    if _QUESTION_MARK.search(text):
        return True
    if _SENTENCE_MARK.search(text):
        return False
    return _OPENS_AS_QUESTION.match(text[:_OPENING].lower().replace("\u2019", "'")) is not None
