"""Imports: a file is received, and its row polled until it is done; or checked first; or done in the request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils.decorators import method_decorator
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from clinical.access import Action
from clinical.api.base import ReadViewSet, StrictModelSerializer, StrictSerializer, VisibleField
from clinical.api.errors import Problem, Refused, RefusedAs
from clinical.api.strict_json import SafeJSONField
from clinical.models import Client
from transcripts.formats import FORMATS
from transcripts.importing import ImportRefused, Options
from transcripts.models import ImportJob, Source
from transcripts.roles import Role
from transcripts.uploading import (
    UploadTooLarge,
    cancel_import,
    check_import,
    confirm_import,
    receive_upload,
    retry_import,
    run_import,
)

_FORMAT_NAMES = ["auto", *(one.NAME for one in FORMATS)]


def _read_names(value: Any) -> None:
    if not isinstance(value, dict) or not all(isinstance(one, str) for one in value.values()):
        raise TypeError('expected an object of texts, like {"SPEAKER_00": "therapist"}.')


def _read_roles(value: Any) -> None:
    _read_names(value)
    unknown = sorted(set(value.values()) - set(Role))
    if unknown:
        raise ValueError(f"There is no role “{unknown[0]}”. There are: {', '.join(Role)}.")


class UploadSerializer(StrictSerializer):
    """The file and what is to be known of it. `roles` and `mapping` are JSON."""

    file = serializers.FileField(allow_empty_file=True, max_length=255)
    client = VisibleField(queryset=Client.objects.all())
    kind = serializers.ChoiceField(choices=Source.Kind.choices, default=Source.Kind.TRANSCRIPT.value)
    format = serializers.ChoiceField(choices=[(name, name) for name in _FORMAT_NAMES], default="auto")
    occurred_at = serializers.DateTimeField(required=False)
    roles = SafeJSONField(shape=_read_roles, required=False, help_text='{"SPEAKER_00": "therapist"}')
    mapping = SafeJSONField(shape=_read_names, required=False, help_text='CSV alone: {"text": "Utterance"}')


class UploadQuery(StrictSerializer):
    wait = serializers.BooleanField(default=False, help_text="Import within the request: 201, or 422 with the errors.")
    dry_run = serializers.BooleanField(default=False, help_text="Check alone: every error at once, nothing is stored.")


class ImportErrorSerializer(serializers.Serializer[Any]):
    line = serializers.IntegerField(allow_null=True)
    message = serializers.CharField()


class ImportedSourceSerializer(serializers.Serializer[Any]):
    source = serializers.UUIDField()  # type: ignore[assignment]
    created = serializers.BooleanField()
    passages = serializers.IntegerField()


class ImportSerializer(StrictModelSerializer[ImportJob]):
    errors = ImportErrorSerializer(many=True, read_only=True)  # type: ignore[assignment]
    result = ImportedSourceSerializer(many=True, read_only=True)

    class Meta:
        model = ImportJob
        fields = (
            "id",
            "client",
            "requested_by",
            "file_name",
            "file_sha256",
            "format",
            "state",
            "attempts",
            "conversations",
            "created_sources",
            "skipped_sources",
            "result",
            "errors",
            "last_error",
            "created_at",
            "started_at",
            "finished_at",
        )
        read_only_fields = fields


class ForeseenSourceSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(allow_null=True)
    external_id = serializers.CharField(allow_null=True)
    title = serializers.CharField()
    format = serializers.CharField()
    created = serializers.BooleanField()
    passages = serializers.IntegerField()
    speakers = serializers.ListField(child=serializers.DictField())
    duration_ms = serializers.IntegerField(allow_null=True)
    sha256 = serializers.CharField()
    warnings = serializers.ListField(child=serializers.CharField())


class FileErrorSerializer(ImportErrorSerializer):
    file = serializers.CharField()


class CheckSerializer(serializers.Serializer[Any]):
    """What an import would do. `import` is held for a day: POST to its confirm/ goes on without a second upload."""

    sources = ForeseenSourceSerializer(many=True)
    errors = FileErrorSerializer(many=True)  # type: ignore[assignment]
    created = serializers.IntegerField()
    skipped = serializers.IntegerField()
    passages = serializers.IntegerField()
    seconds = serializers.FloatField()

    def get_fields(self) -> dict[str, Any]:
        return {**super().get_fields(), "import": ImportSerializer()}


class ImportFilter(filters.FilterSet):
    client = filters.UUIDFilter()
    state = filters.ChoiceFilter(choices=ImportJob.State)

    class Meta:
        model = ImportJob
        fields = ("client", "state")


@method_decorator(transaction.non_atomic_requests, name="dispatch")
class ImportViewSet(ReadViewSet[ImportJob]):
    """Never in one transaction with the request: each step commits, and what is done stays done."""

    queryset = ImportJob.objects.all()
    serializer_class = ImportSerializer
    filterset_class = ImportFilter
    needs = dict.fromkeys(["create", "cancel", "retry", "confirm"], Action.IMPORT)
    queries = {"create": UploadQuery}
    refusals = {
        UploadTooLarge: RefusedAs(413, "too_large", "Split the file."),
        ImportRefused: RefusedAs(409, "import_refused", "Load the import again and see where it is."),
    }

    def get_parsers(self) -> list[Any]:
        is_upload = getattr(self, "action_map", {}).get("post") == "create"
        return [MultiPartParser()] if is_upload else super().get_parsers()

    @extend_schema(
        parameters=[UploadQuery],
        request={"multipart/form-data": UploadSerializer},
        responses={200: CheckSerializer, 201: ImportSerializer, 202: ImportSerializer},
    )
    def create(self, request: Request) -> Response:
        given = self.read(UploadSerializer)
        wait, dry_run = self.query["wait"], self.query["dry_run"]
        file = given["file"]
        job = receive_upload(
            name=file.name, content=file.chunks(), options=self._options(given), dry_run=dry_run, start=not wait
        )
        if dry_run:
            return Response({**check_import(job).as_json(), "import": ImportSerializer(job).data})
        return self._answer(run_import(job.pk) if wait else job, done=201 if wait else 202)

    @extend_schema(request=None, responses=ImportSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        return self._answer(cancel_import(self.get_object(), self.asker), done=200)

    @extend_schema(request=None, responses={202: ImportSerializer})
    @action(detail=True, methods=["post"])
    def retry(self, request: Request, pk: str) -> Response:
        """A failed one again, while its file is kept (a week)."""
        return self._answer(retry_import(self.get_object(), self.asker), done=202)

    @extend_schema(request=None, responses={202: ImportSerializer})
    @action(detail=True, methods=["post"])
    def confirm(self, request: Request, pk: str) -> Response:
        """Go on with one that was checked by `dry_run`."""
        return self._answer(confirm_import(self.get_object(), self.asker), done=202)

    def _options(self, given: Mapping[str, Any]) -> Options:
        return Options(
            client_code=given["client"].code,
            actor=self.asker,
            kind=given["kind"],
            format=given["format"],
            occurred_at=given.get("occurred_at"),
            roles={label: Role(role) for label, role in given.get("roles", {}).items()},
            mapping=given.get("mapping", {}),
        )

    def _answer(self, job: ImportJob, *, done: int) -> Response:
        row = ImportSerializer(job).data
        if done == 201 and job.state == ImportJob.State.FAILED:
            next_step = "Correct the file where `errors` say, and send it again."
            raise Refused(Problem(422, "import_failed", job.last_error, next_step, "file", {"import": row}))
        address = reverse("import-detail", args=[job.pk], request=self.request)
        status = 202 if done == 201 and job.state != ImportJob.State.DONE else done
        return Response(row, status=status, headers={"Location": address})
