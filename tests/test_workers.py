"""Real workers, killed with -9 in the middle of each kind of work: everything is done once, nothing twice.

They wait where a lock of the test's holds them: an import at its third conversation, for a word of the word list; an
analysis at its end, for the session's row. A lease that would run out in a minute is made to have run out.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from django.conf import settings as django_settings
from django.db import connection
from django.db.models import F
from django.db.models.functions import Now
from kombu import Queue

from clinical.broker import has_workers
from clinical.models import User
from clinical.valkey import server_for
from config.celery import Workers, configure, transport_options
from insights.models import AnalysisRun, Evidence, Insight, Reading
from insights.tasks import overdue_sources, sweep
from tests.factories import open_client, sign_up
from transcripts.importing import Options
from transcripts.models import ImportJob, Passage, Source
from transcripts.uploading import cancel_import, receive_upload, run_import

ROOT = Path(__file__).resolve().parent.parent
MINUTE = timedelta(minutes=1)
AWAY = "redis://127.0.0.1:9/0"  # the port that discards
publisher = Workers("anamnesis-tests", set_as_current=False)  # what `settings.CELERY_APP` names in these tests

pytestmark = pytest.mark.slow


@dataclass
class Practice:
    clara: User
    env: dict[str, str]

    def upload(self, conversations: int, **more: Any) -> ImportJob:
        """Conversation 3 brings a new word, at which an import can be held."""
        told = ["I want to kill myself.", "I slept badly.", "The zugzwang is over.", "It rained.", "We talked."]
        rows = [f"c{number},Ada,{told[number % 5]}" for number in range(conversations)]
        content = "\n".join(["conversation_id,speaker,text", *rows]).encode()
        options = Options("ADA", self.clara)
        return receive_upload(name="chat.csv", content=[content], options=options, **more)

    @contextmanager
    def worker(self) -> Iterator[subprocess.Popen[bytes]]:
        command = [sys.executable, "manage.py", "worker", "--concurrency", "1"]
        process = subprocess.Popen(command, cwd=ROOT, env=self.env, start_new_session=True)
        try:
            yield process
        finally:
            kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    """-9, with its children."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(timeout=10)


def children_of(pid: int) -> list[int]:
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=True)
    return [int(child) for child in listed.stdout.split()]


def wait_for(what: Callable[[], Any], seconds: float = 40) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)
    return found


def address() -> str:
    given = connection.settings_dict
    password = f":{given['PASSWORD']}" if given.get("PASSWORD") else ""
    host = quote(str(given["HOST"]), safe="")
    return f"postgres://{given['USER']}{password}@{host}:{given['PORT']}/{given['NAME']}"


def brokers() -> list[Any]:
    names = ("EXTERNAL_REDIS_URL", "EXTERNAL_RABBITMQ_URL")
    absent = [pytest.mark.skipif(not os.environ.get(name), reason=f"{name} is not set") for name in names]
    external = [
        pytest.param(os.environ.get(name, ""), id=name.split("_")[1].lower(), marks=[pytest.mark.external, skipped])
        for name, skipped in zip(names, absent, strict=True)
    ]
    return [pytest.param("", id="valkey"), *external]


@pytest.fixture
def practice(
    broker: str, committed: None, tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Practice]:
    server = server_for(tmp_path)
    settings.ANAMNESIS_DATA_DIR, settings.MEDIA_ROOT = tmp_path, tmp_path / "media"
    settings.CELERY_BROKER_URL = broker or None
    app = Workers("anamnesis-tests", set_as_current=False)
    configure(app, broker or server.url())
    monkeypatch.setattr(sys.modules[__name__], "publisher", app)
    settings.CELERY_APP = f"{__name__}.publisher"
    if broker and broker != AWAY:
        forget_messages(app)
    clara = sign_up("clara@practice.example")
    open_client("ADA", clara)
    env = os.environ | {
        "DATABASE_URL": address(),
        "ANAMNESIS_DATA_DIR": str(tmp_path),
        "CELERY_BROKER_URL": broker,
        "SECRET_KEY": django_settings.SECRET_KEY,
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }
    try:
        yield Practice(clara, env)
    finally:
        app.close()
        server.stop()


