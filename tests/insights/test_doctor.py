"""`manage.py doctor` says what is wrong, and what to do."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings as configured
from django.core.management import call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from pytest_django import Settings

pytestmark = pytest.mark.django_db

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def on_the_database_of_the_suite(settings: Settings, tmp_path: Path) -> None:
    """It would start the server of this checkout otherwise."""
    settings.DATABASE_URL = "postgres://the.suite/s"
    settings.ANAMNESIS_DATA_DIR = tmp_path / "data"
    settings.ANAMNESIS_DATA_DIR.mkdir(mode=0o700)
    settings.CELERY_BROKER_URL = None


def findings(*, healthy: bool) -> dict[str, tuple[str, str]]:
    """Each finding's state and words, by name; and that the exit code says the same."""
    said = io.StringIO()
    if healthy:
        call_command("doctor", "--json", stdout=said)
    else:
        with pytest.raises(SystemExit, match="1"):
            call_command("doctor", "--json", stdout=said)
    return {one["name"]: (one["state"], one["what"]) for one in json.loads(said.getvalue())["findings"]}


def test_a_healthy_installation_is_called_healthy() -> None:
    found = findings(healthy=True)
    expected = ("Python", "Data directory", "Free space", "Database", "Tables", "Broker", "Analyzers")
    assert {name: found[name][0] for name in expected if name != "Free space"} == {
        name: "ok" for name in expected if name != "Free space"
    }
    assert found["Tables"][1] == "all migrations are applied"
    assert found["Broker"][1] == "none configured: work is done in the command or the request"
    assert "PostgreSQL" in found["Database"][1]
    assert "error" not in {state for state, _ in found.values()}


def test_in_words_each_finding_is_a_line() -> None:
    said = io.StringIO()
    call_command("doctor", stdout=said, no_color=True)
    lines = said.getvalue().splitlines()
    assert all(line.startswith(("ok ", "warning ")) for line in lines)
    assert any(line.startswith("ok       Tables: ") for line in lines)


def test_a_migration_that_was_not_run_is_an_error_with_its_command() -> None:
    MigrationRecorder(connection).migration_qs.filter(app="insights").order_by("-id")[0].delete()
    assert findings(healthy=False)["Tables"] == ("error", "1 migrations are missing. Run: manage.py migrate")


def test_a_data_directory_that_is_not_there_is_an_error(settings: Settings, tmp_path: Path) -> None:
    settings.ANAMNESIS_DATA_DIR = tmp_path / "nowhere"
    state, what = findings(healthy=False)["Data directory"]
    assert (state, what) == ("error", f"{tmp_path / 'nowhere'} cannot be written. Set ANAMNESIS_DATA_DIR.")


def test_a_data_directory_that_is_open_to_others_is_a_warning_with_its_command() -> None:
    configured.ANAMNESIS_DATA_DIR.chmod(0o755)
    state, what = findings(healthy=True)["Data directory"]
    assert (state, what.endswith(f"Run: chmod 700 {configured.ANAMNESIS_DATA_DIR}")) == ("warning", True)


def test_a_broker_that_does_not_answer_is_an_error_and_its_password_is_not_shown(settings: Settings) -> None:
    settings.CELERY_BROKER_URL = "redis://:hunter2@127.0.0.1:1/0"
    state, what = findings(healthy=False)["Broker"]
    assert state == "error"
    assert "does not answer" in what
    assert "127.0.0.1:1" in what
    assert "hunter2" not in what


@pytest.mark.parametrize(
    ("url", "warned"),
    [("http://127.0.0.1:8000", False), ("http://anamnesis.example.org", True), ("https://anamnesis.example.org", True)],
)
def test_settings_that_are_unsafe_are_warnings_where_others_reach_the_server(
    settings: Settings, url: str, warned: bool
) -> None:
    settings.PUBLIC_URL, settings.ALLOWED_HOSTS = url, ["*"]
    found = findings(healthy=True)
    assert ("Settings for serving others" in found) is warned
    assert found.get("Settings for serving others", ("warning", ""))[0] == "warning"


def test_a_database_that_does_not_answer_is_an_error_and_not_a_traceback(tmp_path: Path) -> None:
    environment = os.environ | {
        "DATABASE_URL": "postgres://anamnesis:hunter2@127.0.0.1:1/anamnesis",
        "ANAMNESIS_DATA_DIR": str(tmp_path / "data"),
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }
    command = [sys.executable, "manage.py", "doctor"]
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert result.returncode == 1
    assert "error    Database: does not answer" in result.stdout
    assert "Analyzers" in result.stdout  # it goes on
    assert "hunter2" not in result.stdout + result.stderr
    assert "Traceback" not in result.stdout + result.stderr
