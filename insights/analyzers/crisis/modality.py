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
_OURS = FIRST | {"us", "we", "our"}
_STRANGERS = frozenset(["a", "an", "the", "your", "this", "that", "another", "some", "and", "of", "no", "any"])
_BESIDE_A_VERB = frozenset("is was has been will would could might may probably maybe also not and".split())
_GUESSES = frozenset(["maybe", "perhaps", "apparently"])
_SOMEBODY = _OURS | THIRD | {"you", "boys", "girls", "lads", "kids", "those"}
_PASSIVE_VOICE = frozenset("be been being was were is are am get gets getting got".split())
_DREAMT_OF = frozenset(["violence", "danger_from_others"])
_THEIRS = frozenset(["his", "her", "their", "a", "the"])
_ANYBODY = frozenset(["someone", "somebody"])
_ELLIPSIS = 2  # words that may stand before a hit whose subject was left out
_NEAR = 14  # words before a single word of death in which somebody must be named
_LEAD = 9  # words before a hit in which its work or its many are named
_SHORT = 9  # words; hyperbole is brief


def modality(passage: Passage, hit: Hit) -> str:
    if _is_figure(passage, hit):
        return IDIOM
    if hit.label == "talk" or _is_loose(passage, hit) or _is_quoted(passage, hit) or _is_generic(passage, hit):
        return QUOTED
    sentence = passage.sentences[hit.number]
    rhetorical = "rhetorical" in hit.traits and passage.segment.role is not Role.THERAPIST
    if not rhetorical and _is_asked(passage.segment.role, sentence):
        return ASKED
    return STATED if _CONDITIONS.isdisjoint(sentence.forms) else CONDITIONAL


def _has(cue: str, line: str) -> bool:
    return _CUES[cue].search(line) is not None


# Figures of speech


def _is_figure(passage: Passage, hit: Hit) -> bool:
    if hit.label == "idiom" or "idiom" in hit.traits:
        return True
    if "literal" in hit.traits:
        return False
    return _is_nobody_s_deed(passage, hit) or _is_fun(passage, hit) or _is_hyperbole(passage, hit)


def _is_nobody_s_deed(passage: Passage, hit: Hit) -> bool:
    """ "It hit me", "you could hurt yourself" said of anybody, a fall."""
    forms = passage.sentences[hit.number].forms
    inside = forms[hit.first : hit.end]
    if hit.label in {"danger_from_others", "violence"} and hit.first and forms[hit.first - 1] in _LIFELESS:
        return True
    if "yourself" in inside and "kill" not in inside and passage.segment.role is not Role.THERAPIST:
        return _VOICES.isdisjoint(forms)
    if hit.label == "child_at_risk" and _is_done_by_it(forms[: hit.first]):
        return True
    if hit.label in {"self_harm", "violence"} and _has("mishap", passage.line(hit.number)):
        return True
    return hit.label == "self_harm" and "purpose" not in forms and _has("accident", passage.line(hit.number))


def _is_done_by_it(before: list[str]) -> bool:
    """ "It is probably hurting the kids": a habit, a divorce."""
    subject = next((form for form in reversed(before[-4:]) if form not in _BESIDE_A_VERB), None)
    return subject in {"it", "this"}


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
    if "literal" in hit.traits and "weak" not in hit.traits:
        return False
    inside = set(sentence.forms[hit.first : hit.end])
    if "indifferent" in hit.traits and {"that", "died"} <= inside:
        return True
    if hit.label == "passive" and hit.first > 1 and not inside.isdisjoint({"need", "needs"}):
        return words.isdisjoint(_OURS | THIRD)  # "this joke needs to die"
    if "weak" in hit.traits:
        if "you" in inside and inside.isdisjoint(FIRST | THIRD):
            return True
        near = sentence.forms[max(0, hit.first - _NEAR) : hit.end + _ELLIPSIS]
        if hit.label == "passive" and (FIRST | LOVED).isdisjoint(near):
            return True
        if words.isdisjoint(FIRST) and not words.isdisjoint(_GUESSES):
            return True
        everyday = any(_has(cue, sentence.line) for cue in ("everyday", "trivial", "generic", "game", "arms_talk"))
        return everyday or not _is_of_the_speaker(passage.segment.role, sentence) or _is_put_to_use(passage, hit)
    if hit.label in _DREAMT_OF and _has("dreamt", text_of(sentence, 0, hit.first + 1)):
        return True
    if _is_of_nobody(sentence, hit):
        return True
    if hit.label == "preparation" or "everyday" in hit.traits:
        return any(_has(cue, sentence.line + passage.line(hit.number + 1)) for cue in ("everyday", "arms_talk"))
    return False


