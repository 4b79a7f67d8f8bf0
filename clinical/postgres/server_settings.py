"""The server's own files, rewritten at each start where they differ: so an upgrade of ours reaches old clusters."""

from __future__ import annotations

import pwd
import sys

from clinical.postgres.binaries import Binaries
from clinical.postgres.place import PORT, Place

ROLE = "anamnesis"

MAIN = """\
# anamnesis.conf is rewritten at each start; put settings of your own below the include.
include 'anamnesis.conf'
"""

# Anybody who is not in the map is refused by name: no trust, no network, no other role.
HBA = f"""\
# Rewritten by Anamnesis at each start.
local all {ROLE} peer map={ROLE}
"""

# posix lives in /dev/shm, and systemd removes an ordinary user's sysv and posix memory when they log out.
SHARED_MEMORY = "mmap" if sys.platform == "linux" else "posix"

_SETTINGS: dict[str, str | int] = {
    "listen_addresses": "",
    "port": PORT,
    "unix_socket_permissions": "0700",
    "max_connections": 60,
    "shared_buffers": "256MB",
    "jit": "off",
    "random_page_cost": "1.1",
    "max_wal_size": "2GB",
    "wal_compression": "on",
    # Part of the server's own memory first: a container's /dev/shm is often 64 MB.
    "min_dynamic_shared_memory": "64MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "lc_messages": "C",
    "default_text_search_config": "pg_catalog.english",
    # No client text in the log. Django binds on the client's side, so a statement shows its literals, and so do many
    # error messages (invalid input syntax for type integer: "..."): log_min_messages=log leaves those to the client.
    "log_statement": "none",
    "log_min_duration_statement": -1,
    "log_min_error_statement": "panic",
    "log_min_messages": "log",
    "log_error_verbosity": "terse",
    "log_parameter_max_length": 0,
    "log_parameter_max_length_on_error": 0,
    "log_lock_waits": "off",
    "log_temp_files": -1,
    "log_checkpoints": "off",
    "log_line_prefix": "%m [%p] ",
    "logging_collector": "off",
}
_STATEMENTS: dict[str, str | int] = {
    "shared_preload_libraries": "pg_stat_statements",
    # Utility statements keep their literals there.
    "pg_stat_statements.track_utility": "off",
}
_THROWAWAY: dict[str, str | int] = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "wal_level": "minimal",
    "max_wal_senders": 0,
}


def write_settings(place: Place, binaries: Binaries, *, throwaway: bool) -> None:
    conf = _anamnesis_conf(place, throwaway=throwaway, count_statements=binaries.count_statements)
    files = {"anamnesis.conf": conf, "pg_hba.conf": HBA, "pg_ident.conf": _ident_conf(place)}
    for name, text in files.items():
        path = place.cluster / name
        if not path.exists() or path.read_text() != text:
            place.user.write(path, text)


def _anamnesis_conf(place: Place, *, throwaway: bool, count_statements: bool) -> str:
    settings = {**_SETTINGS, "unix_socket_directories": '"{}"'.format(str(place.socket_dir).replace('"', '""'))}
    settings["dynamic_shared_memory_type"] = SHARED_MEMORY
    settings |= _STATEMENTS if count_statements else {}
    settings |= _THROWAWAY if throwaway else {}
    lines = [f"{name} = {_quoted(value)}" for name, value in settings.items()]
    return "\n".join(["# Rewritten by Anamnesis at each start.", *lines, ""])


def _ident_conf(place: Place) -> str:
    names = dict.fromkeys([place.user.name, pwd.getpwuid(0).pw_name])
    return "".join(["# Rewritten by Anamnesis at each start.\n", *(f'{ROLE} "{name}" {ROLE}\n' for name in names)])


def _quoted(value: str | int) -> str:
    return "'{}'".format(str(value).replace("'", "''"))
