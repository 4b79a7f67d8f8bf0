"""Question and answer: "Are you thinking of suicide?" "Most days." One has the risk, the other the weight."""

from insights.analyzers.base import Segment
from insights.analyzers.crisis.hits import find_hits
from insights.analyzers.crisis.normal import Sentence, read_sentences
from insights.analyzers.crisis.passages import AFFIRMED, NEGATED, NOW, PAST, UNDATED, Attributes
from insights.analyzers.crisis.rules import RULES, lines
from insights.analyzers.crisis.times import is_back_in
from insights.analyzers.tokens import tokenize
from transcripts.roles import Role

LONGEST_QUESTION = 1_200  # characters from its end
QUESTIONS = 3  # sentences from its end in which the risk is named
SHORT = 6  # words of a question that only asks back: "Have I got that right?"
ANSWERS = 3  # sentences in which the answer is looked for

_CUES = RULES.cues
_TOPICS = [
    (label, RULES.grammar.compile(pattern))
    for label, _, pattern in (line.partition(" ") for line in lines(RULES.data["turns"]["questions"]))
]
_SAID_BACK = frozenset(["explicit", "passive", "self_harm"])  # "So part of you wants to die." "Yeah."
_ASKED = _SAID_BACK | {"preparation", "violence", "danger_from_others", "child_at_risk"}
_REFERS_BACK = frozenset("it them those these they when stopping happened changed".split())
_AGREEMENT = frozenset("yes yeah yep that right correct exactly no none mhm true".split())

_ASKS = frozenset("are is do does did have has any anyone".split())

Answer = tuple[str, Attributes, Sentence]


def answered_risk(segment: Segment, sentences: list[Sentence]) -> Answer | None:
    """The label of the question before, what the answer makes of it, and the sentence that answers."""
    if segment.previous_role is not Role.THERAPIST or segment.role is Role.THERAPIST or not segment.previous_text:
        return None
    if not sentences:
        return None
    before = read_sentences(tokenize(segment.previous_text[-LONGEST_QUESTION:]))[-QUESTIONS:]
    whole = _with_what_it_asks_of(before)
    before = _that_ask(before)
    agrees = any(_has("yes", _head(sentence, 6)) for sentence in sentences[:2])
    for question in (*whole, *reversed(before)):
        label = _topic(question) if question.is_question or agrees else None
        if label is not None:
            return _read_answer(question, label, sentences[:ANSWERS])
    return None


def _that_ask(before: list[Sentence]) -> list[Sentence]:
    """A question of its own leaves what was stated before it aside: "You spoke of suicide. Would you like a break?" """
    if not any(sentence.is_question for sentence in before):
        return before[-1:]
    if before[-1].is_question and (len(before[-1].forms) > SHORT or _has("harmless", before[-1].line)):
        return [sentence for sentence in before if sentence.is_question]
    return before


def _with_what_it_asks_of(before: list[Sentence]) -> list[Sentence]:
    """ "Is it still in the house?" is read with the sentence before, which says what."""
    if len(before) < 2 or before[-2].is_question or not before[-1].is_question or _topic(before[-1]) is not None:
        return []
    if _REFERS_BACK.isdisjoint(before[-1].forms) or "never" in before[-2].forms:
        return []
    return [Sentence((*before[-2].words[:-1], *before[-1].words))]


def _topic(question: Sentence) -> str | None:
    if _has("harmless", question.line):
        return None
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
    if _has("safe", _last_asked(question).line):  # "Can you keep yourself safe?": here the no is the bad news
        is_good = polarity == AFFIRMED and not _has("after_all", sentence.line)
        return None if is_good else (label, Attributes(), sentence)
    if _has("denied_question", question.line) and sentence.forms[0] in _AGREEMENT:
        polarity = NEGATED  # "So no thoughts of suicide?" "That's right."
    whole = "".join(part.line for part in said)
    time = NOW if is_back_in(whole) else (PAST if _CUES["past"].search(whole) else UNDATED)
    return label, Attributes(polarity, time), sentence


def _last_asked(question: Sentence) -> Sentence:
    """ "Are you safe, are you thinking of suicide?" is a question about suicide."""
    commas = [i for i, form in enumerate(question.forms) if form == ","]
    if not commas or _ASKS.isdisjoint(question.forms[commas[-1] + 1 :][:1]):
        return question
    last = Sentence(question.words[commas[-1] + 1 :])
    return question if _topic(last) is None else last


def _polarity(said: list[Sentence]) -> tuple[str, Sentence | None]:
    """A yes at the beginning, else a no, else what sounds like either; an answer that is neither leans to yes.

    It answers a question about risk: a clinician should see "It comes and goes" as well as "Yes".
    """
    if _has("evasive", said[0].line) and not any(_has("yes", _answering(sentence, 6)) for sentence in said):
        return AFFIRMED, None
    is_opening = said[0].is_question or len(said[0].forms) < 3
    goes_on = is_opening and not any(_has("no", sentence.line) for sentence in said)
    for sentence in said[:2] if goes_on else said[:1]:
        first = _answering(sentence, 6)
        yes, no = _CUES["turns.yes"].search(first), _CUES["turns.no"].search(first)
        if yes and (not no or yes.start() < no.start()):
            return AFFIRMED, sentence
    insisting = next((sentence for sentence in said[:2] if _has("after_all", sentence.line)), None)
    if insisting is not None:
        return AFFIRMED, insisting
    denying = next((sentence for sentence in said[:2] if _has("no", _answering(sentence, 14))), None)
    if denying is not None:
        return NEGATED, denying
    likely = any(_has("likely", _head(sentence, 12)) for sentence in said[:2])
    benign = any(_has("benign", sentence.line) for sentence in said)
    return (NEGATED if benign and not likely else AFFIRMED), said[0]


def _has(cue: str, line: str) -> bool:
    return _CUES[f"turns.{cue}"].search(line) is not None


def _answering(sentence: Sentence, words: int) -> str:
    """Its first words, without what sounds like a no and is none: "I'm not going to lie"."""
    return _CUES["turns.pseudo"].sub("unsaid ", _head(sentence, words))


def _head(sentence: Sentence, words: int) -> str:
    return " " + " ".join(sentence.forms[:words]) + " "
