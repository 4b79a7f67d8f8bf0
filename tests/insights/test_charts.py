"""Geometry of the charts: numbers in, coordinates out."""

from __future__ import annotations

import pytest

from insights.charts import MOST_BARS, Said, linear, sentiment_strip, sparkline


def _said(count: int, *, timed: bool = True, sentiment: float | None = 0.5, by_client: bool = True) -> list[Said]:
    return [
        Said(at, at * 60_000 if timed else None, (at + 1) * 60_000 if timed else None, by_client, sentiment)
        for at in range(count)
    ]


def test_positive_stands_above_zero_and_negative_below() -> None:
    up, down = sentiment_strip([*_said(1), Said(1, 60_000, 120_000, True, -0.5)]).bars
    assert (up.kind, up.path) == ("pos", "M34.0 22.0h299.6v12.0h-299.6z")
    assert (down.kind, down.path) == ("neg", "M334.0 34.0h299.6v12.0h-299.6z")


def test_what_is_not_assessed_draws_no_bar_and_others_are_a_tick() -> None:
    assert sentiment_strip(_said(3, sentiment=None)).bars == []
    assert [bar.kind for bar in sentiment_strip(_said(2, by_client=False)).bars] == ["th", "th"]


@pytest.mark.parametrize("count", [400, 401, 1_000, 10_000])
def test_a_long_session_has_no_more_bars_than_fit(count: int) -> None:
    bars = sentiment_strip(_said(count)).bars
    assert MOST_BARS / 2 <= len(bars) <= MOST_BARS


def test_urgent_findings_are_marked_where_they_were_said() -> None:
    strip = sentiment_strip([Said(0, 0, 1_000, True, 0.0), Said(7, 1_000, 2_000, True, None, urgent=True)])
    assert [(mark.sequence, mark.x) for mark in strip.marks] == [(7, 334.0)]


def test_without_times_sentences_stand_one_beside_the_other() -> None:
    strip = sentiment_strip(_said(4, timed=False))
    assert strip.timed is False
    assert len(strip.bars) == 4
    assert strip.ticks[0].label == "1"


def test_ticks_are_few_and_whole_minutes() -> None:
    labels = [tick.label for tick in sentiment_strip(_said(50)).ticks]
    assert labels == ["0 min", "10", "20", "30", "40", "50"]


def test_nothing_said_is_an_empty_strip() -> None:
    assert sentiment_strip([]).bars == []


def test_a_line_needs_two_points() -> None:
    assert sparkline([0.3], -1, 1) is None
    line = sparkline([-1, 1], -1, 1)
    assert line is not None
    assert (line.path, line.last) == ("M4.0 26.0 L116.0 4.0", (116.0, 4.0))


def test_an_empty_range_maps_to_its_start() -> None:
    assert linear(5, 5, 10, 20)(5) == 10
