"""The viewset and the serializers that all of the API is made of: scoped, strict, and short to use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from django.db import models, transaction
from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from rest_framework import mixins, serializers
from rest_framework.request import Request
from rest_framework.viewsets import GenericViewSet, ViewSet

from clinical.access import Action
from clinical.api.errors import Refusals
from clinical.api.paging import KeysetPagination
from clinical.api.strict_json import SafeJSONField
from clinical.models import User

_Row = TypeVar("_Row", bound=models.Model)


# --- Serializers: shape only


class Strict:
    """A field that nobody knows, or that is not for writing, is refused and not passed over in silence."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            writable = {name for name, field in self.fields.items() if not field.read_only}  # type: ignore[attr-defined]
            unknown = sorted(set(data) - writable - {"csrfmiddlewaretoken"})
            if unknown:
                takes = ", ".join(sorted(writable)) or "none"
                said = f"This is no field that can be given here. These can: {takes}."
                raise serializers.ValidationError({str(name)[:80]: [said] for name in unknown}, code="unknown_field")
        return super().to_internal_value(data)  # type: ignore[misc]


class StrictSerializer(Strict, serializers.Serializer[Any]):
    pass


class StrictModelSerializer(Strict, serializers.ModelSerializer[_Row]):
    serializer_field_mapping = {**serializers.ModelSerializer.serializer_field_mapping, models.JSONField: SafeJSONField}

    def update(self, instance: _Row, validated_data: dict[str, Any]) -> _Row:
        """Saves what was given and nothing else, so that two who change different fields both keep theirs."""
        for name, value in validated_data.items():
            setattr(instance, name, value)
        instance.save(update_fields=list(validated_data))
        return instance


class VisibleField(serializers.PrimaryKeyRelatedField[Any]):
    """The id of a row that the asker may see; any other is as unknown as one that is not there."""

    default_error_messages = {"does_not_exist": "There is no such row that you may see."}

    def __init__(self, **options: Any) -> None:
        super().__init__(pk_field=serializers.UUIDField(), **options)

    def get_queryset(self) -> Any:
        asker = self.context["request"].user
        rows: Any = super().get_queryset()
        return rows.visible_to(asker) if isinstance(asker, User) else rows.none()


# --- Views


class StrictView(ViewSet):
    """What all views share: roles, refusals, and no parameter that nobody knows."""

    needs: Mapping[str, Action] = {}  # by action; any other needs READ_RECORD
    queries: Mapping[str, type[serializers.Serializer[Any]]] = {}  # by action: what stands after the ? of its address
    paged: frozenset[str] = frozenset({"list"})  # the actions that answer in pages
    refusals: Refusals = {}
    query: dict[str, Any]

    @property
    def asker(self) -> User:
        assert isinstance(self.request.user, User)  # noqa: S101 - RolePermission lets nobody else in
        return self.request.user

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        self.query = self._read_query()

    def _read_query(self) -> dict[str, Any]:
        """Every parameter is one that this address knows: a misspelt filter would show more than was asked for."""
        given = self.request.query_params.dict()
        asked = self.queries.get(self.action or "")
        known = self._list_parameters()
        if asked is not None:
            known |= set(asked().fields)
        unknown = sorted(set(given) - known)
        if unknown:
            takes = ", ".join(sorted(known)) or "none"
            said = f"This address has no such parameter. It has: {takes}."
            raise serializers.ValidationError({name[:80]: [said] for name in unknown}, code="unknown_parameter")
        if asked is None:
            return {}
        own = {name: value for name, value in given.items() if name in asked().fields}
        reader = asked(data=own, context={"request": self.request})
        reader.is_valid(raise_exception=True)
        return dict(reader.validated_data)

    def _list_parameters(self) -> set[str]:
        filterset = getattr(self, "filterset_class", None) if self.action == "list" else None
        paginator = getattr(self, "paginator", None) if self.action in self.paged else None
        filters_of = set(filterset.base_filters) if filterset else set()
        return filters_of | set(getattr(paginator, "parameters", ()))


class ScopedViewSet(StrictView, GenericViewSet[_Row]):
    """Rows of the clients that the asker may see. What is out of scope is the same 404 as what is not there."""

    lookup_value_converter = "uuid"
    pagination_class = KeysetPagination
    http_method_names = ["get", "post", "patch", "head"]

    def get_queryset(self) -> QuerySet[_Row]:
        rows: Any = super().get_queryset()
        asker = self.request.user
        seen = rows.visible_to(asker) if isinstance(asker, User) else rows.none()
        return seen.select_for_update(of=("self",), no_key=True) if self.action == "partial_update" else seen  # type: ignore[no-any-return]

    def get_visible(self, rows: Any, pk: Any) -> Any:
        """A row beside the view's own, by the same rule."""
        return get_object_or_404(rows.visible_to(self.asker), pk=pk)

    def read(self, shape: type[serializers.Serializer[Any]]) -> dict[str, Any]:
        """The body of the request in this shape. Raises ValidationError."""
        given = shape(data=self.request.data, context=self.get_serializer_context())
        given.is_valid(raise_exception=True)
        return dict(given.validated_data)


class ReadViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, ScopedViewSet[_Row]):
    pass


class PatchMixin(mixins.UpdateModelMixin):
    """PATCH under a lock on the row (see `get_queryset`): what is checked is what is changed."""

    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Any:
        with transaction.atomic():
            return super().partial_update(request, *args, **kwargs)
