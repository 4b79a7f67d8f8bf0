"""Sources: what was taken in, and out again as a file."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django_filters import rest_framework as filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request

from clinical.access import Action
from clinical.api.base import ReadViewSet, StrictModelSerializer, StrictSerializer
from clinical.api.errors import RefusedAs
from transcripts.exporting import export_source
from transcripts.formats import WRITERS
from transcripts.formats.base import ExportError
from transcripts.models import Source, Speaker

_TYPES = {"json": "application/json", "vtt": "text/vtt", "csv": "text/csv"}


class SourceRowSerializer(StrictModelSerializer[Source]):
    class Meta:
        model = Source
        fields: tuple[str, ...] = (
            "id",
            "client",
            "session",
            "kind",
            "title",
            "language",
            "occurred_at",
            "duration_ms",
            "format",
            "file_name",
            "external_id",
            "revision",
            "superseded_at",
            "created_at",
        )
        read_only_fields = fields


class SpeakerOfSourceSerializer(StrictModelSerializer[Speaker]):
    class Meta:
        model = Speaker
        fields = ("id", "label", "name", "role", "merged_into")
        read_only_fields = fields


class SourceSerializer(SourceRowSerializer):
    speakers = SpeakerOfSourceSerializer(many=True, read_only=True)

    class Meta(SourceRowSerializer.Meta):
        fields: tuple[str, ...] = (*SourceRowSerializer.Meta.fields, "content_sha256", "warnings", "speakers")
        read_only_fields = fields


class SourceFilter(filters.FilterSet):
    client = filters.UUIDFilter()
    session = filters.UUIDFilter()
    kind = filters.ChoiceFilter(choices=Source.Kind)
    current = filters.BooleanFilter(field_name="superseded_at", lookup_expr="isnull")

    class Meta:
        model = Source
        fields = ("client", "session", "kind")


class ExportQuery(StrictSerializer):
    format = serializers.ChoiceField(choices=[(writer.NAME, writer.NAME) for writer in WRITERS])


class SourceViewSet(ReadViewSet[Source]):
    queryset = Source.objects.all()
    filterset_class = SourceFilter
    needs = {"export": Action.EXPORT}
    queries = {"export": ExportQuery}
    refusals = {ExportError: RefusedAs(422, "not_exportable", "Choose another format: json holds every transcript.")}

    def get_queryset(self) -> Any:
        rows = super().get_queryset()
        return rows.prefetch_related("speakers") if self.action == "retrieve" else rows

    def get_serializer_class(self) -> Any:
        return SourceSerializer if self.action == "retrieve" else SourceRowSerializer

    @extend_schema(
        parameters=[ExportQuery],
        responses={(200, "text/plain"): OpenApiResponse(OpenApiTypes.STR, description="The transcript as a file.")},
    )
    @action(detail=True)
    def export(self, request: Request, pk: str) -> HttpResponse:
        source, name = self.get_object(), self.query["format"]
        answer = HttpResponse(
            export_source(source, name), content_type=f"{_TYPES.get(name, 'text/plain')}; charset=utf-8"
        )
        answer["Content-Disposition"] = f'attachment; filename="{source.pk}.{name}"'
        return answer
