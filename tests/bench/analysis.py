"""What analysis costs: reading alone (processor time), with the database, and writing back against the seed's way.

The seed (S0, `update_keywords`) selects a sentence, updates that row in place and commits, with the text and the
keywords under GIN indexes of the same table. Both ways write the same readings, a thousand of them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from uuid import UUID

from django.db import connection, transaction

from clinical.models import Client, User
from insights.analysis import _save_readings, analyse
from insights.analyzers.base import Segment
from insights.analyzers.reading import SegmentReading, read_segments
from insights.models import Reading
from tests.bench import Figure, Stopwatch, rate
from tests.bench.analyzers import GATE, read_passages
from tests.bench.analyzers import analyse as read_sentiment_and_keywords
from tests.bench.analyzers import rate as texts_a_second
from tests.bench.texts import conversations, texts
from transcripts.languages import detect
from transcripts.models import Passage, Source
from transcripts.roles import Role
from transcripts.storing import prepare, store

WRITTEN = 1_000  # readings of the write-back, as database.md measured
LEAST_WRITE_BACK = 50
_SEED_ROWS = 50_000  # rows that the seed's table has when its analysis begins

_SEED_TABLE = """
    CREATE TABLE bench_session_sentence (
        id uuid PRIMARY KEY, session_id uuid NOT NULL, created_at timestamptz NOT NULL DEFAULT now(),
        start_ms integer NOT NULL, end_ms integer NOT NULL, sequence_number integer NOT NULL, text text NOT NULL,
        speaker text NOT NULL, confidence double precision, keywords jsonb, sentiment double precision,
        emotion_scores jsonb);
    CREATE INDEX ON bench_session_sentence (session_id, start_ms);
    CREATE INDEX ON bench_session_sentence (session_id, start_ms, end_ms);
    CREATE INDEX ON bench_session_sentence USING gin (keywords);
    CREATE INDEX ON bench_session_sentence USING gin (to_tsvector('english', text))"""
_SEED_FILL = """
    INSERT INTO bench_session_sentence (id, session_id, start_ms, end_ms, sequence_number, text, speaker)
    SELECT id, source_id, start_ms, end_ms, sequence, text, 'client' FROM transcripts_passage LIMIT %s"""
_SEED_UPDATE = "UPDATE bench_session_sentence SET keywords = %s, sentiment = %s WHERE id = %s"


def measure(passages: int) -> Iterator[Figure]:
    yield _sentiment_and_keywords()
    yield _all_analyzers(min(passages, 20_000))
    source = _fill(passages)
    yield from _write_back(source)
    yield _with_database()


def _sentiment_and_keywords() -> Figure:
    """The gate of tests.bench.analyzers, on its texts: AnnoMI where it is."""
    origin, spoken = read_passages()
    speed = texts_a_second(read_sentiment_and_keywords, spoken, rounds=3)
    what = f"analysis: sentiment + keywords a core, {Path(origin).stem}"
    return Figure(what, rate(speed, 1), f"gate {rate(GATE, 1)}", f"{speed / GATE:.2f} x", ">= 1 x", speed >= GATE)


def _all_analyzers(count: int) -> Figure:
    speed = texts_a_second(lambda some: read_segments(_segments(some)), list(texts(count, seed=3)), rounds=2)
    return Figure("analysis: all analyzers a core, bench texts", rate(speed, 1))


def _segments(some: Sequence[str]) -> list[Segment]:
    """Turn by turn, each with the one before."""
    roles = (Role.CLIENT, Role.THERAPIST)
    return [
        Segment(text, roles[place % 2], some[place - 1] if place else None, roles[place % 2 - 1], detect(text))
        for place, text in enumerate(some)
    ]


def _fill(passages: int) -> Source:
    """Sources to analyse, as many as make the figure steady, and the seed's table beside."""
    actor = User.objects.local()
    client = Client.objects.open(code="BENCH-ANALYSIS", by=actor)
    for spoken in conversations(min(passages, _SEED_ROWS), seed=4):
        stored = store(
            spoken,
            prepare(spoken, {"Client": Role.CLIENT, "Therapist": Role.THERAPIST}, {}),
            client=client,
            actor=actor,
            title="Measurement",
            format="vtt",
            file_name="measurement.vtt",
        )
    with connection.cursor() as cursor:
        cursor.execute(_SEED_TABLE)
        cursor.execute(_SEED_FILL, [_SEED_ROWS])
        cursor.execute("VACUUM ANALYZE")
    return stored.source


def _with_database() -> Figure:
    """`analyse()` from claim to commit, over twenty sources, by one process."""
    client = Client.objects.get(code="BENCH-ANALYSIS")
    later = Source.objects.filter(client=client).order_by("pk").values_list("pk", flat=True)[20:]
    Source.objects.filter(pk__in=list(later)).delete()
    watch = Stopwatch()
    with watch.lap():
        report = analyse(actor=User.objects.local(), client=client)
    if report.failed:
        raise RuntimeError(f"{report.failed} sources could not be analysed")
    return Figure("analysis: analyse() with the database, wall clock", rate(report.passages, watch.seconds))


def _write_back(source: Source) -> Iterator[Figure]:
    readings = _readings(source)
    ours, seeds, one_commit = Stopwatch(), Stopwatch(), Stopwatch()
    for _ in range(3):
        with ours.lap(), transaction.atomic():
            _save_readings(source, readings)
        _take_away(source)
    with seeds.lap():
        _update_rows(readings)
    with one_commit.lap(), transaction.atomic():
        _update_rows(readings)
    mine = min(ours.laps)
    for what, theirs, target in (
        ("select, update, commit a row (seed)", seeds.seconds, LEAST_WRITE_BACK),
        ("the same in one transaction", one_commit.seconds, None),
    ):
        ratio = theirs / mine
        yield Figure(
            f"analysis: write-back of {len(readings):,}",
            f"{mine * 1000:,.0f} ms",
            f"{theirs * 1000:,.0f} ms {what}",
            f"{ratio:.0f} x",
            f">= {target} x" if target else "",
            ratio >= target if target else None,
        )


def _readings(source: Source) -> list[tuple[UUID, bytes, SegmentReading]]:
    """Of the seed's rows that lie in this source."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM bench_session_sentence WHERE session_id = %s LIMIT %s", [source.pk, WRITTEN])
        keys = [key for (key,) in cursor.fetchall()]
    rows = list(Passage.objects.filter(pk__in=keys).values_list("pk", "text"))
    read = read_segments(_segments([text for _, text in rows]))
    return [(pk, os.urandom(32), reading) for (pk, _), reading in zip(rows, read, strict=True)]


def _take_away(source: Source) -> None:
    Reading.objects.filter(passage__source=source).delete()


def _update_rows(readings: Sequence[tuple[UUID, bytes, SegmentReading]]) -> None:
    with connection.cursor() as cursor:
        for passage, _, reading in readings:
            cursor.execute("SELECT * FROM bench_session_sentence WHERE id = %s", [passage])
            keywords = {one.label: one.score for one in reading.keywords}
            cursor.execute(_SEED_UPDATE, [json.dumps(keywords), reading.sentiment, passage])
