"""What cannot work as the seeds write it, run against the server, and the regression tests of our forms.

Each test first runs the seed's own statement (shortened to what matters) and says what the server makes of it, then
ours. docs/seed-defects.md is the table of it.
"""

from __future__ import annotations

import ast
import gzip
import subprocess
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.db import DatabaseError, IntegrityError, connection, transaction

from clinical.models import Client, Session, User
from clinical.models.sessions import IllegalTransition
from clinical.postgres.binaries import find_client
from insights.analysis import analyse
from insights.models import Reading
from tests.factories import tell
from transcripts.models import Passage, Source

pytestmark = pytest.mark.django_db

_ROOT = Path(settings.BASE_DIR)


def run(statement: str, *values: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values or None)
        return cursor.fetchall() if cursor.description else []


def refusal(statement: str, *values: Any) -> str:
    """The SQLSTATE with which the server refuses a statement."""
    with pytest.raises(DatabaseError) as refused, transaction.atomic():
        run(statement, *values)
    return str(getattr(refused.value.__cause__, "sqlstate", ""))


def plan(statement: str, *values: Any) -> str:
    """How the server would run it if it read a table whole only where nothing else is possible."""
    run("SET LOCAL enable_seqscan = off")
    return "\n".join(line for (line,) in run(f"EXPLAIN {statement}", *values))


@pytest.mark.seed("S0-37", "S3-18")
def test_3_1_text_has_no_gin_index_of_its_own_but_its_stored_vector_has(ada: Client) -> None:
    run("CREATE TABLE sessionsentence (text text)")
    seeds = "CREATE INDEX idx_text_search ON sessionsentence USING gin (text)"
    with transaction.atomic():
        run("DROP EXTENSION btree_gin CASCADE")
        assert refusal(seeds) == "42704"
        transaction.set_rollback(True)
    # With btree_gin, which we use, it is taken, compares whole texts, finds no word and refuses a long utterance.
    run(seeds)
    assert "Seq Scan" in plan("SELECT text FROM sessionsentence WHERE to_tsvector('english', text) @@ 'drink'")
    assert refusal(
        "INSERT INTO sessionsentence SELECT string_agg(md5(i::text), ' ') FROM generate_series(1, 500) i"
    ) == ("54000")

    tell(ada, ["I was drinking again."])
    asked = "SELECT id FROM transcripts_passage WHERE client_id = %s AND search @@ to_tsquery('english', 'drink')"
    assert len(run(asked, ada.pk)) == 1
    assert "transcripts_passage_search" in plan(asked, ada.pk)


@pytest.mark.seed("S0-39", "S2-17", "S3-15")
def test_3_2_an_index_cannot_move_with_the_clock_but_one_by_date_serves_any_window(ada: Client) -> None:
    run("CREATE TABLE emotion_entries (user_id uuid, created_at timestamptz)")
    moving = "CREATE INDEX ON emotion_entries (user_id, created_at) WHERE created_at >= NOW() - INTERVAL '90 days'"
    assert refusal(moving) == "42P17"

    window = (
        "SELECT id FROM {} WHERE client_id = %s AND occurred_at >= now() - interval '90 days' "
        "ORDER BY occurred_at DESC NULLS LAST"
    )
    assert "clinical_session_by_date" in plan(window.format("clinical_session"), ada.pk)
    assert "transcripts_source_by_date" in plan(window.format("transcripts_source"), ada.pk)


def test_3_3_the_length_of_an_empty_array_is_null_and_null_passes_a_check() -> None:
    run("CREATE TABLE emotion_entries (emotions text[] NOT NULL CHECK (array_length(emotions, 1) > 0))")
    run("INSERT INTO emotion_entries VALUES ('{}')")
    assert run("SELECT count(*) FROM emotion_entries") == [(1,)]

    run("CREATE TABLE checkin (emotions text[] NOT NULL CHECK (cardinality(emotions) > 0))")
    assert refusal("INSERT INTO checkin VALUES ('{}')") == "23514"


def test_3_4_a_view_without_a_unique_index_cannot_be_refreshed_beside_its_readers() -> None:
    run("CREATE MATERIALIZED VIEW user_statistics AS SELECT 1 AS user_id, 2 AS total_entries")
    assert refusal("REFRESH MATERIALIZED VIEW CONCURRENTLY user_statistics") == "55000"
    run("CREATE UNIQUE INDEX ON user_statistics (user_id)")
    run("REFRESH MATERIALIZED VIEW CONCURRENTLY user_statistics")
    run("DROP MATERIALIZED VIEW user_statistics")

    # ours: none at all, since such a view knows no row security and is as old as its last refresh
    assert run("SELECT matviewname FROM pg_matviews WHERE schemaname = 'public'") == []


