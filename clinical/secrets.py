"""Secrets that are made once and kept in the data directory."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured
from django.core.management.utils import get_random_secret_key
from django.utils.crypto import get_random_string

from clinical.postgres.embedded import make_data_dir


def kept_secret(path: Path, *, words: bool = False) -> str:
    """The secret in the file, made on first use; whoever comes second reads what the first one wrote.

    With `words` one that a person can type.
    """
    try:
        if not path.exists():
            make_data_dir(path.parent)
            _make(path, _typeable() if words else get_random_secret_key())
        return path.read_text().strip()
    except OSError as error:
        raise ImproperlyConfigured(
            f"Cannot keep a generated secret in {path}: {error.strerror}. "
            "Set SECRET_KEY, or ANAMNESIS_DATA_DIR to a folder that this user may write."
        ) from error


def _make(path: Path, secret: str) -> None:
    """Whole and for us alone (mkstemp opens with 0600), unless somebody else was first."""
    descriptor, partial = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.")
    try:
        with open(descriptor, "w") as file:
            file.write(f"{secret}\n")
        with contextlib.suppress(FileExistsError):
            os.link(partial, path)
    finally:
        os.unlink(partial)


def _typeable() -> str:
    """Four groups of five small letters without look-alikes: 86 bits."""
    return "-".join(get_random_string(5, "abcdefghjkmnpqrstuvwxyz") for _ in range(4))
