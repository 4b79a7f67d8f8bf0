"""Debian's chromium over a live server. Pictures go to build/screens."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
QUIET += ["--disable-component-update", "--disable-sync"]
BUILD = Path(settings.BASE_DIR) / "build"
AXE = "axe-core@4.14.1"


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"  # the driver's loop runs in this thread
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def complaints() -> list[str]:
    """What the browser objects to: violations of the content policy, errors of scripts, failed requests."""
    return []


@pytest.fixture
def page(chromium: Browser, complaints: list[str]) -> Iterator[Page]:
    context = chromium.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    context.close()
    assert complaints == []


@pytest.fixture
def plain_page(chromium: Browser) -> Iterator[Page]:
    """A browser whose JavaScript is off."""
    context = chromium.new_context(viewport={"width": 1440, "height": 900}, java_script_enabled=False)
    yield context.new_page()
    context.close()


@pytest.fixture(scope="session")
def pictures() -> Path:
    folder = BUILD / "screens"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def axe() -> str:
    """The accessibility checker's script, fetched once by npm (MPL-2.0: a tool of the tests, never shipped)."""
    script = BUILD / "package" / "axe.min.js"
    if not script.is_file():
        if shutil.which("npm") is None:
            pytest.skip("axe-core comes by npm, which is not here: apt-get install npm")
        BUILD.mkdir(exist_ok=True)
        packed = subprocess.run(["npm", "pack", AXE, "--silent"], cwd=BUILD, check=True, capture_output=True, text=True)
        with tarfile.open(BUILD / packed.stdout.split()[-1]) as archive:
            archive.extract("package/axe.min.js", BUILD, filter="data")
    return script.read_text()
