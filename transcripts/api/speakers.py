"""Speakers: who is who, changed and taken back."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from clinical.access import Action
from clinical.api.base import PatchMixin, ReadViewSet, StrictModelSerializer, StrictSerializer, VisibleField
from clinical.api.errors import RefusedAs
from clinical.models import Client
from transcripts.api.bulk_roles import RoleChange, assign_role, restore_roles
from transcripts.models import Speaker
from transcripts.models.sources import ROLE_CHOICES
from transcripts.roles import Role
from transcripts.speaking import SpeakerRefused, merge_speakers, name_speaker, separate_speaker


class SpeakerSerializer(StrictModelSerializer[Speaker]):
    class Meta:
        model = Speaker
        fields = ("id", "client", "source", "label", "name", "role", "merged_into", "member", "user", "updated_at")
        read_only_fields = ("id", "client", "source", "label", "merged_into", "member", "user", "updated_at")


class SpeakerFilter(filters.FilterSet):
    client = filters.UUIDFilter()
    source = filters.UUIDFilter()
    label = filters.CharFilter()
    role = filters.ChoiceFilter(choices=ROLE_CHOICES)

    class Meta:
        model = Speaker
        fields = ("client", "source", "label", "role")


class MergeSerializer(StrictSerializer):
    into = VisibleField(queryset=Speaker.objects.all())


class RoleAssignmentSerializer(StrictSerializer):
    """`label` as the files spell it."""

    client = VisibleField(queryset=Client.objects.all())
    label = serializers.CharField(max_length=255, trim_whitespace=False)  # type: ignore[assignment]
    role = serializers.ChoiceField(choices=ROLE_CHOICES)


class RoleChangeSerializer(StrictSerializer):
    speaker = serializers.UUIDField()
    was = serializers.ChoiceField(choices=ROLE_CHOICES)
    now = serializers.ChoiceField(choices=ROLE_CHOICES)


class RoleChangesSerializer(StrictSerializer):
    """What assign-role answers is what restore-roles takes."""

    changed = serializers.ListField(child=RoleChangeSerializer(), max_length=1_000)


class SpeakerViewSet(PatchMixin, ReadViewSet[Speaker]):
    queryset = Speaker.objects.all()
    serializer_class = SpeakerSerializer
    filterset_class = SpeakerFilter
    needs = dict.fromkeys(["partial_update", "merge", "separate", "assign_role", "restore_roles"], Action.REVIEW)
    refusals = {SpeakerRefused: RefusedAs(409, "speaker_refused", "Load the source's speakers again and choose anew.")}

    def perform_update(self, serializer: Any) -> None:
        given = dict(serializer.validated_data)
        role = Role(given["role"]) if "role" in given else None
        name_speaker(serializer.instance, by=self.asker, name=given.get("name"), role=role)
        serializer.instance.refresh_from_db()

    @extend_schema(request=MergeSerializer, responses=SpeakerSerializer)
    @action(detail=True, methods=["post"])
    def merge(self, request: Request, pk: str) -> Response:
        speaker, given = self.get_object(), self.read(MergeSerializer)
        return self._answer(merge_speakers(speaker, given["into"], by=self.asker))

    @extend_schema(request=None, responses=SpeakerSerializer)
    @action(detail=True, methods=["post"])
    def separate(self, request: Request, pk: str) -> Response:
        return self._answer(separate_speaker(self.get_object(), by=self.asker))

    @extend_schema(request=RoleAssignmentSerializer, responses=RoleChangesSerializer)
    @action(detail=False, methods=["post"], url_path="assign-role")
    def assign_role(self, request: Request) -> Response:
        given = self.read(RoleAssignmentSerializer)
        changes = assign_role(given["client"], given["label"], Role(given["role"]), by=self.asker)
        return Response({"changed": [asdict(change) for change in changes]})

    @extend_schema(request=RoleChangesSerializer, responses=RoleChangesSerializer)
    @action(detail=False, methods=["post"], url_path="restore-roles")
    def restore_roles(self, request: Request) -> Response:
        given = self.read(RoleChangesSerializer)["changed"]
        restored = restore_roles([RoleChange(**change) for change in given], by=self.asker)
        return Response({"changed": [asdict(change) for change in restored]})

    def _answer(self, speaker: Speaker) -> Response:
        speaker.refresh_from_db()
        return Response(self.get_serializer(speaker).data)
