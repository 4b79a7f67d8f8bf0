"""Sessions: numbers, statuses, times; and who was there."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.utils import timezone

from clinical.models import Attendance, Client, Intervention, Session, SessionIntervention, User
from clinical.models.base import Record
from clinical.models.sessions import IllegalTransition, Progress
from tests.clinical.test_people import Attack, Scene, attempt, refused_by, scene_of
from tests.factories import open_client, sign_up

NOON, LATER = "2026-03-02T12:00:00Z", "2026-03-02T12:00:01Z"
START = datetime(2026, 3, 2, 12, tzinfo=UTC)

ATTACKS = (
    Attack("clinical_session_number_unique", Session, {}, via=("insert",)),
    Attack("clinical_session_number_from_one", Session, {"number": 0}),
    Attack(
        "clinical_session_scheduled_end_after_start", Session, {"scheduled_start": LATER, "scheduled_end": NOON}
    ),
    Attack("clinical_session_actual_end_after_start", Session, {"actual_start": LATER, "actual_end": NOON}),
    Attack("clinical_session_type_known", Session, {"session_type": "couple"}),
    Attack("clinical_session_type_known", Session, {"session_type": ""}),
    Attack("clinical_session_status_known", Session, {"status": "done"}),
    Attack("clinical_session_approach_known", Session, {"therapy_approach": "CBT"}),
    Attack("clinical_session_progress_known", Session, {"transcript_status": "done"}),
    Attack("clinical_session_progress_known", Session, {"analysis_status": ""}),
    Attack(
        "clinical_session_failed_analysis_says_why", Session, {"analysis_status": "failed", "analysis_error": ""}
    ),
    Attack("clinical_attendance_once", Attendance, {}, via=("insert",)),
    Attack("clinical_attendance_one_person", Attendance, {"user_id": "@clara"}),
    Attack("clinical_attendance_role_known", Attendance, {"role": "unknown"}),
    Attack("clinical_attendance_session_of_client", Attendance, {"session_id": "@bea.session"}),
    Attack("clinical_attendance_member_of_client", Attendance, {"member_id": "@bea.member"}),
    Attack("clinical_sessionintervention_once", SessionIntervention, {}, via=("insert",)),
    Attack("clinical_sessionintervention_session_of_client", SessionIntervention, {"session_id": "@bea.session"}),
    *(
        Attack("keep_client", model, {"client_id": "@bea.client"}, via=("update",))
        for model in (Session, Attendance, SessionIntervention)
    ),
)  # fmt: skip

ALLOWED: tuple[tuple[type[Record], dict[str, Any]], ...] = (
    (Session, {"number": 7, "scheduled_start": NOON, "scheduled_end": NOON}),
    (Session, {"number": 7, "actual_start": NOON, "actual_end": None}),
    (Session, {"number": 7, "actual_start": None, "actual_end": NOON}),  # the start nobody wrote down
    (Session, {"number": 7, "analysis_status": "failed", "analysis_error": "MemoryError while reading."}),
    (Attendance, {"member_id": None, "user_id": "@clara"}),
    (Attendance, {"member_id": None, "user_id": None}),  # somebody whom nobody named
    (Attendance, {"role": "observer"}),
)


@pytest.fixture
def scene(clara: User) -> dict[str, str]:
    return scene_of(clara)


@pytest.mark.seed("S1-45", "S1-49", "S0-07", "S0-08", "S0-10", "S0-11", "S1-50")
@pytest.mark.parametrize("attack", ATTACKS, ids=str)
def test_the_database_refuses(attack: Attack, scene: Scene) -> None:
    assert attack.statements(scene) == [(way, attack.rule) for way in attack.via]


@pytest.mark.parametrize(("model", "changes"), ALLOWED, ids=str)
def test_the_database_takes(model: type[Record], changes: dict[str, Any], scene: Scene) -> None:
    assert attempt(model, changes, scene, via="insert") is None


@pytest.fixture
def local_again(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """A test that commits empties every table when it ends, the migrations' service user too: put it back."""
    yield
    with django_db_blocker.unblock():
        User.objects.get_or_create(email="local@service.invalid", defaults={"name": "local", "role": "service"})


