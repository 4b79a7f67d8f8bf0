from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings
from pytest_django import Settings
from rest_framework.test import APIClient

from clinical.models import User


def sign_in(user: User | None) -> APIClient:
    """A client of the API that raises nothing: an error of ours is a 500 here as for anybody."""
    client = APIClient(raise_request_exception=False)
    if user is not None:
        client.force_login(user, backend=settings.AUTHENTICATION_BACKENDS[0])
    return client


@pytest.fixture
def clara_api(clara: User) -> APIClient:
    return sign_in(clara)


@pytest.fixture
def ben_api(ben: User) -> APIClient:
    return sign_in(ben)


@pytest.fixture(autouse=True)
def uploads(settings: Settings, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = tmp_path
