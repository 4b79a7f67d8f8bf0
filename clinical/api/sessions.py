"""Sessions of care: planned, held, their status moved along the legal ways."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django_filters import rest_framework as filters
from rest_framework import mixins

from clinical.access import Action
from clinical.api.base import PatchMixin, ReadViewSet, StrictModelSerializer, VisibleField
from clinical.api.errors import RefusedAs
from clinical.models import Client, Session
from clinical.models.sessions import IllegalTransition, Progress


class SessionSerializer(StrictModelSerializer[Session]):
    client = VisibleField(queryset=Client.objects.all())

    class Meta:
        model = Session
        fields = (
            "id",
            "client",
            "number",
            "title",
            "session_type",
            "status",
            "scheduled_start",
            "scheduled_end",
            "actual_start",
            "actual_end",
            "occurred_at",
            "duration_minutes",
            "therapy_approach",
            "transcript_status",
            "analysis_status",
            "analysis_error",
            "created_at",
            "updated_at",
        )
        read_only_fields: tuple[str, ...] = (
            "id",
            "number",
            "status",
            "occurred_at",
            "transcript_status",
            "analysis_status",
            "analysis_error",
            "created_at",
            "updated_at",
        )
        extra_kwargs = {"duration_minutes": {"max_value": 2**31 - 1}}


class SessionPatchSerializer(SessionSerializer):
    """A session stays its client's; its status moves by the table of transitions."""

    class Meta(SessionSerializer.Meta):
        read_only_fields = (
            "client",
            *(name for name in SessionSerializer.Meta.read_only_fields if name != "status"),
        )

    client = VisibleField(read_only=True)


class SessionFilter(filters.FilterSet):
    client = filters.UUIDFilter()
    status = filters.ChoiceFilter(choices=Session.Status)
    session_type = filters.ChoiceFilter(choices=Session.Type)
    transcript_status = filters.ChoiceFilter(choices=Progress)
    analysis_status = filters.ChoiceFilter(choices=Progress)
    occurred_from = filters.IsoDateTimeFilter(field_name="occurred_at", lookup_expr="gte")
    occurred_before = filters.IsoDateTimeFilter(field_name="occurred_at", lookup_expr="lt")

    class Meta:
        model = Session
        fields = ("client", "status", "session_type", "transcript_status", "analysis_status")


class SessionViewSet(
    mixins.CreateModelMixin,
    PatchMixin,
    ReadViewSet[Session],
):
    queryset = Session.objects.all()
    serializer_class = SessionSerializer
    filterset_class = SessionFilter
    needs = {"create": Action.ADD_CLIENT, "partial_update": Action.ADD_CLIENT}
    refusals = {
        IllegalTransition: RefusedAs(409, "illegal_transition", "Load the session again and see what it can become.")
    }

    def get_serializer_class(self) -> Any:
        return SessionPatchSerializer if self.action == "partial_update" else SessionSerializer

    def perform_create(self, serializer: Any) -> None:
        given = dict(serializer.validated_data)
        start = given.pop("scheduled_start", None)
        serializer.instance = Session.objects.schedule(client=given.pop("client"), start=start, **given)

    def perform_update(self, serializer: Any) -> None:
        """The times first, so that completing fills the duration from them."""
        status = serializer.validated_data.pop("status", None)
        with transaction.atomic():
            session = serializer.save()
            if status is not None and status != session.status:
                session.move_to(status)
            session.refresh_from_db()
