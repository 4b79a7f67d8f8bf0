"""Every list takes the same number of queries for two rows and for twenty."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.apps import apps
from django.contrib import admin
from django.db import connection, models
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from clinical.access import UserRole
from clinical.models import (
    Attendance,
    CareTeamMembership,
    Client,
    Intervention,
    Member,
    Session,
    SessionIntervention,
    User,
)
from insights.analyzers.talk import measure_talk
from insights.models import AnalysisRun, Insight, Reading, Review, SourceSummary
from tests.factories import open_client, sign_up, state_insight, tell
from transcripts.models import ImportJob, Passage, SearchWord, Source, Speaker

Rows = dict[type[models.Model], models.Model]

# Which lists an operator asks for; all others are asked for by a clinician.
OF_OPERATORS = {User}


def one_of_each(code: str, by: User, *, saying: str = "I do not sleep.") -> Rows:
    """One row of every model of the three apps, as a client's record has them; `saying` stands in every text."""
    client = open_client(code, by, name=f"{saying} {code}")
    colleague = sign_up(f"{code.lower()}.colleague@practice.example", name=f"Colleague of {code}")
    membership = CareTeamMembership.objects.create(
        client=client, user=colleague, starts_at=timezone.now() - timedelta(days=9), ends_at=timezone.now()
    )
    member = Member.objects.create(client=client, name=f"{saying} {code}", role=Member.Role.PARTNER)
    source = tell(client, [("client", saying), ("therapist", "Since when?")], external_id=code)
    Source.objects.filter(pk=source.pk).update(title=saying, warnings=[saying])
    session = client.sessions.get()
    Session.objects.filter(pk=session.pk).update(title=saying)
    intervention = Intervention.objects.create(name=f"Thought record {code}")
    passage = source.passages.first()
    assert passage is not None
    insight = state_insight(passage, session=session, description=saying)
    Insight.objects.filter(pk=insight.pk).update(title=saying)
    rows = (
        client,
        colleague,
        membership,
        member,
        session,
        intervention,
        SessionIntervention.objects.create(client=client, session=session, intervention=intervention),
        Attendance.objects.create(client=client, session=session, role=Attendance.Role.PARTNER, member=member),
        source,
        source.speakers.get(label="client"),
        passage,
        ImportJob.objects.create(client=client, requested_by=by, file_name=f"{saying}.txt", last_error=saying),
        AnalysisRun.objects.create(client=client, source=source, analyzer_version="1", last_error=saying),
        Reading.objects.create(
            client=client, passage=passage, analyzer_version="1", input_sha256=b"1", language="en", sentiment=-0.5
        ),
        SourceSummary.objects.create(
            client=client, source=source, analyzer_version="1", analysed_at=timezone.now(), passages=2, assessed=2,
            talk=measure_talk([]).to_json(),
        ),
        insight,
        insight.evidence.get(),
        Review.objects.create(client=client, insight=insight, reviewer=by, decision="accepted", words=saying),
        SearchWord.objects.get_or_create(word=code.lower())[0],
    )  # fmt: skip
    return {type(row): row for row in rows}


# Every model with a changelist, and what makes it a row: `one_of_each`. A new changelist belongs here too.
LISTED = {
    Client, Session, CareTeamMembership, Intervention, User,
    Source, Speaker, Passage, ImportJob,
    Insight, AnalysisRun, SourceSummary,
}  # fmt: skip


def test_every_changelist_is_known_here() -> None:
    assert set(admin.site._registry) == LISTED


@pytest.mark.seed("S0-72", "S2-64")
def test_every_changelist_takes_as_many_queries_for_two_rows_as_for_twenty(client: Browser, clara: User) -> None:
    operator = sign_up("olga@practice.example", UserRole.OPERATOR)
    rows = [one_of_each(f"C{number}", clara) for number in range(2)]
    assert all(made.keys() >= LISTED for made in rows)
    few = {model: _ask(client, model, operator if model in OF_OPERATORS else clara, 2) for model in LISTED}
    for number in range(2, 20):
        one_of_each(f"C{number}", clara)
    many = {model: _ask(client, model, operator if model in OF_OPERATORS else clara, 20) for model in LISTED}
    assert many == few


def _ask(browser: Browser, model: type[models.Model], asker: User, least: int) -> int:
    """The queries of the list, which shows at least so many rows."""
    browser.force_login(asker)
    url = reverse(f"admin:{model._meta.label_lower.replace('.', '_')}_changelist")
    with CaptureQueriesContext(connection) as queries:
        response = browser.get(url)
    assert response.status_code == 200, model
    assert len(response.context["cl"].result_list) >= least, model
    return len(queries)


def test_one_record_has_a_row_of_every_model(clara: User) -> None:
    """So that what is asked of every model (here, in the table of access, of the database) is asked of a real row."""
    ours = {model for app in ("clinical", "transcripts", "insights") for model in apps.get_app_config(app).get_models()}
    rows = one_of_each("ADA", clara)
    assert rows.keys() == ours
    for model, row in rows.items():
        if any(field.name == "client" for field in model._meta.fields):
            assert row.client_id == rows[Client].pk, model  # type: ignore[attr-defined]
