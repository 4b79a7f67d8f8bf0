"""Whether a hit is denied: "I'd never hurt myself", "Suicidal? No.", "They thought I'd jump. I never said that."

A negation reaches to the end of its clause unless something in between takes it: "I do not *know why* I want to die".
"""

import re

from insights.analyzers.crisis.clauses import clause_start, text_of
from insights.analyzers.crisis.hits import Hit
from insights.analyzers.crisis.normal import Sentence
from insights.analyzers.crisis.passages import AFFIRMED, NEGATED, Passage
from insights.analyzers.crisis.rules import RULES

_CUES = RULES.cues
_BLOCKERS, _RAISING = RULES.words("blockers"), RULES.words("raising")
_SUBJECTS = frozenset(["i", "he", "she", "they", "we", "you", "it"])
_CONTRASTS = (", it is that ", ", it is just that ", ", it is more that ")  # "not that I wish to die, it is that ..."
_AUXILIARIES = frozenset(["did", "do", "does", "would", "have", "had", "am", "was"])
_COULD_NOT = re.compile(r" (?:could|would) (?:not|never) (?:ever )?(?:hurt|harm|hit|kill|touch) ")
_AFTER = 12  # words after a hit in which a denial is looked for
_SOON = 3  # words that may stand before it


def polarity(passage: Passage, hit: Hit) -> str:
    if "indifferent" in hit.traits:  # "I don't care if I live": the negation is the finding
        return AFFIRMED
    sentence = passage.sentences[hit.number]
    denied = is_negated(sentence, hit) or _is_denied_after(passage, hit) or _is_denied_before(passage, hit)
    return NEGATED if denied else AFFIRMED


def is_negated(sentence: Sentence, hit: Hit) -> bool:
    start = clause_start(sentence, hit.first)
    scope = text_of(sentence, start, hit.first if hit.has_own_negation else hit.end)
    if " that " in scope and any(phrase in sentence.line for phrase in _CONTRASTS):
        return True
    if hit.label == "violence" and _COULD_NOT.search(text_of(sentence, start, hit.end)):
        return True
    pretended = [match.span() for match in _CUES["pseudo"].finditer(scope)]
    before = sentence.forms[start : hit.first]
    for match in _CUES["negation"].finditer(scope):
        if any(a <= match.start() < b for a, b in pretended):
            continue
        number = scope.count(" ", 0, match.end()) - 1
        if start + number >= hit.first or _reaches(before[number:]):
            return True
    return False


def _reaches(between: list[str]) -> bool:
    """Whether a negation passes over these words: "not [think i want to]" but not "not [know why i]"."""
    if not _BLOCKERS.isdisjoint(between):
        return False
    subject = next((i for i, form in enumerate(between) if form in _SUBJECTS), 0)
    lead = between[:subject]
    return not lead or lead == ["that"] or lead[-1] in _AUXILIARIES or not _RAISING.isdisjoint(lead)


def _is_denied_after(passage: Passage, hit: Hit) -> bool:
    sentence = passage.sentences[hit.number]
    after = text_of(sentence, hit.end, min(len(sentence.forms), hit.end + _AFTER))
    match = _CUES["denial_after"].search(after)
    if match is not None and after.count(" ", 0, match.start()) <= _SOON + 1:
        return True
    rest = text_of(sentence, hit.end, len(sentence.forms))
    if _CUES["denial_far"].search(rest):
        return True
    return sentence.is_question and _is_answered_no(passage, hit.number + 1)


def _is_answered_no(passage: Passage, number: int) -> bool:
    """ "Kill myself? Who would feed the cat? No." """
    line = passage.line(number)
    if line.endswith(" ? "):
        line = passage.line(number + 1)
    return _CUES["denial_after"].search(" ? " + line.lstrip()[:60]) is not None


def _is_denied_before(passage: Passage, hit: Hit) -> bool:
    """What others thought, and a correction by the speaker."""
    sentence = passage.sentences[hit.number]
    before = text_of(sentence, max(0, hit.first - 14), min(len(sentence.forms), hit.first + 2))
    if _CUES["denial_before"].search(before) is None:
        return False
    rest = text_of(sentence, max(0, hit.first - 8), len(sentence.forms)) + passage.line(hit.number + 1)
    return _CUES["correction"].search(rest) is not None
