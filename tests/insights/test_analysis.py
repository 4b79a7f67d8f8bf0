"""Analysis is pulled: what is due is read once, what failed says so, and a decision of a clinician stays."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence

import pytest
from django.db import connection

from clinical.models import Client, Session, User
from insights import analysis
from insights.analysis import Report, analyse, due
from insights.analyzers import reading
from insights.analyzers.base import RECORDED, REVIEW, UNSCORED, Finding, Segment
from insights.analyzers.reading import VERSION
from insights.models import AnalysisRun, Evidence, Insight, Reading, Review, SourceSummary
from insights.models.findings import hash_quote
from tests.factories import open_client, tell
from transcripts.formats.base import Conversation, Utterance
from transcripts.models import Passage, Source, Speaker
from transcripts.roles import Role
from transcripts.storing import prepare, store

PUBLISHED, SUPERSEDED = Insight.Status.PUBLISHED, Insight.Status.SUPERSEDED
GERMAN = "Ich weiß wirklich nicht, warum ich heute hierher gekommen bin, aber es geht mir schlecht."


class Alarm:
    """A rule of the tests': the word alarm, urgent unless the therapist says it."""

    name, version, sha256 = "alarm", "1", "0" * 64

    def analyze(self, batch: Sequence[Segment]) -> list[tuple[Finding, ...]]:
        return [self._find(segment) for segment in batch]

    def _find(self, segment: Segment) -> tuple[Finding, ...]:
        start = segment.text.find("alarm")
        if start < 0:
            return ()
        if segment.language != "en":
            return (Finding("crisis", "explicit", status=UNSCORED, spans=((start, start + 5),)),)
        urgent = segment.role is not Role.THERAPIST
        attributes = {"polarity": "affirmed", "time": "present", "experiencer": "self", "modality": "stated"}
        return (
            Finding(
                "crisis", "explicit", 0.75, REVIEW if urgent else RECORDED, urgent, ((start, start + 5),), attributes
            ),
        )


class Faulty:
    """Fault injection: an analyzer that breaks on one text and would tell it to the log."""

    name, version, sha256 = "faulty", "1", "0" * 64

    def analyze(self, batch: Sequence[Segment]) -> list[tuple[Finding, ...]]:
        for segment in batch:
            if "Zebulon" in segment.text:
                raise RuntimeError(f"cannot read {segment.text}")
        return [()] * len(batch)


@pytest.fixture
def alarm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "ANALYZERS", (*reading.ANALYZERS, Alarm()))


def run(by: User) -> Report:
    return analyse(actor=by)


def set_role(source: Source, label: str, role: str) -> None:
    Speaker.objects.filter(source=source, label=label).update(role=role)


def readings_of(source: Source) -> list[Reading]:
    return list(Reading.objects.filter(passage__source=source).order_by("passage__sequence", "id"))


def statuses() -> list[tuple[str, str]]:
    return list(Insight.objects.order_by("id").values_list("status", "priority"))


def test_what_is_due_is_read_once(ada: Client, clara: User) -> None:
    tell(ada, ["I sleep badly.", ("therapist", "Since when?")])
    tell(ada, ["Better now."])
    assert due(Source.objects.all()).count() == 2
    first, second = run(clara), run(clara)
    assert (first.sources, first.passages, first.readings, first.failed) == (2, 3, 3, 0)
    assert (second.sources, second.passages, second.readings, second.insights, second.failed) == (0, 0, 0, 0, 0)
    assert due(Source.objects.all()).count() == 0
    assert (Reading.objects.count(), SourceSummary.objects.count(), AnalysisRun.objects.count()) == (3, 2, 2)


