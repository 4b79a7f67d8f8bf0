"""The stock admin over what was said: for looking, never for changing. The review screens come with the workplace."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from clinical.admin import ScopedAdmin
from transcripts.models import ImportJob, Passage, Source, Speaker


@admin.register(Source)
class SourceAdmin(ScopedAdmin[Source]):
    list_display = ("client", "title", "kind", "occurred_at", "format", "revision", "passage_count")
    list_display_links = ("title",)
    list_filter = ("kind", "format")
    list_select_related = ("client",)
    search_fields = ("title", "client__code", "external_id")
    exclude = ("content_sha256",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Source]:
        return super().get_queryset(request).annotate(passage_count=Count("passages"))

    @admin.display(description="passages")
    def passage_count(self, source: Any) -> str:
        url = reverse("admin:transcripts_passage_changelist")
        return format_html('<a href="{}?source__id__exact={}">{}</a>', url, source.pk, source.passage_count)


@admin.register(Speaker)
class SpeakerAdmin(ScopedAdmin[Speaker]):
    list_display = ("label", "role", "source", "client")
    list_filter = ("role",)
    list_select_related = ("source", "client")
    search_fields = ("client__code",)


@admin.register(Passage)
class PassageAdmin(ScopedAdmin[Passage]):
    list_display = ("source", "sequence", "speaker", "start_ms", "text")
    list_display_links = ("sequence",)
    list_select_related = ("source", "speaker")
    ordering = ("-source", "sequence")
    exclude = ("search",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Passage]:
        return super().get_queryset(request).defer("search", "words")

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        return lookup == "source__id__exact" or super().lookup_allowed(lookup, value, request)


@admin.register(ImportJob)
class ImportJobAdmin(ScopedAdmin[ImportJob]):
    list_display = ("file_name", "client", "state", "created_sources", "skipped_sources", "last_error", "created_at")
    list_filter = ("state",)
    list_select_related = ("client",)
    search_fields = ("client__code", "file_name")
