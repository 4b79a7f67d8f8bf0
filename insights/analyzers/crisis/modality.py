"""How it is said: meant, asked, on a condition, in the words of a work, as a figure of speech."""

from itertools import pairwise

from insights.analyzers.crisis.clauses import clause_start, text_of
from insights.analyzers.crisis.hits import Hit
from insights.analyzers.crisis.normal import Sentence
from insights.analyzers.crisis.passages import ASKED, CONDITIONAL, IDIOM, OTHER, QUOTED, SELF, STATED, Passage
from insights.analyzers.crisis.people import FIRST, LOVED, THIRD, experiencer
from insights.analyzers.crisis.rules import RULES
from transcripts.roles import Role

_CUES = RULES.cues
_GENERIC, _LIFELESS, _VOICES = RULES.words("generic"), RULES.words("lifeless"), RULES.words("voices")
_CONDITIONS, _BACK_TO_SELF = RULES.words("conditions"), RULES.words("back_to_self")
_EXAGGERATED = frozenset(["explicit", "passive", "violence"])  # labels whose words also serve as hyperbole
_OWNERS = frozenset(["my", "mine", "our", "her", "his"])
_ANYBODY = frozenset(["someone", "somebody"])
_SHORT = 9  # words; hyperbole is brief


def modality(passage: Passage, hit: Hit) -> str:
    if _is_figure(passage, hit):
        return IDIOM
    if hit.label == "talk" or _is_loose(passage, hit) or _is_quoted(passage, hit) or _is_generic(passage, hit):
        return QUOTED
    sentence = passage.sentences[hit.number]
    if _is_asked(passage.segment.role, sentence):
        return ASKED
    return STATED if _CONDITIONS.isdisjoint(sentence.forms) else CONDITIONAL


def _has(cue: str, line: str) -> bool:
    return _CUES[cue].search(line) is not None


# Figures of speech


def _is_figure(passage: Passage, hit: Hit) -> bool:
    if hit.label == "idiom" or "idiom" in hit.traits:
        return True
    return _is_nobody_s_deed(passage, hit) or _is_fun(passage, hit) or _is_hyperbole(passage, hit)


def _is_nobody_s_deed(passage: Passage, hit: Hit) -> bool:
    """ "It hit me", "you could hurt yourself" said of anybody, a fall."""
    forms = passage.sentences[hit.number].forms
    inside = forms[hit.first : hit.end]
    if hit.label in {"danger_from_others", "violence"} and hit.first and forms[hit.first - 1] in _LIFELESS:
        return True
    if "yourself" in inside and "kill" not in inside and passage.segment.role is not Role.THERAPIST:
        return _VOICES.isdisjoint(forms)
    return hit.label == "self_harm" and "purpose" not in forms and _has("accident", passage.line(hit.number))


def _is_fun(passage: Passage, hit: Hit) -> bool:
    line = passage.line(hit.number)
    if hit.label in _EXAGGERATED and _has("plain_fun", line) and not _has("serious", line):
        return True
    near = line + passage.line(hit.number + 1)
    if not _has("joking", near) or _has("not_joking", near):
        return False
    # "lol" and "ha" are said over pain as well: they count only for a threat or an exaggeration.
    return not _has("laugh", near) or hit.label == "violence" or _has("hyperbole", line)


def _is_hyperbole(passage: Passage, hit: Hit) -> bool:
    """ "If I have to sit through one more meeting ..." """
    line = passage.line(hit.number)
    if hit.label not in _EXAGGERATED or hit.end - hit.first > _SHORT:
        return False
    return _has("trivial", line) and _has("hyperbole", line) and not _has("serious", line)


# Nobody's own words, or nobody's case


def _is_loose(passage: Passage, hit: Hit) -> bool:
    """A word without an owner ("personal" rules need one), or an everyday matter ("weak" rules know only a word)."""
    sentence = passage.sentences[hit.number]
    words = set(sentence.forms)
    if "personal" in hit.traits and words.isdisjoint(FIRST | THIRD):
        return True
    if "weak" in hit.traits:
        everyday = any(_has(cue, sentence.line) for cue in ("everyday", "trivial", "generic"))
        return everyday or words.isdisjoint(FIRST | LOVED)
    if hit.label == "preparation" or "everyday" in hit.traits:
        return _has("everyday", sentence.line + passage.line(hit.number + 1))
    return False


def _is_quoted(passage: Passage, hit: Hit) -> bool:
    """Words of a work: its kind is named before the hit, and they are not the speaker's own."""
    sentence = passage.sentences[hit.number]
    before = text_of(sentence, 0, hit.first + 1)
    named = _CUES["source_line"].search(before)
    if named is not None and not _speaks_again(before[named.end() - 1 :]):
        return True
    source = _CUES["source"].search(before)
    if source is None:
        return _is_of_work_before(passage, hit)
    told = before[source.end() - 1 :]
    if experiencer(passage, hit) == SELF and not _in_marks(sentence, hit):
        return _has("source_verb", told) and not _speaks_again(told)
    return LOVED.isdisjoint(told.split()) or not _has("reported", told)


def _speaks_again(told: str) -> bool:
    """ "I watched the film *and i* thought about it": the work is left, the speaker is back."""
    forms = told.split()
    return any(a in _BACK_TO_SELF and b in {"i", "me"} for a, b in pairwise(forms))


def _is_of_work_before(passage: Passage, hit: Hit) -> bool:
    """The work was named in one of the two sentences before, and this is still told of it."""
    if not any(_has("source", passage.line(hit.number - back)) for back in (1, 2)):
        return False
    sentence = passage.sentences[hit.number]
    of_nobody_here = experiencer(passage, hit) == OTHER and LOVED.isdisjoint(sentence.forms[: hit.end])
    return of_nobody_here or _in_marks(sentence, hit)


def _in_marks(sentence: Sentence, hit: Hit) -> bool:
    return sentence.forms[: hit.first].count('"') % 2 == 1


def _is_generic(passage: Passage, hit: Hit) -> bool:
    """Training, statistics, "people who ..."."""
    sentence = passage.sentences[hit.number]
    inside = set(sentence.forms[hit.first : hit.end])
    if _has("hypothetical", sentence.line) or _has("hypothetical", passage.line(hit.number + 1)):
        return "myself" not in inside
    people = _GENERIC | FIRST | THIRD
    clause = sentence.forms[clause_start(sentence, hit.first) : hit.first + 1]
    subject = next((form for form in reversed(clause) if form in people), None)
    if subject in _GENERIC and _OWNERS.isdisjoint(sentence.forms[: hit.first]):
        return inside.isdisjoint({"myself", "me", "i"})
    near = set(sentence.forms[max(0, hit.first - 3) : hit.end])
    return _has("generic", sentence.line) and near.isdisjoint(FIRST | THIRD)


# Questions


def _is_asked(role: Role, sentence: Sentence) -> bool:
    """A question about somebody else than the one who asks. A client's own "what if I just ..." is no question."""
    if role is Role.THERAPIST:
        return sentence.is_question or _has("question_frame", " ".join(["", *sentence.forms[:4], ""]))
    someone = FIRST | (THIRD - LOVED - _ANYBODY)
    return sentence.is_question and someone.isdisjoint(sentence.forms)
