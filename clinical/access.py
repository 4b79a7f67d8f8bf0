"""Roles and what each may do: one table, read by commands and admin (and by the API when it comes).

Which clients a user may see is the other half of the rule: `Client.objects.visible_to(user)`.
Pure: no model is imported here, so that models may import it.
"""

from enum import StrEnum, auto

from django.db.models import TextChoices


class UserRole(TextChoices):
    CLINICIAN = "clinician"
    SUPERVISOR = "supervisor"
    INTAKE = "intake"
    RESEARCHER = "researcher"
    BILLING = "billing"
    AUDITOR = "auditor"
    OPERATOR = "operator"
    SERVICE = "service"
    CLIENT = "client"


class Action(StrEnum):
    SIGN_IN_TO_ADMIN = auto()
    MANAGE_USERS = auto()
    ADD_CLIENT = auto()
    READ_RECORD = auto()
    IMPORT = auto()
    ANALYSE = auto()
    EXPORT = auto()
    SEARCH = auto()
    REVIEW = auto()


class Reach(StrEnum):
    """Over whose records a role's actions reach."""

    NOBODY = auto()
    CARE_TEAM = auto()
    EVERYBODY = auto()


_TREATING = frozenset(
    {
        Action.SIGN_IN_TO_ADMIN,
        Action.ADD_CLIENT,
        Action.READ_RECORD,
        Action.IMPORT,
        Action.ANALYSE,
        Action.EXPORT,
        Action.SEARCH,
        Action.REVIEW,
    }
)

# Researchers work on de-identified exports, billing never sees speech, auditors see the audit trail, operators
# keep the machine and see no record: what these four may do comes with the screens that they need.
PERMITTED: dict[UserRole, frozenset[Action]] = {
    UserRole.CLINICIAN: _TREATING,
    UserRole.SUPERVISOR: frozenset(
        {Action.SIGN_IN_TO_ADMIN, Action.READ_RECORD, Action.EXPORT, Action.SEARCH, Action.ANALYSE, Action.REVIEW}
    ),
    UserRole.INTAKE: frozenset(
        {Action.SIGN_IN_TO_ADMIN, Action.ADD_CLIENT, Action.READ_RECORD, Action.IMPORT, Action.SEARCH}
    ),
    UserRole.RESEARCHER: frozenset(),
    UserRole.BILLING: frozenset(),
    UserRole.AUDITOR: frozenset({Action.SIGN_IN_TO_ADMIN}),
    UserRole.OPERATOR: frozenset({Action.SIGN_IN_TO_ADMIN, Action.MANAGE_USERS}),
    UserRole.SERVICE: _TREATING - {Action.SIGN_IN_TO_ADMIN, Action.REVIEW},
    UserRole.CLIENT: frozenset(),
}

REACH: dict[UserRole, Reach] = {
    UserRole.CLINICIAN: Reach.CARE_TEAM,
    UserRole.SUPERVISOR: Reach.CARE_TEAM,
    UserRole.INTAKE: Reach.CARE_TEAM,
    UserRole.RESEARCHER: Reach.NOBODY,
    UserRole.BILLING: Reach.NOBODY,
    UserRole.AUDITOR: Reach.NOBODY,
    UserRole.OPERATOR: Reach.NOBODY,
    UserRole.SERVICE: Reach.EVERYBODY,
    UserRole.CLIENT: Reach.NOBODY,
}


def may(role: str, action: Action) -> bool:
    """A superuser flag adds nothing: only the role counts."""
    return action in PERMITTED[UserRole(role)]
