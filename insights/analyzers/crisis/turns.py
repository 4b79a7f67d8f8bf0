"""Question and answer: "Are you thinking of suicide?" "Most days." One has the risk, the other the weight."""

from insights.analyzers.base import Segment
from insights.analyzers.crisis.hits import find_hits
from insights.analyzers.crisis.normal import Sentence, read_sentences
from insights.analyzers.crisis.passages import AFFIRMED, NEGATED, NOW, PAST, UNDATED, Attributes
from insights.analyzers.crisis.rules import RULES, lines
from insights.analyzers.tokens import tokenize
from transcripts.roles import Role

LONGEST_QUESTION = 1_200  # characters from its end
QUESTIONS = 3  # sentences from its end in which the risk is named
ANSWERS = 3  # sentences in which the answer is looked for

_CUES = RULES.cues
_TOPICS = [
    (label, RULES.grammar.compile(pattern))
    for label, _, pattern in (line.partition(" ") for line in lines(RULES.data["turns"]["questions"]))
]
_SAID_BACK = frozenset(["explicit", "passive", "self_harm"])  # "So part of you wants to die." "Yeah."
_ASKED = _SAID_BACK | {"preparation", "violence", "danger_from_others", "child_at_risk"}
_AGREEMENT = frozenset("yes yeah yep that right correct exactly no none mhm true".split())

Answer = tuple[str, Attributes, Sentence]


def answered_risk(segment: Segment, sentences: list[Sentence]) -> Answer | None:
    """The label of the question before, what the answer makes of it, and the sentence that answers."""
    if segment.previous_role is not Role.THERAPIST or segment.role is Role.THERAPIST or not segment.previous_text:
        return None
    if not sentences:
        return None
    before = read_sentences(tokenize(segment.previous_text[-LONGEST_QUESTION:]))[-QUESTIONS:]
    if not any(sentence.is_question for sentence in before):
        before = before[-1:]
    agrees = _has("yes", _head(sentences[0], 3))
    for question in reversed(before):
        label = _topic(question) if question.is_question or agrees else None
        if label is not None:
            return _read_answer(question, label, sentences[:ANSWERS])
    return None


def _topic(question: Sentence) -> str | None:
    if question.is_question:
        named = next((label for label, pattern in _TOPICS if pattern.search(question.line)), None)
        if named is not None:
            return named
    accepted = _ASKED if question.is_question else _SAID_BACK
    hits = (hit for hit in find_hits(question, 0) if "weak" not in hit.traits)
    return next((hit.label for hit in hits if hit.label in accepted), None)


def _read_answer(question: Sentence, label: str, said: list[Sentence]) -> Answer | None:
    polarity, sentence = _polarity(said)
    if sentence is None:
        return None
    if _has("safe", question.line):  # "Can you keep yourself safe?": here the no is the bad news
        return None if polarity == AFFIRMED else (label, Attributes(), sentence)
    if _has("denied_question", question.line) and sentence.forms[0] in _AGREEMENT:
        polarity = NEGATED  # "So no thoughts of suicide?" "That's right."
    whole = "".join(part.line for part in said)
    back = _CUES["back_now"].search(whole) is not None
    time = NOW if back else (PAST if _CUES["past"].search(whole) else UNDATED)
    return label, Attributes(polarity, time), sentence


def _polarity(said: list[Sentence]) -> tuple[str, Sentence | None]:
    """A yes at the beginning, else a no, else what sounds like either; an answer that is neither leans to yes.

    It answers a question about risk: a clinician should see "It comes and goes" as well as "Yes".
    """
    if _has("evasive", said[0].line):
        return AFFIRMED, None
    first = _head(said[0], 5)
    yes, no = _CUES["turns.yes"].search(first), _CUES["turns.no"].search(first)
    if yes and (not no or yes.start() < no.start()):
        return AFFIRMED, said[0]
    denying = next((sentence for sentence in said[:2] if _has("no", _head(sentence, 12))), None)
    if denying is not None:
        return NEGATED, denying
    likely = any(_has("likely", _head(sentence, 12)) for sentence in said[:2])
    benign = any(_has("benign", sentence.line) for sentence in said)
    return (NEGATED if benign and not likely else AFFIRMED), said[0]


def _has(cue: str, line: str) -> bool:
    return _CUES[f"turns.{cue}"].search(line) is not None


def _head(sentence: Sentence, words: int) -> str:
    return " " + " ".join(sentence.forms[:words]) + " "
