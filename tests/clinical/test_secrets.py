"""Secrets are made once and kept where nobody else reads them."""

from __future__ import annotations

import multiprocessing
import os
import re
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from clinical.secrets import kept_secret

NOBODY = 65534


def test_a_secret_is_made_once_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "data" / "secret_key"
    made = kept_secret(path)
    assert len(made) == 50
    assert kept_secret(path) == made == path.read_text().strip()
    assert kept_secret(tmp_path / "other") != made


def test_nobody_else_reads_it_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        kept_secret(tmp_path / "data" / "secret_key")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "data" / "secret_key").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) in (0o700, 0o710)  # the server's user may pass through


def test_what_is_there_is_taken_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "secret_key").write_text("somebody's own\n")
    assert kept_secret(tmp_path / "secret_key") == "somebody's own"


def test_a_secret_in_words_can_be_typed(tmp_path: Path) -> None:
    assert re.fullmatch(r"[a-hjkmnp-z]{5}(-[a-hjkmnp-z]{5}){3}", kept_secret(tmp_path / "demo_password", words=True))


def _take(path: Path) -> str:
    return kept_secret(path)


def test_processes_that_come_first_together_get_one_secret(tmp_path: Path) -> None:
    with multiprocessing.get_context("fork").Pool(8) as processes:
        for number in range(10):
            taken = set(processes.map(_take, [tmp_path / f"secret{number}"] * 8, chunksize=1))
            assert len(taken) == 1
            assert len(taken.pop()) == 50
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"secret{number}" for number in range(10)]


def test_threads_that_come_first_together_get_one_secret(tmp_path: Path) -> None:
    """Two containers on one volume may have the same process id as well."""
    with ThreadPoolExecutor(8) as threads:
        for number in range(40):
            taken = set(threads.map(_take, [tmp_path / f"secret{number}"] * 8))
            assert len(taken) == 1
            assert len(taken.pop()) == 50
    assert len(list(tmp_path.iterdir())) == 40


def test_a_place_that_cannot_be_says_which_and_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    path = tmp_path / "file" / "secret_key"
    with pytest.raises(
        ImproperlyConfigured, match=f"(?s){re.escape(str(path))}.*Set SECRET_KEY, or ANAMNESIS_DATA_DIR"
    ):
        kept_secret(path)


def _as_nobody(path: Path) -> str:
    if os.geteuid() == 0:
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    try:
        return kept_secret(path)
    except ImproperlyConfigured as error:
        return f"refused: {error}"


@pytest.mark.parametrize("there", [False, True], ids=["to be made", "there already"])
def test_a_place_of_somebody_else_says_which_and_what_to_do(tmp_path: Path, there: bool) -> None:
    path = tmp_path / "secret_key"
    if there:
        path.write_text("root's own\n")
        path.chmod(0o000)
    tmp_path.chmod(0o555)
    with multiprocessing.get_context("fork").Pool(1) as process:
        said = process.apply(_as_nobody, (path,))
    tmp_path.chmod(0o755)
    assert said.startswith(f"refused: Cannot keep a generated secret in {path}: Permission denied. Set SECRET_KEY")
