"""Imports by real processes: many at once, and killed at any moment. Never half, never twice, never stuck."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest
from django.apps import apps
from django.db import connection
from pytest_django import DjangoDbBlocker

from clinical.models import CareTeamMembership, Client, Session
from tests.transcripts.test_import_command import OF_A_TEST, ROOT, environment
from transcripts.models import ImportJob, Passage, SearchWord, Source, Speaker

ROUNDS = 16
CONVERSATIONS, LINES = 5, 60

# Loads Django once and forks a child for every command: so a kill hits an import, and not the start of Python.
_FORKING = """
import django, json, os, sys, traceback
django.setup()
from django.core.management import call_command
import insights.analysis, transcripts.importing
import insights.management.commands.analyse, transcripts.management.commands.import_sources
from transcripts.languages import detect
detect("Il y a des mots dont la langue demande le modèle")
pids = []
for line in sys.stdin:
    command = json.loads(line)
    if command is None:
        answer, pids = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids], []
        print(json.dumps(answer), flush=True)
        continue
    pid = os.fork()
    if pid == 0:
        code = 70
        try:
            with open(os.devnull, "w") as nowhere:
                call_command(*command, stdout=nowhere)
            code = 0
        except SystemExit as ended:
            code = ended.code
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    pids.append(pid)
    print(pid, flush=True)
"""


class Processes:
    """Each command in a process of its own."""

    def __init__(self, env: dict[str, str]) -> None:
        self._parent = subprocess.Popen(
            [sys.executable, "-c", _FORKING],
            env=env,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._parent.communicate(timeout=60)

    def start(self, *command: object) -> int:
        return int(self._ask([str(part) for part in command]))

    def wait(self) -> list[int]:
        """The exit codes in order of their starts; -9 is killed."""
        return list(self._ask(None))

    def _ask(self, command: list[str] | None) -> Any:
        assert self._parent.stdin
        assert self._parent.stdout
        self._parent.stdin.write(json.dumps(command) + "\n")
        self._parent.stdin.flush()
        return json.loads(self._parent.stdout.readline())


@pytest.fixture
def kept_service_user(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Tests that commit are followed by a flush, which takes away the user that a migration made."""
    yield
    with django_db_blocker.unblock():
        import_module("clinical.migrations.0003_local_service_user").add(apps, None)


@pytest.fixture
def committed(kept_service_user: None, transactional_db: None) -> None:
    """What this test stores is seen by other processes."""


@pytest.fixture
def processes(committed: None, tmp_path: Path) -> Iterator[Processes]:
    with Processes(environment(tmp_path)) as running:
        yield running


def conversations(path: Path, salt: str = "") -> Path:
    rows = (
        f"{number},{line},{'AB'[line % 2]},{'word' + chr(97 + line % 26) * 3} and {salt} number {number} {line}"
        for number in range(CONVERSATIONS)
        for line in range(LINES)
    )
    path.write_text("\n".join(["conversation,sequence,speaker,text", *rows]) + "\n")
    return path


def deadlocks() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        return int(cursor.fetchone()[0])


def assert_nothing_is_half(client: Client | None) -> None:
    """Every source has all its passages, its speakers, its session and its words."""
    sources = Source.objects.filter(client=client)
    for source in sources:
        assert list(source.passages.order_by("sequence").values_list("sequence", flat=True)) == list(range(LINES))
        assert set(source.speakers.values_list("label", flat=True)) == {"A", "B"}
        assert source.session is not None
        assert source.session.transcript_status == "completed"
    assert Passage.objects.filter(client=client).count() == sources.count() * LINES
    assert Speaker.objects.filter(client=client).count() == sources.count() * 2
    assert Session.objects.filter(client=client).count() == sources.count()
    if sources:
        said = " ".join(sources[0].passages.values_list("text", flat=True))
        words = set(re.findall("[a-z]{3,}", said))
        assert set(SearchWord.objects.filter(word__in=words).values_list("word", flat=True)) == words


