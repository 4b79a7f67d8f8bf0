"""The transcript pane: lines with evidence, doubtful words, silences and tone; the first part and what is flagged.

Four queries for any length: speakers, the outline of all passages, the text of the shown ones, and the findings' own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from uuid import UUID

from django.db.models import OuterRef, Q, QuerySet, Subquery

from insights.analysis import CLIENT_SIDE
from insights.charts import Said, Strip, sentiment_strip
from insights.models import Insight, Reading
from insights.queue import UNSURE
from transcripts.models import Passage, Source, Speaker
from transcripts.models.shapes import read_words
from transcripts.roles import Role

CHUNK = 200
SILENCE_MS = 5_000


@dataclass(frozen=True, slots=True)
class Outline:
    """A passage without its text: what the strip, the silences and the gaps need of every one."""

    pk: UUID
    sequence: int
    start_ms: int | None
    end_ms: int | None
    speaker: UUID | None
    sentiment: float | None


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a line. `unsure` is the recogniser's confidence where it doubts, else None."""

    text: str
    marked: bool
    unsure: float | None


@dataclass(frozen=True, slots=True)
class Line:
    sequence: int
    start_ms: int | None
    speaker: str
    role: str
    parts: list[Part]
    sentiment: float | None
    by_client: bool
    flags: list[Insight]
    silence_ms: int | None

    @property
    def is_urgent(self) -> bool:
        return any(flag.priority == Insight.Priority.URGENT for flag in self.flags)


