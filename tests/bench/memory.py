"""Peak memory of an import against the number of sources: the same passages in few and in many.

`python -m tests.bench.memory CODE PATH...` is the process that is measured; `measure` starts one for each case.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.bench import PROJECT, Figure

FEW, MANY = 10, 1_000  # sources
LEAST_FREE = 1.15  # the peak may differ by what an allocator does
_MOST = 50_000  # passages


def measure(passages: int) -> Iterator[Figure]:
    total = min(passages, _MOST)
    idle = _peak("MEMORY-IDLE", [])
    yield _figure("many VTT files", total, idle, _write_files)
    yield _figure("one CSV", total, idle, _write_csv)


def _figure(what: str, total: int, idle: float, write: Callable[[Path, int, int], list[Path]]) -> Figure:
    peaks = {}
    for count in (FEW, MANY):
        with tempfile.TemporaryDirectory() as folder:
            paths = write(Path(folder), total, count)
            peaks[count] = _peak(f"MEMORY-{what[:3]}-{count}".replace(" ", ""), paths)
    ratio = peaks[MANY] / peaks[FEW]
    return Figure(
        f"memory: {total:,} passages, {what}",
        f"{peaks[MANY]:.0f} MB in {MANY} sources",
        f"{peaks[FEW]:.0f} MB in {FEW} ({idle:.0f} MB idle)",
        f"{ratio:.2f} x",
        f"<= {LEAST_FREE} x",
        ratio <= LEAST_FREE,
    )


def _write_files(folder: Path, total: int, count: int) -> list[Path]:
    from tests.bench.texts import conversations, write_vtt

    for number, conversation in enumerate(conversations(total, max(1, total // count), seed=6)):
        write_vtt(folder / f"{number:05}.vtt", conversation)
    return [folder]


def _write_csv(folder: Path, total: int, count: int) -> list[Path]:
    from tests.bench.texts import conversations, write_csv

    write_csv(folder / "all.csv", conversations(total, max(1, total // count), seed=7))
    return [folder]


def _peak(code: str, paths: list[Path]) -> float:
    """Megabytes of a process that imports the paths for a new client."""
    argv = [sys.executable, "-m", "tests.bench.memory", code, *map(str, paths)]
    done = subprocess.run(argv, cwd=PROJECT, env=dict(os.environ), capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"The measured import failed:\n{done.stderr[-2000:]}")
    return float(done.stdout)


def main(arguments: list[str]) -> None:
    import django

    django.setup()
    from clinical.models import User
    from transcripts.importing import Options, import_files

    code, *paths = arguments
    if paths:
        report = import_files(map(Path, paths), Options(code, User.objects.local(), create_client=True))
        if report.errors:
            raise RuntimeError(report.errors[0].message)
    print(_own_peak())


def _own_peak() -> float:
    """Megabytes. Linux hands `ru_maxrss` of the parent on to what it starts, so it would measure the bench itself."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 * 1024)
    peak = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
    return int(peak.split()[1]) / 1024


if __name__ == "__main__":
    main(sys.argv[1:])
