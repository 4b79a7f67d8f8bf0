"""Imports, by a worker."""

from __future__ import annotations

from celery import shared_task

from transcripts.uploading import run_import


@shared_task(name="transcripts.import_upload")
def import_upload(job_id: str) -> None:
    run_import(job_id)
