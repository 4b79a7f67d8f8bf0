"""Pages by key: each page begins after the last row of the one before, at the same cost at any depth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

MAX_LIMIT = 200


class KeysetPagination(BasePagination):
    """`?after=` the key of the last row seen, `?limit=` up to 200. Rows added meanwhile shift nothing."""

    key = "id"
    results = "results"
    default_limit = 50
    newest_first = True
    after: serializers.Field[Any, Any, Any, Any] = serializers.UUIDField()
    limit = serializers.IntegerField(min_value=1, max_value=MAX_LIMIT)
    parameters = frozenset({"after", "limit"})

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        after, limit = self._asked(request)
        if after is not None:
            queryset = queryset.filter(**{f"{self.key}__{'lt' if self.newest_first else 'gt'}": after})
        order = f"-{self.key}" if self.newest_first else self.key
        rows = list(queryset.order_by(order)[: limit + 1])
        self.url = request.build_absolute_uri()
        self.more = len(rows) > limit
        self.last = _value(rows[:limit][-1], self.key) if rows else None
        return rows[:limit]

    def get_paginated_response(self, data: Any) -> Response:
        following = replace_query_param(self.url, "after", str(self.last)) if self.more else None
        return Response({self.results: data, "next": following})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        following = {"type": "string", "format": "uri", "nullable": True, "description": "The next page."}
        properties = {self.results: schema, "next": following}
        return {"type": "object", "required": [self.results, "next"], "properties": properties}

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        key = {"type": "integer"} if isinstance(self.after, serializers.IntegerField) else _UUID
        limit = {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": self.default_limit}
        return [
            _parameter("after", key, "The key of the last row of the page before."),
            _parameter("limit", limit, "Rows a page."),
        ]

    def _asked(self, request: Request) -> tuple[Any, int]:
        asked: Mapping[str, str] = request.query_params
        after = _read(self.after, "after", asked.get("after"))
        limit = _read(self.limit, "limit", asked.get("limit"))
        return after, limit or self.default_limit


_UUID = {"type": "string", "format": "uuid"}


class OldestFirst(KeysetPagination):
    newest_first = False


def _value(row: Any, key: str) -> Any:
    return row[key] if isinstance(row, dict) else getattr(row, key)


def _read(field: serializers.Field[Any, Any, Any, Any], name: str, text: str | None) -> Any:
    if text is None:
        return None
    try:
        return field.run_validation(text)
    except serializers.ValidationError as error:
        raise serializers.ValidationError({name: error.detail}) from error


def _parameter(name: str, schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "schema": schema, "description": description}
