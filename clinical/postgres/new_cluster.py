"""A cluster is made under another name and renamed when whole, so that a full disk leaves nothing half made."""

from __future__ import annotations

from pathlib import Path

from clinical.postgres.binaries import Binaries
from clinical.postgres.errors import ClusterError
from clinical.postgres.place import Place
from clinical.postgres.server_log import last_lines
from clinical.postgres.server_settings import MAIN, ROLE, SHARED_MEMORY

DBNAME = "anamnesis"


def create_cluster(place: Place, binaries: Binaries, *, throwaway: bool) -> None:
    user, partial = place.user, place.home / "cluster.partial"
    user.remove(partial)
    initdb: list[str | Path] = [binaries / "initdb", "-D", partial, *_options(binaries, throwaway=throwaway)]
    options = ["-c", "exit_on_error=on", "-c", f"dynamic_shared_memory_type={SHARED_MEMORY}", "template1"]
    single: list[str | Path] = [binaries / "postgres", "--single", "-D", partial, *options]
    for argv, text in ((initdb, ""), (single, f"CREATE DATABASE {DBNAME}\n")):
        result = user.run(*argv, text=text)
        if result.returncode:
            user.remove(partial)
            raise ClusterError(
                "The database could not be made.",
                where=f"{partial}\n{last_lines(result.stdout)}",
                next_step="Correct what the lines above name (often a full disk), and start again.",
            )
    user.write(partial / "postgresql.conf", MAIN)
    user.run("mv", partial, place.cluster)


def _options(binaries: Binaries, *, throwaway: bool) -> list[str]:
    options = ["-U", ROLE, "-A", "peer", "--encoding=UTF8", "--locale=C.UTF-8", "--no-instructions"]
    if binaries.major >= 16:
        options += ["-c", f"dynamic_shared_memory_type={SHARED_MEMORY}"]
    if binaries.major >= 17:
        options += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    if not throwaway:
        return [*options, "--data-checksums"]
    return [*options, "--no-sync", *(["--no-data-checksums"] if binaries.major >= 18 else [])]
