"""Milliseconds of a search as users ask it: one client, a caseload, everybody; common, rare, phrase, nothing found.

Passages spread over a hundred clients as caseloads do, some with ten times as much as others. The time is that of
`transcripts.search.search` whole: matching, ranking, headlines, suggestions and the Python around them.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

from django.db import connection
from django.db.models import Count
from django.test.utils import CaptureQueriesContext

from clinical.access import UserRole
from clinical.models import Client, User
from tests.bench import Figure, Stopwatch, milliseconds, percentile
from tests.bench.texts import ABSENT, COMMON, PHRASE, RARE, USUAL, conversations
from transcripts.search import search
from transcripts.storing import flush_search, prepare, remember_words, store

CLIENTS, CASELOAD, ROUNDS = 100, 45, 40
FOUND = {"very common": COMMON, "usual": USUAL, "rare": RARE, "phrase": PHRASE, "two words": f"{USUAL} night"}
TARGETS = {"one client": 0.010, "caseload": 0.030, "all": 0.030}
DEEPEST = 2.0  # times the first page
_INDEX = "transcripts_passage_search"


@dataclass(frozen=True, slots=True)
class Asker:
    name: str
    user: User
    clients: list[Client | None]

    def ask(self, query: str, after: UUID | None = None, turn: int = 0) -> UUID | None:
        client = self.clients[turn % len(self.clients)]
        return search(query, user=self.user, client=client, after=after).next


def measure(passages: int) -> Iterator[Figure]:
    askers = _fill(passages)
    for asker in askers:
        yield from _times(asker)
    for asker in askers:
        yield _absent(asker)
    for asker in askers:
        yield _pages(asker)
    yield from map(_plan, askers)


def _fill(passages: int) -> list[Asker]:
    clinician = User.objects.create_user("bench@practice.example", role=UserRole.CLINICIAN)
    local = User.objects.local()
    mine = [Client.objects.open(code=f"MINE-{number:03}", by=clinician) for number in range(CASELOAD)]
    others = [Client.objects.open(code=f"OTHER-{number:03}", by=local) for number in range(CLIENTS - CASELOAD)]
    clients = mine + others
    chance = random.Random(5)  # noqa: S311
    weights = [1 / (1 + chance.random() * 9) for _ in clients]
    for spoken in conversations(passages, 100, seed=2):
        client = chance.choices(clients, weights)[0]
        stored = store(
            spoken,
            prepare(spoken, {}, {}),
            client=client,
            actor=local,
            title="Measurement",
            format="vtt",
            file_name="measurement.vtt",
        )
        remember_words(stored.words)
    flush_search()
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")  # as autovacuum does within a minute of such an import
    most = Count("passages")
    one: list[Client | None] = list(Client.objects.visible_to(clinician).annotate(n=most).order_by("-n")[:10])
    return [Asker("one client", clinician, one), Asker("caseload", clinician, [None]), Asker("all", local, [None])]


def _times(asker: Asker) -> Iterator[Figure]:
    for kind, query in FOUND.items():
        laps = _laps(lambda turn, query=query: asker.ask(query, turn=turn))  # type: ignore[misc]
        yield _figure(asker, kind, laps)


def _absent(asker: Asker) -> Figure:
    """A word that nobody said: the word list is asked for what it might have been."""
    return _figure(asker, "no hit, with suggestions", _laps(lambda turn: asker.ask(ABSENT, turn=turn)))


def _laps(ask: Callable[[int], object]) -> list[float]:
    ask(0)
    watch = Stopwatch()
    for turn in range(ROUNDS):
        with watch.lap():
            ask(turn)
    return watch.laps


def _figure(asker: Asker, kind: str, laps: list[float]) -> Figure:
    target, p50, p95 = TARGETS[asker.name], percentile(laps, 0.5), percentile(laps, 0.95)
    return Figure(
        f"search: {asker.name}, {kind}",
        f"p50 {milliseconds(p50)}, p95 {milliseconds(p95)}",
        target=f"p95 < {target * 1000:.0f} ms",
        holds=p95 < target,
    )


def _pages(asker: Asker) -> Figure:
    """The first page against the last that there is, in one client or at the cap."""
    after: UUID | None = None
    following, pages = asker.ask(COMMON), 1
    while following is not None:
        after, following, pages = following, asker.ask(COMMON, following), pages + 1
    first = percentile(_laps(lambda turn: asker.ask(COMMON)), 0.5)
    deepest = percentile(_laps(lambda turn: asker.ask(COMMON, after)), 0.5)
    return Figure(
        f"search: {asker.name}, page {pages} against page 1",
        milliseconds(deepest),
        milliseconds(first),
        f"{deepest / first:.2f} x",
        f"<= {DEEPEST:.0f} x",
        deepest <= DEEPEST * first,
    )


def _plan(asker: Asker) -> Figure:
    """Whether the statement that looks for matches reads the search index, and how many buffers it takes."""
    with _explaining() as plans:
        asker.ask(USUAL)
    used = any(_INDEX in plan for plan in plans)
    return Figure(
        f"search: {asker.name}, plan", "search index" if used else "no search index", target=_INDEX, holds=used
    )


@contextmanager
def _explaining() -> Iterator[list[str]]:
    """Plans of the statements that were asked inside."""
    plans: list[str] = []
    with CaptureQueriesContext(connection) as captured:
        yield plans
    with connection.cursor() as cursor:
        for query in captured.captured_queries:
            if "@@" in query["sql"] and "LIMIT" in query["sql"]:
                cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS) {query['sql']}")
                plans.append("\n".join(line for (line,) in cursor.fetchall()))
