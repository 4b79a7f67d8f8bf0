"""Users, clients, members and care teams: what the database refuses whoever writes, and what the models do.

Here too: how the suite attacks a rule of the database. Each app has a table of attacks, and
`tests/test_architecture.py` fails for a rule that has none.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import DatabaseError, connection, models, transaction
from psycopg import sql

from clinical.access import UserRole
from clinical.identifiers import uuid7
from clinical.models import CareTeamMembership, Client, Member, User
from clinical.models.base import Record
from tests.factories import open_client, sign_up, tell
from tests.test_lists import one_of_each

Scene = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Attack:
    """A copy of ADA's row with changes, and her row changed in place: `rule` refuses both.

    `rule` is a constraint's name or a trigger's function. A value "@bea.session" is the id of BEA's session.
    Deferred rules are asked at once. With `without`, that trigger is off: the rule behind it holds by itself.
    """

    rule: str
    model: type[models.Model]
    changes: Mapping[str, Any]
    via: tuple[str, ...] = ("insert", "update")
    without: str | None = None

    def statements(self, scene: Scene) -> list[tuple[str, str | None]]:
        """How it was done, and which rule refused it."""
        return [(way, attempt(self.model, self.changes, scene, via=way, without=self.without)) for way in self.via]

    def __str__(self) -> str:
        return f"{self.rule}-{json.dumps(self.changes, default=str)[:60]}"


def scene_of(clara: User) -> dict[str, str]:
    """ADA's and BEA's records, with another source each that nobody has analysed."""
    scene = {"clara": str(clara.pk)}
    for code in ("ada", "bea"):
        rows = one_of_each(code.upper(), clara)
        scene |= {f"{code}.{model._meta.model_name}": str(row.pk) for model, row in rows.items()}
        other = tell(rows[Client], ["Another day."], external_id="other")  # type: ignore[arg-type]
        scene |= {f"{code}.other_source": str(other.pk), f"{code}.other_passage": str(other.passages.get().pk)}
    return scene


def attempt(
    model: type[models.Model], changes: Mapping[str, Any], scene: Scene, *, via: str, without: str | None = None
) -> str | None:
    """Insert a copy of ADA's row with the changes, or update the row itself; the rule that refused it, or None."""
    table = sql.Identifier(model._meta.db_table)
    values = {column: _resolve(value, scene) for column, value in changes.items()}
    key = scene[f"ada.{model._meta.model_name}"]
    if via == "insert":
        values = {"id": str(uuid7())} | values
        stored = [field.column for field in model._meta.concrete_fields if not field.generated]
        columns = sql.SQL(", ").join([sql.Identifier(str(column)) for column in stored])
        statement = sql.SQL(
            "INSERT INTO {table} ({columns}) SELECT {columns} FROM "
            "jsonb_populate_record((SELECT r FROM {table} r WHERE id = {key}), {values})"
        ).format(table=table, columns=columns, key=key, values=json.dumps(values))
    else:
        changed = sql.SQL(", ").join(
            sql.SQL("{column} = given.{column}").format(column=sql.Identifier(column)) for column in values
        )
        statement = sql.SQL(
            "UPDATE {table} r SET {changed} FROM jsonb_populate_record(NULL::{table}, {values}) given "
            "WHERE r.id = {key}"
        ).format(table=table, changed=changed, key=key, values=json.dumps(values))
    return refused_by(statement, without=(model._meta.db_table, without) if without else None)


def _resolve(value: Any, scene: Scene) -> Any:
    return scene[value[1:]] if isinstance(value, str) and value.startswith("@") else value


def refused_by(
    statement: str | sql.Composed, params: tuple[Any, ...] = (), *, without: tuple[str, str] | None = None
) -> str | None:
    """The constraint or the trigger function that refuses the statement, now or at commit; None where none does."""
    cursor: Any
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            if without:
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
                cursor.execute("SET CONSTRAINTS ALL DEFERRED")
                cursor.execute(f"ALTER TABLE {without[0]} DISABLE TRIGGER {without[1]}")
            cursor.execute(statement, params or None)
            changed = cursor.rowcount
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")
    except DatabaseError as error:
        told = error.__cause__.diag  # type: ignore[union-attr]
        raised_in = re.search(r"PL/pgSQL function (\w+)\(", told.context or "")
        return told.constraint_name or (raised_in[1] if raised_in else f"{told.sqlstate} {told.message_primary}")
    assert changed == 1, "the statement reached no row: it shows nothing"
    return None


