"""Analysis is pulled: find the sources that are due, claim one, read it, save what was read; again until none is left.

A source is due when the present analyzers have not read it, or when somebody has changed its speakers since. The
claim is a row lock inside the transaction that saves the results: a process that dies releases it and leaves nothing
half done, and two at once never read the same source. The command, the demo and the workers call the same function.
"""

from __future__ import annotations

import hashlib
import logging
import time
import traceback
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from statistics import fmean
from typing import Any, cast
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone
from psycopg.types.json import Jsonb

from clinical.identifiers import uuid7
from clinical.models import Client, Session, User
from clinical.models.sessions import Progress
from insights.analyzers.base import UNSCORED, Finding, Segment
from insights.analyzers.reading import ANALYZERS, VERSION, SegmentReading, read_segments
from insights.analyzers.talk import TalkMetrics, Utterance, measure_talk
from insights.models import AnalysisRun, Evidence, Insight, Reading, SourceSummary
from insights.models.findings import hash_quote
from insights.statements import statement_of
from transcripts.languages import detect
from transcripts.models import Passage, Source, Speaker
from transcripts.roles import Role

log = logging.getLogger(__name__)

# Whose words the tone of a session is about. Whoever is unknown counts as the client: better one too many.
CLIENT_SIDE = frozenset({Role.CLIENT, Role.PARTNER, Role.FAMILY, Role.UNKNOWN})
_PREVIOUS_TURN_CHARACTERS = 2_000


@dataclass(slots=True)
class Report:
    passages: int = 0
    readings: int = 0
    insights: int = 0
    failed: int = 0
    sources: int = 0
    seconds: float = 0.0
    analyzers: list[dict[str, str]] = field(
        default_factory=lambda: [{"name": one.name, "version": one.version} for one in ANALYZERS]
    )

    def as_json(self) -> dict[str, Any]:
        return {
            "passages": self.passages,
            "readings": self.readings,
            "insights": self.insights,
            "failed": self.failed,
            "seconds": round(self.seconds, 3),
            "analyzers": self.analyzers,
        }


@dataclass(frozen=True, slots=True)
class _Line:
    """A passage with who says it, merged speakers taken as one."""

    passage: UUID
    text: str
    speaker: UUID | None
    label: str | None
    role: Role
    start_ms: int | None
    end_ms: int | None


Advance = Callable[[int], None]


def analyse(
    *, actor: User, client: Client | None = None, source: Source | None = None, advance: Advance = lambda passages: None
) -> Report:
    """Read every due source that the actor may see: of one client, one source, or all."""
    began = time.perf_counter()
    report = Report()
    sources = due(Source.objects.visible_to(actor))
    if client is not None:
        sources = sources.filter(client=client)
    if source is not None:
        sources = sources.filter(pk=source.pk)
    after: UUID | None = None
    while claimed := _analyse_next(sources, after, report, wait=source is not None):
        after = claimed.pk
        advance(report.passages)
    report.seconds = time.perf_counter() - began
    return report


def due(sources: QuerySet[Source, Source]) -> QuerySet[Source, Source]:
    read = SourceSummary.objects.filter(source=OuterRef("pk"), analyzer_version=VERSION)
    changed = Speaker.objects.filter(source=OuterRef("pk"), updated_at__gt=OuterRef("summary__analysed_at"))
    return sources.filter(~Exists(read) | Exists(changed), superseded_at=None).order_by("pk")


def _analyse_next(
    sources: QuerySet[Source, Source], after: UUID | None, report: Report, *, wait: bool
) -> Source | None:
    """Claim the next due source and read it, or keep why it could not be read. None when nothing is left."""
    source: Source | None = None
    try:
        with transaction.atomic():
            source = _claim(sources, after, wait=wait)
            if source is not None and _is_due(source):
                passages, readings, insights = _analyse_source(source)
                report.sources += 1
                report.passages += passages
                report.readings += readings
                report.insights += insights
    except Exception as error:  # the outermost loop: one source that fails must not keep the others from being read
        if source is None:
            raise
        # Type and place only: a message could quote what was said.
        place = "".join(traceback.format_tb(error.__traceback__))
        log.error("Analysis of source %s failed: %s\n%s", source.pk, type(error).__name__, place)
        _keep_failure(source, error)
        report.failed += 1
    return source


