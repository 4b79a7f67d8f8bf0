"""THE rule: which clients somebody may see. Every screen, search, import and export asks it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from clinical.access import PERMITTED, REACH, Action, Reach, UserRole, may
from clinical.models import CareTeamMembership, Client, User
from tests.factories import open_client, sign_up, tell
from tests.test_lists import one_of_each

HOUR = timedelta(hours=1)

READERS = {"clinician", "supervisor", "intake", "service"}
OF_A_TEAM = READERS - {"service"}


def join(
    client: Client,
    user: User,
    role: str = "treating",
    *,
    since: timedelta = -HOUR,
    until: timedelta | None = None,
) -> CareTeamMembership:
    """A membership from and until so long from now."""
    now = timezone.now()
    ends_at = None if until is None else now + until
    return CareTeamMembership.objects.create(
        client=client, user=user, role=role, starts_at=now + since, ends_at=ends_at
    )


def seen_by(user: User) -> list[str]:
    return [client.code for client in Client.objects.visible_to(user)]


@pytest.mark.seed("S2-03", "S2-50", "S2-68", "S4-39")
@pytest.mark.parametrize("role", UserRole.values)
@pytest.mark.parametrize("place", CareTeamMembership.Role.values)
def test_a_role_that_reads_records_sees_those_of_its_care_teams(ada: Client, role: str, place: str) -> None:
    user = sign_up("somebody@practice.example", role)
    join(ada, user, place)
    assert seen_by(user) == (["ADA"] if role in READERS else [])


@pytest.mark.seed("S2-03", "S4-39")
@pytest.mark.parametrize("role", UserRole.values)
def test_outside_the_care_team_only_the_service_sees_anybody(ada: Client, role: str) -> None:
    user = sign_up("somebody@practice.example", role)
    assert seen_by(user) == (["ADA"] if role == "service" else [])


@pytest.mark.seed("S2-50")
@pytest.mark.parametrize(
    ("since", "until", "sees"),
    [
        (-HOUR, None, True),
        (-HOUR, HOUR, True),
        (timedelta(), None, True),
        (-HOUR, -timedelta(seconds=1), False),
        (-HOUR, timedelta(), False),  # until, not including
        (HOUR, None, False),
        (HOUR, 2 * HOUR, False),
    ],
)
def test_a_membership_counts_from_its_start_until_its_end(
    ada: Client, ben: User, since: timedelta, until: timedelta | None, sees: bool
) -> None:
    join(ada, ben, since=since, until=until)
    assert seen_by(ben) == (["ADA"] if sees else [])


@pytest.mark.seed("S2-50")
def test_leaving_a_team_ends_access_at_the_next_query(ada: Client, ben: User) -> None:
    membership = join(ada, ben, "covering")
    caseload = Client.objects.visible_to(ben)
    assert [client.code for client in caseload.all()] == ["ADA"]
    membership.end()
    assert list(caseload.all()) == []


def test_somebody_may_come_back_into_a_team(ada: Client, ben: User) -> None:
    join(ada, ben, since=-3 * HOUR, until=-2 * HOUR)
    assert seen_by(ben) == []
    join(ada, ben)
    assert seen_by(ben) == ["ADA"]


def test_two_memberships_show_a_client_once(ada: Client, ben: User) -> None:
    join(ada, ben, "treating", until=HOUR)
    join(ada, ben, "supervising")
    assert seen_by(ben) == ["ADA"]


@pytest.mark.parametrize("role", sorted(READERS))
def test_an_inactive_user_sees_nobody(ada: Client, role: str) -> None:
    user = sign_up("somebody@practice.example", role)
    join(ada, user)
    User.objects.filter(pk=user.pk).update(is_active=False)
    user.refresh_from_db()
    assert seen_by(user) == []


@pytest.mark.parametrize("role", UserRole.values)
def test_the_superuser_flag_adds_nothing(ada: Client, role: str) -> None:
    plain, flagged = (sign_up(f"{name}@practice.example", role) for name in ("plain", "flagged"))
    User.objects.filter(pk=flagged.pk).update(is_superuser=True)
    flagged.refresh_from_db()
    assert seen_by(flagged) == seen_by(plain)
    assert [flagged.may(action) for action in Action] == [plain.may(action) for action in Action]


def test_a_team_is_one_client_s(ada: Client, clara: User, ben: User) -> None:
    open_client("BEA", ben)
    join(ada, sign_up("both@practice.example"))
    assert (seen_by(clara), seen_by(ben)) == (["ADA"], ["BEA"])


@pytest.mark.seed("S2-68", "S3-53")
def test_every_row_of_a_client_is_seen_by_whom_the_client_is_seen(clara: User, ben: User) -> None:
    """The rule of the client is the rule of all its rows: whatever model has a client asks it."""
    rows = one_of_each("ADA", clara)
    open_client("BEA", ben)
    scoped = [model for model in rows if any(field.name == "client" for field in model._meta.fields)]
    assert len(scoped) >= 13
    for model in scoped:
        visible = model._default_manager.all().visible_to  # type: ignore[attr-defined]
        assert rows[model] in visible(clara), model
        assert set(visible(ben)) <= set(model._default_manager.filter(client__code="BEA")), model
        assert rows[model] in visible(User.objects.local()), model


def test_the_rule_is_one_query_whatever_the_rows(ada: Client, clara: User) -> None:
    source = tell(ada, ["I do not sleep.", "At all."])
    with CaptureQueriesContext(connection) as queries:
        assert len(source.passages.visible_to(clara)) == 2
    assert len(queries) == 1


def test_every_role_has_its_line_in_both_tables() -> None:
    assert set(PERMITTED) == set(REACH) == set(UserRole)


@pytest.mark.parametrize("role", list(UserRole))
def test_who_may_not_read_records_reaches_nobody_s(role: UserRole) -> None:
    assert may(role, Action.READ_RECORD) is (REACH[role] is not Reach.NOBODY)


@pytest.mark.seed("S2-03", "S2-68")
@pytest.mark.parametrize(
    ("action", "roles"),
    [
        (Action.SIGN_IN_TO_ADMIN, {"clinician", "supervisor", "intake", "auditor", "operator"}),
        (Action.MANAGE_USERS, {"operator"}),
        (Action.ADD_CLIENT, {"clinician", "intake", "service"}),
        (Action.READ_RECORD, {"clinician", "supervisor", "intake", "service"}),
        (Action.IMPORT, {"clinician", "intake", "service"}),
        (Action.ANALYSE, {"clinician", "supervisor", "service"}),
        (Action.EXPORT, {"clinician", "supervisor", "service"}),
        (Action.SEARCH, {"clinician", "supervisor", "intake", "service"}),
        (Action.REVIEW, {"clinician", "supervisor"}),
    ],
)
def test_who_may_do_what(action: Action, roles: set[str]) -> None:
    assert {role.value for role in UserRole if may(role, action)} == roles


def test_every_action_has_its_line_above() -> None:
    assert len(Action) == 9


def test_a_role_that_nobody_knows_may_nothing() -> None:
    with pytest.raises(ValueError, match="boss"):
        may("boss", Action.READ_RECORD)
