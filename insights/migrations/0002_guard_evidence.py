from django.db import migrations

from clinical.postgres.sql import RunSQLFile


class Migration(migrations.Migration):
    dependencies = [("insights", "0001_initial"), ("transcripts", "0002_guard_passages")]

    operations = [RunSQLFile(__file__, "guard_evidence")]