@pytest.mark.seed("S0-11")
def test_the_session_says_how_far_its_analysis_is(ada: Client, clara: User) -> None:
    tell(ada, ["I sleep badly."])
    assert Session.objects.get().analysis_status == "pending"
    run(clara)
    assert (Session.objects.get().analysis_status, Session.objects.get().analysis_error) == ("completed", "")
    done = AnalysisRun.objects.get()
    assert (done.state, done.passages, done.readings, done.insights, done.last_error) == ("done", 1, 1, 0, "")
    assert done.analyzer_version == VERSION
    assert [set(one) for one in done.analyzers] == [{"name", "version", "sha256"}] * len(reading.ANALYZERS)


@pytest.mark.seed("S0-30", "S0-32")
def test_a_reading_has_a_sentiment_keywords_and_no_emotions_yet(ada: Client, clara: User) -> None:
    source = tell(ada, ["I am happy, \U0001f600 my old garden is wonderful.", "It is horrible and I hate it."])
    run(clara)
    happy, sad = readings_of(source)
    assert happy.sentiment is not None
    assert sad.sentiment is not None
    assert -1 <= sad.sentiment < 0 < happy.sentiment <= 1
    assert (happy.emotions, happy.language, happy.client_id) == (None, "en", ada.pk)
    assert {"term", "score", "spans"} <= set(happy.keywords[0])
    text = happy.passage.text
    for keyword in happy.keywords:
        assert 0 <= keyword["score"] <= 1
        assert {text[start:end].lower() for start, end in keyword["spans"]} == {keyword["term"]}


@pytest.mark.seed("S0-35", "S0-62")
def test_passages_with_a_keyword_are_found_by_the_index(ada: Client, clara: User) -> None:
    tell(ada, ["My garden is wonderful.", "Nothing else."])
    run(clara)
    asked = Reading.objects.visible_to(clara).filter(client=ada, keywords__contains=[{"term": "garden"}])
    assert [one.passage.text for one in asked] == ["My garden is wonderful."]
    sql, parameters = Reading.objects.filter(
        client=ada, keywords__contains=[{"term": "garden"}]
    ).query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN {sql}", parameters)
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "Bitmap Index Scan on insights_reading_keywords" in plan
    assert "keywords @>" in plan.split("Index Cond:")[1]


def test_what_cannot_be_assessed_is_null_and_not_neutral(ada: Client, clara: User) -> None:
    source = tell(ada, [GERMAN, "…", "The chair is in the room.", "\U0001f600"])
    run(clara)
    german, blank, plain, _ = readings_of(source)
    assert (german.language, german.sentiment, german.keywords) == ("de", None, [])
    assert (blank.sentiment, blank.keywords) == (None, [])
    assert plain.sentiment == 0.0
    assert SourceSummary.objects.get().assessed == 3


def test_a_source_in_another_language_has_no_mean(ada: Client, clara: User) -> None:
    tell(ada, [GERMAN, GERMAN + " Wirklich."])
    run(clara)
    summary = SourceSummary.objects.get()
    assert (summary.passages, summary.assessed, summary.sentiment) == (2, 0, None)


def test_the_summary_adds_up_what_was_read(ada: Client, clara: User) -> None:
    source = tell(
        ada,
        [
            ("therapist", "This is terrible, horrible, awful. How are you?"),
            ("client", "I am happy and I love it."),
            ("partner", "I hate it."),
            ("other", "Worst thing ever!"),
        ],
    )
    run(clara)
    summary = SourceSummary.objects.get(source=source)
    scores = [one.sentiment for one in readings_of(source)]
    assert all(score is not None for score in scores)
    assert summary.sentiment == pytest.approx(((scores[1] or 0) + (scores[2] or 0)) / 2)
    assert (summary.passages, summary.assessed, summary.client, summary.analyzer_version) == (4, 4, ada, VERSION)
    talk = summary.talk
    assert (talk["passages"], talk["turns"], talk["words"], talk["questions"]) == (4, 4, 21, 1)
    assert talk["longest_silence"] == {"after": 0, "duration_ms": 1000}
    assert [(one["role"], one["words"], one["speaking_ms"]) for one in talk["roles"]] == [
        ("therapist", 8, 4000),
        ("client", 7, 4000),
        ("partner", 3, 4000),
        ("other", 3, 4000),
    ]


