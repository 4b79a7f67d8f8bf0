"""The OpenAPI document has no warning and no gap, and Swagger shows it without a network and under the CSP."""

from __future__ import annotations

import re
from io import StringIO
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.core.management import call_command
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema
from rest_framework.test import APIClient

from clinical.models import Client
from config.api import router


def test_the_document_is_made_without_a_warning() -> None:
    out = StringIO()
    call_command("spectacular", fail_on_warn=True, validate=True, stdout=out)
    assert "/api/v1/insights/{id}/accept/" in out.getvalue()


def test_every_address_is_described() -> None:
    document: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    validate_schema(document)  # type: ignore[no-untyped-call]
    described = {re.sub(r"{\w+}", "{}", path) for path in document["paths"]}
    routed = {"/api/v1/" + re.sub(r"<uuid:\w+>", "{}", str(url.pattern)) for url in router.urls}
    assert described == routed


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["/api/v1/schema/", "/api/v1/docs/"])
def test_nobody_reads_it_without_signing_in(address: str) -> None:
    assert APIClient().get(address).status_code in (401, 403)


def test_the_document_is_served(ada: Client, clara_api: APIClient) -> None:
    answer = clara_api.get("/api/v1/schema/", headers={"Accept": "application/json"})
    assert answer.status_code == 200
    assert b"Anamnesis" in answer.content


def test_swagger_needs_no_network_and_nothing_inline(ada: Client, clara_api: APIClient) -> None:
    page = clara_api.get("/api/v1/docs/", headers={"Accept": "text/html"})
    text = page.content.decode()
    addresses = re.findall(r'(?:src|href)="([^"]+)"', text)
    assert len(addresses) == 5
    assert all(address.startswith("/") and not address.startswith("//") for address in addresses)
    assert "<style" not in text
    assert " style=" not in text
    assert re.findall(r"<script(?! src=)", text) == []
    for address in addresses:
        if address.startswith("/static/"):
            assert finders.find(address.removeprefix("/static/")) is not None
    script = clara_api.get(addresses[-1].replace("&amp;", "&"), headers={"Accept": "*/*"})
    assert script["Content-Type"] == "application/javascript"
    assert "/api/v1/schema/" in script.content.decode()