@dataclass(frozen=True, slots=True)
class Gap:
    """Lines that are not on the page yet: loaded when scrolled to, or by the link."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Narrowing:
    """What the reader asks of the lines: words, a speaker, only evidence, only urgent."""

    find: str = ""
    speaker: str = ""
    evidence: bool = False
    flagged: bool = False

    def __bool__(self) -> bool:
        return bool(self.find or self.speaker or self.evidence or self.flagged)


@dataclass(slots=True)
class Transcript:
    source: Source
    outlines: list[Outline]
    speakers: dict[UUID, Speaker]
    insights: Sequence[Insight]
    _by_passage: dict[UUID, list[Insight]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for insight in self.insights:
            for evidence in insight.evidence.all():
                flags = self._by_passage.setdefault(evidence.passage_id, [])
                if insight not in flags:
                    flags.append(insight)

    def __len__(self) -> int:
        return len(self.outlines)

    @property
    def strip(self) -> Strip:
        urgent = {pk for pk, flags in self._by_passage.items() if any(map(_is_urgent, flags))}
        return sentiment_strip(
            [
                Said(one.sequence, one.start_ms, one.end_ms, self._by_client(one), one.sentiment, one.pk in urgent)
                for one in self.outlines
            ]
        )

    @property
    def choices(self) -> list[Speaker]:
        """Speakers to filter by and to name: those that no other one stands for."""
        return [speaker for speaker in self.speakers.values() if speaker.merged_into_id is None]

    def rows(self, begin: int, narrowing: Narrowing) -> list[Line | Gap]:
        """The lines from `begin`, and every flagged one beyond them with a gap before it."""
        if narrowing:
            return self.chunk(begin, self.outlines[-1].sequence if self.outlines else 0, narrowing)
        shown = {one.sequence for one in self.outlines if one.sequence >= begin}
        first = set(sorted(shown)[:CHUNK])
        flagged = {one.sequence for one in self.outlines if one.pk in self._by_passage}
        wanted = first | flagged
        lines = {line.sequence: line for line in self._lines(self._texts().filter(sequence__in=wanted))}
        return list(self._with_gaps(lines))

    def chunk(self, begin: int, end: int, narrowing: Narrowing) -> list[Line | Gap]:
        """The next lines of a gap, with what is left of it."""
        if narrowing:
            rows = self._matching(narrowing, begin)
        else:
            rows = self._texts().filter(sequence__gte=begin, sequence__lte=end)
        lines = list(self._lines(rows[: CHUNK + 1]))
        if len(lines) > CHUNK:
            return [*lines[:CHUNK], Gap(lines[CHUNK].sequence, end)]
        return [*lines]

    def _texts(self) -> QuerySet[Passage]:
        rows = Passage.objects.filter(source=self.source).order_by("sequence")
        return rows.only("id", "sequence", "start_ms", "speaker_id", "text", "words", "confidence")

    def _matching(self, narrowing: Narrowing, begin: int) -> QuerySet[Passage]:
        rows = self._texts().filter(sequence__gte=begin)
        if narrowing.find:
            rows = rows.filter(text__icontains=narrowing.find)
        if narrowing.speaker:
            rows = rows.filter(Q(speaker=narrowing.speaker) | Q(speaker__merged_into=narrowing.speaker))
        if narrowing.evidence:
            rows = rows.filter(pk__in=self._by_passage)
        if narrowing.flagged:
            rows = rows.filter(pk__in=[pk for pk, flags in self._by_passage.items() if any(map(_is_urgent, flags))])
        return rows

    def _with_gaps(self, lines: dict[int, Line]) -> Iterator[Line | Gap]:
        missing: list[int] = []
        for one in self.outlines:
            line = lines.get(one.sequence)
            if line is None:
                missing.append(one.sequence)
                continue
            if missing:
                yield Gap(missing[0], missing[-1])
                missing = []
            yield line
        if missing:
            yield Gap(missing[0], missing[-1])

    def _lines(self, passages: Iterable[Passage]) -> Iterator[Line]:
        silences = dict(find_silences(self.outlines))
        outlines = {one.pk: one for one in self.outlines}
        for passage in passages:
            outline = outlines[passage.pk]
            speaker = self._speaker(outline.speaker)
            yield Line(
                sequence=passage.sequence,
                start_ms=passage.start_ms,
                speaker=_shown(speaker),
                role=speaker.role if speaker else Role.UNKNOWN.value,
                parts=self._parts(passage),
                sentiment=outline.sentiment,
                by_client=self._by_client(outline),
                flags=self._by_passage.get(passage.pk, []),
                silence_ms=silences.get(passage.sequence),
            )

    def _parts(self, passage: Passage) -> list[Part]:
        marks = [
            (evidence.char_start, evidence.char_end)
            for insight in self._by_passage.get(passage.pk, [])
            for evidence in insight.evidence.all()
            if evidence.passage_id == passage.pk
        ]
        return split_text(passage.text, marks, unsure_spans(passage))

    def _speaker(self, pk: UUID | None) -> Speaker | None:
        speaker = self.speakers.get(pk) if pk else None
        merged = self.speakers.get(speaker.merged_into_id) if speaker and speaker.merged_into_id else None
        return merged or speaker

    def _by_client(self, outline: Outline) -> bool:
        speaker = self._speaker(outline.speaker)
        return Role(speaker.role if speaker else Role.UNKNOWN) in CLIENT_SIDE


def read_transcript(source: Source, insights: Sequence[Insight]) -> Transcript:
    """Two queries: speakers, and the outline of every passage with its newest reading."""
    speakers = {speaker.pk: speaker for speaker in Speaker.objects.filter(source=source)}
    newest = Reading.objects.filter(passage=OuterRef("pk")).order_by("-id").values("sentiment")[:1]
    rows = Passage.objects.filter(source=source).order_by("sequence").annotate(tone=Subquery(newest))
    outlines = [Outline(*row) for row in rows.values_list("pk", "sequence", "start_ms", "end_ms", "speaker", "tone")]
    return Transcript(source, outlines, speakers, insights)


def find_silences(outlines: Sequence[Outline]) -> Iterator[tuple[int, int]]:
    """Sequence of the passage after a silence, and its length; measured from the latest end so far."""
    latest: int | None = None
    for one in outlines:
        if latest is not None and one.start_ms is not None and one.start_ms - latest >= SILENCE_MS:
            yield one.sequence, one.start_ms - latest
        if one.end_ms is not None:
            latest = max(latest or 0, one.end_ms)


def unsure_spans(passage: Passage) -> list[tuple[int, int, float]]:
    """Where the recogniser doubts: word by word where it says, else the whole passage."""
    words = read_words(passage.words or ())
    if not words:
        unsure = passage.confidence is not None and passage.confidence < UNSURE
        return [(0, len(passage.text), passage.confidence or 0.0)] if unsure else []
    spans, at = [], 0
    for word in words:
        start = passage.text.find(word.text.strip(), at)
        if start < 0:
            continue
        at = start + len(word.text.strip())
        if word.confidence is not None and word.confidence < UNSURE:
            spans.append((start, at, word.confidence))
    return spans


def split_text(text: str, marks: Sequence[tuple[int, int]], unsure: Sequence[tuple[int, int, float]]) -> list[Part]:
    """The text cut where a mark or a doubtful word begins or ends."""
    cuts = {0, len(text), *(at for mark in marks for at in mark), *(at for one in unsure for at in one[:2])}
    edges = sorted(at for at in cuts if 0 <= at <= len(text))
    return [
        Part(
            text[start:end],
            any(first <= start and end <= last for first, last in marks),
            next((doubt for first, last, doubt in unsure if first <= start and end <= last), None),
        )
        for start, end in pairwise(edges)
    ]


def _is_urgent(insight: Insight) -> bool:
    return insight.priority == Insight.Priority.URGENT


def _shown(speaker: Speaker | None) -> str:
    return (speaker.name or speaker.label) if speaker else "Unnamed"
