"""The people of the suite, and its database."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from clinical.models import Client, User
from tests.factories import open_client, sign_up

# The screens need a browser driver, which `make browser` installs and `make test` does not.
collect_ignore = [] if find_spec("playwright") else ["browser"]
SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


def pytest_configure(config: pytest.Config) -> None:
    cluster = getattr(settings, "TEST_CLUSTER", None)
    if cluster is not None:
        cluster.ensure()


@pytest.fixture
def shared_data() -> Path:
    if not SHARED_DATA.is_dir():
        pytest.skip(f"the real inputs are not here: {SHARED_DATA}")
    return SHARED_DATA


@pytest.fixture
def clara(db: None) -> User:
    """Treats Ada."""
    return sign_up("clara@practice.example")


@pytest.fixture
def ben(db: None) -> User:
    """A clinician who has nothing to do with Ada."""
    return sign_up("ben@practice.example")


@pytest.fixture
def ada(clara: User) -> Client:
    return open_client("ADA", clara)


@pytest.fixture
def local(db: None) -> User:
    return User.objects.local()


@pytest.fixture
def _local_restored(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """What a migration put there, for whoever comes after a test that empties the tables."""
    with django_db_blocker.unblock():
        local = User.objects.local()
    yield
    with django_db_blocker.unblock():
        local.save(force_insert=True)


@pytest.fixture
def committed(_local_restored: None, transactional_db: None) -> None:
    """A database whose rows other processes and threads see; afterwards it is as the migrations left it."""
