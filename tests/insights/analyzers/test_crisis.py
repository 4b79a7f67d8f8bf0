"""Crisis language: what it must surface, what it must leave alone, and how much of each it may miss.

The gates are shares on the project's own sentences (tests/samples/crisis). Some are not reached yet: they stand here as
expected failures with the reason, so that reaching one is noticed and losing one fails the suite.
"""

import csv
import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from insights.analyzers.base import RECORDED, REVIEW, UNSCORED, Finding, Segment
from insights.analyzers.crisis import CrisisLanguage
from tests.bench.crisis import SAMPLES, Case, false_alerts, halves, read_cases, recall
from transcripts.roles import Role

SHARED = Path(__file__).parents[4] / "shared" / "data"
CRISIS = CrisisLanguage()


def findings(text: str, role: Role = Role.CLIENT, before: str | None = None, language: str = "en") -> list[Finding]:
    previous = None if before is None else Role.THERAPIST
    return list(CRISIS.analyze([Segment(text, role, before, previous, language)])[0])


def is_urgent(text: str, role: Role = Role.CLIENT, before: str | None = None) -> bool:
    return any(finding.urgent for finding in findings(text, role, before))


# What is found, with its attributes


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("I am going to kill myself.", "explicit"),
        ("I wish I could just go to sleep and not wake up.", "passive"),
        ("I cut myself again last night.", "self_harm"),
        ("I've been stockpiling my medication.", "preparation"),
        ("I want to stab my boss, I really mean it.", "violence"),
        ("I smacked the baby yesterday.", "child_at_risk"),
        ("My husband hits me when he drinks.", "danger_from_others"),
    ],
)
def test_each_kind_of_risk_is_put_up_for_review_under_its_label(text: str, label: str) -> None:
    urgent = [finding for finding in findings(text) if finding.urgent]
    assert label in {finding.label for finding in urgent}
    assert all(finding.status == REVIEW for finding in urgent)
    assert all(finding.score is None for finding in urgent)


@pytest.mark.parametrize(
    ("text", "attribute", "value"),
    [
        ("I want to kill myself.", "polarity", "affirmed"),
        ("I don't want to kill myself.", "polarity", "negated"),
        ("I tried to kill myself when I was seventeen.", "time", "past"),
        ("I cut myself this morning.", "time", "now"),
        ("My brother texted that he wants to kill himself.", "experiencer", "other"),
        ("I'll kill myself if she leaves me.", "modality", "conditional"),
        ("In the film he kills himself.", "modality", "quoted"),
        ("I nearly died laughing.", "modality", "idiom"),
    ],
)
def test_the_words_around_a_hit_decide_what_it_is(text: str, attribute: str, value: str) -> None:
    assert value in {finding.attributes[attribute] for finding in findings(text)}


@pytest.mark.parametrize(
    "text",
    [
        "I can't stop thinking about killing myself.",
        "I haven't stopped cutting.",
        "It's not that I don't think about suicide.",
        "I don't want to live.",
        "I don't want to wake up.",
        "I don't care if I live or die.",
        "I used to cut, and lately it is back.",
        "What if I just drove off the bridge?",
        "I'd never act on it, but I wish I was dead.",
    ],
)
def test_a_negation_or_a_past_that_is_none_stays_urgent(text: str) -> None:
    assert is_urgent(text)


def test_denials_and_past_events_are_recorded_and_visible() -> None:
    for text in ("I'm not suicidal.", "Ten years ago I wanted to die."):
        found = findings(text)
        assert found, text
        assert {finding.status for finding in found} == {RECORDED}


def test_an_unknown_speaker_counts_as_the_client() -> None:
    assert is_urgent("I want to kill myself.", Role.UNKNOWN)


@pytest.mark.parametrize("role", [Role.PARTNER, Role.FAMILY])
def test_partner_and_family_speak_for_themselves(role: Role) -> None:
    found = [finding for finding in findings("I want to kill myself.", role) if finding.urgent]
    assert {finding.attributes["experiencer"] for finding in found} == {"self"}


def test_a_span_covers_the_words_as_they_were_said() -> None:
    text = "Well… I, um, I want to 🙃 kıll — I wanna DIE."
    urgent = [finding for finding in findings(text) if finding.urgent]
    assert [text[start:end] for start, end in urgent[0].spans] == ["wanna DIE"]


def test_spans_are_in_order_apart_and_inside_the_text() -> None:
    for case in read_cases(SAMPLES / "development.jsonl"):
        for finding in CRISIS.analyze([case.segment])[0]:
            ends = [position for span in finding.spans for position in span]
            assert finding.spans
            assert ends == sorted(ends)
            assert 0 <= ends[0] < ends[-1] <= len(case.segment.text)


