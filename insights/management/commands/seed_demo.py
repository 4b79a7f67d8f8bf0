"""Add the demo practice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from clinical.checks import is_loopback
from clinical.management.acting import ActingCommand
from clinical.secrets import kept_secret
from insights.demo import Advance, DemoBroken, DemoReport, seed_practice


class Command(ActingCommand):
    help = "Add the demo practice, or what is missing of it. Everybody in it is invented."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--force", action="store_true", help="also where the server is reached from elsewhere")
        parser.add_argument("--json", action="store_true", dest="as_json")

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["force"] and not is_loopback(urlsplit(settings.PUBLIC_URL).hostname):
            raise CommandError(
                f"{settings.PUBLIC_URL} is reached from elsewhere: invented clients have no place in a real practice. "
                "Add --force if this one is for trying things out."
            )
        password = kept_secret(settings.ANAMNESIS_DATA_DIR / "demo_password", words=True)
        try:
            with progress_on_stderr() as advance:
                report = seed_practice(Path(settings.BASE_DIR) / "demo", password=password, advance=advance)
        except DemoBroken as error:
            raise CommandError(f"{error} {DemoBroken.__doc__}") from error
        if options["as_json"]:
            self.print_json(_as_json(report))
        else:
            self._print(report, password)

    def _print(self, report: DemoReport, password: str) -> None:
        out = self.stdout.write
        out(f"Demo practice: {report.sources} sources ({report.new_sources} new), {report.passages:,} passages, "
            f"{report.findings} findings, {report.seconds:.1f} s.")  # fmt: skip
        if report.read:
            out(f"Read {report.read:,} passages in {report.analysis_seconds:.1f} s: "
                f"{report.read / report.analysis_seconds:,.0f} sentences per second.")  # fmt: skip
        for user in report.users:
            shown = password if user.check_password(password) else "(its own password)"
            out(f"  Login: {user.email}  {shown}  ({user.role})")


def _as_json(report: DemoReport) -> dict[str, Any]:
    return {
        "sources": report.sources,
        "created": report.new_sources,
        "passages": report.passages,
        "findings": report.findings,
        "readings": report.read,
        "seconds": round(report.seconds, 3),
    }


@contextmanager
def progress_on_stderr() -> Iterator[Advance]:
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=None)
        yield lambda step, done, of: bar.update(task, description=step, completed=done, total=of or None)
