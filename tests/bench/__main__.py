"""`python -m tests.bench [NAME...] [--passages N]`: measurements as ratios against a baseline of the same run.

Prints a table; `misses` is for people to look into and no failure: a machine that others use is no gate.
"""

from __future__ import annotations

import argparse
import importlib
import os
import platform
import time
from collections.abc import Iterator
from contextlib import closing

from rich.console import Console
from rich.table import Table

from tests.bench import Figure
from tests.bench import database as server

NAMES = ("imports", "searches", "analysis", "memory")


def main() -> None:
    options = _options()
    began = time.perf_counter()
    console = Console(stderr=True)
    figures: list[Figure] = []
    for name in options.names or NAMES:  # a database each: what one has stored must not slow the next
        with server.running_database() as starts:
            figures += server.measure(starts) if not figures else []
            for figure in _measured(name, options.passages):
                console.print(f"{figure.what}: {figure.ours} {figure.ratio} {figure.verdict}", highlight=False)
                figures.append(figure)
    _print(figures, f"{options.passages:,} passages, {_machine()}, {time.perf_counter() - began:.0f} s")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}; all when none is named")
    parser.add_argument("--passages", type=int, default=100_000)
    options = parser.parse_args()
    if unknown := set(options.names) - set(NAMES):
        parser.error(f"There is no {', '.join(sorted(unknown))}; choose of {', '.join(NAMES)}.")
    return options


def _measured(name: str, passages: int) -> Iterator[Figure]:
    """Imported late: models need the settings that the database brings."""
    with closing(importlib.import_module(f"tests.bench.{name}").measure(passages)) as figures:
        yield from figures


def _machine() -> str:
    load = os.getloadavg()[0]
    return f"{os.cpu_count()} cores ({platform.machine()}), load {load:.1f}, Python {platform.python_version()}"


def _print(figures: list[Figure], title: str) -> None:
    table = Table("Figure", "Ours", "Baseline", "Ratio", "Target", "", title=title, title_justify="left")
    for one in figures:
        table.add_row(one.what, one.ours, one.baseline, one.ratio, one.target, one.verdict)
    Console(width=190).print(table)


if __name__ == "__main__":
    main()