@pytest.mark.parametrize(
    "text",
    [
        "I haven't cut myself this week.",
        "At no point did I want to hurt her.",
        "It's not as if I'm going to jump off a bridge.",
        "The doctor asked about suicide and the rest, and it was no to every single one.",
        "The nurse thought I'd overdosed, but I hadn't.",
        "Me, kill myself? Who would feed the cat? No, love.",
        "He isn't hurting himself.",
        "There was a time, back in the army, when I wished I was dead.",
        "I tried to kill myself in 2006 and I've been well ever since.",
        "I was suicidal after my first baby.",
        "I'm writing my thesis on self-harm.",
        "Most new parents have pictures of harming their baby.",
        "My dad killed himself in 1998.",
        "I wanted to die, I went bright red.",
        "He'll kill me if I'm late again.",
        "She stabbed me in the back at work.",
        "I bought rope for the hanging baskets.",
        "I want a baker who starts from scratch.",
        "The government should have them killed.",
    ],
)
def test_denials_old_events_work_and_figures_of_speech_are_not_urgent(text: str) -> None:
    assert not is_urgent(text)


@pytest.mark.parametrize(
    "text",
    [
        "I don't think I can keep myself from cutting.",
        "Not a day goes by that I don't want to die.",
        "I wanted to die when I was fifteen and I still do.",
        "I tried to kill myself last week, after the baby came.",
        "I'm reading a book but all I can think about is killing myself.",
        "Most mothers cope, I want to smother my baby.",
        "I teach maths and I want to kill myself.",
        "The voices tell me I should kill them.",
    ],
)
def test_what_resembles_a_denial_a_past_or_a_work_stays_urgent(text: str) -> None:
    assert is_urgent(text)


# Turn pairs


@pytest.mark.parametrize("answer", ["Yes.", "Most days.", "Sometimes, yeah.", "Every day.", "[long pause] Yes."])
def test_an_answer_that_affirms_a_question_about_risk_is_urgent(answer: str) -> None:
    found = findings(answer, before="Are you having thoughts of suicide?")
    assert [finding.urgent for finding in found] == [True]
    assert found[0].label == "explicit"
    start, end = found[0].spans[0]
    assert answer[start:end].strip() != ""


@pytest.mark.parametrize("answer", ["No.", "Never.", "God, no.", "Not any more.", "None at all."])
def test_an_answer_that_denies_is_recorded(answer: str) -> None:
    found = findings(answer, before="Are you having thoughts of suicide?")
    assert [finding.attributes["polarity"] for finding in found] == ["negated"]
    assert not found[0].urgent


@pytest.mark.parametrize(
    ("before", "answer"),
    [
        ("Did you ever attempt to take your life?", "Yes, in 1997, and never again."),
        ("Do you want to be alive?", "Yes, always."),
        ("Are you safe, are you thinking about hurting yourself?", "nah im good"),
        ("You'd tell me if you were having thoughts of suicide?", "I would, yes."),
        ("You told me about hurting yourself. Would you like a coffee before we start?", "Yes, please."),
        ("Would that help you to say farewell to smoking?", "Yeah."),
    ],
)
def test_an_answer_about_the_past_safety_or_another_matter_is_not_urgent(before: str, answer: str) -> None:
    assert not is_urgent(answer, before=before)


def test_a_yes_to_another_question_is_nothing() -> None:
    assert findings("Yes.", before="Did you sleep better this week?") == []


def test_a_no_to_a_question_about_safety_is_urgent() -> None:
    assert is_urgent("No. Not really.", before="Are you safe at home?")
    assert not is_urgent("Yes, completely.", before="Are you safe at home?")


# Metamorphic: the same words, one thing changed

CORES = ["kill myself", "end my life", "cut myself", "hang myself", "take an overdose"]


@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize(
    "change",
    [
        "I don't want to {}.",
        "I would never {}.",
        "I have no intention to {}.",
        "Ten years ago I wanted to {}.",
        "When I was fifteen I wanted to {}.",
        'In the film she says "I want to {}".',
    ],
)
def test_denied_past_or_in_a_film_it_is_not_urgent(core: str, change: str) -> None:
    assert is_urgent(f"I want to {core}.")
    assert not is_urgent(change.format(core))


@pytest.mark.parametrize("core", [core.replace("my", "your") for core in CORES])
def test_asked_by_a_therapist_it_is_not_urgent(core: str) -> None:
    assert not is_urgent(f"Do you want to {core}?", Role.THERAPIST)
    assert not is_urgent(f"You said you wanted to {core}.", Role.THERAPIST)


@pytest.mark.parametrize("core", ["kill himself", "end his life", "cut himself", "hang himself", "take an overdose"])
@pytest.mark.parametrize("speaker", [Role.CLIENT, Role.FAMILY, Role.THERAPIST])
def test_said_of_a_brother_now_it_is_urgent_and_of_another_person(core: str, speaker: Role) -> None:
    found = [finding for finding in findings(f"My brother says he is going to {core}.", speaker) if finding.urgent]
    assert {finding.attributes["experiencer"] for finding in found} == {"other"}


