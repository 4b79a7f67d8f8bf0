"""The row that is the outbox: one claim wins, a lease runs out, a late finisher overwrites nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial

import pytest
from django.db import connection
from django.db.models.functions import Now

from clinical.models import Client, User
from clinical.models.jobs import MAX_ATTEMPTS, LeaseLost
from tests.factories import open_client, sign_up
from transcripts.models import ImportJob

State = ImportJob.State
MINUTE = timedelta(minutes=1)


@pytest.fixture
def job(ada: Client, clara: User) -> ImportJob:
    return ImportJob.objects.create(client=ada, requested_by=clara, file_name="talk.txt")


def claim(job: ImportJob) -> ImportJob:
    claimed = ImportJob.objects.claim(job.pk)
    assert claimed
    return claimed


def let_the_lease_run_out(job: ImportJob) -> None:
    ImportJob.objects.filter(pk=job.pk).update(lease_until=Now() - MINUTE)


def test_a_claim_counts_the_attempt_and_moves_the_fence(job: ImportJob) -> None:
    claimed = claim(job)
    assert (claimed.state, claimed.attempts, claimed.fence) == (State.RUNNING, 1, 1)
    assert claimed.lease_until
    assert claimed.started_at
    assert claimed.lease_until > claimed.started_at


def test_what_is_claimed_is_nobody_elses_until_its_lease_runs_out(job: ImportJob) -> None:
    claim(job)
    assert ImportJob.objects.claim(job.pk) is None
    let_the_lease_run_out(job)
    assert claim(job).fence == 2


@pytest.mark.parametrize("state", [State.HELD, State.DONE, State.FAILED, State.CANCELLED])
def test_only_pending_work_is_claimed(job: ImportJob, state: str) -> None:
    ImportJob.objects.filter(pk=job.pk).update(state=state, last_error="why")
    assert ImportJob.objects.claim(job.pk) is None
    assert not ImportJob.objects.overdue().exists()


def test_work_that_is_not_due_is_not_claimed(job: ImportJob) -> None:
    ImportJob.objects.filter(pk=job.pk).update(due_at=Now() + MINUTE)
    assert ImportJob.objects.claim(job.pk) is None
    assert not ImportJob.objects.overdue().exists()


def test_a_late_finisher_overwrites_nothing(job: ImportJob) -> None:
    late = claim(job)
    let_the_lease_run_out(job)
    second = claim(job)
    verbs: list[Callable[[], None]] = [late.finish, late.extend, partial(late.fail, "x"), partial(late.release, "x")]
    for verb in verbs:
        with pytest.raises(LeaseLost):
            verb()
    second.finish(created_sources=2)
    with pytest.raises(LeaseLost):
        late.fail("too late")
    job.refresh_from_db()
    assert (job.state, job.created_sources, job.last_error, job.lease_until) == (State.DONE, 2, "", None)


def test_an_attempt_that_failed_is_tried_later_and_later_and_then_failed(job: ImportJob) -> None:
    rests = []
    for _ in range(MAX_ATTEMPTS):
        claim(job).release("OperationalError")
        job.refresh_from_db()
        rests.append((job.due_at - job.created_at).total_seconds())
        ImportJob.objects.filter(pk=job.pk).update(due_at=Now())
    assert (job.state, job.attempts, job.last_error) == (State.FAILED, MAX_ATTEMPTS, "OperationalError")
    assert rests[:4] == sorted(rests[:4])
    assert ImportJob.objects.claim(job.pk) is None


def test_what_kills_every_worker_is_failed_and_says_so(job: ImportJob) -> None:
    for _ in range(MAX_ATTEMPTS):
        claim(job)
        let_the_lease_run_out(job)
    assert ImportJob.objects.claim(job.pk) is None
    assert not ImportJob.objects.overdue().exists()
    assert ImportJob.objects.give_up() == 1
    job.refresh_from_db()
    assert job.state == State.FAILED
    assert "5 times" in job.last_error


def test_the_last_attempt_is_not_given_up_while_it_runs(job: ImportJob) -> None:
    ImportJob.objects.filter(pk=job.pk).update(attempts=MAX_ATTEMPTS - 1)
    claim(job)
    assert ImportJob.objects.give_up() == 0


def test_overdue_is_what_nobody_works_on_and_somebody_should(job: ImportJob) -> None:
    assert list(ImportJob.objects.overdue()) == [job]
    claim(job)
    assert list(ImportJob.objects.overdue()) == []
    let_the_lease_run_out(job)
    assert list(ImportJob.objects.overdue()) == [job]


def test_of_many_who_claim_at_once_one_gets_it(committed: None) -> None:
    clara = sign_up("clara@practice.example")
    ada = open_client("ADA", clara)
    jobs = [ImportJob.objects.create(client=ada, requested_by=clara, file_name=f"{number}") for number in range(20)]

    def claim_all(worker: int) -> list[tuple[object, int]]:
        try:
            claimed = [ImportJob.objects.claim(job.pk) for job in jobs]
            return [(one.pk, one.fence) for one in claimed if one]
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        won = [pair for pairs in pool.map(claim_all, range(8)) for pair in pairs]
    assert Counter(won) == Counter((job.pk, 1) for job in jobs)


def test_a_lease_is_kept_while_the_work_is_done(committed: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clinical.models.jobs.LEASE", timedelta(seconds=0.3))
    clara = sign_up("clara@practice.example")
    job = ImportJob.objects.create(client=open_client("ADA", clara), requested_by=clara, file_name="long")
    claimed = claim(job)
    with claimed.leased(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(0.8)")
        assert ImportJob.objects.claim(job.pk) is None
    claimed.finish()
