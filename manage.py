#!/usr/bin/env python3
"""Anamnesis by command: `manage.py help` lists what there is."""

import os
import sys

# Everything else may ask the database, so it is started first (0.1 s, nothing where it runs already).
WITHOUT_DATABASE = {
    None, "-h", "--help", "help", "--version", "version", "analyse_text", "check", "collectstatic", "db",
    "diffsettings", "doctor", "makemessages", "makemigrations", "startapp",
}  # fmt: skip


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    from django.core.management import execute_from_command_line

    command = sys.argv[1] if len(sys.argv) > 1 else None
    if command not in WITHOUT_DATABASE and not {"-h", "--help"} & set(sys.argv[2:]):
        from clinical.postgres.embedded import ClusterError
        from config.database import ensure_database

        try:
            ensure_database()
        except ClusterError as error:
            sys.exit(f"manage.py {command}: {error}")
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
