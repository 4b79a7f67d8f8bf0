"""Language that may need a clinician's attention, with what the words around it make of it.

Surfaces language for a clinician to review; misses happen; not a monitor of live risk. See lexicons/crisis.md.

A hit of a rule (`lexicons/crisis.toml`) is read in its clause: affirmed or negated, now or past, of oneself or of
somebody else, stated, asked, conditional, quoted or an idiom. Urgent is what is affirmed, not past, and stated or
conditional. The rest is recorded and stays visible: a denial and an old attempt matter too.
"""

from collections.abc import Iterable, Sequence

from insights.analyzers import tokens
from insights.analyzers.base import RECORDED, REVIEW, UNSCORED, Finding, Segment
from insights.analyzers.crisis.attributes import read_attributes
from insights.analyzers.crisis.hits import Hit, find_hits
from insights.analyzers.crisis.normal import Sentence, read_sentences
from insights.analyzers.crisis.passages import AFFIRMED, CONDITIONAL, OTHER, PAST, STATED, Attributes, Passage
from insights.analyzers.crisis.rules import RULES
from insights.analyzers.crisis.turns import answered_risk
from transcripts.roles import Role

KIND = "crisis"
NOT_ASSESSED = "not_assessed"
LABELS = ("explicit", "passive", "self_harm", "preparation", "violence", "child_at_risk", "danger_from_others")

Span = tuple[int, int]
Group = tuple[str, bool, Attributes]


class CrisisLanguage:
    name = "crisis"
    version = f"1.{tokens.VERSION}"
    sha256 = RULES.sha256

    def analyze(self, batch: Sequence[Segment]) -> list[tuple[Finding, ...]]:
        return [_read(segment) for segment in batch]


def _read(segment: Segment) -> tuple[Finding, ...]:
    if segment.language != "en":
        return (Finding(KIND, NOT_ASSESSED, status=UNSCORED),) if segment.text.strip() else ()
    alarming = not RULES.alarms.isdisjoint(segment.tokens.pieces) or _has_compound(segment.tokens.pieces)
    if not alarming and segment.previous_role is not Role.THERAPIST:
        return ()
    sentences = read_sentences(segment.tokens)
    groups: dict[Group, list[Span]] = {}
    if alarming:
        _add_hits(groups, Passage(segment, sentences))
    if not any(urgent for _, urgent, _ in groups):
        _add_answer(groups, segment, sentences)
    return tuple(_finding(group, spans) for group, spans in sorted(groups.items(), key=lambda item: min(item[1])))


def _has_compound(pieces: Iterable[str]) -> bool:
    return any("-" in piece or "'" in piece for piece in pieces if len(piece) > 4)


def _add_hits(groups: dict[Group, list[Span]], passage: Passage) -> None:
    """A long text that repeats itself is read once: what a sentence says depends on its neighbours alone."""
    read: dict[tuple[str, ...], list[tuple[Hit, Attributes]]] = {}
    for number, sentence in enumerate(passage.sentences):
        around = tuple(passage.line(number + step) for step in (-2, -1, 0, 1))
        if around not in read:
            hits = _without_figures(find_hits(sentence, number))
            read[around] = [(hit, read_attributes(passage, hit)) for hit in hits]
        for hit, attributes in read[around]:
            label = _LABEL_OF.get(hit.label, hit.label)
            group = (label, is_urgent(passage.segment.role, attributes), attributes)
            groups.setdefault(group, []).append(_span(sentence, hit))


_LABEL_OF = {"idiom": "explicit", "talk": "explicit"}  # what the words would be if they were meant


def _without_figures(hits: list[Hit]) -> list[Hit]:
    """A figure of speech silences the hits that it overlaps, unless they are literal; talk of the subject gives way."""
    literal = [hit for hit in hits if "literal" in hit.traits]
    figures = [hit for hit in hits if hit.label == "idiom" and not any(hit.overlaps(other) for other in literal)]
    real = [hit for hit in hits if hit.label not in {"idiom", "talk"}]
    kept = [hit for hit in real if not any(hit.overlaps(figure) for figure in figures)]
    talk = [hit for hit in hits if hit.label == "talk" and not any(hit.overlaps(other) for other in kept)]
    return sorted([*kept, *figures, *talk], key=lambda hit: (hit.number, hit.first, hit.end))


def is_urgent(role: Role, attributes: Attributes) -> bool:
    if attributes.polarity != AFFIRMED or attributes.time == PAST or attributes.modality not in {STATED, CONDITIONAL}:
        return False
    return role is not Role.THERAPIST or (attributes.experiencer == OTHER and attributes.modality == STATED)


def _add_answer(groups: dict[Group, list[Span]], segment: Segment, sentences: list[Sentence]) -> None:
    answer = answered_risk(segment, sentences)
    if answer is None:
        return
    label, attributes, sentence = answer
    urgent = attributes.polarity == AFFIRMED and attributes.time != PAST
    span = (sentence.words[0].start, sentence.words[-1].end)
    groups.setdefault((label, urgent, attributes), []).append(span)


def _span(sentence: Sentence, hit: Hit) -> Span:
    words = sentence.words[hit.first : hit.end]
    return words[0].start, words[-1].end


def _finding(group: Group, spans: list[Span]) -> Finding:
    label, urgent, attributes = group
    status = REVIEW if urgent else RECORDED
    return Finding(KIND, label, status=status, urgent=urgent, spans=_merged(spans), attributes=attributes.as_dict())


def _merged(spans: Iterable[Span]) -> tuple[Span, ...]:
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return tuple(merged)
