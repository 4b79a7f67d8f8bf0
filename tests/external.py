"""Which external services answer: `python -m tests.external` prints those that do not, and exits with 1."""

from __future__ import annotations

import os
import sys

import psycopg
from kombu import Connection


def missing() -> list[str]:
    """Names and addresses of what does not answer, without passwords."""
    found = []
    try:
        psycopg.connect(os.environ["EXTERNAL_DATABASE_URL"], connect_timeout=5).close()
    except psycopg.Error:
        found.append("PostgreSQL (EXTERNAL_DATABASE_URL)")
    for name in ("EXTERNAL_REDIS_URL", "EXTERNAL_RABBITMQ_URL"):
        try:
            with Connection(os.environ[name], connect_timeout=5) as broker:
                broker.ensure_connection(max_retries=2, timeout=10)
        except Exception:  # every transport raises its own
            found.append(f"{Connection(os.environ[name]).as_uri()} ({name})")
    return found


if __name__ == "__main__":
    lacking = missing()
    print(", ".join(lacking))
    sys.exit(bool(lacking))
