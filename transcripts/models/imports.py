"""Imports: one row per file that was taken in or refused, with its errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from django.db import models
from django.utils import timezone

from clinical.models.base import ShapedJSONField
from clinical.models.jobs import Job, JobQuerySet
from clinical.models.people import Client, User
from transcripts.models.shapes import read_import_errors, read_import_options, read_import_result

if TYPE_CHECKING:
    from transcripts.models.sources import Source


class ImportJob(Job):
    """One file's import. `errors` say what, where and the next step; they never repeat what a client said.

    A file that a command reads leaves a row when it is done. One that was uploaded has its row from the beginning:
    `upload` is the folder that keeps it until the import is done, `options` what the user said of it.
    """

    client = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="import_jobs")
    requested_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    file_name = models.CharField(max_length=255)
    file_sha256 = models.CharField(max_length=64, blank=True)
    format = models.CharField(max_length=20, blank=True)
    upload = models.CharField(max_length=36, blank=True, help_text="The folder of the received file; empty: gone.")
    options = ShapedJSONField(shape=read_import_options, default=dict, blank=True)
    conversations = models.PositiveIntegerField(null=True, help_text="How many the file has; empty: not read yet.")
    created_sources = models.PositiveIntegerField(default=0)
    skipped_sources = models.PositiveIntegerField(default=0)
    result = ShapedJSONField(shape=read_import_result, default=list, blank=True)
    errors = ShapedJSONField(shape=read_import_errors, default=list, blank=True)

    objects = JobQuerySet["ImportJob"].as_manager()

    class Meta(Job.Meta):
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"{self.file_name}: {self.state}"

    # --- Kept by the pipeline, for a row that is there already and for one that is written at the end

    _created_earlier = 0  # by an attempt that was interrupted: this one finds them there

    def begin(self, **found: Any) -> Self:
        for name, value in found.items():
            setattr(self, name, value)
        self._created_earlier, self.skipped_sources = self.created_sources, 0
        return self

    def note(self, source: Source, *, created: bool, passages: int) -> None:
        """Ids and counts alone: a title or a label could repeat what is in the file."""
        self.result.append({"source": str(source.pk), "created": created, "passages": passages})

    def advance(self) -> None:
        """In the transaction of each conversation, so that an attempt that was interrupted is counted right."""
        if not self._state.adding:
            self.extend(conversations=self.conversations, **self._counts())

    def conclude(self) -> None:
        """In the transaction of the last one. Raises LeaseLost where another attempt, or somebody, was first."""
        if self._state.adding:
            self.finished_at = timezone.now()
            self.save(force_insert=True)
            return
        kept = ("state", "last_error", "file_sha256", "format", "conversations", "result", "errors")
        self.finish(**{name: getattr(self, name) for name in kept}, **self._counts())

    def _counts(self) -> dict[str, int]:
        skipped = max(0, self.skipped_sources - self._created_earlier)
        return {"created_sources": self.created_sources, "skipped_sources": skipped}
