"""One form for every error: {"code", "message", "field", "next_step"}, and `errors` where there are several."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.apps import apps
from django.core import exceptions as django_errors
from django.db import DataError, IntegrityError, connection
from django.http import Http404
from rest_framework import exceptions
from rest_framework.response import Response

_UNIQUE, _CHECK = "23505", "23514"  # SQLSTATE
_CORRECT = "Correct it and send the request again."


@dataclass(frozen=True, slots=True)
class Problem:
    status: int
    code: str
    message: str
    next_step: str
    field: str | None = None
    more: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        form = {"code": self.code, "message": self.message, "field": self.field, "next_step": self.next_step}
        return {**form, **self.more}


class Refused(exceptions.APIException):
    """A refusal that says all of its problem itself."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message, problem.code)
        self.problem = problem
        self.status_code = problem.status


@dataclass(frozen=True, slots=True)
class RefusedAs:
    """How an error of a verb is answered: the verb's own words are the message."""

    status: int
    code: str
    next_step: str


Refusals = Mapping[type[Exception], RefusedAs]

# By status: what DRF's own exceptions are called here, in words that say what to do.
_PLAIN: dict[int, tuple[str, str, str]] = {
    401: ("not_signed_in", "Nobody is signed in.", "Sign in at /admin/login/ and send the session cookie."),
    403: ("not_permitted", "Your role may not do this.", "Ask somebody whose role may, or an operator about yours."),
    404: ("not_found", "There is nothing here that you may see.", "Check the address; every address ends in a slash."),
    405: ("method_not_allowed", "This address does not take this method.", "See /api/v1/docs/ for what it takes."),
    406: ("not_acceptable", "The API answers in JSON alone.", "Send Accept: application/json, or leave it out."),
    415: ("unsupported_media_type", "This address does not read this content type.", "See /api/v1/docs/."),
    429: ("too_many_requests", "Too many requests.", "Wait, then go on."),
}


def answer_error(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """DRF's exception handler. None is an error of ours: a 500 and a traceback in the log."""
    problem = problem_of(error, getattr(context.get("view"), "refusals", {}))
    if problem is None:
        return None
    _roll_back()
    header = getattr(error, "auth_header", None)
    headers = {"WWW-Authenticate": header} if header else None
    return Response(problem.as_json(), status=problem.status, headers=headers)


def _roll_back() -> None:
    """As `rest_framework.views.set_rollback`, which cannot be imported from what DRF's own settings name."""
    if connection.settings_dict["ATOMIC_REQUESTS"] and connection.in_atomic_block:
        connection.set_rollback(True)


def problem_of(error: Exception, refusals: Refusals) -> Problem | None:
    for kind, refused in refusals.items():
        if isinstance(error, kind):
            return Problem(refused.status, refused.code, str(error), refused.next_step)
    match error:
        case Refused():
            return error.problem
        case exceptions.ValidationError():
            return _invalid(list(_flatten(error.detail)))
        case django_errors.ValidationError():
            return _invalid(list(_flatten(exceptions.ValidationError(_detail(error)).detail)))
        case Http404() | exceptions.NotFound():
            return _plain(404)
        case django_errors.PermissionDenied():
            return _plain(403)
        case exceptions.ParseError():
            return Problem(400, "malformed", str(error.detail), _CORRECT)
        case exceptions.APIException() if error.status_code in _PLAIN:
            return _plain(error.status_code)
        case IntegrityError() | DataError():
            return _of_database(error)
        case django_errors.SuspiciousOperation():
            return Problem(400, "malformed", "The request is not one that this server reads.", _CORRECT)
    return None


def _plain(status: int) -> Problem:
    code, message, next_step = _PLAIN[status]
    return Problem(status, code, message, next_step)


def _detail(error: django_errors.ValidationError) -> Any:
    return error.message_dict if hasattr(error, "error_dict") else error.messages


def _flatten(detail: Any, path: str = "") -> Iterator[dict[str, Any]]:
    """Every message with the way to its field: `roles.0.role`."""
    if isinstance(detail, dict):
        for name, inner in detail.items():
            step = "" if name in ("non_field_errors", "__all__") else str(name)
            yield from _flatten(inner, ".".join(part for part in (path, step) if part))
    elif isinstance(detail, list):
        for index, inner in enumerate(detail):
            nested = isinstance(inner, dict | list)
            yield from _flatten(inner, f"{path}.{index}".lstrip(".") if nested else path)
    else:
        code = getattr(detail, "code", None) or "invalid"
        yield {"code": code, "message": str(detail), "field": path or None}


def _invalid(errors: list[dict[str, Any]]) -> Problem:
    first: dict[str, Any] = (
        errors[0] if errors else {"code": "invalid", "message": "The request is not valid.", "field": None}
    )
    return Problem(400, first["code"], first["message"], _CORRECT, first["field"], {"errors": errors})


def _of_database(error: Exception) -> Problem | None:
    """What a constraint refuses is said in the constraint's own words, as the admin says it."""
    diagnosis = getattr(error.__cause__, "diag", None)
    state, name = getattr(diagnosis, "sqlstate", ""), getattr(diagnosis, "constraint_name", None) or ""
    if state == _UNIQUE:
        said = _words_of(name) or "This is there already."
        return Problem(409, "duplicate", said, "Choose another value, or use what is there.")
    if state == _CHECK:
        return Problem(400, "invalid", _words_of(name) or "The database refuses this value.", _CORRECT)
    if isinstance(error, DataError):
        return Problem(400, "invalid", "A value is outside of what can be stored.", _CORRECT)
    return None


@cache
def _words_of(constraint: str) -> str:
    """The message of a constraint of ours, empty where it has none of its own."""
    for model in apps.get_models():
        for one in model._meta.constraints:
            if one.name == constraint:
                own = one.violation_error_message
                return str(own) if own and own != one.default_violation_error_message else ""
    return ""
