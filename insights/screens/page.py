"""What every screen shares: who asks, whether their role may, and the frame around the content."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.template.response import TemplateResponse

from clinical.access import Action
from clinical.models import Client, User
from clinical.models.shapes import SEVERITIES, read_risk_factors
from insights.queue import count_waiting

KEYS_OFF = "single_keys_off"  # in a user's profile: WCAG 2.1.4


def asker(request: HttpRequest, action: Action = Action.READ_RECORD) -> User:
    """The user, if their role may do this; else 403."""
    user = request.user
    if not isinstance(user, User) or not user.may(action):
        raise PermissionDenied("Your role does not include this. Ask whoever manages users.")
    return user


def by_htmx(request: HttpRequest) -> bool:
    return request.headers.get("HX-Request") == "true"


def show(
    request: HttpRequest, template: str, page: str, title: str, *, status: int = 200, **content: Any
) -> TemplateResponse:
    """A whole page. One query of its own: how many sources wait, for the navigation."""
    user = asker(request)
    waiting = content.pop("waiting", None)
    context = {
        **admin.site.each_context(request),
        "page": page,
        "title": title,
        "asker": user,
        "waiting": count_waiting(user) if waiting is None else waiting,
        "may_review": user.may(Action.REVIEW),
        "may_import": user.may(Action.IMPORT),
        "may_analyse": user.may(Action.ANALYSE),
        "keys_off": keys_off(user),
        **content,
    }
    return TemplateResponse(request, f"workspace/{template}.html", context, status=status)


def keys_off(user: User) -> bool:
    return bool(user.profile.get(KEYS_OFF))


def risk_of(client: Client) -> str | None:
    """The gravest severity among the client's risk factors; None where nobody has assessed one."""
    assessed = [factor.severity for factor in read_risk_factors(client.risk_factors) if factor.severity]
    return max(assessed, key=SEVERITIES.index, default=None)
