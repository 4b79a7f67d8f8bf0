"""Run a worker, with the beat that sweeps: all that one machine needs."""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.module_loading import import_string

from clinical.broker import wake
from clinical.valkey import ValkeyError, server_for


class Command(BaseCommand):
    help = "Import and analyse in the background until Ctrl-C. Without CELERY_BROKER_URL it starts its own broker."

    def add_arguments(self, parser: CommandParser) -> None:
        add = parser.add_argument
        add("--concurrency", type=int, default=min(4, os.cpu_count() or 1), help="processes that work (default: cores)")
        add("--no-beat", action="store_true", help="where another worker of the same broker has the beat")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["concurrency"] < 1:
            raise CommandError("--concurrency takes a number from 1.")
        app = import_string(settings.CELERY_APP)
        server = server_for(settings.ANAMNESIS_DATA_DIR)
        with ExitStack() as ending:
            if settings.CELERY_BROKER_URL is None:
                self._start_broker(ending)
                ending.enter_context(server.working())
            app.keep_dead_letters()
            wake("insights.sweep", queue="default")  # what an earlier worker left, without waiting for the beat
            app.worker_main(self._arguments(options))

    def _start_broker(self, ending: ExitStack) -> None:
        """It goes with the last worker of this machine: a queue that nobody works on would only keep work waiting."""
        server = server_for(settings.ANAMNESIS_DATA_DIR)
        try:
            server.ensure()
        except ValkeyError as error:
            raise CommandError(str(error)) from error
        ending.callback(lambda: server.serves_worker() or server.stop())

    def _arguments(self, options: dict[str, Any]) -> list[str]:
        beat = [] if options["no_beat"] else ["--beat"]
        quiet = ["--without-gossip", "--without-mingle", "--loglevel", "WARNING"]
        return ["worker", *beat, *quiet, "--concurrency", str(options["concurrency"])]
