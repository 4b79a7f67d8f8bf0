"""What `check --deploy` refuses to serve."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import Error, run_checks
from pytest_django import Settings

from clinical.checks import is_loopback

ROOT = Path(__file__).resolve().parents[2]
KEY = "k3y-" + "0123456789abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJKLMNOPQRSTUVWXYZ"
SAFE: dict[str, Any] = {
    "DEBUG": False,
    "SECRET_KEY": KEY,
    "ALLOWED_HOSTS": ["anamnesis.example.org"],
    "PUBLIC_URL": "https://anamnesis.example.org",
    "SESSION_COOKIE_SECURE": True,
    "CSRF_COOKIE_SECURE": True,
}


def _database(**settings: Any) -> dict[str, Any]:
    return {"DATABASES": {"default": {"ENGINE": "django.db.backends.postgresql", **settings}}}


def _errors(settings: Settings, **changed: Any) -> list[str]:
    for name, value in (SAFE | _database(HOST="/run/postgres") | changed).items():
        setattr(settings, name, value)
    return [
        str(message.id)
        for message in run_checks(tags=["security"], include_deployment_checks=True)
        if isinstance(message, Error) and str(message.id).startswith("anamnesis.")
    ]


@pytest.mark.filterwarnings("ignore:Overriding setting DATABASES")
@pytest.mark.parametrize(
    ("changed", "errors"),
    [
        ({}, []),
        ({"DEBUG": True}, ["anamnesis.E001"]),
        ({"SECRET_KEY": "short"}, ["anamnesis.E002"]),
        ({"SECRET_KEY": "a" * 60}, ["anamnesis.E002"]),
        ({"SECRET_KEY": "django-insecure-" + KEY}, ["anamnesis.E002"]),
        ({"ALLOWED_HOSTS": ["*"]}, ["anamnesis.E003"]),
        ({"ALLOWED_HOSTS": ["anamnesis.example.org", "*"]}, ["anamnesis.E003"]),
        ({"PUBLIC_URL": "http://anamnesis.example.org"}, ["anamnesis.E004"]),
        ({"PUBLIC_URL": "http://127.0.0.1:8000"}, ["anamnesis.E004"]),
        ({"SESSION_COOKIE_SECURE": False}, ["anamnesis.E005"]),
        ({"CSRF_COOKIE_SECURE": False}, ["anamnesis.E005"]),
        (_database(HOST="db.example.org"), ["anamnesis.E006"]),
        (_database(HOST="db.example.org", OPTIONS={"sslmode": "prefer"}), ["anamnesis.E006"]),
        (_database(HOST="10.0.0.9", OPTIONS={}), ["anamnesis.E006"]),
        (_database(HOST="db.example.org", OPTIONS={"sslmode": "require"}), []),
        (_database(HOST="db.example.org", OPTIONS={"sslmode": "verify-full"}), []),
        (_database(HOST="127.0.0.1"), []),
        (_database(HOST="::1"), []),
        (_database(HOST="localhost"), []),
        (_database(HOST=""), []),
        (
            {"DEBUG": True, "SECRET_KEY": "x", "ALLOWED_HOSTS": ["*"], "PUBLIC_URL": "http://x"},
            ["anamnesis.E001", "anamnesis.E002", "anamnesis.E003", "anamnesis.E004"],
        ),
    ],
)
def test_what_would_open_records_to_somebody_is_an_error(
    settings: Settings, changed: dict[str, Any], errors: list[str]
) -> None:
    assert _errors(settings, **changed) == errors


def test_every_error_says_what_to_do(settings: Settings) -> None:
    for name, value in (
        SAFE | {"DEBUG": True, "SECRET_KEY": "x", "ALLOWED_HOSTS": ["*"], "PUBLIC_URL": "http://x"}
    ).items():
        setattr(settings, name, value)
    found = [
        m for m in run_checks(tags=["security"], include_deployment_checks=True) if str(m.id).startswith("anamnesis.")
    ]
    assert len(found) == 4
    assert all(message.hint and message.msg.endswith(".") for message in found)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("localhost", True), ("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), (None, True), ("", True),
        ("localhost.example.org", False), ("10.0.0.1", False), ("192.0.2.1", False), ("anamnesis.example.org", False),
        ("::", False),
    ],
)  # fmt: skip
def test_this_machine_itself_is_loopback_and_nothing_else(host: str | None, loopback: bool) -> None:
    assert is_loopback(host) is loopback


def _check(tmp_path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    ours = {
        "ANAMNESIS_DATA_DIR": str(tmp_path / "data"),
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "DATABASE_URL": "",
    }
    kept = {name: value for name, value in os.environ.items() if name not in SAFE}
    command = [sys.executable, "manage.py", "check", "--deploy"]
    return subprocess.run(command, cwd=ROOT, env=kept | ours | environment, capture_output=True, text=True)


def test_check_deploy_ends_with_an_error_on_unsafe_settings(tmp_path: Path) -> None:
    result = _check(
        tmp_path, DEBUG="true", SECRET_KEY="x", ALLOWED_HOSTS="*", PUBLIC_URL="http://anamnesis.example.org"
    )
    assert result.returncode == 1, result.stderr
    for number in (1, 2, 3, 4):
        assert f"anamnesis.E00{number}" in result.stderr


def test_check_deploy_is_content_with_a_public_address_over_https_alone(tmp_path: Path) -> None:
    result = _check(tmp_path, PUBLIC_URL="https://anamnesis.example.org")
    assert (result.returncode, "anamnesis.E" in result.stderr) == (0, False), result.stderr
    assert "no issues" in result.stdout + result.stderr, result.stderr
