"""Imports: one row per file that was taken in or refused, with its errors."""

from __future__ import annotations

from django.db import models

from clinical.models.base import ScopedQuerySet, ShapedJSONField
from clinical.models.jobs import Job
from clinical.models.people import Client, User
from transcripts.models.shapes import read_import_errors


class ImportJob(Job):
    """One file's import. `errors` say what, where and the next step; they never repeat what a client said."""

    client = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="import_jobs")
    requested_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    file_name = models.CharField(max_length=255)
    file_sha256 = models.CharField(max_length=64, blank=True)
    format = models.CharField(max_length=20, blank=True)
    created_sources = models.PositiveIntegerField(default=0)
    skipped_sources = models.PositiveIntegerField(default=0)
    errors = ShapedJSONField(shape=read_import_errors, default=list, blank=True)

    objects = ScopedQuerySet["ImportJob"].as_manager()

    class Meta(Job.Meta):
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"{self.file_name}: {self.state}"
