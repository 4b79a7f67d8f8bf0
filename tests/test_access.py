"""Who gets what: every route, asked by every kind of person. A route that is not in the table fails.

Out of scope is answered as unknown is; a refused write changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth import get_user
from django.contrib.contenttypes.models import ContentType
from django.contrib.messages import get_messages
from django.db import connection, models
from django.http import HttpResponseBase
from django.test import Client as Browser
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from clinical.access import UserRole
from clinical.identifiers import uuid7
from clinical.models import CareTeamMembership, Client, Intervention, Session, User
from insights.models import AnalysisRun, Insight, SourceSummary
from tests.factories import PASSWORD, sign_up
from tests.test_lists import Rows, one_of_each
from transcripts.models import ImportJob, Passage, Source, Speaker

SECRET = "Zebulon"  # stands in every text of Ada's record, and nowhere else
OTHER = "Quillon"  # in those of Bea's, whom only a clinician whom nobody asks here treats

# --- the people: role, place in Ada's care team, whether that place counts now

PEOPLE: dict[str, tuple[UserRole, str | None, bool]] = {
    "treating clinician": (UserRole.CLINICIAN, "treating", True),
    "covering clinician": (UserRole.CLINICIAN, "covering", True),
    "supervisor in the team": (UserRole.SUPERVISOR, "supervising", True),
    "intake in the team": (UserRole.INTAKE, "intake", True),
    "clinician who left": (UserRole.CLINICIAN, "treating", False),
    "supervisor outside": (UserRole.SUPERVISOR, None, False),
    "stranger": (UserRole.CLINICIAN, None, False),
    "intake outside": (UserRole.INTAKE, None, False),
    # a place in the team does not give what the role does not
    "auditor": (UserRole.AUDITOR, "supervising", True),
    "operator": (UserRole.OPERATOR, "supervising", True),
    "operator and superuser": (UserRole.OPERATOR, "supervising", True),
    "researcher": (UserRole.RESEARCHER, "supervising", True),
    "billing": (UserRole.BILLING, "supervising", True),
    "service": (UserRole.SERVICE, "service", True),
    "client": (UserRole.CLIENT, "supervising", True),
    "dismissed clinician": (UserRole.CLINICIAN, "treating", True),  # no longer active
    "anonymous": (UserRole.CLIENT, None, False),
}
INSIDE = {"treating clinician", "covering clinician", "supervisor in the team", "intake in the team"}
OUTSIDE = {"clinician who left", "supervisor outside", "stranger", "intake outside"}
READERS = INSIDE | OUTSIDE
ADDERS = {name for name in READERS if "supervisor" not in name}
# stand in for each other where many requests are made
ALIKE = {"covering clinician", "intake outside", "supervisor outside", "operator", "billing", "dismissed clinician"}
OPERATORS = {"operator", "operator and superuser"}
STAFF = READERS | OPERATORS | {"auditor"}

# --- the answers: what a person gets, and then everybody else who is let into the admin

ROWS = "200 with Ada's rows and nobody else's"
NO_ROWS = "200 without a row"
PAGE = "200 without a word of any record"
REFUSED = "403"
GONE = "302 to the index: no such row"
TO_CHANGE = "302 to the row's page"
TO_INDEX = "302 to the admin"
TO_DONE = "302 to password_change_done"
NOT_THERE = "404"
LOGIN = "302 to the login"
METHOD = "405"


@dataclass(frozen=True)
class Policy:
    """Who gets which answer to a GET; who is not named gets `others`, who may not enter the admin `outside`."""

    answers: tuple[tuple[frozenset[str] | set[str], str], ...]
    others: str = REFUSED
    outside: str = LOGIN

    def answer(self, person: str) -> str:
        if person not in STAFF:
            return self.outside
        return next((answer for people, answer in self.answers if person in people), self.others)


def everybody(answer: str, *, outside: str = LOGIN) -> Policy:
    return Policy((), others=answer, outside=outside)


SCOPED = {
    "": Policy(((INSIDE, ROWS), (OUTSIDE, NO_ROWS))),
    "add/": everybody(REFUSED),
    "<path:object_id>/history/": Policy(((INSIDE, ROWS),), others=GONE),
    "<path:object_id>/delete/": everybody(REFUSED),
    "<path:object_id>/change/": Policy(((INSIDE, ROWS), (OUTSIDE, GONE))),
    "<path:object_id>/": everybody(TO_CHANGE),
}
CLIENTS = SCOPED | {"add/": Policy(((ADDERS, PAGE),))}
COMMON = {
    "": Policy(((READERS, PAGE),)),
    "add/": Policy(((ADDERS, PAGE),)),
    "<path:object_id>/history/": Policy(((READERS, PAGE),)),
    "<path:object_id>/delete/": everybody(REFUSED),
    "<path:object_id>/change/": Policy(((READERS, PAGE),)),
    "<path:object_id>/": everybody(TO_CHANGE),
}
USERS = {
    "": Policy(((OPERATORS, PAGE),)),
    "add/": Policy(((OPERATORS, PAGE),)),
    "<path:object_id>/history/": Policy(((OPERATORS, PAGE),)),
    "<path:object_id>/delete/": everybody(REFUSED),
    "<path:object_id>/change/": Policy(((OPERATORS, PAGE),)),
    "<path:object_id>/": everybody(TO_CHANGE),
    "<id>/password/": Policy(((OPERATORS, PAGE),)),
}
MODELS: dict[type[models.Model], dict[str, Policy]] = {
    Client: CLIENTS,
    Session: SCOPED,
    CareTeamMembership: SCOPED,
    Intervention: COMMON,
    User: USERS,
    Source: SCOPED,
    Speaker: SCOPED,
    Passage: SCOPED,
    ImportJob: SCOPED,
    Insight: SCOPED,
    AnalysisRun: SCOPED,
    SourceSummary: SCOPED,
}
PLAIN = {
    "": everybody(TO_INDEX, outside=TO_INDEX),
    "admin/login/": everybody(TO_INDEX, outside=PAGE),
    "admin/logout/": everybody(METHOD, outside=TO_INDEX),
    "admin/password_change/": everybody(PAGE),
    "admin/password_change/done/": everybody(PAGE),
    "admin/autocomplete/": everybody(REFUSED),  # without saying what is asked for; its rows are asked for below
    "admin/jsi18n/": everybody(PAGE),
    "admin/r/<path:content_type_id>/<path:object_id>/": everybody(NOT_THERE),
    "admin/^(?P<app_label>clinical|transcripts|insights)/$": Policy(
        ((READERS, PAGE), (OPERATORS, PAGE)), others=NOT_THERE
    ),
    "admin/(?P<url>.*)$": everybody(NOT_THERE),
}  # fmt: skip

# The screens. What only takes a POST answers 405 to a GET.
SCREENS = {
    "admin/": Policy(((INSIDE, ROWS),), others=PAGE),
    "admin/records/": everybody(PAGE),
    "admin/keys/": Policy(((READERS, PAGE),)),
    "admin/review/": Policy(((INSIDE, ROWS), (OUTSIDE, PAGE))),
    "admin/review/end/": Policy(((READERS, PAGE),)),
    "admin/review/<uuid:source_id>/": Policy(((INSIDE, ROWS), (OUTSIDE, NOT_THERE))),
    "admin/review/<uuid:source_id>/analyse/": everybody(METHOD),
    "admin/review/<uuid:source_id>/insights/<uuid:insight_id>/": everybody(METHOD),
    "admin/review/<uuid:source_id>/speakers/<uuid:speaker_id>/": everybody(METHOD),
    "admin/search/": Policy(((INSIDE, ROWS), (OUTSIDE, PAGE))),
    "admin/import/": Policy(((ADDERS & INSIDE, ROWS), (ADDERS, PAGE))),
    "admin/import/<uuid:job_id>/": Policy(((ADDERS & INSIDE, ROWS), (ADDERS, NOT_THERE))),
    "admin/import/<uuid:job_id>/<str:verb>/": everybody(METHOD),
}


def _prefix(model: type[models.Model]) -> str:
    return f"admin/{model._meta.app_label}/{model._meta.model_name}/"


TABLE = PLAIN | SCREENS
TABLE |= {
    _prefix(model) + operation: policy for model, policies in MODELS.items() for operation, policy in policies.items()
}


def _routes(resolver: URLResolver, prefix: str = "") -> Iterator[str]:
    for pattern in resolver.url_patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLPattern):
            yield route
        else:
            yield from _routes(pattern, route)


@dataclass(frozen=True)
class Practice:
    people: dict[str, User]
    ada: Rows
    bea: Rows

    @staticmethod
    def ask(browser: Browser, method: str, url: str, form: dict[str, str] | None = None) -> Any:
        """As from a browser that has no message of the page before still to show."""
        browser.cookies.pop("messages", None)
        return getattr(browser, method)(url, form)

    def enter(self, browser: Browser, person: str) -> None:
        if person != "anonymous":
            browser.force_login(self.people[person])


@pytest.fixture
def practice(db: None) -> Practice:
    ada = one_of_each("ADA", sign_up("first@practice.example"), saying=SECRET)
    bea = one_of_each("BEA", sign_up("second@practice.example"), saying=OTHER)
    now = timezone.now()
    people = {}
    for number, (name, (role, place, counts)) in enumerate(PEOPLE.items()):
        user = people[name] = sign_up(f"person{number}@practice.example", role)
        user.is_superuser, user.is_active = name == "operator and superuser", name != "dismissed clinician"
        user.save()
        if place:
            CareTeamMembership.objects.create(
                client_id=ada[Client].pk,
                user=user,
                role=place,
                starts_at=now - timedelta(days=30),
                ends_at=None if counts else now - timedelta(seconds=1),
            )
    return Practice(people, ada, bea)


# --- the table is whole


@pytest.mark.seed("S2-68")
def test_every_route_is_in_the_table_and_the_table_has_no_other() -> None:
    """The API's routes are in a table of their own: tests/api/test_access.py."""
    routes = [route for route in _routes(get_resolver()) if not route.startswith("api/")]
    assert sorted(routes) == sorted(TABLE)


