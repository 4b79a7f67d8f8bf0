"""Clients: whom the care is for."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import Avg, Count, Max, Q
from django.db.models.functions import Now
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from clinical.access import Action
from clinical.api.base import PatchMixin, ReadViewSet, StrictModelSerializer, StrictSerializer
from clinical.api.paging import KeysetPagination
from clinical.api.sessions import SessionSerializer
from clinical.api.strict_json import SafeJSONField
from clinical.models import Client, Member, Session
from clinical.models.shapes import SEVERITIES, Facts, read_risk_factors

_HELD = Q(occurred_at__lte=Now()) & ~Q(status__in=["cancelled", "no_show", "rescheduled"])


class MemberSerializer(StrictModelSerializer[Member]):
    class Meta:
        model = Member
        fields = ("id", "name", "relation", "role", "birth_date")
        read_only_fields = fields


class ClientRowSerializer(StrictModelSerializer[Client]):
    """In lists a client is a code; the name stands in the detail alone."""

    class Meta:
        model = Client
        fields = ("id", "code", "kind", "gender", "created_at")


class _FactsField(SafeJSONField):
    def __init__(self) -> None:
        super().__init__(shape=Facts.read, required=False, help_text='Named facts: {"occupation": "nurse"}')


class ClientSerializer(StrictModelSerializer[Client]):
    demographics = _FactsField()
    preferences = _FactsField()
    treatment_history = _FactsField()
    risk_factors = SafeJSONField(
        shape=read_risk_factors,
        required=False,
        help_text=f"[{{factor, severity, since, source}}]; severity: {', '.join(SEVERITIES)}, or left out",
    )
    members = MemberSerializer(many=True, read_only=True)

    class Meta:
        model = Client
        fields = (
            "id",
            "code",
            "kind",
            "name",
            "birth_date",
            "gender",
            "demographics",
            "preferences",
            "risk_factors",
            "treatment_history",
            "members",
            "created_at",
            "updated_at",
        )
        read_only_fields = ("id", "created_at", "updated_at")


class ClientFilter(filters.FilterSet):
    code = filters.CharFilter(lookup_expr="iexact")
    kind = filters.ChoiceFilter(choices=Client.Kind)

    class Meta:
        model = Client
        fields = ("code", "kind")


class ClientSummarySerializer(StrictSerializer):
    """`avg_duration` in minutes, null where no session has one; `last_session` is the last that was held."""

    total_sessions = serializers.IntegerField()
    avg_duration = serializers.FloatField(allow_null=True)
    last_session = serializers.DateTimeField(allow_null=True)


class SessionsOfClient(KeysetPagination):
    """In the order of their numbers, under the name that the seeds' API gave them."""

    key = "number"
    results = "sessions"
    default_limit = 200
    newest_first = False
    after = serializers.IntegerField(min_value=0, max_value=2**31 - 1)


class ClientViewSet(
    mixins.CreateModelMixin,
    PatchMixin,
    ReadViewSet[Client],
):
    queryset = Client.objects.all()
    serializer_class = ClientSerializer
    filterset_class = ClientFilter
    paged = frozenset({"list", "sessions"})
    needs = {"create": Action.ADD_CLIENT, "partial_update": Action.ADD_CLIENT}

    def get_queryset(self) -> Any:
        rows = super().get_queryset()
        return rows if self.action == "list" else rows.prefetch_related("members")

    def get_serializer_class(self) -> Any:
        return ClientRowSerializer if self.action == "list" else ClientSerializer

    def perform_create(self, serializer: Any) -> None:
        with transaction.atomic():
            serializer.instance = Client.objects.open(by=self.asker, **serializer.validated_data)

    @extend_schema(responses=SessionSerializer(many=True), filters=False)
    @action(detail=True, pagination_class=SessionsOfClient, filterset_class=None)
    def sessions(self, request: Request, pk: str) -> Response:
        rows: Any = Session.objects.visible_to(self.asker).for_client(self.get_object())
        page: Any = self.paginate_queryset(rows)
        return self.get_paginated_response(SessionSerializer(page, many=True).data)

    @extend_schema(responses=ClientSummarySerializer)
    @action(detail=True)
    def summary(self, request: Request, pk: str) -> Response:
        sessions = Session.objects.visible_to(self.asker).filter(client=self.get_object())
        return Response(
            sessions.aggregate(
                total_sessions=Count("pk"),
                avg_duration=Avg("duration_minutes"),
                last_session=Max("occurred_at", filter=_HELD),
            )
        )
