"""Say what is right and what is not with this installation."""

from __future__ import annotations

import json
import os
import shutil
import stat
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import Error, run_checks
from django.core.management.base import BaseCommand, CommandParser
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from clinical.checks import is_loopback
from clinical.postgres.embedded import cluster_for
from insights.analyzers.reading import ANALYZERS, VERSION

_LEAST_FREE_BYTES = 1_000_000_000
_LEAST_SERVER = 150000


@dataclass(frozen=True, slots=True)
class Finding:
    """`state` is ok, warning or error; an error makes the command exit with 1."""

    name: str
    state: str
    what: str


class Command(BaseCommand):
    help = "Check this installation: Python, data directory, database, tables, broker, settings. Exit 1 on an error."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", dest="as_json")

    def handle(self, *args: Any, **options: Any) -> None:
        findings = [finding for examine in _EXAMINATIONS for finding in examine()]
        if options["as_json"]:
            self.stdout.write(json.dumps({"findings": [asdict(finding) for finding in findings]}))
        else:
            styles = {"ok": self.style.SUCCESS, "warning": self.style.WARNING, "error": self.style.ERROR}
            for finding in findings:
                self.stdout.write(f"{styles[finding.state](f'{finding.state:8}')} {finding.name}: {finding.what}")
        if any(finding.state == "error" for finding in findings):
            sys.exit(1)


def _python() -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    good = sys.version_info >= (3, 11)
    yield Finding("Python", "ok" if good else "error", version if good else f"{version}; 3.11 or newer is needed")


def _data_directory() -> Iterator[Finding]:
    folder = settings.ANAMNESIS_DATA_DIR
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        yield Finding("Data directory", "error", f"{folder} cannot be written. Set ANAMNESIS_DATA_DIR.")
        return
    mode = stat.S_IMODE(folder.stat().st_mode)
    if mode & 0o007 and mode & 0o006:
        yield Finding("Data directory", "warning", f"{folder} is open to other users. Run: chmod 700 {folder}")
    else:
        yield Finding("Data directory", "ok", str(folder))
    free = shutil.disk_usage(folder).free
    state = "ok" if free >= _LEAST_FREE_BYTES else "warning"
    yield Finding("Free space", state, f"{free / 1e9:.1f} GB")


def _database() -> Iterator[Finding]:
    try:
        if settings.DATABASE_URL is None:
            cluster_for(settings.ANAMNESIS_DATA_DIR).ensure()
        connection.ensure_connection()
    except Exception as error:  # whatever keeps it from answering is the finding
        yield Finding("Database", "error", f"does not answer: {error}".strip())
        return
    version: int = connection.pg_version  # type: ignore[attr-defined]
    kind = "our own server" if settings.DATABASE_URL is None else "external server"
    state = "ok" if version >= _LEAST_SERVER else "error"
    yield Finding("Database", state, f"{kind}, PostgreSQL {version // 10000}.{version % 10000}")
    yield from _encoding()
    yield from _tables()


def _encoding() -> Iterator[Finding]:
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_encoding")
        (encoding,) = cursor.fetchone()
    if encoding != "UTF8":
        yield Finding("Encoding", "error", f"the database is {encoding}; create it with ENCODING 'UTF8'")


def _tables() -> Iterator[Finding]:
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if missing:
        yield Finding("Tables", "error", f"{len(missing)} migrations are missing. Run: manage.py migrate")
    else:
        yield Finding("Tables", "ok", "all migrations are applied")


def _broker() -> Iterator[Finding]:
    url = settings.CELERY_BROKER_URL
    if not url:
        yield Finding("Broker", "ok", "none configured: work is done in the command or the request")
        return
    from kombu import Connection

    try:
        with Connection(url, connect_timeout=3) as broker:
            broker.ensure_connection(max_retries=1, timeout=5)
        yield Finding("Broker", "ok", Connection(url).as_uri())
    except Exception as error:  # every transport raises its own
        where = Connection(url).as_uri()
        yield Finding("Broker", "error", f"{where} does not answer ({type(error).__name__}). Check CELERY_BROKER_URL.")


def _analyzers() -> Iterator[Finding]:
    names = ", ".join(f"{one.name} {one.version}" for one in ANALYZERS)
    yield Finding("Analyzers", "ok", f"{names} (together {VERSION})")


def _settings() -> Iterator[Finding]:
    for message in run_checks(include_deployment_checks=False):
        state = "error" if message.level >= Error("").level else "warning"
        yield Finding("Settings", state, f"{message.msg} {message.hint or ''}".strip())
    if is_loopback(urlsplit(settings.PUBLIC_URL).hostname):
        return  # it serves this machine alone
    for message in run_checks(tags=["security"], include_deployment_checks=True):
        if message.id and message.id.startswith("anamnesis."):
            yield Finding("Settings for serving others", "warning", f"{message.msg} {message.hint or ''}".strip())


_EXAMINATIONS: tuple[Callable[[], Iterator[Finding]], ...] = (
    _python, _data_directory, _database, _broker, _analyzers, _settings,
)  # fmt: skip
