"""The stock admin over what was found: for looking. Decisions are made on the review screens when they come."""

from __future__ import annotations

from django.contrib import admin

from clinical.admin import ReadOnlyInline, ScopedAdmin
from insights.models import AnalysisRun, Evidence, Insight, Review, SourceSummary


class EvidenceInline(ReadOnlyInline):
    model = Evidence
    fields = ("passage", "quote", "char_start", "char_end")
    readonly_fields = ("quote",)


class ReviewInline(ReadOnlyInline):
    model = Review
    fields = ("reviewer", "decision", "reason", "words", "edited_text", "created_at")
    readonly_fields = ("created_at",)


@admin.register(Insight)
class InsightAdmin(ScopedAdmin[Insight]):
    list_display = ("title", "client", "kind", "priority", "status", "created_at")
    list_filter = ("kind", "priority", "status")
    list_select_related = ("client",)
    search_fields = ("client__code", "title")
    inlines = (EvidenceInline, ReviewInline)


@admin.register(AnalysisRun)
class AnalysisRunAdmin(ScopedAdmin[AnalysisRun]):
    list_display = ("source", "client", "state", "passages", "readings", "insights", "last_error", "finished_at")
    list_filter = ("state",)
    list_select_related = ("source", "client")
    search_fields = ("client__code",)


@admin.register(SourceSummary)
class SourceSummaryAdmin(ScopedAdmin[SourceSummary]):
    list_display = ("source", "client", "passages", "assessed", "sentiment", "occurred_at")
    list_select_related = ("source", "client")
    search_fields = ("client__code",)
