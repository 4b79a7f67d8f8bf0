from django.db import migrations

from clinical.postgres.sql import RunSQLFile


class Migration(migrations.Migration):
    dependencies = [("clinical", "0001_initial")]

    operations = [RunSQLFile(__file__, "guard_rows")]