@pytest.mark.seed("S3-08")
def test_3_5_blanks_are_no_words(ada: Client) -> None:
    text = "I  slept\nbadly  and  woke"
    counted = "SELECT array_length(string_to_array(trim(%s), ' '), 1)"
    assert run(counted, text) == [(7,)]

    tell(ada, [text, "one", "a\u00a0b\u3000c\td"])
    assert list(Passage.objects.timeline().values_list("word_count", flat=True)) == [5, 1, 4]


@pytest.mark.seed("S0-56", "S1-84")
def test_3_6_two_nulls_are_not_the_same_to_a_unique_constraint_unless_it_says_so(ada: Client) -> None:
    run("CREATE TABLE topics (user_id uuid, name text, UNIQUE (user_id, name))")
    run("INSERT INTO topics VALUES (NULL, 'Anxiety'), (NULL, 'Anxiety')")
    assert run("SELECT count(*) FROM topics") == [(2,)]

    source = tell(ada, ["Without an external id."])
    again = (
        "INSERT INTO transcripts_source (id, client_id, kind, title, language, format, file_name, content_sha256, "
        "revision, warnings, imported_by_id) SELECT gen_random_uuid(), client_id, kind, title, language, format, "
        "file_name, content_sha256, revision, warnings, imported_by_id FROM transcripts_source WHERE id = %s"
    )
    assert source.external_id is None
    assert refusal(again, source.pk) == "23505"


@pytest.mark.seed("S0-35")
def test_3_7_and_3_8_keywords_are_the_terms_of_a_list_not_its_json_keys(ada: Client, clara: User) -> None:
    one, several = '{"term": "sleep", "relevance": 0.9}', '[{"term": "sleep", "relevance": 0.9}]'
    assert run("SELECT jsonb_object_keys(%s::jsonb) ORDER BY 1", one) == [("relevance",), ("term",)]
    assert refusal("SELECT jsonb_object_keys(%s::jsonb)", several) == "22023"

    tell(ada, ["My panic attacks came back.", "The panic attacks are worse than the insomnia.", "Hm."])
    analyse(actor=clara)
    counted = dict(
        run(
            "SELECT keyword->>'term', count(*) FROM insights_reading, jsonb_array_elements(keywords) AS keyword "
            "WHERE client_id = %s GROUP BY 1",
            ada.pk,
        )
    )
    assert counted["panic attack"] == 2
    assert counted.keys().isdisjoint({"term", "score", "spans"})
    asked = Reading.objects.filter(client=ada, keywords__contains=[{"term": "panic attack"}])
    assert asked.count() == 2
    assert "insights_reading_keywords" in plan(*_sql(asked))


def _sql(queryset: Any) -> tuple[Any, ...]:
    statement, values = queryset.query.sql_with_params()
    return (statement, *values)