def _claim(sources: QuerySet[Source, Source], after: UUID | None, *, wait: bool) -> Source | None:
    if after is not None:
        sources = sources.filter(pk__gt=after)
    return sources.select_for_update(skip_locked=not wait, no_key=True, of=("self",)).first()


def _is_due(source: Source) -> bool:
    """Asked again under the lock: another process may have read it between our look and our claim."""
    return due(Source.objects.filter(pk=source.pk)).exists()


def _keep_failure(source: Source, error: Exception) -> None:
    reason = f"{type(error).__name__} while reading this source. See the log of {timezone.now():%Y-%m-%d %H:%M} UTC."
    now = timezone.now()
    with transaction.atomic():
        Source.objects.select_for_update(no_key=True).get(pk=source.pk)
        run = _run(source, state=AnalysisRun.State.FAILED, started_at=now, finished_at=now, last_error=reason)
        run.save()
        if _is_due(source):  # nobody else has read it, or replaced it, in the meantime
            _set_session(source, Progress.FAILED, reason)


def _run(source: Source, **fields: Any) -> AnalysisRun:
    analyzers = [{"name": one.name, "version": one.version, "sha256": one.sha256} for one in ANALYZERS]
    return AnalysisRun(
        client_id=source.client_id,
        source=source,
        analyzer_version=VERSION,
        analyzers=analyzers,
        attempts=1,
        **fields,
    )


def _set_session(source: Source, status: Progress, error: str = "") -> None:
    Session.objects.filter(sources=source).update(analysis_status=status, analysis_error=error)


def _analyse_source(source: Source) -> tuple[int, int, int]:
    """Passages, new readings, new insights of a source that is claimed."""
    started_at = _hold_speakers(source)
    lines = _lines_of(source)
    segments = _segments(lines, source.language)
    hashes = [_hash_input(segment) for segment in segments]
    known = _sentiments_read(source, [line.passage for line in lines])
    fresh = [index for index, line in enumerate(lines) if (line.passage, hashes[index]) not in known]
    readings = dict(zip(fresh, read_segments([segments[index] for index in fresh]), strict=True))
    _save_readings(source, [(lines[index].passage, hashes[index], reading) for index, reading in readings.items()])
    again = _read_in_turns(lines, hashes, known, readings)
    stated = readings | dict(zip(again, read_segments([segments[index] for index in again]), strict=True))
    insights = _save_insights(source, [(lines[index], reading) for index, reading in stated.items()])
    sentiments = [
        readings[index].sentiment if index in readings else known[line.passage, hashes[index]]
        for index, line in enumerate(lines)
    ]
    _save_summary(source, lines, segments, sentiments, started_at)
    now = timezone.now()
    _run(
        source,
        state=AnalysisRun.State.DONE,
        started_at=min(started_at, now),
        finished_at=now,
        passages=len(lines),
        readings=len(fresh),
        insights=insights,
    ).save()
    _set_session(source, Progress.COMPLETED)
    return len(lines), len(fresh), insights


def _hold_speakers(source: Source) -> datetime:
    """Roles stay as they are until the results are saved; the database's clock says from when on they count as new."""
    list(Speaker.objects.filter(source=source).select_for_update(no_key=True).values_list("pk"))
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        return cast(datetime, cursor.fetchone()[0])


def _lines_of(source: Source) -> list[_Line]:
    speakers = {
        speaker.pk: speaker.merged_into or speaker
        for speaker in Speaker.objects.filter(source=source).select_related("merged_into")
    }
    rows = Passage.objects.filter(source=source).order_by("sequence")
    lines = []
    for pk, text, speaker_id, start_ms, end_ms in rows.values_list("pk", "text", "speaker", "start_ms", "end_ms"):
        speaker = speakers[speaker_id] if speaker_id else None
        role = Role(speaker.role) if speaker else Role.UNKNOWN
        label = speaker.label if speaker else None
        lines.append(_Line(pk, text, speaker.pk if speaker else None, label, role, start_ms, end_ms))
    return lines