# --- reading


def _url(route: str, row: models.Model | None, key: object = None) -> str:
    pk = str(key or (row.pk if row else uuid7()))
    route = route.replace("<uuid:source_id>", pk).replace("<uuid:job_id>", pk).replace("<str:verb>", "cancel")
    if isinstance(row, Source):
        insight, speaker = Insight.objects.filter(source=row).first(), Speaker.objects.filter(source=row).first()
        route = route.replace("<uuid:insight_id>", str(insight.pk if insight else pk))
        route = route.replace("<uuid:speaker_id>", str(speaker.pk if speaker else pk))
    url = route.replace("<path:object_id>", pk).replace("<id>", pk).replace("(?P<url>.*)$", "nowhere/at/all/")
    url = url.replace("^(?P<app_label>clinical|transcripts|insights)/$", "clinical/")
    return "/" + url.replace("<path:content_type_id>", "1")


def _asked_of(route: str, rows: Rows) -> models.Model | None:
    if "<uuid:source_id>" in route:
        return rows[Source]
    if "<uuid:job_id>" in route:
        return rows[ImportJob]
    return next((rows[model] for model in MODELS if route.startswith(_prefix(model))), None)


def _ids_of(rows: Rows) -> set[str]:
    """The keys of a record's rows; those that are common to the practice are no secret."""
    return {
        str(row.pk) for model, row in rows.items() if isinstance(row.pk, UUID) and model not in (User, Intervention)
    }


