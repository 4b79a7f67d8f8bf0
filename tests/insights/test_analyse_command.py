"""`manage.py analyse`: its report, its exit code, and what many processes and a kill do to it."""

from __future__ import annotations

import csv
import json
import os
import random
import signal
import time
from collections import Counter
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db.models import Count

from clinical.access import UserRole
from clinical.models import Client, Session, User
from insights.analyzers import reading
from insights.models import AnalysisRun, Insight, Reading, SourceSummary
from tests.factories import open_client, sign_up, tell
from tests.insights.test_analysis import Alarm, Faulty
from tests.transcripts.test_import_command import environment, import_sources, manage
from tests.transcripts.test_import_crashes import (  # noqa: F401 - fixtures
    Processes,
    committed,
    deadlocks,
    kept_service_user,
    processes,
    settle,
)
from transcripts.models import Passage, Source

SOURCES, LINES = 12, 150


def analyse(*args: object) -> tuple[int, dict[str, Any]]:
    """Exit code and JSON document."""
    out, code = StringIO(), 0
    try:
        call_command("analyse", *map(str, args), "--json", stdout=out)
    except SystemExit as ended:
        code = int(ended.code or 0)
    return code, json.loads(out.getvalue())


def test_the_report_has_exactly_these_keys(ada: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "ANALYZERS", (*reading.ANALYZERS, Alarm()))
    tell(ada, ["An alarm.", "I sleep badly.", ("therapist", "Since when?")])
    code, report = analyse("--all")
    assert code == 0
    assert isinstance(report.pop("seconds"), float)
    analyzers = report.pop("analyzers")
    assert report == {"passages": 3, "readings": 3, "insights": 1, "failed": 0}
    assert [set(one) for one in analyzers] == [{"name", "version"}] * len(analyzers)
    assert {"sentiment.vader", "keywords.phrases"} <= {one["name"] for one in analyzers}
    again = analyse("--all")[1]
    assert [again[key] for key in ("passages", "readings", "insights", "failed")] == [0, 0, 0, 0]


def test_one_client_one_source_or_all(ada: Client, clara: User) -> None:
    first, _ = tell(ada, ["One."]), tell(ada, ["Two."])
    tell(open_client("BEA", clara), ["Three."])
    assert analyse("--source", first.pk)[1]["passages"] == 1
    assert analyse("--client", "ada")[1]["passages"] == 1
    assert analyse()[1]["passages"] == 1


def test_what_one_may_not_see_is_as_unknown_as_what_is_not_there(ada: Client, ben: User) -> None:
    source = tell(ada, ["One."])
    for options, message in (
        (("--source", str(source.pk)), f"There is no source {source.pk} that you may see"),
        (("--source", str(nobody := uuid4())), f"There is no source {nobody} that you may see"),
        (("--client", "ADA"), f"There is no client “ADA” that {ben.email} may see"),
        (("--client", "EVE"), f"There is no client “EVE” that {ben.email} may see"),
    ):
        with pytest.raises(CommandError, match=message):
            call_command("analyse", *options, "--as", ben.email)
    assert Reading.objects.count() == 0


@pytest.mark.parametrize("options", [("--client", ""), ("--source", ""), ("--source", "42")])
def test_nothing_named_is_not_everything(ada: Client, options: tuple[str, str]) -> None:
    tell(ada, ["One."])
    with pytest.raises(CommandError):
        call_command("analyse", *options)
    assert Reading.objects.count() == 0


def test_intake_may_not_start_an_analysis(db: None) -> None:
    user = sign_up("desk@practice.example", UserRole.INTAKE)
    with pytest.raises(CommandError, match="may not start an analysis"):
        call_command("analyse", "--as", user.email)


