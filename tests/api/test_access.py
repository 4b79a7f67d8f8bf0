"""Every address of the API x every kind of person: what they get, and that a refused write changed nothing.

An address that is not in the table fails.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.utils import timezone

from clinical.access import UserRole
from clinical.models import CareTeamMembership, Client, Session, User
from config.api import router
from insights.models import AnalysisRun, Insight, Review
from tests.api.conftest import sign_in
from tests.factories import open_client, sign_up, state_insight, tell
from transcripts.models import ImportJob, Source, Speaker

READ, ADD, IMPORT, ANALYSE, EXPORT, SEARCH, REVIEW = "read", "add", "import", "analyse", "export", "search", "review"

# Who may do what to a client that they see. Written down, not taken from clinical.access: this is the policy.
MAY = {
    READ: {"clara", "covering", "supervisor", "intake", "service", "stranger", "former"},
    ADD: {"clara", "covering", "intake", "service", "stranger", "former"},
    IMPORT: {"clara", "covering", "intake", "service", "stranger", "former"},
    ANALYSE: {"clara", "covering", "supervisor", "service", "stranger", "former"},
    EXPORT: {"clara", "covering", "supervisor", "service", "stranger", "former"},
    SEARCH: {"clara", "covering", "supervisor", "intake", "service", "stranger", "former"},
    REVIEW: {"clara", "covering", "supervisor", "stranger", "former"},
}
SEES_ADA = {"clara", "covering", "supervisor", "intake", "service"}


@dataclass(frozen=True)
class World:
    people: dict[str, User | None]
    client: Client
    source: Source
    insight: Insight
    review: Review
    job: ImportJob
    run: AnalysisRun

    @property
    def ids(self) -> dict[str, str]:
        """What stands in an address for each kind of row."""
        speaker, passage = self.source.speakers.first(), self.source.passages.first()
        assert speaker is not None
        assert passage is not None
        rows: dict[str, Any] = {
            "client": self.client,
            "session": self.source.session,
            "source": self.source,
            "passage": passage,
            "speaker": speaker,
            "insight": self.insight,
            "review": self.review,
            "import": self.job,
            "analysis-run": self.run,
        }
        return {name: str(row.pk) for name, row in rows.items()}


@dataclass(frozen=True)
class Route:
    """`inside` is the answer to who may and sees Ada, `outside` to who may and does not see her."""

    needs: str
    inside: int = 200
    outside: int = 404
    body: Callable[[dict[str, str]], Any] = lambda ids: {}
    query: str = ""
    multipart: bool = False


def _file(ids: dict[str, str]) -> dict[str, Any]:
    return {"file": SimpleUploadedFile("a.txt", b"Client: Hello there.\n"), "client": ids["client"]}


LIST = Route(READ, outside=200)  # an empty page
TABLE: dict[tuple[str, str], Route] = {
    ("get", "client-list"): LIST,
    ("post", "client-list"): Route(ADD, 201, 201, lambda ids: {"code": "NEW"}),
    ("get", "client-detail"): Route(READ),
    ("patch", "client-detail"): Route(ADD, body=lambda ids: {"gender": "x"}),
    ("get", "client-sessions"): Route(READ),
    ("get", "client-summary"): Route(READ),
    ("get", "client-insight-keywords"): Route(READ),
    ("get", "client-insight-search-keywords"): Route(READ, query="?q=sister"),
    ("get", "client-insight-emotion-trend"): Route(READ),
    ("get", "client-insight-progress"): Route(READ),
    ("get", "session-list"): LIST,
    ("post", "session-list"): Route(ADD, 201, 400, lambda ids: {"client": ids["client"]}),
    ("get", "session-detail"): Route(READ),
    ("patch", "session-detail"): Route(ADD, body=lambda ids: {"title": "x"}),
    ("get", "session-transcript-transcript"): Route(READ),
    ("get", "source-list"): LIST,
    ("get", "source-detail"): Route(READ),
    ("get", "source-export"): Route(EXPORT, query="?format=txt"),
    ("post", "source-analysis-analyse"): Route(ANALYSE),
    ("get", "passage-list"): LIST,
    ("get", "passage-detail"): Route(READ),
    ("get", "speaker-list"): LIST,
    ("get", "speaker-detail"): Route(READ),
    ("patch", "speaker-detail"): Route(REVIEW, body=lambda ids: {"name": "x"}),
    ("post", "speaker-merge"): Route(REVIEW, 409, 404, lambda ids: {"into": ids["speaker"]}),
    ("post", "speaker-separate"): Route(REVIEW),
    ("post", "speaker-assign-role"): Route(
        REVIEW, 200, 400, lambda ids: {"client": ids["client"], "label": "client", "role": "partner"}
    ),
    ("post", "speaker-restore-roles"): Route(
        REVIEW, 200, 200, lambda ids: {"changed": [{"speaker": ids["speaker"], "was": "other", "now": "client"}]}
    ),
    ("get", "insight-list"): LIST,
    ("get", "insight-detail"): Route(READ),
    ("post", "insight-accept"): Route(REVIEW),
    ("post", "insight-edit"): Route(REVIEW, body=lambda ids: {"edited_text": "x"}),
    ("post", "insight-dismiss"): Route(REVIEW, body=lambda ids: {"reason": "not_apt"}),
    ("post", "insight-undo"): Route(REVIEW, 409),
    ("get", "review-list"): LIST,
    ("get", "review-detail"): Route(READ),
    ("get", "search-list"): Route(SEARCH, outside=200, query="?q=sister"),
    ("get", "import-list"): LIST,
    ("post", "import-list"): Route(IMPORT, 201, 400, _file, "?wait=1", multipart=True),
    ("get", "import-detail"): Route(READ),
    ("post", "import-cancel"): Route(IMPORT, 409),
    ("post", "import-retry"): Route(IMPORT, 409),
    ("post", "import-confirm"): Route(IMPORT, 409),
    ("get", "analysis-run-list"): LIST,
    ("get", "analysis-run-detail"): Route(READ),
}


def _of_router() -> Iterator[tuple[tuple[str, str], str]]:
    for pattern in router.urls:
        view: Any = pattern.callback
        name = str(getattr(pattern, "name", ""))
        for method in view.actions:
            if method != "head" and method in view.cls.http_method_names:
                yield (method, name), str(pattern.pattern)


ROUTES = dict(_of_router())


@pytest.fixture
def world(clara: User, ben: User, ada: Client) -> World:
    people: dict[str, User | None] = {"clara": clara, "stranger": ben, "nobody": None}
    in_team = {
        "covering": UserRole.CLINICIAN,
        "supervisor": UserRole.SUPERVISOR,
        "intake": UserRole.INTAKE,
        "former": UserRole.CLINICIAN,
        "operator": UserRole.OPERATOR,  # in the team by mistake: the role counts
        "billing": UserRole.BILLING,
    }
    now = timezone.now()
    for name, role in in_team.items():
        people[name] = user = sign_up(f"{name}@practice.example", role)
        ended = {"starts_at": now - timedelta(days=2), "ends_at": now - timedelta(days=1)} if name == "former" else {}
        CareTeamMembership.objects.create(client=ada, user=user, role="covering", **ended)
    for role in (UserRole.RESEARCHER, UserRole.AUDITOR, UserRole.SERVICE, UserRole.CLIENT):
        people[role.value] = sign_up(f"{role}@practice.example", role)
    people["superuser"] = User.objects.create_superuser("root@practice.example")
    open_client("OTHER", ben)
    source = tell(ada, ["My sister called."])
    passage = source.passages.get()
    decided = state_insight(passage, span=(3, 9), status="draft")
    Insight.objects.filter(pk=decided.pk).update(status="accepted")
    ended_job = {"attempts": 1, "started_at": now, "finished_at": now}
    return World(
        people,
        ada,
        source,
        state_insight(passage),
        Review.objects.create(client=ada, insight=decided, reviewer=clara, decision="accepted"),
        ImportJob.objects.create(client=ada, requested_by=clara, file_name="a.txt", state="done", **ended_job),
        AnalysisRun.objects.create(client=ada, source=source, analyzer_version="1", state="done", **ended_job),
    )


def _everything() -> dict[str, list[Any]]:
    models: list[Any] = [Client, Session, Source, Speaker, Insight, Review, ImportJob, AnalysisRun, CareTeamMembership]
    return {model.__name__: list(model.objects.order_by("pk").values()) for model in models}


def _expected(route: Route, person: str) -> int:
    if person == "nobody":
        return 401
    if person not in MAY[route.needs]:
        return 403
    return route.inside if person in SEES_ADA else route.outside


def test_every_address_is_in_the_table() -> None:
    assert ROUTES.keys() == TABLE.keys()


@pytest.mark.parametrize("key", sorted(TABLE), ids=" ".join)
def test_who_gets_what(world: World, key: tuple[str, str]) -> None:
    method, name = key
    route, ids = TABLE[key], world.ids
    address = "/api/v1/" + ROUTES[key].replace("<uuid:pk>", ids[_kind(name, ids)]) + route.query
    before = _everything()
    wrong: list[tuple[Any, ...]] = []
    for person, user in world.people.items():
        with transaction.atomic():
            form = "multipart" if route.multipart else "json"
            body = None if method == "get" else route.body(ids)
            api: Any = sign_in(user)
            answer = api.get(address) if method == "get" else getattr(api, method)(address, body, format=form)
            if answer.status_code != _expected(route, person):
                wrong.append((person, answer.status_code, _expected(route, person), answer.content[:200]))
            if person not in SEES_ADA:
                leaked = [what for what, pk in ids.items() if pk in _shown(answer, method)]
                wrong += [(person, "leaked", what) for what in leaked]
            if answer.status_code >= 400 and _everything() != before:
                wrong.append((person, "a refused write changed something"))
            transaction.set_rollback(True)
    assert not wrong


def _kind(name: str, ids: dict[str, str]) -> str:
    return next((kind for kind in ("analysis-run", *ids) if name.startswith(kind)), "client")


def _shown(answer: Any, method: str) -> str:
    """What somebody outside may not be told: ids that they have not sent themselves."""
    return "" if method != "get" else json.dumps(answer.json()) if answer.content else ""