@pytest.fixture
def committing(local_again: None, transactional_db: None) -> None:
    """Real commits, so that other connections see them."""


def at_once(count: int, act: Callable[[int], Any]) -> list[Any]:
    """Each call on a connection of its own, all starting together; what each returned or raised."""
    gate = threading.Barrier(count)

    def one(number: int) -> Any:
        try:
            gate.wait()
            return act(number)
        except Exception as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(one, range(count)))


@pytest.mark.seed("S0-57", "S1-45")
def test_each_client_has_its_own_numbers(ada: Client, clara: User) -> None:
    bea = open_client("BEA", clara)
    made = [Session.objects.schedule(client=client, start=START) for client in (ada, ada, bea, ada)]
    assert [(session.client.code, session.number, session.status) for session in made] == [
        ("ADA", 1, "scheduled"), ("ADA", 2, "scheduled"), ("BEA", 1, "scheduled"), ("ADA", 3, "scheduled"),
    ]  # fmt: skip


def test_a_number_that_was_given_stays_given_when_an_earlier_session_goes(ada: Client) -> None:
    first, _ = (Session.objects.schedule(client=ada, start=START) for _ in range(2))
    first.delete()
    assert Session.objects.schedule(client=ada, start=START).number == 3


@pytest.mark.seed("S1-45")
@pytest.mark.usefixtures("committing")
def test_sessions_scheduled_at_once_get_different_numbers() -> None:
    client = open_client("ADA", sign_up("clara@practice.example"))
    made = at_once(6, lambda _: Session.objects.schedule(client=client, start=START).number)
    assert sorted(made) == [1, 2, 3, 4, 5, 6]


@pytest.mark.seed("S0-58")
def test_a_client_s_sessions_come_in_order_and_alone(ada: Client, clara: User) -> None:
    Session.objects.schedule(client=open_client("BEA", clara), start=START)
    later, earlier = (Session.objects.schedule(client=ada, start=start) for start in (START + timedelta(9), START))
    assert list(Session.objects.for_client(ada)) == [later, earlier]


LEGAL = {
    ("scheduled", "in_progress"), ("scheduled", "completed"), ("scheduled", "cancelled"), ("scheduled", "no_show"),
    ("scheduled", "rescheduled"),
    ("in_progress", "completed"), ("in_progress", "cancelled"),
    ("rescheduled", "scheduled"), ("rescheduled", "cancelled"),
}  # fmt: skip


@pytest.mark.seed("S0-08", "S0-59", "S1-47")
@pytest.mark.parametrize("before", Session.Status.values)
@pytest.mark.parametrize("after", [*Session.Status.values, "finished", ""])
def test_a_session_moves_only_where_it_may(ada: Client, before: str, after: str) -> None:
    session = Session.objects.schedule(client=ada, start=START, status=before)
    if (before, after) in LEGAL:
        session.move_to(after)
        assert session.status == after
        session.refresh_from_db()
        assert session.status == after
    else:
        with pytest.raises(IllegalTransition, match=f"A session that is {before} cannot become {after}"):
            session.move_to(after)
        session.refresh_from_db()
        assert session.status == before


@pytest.mark.seed("S0-59")
def test_a_move_against_what_somebody_else_did_meanwhile_is_refused(ada: Client) -> None:
    session = Session.objects.schedule(client=ada, start=START)
    stale = Session.objects.get(pk=session.pk)
    session.move_to("cancelled")
    with pytest.raises(IllegalTransition, match="in the meantime"):
        stale.move_to("completed")
    assert Session.objects.get(pk=session.pk).status == "cancelled"
    assert stale.status == "scheduled"


