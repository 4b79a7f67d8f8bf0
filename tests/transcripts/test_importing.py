"""The pipeline: what counts as the same, what a correction does, and which session it belongs to."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from clinical.models import CareTeamMembership, Client, Member, Session, User
from tests.factories import open_client, sign_up
from transcripts import importing
from transcripts.importing import ImportRefused, Options, Report, import_files
from transcripts.models import ImportJob, Passage, SearchWord, Source, Speaker
from transcripts.roles import Role
from transcripts.search import search
from transcripts.storing import remember_words

FORMATS = Path(__file__).parents[1] / "samples" / "formats"
DIALOGUE = "Therapist: Comment ça va, Zoë?\nClient: Très bien, merci – “voilà”.\n"
MONDAY = datetime(2026, 5, 4, 14, 0, tzinfo=UTC)


@pytest.fixture
def monday(ada: Client) -> Session:
    return Session.objects.schedule(client=ada, start=MONDAY)


def take_in(
    client: Client,
    folder: Path,
    content: str | bytes,
    *,
    name: str = "a.txt",
    actor: User | None = None,
    occurred_at: datetime | None = None,
    roles: dict[str, Role] | None = None,
) -> Report:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    actor = actor or User.objects.local()
    return import_files([path], Options(client.code, actor, occurred_at=occurred_at, roles=roles or {}))


def x01(text: str, session: str = "s-1", **more: object) -> str:
    return json.dumps({"session_id": session, "segments": [{"start": 0, "end": 61.5, "text": text}], **more})


def said(source: Source) -> list[str]:
    return list(source.passages.order_by("sequence").values_list("text", flat=True))


@pytest.mark.parametrize(
    ("encoding", "line_end"),
    [
        ("utf-8", "\r\n"),
        ("utf-8", "\r"),
        ("utf-8-sig", "\n"),
        ("utf-16", "\n"),
        ("utf-16-le", "\r\n"),
        ("utf-16-be", "\r"),
        ("utf-32", "\n"),
        ("utf-32-be", "\n"),
        ("cp1252", "\r\n"),
    ],
)
def test_the_same_words_in_another_encoding_or_with_other_line_ends_are_the_same_content(
    ada: Client, tmp_path: Path, encoding: str, line_end: str
) -> None:
    take_in(ada, tmp_path, DIALOGUE)
    report = take_in(ada, tmp_path, DIALOGUE.replace("\n", line_end).encode(encoding), name="other name.txt")
    assert (report.created, report.skipped, report.errors) == (0, 1, [])
    assert said(Source.objects.get()) == ["Comment ça va, Zoë?", "Très bien, merci – “voilà”."]


def test_the_same_words_by_other_speakers_or_at_other_times_are_other_content(ada: Client, tmp_path: Path) -> None:
    for content in (
        "Therapist: Yes.\nClient: No.\n",
        "Client: Yes.\nTherapist: No.\n",
        "[00:01] Therapist: Yes.\n[00:02] Client: No.\n",
        "[00:01] Therapist: Yes.\n[00:03] Client: No.\n",
        "Therapist: Yes.\nClient: No!\n",
    ):
        assert take_in(ada, tmp_path, content).created == 1
    assert Source.objects.count() == 5


@pytest.mark.seed("S0-56")
def test_other_content_under_the_same_id_is_a_new_revision(ada: Client, clara: User, tmp_path: Path) -> None:
    first = take_in(ada, tmp_path, x01("I said sausage."), name="first.json")
    second = take_in(ada, tmp_path, x01("I said knowledge."), name="second.json")
    assert (second.created, second.skipped, second.passages) == (1, 0, 1)
    old, new = Source.objects.order_by("revision")
    assert [str(old.pk), str(new.pk)] == [first.sources[0].id, second.sources[0].id]
    assert (old.revision, new.revision) == (1, 2)
    assert (old.superseded_at is not None, new.superseded_at) == (True, None)
    assert old.session == new.session == Session.objects.get()
    assert said(old) == ["I said sausage."]
    assert [search(word, user=clara).total for word in ("sausage", "knowledge")] == [0, 1]


def test_going_back_to_an_earlier_revision_is_skipped_with_a_warning(ada: Client, tmp_path: Path) -> None:
    for text in ("A", "B"):
        take_in(ada, tmp_path, x01(text))
    report = take_in(ada, tmp_path, x01("A"))
    assert (report.created, report.skipped) == (0, 1)
    assert report.sources[0].warnings == ["This is revision 1, which a newer one has replaced; the newer one stays."]
    assert [said(source) for source in Source.objects.current()] == [["B"]]
    assert take_in(ada, tmp_path, x01("C")).created == 1
    assert [(source.revision, said(source)) for source in Source.objects.current()] == [(3, ["C"])]


def test_a_revision_resets_the_analysis_of_its_session_and_keeps_what_people_entered(
    ada: Client, tmp_path: Path
) -> None:
    take_in(ada, tmp_path, x01("A"))
    Session.objects.update(analysis_status="failed", analysis_error="because", duration_minutes=55, title="First talk")
    take_in(ada, tmp_path, x01("B"))
    session = Session.objects.get()
    assert (session.analysis_status, session.analysis_error) == ("pending", "")
    assert (session.duration_minutes, session.title, session.number) == (55, "First talk", 1)


def test_a_revision_keeps_its_date_unless_it_brings_one(ada: Client, tmp_path: Path) -> None:
    take_in(ada, tmp_path, x01("A"), occurred_at=MONDAY)
    take_in(ada, tmp_path, x01("B"))
    assert set(Source.objects.values_list("occurred_at", flat=True)) == {MONDAY}
    take_in(ada, tmp_path, x01("C"), occurred_at=MONDAY + timedelta(days=1))
    assert Source.objects.current().get().occurred_at == MONDAY + timedelta(days=1)


def test_a_revision_in_a_csv_replaces_only_its_own_conversation(ada: Client, tmp_path: Path) -> None:
    take_in(ada, tmp_path, "conversation,speaker,text\n1,A,Yes.\n2,A,No.\n", name="a.csv")
    report = take_in(ada, tmp_path, "conversation,speaker,text\n1,A,Yes.\n2,A,No!\n", name="a.csv")
    assert [(one.external_id, one.created) for one in report.sources] == [("1", False), ("2", True)]
    assert sorted(said(source)[0] for source in Source.objects.current()) == ["No!", "Yes."]


@pytest.mark.seed("S0-10")
def test_a_transcript_finds_the_session_of_that_moment(ada: Client, monday: Session, tmp_path: Path) -> None:
    Session.objects.schedule(client=ada, start=MONDAY + timedelta(hours=2))
    take_in(ada, tmp_path, x01("A"), occurred_at=MONDAY)
    monday.refresh_from_db()
    assert Source.objects.get().session == monday
    assert Session.objects.count() == 2
    assert (monday.status, monday.transcript_status, monday.analysis_status) == ("completed", "completed", "pending")
    assert monday.duration_minutes == 1


def test_a_transcript_finds_the_only_session_of_that_day(ada: Client, monday: Session, tmp_path: Path) -> None:
    take_in(ada, tmp_path, x01("A"), occurred_at=MONDAY + timedelta(minutes=7))
    assert Source.objects.get().session == monday
    assert Session.objects.get().scheduled_start == MONDAY


def test_with_two_sessions_that_day_the_transcript_gets_a_third(ada: Client, monday: Session, tmp_path: Path) -> None:
    Session.objects.schedule(client=ada, start=MONDAY + timedelta(hours=2))
    take_in(ada, tmp_path, x01("A"), occurred_at=MONDAY + timedelta(minutes=7))
    session = Source.objects.get().session
    assert session is not None
    assert (session.number, session.status, session.actual_start) == (3, "completed", MONDAY + timedelta(minutes=7))
    assert session.actual_end == MONDAY + timedelta(minutes=7, seconds=61.5)
    assert session.duration_minutes == 1


@pytest.mark.parametrize("status", [Session.Status.CANCELLED, Session.Status.NO_SHOW])
def test_a_session_that_was_not_held_gets_no_transcript(
    ada: Client, monday: Session, tmp_path: Path, status: str
) -> None:
    monday.move_to(status)
    take_in(ada, tmp_path, x01("A"), occurred_at=MONDAY)
    monday.refresh_from_db()
    assert (monday.status, monday.transcript_status, Session.objects.count()) == (status, "pending", 2)


def test_a_session_has_one_transcript_and_a_second_recording_gets_a_session_of_its_own(
    ada: Client, monday: Session, tmp_path: Path
) -> None:
    take_in(ada, tmp_path, x01("A", session="morning"), occurred_at=MONDAY)
    take_in(ada, tmp_path, x01("B", session="noon"), occurred_at=MONDAY)
    assert [source.session.number for source in Source.objects.order_by("id") if source.session] == [1, 2]


def test_another_clients_session_of_that_moment_is_left_alone(
    ada: Client, monday: Session, clara: User, tmp_path: Path
) -> None:
    take_in(open_client("BEA", clara), tmp_path, x01("A"), occurred_at=MONDAY)
    monday.refresh_from_db()
    assert monday.transcript_status == "pending"


def test_sessions_without_a_date_are_numbered_one_by_one(ada: Client, tmp_path: Path) -> None:
    take_in(ada, tmp_path, (FORMATS / "annotated.csv").read_bytes(), name="a.csv")
    assert list(Session.objects.order_by("number").values_list("number", "occurred_at")) == [(1, None), (2, None)]


@pytest.mark.parametrize(
    ("kind", "session_type"),
    [("individual", "individual"), ("couple", "couples"), ("family", "family"), ("group", "group")],
)
def test_the_session_is_of_the_clients_kind(clara: User, tmp_path: Path, kind: str, session_type: str) -> None:
    take_in(open_client("FOUR", clara, kind=kind), tmp_path, DIALOGUE)
    assert Session.objects.get().session_type == session_type


@pytest.mark.parametrize("created_at", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59"])
def test_a_date_that_cannot_be_is_taken_as_unknown(ada: Client, tmp_path: Path, created_at: str) -> None:
    assert take_in(ada, tmp_path, x01("A", created_at=created_at)).errors == []
    assert Source.objects.get().occurred_at is None


def test_a_file_says_when_it_was_in_clinic_time(ada: Client, tmp_path: Path, settings: object) -> None:
    settings.TIME_ZONE = "Europe/Berlin"  # type: ignore[attr-defined]
    take_in(ada, tmp_path, x01("A", created_at="2026-05-04T16:00:00"))
    assert Source.objects.get().occurred_at == MONDAY


def test_a_title_comes_from_the_file_else_from_its_name(ada: Client, tmp_path: Path) -> None:
    take_in(ada, tmp_path, x01("A", title="First talk"), name="one.json")
    take_in(ada, tmp_path, DIALOGUE, name="Monday, 4 May.final.txt")
    take_in(ada, tmp_path, "conversation,speaker,text\n1,A,Yes.\n2,A,No.\n", name="Both.csv")
    take_in(ada, tmp_path, "conversation,speaker,text\n3,A,Only.\n", name="Single.csv")
    take_in(ada, tmp_path, x01("B", session="s-2", title="x" * 600), name="long.json")
    titles = Source.objects.order_by("id").values_list("title", flat=True)
    assert list(titles) == ["First talk", "Monday, 4 May.final", "Both 1", "Both 2", "Single", "x" * 500]


def test_names_that_are_roles_and_people_who_are_known_get_their_roles(clara: User, tmp_path: Path) -> None:
    couple = open_client("PAIR", clara, kind="couple", name="The Pair")
    kim = Member.objects.create(client=couple, name="Kim Berg", role="partner")
    Member.objects.create(client=couple, name="Lee")
    clara.name = "Dr Clara Stone"
    clara.save()
    gone = sign_up("gone@practice.example", name="Gone")
    CareTeamMembership.objects.create(client=couple, user=gone, starts_at=MONDAY, ends_at=MONDAY)
    lines = ("KIM  berg,a", "Lee,b", "Dr Clara Stone,c", "pair,d", "Gone,e", "Mother,f", "SPEAKER_00,g", "Client,h")
    take_in(couple, tmp_path, "speaker,text\n" + "\n".join(lines), name="a.csv")
    speakers = {speaker.label: speaker for speaker in Speaker.objects.all()}
    assert {label: speaker.role for label, speaker in speakers.items()} == {
        "KIM  berg": "partner",
        "Lee": "client",
        "Dr Clara Stone": "therapist",
        "pair": "client",
        "Gone": "unknown",
        "Mother": "family",
        "SPEAKER_00": "unknown",
        "Client": "client",
    }
    assert (speakers["KIM  berg"].member, speakers["Dr Clara Stone"].user) == (kim, clara)
    assert speakers["Mother"].member is None


def test_what_the_user_says_of_a_speaker_stands_above_everything(ada: Client, tmp_path: Path) -> None:
    content = x01("A", speakers=[{"id": "S", "role": "therapist"}]).replace('"text"', '"speaker": "S", "text"')
    assert take_in(ada, tmp_path, content).sources[0].speakers[0]["role"] == "therapist"
    other = take_in(ada, tmp_path, content.replace("s-1", "s-2"), roles={"S": Role.UNKNOWN})
    assert other.sources[0].speakers[0]["role"] == "unknown"


def test_a_corrected_role_is_reported_when_the_file_comes_again(ada: Client, tmp_path: Path) -> None:
    take_in(ada, tmp_path, "Kim: Hello.\nKim: Yes.\nLee: No.\nLee: Well.\n")
    Speaker.objects.filter(label="Kim").update(role="partner")
    again = take_in(ada, tmp_path, "Kim: Hello.\nKim: Yes.\nLee: No.\nLee: Well.\n")
    assert [(one["label"], one["role"]) for one in again.sources[0].speakers] == [
        ("Kim", "partner"),
        ("Lee", "unknown"),
    ]


def test_each_file_leaves_a_job_row(ada: Client, clara: User, tmp_path: Path) -> None:
    csv = "conversation,speaker,text\n1,A,Yes.\n2,A,No.\n"
    take_in(ada, tmp_path, csv, name="a.csv", actor=clara)
    take_in(ada, tmp_path, csv + "3,A,Hm.\n", name="a.csv", actor=clara)
    take_in(ada, tmp_path, "", name="b.txt", actor=clara)
    jobs = ImportJob.objects.order_by("id")
    assert [(job.file_name, job.state, job.created_sources, job.skipped_sources, job.format) for job in jobs] == [
        ("a.csv", "done", 2, 0, "csv"),
        ("a.csv", "done", 1, 2, "csv"),
        ("b.txt", "failed", 0, 0, ""),
    ]
    assert {job.requested_by for job in jobs} == {clara}
    assert all(job.finished_at and job.started_at and job.finished_at >= job.started_at for job in jobs)
    assert jobs[0].file_sha256 != jobs[1].file_sha256


def test_a_valid_file_without_cues_is_a_source_of_no_passages(ada: Client, tmp_path: Path) -> None:
    report = take_in(ada, tmp_path, "WEBVTT\n\nNOTE nothing was said\n", name="a.vtt")
    assert (report.created, report.passages, report.errors) == (1, 0, [])
    assert (Source.objects.get().duration_ms, Passage.objects.count()) == (None, 0)
    assert take_in(ada, tmp_path, "WEBVTT\n", name="b.vtt").skipped == 1


def test_what_the_file_says_oddly_is_kept_with_a_warning(ada: Client, tmp_path: Path) -> None:
    cues = ("05.000 --> 00:02.000\nBackwards.", "06.000 --> 00:07.000", "08.000 --> 00:09.000\nTwo\nlines.")
    vtt = "\n\n".join(["WEBVTT", *(f"00:{cue}" for cue in cues)]) + "\n"
    report = take_in(ada, tmp_path, vtt, name="a.vtt")
    assert list(Passage.objects.order_by("sequence").values_list("sequence", "start_ms", "end_ms", "text")) == [
        (0, 5000, None, "Backwards."),
        (1, 8000, 9000, "Two\nlines."),
    ]
    assert len(report.sources[0].warnings) == len(Source.objects.get().warnings) == 2


def test_the_word_list_knows_the_words_of_what_is_kept(ada: Client, tmp_path: Path) -> None:
    take_in(ada, tmp_path, DIALOGUE)
    assert set(SearchWord.objects.values_list("word", flat=True)) == {
        "comment", "zoë", "très", "bien", "merci", "voilà",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("language", "stored"),
    [("de", "de"), ("en-GB", "en"), ("EN_us", "en"), ("english", "fr"), ("eng", "fr"), ("", "fr"), ("??", "fr")],
)
def test_a_language_is_a_code_or_it_is_found_out(ada: Client, tmp_path: Path, language: str, stored: str) -> None:
    text = "Je ne sais pas du tout pourquoi je suis venu ici aujourd'hui, mais voilà, je suis là."
    take_in(ada, tmp_path, x01(text, language=language))
    assert Source.objects.get().language == stored
    assert Passage.objects.get().language == stored


def test_a_job_that_the_database_stops_says_so_and_the_next_run_goes_on(
    ada: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second conversation fails by fault injection: its words cannot be written."""
    content = "conversation,speaker,text\n1,A,Alpha.\n2,A,Beta.\n3,A,Gamma.\n"

    def fail_at_beta(words: frozenset[str]) -> None:
        remember_words([word + "\x00" * (word == "beta") for word in words])

    monkeypatch.setattr(importing, "remember_words", fail_at_beta)
    report = take_in(ada, tmp_path, content, name="a.csv")
    assert [one.external_id for one in report.sources] == ["1"]
    assert (len(report.errors), Source.objects.count(), ImportJob.objects.count()) == (1, 1, 0)
    assert "1 of 3 conversations are stored whole, the rest is not" in report.errors[0].message
    assert "beta" not in report.errors[0].message.lower()
    monkeypatch.undo()
    again = take_in(ada, tmp_path, content, name="a.csv")
    assert [one.created for one in again.sources] == [False, True, True]


