"""Add somebody who may sign in."""

from __future__ import annotations

import secrets
import sys
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import CommandError, CommandParser

from clinical.access import UserRole
from clinical.management.acting import ActingCommand
from clinical.models import User


class Command(ActingCommand):
    help = "Add a user. Without --password-stdin a password is made and printed once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email", metavar="EMAIL")
        parser.add_argument("--role", required=True, choices=UserRole.values)
        parser.add_argument("--name", default="")
        parser.add_argument("--password-stdin", action="store_true", help="read the password from stdin, one line")
        parser.add_argument("--json", action="store_true", dest="as_json")

    def handle(self, *args: Any, **options: Any) -> None:
        given = sys.stdin.readline().rstrip("\n") if options["password_stdin"] else None
        password = given if given is not None else secrets.token_urlsafe(15)
        try:
            validate_password(password, User(email=options["email"], name=options["name"]))
            user = User.objects.create_user(
                options["email"], role=options["role"], name=options["name"], password=password
            )
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        if options["as_json"]:
            made = {} if given is not None else {"password": password}
            self.print_json({"id": str(user.pk), "email": user.email, "role": user.role, **made})
            return
        self.stdout.write(f"{user.email} may sign in as {user.role}.")
        if given is None:
            self.stdout.write(f"Password (shown once): {password}")
