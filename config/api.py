"""Every address under /api/v1/."""

from __future__ import annotations

from typing import NoReturn

from django.http import Http404, HttpRequest
from django.urls import include, path, re_path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.permissions import IsAuthenticated
from rest_framework.routers import SimpleRouter
from rest_framework.views import APIView

import clinical.api.schema  # noqa: F401 - drf-spectacular finds the scheme in it
from clinical.api.clients import ClientViewSet
from clinical.api.sessions import SessionViewSet
from insights.api.analyses import AnalysisRunViewSet, SourceAnalysisViewSet
from insights.api.clients import ClientInsightViewSet
from insights.api.findings import InsightViewSet, ReviewViewSet
from transcripts.api.finding import SearchViewSet
from transcripts.api.imports import ImportViewSet
from transcripts.api.passages import PassageViewSet, SessionTranscriptViewSet
from transcripts.api.sources import SourceViewSet
from transcripts.api.speakers import SpeakerViewSet

# Addresses of one prefix come from several apps: what is known of a client stands higher than the client itself.
router = SimpleRouter(use_regex_path=False)
router.register("clients", ClientViewSet, "client")
router.register("clients", ClientInsightViewSet, "client-insight")
router.register("sessions", SessionViewSet, "session")
router.register("sessions", SessionTranscriptViewSet, "session-transcript")
router.register("sources", SourceViewSet, "source")
router.register("sources", SourceAnalysisViewSet, "source-analysis")
router.register("passages", PassageViewSet, "passage")
router.register("speakers", SpeakerViewSet, "speaker")
router.register("insights", InsightViewSet, "insight")
router.register("reviews", ReviewViewSet, "review")
router.register("search", SearchViewSet, "search")
router.register("imports", ImportViewSet, "import")
router.register("analysis-runs", AnalysisRunViewSet, "analysis-run")


class NoSuchAddress(APIView):
    """The same 404 as for a row that nobody may see, in the same form."""

    authentication_classes = ()
    permission_classes = ()
    schema = None

    def http_method_not_allowed(self, request: HttpRequest, *args: object, **kwargs: object) -> NoReturn:
        raise Http404


schema = SpectacularAPIView.as_view(permission_classes=[IsAuthenticated])
docs = SpectacularSwaggerSplitView.as_view(
    url_name="api-schema", template_name="api/docs.html", permission_classes=[IsAuthenticated]
)

urlpatterns = [
    path("schema/", schema, name="api-schema"),
    path("docs/", docs, name="api-docs"),
    path("", include(router.urls)),
    re_path("", NoSuchAddress.as_view(), name="api-nowhere"),
]