def _body(response: HttpResponseBase) -> str:
    return str(getattr(response, "content", b"").decode())


def _leaks(body: str, rows: Rows, word: str) -> list[str]:
    return sorted(found for found in (*_ids_of(rows), word) if found in body)


def _answer(response: HttpResponseBase, practice: Practice, route: str) -> str:
    """The answer in the words of the table."""
    body = _body(response)
    shown = bool(_leaks(body, practice.ada, SECRET)) or ">ADA<" in body
    match response.status_code, response.headers.get("Location", ""):
        case 200, _ if shown:
            return ROWS
        case 200, _:
            context = getattr(response, "context", None)
            changelist = context.get("cl") if context else None
            return NO_ROWS if changelist is not None and not changelist.result_list else PAGE
        case 302, location if location.startswith("/admin/login/"):
            return LOGIN
        case 302, "/admin/":
            told = " ".join(str(message) for message in get_messages(response.wsgi_request))  # type: ignore[attr-defined]
            return GONE if "doesn’t exist" in told else TO_INDEX
        case 302, location if location.endswith("/change/"):
            return TO_CHANGE
        case status, _:
            return str(status)


@pytest.mark.seed("S2-03", "S2-50", "S2-68", "S4-39")
@pytest.mark.parametrize("person", PEOPLE)
def test_everybody_gets_what_the_table_says_from_every_route(client: Browser, practice: Practice, person: str) -> None:
    practice.enter(client, person)
    wrong = []
    for route, policy in TABLE.items():
        response = practice.ask(client, "get", _url(route, _asked_of(route, practice.ada)))
        got, expected = _answer(response, practice, route), policy.answer(person)
        if got != expected:
            wrong.append(f"{route}: {got}, expected {expected}")
        if expected != ROWS and (leaked := _leaks(_body(response), practice.ada, SECRET)):
            wrong.append(f"{route} leaks of Ada: {leaked}")
        if leaked := _leaks(_body(response), practice.bea, OTHER):
            wrong.append(f"{route} leaks of Bea: {leaked}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.seed("S2-68", "S4-39")
@pytest.mark.parametrize(
    "person", ["treating clinician", "clinician who left", "supervisor outside", "auditor", "operator"]
)
def test_a_row_out_of_scope_is_answered_as_one_that_does_not_exist(
    client: Browser, practice: Practice, person: str
) -> None:
    """The same status, place, words and cookies, the key apart; asked by GET and by POST."""
    practice.enter(client, person)
    wrong = []
    for route in (route for route in TABLE if "<path:object_id>" in route or "<id>" in route or "<uuid:" in route):
        theirs, nobody_s = _asked_of(route, practice.bea), uuid7()
        if theirs is None or type(theirs) in (User, Intervention):
            continue
        for method in ("get", "post"):
            answers = []
            for key in (theirs.pk, nobody_s):
                response = practice.ask(client, method, _url(route, theirs, key), {"post": "yes"})
                told = [str(message) for message in get_messages(response.wsgi_request)]
                answer = f"{response.status_code} {response.headers.get('Location')} {told} {_body(response)}"
                answers.append(answer.replace(str(key), "KEY"))
            if answers[0] != answers[1]:
                wrong.append(f"{method} {route}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.seed("S2-68", "S3-53")
@pytest.mark.parametrize("person", ["treating clinician", "stranger", "supervisor outside", "auditor", "operator"])
def test_searching_filtering_and_completing_shows_nobody_more(client: Browser, practice: Practice, person: str) -> None:
    practice.enter(client, person)
    bea, source = practice.bea[Client].pk, practice.bea[Source].pk
    queries = ("q=BEA", f"client__id__exact={bea}", f"source__id__exact={source}", "all=", "_facets=True")
    asked = [f"/{_prefix(model)}?{query}" for model in MODELS for query in queries]
    asked += [
        f"/admin/autocomplete/?app_label={model._meta.app_label}&model_name={model._meta.model_name}"
        f"&field_name={field.name}&term=B"
        for model in practice.bea
        for field in model._meta.fields
        if isinstance(field, models.ForeignKey)
    ]
    asked += [
        f"/admin/r/{ContentType.objects.get_for_model(model).pk}/{row.pk}/" for model, row in practice.bea.items()
    ]
    wrong = []
    for url in asked:
        body = _body(practice.ask(client, "get", url))
        wrong += [
            f"{url}: {found}"
            for found in (*_leaks(body, practice.bea, OTHER), ">BEA<")
            if found in body.replace(url, "") and found not in url
        ]
    assert not wrong, "\n".join(wrong)


# --- writing


def _everything() -> dict[str, str]:
    """What stands in every table of the three apps."""
    ours = ("clinical_", "transcripts_", "insights_")
    tables = [table for table in connection.introspection.table_names() if table.startswith(ours)]
    with connection.cursor() as cursor:
        found = {}
        for table in tables:
            row = "(to_jsonb(t) - 'last_login' - 'updated_at')::text"  # signing in moves these two
            cursor.execute(f"SELECT string_agg({row}, '|' ORDER BY {row}) FROM {table} t")
            found[table] = cursor.fetchone()[0]
    return found


_FORM = {
    "code": "NEW", "kind": "individual", "name": "Changed", "gender": "", "demographics": "{}", "preferences": "{}",
    "risk_factors": "[]", "treatment_history": "{}", "title": "Changed", "label": "Changed", "text": "Changed",
    "status": "completed", "role": "clinician", "email": "new@practice.example", "is_active": "on",
    "is_superuser": "on", "usable_password": "true", "password1": "a long new password",
    "password2": "a long new password", "client": "", "post": "yes", "action": "delete_selected",
    "_selected_action": "",
} | {
    f"{inline}-{count}_FORMS": "0"
    for inline in ("members", "care_team", "attendances", "evidence", "reviews")
    for count in ("TOTAL", "INITIAL")
}  # fmt: skip


def _may_write(person: str, route: str, *, of_ada: bool) -> bool:
    """Who changes what by a POST; all else is refused and changes nothing."""
    if person not in STAFF:
        return False
    if route.startswith(_prefix(User)):
        return person in OPERATORS and not route.endswith("delete/")
    if route.startswith(_prefix(Intervention)):
        return person in ADDERS and not route.endswith("delete/")
    if route == _prefix(Client) + "add/":
        return person in ADDERS
    if route == _prefix(Client) + "<path:object_id>/change/":
        return of_ada and person in ADDERS & INSIDE
    if "<uuid:source_id>" in route or "<uuid:job_id>" in route:
        return of_ada and person in INSIDE
    return route == "admin/password_change/" or (route == "admin/keys/" and person in READERS)


@pytest.mark.seed("S2-68", "S4-39")
@pytest.mark.parametrize("person", [person for person in PEOPLE if person not in ALIKE])
def test_a_write_that_is_refused_changes_nothing(client: Browser, practice: Practice, person: str) -> None:
    practice.enter(client, person)
    before = _everything()
    accepted = []
    for route in TABLE:
        if route == "admin/logout/":
            continue
        for rows, of_ada in ((practice.ada, True), (practice.bea, False)):
            if _may_write(person, route, of_ada=of_ada):
                continue
            row = _asked_of(route, rows)
            form = _FORM | {"name": f"{person} wrote this", "client": str(rows[Client].pk)}
            form |= {"_selected_action": str(row.pk) if row else ""}
            response = practice.ask(client, "post", _url(route, row), form)
            if response.status_code == 200 and "object_id" in route and "history" not in route:
                accepted.append(f"{route}: 200")
    changed = {table: now for table, now in _everything().items() if now != before[table]}
    assert changed == {}
    assert not accepted, "\n".join(accepted)


@pytest.mark.parametrize("person", sorted(ADDERS))
def test_whoever_adds_clients_opens_a_record_and_sees_it(client: Browser, practice: Practice, person: str) -> None:
    practice.enter(client, person)
    response = client.post(f"/{_prefix(Client)}add/", _FORM)
    assert response.status_code == 302
    opened = Client.objects.get(code="NEW")
    assert [(one.user, one.role) for one in opened.care_team.all()] == [(practice.people[person], "treating")]
    assert client.get(f"/{_prefix(Client)}{opened.pk}/change/").status_code == 200


@pytest.mark.parametrize("person", sorted(ADDERS & INSIDE))
def test_the_care_team_changes_its_client_and_not_the_team(client: Browser, practice: Practice, person: str) -> None:
    practice.enter(client, person)
    ada, team = practice.ada[Client], CareTeamMembership.objects.count()
    joining = {
        "care_team-TOTAL_FORMS": "1", "care_team-0-user": str(practice.people["stranger"].pk),
        "care_team-0-role": "treating", "care_team-0-client": str(ada.pk),
        "care_team-0-starts_at_0": "2026-01-01", "care_team-0-starts_at_1": "00:00:00",
        "members-TOTAL_FORMS": "1", "members-0-name": "New", "members-0-role": "partner",
        "members-0-client": str(ada.pk),
    }  # fmt: skip
    response = client.post(f"/{_prefix(Client)}{ada.pk}/change/", _FORM | {"code": "ADA"} | joining)
    assert response.status_code == 302
    ada.refresh_from_db()
    assert ada.name == "Changed"  # type: ignore[attr-defined]
    assert CareTeamMembership.objects.count() == team
    assert not ada.members.filter(name="New").exists()  # type: ignore[attr-defined]


@pytest.mark.parametrize("person", sorted(OPERATORS))
def test_an_operator_adds_users_and_makes_nobody_a_superuser(client: Browser, practice: Practice, person: str) -> None:
    practice.enter(client, person)
    assert client.post(f"/{_prefix(User)}add/", _FORM).status_code == 302
    made = User.objects.get(email="new@practice.example")
    assert (made.role, made.is_superuser, made.is_active) == ("clinician", False, True)
    assert made.check_password("a long new password")
    assert list(Client.objects.visible_to(made)) == []
    other = practice.people["stranger"]
    assert client.post(f"/{_prefix(User)}{other.pk}/change/", _FORM | {"email": other.email}).status_code == 302
    other.refresh_from_db()
    assert other.is_superuser is False


# --- signing in


@pytest.mark.seed("S2-01")
@pytest.mark.parametrize("person", [person for person in PEOPLE if person != "anonymous"])
def test_only_active_staff_signs_in(client: Browser, practice: Practice, person: str) -> None:
    email = practice.people[person].email
    client.post("/admin/login/", {"username": email.upper(), "password": PASSWORD})
    signed_in = get_user(client).is_authenticated
    assert signed_in is (person in STAFF)


def test_a_wrong_password_and_an_unknown_user_are_answered_alike(client: Browser, practice: Practice) -> None:
    wrong = client.post("/admin/login/", {"username": practice.people["stranger"].email, "password": "wrong"})
    unknown = client.post("/admin/login/", {"username": "nobody@practice.example", "password": "wrong"})
    assert wrong.status_code == unknown.status_code == 200
    assert wrong.context["form"].errors == unknown.context["form"].errors


@pytest.mark.seed("S2-50")
def test_leaving_the_team_ends_what_an_open_browser_shows(client: Browser, practice: Practice) -> None:
    practice.enter(client, "treating clinician")
    page = f"/{_prefix(Source)}{practice.ada[Source].pk}/change/"
    assert client.get(page).status_code == 200
    CareTeamMembership.objects.get(user=practice.people["treating clinician"]).end()
    assert client.get(page).status_code == 302


def test_what_somebody_changed_once_is_not_shown_on_the_first_page_after_they_left(
    client: Browser, practice: Practice
) -> None:
    practice.enter(client, "treating clinician")
    ada = practice.ada[Client]
    assert client.post(f"/{_prefix(Client)}{ada.pk}/change/", _FORM | {"code": "ADA"}).status_code == 302
    CareTeamMembership.objects.get(user=practice.people["treating clinician"]).end()
    body = _body(practice.ask(client, "get", "/admin/"))
    assert [found for found in (str(ada.pk), "ADA") if found in body] == []


def test_nobody_signs_in_as_the_service_user(client: Browser, db: None) -> None:
    for password in ("", "local", PASSWORD):
        assert not client.login(username="local@service.invalid", password=password)
