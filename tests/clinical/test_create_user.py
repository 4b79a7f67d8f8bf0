"""`manage.py create_user`: somebody new may sign in."""

from __future__ import annotations

import io
import json
import re
from typing import Any

import pytest
from django.contrib.auth import authenticate
from django.core.management import CommandError, call_command

from clinical.access import UserRole
from clinical.models import User

pytestmark = pytest.mark.django_db


def create_user(*arguments: str, stdin: str | None = None, monkeypatch: pytest.MonkeyPatch | None = None) -> str:
    said = io.StringIO()
    if monkeypatch is not None:
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
    call_command("create_user", *arguments, stdout=said)
    return said.getvalue()


@pytest.mark.parametrize("role", UserRole.values)
def test_a_user_of_every_role_is_made_with_a_password_that_is_shown_once(role: str) -> None:
    said = create_user("Nora@Practice.example", "--role", role, "--name", "Nora Weiss")
    shown = re.search(r"Password \(shown once\): (\S+)", said)
    assert shown is not None
    user = User.objects.get(email="nora@practice.example")
    assert (user.role, user.name, user.is_active, user.is_superuser) == (role, "Nora Weiss", True, False)
    assert authenticate(username="nora@practice.example", password=shown[1]) == user


def test_the_password_is_taken_from_stdin_and_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    said = create_user(
        "nora@practice.example", "--role", "clinician", "--password-stdin",
        stdin="horse staple battery\nmore\n", monkeypatch=monkeypatch,
    )  # fmt: skip
    assert said == "nora@practice.example may sign in as clinician.\n"
    assert User.objects.get(email="nora@practice.example").check_password("horse staple battery")


def test_json_is_one_document_with_the_password_that_was_made(monkeypatch: pytest.MonkeyPatch) -> None:
    document: dict[str, Any] = json.loads(create_user("nora@practice.example", "--role", "intake", "--json"))
    user = User.objects.get(email="nora@practice.example")
    assert document.keys() == {"id", "email", "role", "password"}
    assert (document["id"], document["email"], document["role"]) == (str(user.pk), user.email, "intake")
    assert user.check_password(document["password"])
    given = create_user(
        "ole@practice.example", "--role", "intake", "--json", "--password-stdin",
        stdin="horse staple battery\n", monkeypatch=monkeypatch,
    )  # fmt: skip
    assert json.loads(given).keys() == {"id", "email", "role"}


@pytest.mark.parametrize(
    ("email", "password", "complaint"),
    [
        ("nora", "horse staple battery", "e.?mail"),
        ("nora@practice", "horse staple battery", "e.?mail"),
        ("", "horse staple battery", "blank|e.?mail"),
        ("local@service.invalid", "horse staple battery", "exists already"),
        ("LOCAL@service.INVALID", "horse staple battery", "exists already"),
        ("nora@practice.example", "", "too short"),
        ("nora@practice.example", "short", "too short"),
        ("nora@practice.example", "password1234", "too common"),
        ("nora@practice.example", "nora@practice.example", "too similar"),
    ],
)
def test_a_user_that_cannot_be_is_refused_in_words_and_not_made(
    email: str, password: str, complaint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = list(User.objects.values_list("email", "password"))
    with pytest.raises(CommandError, match=complaint):
        create_user(email, "--role", "clinician", "--password-stdin", stdin=f"{password}\n", monkeypatch=monkeypatch)
    assert list(User.objects.values_list("email", "password")) == before


@pytest.mark.parametrize("arguments", [("nora@practice.example",), ("nora@practice.example", "--role", "boss")])
def test_a_role_is_needed_and_one_of_the_known(arguments: tuple[str, ...]) -> None:
    with pytest.raises(CommandError, match="--role"):
        create_user(*arguments)
