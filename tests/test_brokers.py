"""The broker that is configured, where one is."""

from __future__ import annotations

import json
from contextlib import suppress
from io import StringIO

import pytest
from django.conf import LazySettings
from django.core.management import call_command

pytestmark = pytest.mark.django_db


def _said_of_the_broker() -> dict[str, str]:
    out = StringIO()
    with suppress(SystemExit):  # with an error among the findings it exits with 1
        call_command("doctor", "--json", stdout=out)
    findings: list[dict[str, str]] = json.loads(out.getvalue())["findings"]
    return next(finding for finding in findings if finding["name"] == "Broker")


@pytest.mark.external
def test_doctor_reaches_the_configured_broker_and_shows_no_password(settings: LazySettings) -> None:
    settings.CELERY_BROKER_URL = settings.CONFIGURED_BROKER
    if not settings.CELERY_BROKER_URL:
        pytest.skip("CELERY_BROKER_URL names no broker")
    said = _said_of_the_broker()
    assert said["state"] == "ok", said
    assert ":guest@" not in said["what"]


def test_doctor_says_so_where_the_configured_broker_does_not_answer(settings: LazySettings) -> None:
    settings.CELERY_BROKER_URL = "redis://:secret@127.0.0.1:1/0"
    said = _said_of_the_broker()
    assert said["state"] == "error"
    assert "secret" not in said["what"]


def test_without_a_broker_doctor_says_where_the_work_is_done(settings: LazySettings) -> None:
    settings.CELERY_BROKER_URL = None
    assert _said_of_the_broker()["state"] == "ok"
