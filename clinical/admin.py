"""The stock admin over people and care: scoped, and read-only where nothing says otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from django.contrib import admin
from django.contrib.auth import admin as auth_admin
from django.contrib.auth.models import Group
from django.db import models
from django.http import HttpRequest

from clinical.access import Action
from clinical.models import Attendance, CareTeamMembership, Client, Intervention, Member, Session, User

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin, TabularInline
    from django.contrib.auth.admin import UserAdmin as StockUserAdmin
else:

    class _Plain:  # the stubs make these generic, the classes themselves are not
        def __class_getitem__(cls, _: object) -> type:
            return cls

    class ModelAdmin(_Plain, admin.ModelAdmin):
        pass

    class TabularInline(_Plain, admin.TabularInline):
        pass

    class StockUserAdmin(_Plain, auth_admin.UserAdmin):
        pass


admin.site.site_header = admin.site.site_title = "Anamnesis"
admin.site.index_title = "Records"
admin.site.unregister(Group)

_Row = TypeVar("_Row", bound=models.Model)


def _asker(request: HttpRequest) -> User | None:
    return request.user if isinstance(request.user, User) else None


class ScopedAdmin(ModelAdmin[_Row]):
    """Rows of the clients that the asker may see; nobody adds, changes or deletes unless a subclass lets them."""

    show_full_result_count = False
    list_per_page = 50
    actions = None

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[_Row]:
        asker = _asker(request)
        rows = super().get_queryset(request)
        return rows.visible_to(asker) if asker else rows.none()  # type: ignore[attr-defined]

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        asker = _asker(request)
        return asker is not None and asker.may(Action.READ_RECORD)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False


class ReadOnlyInline(TabularInline[Any, Any]):
    extra = 0
    can_delete = False

    def has_view_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return True  # whoever may see the row around it

    def has_add_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False


class MemberInline(ReadOnlyInline):
    model = Member
    fields = ("name", "relation", "role", "birth_date")


class CareTeamInline(ReadOnlyInline):
    model = CareTeamMembership
    fields = ("user", "role", "starts_at", "ends_at")


class AttendanceInline(ReadOnlyInline):
    model = Attendance
    fields = ("role", "member", "user", "attended")


@admin.register(Client)
class ClientAdmin(ScopedAdmin[Client]):
    list_display = ("code", "kind", "gender", "created_at")
    list_filter = ("kind",)
    search_fields = ("code",)
    readonly_fields = ("created_at", "updated_at")
    inlines = (MemberInline, CareTeamInline)

    def has_add_permission(self, request: HttpRequest) -> bool:
        asker = _asker(request)
        return asker is not None and asker.may(Action.ADD_CLIENT)

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return self.has_add_permission(request)

    def save_model(self, request: HttpRequest, obj: Client, form: Any, change: bool) -> None:
        asker = _asker(request)
        if change or asker is None:
            return super().save_model(request, obj, form, change)
        opened = Client.objects.open(by=asker, **{name: form.cleaned_data[name] for name in form.cleaned_data})
        obj.pk = opened.pk
        obj._state.adding = False
        return None


@admin.register(Session)
class SessionAdmin(ScopedAdmin[Session]):
    list_display = ("client", "number", "title", "session_type", "status", "occurred_at", "transcript_status")
    list_display_links = ("number", "title")
    list_filter = ("status", "session_type", "transcript_status", "analysis_status")
    list_select_related = ("client",)
    search_fields = ("client__code", "title")
    ordering = ("-occurred_at",)
    inlines = (AttendanceInline,)


@admin.register(CareTeamMembership)
class CareTeamMembershipAdmin(ScopedAdmin[CareTeamMembership]):
    list_display = ("client", "user", "role", "starts_at", "ends_at")
    list_select_related = ("client", "user")
    search_fields = ("client__code",)


@admin.register(Intervention)
class InterventionAdmin(ModelAdmin[Intervention]):
    """Common to the practice: it says nothing of a client."""

    list_display = ("name",)
    search_fields = ("name",)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        asker = _asker(request)
        return asker is not None and asker.may(Action.READ_RECORD)

    def has_add_permission(self, request: HttpRequest) -> bool:
        asker = _asker(request)
        return asker is not None and asker.may(Action.ADD_CLIENT)

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return self.has_add_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False


@admin.register(User)
class UserAdmin(StockUserAdmin[User]):
    """For whoever manages users. Nobody is deleted: an inactive user's work keeps its author."""

    ordering = ("email",)
    list_display = ("email", "name", "role", "is_active", "last_login")
    list_filter = ("role", "is_active")
    search_fields = ("email", "name")
    filter_horizontal = ()
    readonly_fields = ("last_login", "created_at")
    fieldsets = ((None, {"fields": ("email", "password", "name", "role", "is_active", "last_login", "created_at")}),)
    add_fieldsets = (
        (
            None,
            {"classes": ("wide",), "fields": ("email", "name", "role", "usable_password", "password1", "password2")},
        ),
    )
    actions = None

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        asker = _asker(request)
        return asker is not None and asker.may(Action.MANAGE_USERS)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return self.has_view_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False