def test_3_9_statement_statistics_name_their_times_otherwise_since_version_13() -> None:
    if not run("SELECT 1 FROM pg_available_extensions WHERE name = 'pg_stat_statements'"):
        pytest.skip("this server has no pg_stat_statements")
    run("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
    assert refusal("SELECT query, total_time, mean_time FROM pg_stat_statements") == "42703"
    columns = "SELECT column_name FROM information_schema.columns WHERE table_name = 'pg_stat_statements'"
    assert {"total_exec_time", "mean_exec_time"} <= {name for (name,) in run(columns)}


@pytest.mark.seed("S3-20")
def test_3_10_nothing_but_what_ships_with_postgresql_is_needed() -> None:
    if run("SELECT 1 FROM pg_extension WHERE extname = 'pg_cron'"):
        pytest.skip("this server has pg_cron")
    nightly = "SELECT cron.schedule('refresh-stats', '0 2 * * *', 'SELECT refresh_user_statistics();')"
    assert refusal(nightly) == "3F000"
    assert {"pg_trgm", "btree_gin"} <= {name for (name,) in run("SELECT extname FROM pg_extension")}


@pytest.mark.seed("S4-01", "S2-07")
@pytest.mark.parametrize("email", ["a@b.c|m", "Clara@practice.example", "a b@c.de", "a@b", "a@b..de", "@b.de"])
def test_3_11_an_e_mail_has_no_bar_and_no_capitals(clara: User, email: str) -> None:
    seeds = r"SELECT %s ~* '^[A-Za-z0-9._%%+-]+@[A-Za-z0-9.-]+\.[A-Z|a-z]{2,}$'"
    assert run(seeds, "a@b.c|m") == [(True,)]

    assert refusal("UPDATE clinical_user SET email = %s WHERE id = %s", email, clara.pk) == "23514"


@pytest.mark.seed("S3-18", "S3-28")
def test_3_12_a_vector_made_in_the_query_is_never_found_by_index_a_stored_one_is(ada: Client) -> None:
    run(
        "CREATE TABLE journal_entries (title text, content text, content_vector tsvector GENERATED ALWAYS AS "
        "(to_tsvector('english', coalesce(title, '') || ' ' || content)) STORED, weighted tsvector GENERATED ALWAYS AS "
        "(setweight(to_tsvector('english', coalesce(title, '')), 'A') "
        "|| setweight(to_tsvector('english', content), 'B')) STORED)"
    )
    run("CREATE INDEX ON journal_entries USING gin (content_vector)")
    run("CREATE INDEX ON journal_entries USING gin (weighted)")
    made = (
        "SELECT title FROM journal_entries WHERE (setweight(to_tsvector('english', coalesce(title, '')), 'A') "
        "|| setweight(to_tsvector('english', content), 'B')) @@ plainto_tsquery('english', 'sleep')"
    )
    stored = "SELECT title FROM journal_entries WHERE weighted @@ plainto_tsquery('english', 'sleep')"
    assert "Seq Scan" in plan(made)
    assert "Bitmap Index Scan" in plan(stored)

    found = Passage.objects.filter(client=ada, search="sleep").order_by().values("pk")
    assert "transcripts_passage_search" in plan(*_sql(found))


def test_3_13_a_custom_format_dump_that_was_zipped_again_is_restored_by_nobody(tmp_path: Path) -> None:
    cluster = getattr(settings, "TEST_CLUSTER", None)
    if cluster is None:
        pytest.skip("pg_dump of the embedded server is needed")
    dump, zipped = tmp_path / "backup.sql", tmp_path / "backup.sql.gz"
    url = cluster.url()
    made = ("--format=custom", "--compress=9", "--schema-only", f"--file={dump}", f"--dbname={url}")
    subprocess.run([find_client("pg_dump"), *made], check=True, capture_output=True)
    zipped.write_bytes(gzip.compress(dump.read_bytes()))

    restored = subprocess.run([find_client("pg_restore"), "--list", zipped], capture_output=True, text=True)
    assert restored.returncode != 0
    assert "does not appear to be a valid archive" in restored.stderr
    recipe = [find_client("psql"), "--no-psqlrc", "--set=ON_ERROR_STOP=1", url]
    piped = subprocess.run(recipe, input=gzip.decompress(zipped.read_bytes()), capture_output=True)
    assert b"custom-format dump" in piped.stdout + piped.stderr
    # one custom-format file, as it is, is an archive
    assert subprocess.run([find_client("pg_restore"), "--list", dump], capture_output=True).returncode == 0


@pytest.mark.seed("S0-08", "S0-59")
def test_3_14_a_deviation_is_no_variance_and_locking_needs_something_to_compare(ada: Client) -> None:
    moods = "FROM (VALUES (0.9), (-0.7), (0.1)) AS entries (mood)"
    deviation, variance = run(f"SELECT stddev(mood), variance(mood) {moods}")[0]
    assert deviation != variance
    assert float(deviation**2) == pytest.approx(float(variance))

    run("CREATE TABLE journal_entries (id int, mood_score numeric)")
    run("INSERT INTO journal_entries VALUES (1, 0)")
    for mood in (0.5, -0.5):  # two clinicians who both read 0
        run("UPDATE journal_entries SET mood_score = %s WHERE id = 1", mood)
    assert run("SELECT mood_score FROM journal_entries") == [(pytest.approx(-0.5),)]  # the first one's is gone, unsaid

    session = Session.objects.schedule(client=ada, start=None)
    hers, his = Session.objects.get(pk=session.pk), Session.objects.get(pk=session.pk)
    hers.move_to("in_progress")
    with pytest.raises(IllegalTransition, match="in the meantime"):
        his.move_to("cancelled")
    session.refresh_from_db()
    assert session.status == "in_progress"


def test_3_15_no_cache_stands_where_tasks_could_be_evicted_for_it() -> None:
    """The seed's Redis evicts any key (allkeys-lru) and holds the queue `tasks:queue:ai_analysis` too."""
    assert [name for name, cache in settings.CACHES.items() if "redis" in cache["BACKEND"].lower()] == []


@pytest.mark.seed("S0-56")
def test_3_16_one_session_means_one_thing_and_a_failed_import_stores_nothing(ada: Client) -> None:
    """The seed's file has `class Session` and `from sqlmodel import Session`: the later one wins, silently."""
    imported = {
        (node.module, path.name)
        for app in ("clinical", "transcripts", "insights", "config")
        for path in (_ROOT / app).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and any((name.asname or name.name) == "Session" for name in node.names)
    }
    assert {module for module, _ in imported} <= {"clinical.models", "clinical.models.sessions"}
    assert apps.get_model("clinical", "Session") is Session

    with pytest.raises(IntegrityError), transaction.atomic():
        tell(ada, ["This would be stored and committed.", " \t "])
    assert (Source.objects.count(), Passage.objects.count(), Session.objects.count()) == (0, 0, 0)
