"""`manage.py db`: our own PostgreSQL server, or what can be said of the external one that DATABASE_URL names."""

from __future__ import annotations

import json
import os
from argparse import ArgumentParser
from typing import Any, NoReturn
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

import psycopg
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from clinical.postgres.binaries import find_client
from clinical.postgres.embedded import Cluster, ClusterError, cluster_for


class Command(BaseCommand):
    help = "Start, stop or look at the database server, open psql on it, or print its URL."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True, metavar="start|stop|status|psql|url")
        verbs.add_parser("start", help="start the embedded server, unless it runs already")
        verbs.add_parser("stop", help="stop the embedded server")
        status = verbs.add_parser("status", help="exit 0 when the server answers, else 1")
        status.add_argument("--json", action="store_true", dest="as_json", help="one JSON document on stdout")
        psql = verbs.add_parser("psql", help="open psql; what follows -- is passed on")
        psql.add_argument("arguments", nargs="*", metavar="-- ARGUMENT")
        url = verbs.add_parser("url", help="print the URL and nothing else")
        url.add_argument("--show-password", action="store_true", help="an external server's password is masked without")

    def handle(self, *args: object, **options: Any) -> None:
        server: Embedded | External
        server = External(settings.DATABASE_URL) if settings.DATABASE_URL else Embedded(settings.ANAMNESIS_DATA_DIR)
        try:
            self._do(server, options["verb"], options)
        except ClusterError as error:
            raise CommandError(str(error)) from error

    def _do(self, server: Embedded | External, verb: str, options: dict[str, Any]) -> None:
        if verb == "psql":
            server.psql(options["arguments"])
        elif verb == "url":
            self.stdout.write(server.url(show_password=options["show_password"]))
        elif verb == "start":
            self.stdout.write(server.start())
        elif verb == "stop":
            self.stdout.write(server.stop())
        else:
            self._report(server.status(), as_json=options["as_json"])

    def _report(self, status: dict[str, Any], *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps(status))
        else:
            for name, value in status.items():
                self.stdout.write(f"{name:<12}{'-' if value is None else value}")
        if status["state"] != "running":
            raise SystemExit(1)


class Embedded:
    def __init__(self, data_dir: Any) -> None:
        self.cluster: Cluster = cluster_for(data_dir)

    def start(self) -> str:
        self.cluster.ensure()
        return f"The database server is running. Data: {self.cluster.place.cluster}"

    def stop(self) -> str:
        return "The database server is stopped." if self.cluster.stop() else "The database server was not running."

    def status(self) -> dict[str, Any]:
        status = self.cluster.status()
        return {
            "server": "embedded",
            "state": status.state,
            "version": status.major,
            "pid": status.pid,
            "os_user": status.os_user,
            "data": str(status.cluster),
            "socket": str(status.socket_dir),
            "log": str(status.log),
        }

    def psql(self, arguments: list[str]) -> NoReturn:
        self.cluster.ensure()
        argv = self.cluster.psql(*arguments)
        os.execv(argv[0], argv)  # noqa: S606

    def url(self, *, show_password: bool) -> str:
        return self.cluster.url()


class External:
    """The server that DATABASE_URL names: looked at, never started or stopped."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        # Django's own options (conn_max_age, pool) may stand in the URL; psql and libpq refuse what they do not know.
        known = {option.keyword.decode() for option in psycopg.pq.Conninfo.get_defaults()}
        query = urlencode([pair for pair in parse_qsl(parts.query) if pair[0] in known])
        self.password = unquote(parts.password) if parts.password else None
        self.user, _, self.host = parts.netloc.rpartition("@")
        self.user = self.user.partition(":")[0]
        self.parts = parts._replace(scheme="postgres", query=query)

    def start(self) -> NoReturn:
        raise self._not_ours("start")

    def stop(self) -> NoReturn:
        raise self._not_ours("stop")

    def status(self) -> dict[str, Any]:
        said: dict[str, Any] = {"server": "external", "state": "running", "version": None, "url": self._url("***")}
        try:
            with psycopg.connect(self._url(self.password), connect_timeout=5) as connection:
                said["version"] = connection.info.server_version // 10_000
        except psycopg.Error as error:
            said |= {"state": "unreachable", "error": str(error).strip()}
        return said

    def psql(self, arguments: list[str]) -> NoReturn:
        # The password goes by the environment: everybody can read a process's arguments.
        environment = os.environ | ({"PGPASSWORD": self.password} if self.password else {})
        program = str(find_client("psql"))
        os.execve(program, [program, "-d", self._url(None), *arguments], environment)  # noqa: S606

    def url(self, *, show_password: bool) -> str:
        return self._url(self.password if show_password else "***")

    def _url(self, password: str | None) -> str:
        secret = f":{quote(password, safe='*')}" if self.password and password else ""
        user = f"{self.user}{secret}@" if self.user else ""
        return urlunsplit(self.parts._replace(netloc=f"{user}{self.host}"))

    def _not_ours(self, verb: str) -> CommandError:
        return CommandError(
            f"DATABASE_URL names an external server ({self._url('***')}); it is not ours to {verb}.\n"
            "Next: use that server's own tools, or unset DATABASE_URL to use the embedded server."
        )
