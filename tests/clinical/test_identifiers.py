"""Keys are uuid7: made by us, in the order of their making, never twice."""

from __future__ import annotations

import multiprocessing
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from uuid import RFC_4122, UUID

import pytest

from clinical.identifiers import uuid7


def _keys(count: int) -> list[UUID]:
    return [uuid7() for _ in range(count)]


def _moment(key: UUID) -> int:
    return key.int >> 80


@pytest.mark.seed("S0-01")
def test_a_key_says_that_it_is_a_uuid_of_version_7() -> None:
    assert {(key.version, key.variant) for key in _keys(1_000)} == {(7, RFC_4122)}


def test_a_key_begins_with_the_millisecond_in_which_it_was_made() -> None:
    time.sleep(0.01)  # whatever counted ahead within a millisecond is behind again
    before = time.time_ns() // 1_000_000
    key = uuid7()
    assert before <= _moment(key) <= time.time_ns() // 1_000_000


def test_each_key_is_greater_than_all_before_it_as_number_and_as_text() -> None:
    keys = _keys(50_000)  # many more than 4,096 in one millisecond
    assert all(one < next_one for one, next_one in pairwise(keys))
    assert all(str(one) < str(next_one) for one, next_one in pairwise(keys))


def test_keys_go_on_growing_when_the_clock_is_set_back(monkeypatch: pytest.MonkeyPatch) -> None:
    before = uuid7()
    hour_ago = time.time_ns() - 3_600 * 10**9
    monkeypatch.setattr(time, "time_ns", lambda: hour_ago)
    first, second = uuid7(), uuid7()
    assert before < first < second
    assert _moment(first) - _moment(before) <= 1


def test_threads_never_get_the_same_key() -> None:
    with ThreadPoolExecutor(8) as threads:
        keys = [key for made in threads.map(_keys, [5_000] * 8) for key in made]
    assert len(set(keys)) == 40_000


def test_forked_processes_never_get_the_same_key() -> None:
    uuid7()  # the state that every child inherits
    with multiprocessing.get_context("fork").Pool(4) as processes:
        keys = [key for made in processes.map(_keys, [5_000] * 8, chunksize=1) for key in made]
    assert len(set(keys)) == 40_000
