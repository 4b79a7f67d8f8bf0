"""The settings of the suite: the real ones, on a throwaway database where DATABASE_URL names none."""

import os
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent
os.environ.setdefault("ANAMNESIS_DATA_DIR", str(_ROOT / ".data"))
os.environ.setdefault("SECRET_KEY", "only-for-tests-" + "0123456789abcdefghijklmnopqrstuvwxyz" * 2)

# Tests that want a broker name it themselves; all others, and the processes they start, have none.
CONFIGURED_BROKER = os.environ.pop("CELERY_BROKER_URL", "") or None

from clinical.postgres.embedded import Cluster  # noqa: E402
from config.settings import *  # noqa: E402, F403
from config.settings import ANAMNESIS_DATA_DIR, DATABASE_URL, DATABASES  # noqa: E402

TEST_CLUSTER = None if DATABASE_URL else Cluster(ANAMNESIS_DATA_DIR / "tests", throwaway=True)
if TEST_CLUSTER is not None:
    address = TEST_CLUSTER.address
    DATABASES["default"] |= {"HOST": str(address.socket_dir), "PORT": address.port, "NAME": address.dbname}

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # the suite makes hundreds of users
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
