"""What commands share: who acts, and one JSON document on stdout."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError, ProgrammingError

from clinical.models import Client, User


class ActingCommand(BaseCommand):
    """A command that acts as somebody: `--as EMAIL`, or else the service user `local`."""

    acting_required = False

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--as",
            dest="actor",
            metavar="EMAIL",
            required=self.acting_required,
            help="the user who acts; without it the service user “local”",
        )

    def execute(self, *args: Any, **options: Any) -> str | None:
        try:
            return super().execute(*args, **options)
        except ProgrammingError as error:
            if getattr(error.__cause__, "sqlstate", "") == "42P01":  # undefined table
                raise CommandError("The database has no tables yet, or old ones. Run: manage.py migrate") from error
            raise
        except OperationalError as error:
            raise CommandError(f"The database does not answer: {error}. Run: manage.py doctor") from error

    def actor(self, options: dict[str, Any]) -> User:
        email = options["actor"]
        if email is None or email == "local":
            return User.objects.local()
        user = User.objects.filter(email=email.strip().lower(), is_active=True).first()
        if user is None:
            raise CommandError(
                f"There is no active user {email}. Add one: manage.py create_user {email} --role clinician"
            )
        return user

    def print_json(self, document: dict[str, Any]) -> None:
        self.stdout.write(json.dumps(document))  # in ASCII: whatever the terminal or pipe speaks


def find_client(code: str, actor: User) -> Client:
    """The client with this code; somebody else's client is as unknown as one that is not there."""
    client = Client.objects.visible_to(actor).filter(code__iexact=code.strip()).first()
    if client is None:
        raise CommandError(f"There is no client “{code}” that {actor.email} may see.")
    return client
