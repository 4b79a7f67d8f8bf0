"""From nothing to the tables, all the way back, and forward again to the very same."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from django.db import connection
from psycopg import sql

ROOT = Path(__file__).resolve().parent.parent
APPS = ("insights", "transcripts", "clinical")  # the order in which they are taken back

# What a schema is made of, in words that do not depend on the order in which it was made.
_CATALOG = {
    "columns": """
        SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attgenerated,
               pg_get_expr(d.adbin, d.adrelid)
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v', 'm', 'p')""",
    "constraints": """
        SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid), condeferrable, condeferred
        FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND conrelid <> 0""",
    "indexes": "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
    "triggers": "SELECT tgrelid::regclass::text, tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal",
    "functions": """
        SELECT p.proname, pg_get_functiondef(p.oid) FROM pg_proc p
        WHERE pronamespace = 'public'::regnamespace AND prokind <> 'a'
        AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = p.oid AND deptype = 'e')""",
    "sequences": "SELECT sequencename::text, data_type::text FROM pg_sequences WHERE schemaname = 'public'",
    "extensions": "SELECT extname::text FROM pg_extension",
}

Schema = dict[str, list[tuple[object, ...]]]


class Scratch:
    """A database of this test alone, beside the suite's own."""

    def __init__(self) -> None:
        self.server = connection.get_connection_params() | {"dbname": "postgres"}
        for ours in ("cursor_factory", "context", "prepare_threshold", "client_encoding"):
            self.server.pop(ours, None)
        self.name = f"scratch_migrations_{os.getpid()}"

    @property
    def url(self) -> str:
        there = connection.settings_dict
        secret = f":{quote(there['PASSWORD'], safe='')}" if there["PASSWORD"] else ""
        port = f":{there['PORT']}" if there["PORT"] else ""
        return f"postgres://{there['USER']}{secret}@{quote(there['HOST'], safe='')}{port}/{self.name}"

    def on_server(self, statement: str) -> None:
        with psycopg.connect(**self.server, autocommit=True) as server:
            server.execute(sql.SQL(statement).format(sql.Identifier(self.name)))

    def ask(self, query: str) -> list[tuple[object, ...]]:
        with psycopg.connect(**self.server | {"dbname": self.name}) as database:
            return sorted(database.execute(query).fetchall(), key=repr)

    def schema(self) -> Schema:
        return {part: self.ask(query) for part, query in _CATALOG.items()}

    def manage(self, *commands: str) -> None:
        environment = os.environ | {"DATABASE_URL": self.url, "DJANGO_SETTINGS_MODULE": "config.settings"}
        for command in commands:
            result = subprocess.run(
                [sys.executable, "manage.py", *command.split()],
                cwd=ROOT,
                env=environment,
                capture_output=True,
                text=True,
            )
            assert result.returncode == 0, f"{command}\n{result.stdout}\n{result.stderr}"


@pytest.fixture
def scratch(db: None) -> Iterator[Scratch]:
    made = Scratch()
    made.on_server("DROP DATABASE IF EXISTS {}")
    made.on_server("CREATE DATABASE {} ENCODING 'UTF8' TEMPLATE template0")
    yield made
    made.on_server("DROP DATABASE {} WITH (FORCE)")


@pytest.mark.seed("S0-70", "S1-72", "S3-71")
def test_the_migrations_go_up_from_nothing_down_to_nothing_and_up_again_to_the_same(scratch: Scratch) -> None:
    nothing = scratch.schema()
    assert nothing["columns"] == []

    scratch.manage("migrate --verbosity 0")
    up = scratch.schema()
    assert {"clinical_client", "transcripts_passage", "insights_evidence"} <= {row[0] for row in up["columns"]}
    assert _service_users(scratch) == [("local@service.invalid", "service")]

    scratch.manage(*(f"migrate --verbosity 0 {app} zero" for app in APPS))
    down = scratch.schema()
    left = {part: [row for row in rows if str(row[0]).startswith(APPS)] for part, rows in down.items()}
    assert left == {part: [] for part in down}
    assert down["functions"] == nothing["functions"]

    scratch.manage("migrate --verbosity 0", "migrate --check")
    again = scratch.schema()
    assert {part: [row for row in again[part] if row not in up[part]] for part in up} == {part: [] for part in up}
    assert again == up
    assert _service_users(scratch) == [("local@service.invalid", "service")]


def _service_users(scratch: Scratch) -> list[tuple[object, ...]]:
    return scratch.ask("SELECT email, role FROM clinical_user")


def test_the_local_service_user_has_no_password_that_anybody_could_know(scratch: Scratch) -> None:
    scratch.manage("migrate --verbosity 0 clinical")
    assert scratch.ask("SELECT left(password, 1), is_superuser, is_active FROM clinical_user") == [("!", False, True)]
