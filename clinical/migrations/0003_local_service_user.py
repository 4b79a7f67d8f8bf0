"""The service user that commands run as when nobody is named."""

from django.apps.registry import Apps
from django.contrib.auth.hashers import make_password
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

EMAIL = "local@service.invalid"


def add(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    user = apps.get_model("clinical", "User")
    user.objects.get_or_create(
        email=EMAIL, defaults={"name": "local", "role": "service", "password": make_password(None)}
    )


def remove(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    apps.get_model("clinical", "User").objects.filter(email=EMAIL).delete()


class Migration(migrations.Migration):
    dependencies = [("clinical", "0002_guard_rows")]

    operations = [migrations.RunPython(add, remove)]
