from django.db import migrations

from clinical.postgres.sql import RunSQLFile


class Migration(migrations.Migration):
    dependencies = [("transcripts", "0001_initial"), ("clinical", "0002_guard_rows")]

    operations = [RunSQLFile(__file__, "guard_passages")]
