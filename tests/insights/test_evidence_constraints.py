"""No source, no statement: what the database refuses of readings, insights and evidence whoever writes them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from hashlib import sha256
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import DatabaseError, connection, models, transaction

from clinical.models import Client, User
from insights.models import AnalysisRun, Evidence, Insight, Reading, Review, SourceSummary
from insights.models.findings import hash_quote
from tests.clinical.test_people import Attack, Scene, at_commit, attempt, refused_by, scene_of
from tests.clinical.test_sessions import at_once, committing, local_again
from tests.factories import open_client, sign_up, state_insight, tell

__all__ = ["committing", "local_again"]  # fixtures that these tests ask for by name

NOON, LATER = "2026-03-02T12:00:00Z", "2026-03-02T12:00:01Z"
NOTHING = sha256(b"").hexdigest()
SAYING = "I do not sleep."  # what the scene's passage says; its evidence is the first character
WHOLE = {"char_start": 0, "char_end": 15, "quote_sha256": hash_quote(SAYING, 0, 15)}
STATED = [status for status in Insight.Status.values if status != "draft"]

ATTACKS = (
    Attack("insights_analysisrun_state_known", AnalysisRun, {"state": "claimed"}),
    Attack("insights_analysisrun_failed_says_why", AnalysisRun, {"state": "failed", "last_error": ""}),
    Attack("insights_analysisrun_finished_after_start", AnalysisRun, {"started_at": LATER, "finished_at": NOON}),
    Attack("insights_analysisrun_source_of_client", AnalysisRun, {"source_id": "@bea.source"}),
    Attack("insights_reading_once", Reading, {}, via=("insert",)),
    *(
        Attack("insights_reading_sentiment_in_range", Reading, {"sentiment": sentiment}, via=("insert",))
        for sentiment in (1.0001, -1.0001, "NaN", "Infinity", "-Infinity")
    ),
    Attack("check_reading_client", Reading, {"client_id": "@bea.client", "analyzer_version": "2"}, via=("insert",)),
    Attack("check_reading_client", Reading, {"passage_id": "@bea.passage", "analyzer_version": "2"}, via=("insert",)),
    *(
        Attack("refuse_reading_update", Reading, changes, via=("update",))
        for changes in (
            {"sentiment": 0.9}, {"sentiment": None}, {"keywords": None}, {"client_id": "@bea.client"},
            {"analyzer_version": "2"}, {"created_at": NOON},
        )
    ),
    *(
        Attack("insights_sourcesummary_sentiment_in_range", SourceSummary, {"sentiment": sentiment})
        for sentiment in (1.0001, -1.0001, "NaN")
    ),
    Attack("insights_sourcesummary_assessed_in_range", SourceSummary, {"passages": 2, "assessed": 3}),
    Attack("insights_sourcesummary_source_of_client", SourceSummary, {"source_id": "@bea.other_source"}),
    Attack("insights_insight_stated_once", Insight, {"status": "draft"}, via=("insert",)),
    *(
        Attack("insights_insight_confidence_in_range", Insight, {"confidence": confidence})
        for confidence in (1.0001, -0.0001, "NaN")
    ),
    Attack("insights_insight_kind_known", Insight, {"kind": "diagnosis"}),
    Attack("insights_insight_status_known", Insight, {"status": "confirmed"}),
    Attack("insights_insight_severity_known", Insight, {"severity": "medium"}),
    Attack("insights_insight_severity_known", Insight, {"severity": ""}),
    Attack("insights_insight_priority_known", Insight, {"priority": "none"}),
    Attack("insights_insight_method_known", Insight, {"method": "llm"}),
    Attack(
        "insights_insight_source_of_client", Insight, {"source_id": "@bea.source", "status": "draft"}, via=("insert",)
    ),
    Attack("insights_insight_session_of_client", Insight, {"session_id": "@bea.session"}, via=("update",)),
    Attack(
        "insights_insight_session_of_client",
        Insight,
        {"session_id": "@bea.session", "status": "draft", "fingerprint": "new"},
        via=("insert",),
    ),
    *(
        Attack("require_evidence", Insight, {"status": status, "fingerprint": "new"}, via=("insert",))
        for status in STATED
    ),
    Attack("keep_source", Insight, {"source_id": "@ada.other_source"}, via=("update",)),
    Attack("insights_evidence_once", Evidence, {}, via=("insert",)),
    Attack(
        "insights_evidence_span_not_empty", Evidence, {"char_start": 3, "char_end": 3, "quote_sha256": NOTHING}
    ),
    Attack(
        "insights_evidence_span_not_empty",
        Evidence,
        {"char_start": 3, "char_end": 2, "quote_sha256": NOTHING},
        without="check_evidence",
    ),
    *(
        Attack("check_evidence", Evidence, changes)
        for changes in (
            WHOLE | {"char_end": 16},
            WHOLE | {"char_start": -1},
            WHOLE | {"char_start": 1},  # the hash of other words
            WHOLE | {"quote_sha256": ""},
            WHOLE | {"quote_sha256": hash_quote(SAYING, 0, 15).upper()},
            {"passage_id": "@bea.passage"},
            {"passage_id": "@ada.other_passage", "quote_sha256": hash_quote("Another day.", 0, 1)},
            {"client_id": "@bea.client"},
            {"insight_id": "@bea.insight"},
            {"insight_id": "@bea.insight", "client_id": "@bea.client"},
            {"passage_id": "@bea.passage", "client_id": "@bea.client"},
        )
    ),
    # what stands behind the trigger
    Attack(
        "insights_evidence_insight_of_client", Evidence, {"insight_id": "@bea.insight"}, without="check_evidence",
        via=("insert",),
    ),
    Attack("insights_review_decision_known", Review, {"decision": "confirmed"}),
    Attack("insights_review_reason_known", Review, {"reason": "no time"}),
    Attack("insights_review_dismissal_says_why", Review, {"decision": "dismissed", "reason": ""}),
    Attack("insights_review_other_reason_in_words", Review, {"reason": "other", "words": ""}),
    Attack("insights_review_edit_has_text", Review, {"decision": "edited", "edited_text": ""}),
    Attack("insights_review_insight_of_client", Review, {"insight_id": "@bea.insight"}),
    *(
        Attack("keep_client", model, {"client_id": "@bea.client"}, via=("update",))
        for model in (AnalysisRun, SourceSummary, Insight, Review)
    ),
)  # fmt: skip

# by a test of its own: it needs two insights, and asks at commit
ATTACKED_BELOW = {"keep_evidence"}

ALLOWED: tuple[tuple[type[models.Model], dict[str, Any], str], ...] = (
    (Reading, {"analyzer_version": "2", "sentiment": -1}, "insert"),
    (Reading, {"analyzer_version": "2", "sentiment": 1}, "insert"),
    (Reading, {"analyzer_version": "2", "sentiment": None}, "insert"),  # not assessed
    (SourceSummary, {"passages": 2, "assessed": 0, "sentiment": None}, "update"),
    (Insight, {"status": "draft", "fingerprint": "new", "severity": None, "confidence": None}, "insert"),
    (Insight, {"status": "draft", "fingerprint": "new", "severity": "none", "confidence": 0}, "insert"),
    (Insight, {"status": "accepted", "confidence": 1}, "update"),
    (Insight, {"status": "superseded"}, "update"),
    (Evidence, WHOLE, "insert"),
    (Evidence, WHOLE, "update"),
    (Review, {"decision": "dismissed", "reason": "not_apt"}, "insert"),
    (Review, {"reason": "other", "words": "She quotes a song."}, "insert"),
    (Review, {"decision": "undone"}, "insert"),
)


@pytest.fixture
def scene(clara: User) -> dict[str, str]:
    return scene_of(clara)


@pytest.mark.seed("S0-32", "S0-43", "S0-44", "S0-46", "S0-49", "S3-32", "S1-70")
@pytest.mark.parametrize("attack", ATTACKS, ids=str)
def test_the_database_refuses(attack: Attack, scene: Scene) -> None:
    assert attack.statements(scene) == [(way, attack.rule) for way in attack.via]


@pytest.mark.parametrize(("model", "changes", "via"), ALLOWED, ids=str)
def test_the_database_takes(model: type[models.Model], changes: dict[str, Any], via: str, scene: Scene) -> None:
    assert attempt(model, changes, scene, via=via) is None


@pytest.fixture
def draft(ada: Client) -> Insight:
    """A draft without evidence."""
    passage = tell(ada, ["I would rather be dead."]).passages.get()
    return Insight.objects.create(
        client=ada, source=passage.source, kind="crisis", label="explicit", title="Words", method="rules",
        fingerprint="a",
    )  # fmt: skip


@pytest.mark.seed("S0-46")
@pytest.mark.parametrize("status", STATED)
def test_a_draft_without_evidence_stays_a_draft_whichever_way_it_is_written(draft: Insight, status: str) -> None:
    def save() -> None:
        draft.status = status
        draft.save()

    def bulk_update() -> None:
        draft.status = status
        Insight.objects.bulk_update([draft], ["status"])

    ways: tuple[Callable[[], Any], ...] = (
        save,
        bulk_update,
        lambda: Insight.objects.filter(pk=draft.pk).update(status=status),
        lambda: Insight.objects.bulk_create([Insight(**_again(draft), status=status, fingerprint="b")]),
    )
    for write in ways:
        with pytest.raises(DatabaseError, match=f"cannot be {status}"), transaction.atomic():
            write()
    refused = refused_by("UPDATE insights_insight SET status = %s WHERE id = %s", (status, draft.pk))
    assert refused == "require_evidence"
    assert [one.status for one in Insight.objects.all()] == ["draft"]


def _again(insight: Insight) -> dict[str, Any]:
    return {name: getattr(insight, name) for name in ("client_id", "source_id", "kind", "label", "title", "method")}


@pytest.mark.seed("S0-46")
def test_the_last_evidence_of_a_published_insight_is_not_taken_away(ada: Client) -> None:
    passage = tell(ada, ["I would rather be dead."]).passages.get()
    insight = state_insight(passage, span=(0, 22))
    one = insight.evidence.get()
    assert refused_by("DELETE FROM insights_evidence WHERE id = %s", (one.pk,)) == "keep_evidence"
    other = state_insight(passage, span=(0, 7))
    moved = refused_by("UPDATE insights_evidence SET insight_id = %s WHERE id = %s", (other.pk, one.pk))
    assert moved == "keep_evidence"
    with pytest.raises(DatabaseError, match="keeps its evidence"), transaction.atomic(), at_commit():
        insight.evidence.all().delete()
    assert insight.evidence.count() == 1


def test_evidence_may_be_replaced_within_one_transaction(ada: Client) -> None:
    passage = tell(ada, ["I would rather be dead."]).passages.get()
    insight = state_insight(passage, span=(0, 22))
    with transaction.atomic():
        insight.evidence.all().delete()
        quote = hash_quote(passage.text, 2, 9)
        Evidence.objects.create(
            client=ada, insight=insight, passage=passage, char_start=2, char_end=9, quote_sha256=quote
        )
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    assert [one.quote for one in insight.evidence.all()] == ["would r"]


def test_an_insight_and_its_evidence_go_together(ada: Client) -> None:
    insight = state_insight(tell(ada, ["I would rather be dead."]).passages.get())
    insight.delete()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    assert not Evidence.objects.exists()


@pytest.mark.usefixtures("committing")
@pytest.mark.parametrize("first", ["publishes", "takes away"])
def test_of_two_at_once_one_publishing_and_one_taking_the_evidence_away_one_is_refused(first: str) -> None:
    ada = open_client("ADA", sign_up("clara@practice.example"))
    insight = state_insight(tell(ada, ["I would rather be dead."]).passages.get())
    Insight.objects.filter(pk=insight.pk).update(status="draft")
    publish = f"UPDATE insights_insight SET status = 'published' WHERE id = '{insight.pk}'"
    take_away = f"DELETE FROM insights_evidence WHERE insight_id = '{insight.pk}'"
    mine, theirs = (publish, take_away) if first == "publishes" else (take_away, publish)

    def other_one(_: int) -> None:
        with connection.cursor() as cursor:
            cursor.execute(theirs)

    with ThreadPoolExecutor(1) as thread:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(mine)
            other = thread.submit(at_once, 1, other_one)
            with suppress(TimeoutError):
                other.result(timeout=0.5)  # it waits for us to commit
        (refused,) = other.result()
    assert isinstance(refused, DatabaseError)
    insight.refresh_from_db()
    assert (insight.status, insight.evidence.count()) in {("published", 1), ("draft", 0)}


def test_a_draft_may_lose_its_evidence(ada: Client) -> None:
    insight = state_insight(tell(ada, ["I would rather be dead."]).passages.get())
    Insight.objects.filter(pk=insight.pk).update(status="draft")
    assert refused_by("DELETE FROM insights_evidence WHERE insight_id = %s", (insight.pk,)) is None


def test_a_passage_with_evidence_is_not_deleted_from_under_it(ada: Client) -> None:
    insight = state_insight(tell(ada, ["I would rather be dead."]).passages.get())
    refused = refused_by("DELETE FROM transcripts_passage WHERE source_id = %s", (insight.source_id,))
    assert str(refused).startswith("insights_evidence_passage_id")


def test_a_whole_source_goes_with_all_that_was_found_in_it(ada: Client) -> None:
    """Erasure is a verb of a later part; that the rows can go together is decided here."""
    insight = state_insight(tell(ada, ["I would rather be dead."]).passages.get())
    insight.source.delete()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    assert (Insight.objects.count(), Evidence.objects.count()) == (0, 0)


@pytest.mark.seed("S0-46")
@pytest.mark.parametrize(
    ("text", "span", "quote"),
    [
        ("I would rather be dead.", (18, 22), "dead"),
        ("\U0001f614\U0001f614 dead", (3, 7), "dead"),  # code points: neither bytes nor UTF-16 units
        ("Ich wäre lieber tot, größer", (21, 27), "größer"),
        ("e\u0301 tot", (3, 6), "tot"),  # a letter of two code points counts two
        ("line\r\ntwo", (6, 9), "two"),
        ("dead", (0, 4), "dead"),
    ],
)
def test_the_span_counts_code_points_as_python_does(ada: Client, text: str, span: tuple[int, int], quote: str) -> None:
    insight = state_insight(tell(ada, [text]).passages.get(), span=span)
    assert insight.evidence.get().quote == quote


def test_evidence_needs_its_insight_and_passage_first(scene: Scene) -> None:
    for column in ("insight_id", "passage_id"):
        nobody = {column: "00000000-0000-7000-8000-000000000000"}
        assert attempt(Evidence, nobody, scene, via="insert") == "check_evidence"


def test_a_source_has_one_summary(scene: Scene) -> None:
    assert str(attempt(SourceSummary, {}, scene, via="insert")).startswith("insights_sourcesummary_source_id")


@pytest.mark.seed("S0-32", "S3-10")
def test_readings_are_not_changed_by_way_of_the_models_either(ada: Client) -> None:
    passage = tell(ada, ["I do not sleep."]).passages.get()
    reading = Reading.objects.create(
        client=ada, passage=passage, analyzer_version="1", input_sha256=b"1", language="en", sentiment=-0.5
    )
    ways: tuple[Callable[[], Any], ...] = (
        lambda: reading.save(),
        lambda: Reading.objects.filter(pk=reading.pk).update(sentiment=0.5),
        lambda: Reading.objects.bulk_update([reading], ["sentiment"]),
    )
    for write in ways:
        reading.sentiment = 0.5
        with pytest.raises(DatabaseError, match="A reading never changes"), transaction.atomic():
            write()
    reading.refresh_from_db()
    assert reading.sentiment == -0.5


def test_many_readings_at_once_are_asked_for_their_client_too(ada: Client, clara: User) -> None:
    bea = open_client("BEA", clara)
    passages = tell(ada, ["One.", "Two.", "Three."]).passages.all()
    rows = [
        Reading(client=client, passage=passage, analyzer_version="1", input_sha256=b"1", language="en")
        for client, passage in zip((ada, ada, bea), passages, strict=True)
    ]
    with pytest.raises(DatabaseError, match="A reading belongs to the client of its passage"), transaction.atomic():
        Reading.objects.bulk_create(rows)
    assert not Reading.objects.exists()


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"decision": "dismissed"}, "A dismissal needs a reason"),
        ({"decision": "dismissed", "reason": "other"}, "The reason “other” needs words"),
        ({"decision": "edited"}, "An edit needs the clinician's text"),
        ({"decision": "maybe"}, "not a valid choice"),
    ],
)
def test_a_review_that_cannot_be_is_refused_in_words(
    ada: Client, clara: User, fields: dict[str, str], complaint: str
) -> None:
    insight = state_insight(tell(ada, ["I would rather be dead."]).passages.get())
    with pytest.raises(ValidationError, match=complaint):
        Review(client=ada, insight=insight, reviewer=clara, **fields).full_clean()
