"""The demo practice: invented people, brought in through the same import and analysis that everybody uses."""

from __future__ import annotations

import time
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils import timezone

from clinical.models import Attendance, CareTeamMembership, Client, Member, Session, User
from insights.analysis import analyse
from insights.models import Insight
from transcripts.importing import Options, import_files
from transcripts.models import Passage, Source
from transcripts.roles import Role

Advance = Callable[[str, int, int], None]  # step, done, of


@dataclass(frozen=True, slots=True)
class DemoReport:
    users: tuple[User, ...]
    new_sources: int
    sources: int
    passages: int
    findings: int
    read: int
    seconds: float
    analysis_seconds: float


class DemoBroken(Exception):
    """A file of the demo practice was refused: the installation is damaged. Check it out again."""


def seed_practice(folder: Path, *, password: str, advance: Advance) -> DemoReport:
    """Add what is not there yet. What is there stays as it is, also where somebody changed it."""
    began = time.perf_counter()
    users = tuple(_user(given, password) for given in _load(folder / "practice.toml")["user"])
    given_clients = [
        (path.parent, given) for path in sorted(folder.glob("*/practice.toml")) for given in _load(path)["client"]
    ]
    for _, given in given_clients:
        if not Client.objects.filter(code=given["code"]).exists():
            _add_client(given)
    new = _import(list(_files(given_clients)), advance)
    analysis = analyse(actor=User.objects.local(), advance=lambda passages: advance("Analysing", passages, 0))
    if analysis.failed:
        raise DemoBroken(f"{analysis.failed} sources could not be analysed.")
    of_demo = [given["code"] for _, given in given_clients]
    return DemoReport(
        users=users,
        new_sources=new,
        sources=Source.objects.filter(client__code__in=of_demo).count(),
        passages=Passage.objects.filter(client__code__in=of_demo).count(),
        findings=Insight.objects.filter(client__code__in=of_demo).count(),
        read=analysis.readings,
        seconds=time.perf_counter() - began,
        analysis_seconds=analysis.seconds,
    )


def _load(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text(encoding="utf-8"))


def _user(given: dict[str, Any], password: str) -> User:
    user = User.objects.filter(email=given["email"]).first()
    return user or User.objects.create_user(given["email"], role=given["role"], name=given["name"], password=password)


@transaction.atomic
def _add_client(given: dict[str, Any]) -> None:
    plain = ("code", "kind", "name", "birth_date", "gender", "demographics", "preferences", "risk_factors")
    client = Client(**{name: given[name] for name in (*plain, "treatment_history") if name in given})
    client.full_clean()
    client.save()
    for place in given["care_team"]:
        CareTeamMembership.objects.create(
            client=client,
            user=User.objects.get(email=place["user"]),
            role=place["role"],
            starts_at=_midnight(place["from"]),
        )
    members = [Member.objects.create(client=client, **member) for member in given.get("members", [])]
    therapist = User.objects.get(email=given["care_team"][0]["user"])
    for session in sorted(given["session"], key=lambda one: one["scheduled_start"]):
        _add_session(client, session, members, therapist)


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, datetime.min.time()))


def _add_session(client: Client, given: dict[str, Any], members: list[Member], therapist: User) -> None:
    start, minutes = given["scheduled_start"], given.get("duration_minutes")
    held = "file" in given
    end = start + timedelta(minutes=minutes) if minutes else None
    session = Session.objects.schedule(
        client=client,
        start=start,
        scheduled_end=end,
        title=given.get("title", ""),
        session_type=given.get("session_type", Session.Type.INDIVIDUAL),
        therapy_approach=given.get("therapy_approach", ""),
        status=given.get("status", Session.Status.COMPLETED if held else Session.Status.SCHEDULED),
        actual_start=start if held else None,
        actual_end=end if held else None,
        duration_minutes=minutes if held else None,
    )
    attended = held or None
    Attendance.objects.create(client=client, session=session, role="therapist", user=therapist, attended=attended)
    for member in members:
        role = member.role if member.role in Attendance.Role.values else Attendance.Role.FAMILY
        Attendance.objects.create(client=client, session=session, role=role, member=member, attended=attended)


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    options: Options


def _files(clients: list[tuple[Path, dict[str, Any]]]) -> Iterator[_File]:
    for folder, given in clients:
        actor = User.objects.get(email=given["care_team"][0]["user"])
        for session in given["session"]:
            if "file" in session:
                roles = {label: Role(role) for label, role in session.get("speakers", {}).items()}
                options = Options(given["code"], actor, occurred_at=session["scheduled_start"], roles=roles)
                yield _File(folder / session["file"], options)


def _import(files: list[_File], advance: Advance) -> int:
    created = 0
    for number, file in enumerate(files):
        advance("Importing", number, len(files))
        report = import_files([file.path], file.options)
        if report.errors:
            raise DemoBroken(f"{report.errors[0].file}: {report.errors[0].message}")
        created += report.created
    return created
