"""The server process of a cluster, as its postmaster.pid tells and the operating system confirms."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

# Above every kernel's largest pid.
_NOBODYS_PID = 2**31 - 2


@dataclass(frozen=True)
class Postmaster:
    cluster: Path
    lines: tuple[str, ...]

    @classmethod
    def of(cls, cluster: Path) -> Postmaster | None:
        try:
            return cls(cluster, tuple((cluster / "postmaster.pid").read_text().split("\n")))
        except FileNotFoundError:
            return None

    @property
    def pid(self) -> int:
        return int(self.lines[0]) if self.lines[0].isdigit() else 0

    @property
    def state(self) -> str:
        """starting, ready, stopping: the server keeps it on the eighth line."""
        return self.lines[7].strip() if len(self.lines) > 7 else "starting"

    def is_alive(self) -> bool:
        """Whether this pid is the server of this cluster: after a crash or a restart it may be anybody's."""
        if not self.pid:
            return False
        try:
            return os.path.samefile(f"/proc/{self.pid}/cwd", self.cluster)
        except (FileNotFoundError, ProcessLookupError):
            return not os.path.isdir("/proc/self") and str(self.cluster) in _command_line(self.pid)
        except PermissionError:  # root without CAP_SYS_PTRACE, as in many containers
            return str(self.cluster) in _command_line(self.pid)

    def is_misleading(self) -> bool:
        """Whether PostgreSQL would refuse to start: the pid is another process's by now, or was never written."""
        if self.is_alive():
            return False
        if not self.pid:
            return True
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            pass
        return True

    def without_pid(self) -> str:
        """PostgreSQL then takes the file for stale, and still makes its own check of the old server's shared memory."""
        return "\n".join([str(_NOBODYS_PID), *self.lines[1:]])


def end_orphans(cluster: Path) -> None:
    """Ends the children that a killed server left: they work for nobody, and keep its memory from the next one."""
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if os.path.samefile(process / "cwd", cluster) and (process / "comm").read_text().startswith("postgres"):
                os.kill(int(process.name), signal.SIGQUIT)


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        argv = ["ps", "-o", "command=", "-p", str(pid)]
        return subprocess.run(argv, capture_output=True, text=True).stdout  # noqa: S603