def forget_messages(app: Workers) -> None:
    """Those of an earlier run."""
    with app.connection_for_write() as broker:
        for queue in app.conf.task_queues:
            bound = queue(broker.default_channel)
            bound.declare()
            bound.purge()


def is_waiting_for_a_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return bool(cursor.fetchone()[0])


@contextmanager
def held(sql: str) -> Iterator[None]:
    """A lock in a transaction of the test's, rolled back in the end."""
    with psycopg.connect(address()) as holder:
        holder.execute(sql)
        yield
        holder.rollback()


def wait_until_a_dead_workers_locks_are_gone() -> None:
    """PostgreSQL notices that a client is gone when it next speaks to it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
            "AND pid <> pg_backend_pid() AND application_name = 'anamnesis' AND backend_type = 'client backend'"
        )


def everything_is_done_once(job: ImportJob, conversations: int) -> None:
    wait_for(lambda: ImportJob.objects.filter(pk=job.pk, state="done").exists())
    wait_for(lambda: Source.objects.filter(summary__isnull=False).count() == conversations)
    wait_for(lambda: not AnalysisRun.objects.filter(state="running").exists())
    job.refresh_from_db()
    assert (job.created_sources, job.skipped_sources) == (conversations, 0)
    assert Source.objects.count() == Passage.objects.count() == Reading.objects.count() == conversations
    assert AnalysisRun.objects.filter(state="done").count() == conversations
    assert Insight.objects.count() == Evidence.objects.count()
    assert Insight.objects.values("fingerprint").distinct().count() == Insight.objects.count()


@pytest.mark.parametrize("broker", brokers())
def test_a_worker_killed_in_the_middle_of_an_import_loses_and_doubles_nothing(practice: Practice) -> None:
    word = "INSERT INTO transcripts_searchword (id, word) VALUES (gen_random_uuid(), 'zugzwang')"
    with practice.worker() as first, held(word):
        wait_for(has_workers)
        job = practice.upload(5)
        wait_for(is_waiting_for_a_lock)
        kill(first)
        wait_until_a_dead_workers_locks_are_gone()
        assert Source.objects.count() == 2
        assert ImportJob.objects.get().state == "running"
    ImportJob.objects.update(lease_until=Now() - MINUTE)
    with practice.worker():
        everything_is_done_once(job, 5)
    job.refresh_from_db()
    assert (job.attempts, job.upload) == (2, "")


@pytest.mark.parametrize("broker", brokers())
def test_a_worker_killed_in_the_middle_of_an_analysis_loses_and_doubles_nothing(practice: Practice) -> None:
    django_settings.AFTER_IMPORT = ""  # restored with the other settings of the fixture
    job = practice.upload(1, start=False)
    run_import(job.pk)
    session = "SELECT 1 FROM clinical_session FOR UPDATE"
    with held(session), practice.worker() as first:
        wait_for(is_waiting_for_a_lock)
        kill(first)
        wait_until_a_dead_workers_locks_are_gone()
        assert Reading.objects.count() == 0
        assert AnalysisRun.objects.get().state == "running"
    AnalysisRun.objects.update(lease_until=Now() - MINUTE)
    sweep()
    [died] = AnalysisRun.objects.all()
    assert (died.state, died.last_error) == ("failed", "The worker ended while it read this source.")
    assert not overdue_sources(Source.objects.all()).exists(), "it rests before it is tried again"
    AnalysisRun.objects.update(started_at=F("started_at") - MINUTE, finished_at=F("finished_at") - MINUTE)
    with practice.worker():
        everything_is_done_once(job, 1)


@pytest.mark.parametrize("broker", brokers())
def test_a_process_of_the_pool_that_is_killed_takes_nothing_with_it(practice: Practice) -> None:
    word = "INSERT INTO transcripts_searchword (id, word) VALUES (gen_random_uuid(), 'zugzwang')"
    with practice.worker() as process:
        wait_for(has_workers)
        with held(word):
            job = practice.upload(5)
            wait_for(is_waiting_for_a_lock)
            for child in children_of(process.pid):
                os.kill(child, signal.SIGKILL)
            wait_until_a_dead_workers_locks_are_gone()
        time.sleep(0.5)
        ImportJob.objects.filter(state="running").update(lease_until=Now() - MINUTE)
        sweep()
        everything_is_done_once(job, 5)


@pytest.mark.parametrize("broker", [""])
def test_an_import_cancelled_while_a_worker_is_at_it_stops_there(practice: Practice) -> None:
    with practice.worker():
        wait_for(has_workers)
        with held("SELECT 1 FROM clinical_client FOR NO KEY UPDATE"):
            job = practice.upload(5)
            wait_for(is_waiting_for_a_lock)
            assert cancel_import(job, practice.clara).state == "cancelled"
        wait_for(lambda: not is_waiting_for_a_lock())
        second = practice.upload(5)
        everything_is_done_once(second, 5)
    job.refresh_from_db()
    assert (job.state, job.created_sources, job.upload) == ("cancelled", 0, "")


@pytest.mark.parametrize("broker", [""])
def test_without_a_worker_import_and_analysis_are_done_when_the_request_answers(practice: Practice) -> None:
    job = practice.upload(3)
    assert job.state == "done"
    everything_is_done_once(job, 3)


@pytest.mark.parametrize("broker", [AWAY])
def test_a_broker_that_is_away_costs_time_and_no_work(practice: Practice) -> None:
    began = time.monotonic()
    job = practice.upload(2)
    assert time.monotonic() - began < 5, "the request answers all the same"
    assert job.state == "pending"
    assert list(ImportJob.objects.overdue()) == [job]
    django_settings.CELERY_BROKER_URL = None  # the next worker has another one
    practice.env["CELERY_BROKER_URL"] = ""
    with practice.worker():
        everything_is_done_once(job, 2)


@pytest.mark.parametrize("broker", [""])
def test_a_queue_that_is_lost_costs_time_and_no_work(practice: Practice) -> None:
    job = practice.upload(2, start=False)  # as if the message had been lost
    with practice.worker():
        everything_is_done_once(job, 2)


@pytest.mark.parametrize("broker", [""])
def test_ctrl_c_ends_a_worker_and_its_broker(practice: Practice) -> None:
    server = server_for(django_settings.ANAMNESIS_DATA_DIR)
    with practice.worker() as process:
        wait_for(server.serves_worker)
        wait_for(lambda: server.status().is_running)
        time.sleep(2)
        process.send_signal(signal.SIGINT)
        process.wait(timeout=20)
    assert not server.serves_worker()
    assert server.status().state == "stopped"


@pytest.mark.parametrize("broker", [""])
def test_what_is_queued_outlives_a_kill_of_the_broker(practice: Practice, tmp_path: Path) -> None:
    server = server_for(tmp_path)
    server.ensure()
    with server.working():
        jobs = [practice.upload(1, start=False) for _ in range(3)]
        for job in jobs:
            publisher.send_task("transcripts.import_upload", args=[str(job.pk)], queue="anamnesis.imports")
        time.sleep(1.5)  # appendfsync everysec
        os.kill(int((server.home / "valkey.pid").read_text()), signal.SIGKILL)
        wait_for(lambda: server.status().state == "stopped")
        server.ensure()
        with publisher.connection_for_read() as broker:
            declared: Any = Queue("anamnesis.imports")(broker.default_channel).queue_declare(passive=True)
            assert declared.message_count == 3


def test_a_message_carries_ids_alone_and_waits_longer_than_any_task() -> None:
    app = Workers("anamnesis-tests", set_as_current=False)
    configure(app, "redis://127.0.0.1/0")
    assert app.conf.accept_content == ["json"]
    assert transport_options("redis://x")["visibility_timeout"] > app.conf.task_time_limit
    assert transport_options("amqp://x") == {"confirm_publish": True}
