"""Take in transcript files for one client."""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from clinical.management.acting import ActingCommand
from transcripts.formats import FORMATS
from transcripts.importing import FileError, ImportRefused, Options, Report, import_files
from transcripts.models import Source
from transcripts.roles import Role


def speaker_role(value: str) -> tuple[str, Role]:
    label, equals, role = value.rpartition("=")
    if not equals or not label:
        raise argparse.ArgumentTypeError(f"“{value}” is not LABEL=ROLE, for example SPEAKER_00=therapist.")
    try:
        return label, Role(role.strip().lower())
    except ValueError:
        roles = ", ".join(one.value for one in Role)
        raise argparse.ArgumentTypeError(f"“{role}” is not a role. A role is one of {roles}.") from None


def field_column(value: str) -> tuple[str, str]:
    field, equals, column = value.partition("=")
    if not equals or not field.strip() or not column.strip():
        raise argparse.ArgumentTypeError(f"“{value}” is not FIELD=COLUMN, for example text=utterance.")
    return field.strip(), column.strip()


def moment(value: str) -> datetime:
    try:
        at = parse_datetime(value) or datetime.combine(parse_date(value) or _no_date(), datetime.min.time())
    except ValueError:
        message = f"“{value}” is not a date and time like 2026-05-04T14:00 or 2026-05-04T14:00+02:00."
        raise argparse.ArgumentTypeError(message) from None
    if not 1900 <= at.year <= 2200:
        raise argparse.ArgumentTypeError(f"“{value}” is not a day on which a session was held.")
    return timezone.make_aware(at) if timezone.is_naive(at) else at


def _no_date() -> Any:
    raise ValueError


class Command(ActingCommand):
    help = "Take in transcript files for one client. A refused file stores nothing; the same content adds nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        add = parser.add_argument
        add("paths", nargs="+", type=Path, metavar="PATH", help="files, or folders of files")
        add("--client", required=True, metavar="CODE")
        add("--create-client", action="store_true", help="add the client if the code is new")
        add("--kind", choices=["auto", *Source.Kind.values], default="auto")
        add("--format", choices=["auto", *(one.NAME for one in FORMATS)], default="auto", help="auto: by content")
        add("--occurred-at", type=moment, metavar="ISO", help="when it was said; without an offset: clinic time")
        add("--speaker", type=speaker_role, action="append", default=[], metavar="LABEL=ROLE")
        add("--map", type=field_column, action="append", default=[], metavar="FIELD=COLUMN", help="columns of a CSV")
        add("--dry-run", action="store_true", help="say what would be done and every error; store nothing")
        add("--all-or-nothing", action="store_true", help="one refused file refuses all")
        add("--errors-csv", type=Path, metavar="FILE", help="write the errors to a CSV: file, line, message")
        add("--json", action="store_true", dest="as_json")

    def handle(self, *args: Any, **options: Any) -> None:
        report = self._import(options)
        if options["as_json"]:
            self.print_json(report.as_json())
        else:
            self._print(report, dry_run=options["dry_run"])
        if options["errors_csv"]:
            _write_errors(options["errors_csv"], report.errors)
        if report.errors:
            sys.exit(1)

    def _import(self, options: dict[str, Any]) -> Report:
        """Whatever keeps the import from beginning is an error of every file, so that it stands in the JSON too."""
        try:
            with progress_on_stderr(len(options["paths"])) as advance:
                return import_files(
                    options["paths"],
                    self._asked(options),
                    dry_run=options["dry_run"],
                    all_or_nothing=options["all_or_nothing"],
                    progress=advance,
                )
        except (ImportRefused, CommandError) as error:
            return Report(errors=[FileError(str(path), None, str(error)) for path in options["paths"]])

    def _asked(self, options: dict[str, Any]) -> Options:
        asked = Options(
            client_code=options["client"].strip(),
            actor=self.actor(options),
            create_client=options["create_client"],
            format=options["format"],
            occurred_at=options["occurred_at"],
            roles=dict(options["speaker"]),
            mapping=dict(options["map"]),
        )
        return asked if options["kind"] == "auto" else replace(asked, kind=options["kind"])

    def _print(self, report: Report, *, dry_run: bool) -> None:
        for source in report.sources:
            state = ("would be added" if dry_run else "added") if source.created else "here already"
            speakers = ", ".join(f"{one['label']} ({one['role']})" for one in source.speakers) or "no speakers named"
            self.stdout.write(f"{source.title}: {state}, {source.passages} passages, {speakers}, as {source.format}")
            for warning in source.warnings:
                self.stdout.write(self.style.WARNING(f"    {warning}"))
        if report.errors:
            _print_errors(report.errors)
        added = "would be added" if dry_run else "added"
        self.stdout.write(
            f"{report.created} sources with {report.passages} passages {added}, {report.skipped} here already, "
            f"{len(report.errors)} errors, {report.seconds:.1f} s."
        )


@contextmanager
def progress_on_stderr(total: int) -> Iterator[Callable[[str], None]]:
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("Importing", total=total)

        def advance(name: str) -> None:
            bar.update(task, advance=1, description=Path(name).name)

        yield advance


def _print_errors(errors: list[FileError]) -> None:
    table = Table(title="Refused: nothing of these files is stored", title_justify="left")
    table.add_column("File", overflow="fold")
    table.add_column("Line", justify="right")
    table.add_column("What is wrong, and what to do")
    for error in errors:
        table.add_row(error.file, "" if error.line is None else str(error.line), error.message)
    console = Console(stderr=True)
    console.print(table, width=None if console.is_terminal else 160)


def _write_errors(path: Path, errors: list[FileError]) -> None:
    try:
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(("file", "line", "message"))
            writer.writerows((error.file, error.line, error.message) for error in errors)
    except OSError as error:
        raise CommandError(f"The errors cannot be written to {path}: {error.strerror}.") from error
