"""Generated requests over the whole OpenAPI document, by somebody who may do what a clinician may: no 5xx."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from django.conf import settings as django_settings
from django.core.wsgi import get_wsgi_application
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case, GenerationMode

from tests.api.conftest import sign_in
from tests.api.test_access import World, world

__all__ = ["world"]

FITTING, UNFITTING = 20, 15  # requests of each operation that fit the document, and that do not
TOKEN = "a" * 32


def _aim(case: Case[Any], ids: dict[str, str]) -> None:
    """At rows that are there: a made-up id is a 404 and tries nothing."""
    kind = case.operation.path.removeprefix("/api/v1/").split("/")[0].removesuffix("s")
    if "id" in (case.path_parameters or {}):
        case.path_parameters["id"] = ids[kind]
    if isinstance(case.body, dict):
        for name in case.body.keys() & {"client", "into"}:
            case.body[name] = ids["client" if name == "client" else "speaker"]


def _requests(operation: Any, mode: GenerationMode, most: int, send: Any) -> None:
    @given(operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=most,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def run(case: Case[Any]) -> None:
        send(case)

    run()


@pytest.mark.slow
def test_no_generated_request_gets_a_server_error(committed: None, world: World) -> None:
    api = sign_in(world.people["clara"])
    document = api.get("/api/v1/schema/", headers={"Accept": "application/vnd.oai.openapi+json"}).json()
    schema = schemathesis.openapi.from_dict(document)
    schema.app = get_wsgi_application()
    session = api.cookies[django_settings.SESSION_COOKIE_NAME].value
    cookies = {django_settings.SESSION_COOKIE_NAME: session, "csrftoken": TOKEN}
    seen: dict[int, int] = {}
    failed: list[str] = []

    def send(case: Case[Any]) -> None:
        _aim(case, world.ids)
        case.cookies = cookies
        answer = case.call(headers={"X-CSRFToken": TOKEN}, cookies=cookies)
        seen[answer.status_code] = seen.get(answer.status_code, 0) + 1
        if answer.status_code >= 500:
            failed.append(f"{case.operation.label}: {case.as_curl_command()[:300]}")

    for found in schema.get_all_operations():
        operation: Any = found.ok()  # type: ignore[union-attr]
        if operation.path.startswith("/api/v1/"):
            _requests(operation, GenerationMode.POSITIVE, FITTING, send)
            if _has_input(operation):
                _requests(operation, GenerationMode.NEGATIVE, UNFITTING, send)
    print(f"answers by status: {dict(sorted(seen.items()))}")
    assert not failed
    assert seen.get(200, 0) > 100  # it is the rows that are asked, not a locked door


def _has_input(operation: Any) -> bool:
    return bool(list(operation.query) or list(operation.body))
