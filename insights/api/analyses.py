"""Analysis: of one source on demand, and what came of each run."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils.decorators import method_decorator
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from clinical.access import Action
from clinical.api.base import ReadViewSet, ScopedViewSet, StrictModelSerializer
from insights.analysis import analyse
from insights.models import AnalysisRun
from transcripts.models import Source


class AnalyzerSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    version = serializers.CharField()


class AnalyzerOfRunSerializer(AnalyzerSerializer):
    sha256 = serializers.CharField()


class AnalysisRunSerializer(StrictModelSerializer[AnalysisRun]):
    analyzers = AnalyzerOfRunSerializer(many=True, read_only=True)

    class Meta:
        model = AnalysisRun
        fields = (
            "id",
            "client",
            "source",
            "state",
            "attempts",
            "analyzer_version",
            "analyzers",
            "passages",
            "readings",
            "insights",
            "last_error",
            "created_at",
            "started_at",
            "finished_at",
        )
        read_only_fields = fields


class AnalysisRunFilter(filters.FilterSet):
    client = filters.UUIDFilter()
    source = filters.UUIDFilter()
    state = filters.ChoiceFilter(choices=AnalysisRun.State)

    class Meta:
        model = AnalysisRun
        fields = ("client", "source", "state")


class AnalysisRunViewSet(ReadViewSet[AnalysisRun]):
    queryset = AnalysisRun.objects.all()
    serializer_class = AnalysisRunSerializer
    filterset_class = AnalysisRunFilter


class AnalysisReportSerializer(serializers.Serializer[Any]):
    """All 0: the source is read already. `failed` 1: the newest analysis run of the source says why."""

    passages = serializers.IntegerField()
    readings = serializers.IntegerField()
    insights = serializers.IntegerField()
    failed = serializers.IntegerField()
    seconds = serializers.FloatField()
    analyzers = AnalyzerSerializer(many=True)


@method_decorator(transaction.non_atomic_requests, name="dispatch")
class SourceAnalysisViewSet(ScopedViewSet[Source]):
    queryset = Source.objects.all()
    serializer_class = AnalysisReportSerializer
    needs = {"analyse": Action.ANALYSE}

    @extend_schema(request=None, responses={200: AnalysisReportSerializer})
    @action(detail=True, methods=["post"])
    def analyse(self, request: Request, pk: str) -> Response:
        """Reads the source now if anything of it is due; as harmless the second time as the first."""
        return Response(analyse(actor=self.asker, source=self.get_object()).as_json())
