"""The OS user that PostgreSQL runs as: ourselves, or, because PostgreSQL refuses root, `postgres` or `nobody`."""

from __future__ import annotations

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path

from clinical.postgres.errors import ClusterError

# Not all of our environment: it holds secrets (SECRET_KEY), and PG* would change what the programs do.
_PASSED_ON = ("PATH", "LD_LIBRARY_PATH")
_WRITE = 'umask 077; cat >"$0.new" && mv -f "$0.new" "$0"'


@dataclass(frozen=True)
class ServerUser:
    name: str
    uid: int
    gid: int

    @classmethod
    def of(cls, uid: int) -> ServerUser:
        try:
            entry = pwd.getpwuid(uid)
        except KeyError:
            return cls("", uid, os.getegid())
        return cls(entry.pw_name, uid, entry.pw_gid)

    def can_enter(self, folder: Path) -> bool:
        """By permission bits alone (no ACL): settings ask at import. A level that is missing is ours to make."""
        return all(self._may(0o1, level) for level in (*folder.parents, folder))

    def can_run(self, program: Path) -> bool:
        return self.can_enter(program.parent) and self._may(0o5, program)

    def _may(self, bits: int, path: Path) -> bool:
        try:
            info = os.stat(path)
        except FileNotFoundError:
            return True
        except OSError:
            return False
        shift = 6 if info.st_uid == self.uid else 3 if info.st_gid == self.gid else 0
        return (info.st_mode >> shift) & bits == bits

    def run(self, *argv: str | Path, text: str = "") -> subprocess.CompletedProcess[str]:
        """Run as this user, away from our terminal: its Ctrl-C must not reach the server."""
        another = self.uid != os.geteuid()
        environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        return subprocess.run(  # noqa: S603 (argv, no shell)
            [str(part) for part in argv],
            input=text,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            cwd="/",
            env={**environment, "LC_ALL": "C.UTF-8"},
            start_new_session=True,
            user=self.uid if another else None,
            group=self.gid if another else None,
            extra_groups=[] if another else None,
        )

    def write(self, path: Path, text: str) -> None:
        """Write as the server's user: root following links in a folder that somebody else owns would be a way up."""
        result = self.run("/bin/sh", "-c", _WRITE, path, text=text)
        if result.returncode:
            raise ClusterError("A file of the server cannot be written.", where=f"{path}: {result.stdout.strip()}")

    def remove(self, *paths: Path) -> None:
        self.run("rm", "-rf", "--", *paths)


def owner_of(path: Path) -> ServerUser | None:
    """Who owns it; None where nobody but root does, or nothing is there."""
    try:
        uid = os.lstat(path).st_uid
    except OSError:
        return None
    return ServerUser.of(uid) if uid else None


def default_user() -> ServerUser:
    if euid := os.geteuid():
        return ServerUser.of(euid)
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return ServerUser(name, entry.pw_uid, entry.pw_gid)
    raise ClusterError(
        "PostgreSQL refuses to run as root, and there is no other OS user to run it.",
        where="looked for the OS users postgres and nobody",
        next_step="Run as an ordinary user, add the OS user postgres, or set DATABASE_URL.",
    )