_BEFORE = "2020-01-01T00:00:00Z"

ATTACKS = (
    *(
        Attack("clinical_user_email_form", User, {"email": email})
        for email in (
            "", "clara", "Clara@practice.example", "clara@practice", "cl ara@practice.example", " clara@x.example",
            "clara@x.example\n", "clara@@x.example", "a@b.c|m", "clara@-.", "clara@x..example",
        )
    ),
    Attack("clinical_user_role_known", User, {"email": "new@x.example", "role": "admin"}),
    Attack("clinical_user_role_known", User, {"email": "new@x.example", "role": ""}),
    Attack("clinical_client_code_unique", Client, {"code": "bea"}),
    *(
        Attack("clinical_client_code_form", Client, {"code": code})
        for code in ("", " ", "\t", "\n", " A", "A ", "A\n", "A\tB", "A\nB", "A\x07", "\u00a0", "\u00a0A", "A\u3000")
    ),
    Attack("clinical_client_kind_known", Client, {"code": "new", "kind": "person"}),
    Attack("clinical_member_name_unique", Member, {}, via=("insert",)),
    Attack("clinical_member_role_known", Member, {"name": "new", "role": "therapist"}),
    Attack("clinical_careteammembership_ends_after_start", CareTeamMembership, {"ends_at": _BEFORE}),
    Attack("clinical_careteammembership_one_open", CareTeamMembership, {"user_id": "@clara", "ends_at": None}),
    Attack("clinical_careteammembership_role_known", CareTeamMembership, {"role": "owner"}),
)  # fmt: skip

ALLOWED: tuple[tuple[type[Record], dict[str, Any]], ...] = (
    (User, {"email": "o'neil.first+tag@mail.practice.example"}),
    (Client, {"code": "ADA 2 (Köln)"}),
    (Client, {"code": "A"}),
    (CareTeamMembership, {"starts_at": _BEFORE, "ends_at": _BEFORE}),  # joined by mistake, and left at once
    (CareTeamMembership, {"ends_at": None}),  # back in the team after having left
)


@pytest.fixture
def scene(clara: User) -> dict[str, str]:
    return scene_of(clara)


@pytest.mark.seed("S3-32", "S4-01", "S2-07")
@pytest.mark.parametrize("attack", ATTACKS, ids=str)
def test_the_database_refuses(attack: Attack, scene: Scene) -> None:
    assert attack.statements(scene) == [(way, attack.rule) for way in attack.via]


@pytest.mark.parametrize(("model", "changes"), ALLOWED, ids=str)
def test_the_database_takes(model: type[Record], changes: dict[str, Any], scene: Scene) -> None:
    assert attempt(model, changes, scene, via="insert" if "email" in changes or "code" in changes else "update") is None


@pytest.mark.seed("S2-07", "S3-01")
def test_an_email_is_taken_once_in_any_case(clara: User) -> None:
    with pytest.raises(ValidationError, match="exists already"):
        sign_up(" CLARA@Practice.Example ")
    copied = (
        "INSERT INTO clinical_user (id, email, password, name, role, is_active, is_verified, is_superuser, profile)"
    )
    values = (
        "SELECT gen_random_uuid(), email, '', '', role, true, false, false, profile FROM clinical_user WHERE id = %s"
    )
    assert str(refused_by(f"{copied} {values}", (clara.pk,))).startswith("clinical_user_email_")