def _segments(lines: Sequence[_Line], declared: str) -> list[Segment]:
    """Each passage with the whole turn before it: what the other one said, in however many passages."""
    segments: list[Segment] = []
    previous: tuple[str, Role] | None = None
    turn: list[_Line] = []
    for line in lines:
        if turn and (line.speaker != turn[-1].speaker or line.speaker is None):
            text = "\n".join(one.text for one in turn)[-_PREVIOUS_TURN_CHARACTERS:]
            previous, turn = (text, turn[-1].role), []
        turn.append(line)
        language = language_of(line.text, declared)
        before, by = previous or (None, None)
        segments.append(Segment(line.text, line.role, before, by, language))
    return segments


def language_of(text: str, declared: str) -> str:
    """The passage's own language; one too short to tell is in the language of its source."""
    if declared != "en" and len(text.split()) < 5:
        return declared
    return detect(text)


def _hash_input(segment: Segment) -> bytes:
    parts = (segment.text, segment.role, segment.previous_text or "", segment.previous_role or "", segment.language)
    digest = hashlib.sha256()
    for part in parts:
        raw = part.encode()
        digest.update(len(raw).to_bytes(8) + raw)
    return digest.digest()


def _sentiments_read(source: Source, passages: list[UUID]) -> dict[tuple[UUID, bytes], float | None]:
    """What these analyzers have read of the source before, by passage and input.

    Asked by key and only where they have: right after an import the planner knows too little of a join.
    """
    done = AnalysisRun.State.DONE
    if not AnalysisRun.objects.filter(source=source, analyzer_version=VERSION, state=done).exists():
        return {}
    rows = Reading.objects.filter(passage__in=passages, analyzer_version=VERSION)
    return {
        (passage, bytes(input_sha256)): sentiment
        for passage, input_sha256, sentiment in rows.values_list("passage", "input_sha256", "sentiment")
    }


def _read_in_turns(
    lines: Sequence[_Line],
    hashes: Sequence[bytes],
    known: Mapping[tuple[UUID, bytes], float | None],
    readings: Mapping[int, SegmentReading],
) -> list[int]:
    """Passages whose speaker went back to an earlier role: read long ago, but what was stated last is of another."""
    inputs = Counter(passage for passage, _ in known)
    return [index for index, line in enumerate(lines) if index not in readings and inputs[line.passage] > 1]


_COLUMNS = "id, passage_id, input_sha256, language, sentiment, keywords"
_CREATE = """
    CREATE TEMPORARY TABLE incoming_reading (
        id uuid, passage_id uuid, input_sha256 bytea, language text, sentiment double precision, keywords jsonb
    ) ON COMMIT DROP"""


def _save_readings(source: Source, readings: Sequence[tuple[UUID, bytes, SegmentReading]]) -> None:
    if not readings:
        return
    with connection.cursor() as cursor:
        cursor.execute(_CREATE)
        with cast(Any, cursor).copy(f"COPY incoming_reading ({_COLUMNS}) FROM STDIN") as copy:
            copy.set_types(["uuid", "uuid", "bytea", "text", "float8", "jsonb"])
            for passage, input_sha256, reading in readings:
                keywords = [_keyword(one) for one in reading.keywords]
                copy.write_row((uuid7(), passage, input_sha256, reading.language, reading.sentiment, Jsonb(keywords)))
        cursor.execute(
            f"INSERT INTO insights_reading (client_id, analyzer_version, {_COLUMNS}) "  # noqa: S608 - columns are ours
            f"SELECT %s, %s, {_COLUMNS} FROM incoming_reading "
            "ON CONFLICT (passage_id, analyzer_version, input_sha256) DO NOTHING",
            [source.client_id, VERSION],
        )
        cursor.execute("DROP TABLE incoming_reading")


def _keyword(finding: Finding) -> dict[str, Any]:
    return {"term": finding.label, "score": finding.score, "spans": finding.spans}


