"""The admin site: Django's own, with the workplace of the clinicians in front of it."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, path

from clinical.access import Action
from clinical.models import User
from insights.screens import today
from insights.screens.urls import screens


class AnamnesisAdminSite(AdminSite):
    site_header = site_title = "Anamnesis"
    index_title = "Records"

    def get_urls(self) -> list[URLResolver | URLPattern]:
        records = path("records/", self.admin_view(self.records), name="records")
        return [*screens(self), records, *super().get_urls()]

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """Today for whoever reads records; the plain list of models for everybody else."""
        user = request.user
        if isinstance(user, User) and user.may(Action.READ_RECORD):
            return today.show(request)
        return super().index(request, extra_context)

    def records(self, request: HttpRequest) -> TemplateResponse:
        return super().index(request)
