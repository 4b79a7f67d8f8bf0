"""Brings the database up before somebody needs it."""

from django.conf import settings

from clinical.postgres.embedded import cluster_for


def ensure_database() -> None:
    """Start our own server where no external one is configured; returns at once when it runs already."""
    if settings.DATABASE_URL is None:
        cluster_for(settings.ANAMNESIS_DATA_DIR).ensure()