@pytest.mark.usefixtures("committing")
def test_of_two_who_move_a_session_at_once_one_wins() -> None:
    client = open_client("ADA", sign_up("clara@practice.example"))
    for _ in range(5):
        session = Session.objects.schedule(client=client, start=START)
        copies = [Session.objects.get(pk=session.pk) for _ in range(4)]
        results = at_once(4, lambda number, copies=copies: copies[number].move_to("in_progress"))  # type: ignore[misc]
        assert sorted(type(result).__name__ for result in results) == ["IllegalTransition"] * 3 + ["NoneType"]


def test_a_moved_session_says_when(ada: Client) -> None:
    session = Session.objects.schedule(client=ada, start=START)
    before = session.updated_at
    session.move_to("completed")
    assert before < session.updated_at <= timezone.now()
    assert Session.objects.get(pk=session.pk).updated_at > before


@pytest.mark.seed("S0-06", "S2-20", "S1-49")
@pytest.mark.parametrize(
    ("start", "end", "entered", "minutes"),
    [
        (START, START + timedelta(minutes=50), None, 50),
        (START, START + timedelta(minutes=50, seconds=40), None, 51),
        (START, START, None, 0),
        (START, None, None, None),
        (None, START, None, None),
        (None, None, None, None),
        (START, START + timedelta(minutes=50), 45, 45),
    ],
)
def test_completing_fills_the_duration_unless_somebody_entered_one(
    ada: Client, start: datetime | None, end: datetime | None, entered: int | None, minutes: int | None
) -> None:
    session = Session.objects.schedule(
        client=ada, start=START, actual_start=start, actual_end=end, duration_minutes=entered
    )
    assert session.duration == (end - start if start and end else None)
    session.move_to("completed")
    session.refresh_from_db()
    assert session.duration_minutes == minutes


@pytest.mark.seed("S0-05")
@pytest.mark.parametrize(
    ("planned", "actual", "occurred"),
    [(START, None, START), (START, START + timedelta(minutes=7), START + timedelta(minutes=7)), (None, None, None)],
)
def test_a_session_occurred_when_it_began_or_else_when_it_was_planned(
    ada: Client, planned: datetime | None, actual: datetime | None, occurred: datetime | None
) -> None:
    session = Session.objects.schedule(client=ada, start=planned, actual_start=actual)
    assert Session.objects.get(pk=session.pk).occurred_at == occurred


def test_when_a_session_occurred_cannot_be_written(ada: Client) -> None:
    session = Session.objects.schedule(client=ada, start=START)
    refused = refused_by("UPDATE clinical_session SET occurred_at = now() WHERE id = %s", (session.pk,))
    assert refused is not None
    assert refused.startswith("428C9")  # generated always


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"scheduled_start": START, "scheduled_end": START - timedelta(1)}, "planned end is not before its start"),
        ({"actual_start": START, "actual_end": START - timedelta(1)}, "ends at or after its start"),
        ({"status": "done"}, "not a valid choice"),
    ],
)
def test_a_session_that_cannot_be_is_refused_in_words(ada: Client, fields: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        Session(client=ada, number=1, **fields).full_clean()


def test_failed_is_a_state_of_its_own() -> None:
    assert Progress.values == ["pending", "processing", "completed", "failed"]


@pytest.mark.seed("S1-50")
def test_a_session_names_the_interventions_that_it_used(ada: Client) -> None:
    session = Session.objects.schedule(client=ada, start=START)
    record, breathing = (Intervention.objects.create(name=name) for name in ("Thought record", "Breathing"))
    SessionIntervention.objects.create(client=ada, session=session, intervention=record)
    assert list(session.interventions.all()) == [record]
    assert list(breathing.sessions.all()) == []


@pytest.mark.seed("S1-48")
def test_an_attendance_goes_with_its_session(ada: Client, clara: User) -> None:
    session = Session.objects.schedule(client=ada, start=START)
    Attendance.objects.create(client=ada, session=session, role="therapist", user=clara)
    assert [(one.user, one.attended) for one in session.attendances.all()] == [(clara, None)]
    session.delete()
    assert not Attendance.objects.exists()
