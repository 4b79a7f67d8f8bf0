"""The supervisor of our own PostgreSQL server: one cluster a data directory, started when first needed.

No Django here: settings compute the address at import (no side effect), and manage.py, wsgi, asgi, the workers and the
tests call `ensure()`. The server outlives them all; `manage.py db stop` ends it.
"""

from __future__ import annotations

import errno
import fcntl
import functools
import logging
import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from clinical.postgres.binaries import Binaries, find_binaries, find_client
from clinical.postgres.errors import ClusterError
from clinical.postgres.new_cluster import DBNAME, create_cluster
from clinical.postgres.place import PORT, Place, make_data_dir, place_of
from clinical.postgres.postmaster import Postmaster, end_orphans
from clinical.postgres.server_log import last_lines, read_from, rotate, size_of
from clinical.postgres.server_settings import ROLE, write_settings

__all__ = ["Address", "Cluster", "ClusterError", "Status", "cluster_for", "make_data_dir"]

_START_SECONDS = 120
_STOP_SECONDS = 60

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Address:
    socket_dir: Path
    port: int
    user: str
    dbname: str

    def url(self) -> str:
        return f"postgres://{self.user}@{quote(str(self.socket_dir), safe='')}:{self.port}/{self.dbname}"


@dataclass(frozen=True)
class Status:
    state: str  # running, starting, stopping, stopped, unreachable (it runs, and its socket is gone)
    pid: int | None
    major: int | None
    os_user: str
    cluster: Path
    socket_dir: Path
    log: Path

    @property
    def is_running(self) -> bool:
        return self.state == "running"


@functools.cache
def cluster_for(data_dir: Path) -> Cluster:
    """The one object of this process, so that address and start agree on what was decided at first."""
    return Cluster(data_dir)


