"""Read what is due."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management.base import CommandError, CommandParser
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from clinical.access import Action
from clinical.management.acting import ActingCommand, find_client
from insights.analysis import analyse
from transcripts.management.lookups import find_source


class Command(ActingCommand):
    help = "Read every source that is due: tone, keywords, talk, crisis language. A second run reads nothing again."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        scope = parser.add_mutually_exclusive_group()
        scope.add_argument("--source", metavar="ID")
        scope.add_argument("--client", metavar="CODE")
        scope.add_argument("--all", action="store_true", help="everything due (also without any option)")
        parser.add_argument("--json", action="store_true", dest="as_json")

    def handle(self, *args: Any, **options: Any) -> None:
        actor = self.actor(options)
        if not actor.may(Action.ANALYSE):
            raise CommandError(f"{actor.email} ({actor.role}) may not start an analysis.")
        client = find_client(options["client"], actor) if options["client"] is not None else None
        source = find_source(options["source"], actor) if options["source"] is not None else None
        with progress_on_stderr() as advance:
            report = analyse(actor=actor, client=client, source=source, advance=advance)
        if options["as_json"]:
            self.print_json(report.as_json())
        else:
            self.stdout.write(
                f"{report.sources} sources with {report.passages} passages read: {report.readings} new readings, "
                f"{report.insights} new insights, {report.failed} failed, {report.seconds:.1f} s."
            )
        if report.failed:
            sys.stderr.write("What failed is marked as failed, with its reason, and is tried again by the next run.\n")
            sys.exit(1)


@contextmanager
def progress_on_stderr() -> Iterator[Callable[[int], None]]:
    console = Console(stderr=True)
    with Progress(
        TextColumn("Analysing"), BarColumn(), TextColumn("{task.completed} passages"),
        console=console, transient=True, disable=not console.is_terminal,
    ) as bar:  # fmt: skip
        task = bar.add_task("", total=None)
        yield lambda passages: bar.update(task, completed=passages)