def test_a_source_without_passages_is_read_too(ada: Client, clara: User) -> None:
    tell(ada, [])
    assert (run(clara).sources, run(clara).sources) == (1, 0)
    assert (SourceSummary.objects.get().passages, SourceSummary.objects.get().sentiment) == (0, None)


def test_only_what_the_actor_may_see_is_read(ada: Client, clara: User, ben: User, local: User) -> None:
    tell(ada, ["Ada's."])
    bea = open_client("BEA", ben)
    source = tell(bea, ["Bea's."])
    assert run(ben).sources == 1
    assert [summary.source for summary in SourceSummary.objects.all()] == [source]
    assert analyse(actor=ben, client=ada).sources == 0
    assert run(local).sources == 1


def test_one_client_or_one_source_can_be_read_alone(ada: Client, clara: User) -> None:
    first, second = tell(ada, ["One."]), tell(ada, ["Two."])
    tell(open_client("BEA", clara), ["Three."])
    assert analyse(actor=clara, source=second).sources == 1
    assert SourceSummary.objects.get().source == second
    assert analyse(actor=clara, client=ada).sources == 1
    assert set(SourceSummary.objects.values_list("source", flat=True)) == {first.pk, second.pk}


def test_a_replaced_revision_is_not_due(ada: Client, clara: User) -> None:
    tell(ada, ["Old."], external_id="s-1")
    new = tell(ada, ["New."], external_id="s-1")
    assert list(due(Source.objects.all())) == [new]


def test_a_changed_role_makes_only_what_it_touches_be_read_again(ada: Client, clara: User) -> None:
    source = tell(ada, [("client", "One."), ("partner", "Two."), ("family", "Three."), ("family", "Four.")])
    run(clara)
    set_role(source, "client", "other")
    report = run(clara)
    # The changed speaker's own passage and the turn that answers it; nobody else's.
    assert (report.sources, report.passages, report.readings) == (1, 4, 2)
    assert [len(Reading.objects.filter(passage=one)) for one in Passage.objects.order_by("sequence")] == [2, 2, 1, 1]
    assert run(clara).sources == 0


def test_merged_speakers_are_one_in_the_summary(ada: Client, clara: User) -> None:
    source = tell(ada, [("client", "One."), ("other", "Two.")])
    run(clara)
    client, other = source.speakers.order_by("label")
    Speaker.objects.filter(pk=other.pk).update(merged_into=client)
    assert run(clara).sources == 1
    assert [one["role"] for one in SourceSummary.objects.get().talk["speakers"]] == ["client"]


