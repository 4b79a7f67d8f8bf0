"""Demands of docs/acceptance.md that no other test shows: fields, indexes, verbs, asked as the demand is worded."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db import DatabaseError, IntegrityError, connection, models, transaction
from django.db.migrations.loader import MigrationLoader
from django.test import override_settings
from django.utils import timezone

from clinical.models import CareTeamMembership, Client, Session, User
from clinical.models.base import ShapedJSONField
from clinical.models.sessions import Progress
from clinical.models.shapes import read_risk_factors
from config import settings as shipped
from insights.analysis import analyse, due
from insights.analyzers.reading import ANALYZERS, VERSION
from insights.analyzers.talk import measure_talk
from insights.models import AnalysisRun, Insight, Reading, Review, SourceSummary
from tests.factories import open_client, sign_up, state_insight, tell
from transcripts.formats.base import Conversation, Utterance, Word
from transcripts.importing import Options, import_files
from transcripts.models import ImportJob, Passage, Source, Speaker
from transcripts.roles import Role
from transcripts.search import search
from transcripts.storing import prepare, store

pytestmark = pytest.mark.django_db

SAMPLES = Path(__file__).parent / "samples" / "formats"
OURS = [model for app in ("clinical", "transcripts", "insights") for model in apps.get_app_config(app).get_models()]
NOON = datetime(2026, 5, 4, 12, tzinfo=timezone.get_default_timezone())


def passage_of(source: Source, sequence: int = 0) -> Passage:
    return source.passages.get(sequence=sequence)


# --- Rows


@pytest.mark.seed("S0-13", "S0-34")
def test_a_row_says_when_it_was_made_with_its_time_zone(ada: Client) -> None:
    passage = passage_of(tell(ada, ["Hello."]))
    for row in (ada, passage, ada.sessions.get()):
        row.refresh_from_db()
        assert row.created_at.tzinfo is not None
        assert abs(timezone.now() - row.created_at) < timedelta(minutes=5)


@pytest.mark.seed("S4-31", "S0-02")
def test_each_foreign_key_says_what_goes_with_what() -> None:
    keys = [field for model in OURS for field in model._meta.get_fields() if isinstance(field, models.ForeignKey)]
    policy = {(field.model, field.related_model): field.remote_field.on_delete for field in keys}
    assert set(policy.values()) <= {models.PROTECT, models.RESTRICT, models.CASCADE, models.SET_NULL}
    assert all(rule is models.PROTECT for (_, to), rule in policy.items() if to in (Client, User))
    assert {to for (_, to), rule in policy.items() if rule is models.CASCADE} == {Session, Source, Passage, Insight}


# --- JSON

READINGS = {
    "clinical.User.profile": {"languages": ["en", "de"], "office": "2"},
    "clinical.Client.demographics": {"occupation": "nurse", "children": 2, "works nights": True, "faith": None},
    "clinical.Client.preferences": {"address": "Ms", "topics": ["sleep"]},
    "clinical.Client.risk_factors": [{"factor": "recent loss", "severity": None, "since": "2026", "source": "intake"}],
    "clinical.Client.treatment_history": {"2019": "inpatient, 6 weeks"},
    "transcripts.ImportJob.options": {
        "kind": "transcript",
        "format": "auto",
        "occurred_at": None,
        "roles": {"A": "client"},
        "mapping": {"text": "said"},
    },
    "transcripts.ImportJob.result": [
        {"source": "01a2059f-588a-7000-82a7-13d0f0b229fd", "created": True, "passages": 3}
    ],
    "transcripts.ImportJob.errors": [{"line": 3, "message": "no time"}, {"line": None, "message": "no text"}],
    "transcripts.Passage.words": [{"word": "Ach\u0304, “so”", "start_ms": 0, "end_ms": None, "confidence": 0.25}],
    "insights.AnalysisRun.analyzers": [{"name": "tone", "version": "1", "sha256": "ab"}],
    "insights.Reading.emotions": {"joy": 0.0, "fear": 1.0},
    "insights.Reading.keywords": [{"term": "sleep", "score": 0.5, "spans": [[0, 5]]}],
    "insights.SourceSummary.emotions": {"joy": 0.125},
    "insights.SourceSummary.talk": measure_talk([]).to_json(),
    "insights.Insight.attributes": {"polarity": "a", "time": "b", "experiencer": "c", "modality": "d"},
    "insights.Insight.recommendations": ["Ask about sleep.", "Ask about means."],
}
SHAPED = [field for model in OURS for field in model._meta.concrete_fields if isinstance(field, ShapedJSONField)]


@pytest.mark.seed("S1-71", "S1-70", "S2-59")
@pytest.mark.parametrize("field", SHAPED, ids=str)
def test_json_comes_out_as_it_went_in_and_what_has_another_shape_is_refused(field: Any) -> None:
    value = READINGS[str(field)]
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s", [field.get_db_prep_save(value, connection)])
        (stored,) = cursor.fetchone()
        assert field.from_db_value(stored, None, connection) == value
    with pytest.raises(ValidationError):
        field.get_db_prep_save(7, connection)


# --- Clients and people


@pytest.mark.seed("S0-15", "S0-16", "S0-17", "S0-18", "S0-20", "S0-21")
def test_a_client_is_kept_with_what_is_known(clara: User) -> None:
    known = {
        "birth_date": date(1990, 2, 28),
        "gender": "non-binary",
        "demographics": {"occupation": "nurse"},
        "preferences": {"address": "first name"},
        "risk_factors": [{"factor": "recent loss"}],
        "treatment_history": {"2019": "inpatient"},
    }
    open_client("BEA", clara, **known)
    bea = Client.objects.get(demographics__contains={"occupation": "nurse"})
    assert {name: getattr(bea, name) for name in known} == known


@pytest.mark.seed("S0-20")
def test_a_risk_that_nobody_assessed_is_not_low(ada: Client) -> None:
    (read,) = read_risk_factors([{"factor": "recent loss"}])
    assert read.severity is None
    ada.risk_factors = [{"factor": "recent loss", "severity": "enormous"}]
    with pytest.raises(ValidationError, match="severity is one of"):
        ada.save()


@pytest.mark.seed("S0-23")
def test_a_client_is_found_and_shown_by_code_never_by_name(clara: User) -> None:
    bea = open_client("BEA", clara, name="Beatrice Webb")
    listed = admin.site._registry[Client]
    assert listed.search_fields == ("code",)
    assert "name" not in listed.list_display
    assert "Webb" not in f"{bea} {bea!r}"


@pytest.mark.seed("S2-01", "S3-01")
def test_an_account_holds_preferences_and_nothing_clinical(clara: User) -> None:
    clara.profile = {"language": "en"}
    clara.save()
    clara.refresh_from_db()
    assert (clara.profile, clara.is_active, clara.USERNAME_FIELD) == ({"language": "en"}, True, "email")
    assert clara.check_password("correct horse battery")
    assert clara.pk.version == 7
    assert {field.name for field in User._meta.concrete_fields} == {
        "id", "created_at", "updated_at", "email", "name", "role", "is_active", "is_verified", "profile",
        "password", "last_login", "is_superuser",
    }  # fmt: skip


@pytest.mark.seed("S2-02", "S4-39")
def test_new_passwords_are_hashed_by_argon2_and_old_ones_again_at_login() -> None:
    with override_settings(PASSWORD_HASHERS=shipped.PASSWORD_HASHERS):
        user = sign_up("new@practice.example")
        assert user.password.startswith("argon2$")
    assert shipped.PASSWORD_HASHERS[0].endswith("Argon2PasswordHasher")
    assert len(shipped.PASSWORD_HASHERS) > 1  # what an older or imported hash is recognised by


@pytest.mark.seed("S1-11")
def test_the_professionals_around_a_client_are_there_with_what_they_are_to_it(ada: Client, ben: User) -> None:
    CareTeamMembership.objects.create(client=ada, user=ben, role=CareTeamMembership.Role.SUPERVISING)
    team = ada.care_team.current().values_list("user__email", "role")
    assert set(team) == {("clara@practice.example", "treating"), ("ben@practice.example", "supervising")}


# --- Sessions


@pytest.mark.seed("S0-07", "S1-46", "S1-54")
def test_a_session_is_individual_unless_it_is_said_to_be_something_else(ada: Client) -> None:
    assert Session.objects.schedule(client=ada, start=None, title="First visit").session_type == "individual"
    assert set(Session.Type.values) == {
        "individual", "couples", "family", "group", "crisis", "follow_up", "assessment", "consultation",
    }  # fmt: skip
    with pytest.raises(IntegrityError, match="type_known"), transaction.atomic():
        Session.objects.update(session_type="party")


# --- What was said


@pytest.mark.seed("S0-12", "S0-22", "S0-60", "S2-63")
def test_a_transcript_is_stored_whole_in_order_with_labels_words_and_what_is_unknown(ada: Client, clara: User) -> None:
    words = (Word("Hm.", 12_345, None, 0.5),)
    said = (
        Utterance("Hm.", "SPEAKER_01", 12_345, 13_000, 0.5, words),
        Utterance("How was it?", "Dr. Adeyemi", 14_000),
        Utterance("Loud.", None),
    )
    conversation = Conversation(said, external_id="s1", language="en")
    told = {"Dr. Adeyemi": Role.THERAPIST}
    kept: dict[str, Any] = {"client": ada, "actor": clara, "title": "", "format": "txt", "file_name": "a.txt"}
    first = store(conversation, prepare(conversation, told, {}), **kept)
    again = store(conversation, prepare(conversation, told, {}), **kept)
    assert (first.created, again.created, again.source) == (True, False, first.source)

    timeline = list(Passage.objects.filter(source=first.source).timeline().select_related("speaker"))
    assert [(one.sequence, one.start_ms, one.end_ms, one.confidence, one.text) for one in timeline] == [
        (0, 12_345, 13_000, 0.5, "Hm."), (1, 14_000, None, None, "How was it?"), (2, None, None, None, "Loud."),
    ]  # fmt: skip
    assert [one.speaker and (one.speaker.label, one.speaker.role) for one in timeline] == [
        ("SPEAKER_01", "unknown"), ("Dr. Adeyemi", "therapist"), None,
    ]  # fmt: skip
    assert timeline[0].words == [{"word": "Hm.", "start_ms": 12_345, "end_ms": None, "confidence": 0.5}]
    session = ada.sessions.get()
    assert list(session.sources.all()) == [first.source]
    assert (session.transcript_status, session.analysis_status) == (Progress.COMPLETED, Progress.PENDING)


@pytest.mark.seed("S1-84", "X-02")
def test_a_corrected_transcript_is_a_new_revision_and_the_same_one_nothing(ada: Client) -> None:
    first = tell(ada, ["I said sausage."], external_id="s1")
    again = tell(ada, ["I said sausage."], external_id="s1")
    corrected = tell(ada, ["I said knowledge."], external_id="s1")
    first.refresh_from_db()
    assert again == first
    assert (first.revision, corrected.revision) == (1, 2)
    assert first.superseded_at is not None
    assert list(Source.objects.current()) == [corrected]
    with pytest.raises(DatabaseError, match="never changes"), transaction.atomic():
        Passage.objects.update(text="Something else.")


@pytest.mark.seed("X-01", "X-02", "S1-81", "S1-83")
def test_mymind_s_transcript_is_imported_and_analysed(ada: Client, clara: User) -> None:
    report = import_files([SAMPLES / "x01.json"], Options("ADA", clara))
    assert (report.created, report.passages, report.errors) == (1, 2, [])
    source = ada.sources.get()
    assert (source.external_id, source.format) == ("s-2024-017", report.sources[0].format)
    therapist, client = source.passages.all()
    assert [one.speaker and one.speaker.role for one in (therapist, client)] == ["therapist", "client"]
    assert (therapist.start_ms, therapist.confidence, therapist.words[0]["word"]) == (500, 0.93, "What")
    assert ImportJob.objects.get().state == "done"
    assert analyse(actor=clara).readings == 2


@pytest.mark.seed("S1-81")
@pytest.mark.parametrize(
    "name", ["zoom.vtt", "named.srt", "whisper.json", "annotated.csv", "dialogue.txt", "markdown.md"]
)
def test_text_is_taken_out_of_many_formats(ada: Client, clara: User, name: str) -> None:
    report = import_files([SAMPLES / name], Options("ADA", clara))
    assert report.errors == []
    assert report.passages == Passage.objects.filter(client=ada).count() > 0


@pytest.mark.seed("S2-63")
def test_a_refused_file_leaves_its_reason_and_nothing_else(ada: Client, clara: User, tmp_path: Path) -> None:
    bad = tmp_path / "bad.json"
    bad.write_text('{"segments": [{"text": "One.", "start": 0, "end": 1}, {"start": 1, "end": 2}]}')
    report = import_files([bad], Options("ADA", clara))
    assert len(report.errors) == 1
    assert not Source.objects.exists()
    assert not Speaker.objects.exists()
    job = ImportJob.objects.get()
    assert (job.state, bool(job.last_error)) == ("failed", True)


@pytest.mark.seed("S3-28", "S4-40")
@pytest.mark.parametrize(
    "query", ["'; DROP TABLE clinical_client; --", "sleep' OR '1'='1", "%s %(a)s \\ $$", "night:*"]
)
def test_search_takes_any_text_as_text(ada: Client, clara: User, query: str) -> None:
    tell(ada, ["The anxiety comes at night."])
    tell(ada, ["Night, night, and night again."])
    search(query, user=clara)
    found = search('"at night" or again -morning', user=clara)
    assert found.total == 2
    assert [hit.rank for hit in found.hits] == sorted((hit.rank for hit in found.hits), reverse=True)
    assert Client.objects.filter(pk=ada.pk).exists()


@pytest.mark.seed("S3-29")
def test_a_long_passage_is_shown_as_up_to_three_fragments_around_the_match(ada: Client, clara: User) -> None:
    filler = "and so it went on and on with one thing after another until "
    tell(ada, [f"{filler * 8} insomnia {filler * 8} insomnia {filler * 8} insomnia {filler * 8} insomnia {filler * 8}"])
    (hit,) = search("insomnia", user=clara).hits
    fragments = hit.highlight.split(" ... ")
    assert 2 <= len(fragments) <= 3
    assert all("<mark>insomnia</mark>" in fragment for fragment in fragments)
    assert all(len(fragment.split()) <= 35 for fragment in fragments)


# --- What it means


@pytest.mark.seed("S0-30", "S0-32", "S0-33", "S2-25", "S3-10", "S3-41", "S3-57", "S1-34", "S0-68", "S0-11", "X-06")
def test_each_passage_is_read_once_by_each_version_and_says_by_which(ada: Client, clara: User) -> None:
    source = tell(ada, ["I am so happy about my garden!", "My panic attacks are terrible.", "Je ne peux pas dormir."])
    first = analyse(actor=clara)
    second = analyse(actor=clara)
    assert (first.passages, first.readings, first.failed) == (3, 3, 0)
    assert (second.passages, second.readings) == (0, 0)
    glad, afraid, foreign = (Reading.objects.get(passage=passage) for passage in source.passages.all())
    assert glad.sentiment is not None
    assert afraid.sentiment is not None
    assert -1 <= afraid.sentiment < 0 < glad.sentiment <= 1
    assert foreign.sentiment is None  # not assessed, which is not neutral
    assert {one.emotions for one in (glad, afraid, foreign)} == {None}
    (term,) = [one for one in afraid.keywords if one["term"] == "panic attack"]
    assert (0 <= term["score"] <= 1, term["spans"]) == (True, [[3, 16]])
    assert {one.analyzer_version for one in (glad, afraid, foreign)} == {VERSION}
    run = AnalysisRun.objects.get(source=source)
    assert run.analyzers == [{"name": one.name, "version": one.version, "sha256": one.sha256} for one in ANALYZERS]
    assert ada.sessions.get().analysis_status == Progress.COMPLETED
    copy = {"client": ada, "passage": afraid.passage, "analyzer_version": VERSION, "language": "en"}
    with pytest.raises(IntegrityError, match="reading_once"), transaction.atomic():
        Reading.objects.create(input_sha256=afraid.input_sha256, **copy)
    with pytest.raises(IntegrityError, match="sentiment_in_range"), transaction.atomic():
        Reading.objects.create(input_sha256=b"other", sentiment=1.01, **copy)


@pytest.mark.seed("S1-31")
def test_a_source_is_due_again_when_its_speakers_changed(ada: Client, clara: User) -> None:
    source = tell(ada, ["I do not sleep."])
    assert list(due(Source.objects.all())) == [source]
    analyse(actor=clara)
    assert list(due(Source.objects.all())) == []
    Speaker.objects.filter(source=source).update(role=Role.THERAPIST.value)
    assert list(due(Source.objects.all())) == [source]
    analyse(actor=clara)
    assert AnalysisRun.objects.filter(source=source, analyzer_version=VERSION).count() == 2
    assert SourceSummary.objects.get(source=source).sentiment is None  # nobody of the client's side spoke


@pytest.mark.seed("S0-41", "S0-42", "S0-43", "S0-44", "S0-45", "S0-47", "S0-49", "S0-12")
def test_a_finding_has_its_session_title_and_what_nobody_assessed_is_empty(ada: Client) -> None:
    passage = passage_of(tell(ada, ["I want to die."]))
    bare = Insight.objects.get(pk=state_insight(passage).pk)
    assert (bare.session, bare.confidence, bare.severity, bare.priority) == (None, None, None, "medium")
    session = ada.sessions.get()
    full = state_insight(passage, span=(7, 13), session=session, confidence=0.9, severity="high", priority="urgent")
    full.description, full.recommendations = "Said by the client.", ["Ask about means."]
    full.save()
    full.refresh_from_db()
    assert list(session.insights.all()) == [full]
    assert (full.title, full.recommendations) == ("Words about suicide", ["Ask about means."])
    for field, value in (("confidence", 1.01), ("severity", "medium"), ("priority", "now"), ("kind", "mood")):
        with pytest.raises(IntegrityError), transaction.atomic():
            Insight.objects.filter(pk=full.pk).update(**{field: value})


@pytest.mark.seed("S1-32", "S2-30", "S0-67")
def test_words_of_risk_are_flagged_with_the_reading_that_found_them(ada: Client, clara: User) -> None:
    source = tell(ada, ["I am going to kill myself tonight.", "I would never hurt myself.", "I like my garden."])
    first, second = analyse(actor=clara), analyse(actor=clara)
    flagged = Insight.objects.filter(source=source, priority="urgent", status="published")
    assert [one.evidence.get().passage.sequence for one in flagged] == [0]
    assert (flagged[0].session, flagged[0].analyzer_version) == (ada.sessions.get(), VERSION)
    assert (first.insights, second.insights) == (Insight.objects.count(), 0)


@pytest.mark.seed("S2-26", "S3-14")
def test_a_decision_keeps_who_when_why_and_both_texts(ada: Client, clara: User) -> None:
    insight = state_insight(passage_of(tell(ada, ["I want to die."])), description="The machine's words.")
    rules = (
        ({"decision": "dismissed"}, "dismissal_says_why"),
        ({"decision": "dismissed", "reason": "other"}, "other_reason_in_words"),
        ({"decision": "edited"}, "edit_has_text"),
        ({"decision": "perhaps"}, "decision_known"),
    )
    for fields, rule in rules:
        with pytest.raises(IntegrityError, match=rule), transaction.atomic():
            Review.objects.create(client=ada, insight=insight, reviewer=clara, **fields)
    review = Review.objects.create(
        client=ada, insight=insight, reviewer=clara, decision="edited", edited_text="The clinician's words."
    )
    insight.refresh_from_db()
    assert (insight.description, review.edited_text) == ("The machine's words.", "The clinician's words.")
    assert (review.reviewer, review.created_at is not None) == (clara, True)
    Insight.objects.filter(pk=insight.pk).update(status=Insight.Status.SUPERSEDED)


# --- Indexes

INDEXES = {
    "clinical_user_role_active": "btree (role, is_active)",
    "clinical_user_recently_active": "btree (last_login DESC) WHERE is_active",
    "clinical_user_profile": "gin (profile jsonb_path_ops)",
    "clinical_client_demographics": "gin (demographics jsonb_path_ops)",
    "clinical_session_by_date": "btree (client_id, occurred_at DESC NULLS LAST)",
    "clinical_session_scheduled": "btree (scheduled_start)",
    "clinical_session_by_status": "btree (client_id, status)",
    "clinical_session_by_approach": "btree (client_id, session_type, therapy_approach)",
    "transcripts_source_by_date": "btree (client_id, occurred_at DESC NULLS LAST)",
    "transcripts_passage_sequence_unique": "btree (source_id, sequence)",
    "transcripts_passage_search": "gin (client_id, search)",
    "insights_reading_once": "btree (passage_id, analyzer_version, input_sha256)",
    "insights_reading_keywords": "gin (client_id, keywords jsonb_path_ops)",
    "insights_sourcesummary_trend": "btree (client_id, occurred_at)",
    "insights_insight_waiting": "btree (client_id, priority) WHERE ((status)::text = 'published'::text)",
    "insights_insight_of_session": "btree (session_id, kind)",
    "insights_insight_by_severity": "btree (client_id, kind, severity)",
}


@pytest.mark.seed(
    "S0-16", "S0-24", "S0-35", "S0-37", "S0-39", "S0-50", "S0-52", "S1-61", "S1-74", "S2-08", "S2-09", "S2-17", "S2-27",
    "S2-29", "S3-15", "S3-17", "S3-18", "S3-25",
)  # fmt: skip
@pytest.mark.parametrize("name", INDEXES)
def test_an_index_stands_for_the_query_that_it_serves(name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexdef FROM pg_indexes WHERE indexname = %s", [name])
        (definition,) = cursor.fetchone()
    assert INDEXES[name] in definition


@pytest.mark.seed("S0-40")
def test_a_keyword_with_a_low_tone_is_found_through_the_keyword(ada: Client, clara: User) -> None:
    """The query that S0-40's index was meant for, and could not have served."""
    tell(ada, ["My panic attacks are terrible.", "I had no panic attacks, what a wonderful week!"])
    analyse(actor=clara)
    found = Reading.objects.filter(client=ada, keywords__contains=[{"term": "panic attack"}], sentiment__lt=-0.2)
    assert [one.passage.sequence for one in found] == [0]
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    assert "insights_reading_keywords" in found.explain()


# --- Migrations


@pytest.mark.seed("S2-58", "S4-41")
def test_every_migration_is_applied_and_has_its_way_back() -> None:
    ours = {"clinical", "transcripts", "insights"}
    loader = MigrationLoader(connection)
    steps = [
        (key, operation)
        for key, migration in loader.disk_migrations.items()
        if key[0] in ours
        for operation in migration.operations
    ]
    assert {key[0] for key, _ in steps} == ours
    assert [key for key, operation in steps if not operation.reversible] == []
    assert {key for key, _ in steps} <= set(loader.applied_migrations)
