"""Who asks, and whether their role may: the session cookie of the admin, and the table of roles."""

from __future__ import annotations

from typing import Any

from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from clinical.access import Action
from clinical.api.errors import Problem, Refused
from clinical.models import User

_NO_TOKEN = Problem(
    403,
    "csrf_failed",
    "The request has no valid CSRF token.",
    "Send the value of the cookie csrftoken as the header X-CSRFToken.",
)


class SessionCookie(SessionAuthentication):
    """DRF's, with 401 for nobody: what to do then is to sign in."""

    def authenticate_header(self, request: Request) -> str:
        return "Session"

    def enforce_csrf(self, request: Any) -> None:
        try:
            super().enforce_csrf(request)
        except PermissionDenied as error:
            raise Refused(_NO_TOKEN) from error


class RolePermission(BasePermission):
    """Asks the table of roles for the action that the view declares in `needs`, else for reading the record."""

    def has_permission(self, request: Request, view: Any) -> bool:
        action = getattr(view, "needs", {}).get(getattr(view, "action", None), Action.READ_RECORD)
        return isinstance(request.user, User) and request.user.may(action)
