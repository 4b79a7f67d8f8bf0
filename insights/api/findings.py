"""Insights with the words they rest on, and the decisions about them."""

from __future__ import annotations

from typing import Any

from django.db.models import Prefetch
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from clinical.access import Action
from clinical.api.base import ReadViewSet, StrictModelSerializer, StrictSerializer
from clinical.api.errors import Problem, Refused, RefusedAs
from insights.models import Evidence, Insight, Review
from insights.reviewing import Decision, NotAllowed, ReviewConflict, ReviewRefused, decide, undo
from transcripts.models import Passage

_LOOK = "Look at `current`; undo that decision first if it should be another."
_Made = Review.Decision


class EvidenceSerializer(StrictModelSerializer[Evidence]):
    """`char_start` and `char_end` are a half-open span of code points in the passage's text."""

    quote = serializers.CharField(read_only=True)
    text = serializers.CharField(source="passage.text", read_only=True)
    sequence = serializers.IntegerField(source="passage.sequence", read_only=True)
    start_ms = serializers.IntegerField(source="passage.start_ms", read_only=True, allow_null=True)

    class Meta:
        model = Evidence
        fields = ("id", "passage", "char_start", "char_end", "quote", "text", "sequence", "start_ms")
        read_only_fields = fields


class ReviewSerializer(StrictModelSerializer[Review]):
    reviewer_email = serializers.CharField(source="reviewer.email", read_only=True)

    class Meta:
        model = Review
        fields = (
            "id",
            "client",
            "insight",
            "reviewer",
            "reviewer_email",
            "decision",
            "reason",
            "words",
            "edited_text",
            "created_at",
        )
        read_only_fields = fields


class CrisisAttributesSerializer(serializers.Serializer[Any]):
    """How crisis language was said; empty for insights of other kinds."""

    polarity = serializers.CharField(required=False)
    time = serializers.CharField(required=False)
    experiencer = serializers.CharField(required=False)
    modality = serializers.CharField(required=False)

    def to_representation(self, instance: dict[str, str]) -> dict[str, str]:
        return instance


class InsightSerializer(StrictModelSerializer[Insight]):
    """NULL severity and confidence are "not assessed". `reviews` stand in the order in which they were made."""

    attributes = CrisisAttributesSerializer(read_only=True)
    recommendations = serializers.ListField(child=serializers.CharField(), read_only=True)
    evidence = EvidenceSerializer(many=True, read_only=True)
    reviews = ReviewSerializer(many=True, read_only=True)

    class Meta:
        model = Insight
        fields = (
            "id",
            "client",
            "source",
            "session",
            "kind",
            "label",
            "title",
            "description",
            "method",
            "confidence",
            "severity",
            "priority",
            "status",
            "attributes",
            "recommendations",
            "analyzer_version",
            "evidence",
            "reviews",
            "created_at",
        )
        read_only_fields = fields


class InsightFilter(filters.FilterSet):
    client = filters.UUIDFilter()
    session = filters.UUIDFilter()
    source = filters.UUIDFilter()
    kind = filters.ChoiceFilter(choices=Insight.Kind)
    priority = filters.ChoiceFilter(choices=Insight.Priority)
    status = filters.ChoiceFilter(choices=Insight.Status)

    class Meta:
        model = Insight
        fields = ("client", "session", "source", "kind", "priority", "status")


class NothingSerializer(StrictSerializer):
    """No body is needed; one with fields is refused."""


class EditSerializer(StrictSerializer):
    edited_text = serializers.CharField(max_length=10_000)


class DismissSerializer(StrictSerializer):
    reason = serializers.ChoiceField(choices=Review.Reason.choices)
    words = serializers.CharField(max_length=2_000, default="", allow_blank=True, help_text="For the reason “other”.")


class InsightViewSet(ReadViewSet[Insight]):
    """What was found, newest first. A decision answers with the insight as it stands then."""

    queryset = Insight.objects.exclude(status=Insight.Status.DRAFT)
    serializer_class = InsightSerializer
    filterset_class = InsightFilter
    needs = dict.fromkeys(["accept", "edit", "dismiss", "undo"], Action.REVIEW)
    refusals = {
        NotAllowed: RefusedAs(403, "not_permitted", "Ask a clinician or a supervisor of the care team."),
        ReviewRefused: RefusedAs(422, "decision_incomplete", "Complete the decision and send it again."),
    }

    def get_queryset(self) -> Any:
        spoken = Passage.objects.only("id", "text", "sequence", "start_ms")
        evidence = Evidence.objects.prefetch_related(Prefetch("passage", queryset=spoken))
        reviews = Review.objects.select_related("reviewer")
        rows: Any = super().get_queryset()
        return rows.prefetch_related(Prefetch("evidence", evidence), Prefetch("reviews", reviews))

    @extend_schema(request=NothingSerializer, responses={200: InsightSerializer})
    @action(detail=True, methods=["post"])
    def accept(self, request: Request, pk: str) -> Response:
        return self._decide(Decision(_Made.ACCEPTED.value, **self.read(NothingSerializer)))

    @extend_schema(request=EditSerializer, responses={200: InsightSerializer})
    @action(detail=True, methods=["post"])
    def edit(self, request: Request, pk: str) -> Response:
        """The machine's words stay beside the clinician's."""
        return self._decide(Decision(_Made.EDITED.value, **self.read(EditSerializer)))

    @extend_schema(request=DismissSerializer, responses={200: InsightSerializer})
    @action(detail=True, methods=["post"])
    def dismiss(self, request: Request, pk: str) -> Response:
        return self._decide(Decision(_Made.DISMISSED.value, **self.read(DismissSerializer)))

    @extend_schema(request=NothingSerializer, responses={200: InsightSerializer})
    @action(detail=True, methods=["post"])
    def undo(self, request: Request, pk: str) -> Response:
        """The insight waits again; who decided and who undid stays on record."""
        self.read(NothingSerializer)
        insight = self.get_object()
        try:
            undo(insight, by=self.asker)
        except ReviewConflict as conflict:
            raise _told(conflict) from conflict
        return self._answer()

    def _decide(self, made: Decision) -> Response:
        insight = self.get_object()
        try:
            decide(insight, made, by=self.asker)
        except ReviewConflict as conflict:
            raise _told(conflict) from conflict
        return self._answer()

    def _answer(self) -> Response:
        return Response(self.get_serializer(self.get_object()).data)


def _told(conflict: ReviewConflict) -> Refused:
    """409 with how the insight stands now, and who has decided it when."""
    last = conflict.current.reviews.select_related("reviewer").last()
    current = {
        "status": conflict.current.status,
        "decision": last.decision if last else None,
        "decided_by": last.reviewer.email if last else None,
        "decided_at": last.created_at if last else None,
    }
    return Refused(Problem(409, "decided_already", str(conflict), _LOOK, None, {"current": current}))


class ReviewFilter(filters.FilterSet):
    client = filters.UUIDFilter()
    insight = filters.UUIDFilter()
    reviewer = filters.UUIDFilter()
    decision = filters.ChoiceFilter(choices=Review.Decision)

    class Meta:
        model = Review
        fields = ("client", "insight", "reviewer", "decision")


class ReviewViewSet(ReadViewSet[Review]):
    queryset = Review.objects.select_related("reviewer")
    serializer_class = ReviewSerializer
    filterset_class = ReviewFilter
