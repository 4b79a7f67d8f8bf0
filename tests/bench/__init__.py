"""What `make bench` measures, and the form that a measurement is said in."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table. `ratio` is ours over the baseline in the unit's better direction, as `target` reads it."""

    what: str
    ours: str
    baseline: str = ""
    ratio: str = ""
    target: str = ""
    holds: bool | None = None  # None: there is no target

    @property
    def verdict(self) -> str:
        return "" if self.holds is None else "holds" if self.holds else "misses"


@dataclass(slots=True)
class Stopwatch:
    seconds: float = 0.0
    laps: list[float] = field(default_factory=list)

    @contextmanager
    def lap(self) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self.laps.append(time.perf_counter() - began)
        self.seconds += self.laps[-1]


def percentile(values: list[float], share: float) -> float:
    """The value that `share` of all do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, -int(-share * len(ordered) // 1) - 1)]


def rate(count: float, seconds: float) -> str:
    return f"{count / seconds:,.0f}/s"


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:,.1f} ms"
