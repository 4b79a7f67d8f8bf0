"""Imports over the API: received and polled, waited for, checked first, cancelled and tried again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings
from rest_framework.test import APIClient

from clinical.models import Client
from transcripts.models import ImportJob, Source

GOOD = b"WEBVTT\n\n00:00.000 --> 00:02.000\n<v Ada>I slept badly.\n\n00:02.000 --> 00:04.000\n<v Dr Bo>How long?\n"
BROKEN = b"conversation,utterance_id,text\na,1,Hi\na,1,Ho\nb,1,Hi\nb,1,Hu\n"

Send = Callable[..., Any]


@pytest.fixture
def send(clara_api: APIClient, ada: Client) -> Send:
    def send(content: bytes, query: str = "", api: APIClient = clara_api, **fields: Any) -> Any:
        name = "session.csv" if content is BROKEN else "session.vtt"
        body = {"file": SimpleUploadedFile(name, content), "client": str(ada.pk), **fields}
        return api.post(f"/api/v1/imports/{query}", body, format="multipart")

    return send


def test_a_file_is_received_and_its_row_polled(
    send: Send, clara_api: APIClient, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        answer = send(GOOD)
    assert answer.status_code == 202
    job = clara_api.get(answer["Location"]).json()
    assert (job["state"], job["created_sources"]) == ("done", 1)
    assert [one["id"] for one in clara_api.get("/api/v1/imports/").json()["results"]] == [job["id"]]
    assert clara_api.get(f"/api/v1/sources/{job['result'][0]['source']}/").json()["file_name"] == "session.vtt"


def test_whoever_waits_gets_the_sources(send: Send) -> None:
    answer = send(GOOD, "?wait=1", roles='{"Dr Bo": "therapist"}')
    assert (answer.status_code, answer.json()["state"]) == (201, "done")
    assert set(Source.objects.get().speakers.values_list("label", "role")) >= {("Dr Bo", "therapist")}
    again = send(GOOD, "?wait=1")
    assert (again.status_code, again.json()["created_sources"], again.json()["skipped_sources"]) == (201, 0, 1)


def test_whoever_waits_for_a_broken_file_gets_every_error(send: Send) -> None:
    answer = send(BROKEN, "?wait=1")
    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (422, "import_failed", "file")
    assert answer.json()["import"]["state"] == "failed"
    assert [one["line"] for one in answer.json()["import"]["errors"]] == [3, 5]
    assert not Source.objects.exists()


def test_a_dry_run_stores_nothing_and_says_every_error(send: Send) -> None:
    report = send(BROKEN, "?dry_run=1").json()
    assert [one["line"] for one in report["errors"]] == [3, 5]
    assert not Source.objects.exists()


def test_what_a_dry_run_has_checked_goes_on_without_a_second_upload(
    send: Send, clara_api: APIClient, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    report = send(GOOD, "?dry_run=1").json()
    assert (report["created"], report["passages"], report["import"]["state"]) == (1, 2, "held")
    with django_capture_on_commit_callbacks(execute=True):
        assert clara_api.post(f"/api/v1/imports/{report['import']['id']}/confirm/").status_code == 202
    assert Source.objects.count() == 1


def test_an_import_is_cancelled_before_it_began_and_not_after(send: Send, clara_api: APIClient) -> None:
    held = send(GOOD, "?dry_run=1").json()["import"]["id"]
    assert clara_api.post(f"/api/v1/imports/{held}/cancel/").json()["state"] == "cancelled"
    done = send(GOOD, "?wait=1").json()["id"]
    answer = clara_api.post(f"/api/v1/imports/{done}/cancel/")
    assert (answer.status_code, answer.json()["code"]) == (409, "import_refused")


def test_a_failed_import_is_tried_again(send: Send, clara_api: APIClient) -> None:
    failed = send(BROKEN, "?wait=1").json()["import"]["id"]
    assert clara_api.post(f"/api/v1/imports/{failed}/retry/").status_code == 202
    assert ImportJob.objects.get(pk=failed).state == "pending"


def test_nobody_imports_for_a_client_that_they_do_not_see(send: Send, ben_api: APIClient) -> None:
    answer = send(GOOD, "?wait=1", api=ben_api)
    assert (answer.status_code, answer.json()["field"]) == (400, "client")
    assert not ImportJob.objects.exists()


def test_a_file_over_the_limit_is_too_large(send: Send, settings: Settings) -> None:
    settings.IMPORT_MAX_BYTES = 10
    assert (send(GOOD).status_code, ImportJob.objects.count()) == (413, 0)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"roles": "{"}, "roles"),
        ({"roles": '{"Ada": "queen"}'}, "roles"),
        ({"roles": '{"Ada": ["client"]}'}, "roles"),
        ({"roles": '"\\ud800"'}, "roles"),
        ({"mapping": "[1]"}, "mapping"),
        ({"format": "docx"}, "format"),
        ({"occurred_at": "soon"}, "occurred_at"),
        ({"create_client": "1"}, "create_client"),
        ({"file": "no file"}, "file"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_field(send: Send, fields: dict[str, str], field: str) -> None:
    answer = send(GOOD, **fields) if "file" not in fields else send(b"", **fields)
    assert (answer.status_code, answer.json()["field"]) == (400, field)
    assert not ImportJob.objects.exists()


@pytest.mark.parametrize("content", [b"", b"\x00" * 100, b"\xff\xfe\x00\xd8" * 50, b"{" * 50_000, b"[" * 50_000])
def test_a_hostile_file_is_a_failed_import(send: Send, content: bytes) -> None:
    assert send(content, "?wait=1").status_code == 422
    assert send(content, "?dry_run=1").status_code == 200