@pytest.mark.seed("S4-12", "S1-70")
@pytest.mark.parametrize(
    ("email", "role", "complaint"),
    [
        ("clara", "clinician", "valid e"),
        ("a@b.c|m", "clinician", "valid e|e-mail"),
        ("clara@x.example", "boss", "not a valid choice"),
    ],
)
def test_a_user_that_cannot_be_is_refused_in_words(db: None, email: str, role: str, complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        sign_up(email, role)
    assert not User.objects.exclude(email="local@service.invalid").exists()


@pytest.mark.seed("S2-01")
def test_a_user_signs_in_by_email_in_any_case(clara: User) -> None:
    assert User.objects.get_by_natural_key(" Clara@PRACTICE.example") == clara
    assert User.USERNAME_FIELD == "email"


def test_a_superuser_is_an_operator_and_may_nothing_more(db: None) -> None:
    boss = User.objects.create_superuser("boss@practice.example", "correct horse battery")
    assert (boss.role, boss.is_superuser, boss.is_staff) == (UserRole.OPERATOR, True, True)
    assert not Client.objects.visible_to(boss).exists()


@pytest.mark.parametrize(
    ("role", "signs_in"),
    [
        ("clinician", True), ("supervisor", True), ("intake", True), ("auditor", True), ("operator", True),
        ("researcher", False), ("billing", False), ("service", False), ("client", False),
    ],
)  # fmt: skip
def test_only_these_roles_sign_in_to_the_admin_and_only_while_active(db: None, role: str, signs_in: bool) -> None:
    user = sign_up("somebody@practice.example", role)
    assert user.is_staff is signs_in
    user.is_active = False
    assert user.is_staff is False


@pytest.mark.seed("S0-14")
@pytest.mark.parametrize(
    ("born", "on", "age"),
    [
        (None, date(2026, 6, 1), None),
        (date(1990, 6, 1), date(2026, 5, 31), 35),
        (date(1990, 6, 1), date(2026, 6, 1), 36),
        (date(2000, 2, 29), date(2026, 2, 28), 25),
        (date(2000, 2, 29), date(2026, 3, 1), 26),
        (date(2026, 6, 1), date(2026, 6, 1), 0),
    ],
)
def test_age_is_in_whole_years(born: date | None, on: date, age: int | None) -> None:
    assert Client(birth_date=born).age(on) == age


def test_a_code_is_taken_once_in_any_case_and_says_so(ada: Client) -> None:
    with pytest.raises(ValidationError, match="A client with this code exists already"):
        Client(code="ada").full_clean()


def test_a_second_open_membership_says_so(ada: Client, clara: User) -> None:
    with pytest.raises(ValidationError, match="in the care team already"):
        CareTeamMembership(client=ada, user=clara).full_clean()


@pytest.mark.parametrize(("role", "place"), [("clinician", "treating"), ("intake", "treating"), ("service", "service")])
def test_whoever_opens_a_record_is_in_its_care_team(db: None, role: str, place: str) -> None:
    opener = sign_up("opener@practice.example", role)
    client = open_client("NEW", opener)
    assert [(one.user, one.role, one.ends_at) for one in client.care_team.all()] == [(opener, place, None)]


@contextmanager
def at_commit() -> Iterator[None]:
    """What is asked at commit is asked here: the suite's transactions never commit."""
    yield
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_a_record_is_opened_whole_or_not_at_all(clara: User) -> None:
    nobody = User(email="nobody@practice.example", role="clinician")  # never saved
    with pytest.raises(DatabaseError), transaction.atomic(), at_commit():
        open_client("NEW", nobody)
    assert not Client.objects.filter(code="NEW").exists()


@pytest.mark.seed("S0-02", "S3-33")
def test_a_client_with_a_record_is_not_deleted_by_cascade(ada: Client) -> None:
    with pytest.raises(models.ProtectedError):
        ada.delete()
    refused = refused_by("DELETE FROM clinical_client WHERE id = %s", (ada.pk,))
    assert str(refused).startswith("clinical_careteammem_client_id")


def test_each_line_of_risk_factors_is_read_or_refused(ada: Client) -> None:
    ada.risk_factors = [{"factor": "bereavement", "severity": "medium", "since": "2023"}]
    ada.save()
    ada.risk_factors = [{"factor": "bereavement", "severity": "awful"}]
    with (
        pytest.raises(ValidationError, match="severity is one of none, low, moderate, high, critical"),
        transaction.atomic(),
    ):
        ada.save()
    ada.refresh_from_db()
    assert ada.risk_factors == [{"factor": "bereavement", "severity": "medium", "since": "2023"}]
