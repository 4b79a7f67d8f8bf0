"""What a page of 100 passages costs: as the API does it, and as a ModelSerializer would.

`python -m tests.bench.lists`: processor time of one page each way, best of twenty rounds, and the ratio. The target of
the plan is a fifth. What is timed is all between the query and the bytes, the database's own work left out of neither.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import Any

PAGE = 100
TARGET = 0.2


def best(answer: Callable[[], bytes], rounds: int = 20) -> float:
    seconds = []
    for _ in range(rounds):
        started = time.process_time()
        answer()
        seconds.append(time.process_time() - started)
    return min(seconds)


def measure() -> tuple[float, float]:
    """Seconds of a page: ours, a ModelSerializer's."""
    from rest_framework import serializers
    from rest_framework.renderers import JSONRenderer

    from clinical.api.strict_json import FastJSONRenderer
    from tests.factories import open_client, sign_up, tell
    from transcripts.api.passages import rows_of
    from transcripts.models import Passage

    class PassageModelSerializer(serializers.ModelSerializer[Passage]):
        speaker_name = serializers.CharField(source="speaker.label")
        role = serializers.CharField(source="speaker.role")
        merged_into = serializers.UUIDField(source="speaker.merged_into_id", allow_null=True)

        class Meta:
            model = Passage
            fields = (
                "id",
                "client",
                "source",
                "sequence",
                "start_ms",
                "end_ms",
                "speaker",
                "merged_into",
                "speaker_name",
                "role",
                "text",
                "confidence",
                "language",
                "word_count",
            )

    client = open_client("BENCH", sign_up("bench@practice.example"))
    source = tell(client, [f"It was a long day, and number {number} of what I said." for number in range(1_000)])
    passages = Passage.objects.filter(source=source).order_by("id")

    def ours() -> bytes:
        return FastJSONRenderer().render({"results": list(rows_of(passages)[:PAGE])})

    def usual() -> bytes:
        rows = passages.select_related("speaker").defer("search", "words")[:PAGE]
        rendered: bytes = JSONRenderer().render({"results": PassageModelSerializer(rows, many=True).data})
        return rendered

    return best(ours), best(usual)


def main() -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    import django

    django.setup()
    from django.conf import settings
    from django.db import transaction
    from django.test.utils import setup_databases, teardown_databases

    cluster: Any = getattr(settings, "TEST_CLUSTER", None)
    if cluster is not None:
        cluster.ensure()
    databases = setup_databases(verbosity=0, interactive=False)
    try:
        with transaction.atomic():
            ours, usual = measure()
            transaction.set_rollback(True)
    finally:
        teardown_databases(databases, verbosity=0)
    ratio = ours / usual
    print(f"a page of {PAGE} passages   {ours * 1000:7.2f} ms of processor time")
    print(f"by a ModelSerializer    {usual * 1000:7.2f} ms")
    print(f"ratio {ratio:.3f}   {'ok' if ratio <= TARGET else 'ABOVE'} (target {TARGET})")
    return 0 if ratio <= TARGET else 1


if __name__ == "__main__":
    sys.exit(main())
