"""What the analysis says of a client: keywords, emotions, progress."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from clinical.api.base import ScopedViewSet, StrictSerializer
from clinical.api.paging import MAX_LIMIT
from clinical.models import Client
from insights.api.trends import count_keywords, find_keyword, progress_of, trend_of


class LimitQuery(StrictSerializer):
    limit = serializers.IntegerField(min_value=1, max_value=MAX_LIMIT, default=50)


class KeywordQuery(LimitQuery):
    q = serializers.CharField(max_length=200, help_text="A term as `keywords` lists it; capitals do not matter.")
    after = serializers.UUIDField(required=False, help_text="The last passage of the page before.")


class KeywordCountSerializer(serializers.Serializer[Any]):
    term = serializers.CharField()
    passages = serializers.IntegerField()


class KeywordFrequencySerializer(serializers.Serializer[Any]):
    results = KeywordCountSerializer(many=True)


class KeywordHitSerializer(serializers.Serializer[Any]):
    passage = serializers.UUIDField()
    source = serializers.UUIDField()  # type: ignore[assignment]
    text = serializers.CharField()
    start_ms = serializers.IntegerField(allow_null=True)
    score = serializers.FloatField()
    spans = serializers.ListField(
        child=serializers.ListField(child=serializers.IntegerField(), min_length=2, max_length=2),
        help_text="Half-open, in code points of the text.",
    )


class KeywordHitsSerializer(serializers.Serializer[Any]):
    results = KeywordHitSerializer(many=True)
    next = serializers.URLField(allow_null=True)


class EmotionPointSerializer(serializers.Serializer[Any]):
    """Null is "not assessed", never neutral."""

    date = serializers.DateTimeField(allow_null=True)
    session = serializers.UUIDField(allow_null=True)
    emotions = serializers.DictField(child=serializers.FloatField(), allow_null=True)
    sentiment = serializers.FloatField(allow_null=True, help_text="-1 to 1")


class EmotionTrendSerializer(serializers.Serializer[Any]):
    results = EmotionPointSerializer(many=True)


class ProgressPointSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    date = serializers.DateTimeField()
    insight = serializers.CharField()
    confidence = serializers.FloatField(allow_null=True)
    recommendations = serializers.ListField(child=serializers.CharField())


class ProgressTrendSerializer(serializers.Serializer[Any]):
    results = ProgressPointSerializer(many=True)


class ClientInsightViewSet(ScopedViewSet[Client]):
    queryset = Client.objects.all()
    serializer_class = KeywordFrequencySerializer
    queries = {
        "keywords": LimitQuery,
        "search_keywords": KeywordQuery,
        "emotion_trend": LimitQuery,
        "progress": LimitQuery,
    }

    @extend_schema(parameters=[LimitQuery], responses=KeywordFrequencySerializer)
    @action(detail=True)
    def keywords(self, request: Request, pk: str) -> Response:
        """In how many passages each term is, most frequent first."""
        return Response({"results": count_keywords(self.get_object(), self.query["limit"])})

    @extend_schema(parameters=[KeywordQuery], responses=KeywordHitsSerializer)
    @action(detail=True, url_path="keywords/search")
    def search_keywords(self, request: Request, pk: str) -> Response:
        """The passages with one term."""
        term, limit = self.query["q"].lower(), self.query["limit"]
        rows = find_keyword(self.get_object(), term, by=self.asker, after=self.query.get("after"), limit=limit)
        found = list(rows)
        hits = [_hit(row, term) for row in found[:limit]]
        more = len(found) > limit
        following = (
            replace_query_param(request.build_absolute_uri(), "after", str(hits[-1]["passage"])) if more else None
        )
        return Response({"results": hits, "next": following})

    @extend_schema(parameters=[LimitQuery], responses=EmotionTrendSerializer)
    @action(detail=True, url_path="emotions/trend")
    def emotion_trend(self, request: Request, pk: str) -> Response:
        """One point a session, oldest first; of more than `limit` sessions the latest."""
        rows = list(trend_of(self.get_object(), by=self.asker, limit=self.query["limit"]))
        return Response({"results": [_point(row) for row in reversed(rows)]})

    @extend_schema(parameters=[LimitQuery], responses=ProgressTrendSerializer)
    @action(detail=True)
    def progress(self, request: Request, pk: str) -> Response:
        """Findings about progress, oldest first; of more than `limit` the latest."""
        rows = list(progress_of(self.get_object(), by=self.asker, limit=self.query["limit"]))
        return Response({"results": rows[::-1]})


def _hit(row: dict[str, Any], term: str) -> dict[str, Any]:
    keyword = next(one for one in row.pop("keywords") if one["term"] == term)
    return {**row, "score": keyword["score"], "spans": keyword["spans"]}


def _point(row: dict[str, Any]) -> dict[str, Any]:
    sentiment = row["total"] / row["weight"] if row["weight"] else None
    return {"date": row["date"], "session": row["session"], "emotions": None, "sentiment": sentiment}
