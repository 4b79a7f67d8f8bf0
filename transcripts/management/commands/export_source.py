"""Write one source as a file."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from clinical.access import Action
from clinical.management.acting import ActingCommand
from transcripts.exporting import export_source
from transcripts.formats import WRITERS
from transcripts.formats.base import ExportError
from transcripts.management.lookups import find_source


class Command(ActingCommand):
    help = "Write one source as JSON, WebVTT, SRT, plain text or CSV; importing the file again gives the same passages."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("id", metavar="ID")
        parser.add_argument("--format", required=True, choices=[one.NAME for one in WRITERS])
        parser.add_argument("--output", type=Path, metavar="FILE", help="without it: to stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        actor = self.actor(options)
        if not actor.may(Action.EXPORT):
            raise CommandError(f"{actor.email} ({actor.role}) may not export records.")
        source = find_source(options["id"], actor)
        try:
            content = export_source(source, options["format"])
        except ExportError as error:
            raise CommandError(str(error)) from error
        if options["output"] is None:
            # As bytes: a transcript keeps its line ends and its characters whatever the terminal speaks.
            self.stdout._out.buffer.write(content.encode()) if hasattr(
                self.stdout._out, "buffer"
            ) else self.stdout.write(content, ending="")
        else:
            write_whole(options["output"], content)


def write_whole(path: Path, content: str) -> None:
    """The whole file or none: readable by its owner alone, put in place at the end. A device is written to."""
    try:
        path = path.resolve()
        if path.exists() and not path.is_file():
            path.write_bytes(content.encode())
            return
        descriptor, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with open(descriptor, "wb") as file:
                file.write(content.encode())
            os.replace(partial, path)
        except BaseException:
            os.unlink(partial)
            raise
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}. Choose another --output.") from error
