"""Whether it is now or long ago. No clock: a year that is named is the past, "last night" and "lately" are the present.

A date reaches through its sentence and into the sentences told on from it in the past tense. What is back, or never
ended, is present: "I used to, and lately I do again".
"""

import re

from insights.analyzers.crisis.clauses import clause_end, clause_start, text_of
from insights.analyzers.crisis.hits import Hit
from insights.analyzers.crisis.passages import FUTURE, NOW, OTHER, PAST, UNDATED, Passage
from insights.analyzers.crisis.people import experiencer
from insights.analyzers.crisis.rules import RULES

_CUES = RULES.cues
_NOT_BACK = re.compile(r" (?:not|never|no|none|nothing|nobody|cannot|fine|okay) ")
_PAST_VERB = re.compile(
    r" (?:was|were|had|did|took|thought|felt|cut|would|used|went|stood|hit|got|wrote|hurt|[a-z]{3,}ed) "
)
_STILL = re.compile(r" still (?!(?:do|does|am|want|think|feel) )")  # "we still send cards" is no risk
_WELL = re.compile(r" (?:well|fine|okay|better|great|happy|happily|settled|live|glad|rain) $")
_PRESENT_VERB = re.compile(r" (?:am|is|are|have|has|do|does|want|wants|wish|think|feel|keep|can|will|going) ")


def time(passage: Passage, hit: Hit) -> str:
    line = passage.line(hit.number)
    if _is_completed_death(passage, hit):
        return PAST
    if _CUES["past"].search(line):
        return NOW if _is_back(passage, hit) else PAST
    if _carries_past(passage, hit):
        return PAST
    if _CUES["now"].search(line):
        return NOW
    return FUTURE if _CUES["future"].search(line) else UNDATED


def _is_back(passage: Passage, hit: Hit) -> bool:
    sentence = passage.sentences[hit.number]
    start, end = clause_start(sentence, hit.first), clause_end(sentence, hit.end - 1)
    line = _STILL.sub(" ", text_of(sentence, 0, start)) + text_of(sentence, start, end)
    line += _STILL.sub(" ", text_of(sentence, end, len(sentence.forms)))
    if is_back_in(line):
        return True
    following = _STILL.sub(" ", passage.line(hit.number + 1))
    match_after = _CUES["back_now"].search(following)
    return match_after is not None and not _NOT_BACK.search(following[: match_after.start() + 1])


def is_back_in(line: str) -> bool:
    """Something came back or never ended; "never again" and "well ever since" are none."""
    for match in _CUES["back_now"].finditer(line):
        before = line[max(0, match.start() - 30) : match.start() + 1]
        is_well = match[0].startswith("ever since") and _WELL.search(before[:-1]) is not None
        if not is_well and not _NOT_BACK.search(before):
            return True
    return False


def _carries_past(passage: Passage, hit: Hit) -> bool:
    """A date in one of the two sentences before or the one after, told in the past tense."""
    sentence = passage.sentences[hit.number]
    clause = text_of(sentence, clause_start(sentence, hit.first), hit.end)
    if not _PAST_VERB.search(clause) or _PRESENT_VERB.search(clause) or _CUES["now"].search(sentence.line):
        return False
    around = (passage.line(hit.number + step) for step in (-1, -2, 1))
    return any(_CUES["past"].search(line) and not _CUES["back_now"].search(line) for line in around)


def _is_completed_death(passage: Passage, hit: Hit) -> bool:
    """Somebody died. The grief may need care; nobody is at risk by these words."""
    sentence = passage.sentences[hit.number]
    words = text_of(sentence, max(0, hit.first - 1), hit.end)
    if experiencer(passage, hit) != OTHER or not _CUES["completed"].search(words):
        return False
    before = text_of(sentence, clause_start(sentence, hit.first), hit.first)
    return _CUES["living"].search(before) is None
