"""Where the screens stand under /admin/."""

from __future__ import annotations

from django.contrib.admin import AdminSite
from django.urls import URLPattern, path

from insights.screens import importing, keys, queue, review, search


def screens(site: AdminSite) -> list[URLPattern]:
    own = site.admin_view
    source = "review/<uuid:source_id>/"
    return [
        path("review/", own(queue.show), name="review_queue"),
        path("review/end/", own(review.end), name="review_end"),
        path(source, own(review.show), name="review"),
        path(f"{source}insights/<uuid:insight_id>/", own(review.decide_insight), name="review_decide"),
        path(f"{source}analyse/", own(review.read_again), name="review_analyse"),
        path(f"{source}speakers/<uuid:speaker_id>/", own(review.change_speaker), name="review_speaker"),
        path("search/", own(search.show), name="workspace_search"),
        path("import/", own(importing.show), name="workspace_import"),
        path("import/<uuid:job_id>/", own(importing.show_job), name="workspace_import_job"),
        path("import/<uuid:job_id>/<str:verb>/", own(importing.change), name="workspace_import_change"),
        path("keys/", own(keys.change), name="workspace_keys"),
    ]
