"""Where a data directory's cluster lies and which OS user runs it. Looking changes nothing: settings look."""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from clinical.postgres.errors import ClusterError
from clinical.postgres.server_user import ServerUser, default_user, owner_of

PORT = 5432
ELSEWHERE = Path("/var/lib/anamnesis")
# The kernel takes 107 bytes (103 on macOS) for a socket's path.
_LONGEST_SOCKET = 100


def fingerprint(text: object) -> str:
    return hashlib.sha256(os.fsencode(str(text))).hexdigest()[:12]


@dataclass(frozen=True)
class Place:
    data_dir: Path
    home: Path
    user: ServerUser

    @property
    def cluster(self) -> Path:
        return self.home / "cluster"

    @property
    def log(self) -> Path:
        return self.home / "server.log"

    @property
    def note(self) -> Path:
        return note_in(self.data_dir)

    @property
    def is_elsewhere(self) -> bool:
        return self.home.parent == ELSEWHERE

    @property
    def is_forgotten(self) -> bool:
        """Elsewhere, and no note names it: its data directory was deleted, and the keys in it with it."""
        return self.is_elsewhere and self.home.exists() and not self.note.exists()

    @property
    def socket_dir(self) -> Path:
        run = self.home / "run"
        if len(os.fsencode(run / f".s.PGSQL.{PORT}")) <= _LONGEST_SOCKET:
            return run
        # Not TMPDIR or XDG_RUNTIME_DIR: they differ between a login, cron and a service, and the address must not.
        return Path("/tmp") / f"anamnesis-{self.user.uid}-{fingerprint(self.home)}"  # noqa: S108 (has_socket_dir looks whose it is)

    @property
    def socket(self) -> Path:
        return self.socket_dir / f".s.PGSQL.{PORT}"

    def make_home(self) -> None:
        if self.is_elsewhere:
            make_elsewhere()
            self._leave_note()
        _make_private(self.home, self.user)
        if not self.user.can_enter(self.home):
            raise ClusterError(
                f"The database server runs as OS user {self.user.name}, who can no longer enter its folder.",
                where=self.home,
                next_step="Give back the right to pass (chmod o+x) on the folders above it.",
            )

    def make_socket_dir(self) -> None:
        if not self.has_socket_dir():
            self.user.run("mkdir", "-m", "700", self.socket_dir)
        if not self.has_socket_dir():
            raise ClusterError("The folder for the server's socket cannot be made.", where=self.socket_dir)

    def has_socket_dir(self) -> bool:
        """Whether it is there; one that somebody else made or may enter is refused: any server could listen there."""
        try:
            info = os.lstat(self.socket_dir)
        except FileNotFoundError:
            return False
        if stat.S_ISDIR(info.st_mode) and info.st_uid == self.user.uid and not info.st_mode & 0o077:
            return True
        raise ClusterError(
            f"The folder for the server's socket must be OS user {self.user.name}'s alone (mode 0700), and is not.",
            where=self.socket_dir,
            next_step="Find out who made it, remove it, and start again; or set ANAMNESIS_DATA_DIR to a shorter path.",
        )

    def check_note(self) -> None:
        if not self.is_elsewhere or (said := _read_note(self.data_dir)) in (None, self.home):
            return
        raise ClusterError(
            "This data directory was moved or copied from another path; its database belongs to the old path.",
            where=f"{self.note} names {said}",
            next_step=f"If it was moved: stop that server and rename {said} to {self.home}. "
            "If it was copied: delete the note. Then start again.",
        )

    def _leave_note(self) -> None:
        self.note.write_text(
            f"{self.home}\n"
            f"The database of this folder lies there: the OS user {self.user.name}, who runs the server,\n"
            "cannot enter this folder. Keep, move and delete the two together (`manage.py db stop` first).\n"
            "Without this note a new, empty database is made, and the old one is set aside.\n"
        )


def note_in(data_dir: Path) -> Path:
    return data_dir / "database-is-elsewhere.txt"


def _read_note(data_dir: Path) -> Path | None:
    try:
        return Path(note_in(data_dir).read_text().split("\n")[0])
    except FileNotFoundError:
        return None


def place_of(data_dir: Path) -> Place:
    """A cluster that exists decides; only a new one goes by who can enter which folder."""
    data_dir = data_dir.expanduser().resolve()
    inside = data_dir / "postgres"
    if os.geteuid():
        return Place(data_dir, inside, default_user())
    elsewhere = ELSEWHERE / fingerprint(data_dir)
    if (inside / "cluster").exists():
        return Place(data_dir, inside, owner_of(inside) or default_user())
    if note_in(data_dir).exists():
        return Place(data_dir, elsewhere, owner_of(elsewhere) or default_user())
    user = default_user()
    return Place(data_dir, inside if user.can_enter(data_dir) else elsewhere, user)


def make_data_dir(data_dir: Path) -> None:
    """Make it closed to everybody but us; where root makes it, the server's user may pass through (0710), not list."""
    if data_dir.is_dir():
        return
    user = default_user()
    missing = [level for level in reversed(data_dir.parents) if not level.exists()]
    for level in missing:
        with suppress(FileExistsError):
            level.mkdir()
            level.chmod(0o711)
    # Under another name first: a second process must not see it before the server's user may pass.
    partial = Path(tempfile.mkdtemp(prefix=f".{data_dir.name}-", dir=data_dir.parent))
    if user.uid != os.geteuid():
        os.chown(partial, -1, user.gid)
        partial.chmod(0o710)
    try:
        partial.rename(data_dir)
    except OSError:
        partial.rmdir()
        if not data_dir.is_dir():
            raise


def make_elsewhere() -> None:
    ELSEWHERE.mkdir(exist_ok=True)
    info = os.lstat(ELSEWHERE)
    if not stat.S_ISDIR(info.st_mode) or info.st_uid or info.st_mode & 0o022:
        raise ClusterError(
            "The folder for databases started by root must belong to root, and nobody else may write to it.",
            where=ELSEWHERE,
            next_step="Find out who made it, and remove it or correct its owner and mode (root, 0755).",
        )


def _make_private(folder: Path, user: ServerUser) -> None:
    """The mode is mkdir's and not set later: root must not chmod what somebody else might have swapped."""
    folder.mkdir(mode=0o700, exist_ok=True)
    if os.geteuid() == 0 and os.lstat(folder).st_uid == 0:
        os.chown(folder, user.uid, user.gid, follow_symlinks=False)
