"""Where a clause begins and ends around a hit: how far a "not" or a "when I was nine" reaches."""

from insights.analyzers.crisis.normal import Sentence

_BREAKS = frozenset(
    ", ; and but because although though so then while whereas except which cause unless until yet however".split()
)
_FURTHEST = 16  # words; a scope longer than that is another thought


def clause_start(sentence: Sentence, first: int) -> int:
    """The first word of the clause in which word number `first` stands."""
    for i in range(first - 1, max(-1, first - _FURTHEST), -1):
        if sentence.forms[i] in _BREAKS:
            return i + 1
    return max(0, first - _FURTHEST + 1)


def clause_end(sentence: Sentence, last: int) -> int:
    """One after the last word of the clause in which word number `last` stands."""
    furthest = min(len(sentence.forms), last + _FURTHEST)
    return next((i for i in range(last + 1, furthest) if sentence.forms[i] in _BREAKS), furthest)


def text_of(sentence: Sentence, start: int, end: int) -> str:
    """Words [start, end) in the form of `Sentence.line`."""
    return " " + " ".join(sentence.forms[start:end]) + " "
