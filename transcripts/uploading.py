"""Files that arrive over the API or the import screen: received, checked, imported, cancelled, tried again.

The file and its row are kept before anything is done with them, so a request, a worker, or the next worker after one
that was killed can do the import: the same function, safe to call twice.
"""

from __future__ import annotations

import logging
import os
import shutil
import time
import traceback
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from clinical.access import Action
from clinical.broker import has_workers, wake
from clinical.models import Client, User
from clinical.models.jobs import LeaseLost
from transcripts import importing
from transcripts.importing import FileError, ImportRefused, Options, Report
from transcripts.models import ImportJob
from transcripts.models.shapes import read_import_options

log = logging.getLogger(__name__)

# What is kept of a failed import for another try, and of a checked one for the word to go on.
KEPT_AFTER_FAILURE = timedelta(days=7)
HELD_FOR = timedelta(days=1)
_LONGEST_NAME = 200  # bytes; file systems take 255


class UploadTooLarge(ImportRefused):
    """The file has more bytes than an import takes."""


def receive_upload(
    *, name: str, content: Iterable[bytes], options: Options, dry_run: bool = False, start: bool = True
) -> ImportJob:
    """Keep the file and write its row, pending; a worker is woken, or without one the import is done right here.

    `dry_run` holds it: nobody imports it before `confirm_import`; where the client is still to be created the row is
    not saved at all (a check opens no client), and the file is gone after `check_import`.
    `start=False` is for who calls `run_import` next.
    Raises ImportRefused for who may not import, and UploadTooLarge; nothing is left of either.
    """
    client = importing._client_to_import_for(options, dry_run=dry_run)
    with _kept(name, content) as upload:
        job = ImportJob(
            requested_by=options.actor,
            file_name=_shown_name(name),
            upload=upload,
            options=_as_json(options),
            state=ImportJob.State.HELD if dry_run else ImportJob.State.PENDING,
        )
        if client is None and dry_run:
            job.client = Client(code=options.client_code)
            return job
        with transaction.atomic():
            job.client = client or importing._create_client(options)
            job.save(force_insert=True)
    if start and not dry_run:
        _start(job)
    return job


def check_import(job: ImportJob) -> Report:
    """What an import of the received file would do, and every error at once. Stores nothing."""
    options = replace(_options_of(job), create_client=job._state.adding)
    try:
        report = importing.import_files([_path_of(job)], options, dry_run=True)
    except ImportRefused as error:
        report = Report(errors=[FileError(job.file_name, None, str(error))])
    finally:
        if job._state.adding:
            discard(job)
    return _under_its_own_name(report, job)


def confirm_import(job: ImportJob, by: User, *, start: bool = True) -> ImportJob:
    """The word to go on after a check."""
    return _set_pending(job, by, ImportJob.State.HELD, start=start)


def retry_import(job: ImportJob, by: User, *, start: bool = True) -> ImportJob:
    """Try a failed import again, with attempts as at first. Raises ImportRefused where its file is no longer kept."""
    return _set_pending(job, by, ImportJob.State.FAILED, start=start)


def cancel_import(job: ImportJob, by: User) -> ImportJob:
    """Stop an import that is not done. What it has stored by now stays; the conversation it is at is rolled back."""
    _refuse_stranger(job, by)
    going_on = [ImportJob.State.HELD, ImportJob.State.PENDING, ImportJob.State.RUNNING]
    cancelled = ImportJob.objects.filter(pk=job.pk, state__in=going_on).update(
        state=ImportJob.State.CANCELLED,
        finished_at=Now(),
        lease_until=None,
        last_error=f"Cancelled by {by.email}."[:500],
    )
    job.refresh_from_db()
    if not cancelled:
        raise ImportRefused(f"This import is {job.state} already and cannot be cancelled.")
    discard(job)
    return job


def run_import(job_id: UUID | str) -> ImportJob:
    """Import a received file, unless it is done or somebody else is at it. Returns the row as it then is."""
    job = ImportJob.objects.claim(job_id)
    if job is not None:
        with suppress(LeaseLost), job.leased():
            _import_claimed(job)
        job.refresh_from_db()
        if job.state == ImportJob.State.DONE:
            discard(job)
    return job or ImportJob.objects.get(pk=job_id)


def discard(job: ImportJob) -> None:
    """Delete the received file; the row stays, and says that it is gone."""
    if job.upload:
        shutil.rmtree(_folder(job.upload), ignore_errors=True)
        job.upload = ""
        ImportJob.objects.filter(pk=job.pk).update(upload="")


def sweep_uploads() -> None:
    """Delete files that nobody will ask for again, and those whose row a crash has kept from being written."""
    old = Q(state__in=[ImportJob.State.DONE, ImportJob.State.CANCELLED])
    old |= Q(state=ImportJob.State.FAILED, finished_at__lt=Now() - KEPT_AFTER_FAILURE)
    for job in ImportJob.objects.filter(old).exclude(upload="")[:100]:
        discard(job)
    for job in ImportJob.objects.filter(state=ImportJob.State.HELD, created_at__lt=Now() - HELD_FOR)[:100]:
        discard(job)
        job.delete()
    for folder in _folders_without_row():
        shutil.rmtree(folder, ignore_errors=True)


