"""What the README tells a newcomer to type works, in the order in which it stands there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from django.conf import settings
from django.db import connection
from psycopg import sql

ROOT = Path(settings.BASE_DIR)
COMMANDS = re.findall(r"^\$ (.+)$", (ROOT / "README.md").read_text(), flags=re.MULTILINE)
PYTHON = ".venv/bin/python"


@pytest.fixture
def scratch_database(django_db_blocker: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a new empty database on the suite's server."""
    server = connection.settings_dict
    address = {"host": server["HOST"], "port": server["PORT"] or None, "user": server["USER"] or None}
    address["password"] = server.get("PASSWORD") or None
    name = f"readme_{os.getpid()}"
    with psycopg.connect(**address, dbname="postgres", autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        user = quote(server["USER"]) + (f":{quote(server['PASSWORD'])}" if server.get("PASSWORD") else "")
        yield f"postgres://{user}@{quote(server['HOST'], safe='')}:{server['PORT'] or 5432}/{name}"
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def test_the_readme_shows_the_two_commands_and_the_main_job() -> None:
    typed = " ".join(COMMANDS)
    for command in ("make demo", "make test", "import_sources", "analyse ", "search", "export_source", "analyse_text"):
        assert command in typed


def test_the_readmes_commands_run_as_they_stand(scratch_database: str, tmp_path: Path) -> None:
    """The two `make` commands need a network and are tried by the test below."""
    checkout = tmp_path / "anamnesis"
    ignore = shutil.ignore_patterns(".venv", ".data", ".git", "build", "__pycache__", ".*_cache")
    shutil.copytree(ROOT, checkout, ignore=ignore)
    (checkout / ".venv/bin").mkdir(parents=True)
    (checkout / PYTHON).symlink_to(sys.executable)
    (checkout / "build").mkdir()
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "DATABASE_URL": scratch_database,
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if "site-packages" in path),
    }
    for command in COMMANDS:
        if command.startswith("make "):
            continue
        ran = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command], cwd=checkout, env=environment, capture_output=True, text=True
        )
        assert ran.returncode == 0, f"$ {command}\n{ran.stdout}\n{ran.stderr}"
    assert (checkout / "build/session.vtt").read_text().startswith("WEBVTT")


@pytest.mark.bare_machine
def test_make_demo_brings_a_clean_clone_up_twice(tmp_path: Path) -> None:
    """Needs a package index and a minute; `.ci/run` runs it, `make test` leaves it out."""
    checkout = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(checkout)], check=True)
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    make = ["make", "demo", "SERVE=0"]
    try:
        first = subprocess.run(make, cwd=checkout, env=environment, capture_output=True, text=True)
        assert first.returncode == 0, first.stdout + first.stderr
        assert re.search(r"(\d\d) sources \(\1 new\)", first.stdout)
        assert "sentences per second" in first.stdout
        again = subprocess.run(make, cwd=checkout, env=environment, capture_output=True, text=True)
        assert again.returncode == 0, again.stdout + again.stderr
        assert "(0 new)" in again.stdout
    finally:
        subprocess.run([PYTHON, "manage.py", "db", "stop"], cwd=checkout, env=environment, check=False)
