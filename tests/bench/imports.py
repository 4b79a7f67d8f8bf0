"""Rows a second of an import, ours against the other ways to bring the same rows into the same server.

The baselines only make keys: nothing is hashed, no speaker found, no word remembered. Ours is timed whole, once from
parsed utterances (`store`, as database.md measured) and once from files on disk (`import_files`).
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from django.db import connection, transaction

from clinical.identifiers import uuid7
from clinical.models import Client, User
from tests.bench import Figure, Stopwatch, percentile, rate
from tests.bench.texts import conversations, write_vtt
from transcripts.formats.base import Conversation
from transcripts.importing import Options, import_files
from transcripts.models import Passage, Source, Speaker
from transcripts.storing import flush_search, prepare, remember_words, store

SAMPLE = 2_000  # rows of what is too slow to do in full
LEAST_OF_COPY, LEAST_OF_SINGLE = 0.18, 4.5

_COLUMNS = "id, client_id, source_id, speaker_id, sequence, start_ms, end_ms, text, confidence, words, language"
_TYPES = ["uuid", "uuid", "uuid", "uuid", "int4", "int8", "int8", "text", "float8", "jsonb", "text"]
_PLAIN = """
    id uuid, client_id uuid, source_id uuid, speaker_id uuid, sequence integer, start_ms bigint, end_ms bigint,
    text text, confidence double precision, words jsonb, language text"""
_VECTOR = ", search tsvector GENERATED ALWAYS AS (to_tsvector('english', text)) STORED"

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """Where the baselines put their rows: a source with its speakers, each row's sequence being free."""

    client: Client
    source: Source
    speakers: dict[str, Speaker]


def measure(passages: int) -> Iterator[Figure]:
    spoken = list(conversations(passages))
    live = passages / _store_all(spoken)
    whole = passages / _import_all(spoken)
    place = _place()
    rows = list(_rows(place, spoken))
    bare = passages / _copy(place, spoken, _PLAIN)
    vector = passages / _copy(place, spoken, _PLAIN + _VECTOR)
    bulk = _sample(rows, passages // 5, lambda some: Passage.objects.bulk_create(map(_passage, some), batch_size=500))
    single = _sample(rows, SAMPLE, _insert_each)
    committed = _sample(rows, SAMPLE // 4, _commit_each)
    yield _figure("bare COPY, plain table", live, bare, LEAST_OF_COPY)
    yield _figure("COPY with tsvector, no index", live, vector)
    yield _figure("bulk_create by 500, real table", live, bulk)
    yield _figure("one INSERT a row, one transaction (for add())", live, single, LEAST_OF_SINGLE)
    yield _figure("save() and commit a row", live, committed)
    yield _figure("bare COPY, plain table", whole, bare, what="import_files, from VTT files")


def _figure(
    baseline: str, ours: float, theirs: float, least: float | None = None, what: str = "store, parsed utterances"
) -> Figure:
    ratio = ours / theirs
    of_copy = least is None or least < 1
    shown = f"{ratio:.0%}" if ratio < 1 else f"{ratio:.1f} x"
    target = "" if least is None else f">= {least:.0%}" if of_copy else f">= {least} x"
    holds = None if least is None else ratio >= least
    return Figure(f"import: {what}", rate(ours, 1), f"{rate(theirs, 1)} {baseline}", shown, target, holds)


def _store_all(spoken: Sequence[Conversation]) -> float:
    """Seconds, a source a transaction with its word list and the flush of the search index, as an import does it."""
    actor = User.objects.local()
    client = Client.objects.open(code="BENCH-STORE", by=actor)
    watch = Stopwatch()
    for conversation in spoken:
        with watch.lap():
            with transaction.atomic():
                stored = store(
                    conversation,
                    prepare(conversation, {}, {}),
                    client=client,
                    actor=actor,
                    title="Measurement",
                    format="vtt",
                    file_name="measurement.vtt",
                )
                remember_words(stored.words)
            flush_search()
    return watch.seconds


def _import_all(spoken: Sequence[Conversation]) -> float:
    with tempfile.TemporaryDirectory() as folder:
        for number, conversation in enumerate(spoken):
            write_vtt(Path(folder, f"{number:05}.vtt"), conversation)
        options = Options("BENCH-FILES", User.objects.local(), create_client=True)
        watch = Stopwatch()
        with watch.lap():
            report = import_files([Path(folder)], options)
    if report.errors or report.created != len(spoken):
        raise RuntimeError(f"{report.created} of {len(spoken)} files came in: {report.errors[:1]}")
    return watch.seconds


def _place() -> Place:
    """A source that holds every baseline's rows: sequences begin where the last way's ended."""
    source = Source.objects.filter(client__code="BENCH-STORE").latest("id")
    return Place(source.client, source, {speaker.label: speaker for speaker in source.speakers.all()})


def _rows(place: Place, spoken: Sequence[Conversation]) -> Iterator[Row]:
    sequence = 1_000_000
    for conversation in spoken:
        for one in conversation.utterances:
            sequence += 1
            speaker = place.speakers[one.speaker or ""].pk
            key, client, source = uuid7(), place.client.pk, place.source.pk
            yield key, client, source, speaker, sequence, one.start_ms, one.end_ms, one.text, None, None, "en"


def _copy(place: Place, spoken: Sequence[Conversation], columns: str) -> float:
    """Seconds of one COPY into a new table, keys made on the way as ours are: the median of three."""
    watch = Stopwatch()
    for _ in range(3):
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE TABLE bench_plain ({columns})")
        with watch.lap(), transaction.atomic(), connection.cursor() as cursor:
            _copy_rows(cursor, _rows(place, spoken))
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE bench_plain")
    return percentile(watch.laps, 0.5)


def _copy_rows(cursor: Any, rows: Iterator[Row]) -> None:
    with cursor.copy(f"COPY bench_plain ({_COLUMNS}) FROM STDIN") as copy:
        copy.set_types(_TYPES)
        for row in rows:
            copy.write_row(row)


def _sample(rows: Sequence[Row], count: int, insert: Callable[[Sequence[Row]], object]) -> float:
    """Rows a second over a part of the rows, which is taken away again."""
    some = list(islice(rows, max(1, min(count, len(rows)))))
    watch = Stopwatch()
    with watch.lap():
        insert(some)
    Passage.objects.filter(source_id=some[0][2], sequence__gt=1_000_000).delete()
    flush_search()
    return len(some) / watch.seconds


def _passage(row: Row) -> Passage:
    key, client, source, speaker, sequence, start_ms, end_ms, text, _, _, language = row
    return Passage(
        id=key,
        client_id=client,
        source_id=source,
        speaker_id=speaker,
        sequence=sequence,
        start_ms=start_ms,
        end_ms=end_ms,
        text=text,
        language=language,
    )


def _insert_each(rows: Sequence[Row]) -> None:
    """What SQLAlchemy's add() and flush come to without its unit of work: SQLAlchemy is no dependency of ours."""
    with transaction.atomic():
        Passage.objects.bulk_create(map(_passage, rows), batch_size=1)


def _commit_each(rows: Sequence[Row]) -> None:
    for row in rows:
        _passage(row).save(force_insert=True)
