"""Geometry of the charts: numbers in, coordinates out. Templates make inline SVG of it. Pure.

Coordinates are SVG user units with y growing downwards; times are milliseconds from the start of the source.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean

MOST_BARS = 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 34.0, 6.0, 10.0, 58.0
_TICKS = 6


@dataclass(frozen=True, slots=True)
class Said:
    """One passage of the strip. `sentiment` None is "not assessed" and draws no bar."""

    sequence: int
    start_ms: int | None
    end_ms: int | None
    by_client: bool
    sentiment: float | None
    urgent: bool = False


@dataclass(frozen=True, slots=True)
class Bar:
    """`kind` is pos, neg or th (the therapist speaking); `path` draws it."""

    sequence: int
    kind: str
    path: str


@dataclass(frozen=True, slots=True)
class Mark:
    sequence: int
    x: float


@dataclass(frozen=True, slots=True)
class Tick:
    x: float
    label: str


@dataclass(frozen=True, slots=True)
class Strip:
    """`timed` is False where the file has no times: then passages stand one beside the other."""

    width: int
    height: int
    zero: float
    left: float
    bars: list[Bar]
    marks: list[Mark]
    ticks: list[Tick]
    timed: bool


@dataclass(frozen=True, slots=True)
class Sparkline:
    width: int
    height: int
    path: str
    last: tuple[float, float]


def linear(low: float, high: float, to_low: float, to_high: float) -> Callable[[float], float]:
    """Maps low..high onto to_low..to_high; an empty range maps to its start."""
    factor = (to_high - to_low) / ((high - low) or 1)
    return lambda value: round(to_low + (value - low) * factor, 1)


def sentiment_strip(passages: Sequence[Said], width: int = 640, height: int = 76) -> Strip:
    """Client bars above and below zero, ticks where others speak, a mark at each urgent finding."""
    spans, timed = _spans(passages)
    end = max((span[1] for span in spans), default=0.0)
    x, y = linear(0, end, _LEFT, width - _RIGHT), linear(1, -1, _TOP, _BOTTOM)
    bars = [
        _bar(group, begin, until, x, y)
        for group, begin, until in _gather(passages, spans)
        if not group[0].by_client or any(said.sentiment is not None for said in group)
    ]
    marks = [Mark(said.sequence, x(span[0])) for said, span in zip(passages, spans, strict=True) if said.urgent]
    return Strip(width, height, y(0), _LEFT, bars, marks, _ticks(end, x, timed), timed)


def _spans(passages: Sequence[Said]) -> tuple[list[tuple[float, float]], bool]:
    """Begin and end of each passage; by position where any start is unknown."""
    if not passages or any(said.start_ms is None for said in passages):
        return [(float(position), position + 1.0) for position in range(len(passages))], False
    starts = [float(said.start_ms or 0) for said in passages]
    ends = [float(said.end_ms or begin) for said, begin in zip(passages, starts, strict=True)]
    return list(zip(starts, ends, strict=True)), True


def _gather(
    passages: Sequence[Said], spans: Sequence[tuple[float, float]]
) -> list[tuple[Sequence[Said], float, float]]:
    """At most MOST_BARS groups of neighbours of one side, each with its begin and end."""
    step = -(-len(passages) // MOST_BARS) or 1
    groups: list[tuple[Sequence[Said], float, float]] = []
    for at in range(0, len(passages), step):
        for by_client in (True, False):
            members = [
                index for index in range(at, min(at + step, len(passages))) if passages[index].by_client is by_client
            ]
            if members:
                said = [passages[index] for index in members]
                groups.append((said, spans[members[0]][0], max(spans[index][1] for index in members)))
    return groups


def _bar(
    group: Sequence[Said], begin: float, until: float, x: Callable[[float], float], y: Callable[[float], float]
) -> Bar:
    left = x(begin)
    width = round(max(1.6, x(until) - left - 0.4), 1)
    known = [said.sentiment for said in group if said.sentiment is not None]
    if not group[0].by_client:
        return Bar(group[0].sequence, "th", _box(left, round(y(0) - 1, 1), width, 2.5))
    value = fmean(known)
    height = round(max(1.5, abs(y(0) - y(value))), 1)
    box = _box(left, min(y(0), y(value)), width, height)
    return Bar(group[0].sequence, "neg" if value < 0 else "pos", box)


def _box(x: float, y: float, width: float, height: float) -> str:
    """One string a bar: four attributes each cost a template more than the geometry does."""
    return f"M{x} {y}h{width}v{height}h-{width}z"


def _ticks(end: float, x: Callable[[float], float], timed: bool) -> list[Tick]:
    unit = 60_000 if timed else 1
    count = int(end // unit)
    step = next((step for step in (1, 2, 5, 10, 20, 30, 60, 100, 200, 500) if count / step <= _TICKS), 1_000)
    first = "0 min" if timed else "1"
    return [Tick(x(at * unit), first if at == 0 else str(at)) for at in range(0, count + 1, step)]


def sparkline(values: Sequence[float], low: float, high: float, width: int = 120, height: int = 30) -> Sparkline | None:
    """A line on a fixed scale; None for fewer than two points: a number says more than a line without length."""
    if len(values) < 2:
        return None
    pad = 4
    x, y = linear(0, len(values) - 1, pad, width - pad), linear(low, high, height - pad, pad)
    points = [(x(index), y(value)) for index, value in enumerate(values)]
    path = " ".join(f"{'L' if index else 'M'}{left} {top}" for index, (left, top) in enumerate(points))
    return Sparkline(width, height, path, points[-1])