def test_other_analyzers_read_everything_again_and_keep_the_old_readings(
    ada: Client, clara: User, alarm: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell(ada, ["An alarm.", "Nothing."])
    run(clara)
    monkeypatch.setattr(analysis, "VERSION", "abcdefabcdef")
    report = run(clara)
    assert (report.readings, report.insights) == (2, 0)
    assert set(Reading.objects.values_list("analyzer_version", flat=True)) == {VERSION, "abcdefabcdef"}
    assert statuses() == [(PUBLISHED, "urgent")]
    assert SourceSummary.objects.get().analyzer_version == "abcdefabcdef"


@pytest.mark.seed("S0-46", "S0-43", "S0-49")
def test_an_insight_is_published_with_the_words_it_rests_on(ada: Client, clara: User, alarm: None) -> None:
    source = tell(ada, ["Nothing.", "\U0001f600 an alarm went off in me."])
    assert run(clara).insights == 1
    insight = Insight.objects.get()
    assert (insight.status, insight.priority, insight.confidence, insight.severity) == (PUBLISHED, "urgent", 0.75, None)
    assert (insight.kind, insight.label, insight.method, insight.analyzer_version) == (
        "crisis", "explicit", "rules", VERSION,
    )  # fmt: skip
    assert (insight.client, insight.source, insight.session) == (ada, source, source.session)
    assert insight.attributes["polarity"] == "affirmed"
    assert "Said by the client" in insight.description
    evidence = Evidence.objects.get()
    assert (evidence.quote, evidence.char_start, evidence.char_end) == ("alarm", 5, 10)
    assert evidence.quote_sha256 == hash_quote("alarm", 0, 5)
    assert evidence.insight == insight


def test_an_unassessed_finding_states_nothing(ada: Client, clara: User, alarm: None) -> None:
    tell(ada, ["Ich weiß wirklich nicht, warum dieser alarm heute wieder hierher gekommen ist, es geht mir schlecht."])
    assert (run(clara).insights, Insight.objects.count()) == (0, 0)


def test_an_insight_is_taken_back_when_the_reading_changes(ada: Client, clara: User, alarm: None) -> None:
    source = tell(ada, ["An alarm.", ("other", "An alarm?")])
    run(clara)
    set_role(source, "client", "therapist")
    assert run(clara).insights == 1
    assert statuses() == [(SUPERSEDED, "urgent"), (PUBLISHED, "urgent"), (PUBLISHED, "low")]
    set_role(source, "client", "client")
    report = run(clara)
    assert (report.readings, report.insights) == (0, 1)
    assert statuses() == [(SUPERSEDED, "urgent"), (PUBLISHED, "urgent"), (SUPERSEDED, "low"), (PUBLISHED, "urgent")]


def test_an_insight_never_says_a_role_that_the_speaker_no_longer_has(ada: Client, clara: User, alarm: None) -> None:
    source = tell(ada, ["An alarm."])
    run(clara)
    set_role(source, "client", "partner")
    run(clara)
    (published,) = Insight.objects.filter(status=PUBLISHED)
    assert "Said by the partner" in published.description
    assert statuses() == [(SUPERSEDED, "urgent"), (PUBLISHED, "urgent")]


@pytest.mark.parametrize("decision", [Insight.Status.ACCEPTED, Insight.Status.DISMISSED, Insight.Status.EDITED])
def test_a_decided_insight_stays_and_is_not_asked_again(
    ada: Client, clara: User, alarm: None, monkeypatch: pytest.MonkeyPatch, decision: str
) -> None:
    source = tell(ada, ["An alarm."])
    run(clara)
    insight = Insight.objects.get()
    Review.objects.create(
        client=ada, insight=insight, reviewer=clara, decision=decision, reason="already_known", edited_text="An alarm."
    )
    Insight.objects.update(status=decision)
    monkeypatch.setattr(analysis, "VERSION", "abcdefabcdef")
    assert run(clara).insights == 0
    set_role(source, "client", "therapist")
    run(clara)
    insight.refresh_from_db()
    assert insight.status == decision


def test_a_correction_takes_back_what_nobody_has_decided(ada: Client, clara: User, alarm: None) -> None:
    tell(ada, ["An alarm.", "Another alarm."], external_id="s-1")
    run(clara)
    decided, _ = Insight.objects.order_by("id")
    Insight.objects.filter(pk=decided.pk).update(status=Insight.Status.ACCEPTED)
    tell(ada, ["An arm.", "Another alarm.", "A third."], external_id="s-1")
    run(clara)
    assert statuses() == [("accepted", "urgent"), (SUPERSEDED, "urgent"), (PUBLISHED, "urgent")]
    assert Insight.objects.get(status=PUBLISHED).source.revision == 2


def test_a_failure_is_failed_with_its_reason_and_the_others_go_on(
    ada: Client, clara: User, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    good = tell(ada, ["Good."])
    bad = tell(ada, ["Fine.", "I told nobody about Zebulon."])
    last = tell(ada, ["Good too."])
    monkeypatch.setattr(reading, "ANALYZERS", (*reading.ANALYZERS, Faulty()))
    with caplog.at_level(logging.DEBUG):
        report = run(clara)
    assert (report.sources, report.failed, report.readings) == (2, 1, 2)
    assert set(SourceSummary.objects.values_list("source", flat=True)) == {good.pk, last.pk}
    assert readings_of(bad) == []
    failed = AnalysisRun.objects.get(source=bad)
    session = Session.objects.get(sources=bad)
    assert (failed.state, session.analysis_status) == ("failed", "failed")
    assert session.analysis_error == failed.last_error
    assert failed.last_error.startswith("RuntimeError while reading this source.")
    assert str(bad.pk) in caplog.text
    for said in (
        caplog.text,
        failed.last_error,
        json.dumps([record.__dict__ for record in caplog.records], default=str),
    ):
        assert "Zebulon" not in said
        assert "told nobody" not in said


def test_what_failed_is_tried_again_and_cleared(ada: Client, clara: User, monkeypatch: pytest.MonkeyPatch) -> None:
    tell(ada, ["I told nobody about Zebulon."])
    with monkeypatch.context() as broken:
        broken.setattr(reading, "ANALYZERS", (*reading.ANALYZERS, Faulty()))
        assert [run(clara).failed, run(clara).failed] == [1, 1]
    assert run(clara).failed == 0
    session = Session.objects.get()
    assert (session.analysis_status, session.analysis_error) == ("completed", "")
    assert list(AnalysisRun.objects.order_by("id").values_list("state", flat=True)) == ["failed", "failed", "done"]
    assert SourceSummary.objects.count() == 1


def test_a_failure_that_another_process_has_made_good_meanwhile_is_not_shown(
    ada: Client, clara: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tell(ada, ["Good."])
    run(clara)
    analysis._keep_failure(source, RuntimeError("too late"))
    assert Session.objects.get().analysis_status == "completed"


def test_the_context_is_the_whole_turn_before(ada: Client, clara: User, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Segment] = []

    class Watching:
        name, version, sha256 = "watching", "1", "0" * 64

        def analyze(self, batch: Sequence[Segment]) -> list[tuple[Finding, ...]]:
            seen.extend(batch)
            return [()] * len(batch)

    monkeypatch.setattr(reading, "ANALYZERS", (*reading.ANALYZERS, Watching()))
    tell(ada, [("therapist", "One"), ("therapist", "two?"), "Yes.", "Well.", ("therapist", "Hm.")])
    run(clara)
    assert [(one.text, one.role, one.previous_text, one.previous_role) for one in seen] == [
        ("One", Role.THERAPIST, None, None),
        ("two?", Role.THERAPIST, None, None),
        ("Yes.", Role.CLIENT, "One\ntwo?", Role.THERAPIST),
        ("Well.", Role.CLIENT, "One\ntwo?", Role.THERAPIST),
        ("Hm.", Role.THERAPIST, "Yes.\nWell.", Role.CLIENT),
    ]


def test_speakers_that_nobody_named_count_as_the_client(ada: Client, clara: User) -> None:
    conversation = Conversation((Utterance("I am happy."), Utterance("I hate it.", "SPEAKER_00")), language="en")
    prepared = prepare(conversation, {}, {})
    store(conversation, prepared, client=ada, actor=clara, title="", format="txt", file_name="")
    run(clara)
    scores = [one.sentiment or 0 for one in Reading.objects.order_by("passage__sequence")]
    assert SourceSummary.objects.get().sentiment == pytest.approx(sum(scores) / 2)


def test_progress_is_told(ada: Client, clara: User) -> None:
    for text in ("One.", "Two.", "Three."):
        tell(ada, [text])
    told: list[int] = []
    analyse(actor=clara, advance=told.append)
    assert told == [1, 2, 3]