class Cluster:
    """`throwaway` is for tests: nothing is synced, and after a crash of its machine or server it is made anew."""

    def __init__(self, data_dir: Path, *, throwaway: bool = False) -> None:
        self.throwaway = throwaway
        self.place: Place = place_of(data_dir)
        self.address = Address(self.place.socket_dir, PORT, ROLE, DBNAME)

    def url(self) -> str:
        return self.address.url()

    def psql(self, *args: str) -> list[str]:
        return [str(find_client("psql")), "-d", self.url(), *args]

    def ensure(self) -> None:
        """Start the server unless it answers already (under 1 ms then)."""
        with _explained(self.place):
            if self._answers() and not self.place.is_forgotten:
                return
            with self._locked():
                if self.place.is_forgotten:
                    self._set_aside()
                if not self._settles():
                    self._start()

    def stop(self) -> bool:
        """End the server in order; False when none was running."""
        with _explained(self.place):
            if not self.place.home.exists():
                return False
            with self._locked():
                postmaster = self._postmaster()
                if postmaster:
                    _halt(postmaster)
                return postmaster is not None

    def status(self) -> Status:
        place = self.place
        with _explained(place):
            postmaster = self._postmaster()
            if self._answers():
                state = "running"
            else:
                state = postmaster.state.replace("ready", "unreachable") if postmaster else "stopped"
            pid = postmaster.pid if postmaster else None
            major = _major_of(place.cluster)
        return Status(state, pid, major, place.user.name, place.cluster, place.socket_dir, place.log)

    def remove(self) -> None:
        """Stop a throwaway server and delete all that it left."""
        if not self.throwaway:
            raise ClusterError("Only a throwaway database may be removed.", where=self.place.home)
        self.stop()
        place = self.place
        place.user.remove(*place.home.glob("*"), place.socket_dir)
        for leftover in (place.note, place.data_dir / "postgres.lock"):
            leftover.unlink(missing_ok=True)
        if place.home.exists():
            place.home.rmdir()

    @contextmanager
    def _locked(self) -> Iterator[None]:
        make_data_dir(self.place.data_dir)
        lock = os.open(self.place.data_dir / "postgres.lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _postmaster(self) -> Postmaster | None:
        postmaster = Postmaster.of(self.place.cluster)
        return postmaster if postmaster and postmaster.is_alive() else None

    def _answers(self) -> bool:
        postmaster = Postmaster.of(self.place.cluster)
        if not postmaster or postmaster.state != "ready" or not self.place.has_socket_dir():
            return False
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(2)
            # A full queue of connections is an answer too.
            return probe.connect_ex(str(self.place.socket)) not in (errno.ENOENT, errno.ECONNREFUSED)

    def _settles(self) -> bool:
        """Wait for a server that is starting or stopping; False when there is none to wait for."""
        begin = time.monotonic()
        while (waited := time.monotonic() - begin) < _START_SECONDS:
            if self._answers():
                return True
            postmaster = self._postmaster()
            if not postmaster:
                return False
            if postmaster.state == "ready" and waited > 1:  # its socket was deleted: only a restart makes another
                _halt(postmaster)
                return False
            time.sleep(0.02)
        raise ClusterError(
            f"The database server has been starting for {_START_SECONDS} seconds; after a crash it has work to redo.",
            where=self.place.log,
            next_step="Wait, look at `manage.py db status`, and try again.",
        )

    def _start(self) -> None:
        place = self.place
        place.check_note()
        if place_of(place.data_dir) != place:
            raise ClusterError(
                "Another process has just decided on another place for the database.",
                where=place.home,
                next_step="Run the command again.",
            )
        _refuse_impossible(place)
        place.make_home()
        if self.throwaway and Postmaster.of(place.cluster):  # a crash: nothing was synced
            place.user.remove(place.cluster)
        binaries = find_binaries(place.user, _major_of(place.cluster))
        if not place.cluster.exists():
            create_cluster(place, binaries, throwaway=self.throwaway)
        write_settings(place, binaries, throwaway=self.throwaway)
        self._clear_leftovers()
        self._launch(binaries)

    def _set_aside(self) -> None:
        place = self.place
        if postmaster := self._postmaster():
            _halt(postmaster)
        aside = place.home.with_name(f"{place.home.name}-{time.strftime('%Y%m%d-%H%M%S')}")
        place.home.rename(aside)
        log.warning("A database of an earlier %s was found and set aside: %s", place.data_dir, aside)

    def _clear_leftovers(self) -> None:
        place = self.place
        place.make_socket_dir()
        place.user.remove(place.socket.with_name(f"{place.socket.name}.lock"))
        if (postmaster := Postmaster.of(place.cluster)) and postmaster.is_misleading():
            place.user.write(place.cluster / "postmaster.pid", postmaster.without_pid())

    def _launch(self, binaries: Binaries) -> None:
        place, deadline = self.place, time.monotonic() + 10
        options = f"start -s -w -t {_START_SECONDS}".split()
        rotate(place)
        while True:
            logged = size_of(place.log)
            result = place.user.run(binaries / "pg_ctl", *options, "-D", place.cluster, "-l", place.log)
            if not result.returncode:
                return
            said = read_from(place.log, logged)
            if "shared memory block" not in said or time.monotonic() > deadline:
                raise ClusterError(
                    "The database server did not start.",
                    where=f"{place.log}\n{last_lines(said or result.stdout)}",
                    next_step="Correct what the lines above name, and start again.",
                )
            end_orphans(place.cluster)
            time.sleep(0.2)


def _halt(postmaster: Postmaster) -> None:
    """Fast shutdown. Not by pg_ctl: it would signal whatever process has the pid of a stale file."""
    with suppress(ProcessLookupError):
        os.kill(postmaster.pid, signal.SIGINT)
    deadline = time.monotonic() + _STOP_SECONDS
    while postmaster.is_alive():
        if time.monotonic() > deadline:
            raise ClusterError(
                f"The database server did not stop within {_STOP_SECONDS} seconds.",
                where=f"process {postmaster.pid}, {postmaster.cluster}",
                next_step="Wait, and try again.",
            )
        time.sleep(0.01)


def _major_of(cluster: Path) -> int | None:
    if not cluster.exists():
        return None
    try:
        return int((cluster / "PG_VERSION").read_text())
    except (FileNotFoundError, ValueError) as error:
        raise ClusterError(
            "The database's folder is damaged: its PG_VERSION is missing or unreadable.",
            where=cluster,
            next_step="Restore it from a backup. Do not delete it while it may hold the only copy.",
        ) from error


def _refuse_impossible(place: Place) -> None:
    if not place.user.name:
        raise ClusterError(
            f"PostgreSQL needs an OS user with a name, and user id {place.user.uid} has none.",
            where="/etc/passwd",
            next_step="Run as a user who is listed there, or set DATABASE_URL.",
        )
    if set(str(place.home)) & set('"$`\\\n'):  # pg_ctl and initdb hand paths to a shell between double quotes
        raise ClusterError(
            "PostgreSQL's programs refuse a quote, dollar, backslash or line break in the path of the data directory.",
            where=place.home,
            next_step="Set ANAMNESIS_DATA_DIR to a plainer path.",
        )


@contextmanager
def _explained(place: Place) -> Iterator[None]:
    try:
        yield
    except PermissionError as error:
        owner = place.user.name or place.user.uid
        with suppress(OSError, KeyError):
            owner = place.home.owner()
        raise ClusterError(
            "This OS user may not use the database of this data directory.",
            where=f"{error.filename or place.home}: {error.strerror}; the database belongs to OS user {owner}",
            next_step=f"Run as {owner} or root, or set ANAMNESIS_DATA_DIR to a folder of your own.",
        ) from error
    except OSError as error:
        raise ClusterError(
            f"The database server could not be reached or started: {error.strerror}.",
            where=error.filename or place.home,
            next_step="Correct this (often a full or read-only disk), and try again.",
        ) from error
