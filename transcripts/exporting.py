"""A stored source as a file again: what was imported, in order, with its speakers and times."""

from __future__ import annotations

from transcripts.formats import write_text
from transcripts.formats.base import Transcript, TranscriptPassage
from transcripts.models import Passage, Source
from transcripts.roles import Role


def transcript_of(source: Source) -> Transcript:
    """The source with its merged speakers taken as one. Two queries."""
    passages = Passage.objects.filter(source=source).select_related("speaker__merged_into").order_by("sequence")
    return Transcript(
        id=str(source.pk),
        external_id=source.external_id,
        title=source.title or None,
        kind=source.kind,
        occurred_at=source.occurred_at,
        passages=tuple(_passage(passage) for passage in passages.defer("search", "words").iterator()),
    )


def _passage(passage: Passage) -> TranscriptPassage:
    speaker = passage.speaker and (passage.speaker.merged_into or passage.speaker)
    return TranscriptPassage(
        sequence=passage.sequence,
        speaker=speaker.label if speaker else None,
        role=Role(speaker.role) if speaker else Role.UNKNOWN,
        start_ms=passage.start_ms,
        end_ms=passage.end_ms,
        text=passage.text,
        confidence=passage.confidence,
    )


def export_source(source: Source, format: str) -> str:
    """Raises ExportError where the format cannot hold the source (times for SRT and VTT)."""
    return write_text(transcript_of(source), format)
