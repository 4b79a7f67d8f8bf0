"""Uploads: received whole or not at all, checked, imported once, cancelled, tried again."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.exceptions import ValidationError
from django.db.models.functions import Now

from clinical.models import Client, User
from clinical.models.jobs import LEASE
from transcripts import importing, storing
from transcripts.importing import ImportRefused, Options
from transcripts.models import ImportJob, Source
from transcripts.roles import Role
from transcripts.uploading import (
    UploadTooLarge,
    cancel_import,
    check_import,
    confirm_import,
    discard,
    receive_upload,
    retry_import,
    run_import,
    sweep_uploads,
)

TALK = b"Therapist: How was the week?\nAda: I slept badly again.\n"
BROKEN = b'{"segments": ['
State = ImportJob.State


@pytest.fixture(autouse=True)
def uploads(settings: Any, tmp_path: Path) -> Path:
    settings.MEDIA_ROOT = tmp_path
    return tmp_path / "imports"


@pytest.fixture
def options(ada: Client, clara: User) -> Options:
    return Options(client_code="ADA", actor=clara)


def chat(conversations: int) -> bytes:
    """A CSV of several conversations."""
    rows = [f"c{number},Ada,Sentence of conversation {number}." for number in range(conversations)]
    return "\n".join(["conversation_id,speaker,text", *rows]).encode()


def receive(options: Options, content: bytes = TALK, name: str = "talk.txt", **more: Any) -> ImportJob:
    return receive_upload(name=name, content=[content[:5], content[5:]], options=options, **more)


def kept(uploads: Path) -> list[Path]:
    return sorted(one for one in uploads.rglob("*") if one.is_file())


def test_a_received_file_is_kept_for_us_alone_with_a_pending_row(options: Options, uploads: Path) -> None:
    job = receive(options)
    [file] = kept(uploads)
    assert file.read_bytes() == TALK
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert (job.state, job.file_name, job.client.code, job.attempts) == (State.PENDING, "talk.txt", "ADA", 0)


def test_an_import_is_done_once_however_often_it_is_called(options: Options, uploads: Path) -> None:
    job = receive(options)
    first, second = run_import(job.pk), run_import(job.pk)
    assert first.state == second.state == State.DONE
    assert (first.created_sources, first.skipped_sources, first.attempts) == (1, 0, 1)
    source = Source.objects.get()
    assert first.result == [{"source": str(source.pk), "created": True, "passages": 2}]
    assert (source.title, source.file_name) == ("talk", "talk.txt")
    assert ImportJob.objects.count() == 1
    assert kept(uploads) == []


def test_what_the_user_said_of_a_file_reaches_the_import(options: Options) -> None:
    said = Options("ADA", options.actor, format="csv", roles={"P1": Role.CLIENT}, mapping={"text": "utterance"})
    job = receive(said, b"speaker,utterance\nP1,I am tired.\n", "talk.csv")
    assert run_import(job.pk).state == State.DONE
    assert Source.objects.get().speakers.get().role == "client"


def test_a_refused_file_says_every_error_and_stores_nothing(options: Options, uploads: Path) -> None:
    job = run_import(receive(options, BROKEN, "talk.json").pk)
    assert job.state == State.FAILED
    assert job.errors
    assert job.last_error
    assert not Source.objects.exists()
    assert len(kept(uploads)) == 1, "for a retry"


def test_no_row_repeats_what_was_said(options: Options) -> None:
    for content, name in ((TALK, "talk.txt"), (b'{"text": "I slept badly again."', "talk.json")):
        job = run_import(receive(options, content, name).pk)
        assert "slept" not in json.dumps([job.result, job.errors, job.last_error, job.options])


def test_a_file_over_the_limit_leaves_nothing(options: Options, uploads: Path, settings: Any) -> None:
    settings.IMPORT_MAX_BYTES = 20
    with pytest.raises(UploadTooLarge):
        receive(options)
    assert list(uploads.iterdir()) == []
    assert not ImportJob.objects.exists()


def test_an_upload_that_breaks_off_leaves_nothing(options: Options, uploads: Path) -> None:
    def broken() -> Iterator[bytes]:
        yield b"Therapist: How"
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        receive_upload(name="talk.txt", content=broken(), options=options)
    assert list(uploads.iterdir()) == []
    assert not ImportJob.objects.exists()


def test_a_row_that_cannot_be_written_leaves_no_file(options: Options, uploads: Path) -> None:
    class Unfit(dict[str, str]):
        pass

    unfit = Options("ADA", options.actor, mapping=Unfit(text="a"), kind="transcript")
    object.__setattr__(unfit, "occurred_at", type("Moment", (), {"isoformat": lambda self: "never"})())
    with pytest.raises(ValidationError):
        receive(unfit)
    assert list(uploads.iterdir()) == []


def test_somebody_elses_client_takes_no_upload(options: Options, ben: User, uploads: Path) -> None:
    with pytest.raises(ImportRefused):
        receive(Options("ADA", ben))
    assert not uploads.exists()


@pytest.mark.parametrize(
    "name", ["../../etc/passwd.txt", "C:\\talks\\passwd.txt", "..", "", "\0", "ü" * 300 + ".txt", "\udcff.txt"]
)
def test_a_name_never_leads_out_of_its_folder(name: str, options: Options, uploads: Path) -> None:
    job = receive(options, name=name)
    [file] = kept(uploads)
    assert file.parent.parent == uploads
    assert run_import(job.pk).state == State.DONE


def test_a_check_says_what_an_import_would_do_and_stores_nothing(options: Options, uploads: Path) -> None:
    job = receive(options, dry_run=True)
    report = check_import(job)
    assert (report.created, report.passages, report.errors) == (1, 2, [])
    assert (job.state, Source.objects.count(), len(kept(uploads))) == (State.HELD, 0, 1)
    assert run_import(job.pk).state == State.HELD, "nobody has confirmed it"


def test_a_check_names_the_file_as_the_user_does(options: Options) -> None:
    report = check_import(receive(options, BROKEN, "talk.json", dry_run=True))
    assert {error.file for error in report.errors} == {"talk.json"}


def test_a_confirmed_check_is_imported(options: Options, clara: User) -> None:
    job = confirm_import(receive(options, dry_run=True), clara)
    assert run_import(job.pk).state == State.DONE
    with pytest.raises(ImportRefused):
        confirm_import(job, clara)


def test_a_check_for_a_new_client_opens_no_client_and_leaves_nothing(clara: User, uploads: Path) -> None:
    job = receive(Options("NEW", clara, create_client=True), dry_run=True)
    report = check_import(job)
    assert (report.created, report.errors) == (1, [])
    assert not Client.objects.filter(code="NEW").exists()
    assert not ImportJob.objects.exists()
    assert kept(uploads) == []


def test_an_upload_for_a_new_client_opens_it_with_its_row(clara: User) -> None:
    job = run_import(receive(Options("NEW", clara, create_client=True)).pk)
    assert (job.state, job.client.code) == (State.DONE, "NEW")


def test_a_cancelled_import_is_never_begun(options: Options, clara: User, uploads: Path) -> None:
    job = cancel_import(receive(options), clara)
    assert job.state == State.CANCELLED
    assert job.last_error == "Cancelled by clara@practice.example."
    assert run_import(job.pk).state == State.CANCELLED
    assert (Source.objects.count(), kept(uploads)) == (0, [])


def test_an_import_that_is_done_is_not_cancelled(options: Options, clara: User) -> None:
    job = run_import(receive(options).pk)
    with pytest.raises(ImportRefused, match="done already"):
        cancel_import(job, clara)


def test_a_stranger_neither_cancels_nor_retries(options: Options, ben: User) -> None:
    job = receive(options)
    for verb in (cancel_import, retry_import, confirm_import):
        with pytest.raises(ImportRefused):
            verb(job, ben)
    job.refresh_from_db()
    assert job.state == State.PENDING


def test_a_failed_import_can_be_tried_again(options: Options, clara: User) -> None:
    job = run_import(receive(options, BROKEN, "talk.json").pk)
    again = retry_import(job, clara)
    assert (again.state, again.attempts, again.last_error, again.errors) == (State.PENDING, 0, "", [])
    assert run_import(job.pk).state == State.FAILED
    discard(again)
    again.refresh_from_db()
    with pytest.raises(ImportRefused, match="Upload it again"):
        retry_import(again, clara)


def test_who_has_left_the_care_team_meanwhile_imports_nothing(options: Options, ada: Client) -> None:
    job = receive(options)
    ada.care_team.all().delete()
    assert run_import(job.pk).state == State.FAILED
    assert not Source.objects.exists()


def test_an_attempt_that_stopped_in_the_middle_is_gone_on_with_and_counted_once(
    options: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = receive(options, chat(5), "chat.csv")

    def store_three(*args: Any, **kwargs: Any) -> Any:
        if Source.objects.count() == 3:
            raise MemoryError("words of a client")
        return storing.store(*args, **kwargs)

    monkeypatch.setattr(importing, "store", store_three)
    job = run_import(job.pk)
    assert (job.state, job.created_sources, job.conversations) == (State.PENDING, 3, 5)
    assert "MemoryError" in job.last_error
    assert "words" not in job.last_error
    monkeypatch.setattr(importing, "store", storing.store)
    assert run_import(job.pk).state == State.PENDING, "it rests before it is tried again"
    ImportJob.objects.update(due_at=Now())
    job = run_import(job.pk)
    assert (job.state, job.created_sources, job.skipped_sources, job.last_error) == (State.DONE, 5, 0, "")
    assert Source.objects.count() == 5


def test_what_nobody_will_ask_for_again_is_deleted(options: Options, uploads: Path) -> None:
    receive(options, b"Ada: One.\n")
    old, young = uploads / uuid4().hex, uploads / uuid4().hex
    for folder in (old, young):
        folder.mkdir()
    os.utime(old, (0, 0))
    held = receive(options, b"Ada: Two.\n", dry_run=True)
    ImportJob.objects.filter(pk=held.pk).update(created_at=Now() - LEASE * 3000)
    sweep_uploads()
    assert not old.exists()
    assert young.exists()
    assert [job.state for job in ImportJob.objects.all()] == [State.PENDING]
    assert len(kept(uploads)) == 1
