"""The content policy stands on every answer; what somebody sees who is signed in is kept in no cache."""

from __future__ import annotations

import re

import pytest
from django.test import Client as Browser
from django.test import override_settings

from config.headers import policy_of
from transcripts.models import Source

POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
PAGES = ("/admin/", "/admin/records/", "/admin/review/", "/admin/search/", "/admin/keys/", "/admin/clinical/client/")


@pytest.mark.parametrize("path", [*PAGES, "/admin/nowhere/", "/"])
def test_every_answer_has_the_policy_and_no_copy(browser: Browser, told: Source, path: str) -> None:
    answer = browser.get(path)
    assert answer["Content-Security-Policy"] == POLICY
    assert answer["Cache-Control"] == "no-store, private"


def test_who_is_not_signed_in_gets_the_policy_too(db: None) -> None:
    answer = Browser().get("/admin/login/")
    assert answer["Content-Security-Policy"] == POLICY


@pytest.mark.parametrize("path", PAGES)
def test_no_page_has_a_script_or_style_in_it(browser: Browser, told: Source, path: str) -> None:
    for page in (path, f"/admin/review/{told.pk}/?queue=needs&pos=1"):
        shown = browser.get(page).content.decode()
        assert not re.search(r"<style|\sstyle=|\son\w+=|hx-on|javascript:", shown)
        assert not re.search(r"<script(?![^>]*\ssrc=)", shown)


def test_a_redirect_to_https_has_the_policy() -> None:
    with override_settings(SECURE_SSL_REDIRECT=True):
        assert Browser().get("/admin/login/")["Content-Security-Policy"] == POLICY


def test_the_setting_has_the_shape_of_djangos_own() -> None:
    assert (
        policy_of({"default-src": ["'self'"], "img-src": ["'self'", "data:"]})
        == "default-src 'self'; img-src 'self' data:"
    )
