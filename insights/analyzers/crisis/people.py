"""Whose state it is: the speaker's own or somebody else's."""

from insights.analyzers.crisis.hits import Hit
from insights.analyzers.crisis.passages import OTHER, SELF, Passage
from insights.analyzers.crisis.rules import RULES

FIRST = RULES.words("first")
LOVED = frozenset(RULES.data["classes"]["loved"].split())
THIRD = RULES.words("third") | LOVED
_US = frozenset(["i", "me", "us", "my", "we"])


def experiencer(passage: Passage, hit: Hit) -> str:
    """The one that the hit names; else the nearest person before it; else the speaker."""
    sentence = passage.sentences[hit.number]
    inside = sentence.forms[hit.first : hit.end]
    if hit.label == "child_at_risk":
        return OTHER
    if hit.label == "danger_from_others":  # the one in danger is the object: "he hits me", "he hits my mum"
        return OTHER if _US.isdisjoint(inside) and not THIRD.isdisjoint(inside) else SELF
    if {"myself", "i"} & set(inside):
        return SELF
    if {"himself", "herself", "themselves"} & set(inside):
        return OTHER
    return _nearest(sentence.forms[: hit.first + 1]) or _nearest(inside) or SELF


def _nearest(forms: list[str]) -> str | None:
    """ "my" is left out: in "my brother" it is the brother."""
    for form in reversed(forms):
        if form in FIRST and form != "my":
            return SELF
        if form in THIRD:
            return OTHER
    return None
