"""Migrations in SQL: one file with a forward part and, below a line `-- reverse`, the way back."""

from pathlib import Path

from django.db import migrations

_REVERSE = "\n-- reverse\n"


class RunSQLFile(migrations.RunSQL):
    """Runs `sql/NAME.sql` beside the migration whose `__file__` is given."""

    def __init__(self, migration_file: str, name: str) -> None:
        forward, marker, reverse = (Path(migration_file).parent / "sql" / f"{name}.sql").read_text().partition(_REVERSE)
        if not marker:
            raise ValueError(f"{name}.sql says no way back: add a line “-- reverse” and what undoes it.")
        super().__init__(forward, reverse)
