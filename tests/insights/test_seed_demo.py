"""The demo practice: believable in size and shape, through the same import and analysis, and safe to run again."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as configured
from django.core.management import CommandError, call_command
from django.db import transaction
from django.test import Client as Browser
from pytest_django import DjangoDbBlocker, Settings

from clinical.access import UserRole
from clinical.models import Attendance, CareTeamMembership, Client, Member, Session, User
from clinical.models.sessions import Progress
from insights.models import AnalysisRun, Insight, Reading, SourceSummary
from transcripts.models import ImportJob, Passage, Source, Speaker

DEMO = Path(__file__).resolve().parents[2] / "demo"


def seed(*arguments: str) -> dict[str, Any]:
    said = io.StringIO()
    call_command("seed_demo", "--json", *arguments, stdout=said)
    report: dict[str, Any] = json.loads(said.getvalue())
    return report


@pytest.fixture(scope="module")
def practice(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Any]]:
    """Seeded once for these tests, and taken back after them; each test's own changes are taken back by `undone`."""
    before = configured.ANAMNESIS_DATA_DIR
    configured.ANAMNESIS_DATA_DIR = tmp_path_factory.mktemp("data")
    with django_db_blocker.unblock(), transaction.atomic():
        yield seed()
        transaction.set_rollback(True)
    configured.ANAMNESIS_DATA_DIR = before


@pytest.fixture
def undone(practice: dict[str, Any]) -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@pytest.mark.seed("S4-35", "S1-73")
@pytest.mark.parametrize("url", ["https://anamnesis.example.org", "http://10.0.0.9:8000", "http://0.0.0.0:8000"])
def test_it_refuses_where_the_server_is_reached_from_elsewhere(db: None, settings: Settings, url: str) -> None:
    settings.PUBLIC_URL = url
    with pytest.raises(CommandError, match="invented clients have no place in a real practice"):
        seed()
    assert not Client.objects.exists()
    assert [user.email for user in User.objects.all()] == ["local@service.invalid"]


@pytest.mark.usefixtures("undone")
def test_with_force_it_does_so_all_the_same(settings: Settings) -> None:
    settings.PUBLIC_URL = "https://anamnesis.example.org"
    assert seed("--force")["created"] == 0


@pytest.mark.seed("S4-35", "S1-73")
@pytest.mark.usefixtures("undone")
def test_it_is_a_practice_of_some_months(practice: dict[str, Any]) -> None:
    assert User.objects.filter(role=UserRole.CLINICIAN).count() == 3
    assert User.objects.filter(role=UserRole.SUPERVISOR).count() == 1
    assert Client.objects.count() >= 8
    assert Client.objects.filter(kind__in=["couple", "family"]).exists()
    held = Session.objects.filter(transcript_status=Progress.COMPLETED)
    assert held.count() >= 24
    assert Passage.objects.count() >= 1_200
    first, *_, last = sorted(session.occurred_at for session in held if session.occurred_at)
    assert (last - first).days >= 60
    assert (practice["sources"], practice["created"]) == (Source.objects.count(), Source.objects.count())
    assert (practice["passages"], practice["readings"]) == (Passage.objects.count(), Passage.objects.count())


@pytest.mark.usefixtures("undone")
def test_every_file_of_the_demo_is_imported_without_a_warning_and_none_is_left_over() -> None:
    files = {path.name for path in DEMO.glob("*/*") if path.name != "practice.toml"}
    assert set(Source.objects.values_list("file_name", flat=True)) == files
    assert [(source.file_name, source.warnings) for source in Source.objects.all() if source.warnings] == []
    assert set(Source.objects.values_list("format", flat=True)) == {"whisper", "srt", "vtt", "txt"}
    assert set(ImportJob.objects.values_list("state", flat=True)) == {"done"}


@pytest.mark.usefixtures("undone")
def test_each_transcript_is_of_the_session_that_was_planned_for_it() -> None:
    for source in Source.objects.select_related("session"):
        assert source.session is not None
        assert source.session.title, source.file_name
        assert source.session.status == "completed", source.file_name
        assert source.session.occurred_at == source.occurred_at, source.file_name
    assert Source.objects.values("session").distinct().count() == Source.objects.count()
    assert not Session.objects.filter(title="").exists()


