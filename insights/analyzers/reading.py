"""All analyzers over a batch of segments: the one reading that analysis and `analyse_text` share. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from insights.analyzers import keywords, sentiment, talk
from insights.analyzers.base import Analyzer, Finding, Segment
from insights.analyzers.crisis import CrisisLanguage

ANALYZERS: tuple[Analyzer, ...] = (sentiment.SentimentAnalyzer(), keywords.KeywordAnalyzer(), CrisisLanguage())


@dataclass(frozen=True, slots=True)
class SegmentReading:
    """What all analyzers say of one segment. None is "not assessed"."""

    language: str
    sentiment: float | None
    keywords: tuple[Finding, ...]
    findings: tuple[Finding, ...]


def _version() -> str:
    """Changes when any analyzer's version or rules change, or the talk metrics beside them."""
    parts = [f"{one.name} {one.version} {one.sha256}" for one in ANALYZERS]
    return hashlib.sha256("\n".join([*parts, f"talk {talk.VERSION}"]).encode()).hexdigest()[:12]


VERSION = _version()


def read_segments(segments: Sequence[Segment]) -> list[SegmentReading]:
    """One reading a segment, in order."""
    by_analyzer = [analyzer.analyze(segments) for analyzer in ANALYZERS]
    return [
        _merge(segment, [finding for findings in of_segment for finding in findings])
        for segment, *of_segment in zip(segments, *by_analyzer, strict=True)
    ]


def _merge(segment: Segment, findings: list[Finding]) -> SegmentReading:
    score = next((one.score for one in findings if one.kind == sentiment.KIND), None)
    return SegmentReading(
        language=segment.language,
        sentiment=score,
        keywords=tuple(one for one in findings if one.kind == keywords.KIND),
        findings=tuple(one for one in findings if one.kind not in (sentiment.KIND, keywords.KIND)),
    )