def _save_insights(source: Source, read: Sequence[tuple[_Line, SegmentReading]]) -> int:
    """Publish what is new with its evidence; withdraw what is not found any more and nobody has decided."""
    _withdraw_from_earlier_revisions(source)
    found = {
        _fingerprint(line, finding): (line, finding)
        for line, reading in read
        for finding in reading.findings
        if finding.status != UNSCORED and finding.spans
    }
    of_lines = Insight.objects.filter(source=source, evidence__passage__in=[line.passage for line, _ in read])
    stated = {one.fingerprint: one for one in of_lines.exclude(status=Insight.Status.SUPERSEDED)}
    gone = [
        one.pk
        for fingerprint, one in stated.items()
        if one.status == Insight.Status.PUBLISHED
        and (fingerprint not in found or not _says_the_same(one, _insight(source, fingerprint, *found[fingerprint])))
    ]
    withdrawn = Insight.objects.filter(pk__in=gone, status=Insight.Status.PUBLISHED)
    withdrawn.update(status=Insight.Status.SUPERSEDED)
    kept = set(of_lines.exclude(status=Insight.Status.SUPERSEDED).values_list("fingerprint", flat=True))
    new = [(fingerprint, *found[fingerprint]) for fingerprint in found if fingerprint not in kept]
    insights = [_insight(source, fingerprint, line, finding) for fingerprint, line, finding in new]
    Insight.objects.bulk_create(insights)
    Evidence.objects.bulk_create(
        Evidence(
            client_id=source.client_id,
            insight=insight,
            passage_id=line.passage,
            char_start=start,
            char_end=end,
            quote_sha256=hash_quote(line.text, start, end),
        )
        for insight, (_, line, finding) in zip(insights, new, strict=True)
        for start, end in finding.spans
    )
    Insight.objects.filter(pk__in=[insight.pk for insight in insights]).update(status=Insight.Status.PUBLISHED)
    return len(insights)


def _withdraw_from_earlier_revisions(source: Source) -> None:
    """A corrected transcript takes back what was found in the words it corrects, unless somebody decided on it."""
    if source.revision > 1:
        Insight.objects.filter(
            client_id=source.client_id,
            source__external_id=source.external_id,
            source__superseded_at__isnull=False,
            status=Insight.Status.PUBLISHED,
        ).update(status=Insight.Status.SUPERSEDED)


def _says_the_same(one: Insight, other: Insight) -> bool:
    """The same words may now be somebody else's, or be meant otherwise."""
    return (one.description, one.attributes) == (other.description, other.attributes)


def _fingerprint(line: _Line, finding: Finding) -> str:
    statement = f"{finding.kind}|{finding.label}|{finding.urgent}|{line.passage}|{finding.spans}"
    return hashlib.sha256(statement.encode()).hexdigest()


def _insight(source: Source, fingerprint: str, line: _Line, finding: Finding) -> Insight:
    title, description = statement_of(finding, line.role)
    return Insight(
        client_id=source.client_id,
        source=source,
        session_id=source.session_id,
        kind=finding.kind,
        label=finding.label,
        title=title,
        description=description,
        method=Insight.Method.RULES,
        confidence=finding.score,
        priority=Insight.Priority.URGENT if finding.urgent else Insight.Priority.LOW,
        attributes=dict(finding.attributes),
        analyzer_version=VERSION,
        fingerprint=fingerprint,
    )


def _save_summary(
    source: Source,
    lines: Sequence[_Line],
    segments: Sequence[Segment],
    sentiments: Sequence[float | None],
    analysed_at: datetime,
) -> None:
    heard = [
        sentiment
        for line, sentiment in zip(lines, sentiments, strict=True)
        if sentiment is not None and line.role in CLIENT_SIDE
    ]
    SourceSummary.objects.update_or_create(
        source=source,
        defaults={
            "client_id": source.client_id,
            "occurred_at": source.occurred_at,
            "analyzer_version": VERSION,
            "analysed_at": analysed_at,
            "passages": len(lines),
            "assessed": sum(segment.language == "en" for segment in segments),
            "sentiment": fmean(heard) if heard else None,
            "talk": _talk(lines).to_json(),
        },
    )


def _talk(lines: Sequence[_Line]) -> TalkMetrics:
    return measure_talk([Utterance(line.text, line.label, line.role, line.start_ms, line.end_ms) for line in lines])
