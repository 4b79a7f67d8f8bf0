"""Single keys, on or off per user (WCAG 2.1.4)."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods

from insights.screens import page


@require_http_methods(["GET", "HEAD", "POST"])
def change(request: HttpRequest) -> HttpResponse:
    user = page.asker(request)
    if request.method != "POST":
        return page.show(request, "keys", "keys", "Keys")
    user.profile = {**user.profile, page.KEYS_OFF: request.POST.get("keys") == "off"}
    user.save(update_fields=["profile"])
    back = request.POST.get("back", "")
    own = url_has_allowed_host_and_scheme(back, {request.get_host()}, require_https=request.is_secure())
    return redirect(back if own else reverse("admin:workspace_keys"))