def _is_of_the_speaker(role: Role, sentence: Sentence) -> bool:
    """The speaker or somebody who belongs to them: "my brother", "mum", but not "the guy", "your friend".

    A therapist speaks of the listener's: "your brother".
    """
    is_therapist = role is Role.THERAPIST
    if not is_therapist and not _OURS.isdisjoint(sentence.forms):
        return True
    strangers = _STRANGERS - {"your"} if is_therapist else _STRANGERS
    return any(b in LOVED and a not in strangers for a, b in pairwise([",", *sentence.forms]))


def _is_of_nobody(sentence: Sentence, hit: Hit) -> bool:
    """ "The king should kill them", "the deer was hit by a car"; but "Should kill them" is "I should"."""
    if hit.label not in {"violence", "danger_from_others", "child_at_risk"} or hit.first < _ELLIPSIS:
        return False
    if not _VOICES.isdisjoint(sentence.forms):
        return False
    if hit.label == "danger_from_others" and sentence.forms[hit.first] not in _PASSIVE_VOICE:
        return False
    return _SOMEBODY.isdisjoint(sentence.forms[: hit.first + 1]) and _OURS.isdisjoint(sentence.forms[: hit.end])


def _is_put_to_use(passage: Passage, hit: Hit) -> bool:
    return hit.label == "preparation" and _has("put_to_use", passage.line(hit.number + 1))


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
    return not _is_of_kin(told) or not _has("reported", told)


def _is_of_kin(told: str) -> bool:
    """Somebody close to the speaker, not to a character: "his wife says" is the comedian's."""
    forms = told.split()
    return any(b in LOVED and a not in _THEIRS for a, b in pairwise([",", *forms]))


def _speaks_again(told: str) -> bool:
    """ "I watched the film *and i* thought about it": the work is left, the speaker is back."""
    forms = told.split()
    if "but" in forms and "i" in forms[forms.index("but") + 1 : forms.index("but") + 4]:
        return True
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
    if "literal" in hit.traits and not (FIRST | LOVED).isdisjoint(sentence.forms):
        return False
    if _has("hypothetical", sentence.line) or _has("hypothetical", passage.line(hit.number + 1)):
        return "myself" not in inside
    if _is_subject_of_work(sentence, hit):
        return True
    people = _GENERIC | FIRST | THIRD
    clause = sentence.forms[clause_start(sentence, hit.first) : hit.first + 1]
    subject = next((form for form in reversed(clause) if form in people), None)
    if subject is None:
        subject = next((form for form in sentence.forms[hit.first : hit.end] if form in people), None)
    if subject in _GENERIC and _OWNERS.isdisjoint(sentence.forms[: hit.first]):
        return inside.isdisjoint({"myself", "me", "i"})
    near = set(sentence.forms[max(0, hit.first - 3) : hit.end])
    return _has("generic", sentence.line) and near.isdisjoint(FIRST | THIRD)


def _is_subject_of_work(sentence: Sentence, hit: Hit) -> bool:
    """A thesis on it, a training in it, "most new parents" who have it."""
    start = max(0, hit.first - _LEAD)
    matches = list(_CUES["subject_of"].finditer(text_of(sentence, start, hit.end)))
    if not matches:
        return False
    after = start + text_of(sentence, start, hit.end).count(" ", 0, matches[-1].end()) - 1
    return {"i", "me", "myself"}.isdisjoint(sentence.forms[after : hit.end])


# Questions


def _is_asked(role: Role, sentence: Sentence) -> bool:
    """A question about somebody else than the one who asks. A client's own "what if I just ..." is no question."""
    if role is Role.THERAPIST:
        return sentence.is_question or _has("question_frame", " ".join(["", *sentence.forms[:4], ""]))
    if sentence.is_question and _has("asked_of_all", sentence.line):
        return True
    someone = FIRST | (THIRD - LOVED - _ANYBODY)
    return sentence.is_question and someone.isdisjoint(sentence.forms)