def test_hostile_json_is_stored_or_refused_but_never_breaks_the_import(ada: Client, tmp_path: Path) -> None:
    """NUL and lone surrogates are what neither PostgreSQL nor UTF-8 takes."""
    bad = "a\u0000b\ud800c"
    words = [{"word": bad, "start": 0, "end": 1, "probability": float("nan")}]
    for place, document in enumerate(
        (
            {"segments": [{"start": 0, "end": 1, "text": bad, "words": words, "speaker": bad}], "language": bad},
            {"session_id": bad, "title": bad, "created_at": bad, "segments": [{"start": 0, "end": 1, "text": bad}]},
            {"passages": [{"text": bad, "speaker": bad, "role": bad}], "external_id": bad, "title": bad, "kind": bad},
            {"session_id": "x" * 300, "segments": [{"start": 0, "end": 1, "text": "a"}]},
        )
    ):
        report = take_in(ada, tmp_path, json.dumps(document), name=f"{place}.json")
        assert len(report.sources) + len(report.errors) == 1
        json.dumps(report.as_json(), ensure_ascii=False).encode()
    assert set(Passage.objects.values_list("text", flat=True)) == {"ab\ufffdc"}
    assert Source.objects.count() == 3


def test_a_closed_client_raced_for_by_somebody_else_is_refused(
    ben: User, clara: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Clara takes the code between Ben's look and Ben's first file."""
    path = tmp_path / "a.txt"
    path.write_text(DIALOGUE)
    monkeypatch.setattr(importing, "_client_to_import_for", lambda *args, **kwargs: None)
    open_client("RACE", clara)
    with pytest.raises(ImportRefused, match="The code “race” cannot be used"):
        import_files([path], Options("race", ben, create_client=True))
    assert Source.objects.count() == 0