def test_eight_imports_of_one_file_at_once_make_one_source(committed: None, tmp_path: Path) -> None:
    """By the whole command, as eight operators would start it."""
    file = tmp_path / "a.txt"
    file.write_text("".join(f"Therapist: How was day {day}?\nClient: As day {day} is.\n" for day in range(60)))
    command = [sys.executable, "manage.py", "import_sources", str(file), "--client=NEW", "--create-client", "--json"]
    env = environment(tmp_path)
    running = [
        subprocess.Popen(command, env=env, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(8)
    ]
    ended = [(*process.communicate(timeout=120), process.returncode) for process in running]
    assert [(code, err) for _, err, code in ended] == [(0, b"")] * 8
    reports = [json.loads(out) for out, _, _ in ended]
    assert sorted(report["created"] for report in reports) == [0] * 7 + [1]
    assert {report["sources"][0]["id"] for report in reports} == {str(Source.objects.get().pk)}
    assert Passage.objects.count() == 120
    assert (Client.objects.count(), CareTeamMembership.objects.count(), Session.objects.count()) == (1, 1, 1)
    assert ImportJob.objects.filter(state="done").count() == 8


def test_eight_files_at_once_for_one_new_client_all_come_in(processes: Processes, tmp_path: Path) -> None:
    before = deadlocks()
    for number in range(8):
        file = tmp_path / f"{number}.txt"
        file.write_text(f"Therapist: File number {number}?\nClient: Words that are in every file.\n")
        processes.start("import_sources", file, "--client=NEW", "--create-client", "--json")
    assert processes.wait() == [0] * 8
    assert sorted(Source.objects.values_list("title", flat=True)) == [str(number) for number in range(8)]
    assert sorted(Session.objects.values_list("number", flat=True)) == list(range(1, 9))
    assert (Client.objects.count(), CareTeamMembership.objects.count()) == (1, 1)
    assert deadlocks() == before


def test_eight_corrections_at_once_leave_one_current(processes: Processes, tmp_path: Path) -> None:
    for number in range(8):
        file = tmp_path / f"{number}.json"
        segments = [{"start": 0, "end": 1, "text": f"Version {number}."}]
        file.write_text(json.dumps({"session_id": "s-1", "segments": segments}))
        processes.start("import_sources", file, "--client=NEW", "--create-client", "--json")
    assert processes.wait() == [0] * 8
    assert sorted(Source.objects.values_list("revision", flat=True)) == list(range(1, 9))
    assert [source.revision for source in Source.objects.current()] == [8]
    assert Session.objects.count() == 1


def test_imports_for_many_clients_that_bring_the_same_words_do_not_lock_each_other_out(
    processes: Processes, tmp_path: Path
) -> None:
    before = deadlocks()
    file = conversations(tmp_path / "a.csv")
    for number in range(8):
        whole = ["--all-or-nothing"] if number % 2 else []
        processes.start("import_sources", file, f"--client=C{number}", "--create-client", "--json", *whole)
    assert processes.wait() == [0] * 8
    assert Source.objects.count() == 8 * CONVERSATIONS
    for client in Client.objects.all():
        assert_nothing_is_half(client)
    assert deadlocks() == before


def test_imports_killed_at_any_moment_leave_nothing_half_and_the_next_one_completes_them(
    processes: Processes, tmp_path: Path
) -> None:
    before = deadlocks()
    chance = random.Random(20261122)  # noqa: S311 - the same moments in every run
    killed_rounds = 0
    for number in range(ROUNDS):
        code = f"R{number}"
        file = conversations(tmp_path / f"{number}.csv", salt=f"salt{chr(97 + number) * 4}")
        whole = ["--all-or-nothing"] if number % 4 == 3 else []
        command = ("import_sources", file, f"--client={code}", "--create-client", "--json", *whole)
        pids = [processes.start(*command) for _ in range(chance.randint(4, 8))]
        doomed = pids if number % 2 else chance.sample(pids, len(pids) // 2)
        for pid in doomed:
            time.sleep(chance.uniform(0, 0.09))
            os.kill(pid, signal.SIGKILL)
        codes = processes.wait()
        assert set(codes) <= {0, -9}, codes
        assert all(ended == 0 for pid, ended in zip(pids, codes, strict=True) if pid not in doomed)
        client = Client.objects.filter(code=code).first()
        killed_rounds += -9 in codes
        settle()
        assert_nothing_is_half(client)
        if whole:
            assert Source.objects.filter(client=client).count() in (0, CONVERSATIONS)
        processes.start(*command)
        assert processes.wait() == [0]
        assert_nothing_is_half(Client.objects.get(code=code))
        assert Source.objects.filter(client__code=code).count() == CONVERSATIONS
        assert CareTeamMembership.objects.filter(client__code=code).count() == 1
    assert killed_rounds >= ROUNDS - 2
    assert deadlocks() == before


def settle() -> None:
    """The server ends the statement that a killed process was in, whole or not at all."""
    deadline = time.monotonic() + 30
    with connection.cursor() as cursor:
        while True:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = %s",
                [OF_A_TEST],
            )
            if cursor.fetchone()[0] == 0:
                return
            assert time.monotonic() < deadline, "a killed process still holds its connection"
            time.sleep(0.01)