@pytest.mark.parametrize(
    "change",
    [
        str.upper,
        str.lower,
        lambda text: text.replace("'", ""),
        lambda text: text.replace("'", "’"),
        lambda text: text.rstrip(".") + "...",
        lambda text: text.rstrip("."),
        lambda text: text.replace("I ", "I, um, I ", 1),
        lambda text: text.replace(" to ", " to, like, "),
        lambda text: text.replace("want to", "wanna").replace("going to", "gonna"),
        lambda text: text.replace("suicid", "sucid").replace("myself", "myslef").replace("overdose", "overdsoe"),
    ],
)
@pytest.mark.parametrize(
    "text",
    [
        "I'm going to kill myself.",
        "I don't want to live.",
        "I'm suicidal.",
        "I want to die.",
        "I took an overdose last night.",
        "I'm not suicidal.",
        "I don't want to kill myself.",
        "I can't sleep and I'm sad.",
    ],
)
def test_case_apostrophes_fillers_and_slips_change_nothing(text: str, change: Callable[[str], str]) -> None:
    assert is_urgent(change(text)) == is_urgent(text)


# What must not go wrong


ODD = ["", " ", "\n\n", "🙃🙃", "...", "?!", "\x00\x07", "我想死", "'" * 50, "-" * 50, "a-" * 50, '"', "'s", "-'"]


@pytest.mark.parametrize("text", ODD)
def test_odd_text_never_raises(text: str) -> None:
    assert [finding for finding in findings(text) if finding.urgent] == []


def test_another_language_is_not_assessed_which_is_said() -> None:
    found = findings("Ich will nicht mehr leben.", language="de")
    assert [(finding.label, finding.status, finding.urgent) for finding in found] == [("not_assessed", UNSCORED, False)]


def test_the_same_text_gives_the_same_findings_alone_or_in_a_batch() -> None:
    segments = [case.segment for case in read_cases(SAMPLES / "development.jsonl")]
    together = CRISIS.analyze(segments)
    assert together == [CRISIS.analyze([segment])[0] for segment in segments]
    assert together == CrisisLanguage().analyze(segments)


@pytest.mark.parametrize("unit", ["I went home and had dinner. ", "i want to die i cut ", "not ", "i , ", "if "])
def test_work_grows_with_the_length_and_no_faster(unit: str) -> None:
    def seconds(size: int) -> float:
        text = unit * (size // len(unit))
        start = time.process_time()
        findings(text)
        return time.process_time() - start

    seconds(10_000)
    assert seconds(200_000) < 40 * max(seconds(20_000), 0.002)  # ten times the text; twenty is already a quadratic sign


# Gates

UNSEEN = pytest.param(
    "odd",
    marks=pytest.mark.xfail(
        reason="unseen sentences are found less often than those the rules were written with; figures in crisis.md",
        strict=True,
    ),
)


def test_recall_on_the_development_set() -> None:
    assert recall(read_cases(SAMPLES / "development.jsonl")).share >= 0.95


def _half(name: str) -> list[Case]:
    return halves(read_cases(SAMPLES / "held_out.jsonl"))[name]


@pytest.mark.parametrize("half", ["even", UNSEEN])
def test_recall_on_each_half_of_the_held_out_set(half: str) -> None:
    assert recall(_half(half)).share >= 0.90


@pytest.mark.parametrize("half", ["even", UNSEEN])
def test_false_alerts_on_each_half_of_the_held_out_set(half: str) -> None:
    assert false_alerts(_half(half)).share <= 0.05


def test_the_unseen_half_does_not_get_worse() -> None:
    assert recall(_half("odd")).share >= 0.70
    assert false_alerts(_half("odd")).share <= 0.14


def test_alerts_in_recorded_sessions_are_rare() -> None:
    path = SHARED / "therapy" / "annomi" / "annomi_simple.csv"
    if not path.exists():
        pytest.skip("the AnnoMI file is not on this machine; its licence keeps it out of the repository")
    segments = _client_turns(path)
    alerts = sum(any(finding.urgent for finding in found) for found in CRISIS.analyze(segments))
    assert len(segments) == 4_036
    assert 1_000 * alerts / len(segments) <= 2.0


def _client_turns(path: Path) -> list[Segment]:
    with path.open(encoding="utf-8", newline="") as file:
        rows = {(int(row["transcript_id"]), int(row["utterance_id"])): row for row in csv.DictReader(file)}
    segments = []
    before: dict[str, str] | None = None
    for key in sorted(rows):
        row = rows[key]
        if before is not None and before["transcript_id"] != row["transcript_id"]:
            before = None
        if row["interlocutor"] == "client":
            previous = (None, None) if before is None else (before["utterance_text"], Role(before["interlocutor"]))
            segments.append(Segment(row["utterance_text"], Role.CLIENT, *previous))
        before = row
    return segments


def test_the_development_set_covers_every_slice() -> None:
    rows = [json.loads(line) for line in (SAMPLES / "development.jsonl").read_text(encoding="utf-8").splitlines()]
    held_out = {case.slice for case in read_cases(SAMPLES / "held_out.jsonl")}
    assert len(rows) >= 150
    assert {row["slice"] for row in rows} == held_out