def test_a_failure_ends_with_one_and_the_report(
    ada: Client, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tell(ada, ["I told nobody about Zebulon."])
    tell(ada, ["Good."])
    with monkeypatch.context() as broken:
        broken.setattr(reading, "ANALYZERS", (*reading.ANALYZERS, Faulty()))
        code, report = analyse()
    assert (code, report["failed"], report["readings"]) == (1, 1, 1)
    assert "marked as failed, with its reason, and is tried again" in capsys.readouterr().err
    code, report = analyse()
    assert (code, report["failed"], report["readings"]) == (0, 0, 1)


def test_standard_output_is_one_json_document(local: User, tmp_path: Path) -> None:
    """By a real process, which sees nothing that this test has not committed."""
    ended = manage(environment(tmp_path), "analyse", "--all", "--json")
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert json.loads(ended.stdout)["passages"] == 0


def _tell_much() -> None:
    client = open_client("ADA", User.objects.local())
    for number in range(SOURCES):
        tell(client, [f"On day {number} I was happy, and I slept {line} hours." for line in range(LINES)])


def assert_all_is_read_once() -> None:
    assert Reading.objects.count() == SOURCES * LINES
    assert set(Reading.objects.values("passage").annotate(count=Count("id")).values_list("count", flat=True)) == {1}
    assert SourceSummary.objects.count() == SOURCES
    done = AnalysisRun.objects.filter(state="done")
    assert list(Counter(done.values_list("source", flat=True)).values()) == [1] * SOURCES
    assert set(Session.objects.values_list("analysis_status", flat=True)) == {"completed"}


def test_four_processes_at_once_read_each_source_once(processes: Processes) -> None:  # noqa: F811
    before = deadlocks()
    _tell_much()
    for _ in range(4):
        processes.start("analyse", "--all", "--json")
    assert processes.wait() == [0] * 4
    assert_all_is_read_once()
    assert set(AnalysisRun.objects.values_list("readings", flat=True)) == {LINES}
    assert deadlocks() == before


def test_two_processes_that_are_told_the_same_source_read_it_once(processes: Processes) -> None:  # noqa: F811
    source = tell(open_client("ADA", User.objects.local()), ["I was happy."] * 300)
    for _ in range(4):
        processes.start("analyse", "--source", source.pk, "--json")
    assert processes.wait() == [0] * 4
    assert AnalysisRun.objects.count() == 1
    assert Reading.objects.count() == 300


def test_a_killed_analysis_leaves_no_source_half_read_and_the_next_one_completes(
    processes: Processes,  # noqa: F811
) -> None:
    chance = random.Random(4)  # noqa: S311 - the same moments in every run
    _tell_much()
    rounds = 0
    while SourceSummary.objects.count() < SOURCES and rounds < 30:
        rounds += 1
        pids = [processes.start("analyse", "--all", "--json") for _ in range(2)]
        for pid in pids:
            time.sleep(chance.uniform(0.01, 0.06))
            os.kill(pid, signal.SIGKILL)
        assert set(processes.wait()) <= {0, -9}
        settle()
        read = SourceSummary.objects.count()
        assert Reading.objects.count() == read * LINES
        assert AnalysisRun.objects.count() == read
        assert Session.objects.filter(analysis_status="completed").count() == read
    processes.start("analyse", "--all", "--json")
    assert processes.wait() == [0]
    assert rounds > 2
    assert_all_is_read_once()


@pytest.mark.slow
def test_annomi_comes_in_one_to_one_twice_is_nothing_new_and_all_of_it_is_read(shared_data: Path, local: User) -> None:
    """Against a plain reading of the CSV, not ours."""
    folder = shared_data / "therapy" / "annomi"
    if not folder.is_dir():
        pytest.skip(f"AnnoMI is not at {folder}")
    with (folder / "annomi_simple.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    expected: dict[str, list[tuple[str, str, int | None]]] = {}
    for row in rows:
        expected.setdefault(row["transcript_id"], []).append(
            (row["interlocutor"], row["utterance_text"], _seconds(row["timestamp"]))
        )
    assert (len(expected), len(rows)) == (107, 8136)
    code, report = import_sources(folder / "annomi_simple.csv", "--client=ANNOMI", "--create-client")
    assert (code, report["created"], report["passages"], report["errors"]) == (0, 107, 8136, [])
    assert [source["external_id"] for source in report["sources"]] == list(expected)
    found: dict[str, list[tuple[str, str, int | None]]] = {}
    order = Passage.objects.order_by("source", "sequence")
    for name, *said, start in order.values_list("source__external_id", "speaker__label", "text", "start_ms"):
        found.setdefault(str(name), []).append((said[0], said[1], None if start is None else start // 1000))
    assert found == expected
    labels_and_roles = {(one["label"], one["role"]) for source in report["sources"] for one in source["speakers"]}
    assert labels_and_roles == {("therapist", "therapist"), ("client", "client")}
    for name in ("annomi_simple.csv", "annomi_full.csv"):
        code, again = import_sources(folder / name, "--client=ANNOMI")
        assert (code, again["created"], again["skipped"], again["passages"]) == (0, 0, 107, 0)
    assert (Source.objects.count(), Passage.objects.count()) == (107, 8136)
    code, full = import_sources(folder / "annomi_full.csv", "--client=FULL", "--create-client")
    assert (code, full["created"], full["passages"]) == (0, 107, 8136)
    code, read = analyse("--client", "ANNOMI")
    assert (code, read["passages"], read["readings"], read["failed"]) == (0, 8136, 8136, 0)
    assert analyse("--client", "ANNOMI")[1]["readings"] == 0
    assert Reading.objects.filter(client__code="ANNOMI").count() == 8136
    assert Insight.objects.filter(evidence=None).count() == 0


def _seconds(timestamp: str) -> int | None:
    """None where it is malformed."""
    parts = timestamp.split(":")
    if len(parts) != 3 or not all(part.isdigit() and len(part) == 2 for part in parts):
        return None
    hours, minutes, seconds = map(int, parts)
    return hours * 3600 + minutes * 60 + seconds
