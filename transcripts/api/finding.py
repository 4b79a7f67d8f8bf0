"""Search: one address over everything that was said and that the asker may see."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from clinical.access import Action
from clinical.api.base import StrictSerializer, StrictView, VisibleField
from clinical.api.paging import MAX_LIMIT
from clinical.models import Client
from transcripts.search import MAX_QUERY_CHARACTERS, search


class SearchQuery(StrictSerializer):
    """`q`: words, "a phrase", or, -without; words beyond the first 500 characters are left out."""

    q = serializers.CharField(allow_blank=True, help_text=f"At most {MAX_QUERY_CHARACTERS} characters count.")
    client = VisibleField(queryset=Client.objects.all(), required=False)
    after = serializers.UUIDField(required=False, help_text="The passage of the last hit of the page before.")
    limit = serializers.IntegerField(min_value=1, max_value=MAX_LIMIT, default=20)


class HitSerializer(serializers.Serializer[Any]):
    passage = serializers.UUIDField()
    source = serializers.UUIDField()  # type: ignore[assignment]
    client = serializers.CharField(help_text="The client's code.")
    speaker = serializers.CharField(allow_null=True)
    text = serializers.CharField()
    highlight = serializers.CharField(help_text="HTML: escaped text with <mark> around what matched.")
    start_ms = serializers.IntegerField(allow_null=True)
    rank = serializers.FloatField()


class FoundSerializer(serializers.Serializer[Any]):
    total = serializers.IntegerField()
    capped = serializers.BooleanField(help_text="There are more than `total`.")
    suggestions = serializers.ListField(child=serializers.CharField(), help_text="The query with a typo put right.")
    results = HitSerializer(many=True)
    next = serializers.URLField(allow_null=True)


class SearchViewSet(StrictView):
    needs = {"list": Action.SEARCH}
    queries = {"list": SearchQuery}

    @extend_schema(operation_id="search", parameters=[SearchQuery], responses=FoundSerializer)
    def list(self, request: Request) -> Response:
        asked = dict(self.query)
        found = search(asked.pop("q"), user=self.asker, **asked)
        following = found.next and replace_query_param(request.build_absolute_uri(), "after", str(found.next))
        return Response(
            {
                "total": found.total,
                "capped": found.capped,
                "suggestions": found.suggestions,
                "results": [asdict(hit) for hit in found.hits],
                "next": following,
            }
        )
