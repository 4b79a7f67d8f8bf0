"""Import: upload, check (a dry run that says every error at once), import with progress. The file is the unit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.core.files.uploadedfile import UploadedFile
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from clinical.access import Action
from clinical.models import Client, User
from insights.screens import page
from transcripts.formats import FORMATS
from transcripts.importing import ImportRefused, Options, Report
from transcripts.models import ImportJob
from transcripts.roles import Role
from transcripts.uploading import cancel_import, check_import, confirm_import, receive_upload, retry_import

EARLIER = 20
MOST_FILES = 20
_FORMATS = sorted(one.NAME for one in FORMATS)
_ROLE = "role:"  # before a speaker's label, in the names of the mapping's fields


@dataclass(frozen=True, slots=True)
class Check:
    """What the import of a held file would do."""

    job: ImportJob
    report: Report

    @property
    def ready(self) -> int:
        return self.report.created

    @property
    def speakers(self) -> dict[str, str]:
        """Every label of the file with the role it would get."""
        return {one["label"]: one["role"] for source in self.report.sources for one in source.speakers}

    @property
    def has_unknown(self) -> bool:
        return Role.UNKNOWN.value in self.speakers.values()


@require_http_methods(["GET", "HEAD", "POST"])
def show(request: HttpRequest) -> HttpResponse:
    """The upload form, the files that are just being checked, and earlier imports."""
    user = page.asker(request, Action.IMPORT)
    if request.method == "POST":
        return _upload(request, user)
    return _page(request, user, request.GET)


@require_safe
def show_job(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """One file: its check while it is held, else how far its import is."""
    user = page.asker(request, Action.IMPORT)
    job = _job(user, job_id)
    if page.by_htmx(request):
        return render(request, "workspace/job_progress.html", {"job": job})
    check = _check(job)
    return page.show(request, "import_job", "import", job.file_name, job=job, check=check, roles=list(Role))


@require_POST
def change(request: HttpRequest, job_id: UUID, verb: str) -> HttpResponse:
    """Import a checked file, cancel it, try it again, or say who its speakers are."""
    user = page.asker(request, Action.IMPORT)
    job = _job(user, job_id)
    try:
        _change(request, job, user, verb)
    except ImportRefused as refused:
        job.refresh_from_db()
        return page.show(
            request,
            "import_job",
            "import",
            job.file_name,
            status=HTTPStatus.CONFLICT,
            job=job,
            check=_check(job),
            roles=list(Role),
            problem=str(refused),
        )
    return redirect("admin:workspace_import_job", job_id)


def _job(user: User, job_id: UUID) -> ImportJob:
    return get_object_or_404(ImportJob.objects.visible_to(user).select_related("client", "requested_by"), pk=job_id)


def _check(job: ImportJob) -> Check | None:
    return Check(job, check_import(job)) if job.state == ImportJob.State.HELD else None


def _change(request: HttpRequest, job: ImportJob, user: User, verb: str) -> None:
    match verb:
        case "confirm":
            confirm_import(job, user)
        case "cancel":
            cancel_import(job, user)
        case "retry":
            retry_import(job, user)
        case "speakers":
            _map_speakers(job, request.POST)
        case _:
            raise Http404


def _map_speakers(job: ImportJob, given: QueryDict) -> None:
    """Kept with the held file, so that the check and the import after it see the same roles."""
    roles = {
        name.removeprefix(_ROLE): str(role)
        for name, role in given.items()
        if name.startswith(_ROLE) and role in list(Role)
    }
    options = {**job.options, "roles": {**job.options.get("roles", {}), **roles}}
    if not ImportJob.objects.filter(pk=job.pk, state=ImportJob.State.HELD).update(options=options):
        raise ImportRefused("This file is not waiting for a check any more.")


def _upload(request: HttpRequest, user: User) -> HttpResponse:
    """Keep each file, held; what is refused is said at once, and the form keeps what was chosen."""
    files = request.FILES.getlist("files")[:MOST_FILES]
    if not files:
        return _page(request, user, request.POST, problem="Choose a file first.")
    jobs: list[ImportJob] = []
    try:
        for file in files:
            jobs.append(_receive(file, request.POST, user))
    except ImportRefused as refused:
        problem = f"{file.name}: {refused}" if request.POST.get("client") else "Choose a client first."
        return _page(request, user, request.POST, problem=problem, held=jobs)
    if len(jobs) == 1:
        return redirect("admin:workspace_import_job", jobs[0].pk)
    return redirect(f"{reverse('admin:workspace_import')}?{urlencode({'job': [job.pk for job in jobs]}, doseq=True)}")


def _receive(file: UploadedFile[bytes], given: QueryDict, user: User) -> ImportJob:
    named = given.get("format", "auto")
    options = Options(given.get("client", ""), user, format=named if named in _FORMATS else "auto")
    return receive_upload(name=file.name or "upload", content=_chunks(file), options=options, dry_run=True)


def _chunks(file: UploadedFile[bytes]) -> Iterator[bytes]:
    yield from file.chunks()


def _page(
    request: HttpRequest,
    user: User,
    given: QueryDict,
    *,
    problem: str = "",
    held: list[ImportJob] | None = None,
) -> HttpResponse:
    """Queries: clients, earlier imports, and for each file under check what its dry run asks."""
    jobs = held or list(_chosen(user, given))
    context: Mapping[str, Any] = {
        "clients": list(Client.objects.visible_to(user).only("code")),
        "chosen": given.get("client", ""),
        "chosen_format": given.get("format", "auto"),
        "formats": _FORMATS,
        "checks": [Check(job, check_import(job)) for job in jobs],
        "roles": list(Role),
        "jobs": list(_earlier(user)),
        "problem": problem,
        "may_add": user.may(Action.ADD_CLIENT),
    }
    status = HTTPStatus.UNPROCESSABLE_ENTITY if problem else HTTPStatus.OK
    return page.show(request, "import", "import", "Import", status=status, **context)


def _earlier(user: User) -> QuerySet[ImportJob, ImportJob]:
    return ImportJob.objects.visible_to(user).select_related("client", "requested_by").order_by("-id")[:EARLIER]


def _chosen(user: User, given: QueryDict) -> QuerySet[ImportJob, ImportJob]:
    """The held files that the address names."""
    keys = []
    for key in given.getlist("job")[:MOST_FILES]:
        try:
            keys.append(UUID(key))
        except ValueError:
            raise Http404 from None
    jobs = ImportJob.objects.visible_to(user).filter(pk__in=keys, state=ImportJob.State.HELD)
    return jobs.select_related("client", "requested_by").order_by("id")
