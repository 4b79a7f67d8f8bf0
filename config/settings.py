"""One settings file; what differs between installations comes from the environment or `.env` (see .env.example)."""

from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import environ

from clinical.postgres.embedded import cluster_for
from clinical.secrets import kept_secret

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()
environ.Env.read_env(BASE_DIR / ".env")

ANAMNESIS_DATA_DIR = Path(env.str("ANAMNESIS_DATA_DIR", default=str(BASE_DIR / ".data"))).expanduser().absolute()
DEBUG = env.bool("DEBUG", default=False)
SECRET_KEY = env.str("SECRET_KEY", default="") or kept_secret(ANAMNESIS_DATA_DIR / "secret_key")

# Where people reach the server. Over https, cookies travel on https alone; `check --deploy` refuses anything else
# that is not this machine itself.
PUBLIC_URL = env.str("PUBLIC_URL", default="http://127.0.0.1:8000").rstrip("/")
_public = urlsplit(PUBLIC_URL)
_HTTPS = _public.scheme == "https"
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=[]) or list(
    dict.fromkeys([_public.hostname or "127.0.0.1", "127.0.0.1", "localhost", "[::1]"])
)
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]

INSTALLED_APPS = [
    "clinical",
    "transcripts",
    "insights",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django_filters",
    "rest_framework",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# --- Database: an external server where DATABASE_URL names one, else our own in the data directory.
# Only its address is computed here; manage.py, wsgi and asgi start it.
DATABASE_URL: str | None = env.str("DATABASE_URL", default="") or None


def _database() -> dict[str, Any]:
    if DATABASE_URL:
        given = env.db_url_config(DATABASE_URL)
        socket_or_host = unquote(given["HOST"])  # a socket folder stands percent-encoded in a URL
        return {**given, "HOST": socket_or_host, "ENGINE": "django.db.backends.postgresql"}
    address = cluster_for(ANAMNESIS_DATA_DIR).address
    return {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": str(address.socket_dir),
        "PORT": address.port,
        "USER": address.user,
        "NAME": address.dbname,
    }


DATABASES: dict[str, dict[str, Any]] = {"default": _database()}
DATABASES["default"].setdefault("OPTIONS", {}).setdefault("application_name", "anamnesis")
DATABASES["default"]["CONN_MAX_AGE"] = env.int("CONN_MAX_AGE", default=60)
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Workers
CELERY_BROKER_URL: str | None = env.str("CELERY_BROKER_URL", default="") or None

# --- People
AUTH_USER_MODEL = "clinical.User"
LOGIN_URL = "admin:login"
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS: list[dict[str, Any]] = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

# --- Browsers
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _HTTPS
SECURE_SSL_REDIRECT = _HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if _HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = _HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if env.bool("BEHIND_PROXY", default=False) else None
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

# --- Language, time, files
LANGUAGE_CODE = "en-gb"
TIME_ZONE = env.str("TIME_ZONE", default="UTC")
USE_TZ = True
STATIC_URL = "static/"
STATIC_ROOT = ANAMNESIS_DATA_DIR / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
MEDIA_ROOT = ANAMNESIS_DATA_DIR / "media"
IMPORT_MAX_BYTES = env.int("IMPORT_MAX_BYTES", default=256 * 1024 * 1024)

# --- Logs: to stderr, without a word of what clients say (no module logs text or parameters)
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": env.str("LOG_LEVEL", default="WARNING")},
}
