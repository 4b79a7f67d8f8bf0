"""Ada's sessions, and a browser of whoever asks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client as Browser

from clinical.models import Client, User
from tests.factories import state_insight, tell
from transcripts.models import Passage, Source

Answer = Any  # a response as the test client gives it, with its context
SignIn = Callable[[User], Browser]


@pytest.fixture
def sign_in() -> SignIn:
    def as_user(user: User) -> Browser:
        browser = Browser()
        browser.force_login(user)
        return browser

    return as_user


@pytest.fixture
def browser(sign_in: SignIn, clara: User) -> Browser:
    """Clara's."""
    return sign_in(clara)


@pytest.fixture
def told(ada: Client) -> Source:
    """Three lines, of which the second has an urgent finding."""
    source = tell(ada, [("therapist", "How was the week?"), "I did not want to wake up.", "But I got up."])
    state_insight(passage(source, 1), span=(2, 25), priority="urgent", confidence=0.7)
    return source


def passage(source: Source, sequence: int) -> Passage:
    return Passage.objects.get(source=source, sequence=sequence)
