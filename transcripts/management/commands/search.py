"""Search what was said, as somebody."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandError, CommandParser

from clinical.access import Action
from clinical.management.acting import ActingCommand, find_client
from transcripts.search import CAP, Hit, search


class Command(ActingCommand):
    help = 'Search passages: words, "phrases", or, -without. Finds only what the user named by --as may see.'
    acting_required = True

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("query")
        parser.add_argument("--client", metavar="CODE")
        parser.add_argument("--limit", type=int, default=20)
        parser.add_argument("--json", action="store_true", dest="as_json")

    def handle(self, *args: Any, **options: Any) -> None:
        user = self.actor(options)
        if not user.may(Action.SEARCH):
            raise CommandError(f"{user.email} ({user.role}) may not search records.")
        if not 1 <= options["limit"] <= CAP:
            raise CommandError(f"--limit takes a number from 1 to {CAP}.")
        client = find_client(options["client"], user) if options["client"] is not None else None
        found = search(options["query"], user=user, client=client, limit=options["limit"])
        if options["as_json"]:
            hits = [asdict(hit) | {"passage": str(hit.passage), "source": str(hit.source)} for hit in found.hits]
            self.print_json(
                {"total": found.total, "capped": found.capped, "hits": hits, "suggestions": found.suggestions}
            )
            return
        for hit in found.hits:
            self.stdout.write(self._line(hit))
        counted = f"the first {found.total:,} matches" if found.capped else f"{found.total:,} matches"
        self.stdout.write(f"{len(found.hits)} shown of {counted}.")
        for suggestion in found.suggestions:
            self.stdout.write(f"Did you mean: {suggestion}")

    def _line(self, hit: Hit) -> str:
        seconds = None if hit.start_ms is None else hit.start_ms // 1000
        at = "" if seconds is None else f" {seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
        return f"{hit.client}{at} {hit.speaker or 'unknown'}: {' '.join(hit.text.split())}"