def _folders_without_row() -> Iterator[Path]:
    """Older than an hour: a younger one may be in the middle of being received."""
    folders = [one for one in _uploads().glob("*") if one.stat().st_mtime < time.time() - 3600]
    names = [one.name for one in folders]
    known = set(ImportJob.objects.filter(upload__in=names).values_list("upload", flat=True)) if names else set()
    return (one for one in folders if one.name not in known)


# --- Running


def _import_claimed(job: ImportJob) -> None:
    """The outermost loop of an import: whatever happens, the row says what, in words that quote nobody."""
    try:
        report = importing.import_files([_path_of(job)], replace(_options_of(job), job=job))
    except LeaseLost:
        raise
    except ImportRefused as error:
        job.fail(str(error))
    except Exception as error:  # the outermost loop: the job says that it failed, and others go on
        place = "".join(traceback.format_tb(error.__traceback__))
        log.error("Import %s failed: %s\n%s", job.pk, type(error).__name__, place)
        job.release(f"{type(error).__name__} while importing. See the log of {timezone.now():%Y-%m-%d %H:%M} UTC.")
    else:
        if ImportJob.objects.filter(pk=job.pk, fence=job.fence, state=ImportJob.State.RUNNING).exists():
            # the database stopped it in the middle
            job.release(report.errors[0].message if report.errors else "The import stopped in the middle. Retry it.")


def _start(job: ImportJob) -> None:
    """After the commit: wake a worker, or where there is none, do it."""
    transaction.on_commit(lambda: _wake_or_run(job.pk), robust=True)
    if not connection.in_atomic_block:
        job.refresh_from_db()


def _wake_or_run(pk: UUID) -> None:
    if has_workers():
        wake("transcripts.import_upload", pk, queue="imports")
    else:
        run_import(pk)


def _set_pending(job: ImportJob, by: User, before: str, *, start: bool) -> ImportJob:
    _refuse_stranger(job, by)
    if not job.upload:
        raise ImportRefused("The file of this import is no longer kept. Upload it again.")
    changed = ImportJob.objects.filter(pk=job.pk, state=before).update(
        state=ImportJob.State.PENDING, attempts=0, due_at=Now(), finished_at=None, last_error="", errors=[], result=[]
    )
    job.refresh_from_db()
    if not changed:
        raise ImportRefused(f"This import is {job.state}. Look at it again.")
    if start:
        _start(job)
    return job


def _refuse_stranger(job: ImportJob, by: User) -> None:
    if not by.may(Action.IMPORT) or not ImportJob.objects.visible_to(by).filter(pk=job.pk).exists():
        raise ImportRefused(f"{by.email} ({by.role}) may not do this. Ask a clinician of the care team.")


def _under_its_own_name(report: Report, job: ImportJob) -> Report:
    report.errors = [replace(error, file=job.file_name) for error in report.errors]
    return report


# --- Options, as the row keeps them


def _as_json(options: Options) -> dict[str, Any]:
    return {
        "kind": options.kind,
        "format": options.format,
        "occurred_at": options.occurred_at.isoformat() if options.occurred_at else None,
        "roles": {label: role.value for label, role in options.roles.items()},
        "mapping": dict(options.mapping),
    }


def _options_of(job: ImportJob) -> Options:
    kept: Mapping[str, Any] = read_import_options(job.options)
    return Options(client_code=job.client.code, actor=job.requested_by, **kept)


# --- Files


def _uploads() -> Path:
    return Path(settings.MEDIA_ROOT, "imports")


def _folder(upload: str) -> Path:
    return _uploads() / UUID(upload).hex  # a UUID, so that no row can name another folder


def _path_of(job: ImportJob) -> Path:
    folder = _folder(job.upload) if job.upload else _uploads() / "gone"
    return folder / _file_name(job.file_name)


def _shown_name(name: str) -> str:
    """As the user's machine calls it, without folders and without what PostgreSQL cannot store."""
    shown = name.replace("\\", "/").rpartition("/")[2].replace("\0", "")
    return shown.encode(errors="replace").decode()[-255:] or "upload"


def _file_name(shown: str) -> str:
    """On disk: the end of the name, which holds its suffix, in as many bytes as every file system takes."""
    name = shown.encode()[-_LONGEST_NAME:].decode(errors="ignore")
    return name if name.strip(".") else "upload"


@contextmanager
def _kept(name: str, content: Iterable[bytes]) -> Iterator[str]:
    """The folder of the file, whole and synced; removed again where what follows fails."""
    upload = uuid4().hex
    folder = _uploads() / upload
    folder.mkdir(mode=0o700, parents=True)
    try:
        _write(folder / _file_name(_shown_name(name)), content)
        _sync(folder)
        _sync(folder.parent)
        yield upload
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _write(path: Path, content: Iterable[bytes]) -> None:
    size = 0
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        for chunk in content:
            size += len(chunk)
            if size > settings.IMPORT_MAX_BYTES:
                limit = f"{settings.IMPORT_MAX_BYTES / 1_000_000:,.0f} MB"
                raise UploadTooLarge(f"The file has more than {limit}, which is the limit. Split it.")
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
