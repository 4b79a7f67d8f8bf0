"""What every row shares: its key, its times, its way to the client, and JSON columns with a declared shape."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self, TypeVar

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions import Now

from clinical.identifiers import uuid7

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper

    from clinical.models.people import User


# What counts as blank, whatever the server's locale says: the same set as in Python's str.split().
UNUSUAL_BLANKS = r"\t-\r\u001C-\u001F\u0085\u00A0\u1680\u2000-\u200A\u2028\u2029\u202F\u205F\u3000"
BLANKS = f"{UNUSUAL_BLANKS} "


class Record(models.Model):
    """A row with a uuid7 key. A trigger keeps `updated_at` right for `update()` and raw SQL too."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(auto_now=True, db_default=Now(), editable=False)

    class Meta:
        abstract = True


_Row = TypeVar("_Row", bound=models.Model)


class ScopedQuerySet(models.QuerySet[_Row, _Row]):
    """Rows of clients. Nothing reads them except through `visible_to`."""

    def visible_to(self, user: User) -> Self:
        """The rows whose client the user may see: the client rule, asked as one subquery."""
        client = self.model._meta.get_field("client").related_model
        return self.filter(client__in=client.objects.visible_to(user).values("pk"))  # type: ignore[union-attr]


class ShapedJSONField(models.JSONField):
    """A JSON column and the function that reads it into a dataclass; a value that it refuses is never saved."""

    def __init__(self, *args: Any, shape: Callable[[Any], Any] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.read = shape

    def validate(self, value: Any, model_instance: models.Model | None) -> None:
        super().validate(value, model_instance)
        self._check(value)

    def get_db_prep_save(self, value: Any, connection: BaseDatabaseWrapper) -> Any:
        if not hasattr(value, "resolve_expression"):
            self._check(value)
        return super().get_db_prep_save(value, connection)

    def _check(self, value: Any) -> None:
        if value is None or self.read is None:
            return
        try:
            self.read(value)
        except (TypeError, ValueError, KeyError) as error:
            raise ValidationError(f"{self.name}: {error}") from error
