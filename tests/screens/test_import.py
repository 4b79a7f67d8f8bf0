"""The import screen: upload, check, import; what is wrong is said at once and stores nothing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import DjangoCaptureOnCommitCallbacks, Settings

from clinical.models import Client, User
from tests.factories import open_client
from tests.screens.conftest import Answer, SignIn
from transcripts.models import ImportJob, Source, Speaker

GOOD = (
    b"WEBVTT\n\n00:01.000 --> 00:03.000\n<v SPEAKER_00>How was the week?\n\n"
    b"00:04.000 --> 00:06.000\n<v SPEAKER_01>Long.\n"
)
BAD = b"conversation,utterance_id,text\na,1,Hi\na,1,Ho\nb,1,Hi\nb,1,Hu\n"

pytestmark = pytest.mark.usefixtures("kept_files")


@pytest.fixture
def kept_files(settings: Settings, tmp_path: Path) -> Path:
    settings.MEDIA_ROOT = tmp_path
    settings.AFTER_IMPORT = ""
    return tmp_path


def _upload(browser: Browser, client: str = "ADA", **files: bytes) -> Answer:
    given = [SimpleUploadedFile(_name(name), content) for name, content in files.items()]
    return browser.post("/admin/import/", {"client": client, "files": given})


def _name(name: str) -> str:
    return f"{name}.csv" if name == "bad" else f"{name}.vtt"


def _do(browser: Browser, verb: str, **given: str) -> Answer:
    job = ImportJob.objects.latest("id")
    return browser.post(f"/admin/import/{job.pk}/{verb}/", given, follow=True)


def test_a_good_file_is_checked_and_then_imported(
    browser: Browser, ada: Client, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    answer = _upload(browser, good=GOOD)
    job = ImportJob.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, f"/admin/import/{job.pk}/")
    shown = browser.get(answer["Location"]).content.decode()
    assert "1 ready" in shown
    assert "Nothing has been saved yet." in shown
    assert "role unknown" in shown
    assert not Source.objects.exists()
    with django_capture_on_commit_callbacks(execute=True):
        _do(browser, "confirm")
    source = Source.objects.get()
    shown = browser.get(f"/admin/import/{job.pk}/").content.decode()
    assert "1 session imported" in shown
    assert f'href="/admin/review/{source.pk}/"' in shown


def test_speakers_are_mapped_before_the_import(
    browser: Browser, ada: Client, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    _upload(browser, good=GOOD)
    shown = _do(browser, "speakers", **{"role:SPEAKER_00": "therapist", "role:SPEAKER_01": "client"}).content.decode()
    assert "role unknown" not in shown
    with django_capture_on_commit_callbacks(execute=True):
        _do(browser, "confirm")
    assert dict(Speaker.objects.values_list("label", "role")) == {"SPEAKER_00": "therapist", "SPEAKER_01": "client"}


def test_every_error_of_a_file_is_said_with_its_line_and_nothing_is_stored(browser: Browser, ada: Client) -> None:
    shown = browser.get(_upload(browser, bad=BAD)["Location"]).content.decode()
    lines = re.findall(r'<tr class="err"><td class="num">(\d+)</td><td>(.+?)</td>', shown)
    assert [line for line, _ in lines] == ["3", "5"]
    assert "2 to fix" in shown
    assert "Import 1 session" not in shown
    assert not Source.objects.exists()


def test_one_good_and_one_broken_file_are_both_reported(browser: Browser, ada: Client) -> None:
    shown = browser.get(_upload(browser, good=GOOD, bad=BAD)["Location"]).content.decode()
    assert "good.vtt" in shown
    assert "1 ready" in shown
    assert "bad.csv" in shown
    assert "2 to fix" in shown


def test_a_file_can_be_cancelled_and_is_gone(browser: Browser, ada: Client, kept_files: Path) -> None:
    _upload(browser, good=GOOD)
    shown = _do(browser, "cancel").content.decode()
    assert "Cancelled" in shown
    assert "Nothing was stored." in shown
    assert not [path for path in kept_files.rglob("*") if path.is_file()]
    answer = _do(browser, "confirm")
    assert answer.status_code == 409


@pytest.mark.parametrize(
    ("client", "files", "problem"),
    [("ADA", {}, "Choose a file first."), ("", {"a": GOOD}, "Choose a client first."), ("NONE", {"a": GOOD}, "NONE")],
)
def test_what_is_missing_is_said(
    browser: Browser, ada: Client, client: str, files: dict[str, bytes], problem: str
) -> None:
    answer = _upload(browser, client, **files)
    assert answer.status_code == 422
    assert problem in answer.content.decode()
    assert not ImportJob.objects.exists()


@pytest.mark.parametrize("verb", ["", "confirm/", "cancel/", "retry/", "speakers/"])
def test_a_stranger_is_told_that_there_is_nothing(
    browser: Browser, ada: Client, ben: User, sign_in: SignIn, verb: str
) -> None:
    _upload(browser, good=GOOD)
    job = ImportJob.objects.get()
    other = sign_in(ben)
    url = f"/admin/import/{job.pk}/{verb}"
    assert (other.post(url) if verb else other.get(url)).status_code == 404
    assert "good.vtt" not in other.get(f"/admin/import/?job={job.pk}").content.decode()
    job.refresh_from_db()
    assert job.state == ImportJob.State.HELD


def test_an_unknown_verb_and_a_mistyped_address_are_not_found(browser: Browser, ada: Client) -> None:
    _upload(browser, good=GOOD)
    assert _do(browser, "sign").status_code == 404
    assert browser.get("/admin/import/?job=x").status_code == 404


def test_the_progress_is_a_fragment_that_asks_again_until_it_is_done(
    browser: Browser, ada: Client, clara: User
) -> None:
    job = ImportJob.objects.create(
        client=ada, requested_by=clara, file_name="long.csv", state="running", conversations=4, started_at=None
    )
    url = f"/admin/import/{job.pk}/"
    shown = browser.get(url, headers={"HX-Request": "true"}).content.decode()
    assert "0 of 4 sessions" in shown
    assert 'hx-trigger="every 2s"' in shown
    assert "<html" not in shown
    ImportJob.objects.filter(pk=job.pk).update(state="done", created_sources=4)
    shown = browser.get(url, headers={"HX-Request": "true"}).content.decode()
    assert "hx-trigger" not in shown
    assert "4 sessions imported" in shown


def test_the_page_takes_as_many_queries_for_many_imports_as_for_few(browser: Browser, clara: User) -> None:
    counts = []
    for count in (1, 12):
        for number in range(count):
            client = open_client(f"C{count}-{number}", clara)
            ImportJob.objects.create(
                client=client, requested_by=clara, file_name="a.csv", state="failed", last_error="Line 1: no column."
            )
        with CaptureQueriesContext(connection) as queries:
            assert "no column" in browser.get("/admin/import/").content.decode()
        counts.append(len(queries))
    assert counts == [5, 5]  # sign-in 2, clients, imports, count of what waits