@pytest.mark.usefixtures("undone")
def test_who_speaks_is_known_for_every_speaker() -> None:
    unknown = Speaker.objects.filter(role="unknown").values_list("source__file_name", "label")
    assert list(unknown) == []
    assert set(Speaker.objects.values_list("role", flat=True)) >= {"client", "therapist", "partner"}


@pytest.mark.usefixtures("undone")
def test_everything_is_analysed_and_nothing_failed() -> None:
    assert set(AnalysisRun.objects.values_list("state", flat=True)) == {"done"}
    assert SourceSummary.objects.count() == Source.objects.count()
    assert Reading.objects.count() == Passage.objects.count()
    transcribed = Session.objects.exclude(sources=None)
    assert set(transcribed.values_list("analysis_status", flat=True)) == {"completed"}


@pytest.mark.usefixtures("undone")
def test_there_is_something_to_review_and_all_of_it_has_evidence(practice: dict[str, Any]) -> None:
    assert practice["findings"] == Insight.objects.count()
    assert Insight.objects.filter(status="published").exists()
    assert not Insight.objects.filter(evidence=None).exists()


@pytest.mark.usefixtures("undone")
def test_each_clinician_sees_their_own_clients_and_the_supervisor_all_of_them() -> None:
    for clinician in User.objects.filter(role=UserRole.CLINICIAN):
        seen = set(Client.objects.visible_to(clinician))
        assert seen == set(Client.objects.filter(care_team__user=clinician))
        assert 2 <= len(seen) < Client.objects.count()
    assert Attendance.objects.filter(role="therapist").count() == Session.objects.count()
    assert Member.objects.exists()


@pytest.mark.usefixtures("undone")
def test_everybody_of_the_demo_signs_in_with_the_password_that_is_printed() -> None:
    said = io.StringIO()
    call_command("seed_demo", stdout=said)
    password = (configured.ANAMNESIS_DATA_DIR / "demo_password").read_text().strip()
    for user in User.objects.exclude(role=UserRole.SERVICE):
        assert f"{user.email}  {password}" in said.getvalue()
        assert Browser().login(username=user.email, password=password)


def _rows() -> dict[str, list[Any]]:
    models = (
        User, Client, Member, CareTeamMembership, Session, Attendance, Source, Speaker, Passage, ImportJob,
        Reading, Insight, AnalysisRun, SourceSummary,
    )  # fmt: skip
    return {
        model.__name__: list(model._default_manager.order_by("pk").values_list("pk", flat=True)) for model in models
    }


@pytest.mark.seed("S4-35")
@pytest.mark.usefixtures("undone")
def test_a_second_run_adds_nothing_and_keeps_what_was_changed() -> None:
    client = Client.objects.order_by("code").first()
    assert client is not None
    Client.objects.filter(pk=client.pk).update(name="Somebody else", gender="")
    user = User.objects.get(role=UserRole.SUPERVISOR)
    user.set_password("their own password")
    user.name = "Renamed"
    user.save()
    insight = Insight.objects.filter(status="published").first()
    assert insight is not None
    Insight.objects.filter(pk=insight.pk).update(status="dismissed")
    before = _rows()
    said = io.StringIO()
    call_command("seed_demo", stdout=said)
    after = _rows()
    jobs = len(after.pop("ImportJob")) - len(before.pop("ImportJob"))
    assert after == before
    assert jobs in (0, Source.objects.count())  # an import that found everything there already
    client.refresh_from_db()
    user.refresh_from_db()
    insight.refresh_from_db()
    assert (client.name, client.gender, user.name, insight.status) == ("Somebody else", "", "Renamed", "dismissed")
    assert f"{user.email}  (its own password)" in said.getvalue()
    assert "(0 new)" in said.getvalue()


@pytest.mark.usefixtures("undone")
def test_what_is_missing_is_brought_back() -> None:
    source = Source.objects.order_by("pk").first()
    assert source is not None
    source.delete()
    assert seed()["created"] == 1


@pytest.mark.parametrize("text", sorted(DEMO.glob("*/*.toml")), ids=lambda path: path.parent.name)
def test_nobody_in_the_demo_can_be_reached(text: Path) -> None:
    addresses = [word for word in text.read_text().replace('"', " ").split() if "@" in word]
    assert addresses
    assert all(address.endswith(".invalid") for address in addresses)
