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
    "config.apps.AnamnesisAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django_filters",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
]

MIDDLEWARE = [
    "config.headers.content_policy",  # first: on every answer, also a redirect and a static file
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "config.headers.no_store",
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
CELERY_APP = "config.celery.app"  # by name: what wakes workers stands below what configures them
AFTER_IMPORT = "insights.tasks.wake_analysis"  # called with the ids of the sources of an import; empty: nothing is

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
# The shape of Django 6's setting: its own middleware takes it over.
SECURE_CSP = {
    "default-src": ["'self'"],
    "img-src": ["'self'", "data:"],
    "object-src": ["'none'"],
    "base-uri": ["'none'"],
    "form-action": ["'self'"],
    "frame-ancestors": ["'none'"],
}

# --- The API
REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["clinical.api.signing_in.SessionCookie"],
    "DEFAULT_PERMISSION_CLASSES": ["clinical.api.signing_in.RolePermission"],
    "DEFAULT_PARSER_CLASSES": ["clinical.api.strict_json.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["clinical.api.strict_json.FastJSONRenderer"],
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_PAGINATION_CLASS": "clinical.api.paging.KeysetPagination",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_METADATA_CLASS": None,
    "EXCEPTION_HANDLER": "clinical.api.errors.answer_error",
    "URL_FORMAT_OVERRIDE": None,  # `?format=` is the export's own
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
if DEBUG:
    REST_FRAMEWORK["DEFAULT_RENDERER_CLASSES"] += ["rest_framework.renderers.BrowsableAPIRenderer"]
SPECTACULAR_SETTINGS = {
    "TITLE": "Anamnesis",
    "VERSION": "1",
    "DESCRIPTION": "What clients say, kept safe, searchable, analysed and reviewed. See docs/api.md for half an hour"
    " over it.",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/v1/",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SWAGGER_UI_SETTINGS": {"deepLinking": True, "validatorUrl": None},
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "clinical.api.schema.describe_errors",
    ],
    "ENUM_NAME_OVERRIDES": {
        "ClientKind": "clinical.models.people.Client.Kind",
        "SourceKind": "transcripts.models.sources.Source.Kind",
        "InsightKind": "insights.models.findings.Insight.Kind",
        "SessionStatus": "clinical.models.sessions.Session.Status",
        "InsightStatus": "insights.models.findings.Insight.Status",
        "Progress": "clinical.models.sessions.Progress",
        "MemberRole": "clinical.models.people.Member.Role",
        "SpeakerRole": "transcripts.models.sources.ROLE_CHOICES",
        "JobState": "clinical.models.jobs.Job.State",
    },
}

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
