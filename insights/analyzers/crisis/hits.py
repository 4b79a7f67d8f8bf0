"""Finds the places where a rule matches. What they mean is settled by their surroundings: see attributes."""

from dataclasses import dataclass

from insights.analyzers.crisis.normal import Sentence
from insights.analyzers.crisis.rules import RULES

MOST_PER_RULE = 8  # in one sentence: more of the same says no more


@dataclass(frozen=True, slots=True)
class Hit:
    """Words [first, end) of one sentence."""

    label: str
    number: int
    first: int
    end: int
    traits: frozenset[str]
    has_own_negation: bool

    def overlaps(self, other: "Hit") -> bool:
        return self.number == other.number and self.first < other.end and other.first < self.end


def find_hits(sentence: Sentence, number: int) -> list[Hit]:
    """All hits in sentence `number` of a text, in the order of the words."""
    words = set(sentence.forms)
    candidates = {rule for word in words for rule in RULES.by_trigger.get(word, ())}
    hits: list[Hit] = []
    for index in sorted(candidates):
        rule = RULES.all[index]
        if rule.may_match(words):
            found = rule.regex.finditer(sentence.line)
            spans = [match.span() for _, match in zip(range(MOST_PER_RULE), found, strict=False)]
            hits += [_hit(sentence, number, index, start, end) for start, end in spans]
    return sorted(_without_weak(hits), key=lambda hit: (hit.first, hit.end, hit.label))


def _without_weak(hits: list[Hit]) -> list[Hit]:
    """Weak rules speak only where no other does: they know a word, not what is said with it."""
    strong = [hit for hit in hits if "weak" not in hit.traits and hit.label != "talk"]
    return strong + [hit for hit in hits if hit.label == "talk"] if strong else hits


def _hit(sentence: Sentence, number: int, index: int, start: int, end: int) -> Hit:
    rule = RULES.all[index]
    offsets = sentence.offsets
    last = offsets.get(end, len(sentence.words))
    return Hit(rule.label, number, offsets[start], last, rule.traits, rule.has_negation)
