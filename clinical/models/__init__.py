"""People, care and access: the models of this app."""

from clinical.models.people import CareTeamMembership, Client, Member, User
from clinical.models.sessions import Attendance, Intervention, Session, SessionIntervention

__all__ = [
    "Attendance",
    "CareTeamMembership",
    "Client",
    "Intervention",
    "Member",
    "Session",
    "SessionIntervention",
    "User",
]
