"""Passages: the heavy list. Rows go from the database to the answer as they are, without a serializer between."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import F, QuerySet, Value
from django.db.models.functions import Coalesce, NullIf
from django.http import Http404
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.mixins import ListModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from clinical.api.base import ScopedViewSet, StrictSerializer
from clinical.api.paging import OldestFirst
from clinical.models import Session
from transcripts.models import Passage, Source

COLUMNS = (
    "id",
    "client",
    "source",
    "sequence",
    "start_ms",
    "end_ms",
    "speaker",
    "merged_into",
    "speaker_name",
    "role",
    "text",
    "confidence",
    "language",
    "word_count",
)


class PassageSerializer(serializers.Serializer[Any]):
    """Describes a row; it writes none. Name and role are those of whoever `speaker` was merged into, if anybody."""

    id = serializers.UUIDField()
    client = serializers.UUIDField()
    source = serializers.UUIDField()  # type: ignore[assignment]
    sequence = serializers.IntegerField()
    start_ms = serializers.IntegerField(allow_null=True, help_text="From the source's start; null: the file is silent.")
    end_ms = serializers.IntegerField(allow_null=True)
    speaker = serializers.UUIDField(allow_null=True)
    merged_into = serializers.UUIDField(allow_null=True)
    speaker_name = serializers.CharField(allow_null=True)
    role = serializers.CharField(allow_null=True)
    text = serializers.CharField()
    confidence = serializers.FloatField(allow_null=True)
    language = serializers.CharField()
    word_count = serializers.IntegerField()


def rows_of(passages: QuerySet[Passage, Passage], columns: Sequence[str] = COLUMNS) -> QuerySet[Any, Any]:
    """One query, with who speaks: a merged speaker is the one it was merged into."""
    own = NullIf("speaker__name", Value(""))
    other = NullIf("speaker__merged_into__name", Value(""))
    who = {
        "speaker_name": Coalesce(other, "speaker__merged_into__label", own, "speaker__label"),
        "role": Coalesce("speaker__merged_into__role", "speaker__role"),
        "merged_into": F("speaker__merged_into"),
    }
    annotated: QuerySet[Any, Any] = passages.annotate(**who)
    return annotated.values(*columns)


class FieldsQuery(StrictSerializer):
    fields_of = f"Comma-separated, of: {', '.join(COLUMNS)}. `id` always comes."

    def get_fields(self) -> dict[str, Any]:
        return {"fields": serializers.CharField(required=False, help_text=self.fields_of)}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        chosen = attrs["fields"].split(",") if "fields" in attrs else list(COLUMNS)
        unknown = sorted(set(chosen) - set(COLUMNS))
        if unknown:
            raise serializers.ValidationError({"fields": f"There is no field “{unknown[0][:80]}”. {self.fields_of}"})
        return {"fields": ["id", *(name for name in COLUMNS[1:] if name in chosen)]}


class PassageFilter(filters.FilterSet):
    source = filters.UUIDFilter()
    client = filters.UUIDFilter()
    session = filters.UUIDFilter(field_name="source__session")

    class Meta:
        model = Passage
        fields = ("source", "client")


class PassageViewSet(ListModelMixin, ScopedViewSet[Passage]):
    queryset = Passage.objects.all()
    serializer_class = PassageSerializer
    filterset_class = PassageFilter
    pagination_class = OldestFirst
    queries = {"list": FieldsQuery}

    @extend_schema(parameters=[FieldsQuery])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        rows = rows_of(self.filter_queryset(self.get_queryset()), self.query["fields"])
        page = self.paginate_queryset(rows)
        return self.get_paginated_response(page)

    def retrieve(self, request: Request, pk: str) -> Response:
        row = rows_of(self.get_queryset().filter(pk=pk)).first()
        if row is None:
            raise Http404
        return Response(row)


class TimelinePage(OldestFirst):
    results = "passages"
    default_limit = 200


class SessionTranscriptViewSet(ScopedViewSet[Session]):
    """What was said in a session, in its order: what was imported first, and within it as it was said."""

    queryset = Session.objects.all()
    serializer_class = PassageSerializer
    pagination_class = TimelinePage
    paged = frozenset({"transcript"})

    @extend_schema(responses=PassageSerializer(many=True), filters=False)
    @action(detail=True)
    def transcript(self, request: Request, pk: str) -> Response:
        sources = Source.objects.visible_to(self.asker).current().filter(session=self.get_object())
        spoken = Passage.objects.visible_to(self.asker).filter(source__in=sources.values("pk"))
        return self.get_paginated_response(self.paginate_queryset(rows_of(spoken)))
