"""What stands in the JSON columns of insights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Keyword:
    """A phrase of one passage. `score` 0..1; `spans` are half-open code-point positions in the passage's text."""

    term: str
    score: float
    spans: tuple[tuple[int, int], ...]

    @classmethod
    def read(cls, value: Any) -> Keyword:
        if not 0 <= value["score"] <= 1:
            raise ValueError("a keyword's score lies between 0 and 1.")
        return cls(str(value["term"]), float(value["score"]), tuple((start, end) for start, end in value["spans"]))


def read_keywords(value: Any) -> tuple[Keyword, ...]:
    if not isinstance(value, list):
        raise TypeError("expected a list of keywords.")
    return tuple(Keyword.read(one) for one in value)


def read_emotions(value: Any) -> dict[str, float]:
    """Scores 0..1 by emotion. A passage that nobody assessed has NULL instead."""
    if not isinstance(value, dict):
        raise TypeError("expected an object of scores by emotion.")
    scores = {str(name): float(score) for name, score in value.items()}
    if any(not 0 <= score <= 1 for score in scores.values()):
        raise ValueError("an emotion's score lies between 0 and 1.")
    return scores


@dataclass(frozen=True, slots=True)
class AnalyzerVersion:
    name: str
    version: str
    sha256: str

    @classmethod
    def read(cls, value: Any) -> AnalyzerVersion:
        return cls(value["name"], value["version"], value["sha256"])


def read_analyzers(value: Any) -> tuple[AnalyzerVersion, ...]:
    return tuple(AnalyzerVersion.read(one) for one in value)


@dataclass(frozen=True, slots=True)
class CrisisAttributes:
    """How a piece of crisis language was said; empty for insights of other kinds."""

    polarity: str
    time: str
    experiencer: str
    modality: str

    @classmethod
    def read(cls, value: Any) -> CrisisAttributes | None:
        if not value:
            return None
        return cls(value["polarity"], value["time"], value["experiencer"], value["modality"])


def read_recommendations(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise TypeError("expected a list of texts.")
    return tuple(value)
