"""What must be right before a practice is served: `manage.py check --deploy`, and `doctor` too."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register


def is_loopback(host: str | None) -> bool:
    if host in ("localhost", None, ""):
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


@register(Tags.security, deploy=True)
def check_deployment(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Errors, not warnings: with one of these, records of clients would be open to somebody."""
    return [*_debug(), *_secret_key(), *_hosts(), *_transport(), *_database()]


def _debug() -> list[CheckMessage]:
    if not settings.DEBUG:
        return []
    return [Error("DEBUG shows the values of a failing request to whoever asks.", "Unset DEBUG.", id="anamnesis.E001")]


def _secret_key() -> list[CheckMessage]:
    key = settings.SECRET_KEY
    if len(key) >= 50 and len(set(key)) >= 5 and not key.startswith("django-insecure-"):
        return []
    hint = "Unset SECRET_KEY to have one made in the data directory, or set at least 50 random characters."
    return [Error("SECRET_KEY can be guessed: whoever knows it can sign in as anybody.", hint, id="anamnesis.E002")]


def _hosts() -> list[CheckMessage]:
    if "*" not in settings.ALLOWED_HOSTS:
        return []
    hint = "Name the hosts in ALLOWED_HOSTS, or unset it: then PUBLIC_URL's host is taken."
    return [Error("ALLOWED_HOSTS takes any host name.", hint, id="anamnesis.E003")]


def _transport() -> list[CheckMessage]:
    public = urlsplit(settings.PUBLIC_URL)
    if public.scheme != "https":
        hint = "Set PUBLIC_URL=https://… and serve behind TLS (BEHIND_PROXY=true where a proxy ends it)."
        return [
            Error(f"{settings.PUBLIC_URL} is not https: passwords would travel in the open.", hint, id="anamnesis.E004")
        ]
    if settings.SESSION_COOKIE_SECURE and settings.CSRF_COOKIE_SECURE:
        return []
    return [Error("Cookies would travel without TLS.", "Leave the cookie settings alone.", id="anamnesis.E005")]


def _database() -> list[CheckMessage]:
    database = settings.DATABASES["default"]
    host = str(database.get("HOST", ""))
    encrypted = database.get("OPTIONS", {}).get("sslmode") in ("require", "verify-ca", "verify-full")
    if host.startswith("/") or is_loopback(host) or encrypted:
        return []
    hint = "Add ?sslmode=verify-full to DATABASE_URL."
    return [Error("The database is on another machine and not asked over TLS.", hint, id="anamnesis.E006")]
