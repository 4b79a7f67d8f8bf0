"""Headers on every answer: the content policy, and no copy of a record in any cache."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

Answer = Callable[[HttpRequest], HttpResponseBase]


def content_policy(get_response: Answer) -> Answer:
    """SECURE_CSP in the shape of Django 6's, whose own middleware replaces this one on the next LTS."""
    policy = policy_of(settings.SECURE_CSP)

    def answer(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        response.headers.setdefault("Content-Security-Policy", policy)
        return response

    return answer


def policy_of(directives: Mapping[str, Sequence[str]]) -> str:
    return "; ".join(" ".join((name, *values)) for name, values in directives.items())


def no_store(get_response: Answer) -> Answer:
    """What somebody sees who is signed in stays out of the browser's cache and of every proxy."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if request.user.is_authenticated:
            response.headers["Cache-Control"] = "no-store, private"
        return response

    return answer
