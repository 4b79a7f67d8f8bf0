"""Full-text search over what was said: only what the asker may see, ranked, with the words marked."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial, reduce
from itertools import islice
from operator import or_
from uuid import UUID

from django.contrib.postgres.search import SearchHeadline, SearchQuery, SearchRank, TrigramSimilarity
from django.db import connection
from django.db.models import Case, F, Q, When
from django.db.models.functions import Coalesce

from clinical.models import Client, User
from transcripts.configurations import configuration_of
from transcripts.models import Passage, SearchWord
from transcripts.models.sources import PassageQuerySet

CAP = 1_000  # matches that are ranked; past it the answer says "the first 1,000 matches"
MAX_QUERY_CHARACTERS = 500
SHORT_WORDS = 60  # a passage of so many words is shown whole
# Control characters, which no import lets into a text: so they can mark words until the text is escaped.
_OPEN, _CLOSE = "\x02", "\x03"
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]+")
_QUERY_WORD = re.compile(r"[^\W\d_]{3,40}")
_OPERATORS = frozenset({"or"})
# passage, source, client's code, speaker's label, text, headline, start_ms
_Row = tuple[UUID, UUID, str, str | None, str, str, int | None]
_Expression = SearchRank | Case


@dataclass(frozen=True, slots=True)
class Hit:
    """`highlight` is HTML: escaped text with <mark> around what matched. `rank` grows with the match."""

    passage: UUID
    source: UUID
    client: str
    speaker: str | None
    text: str
    highlight: str
    start_ms: int | None
    rank: float


@dataclass(frozen=True, slots=True)
class Found:
    """`total` counts what the asker may see; `capped` says that there are more than that."""

    total: int
    capped: bool
    hits: list[Hit]
    suggestions: list[str]
    next: UUID | None  # give it as `after` for the next page


def search(
    query: str, *, user: User, client: Client | None = None, limit: int = 20, after: UUID | None = None
) -> Found:
    """Words, "phrases", or, -without. Three queries a page at any depth, some more where a typo is looked for."""
    query = _clean(query)
    languages = languages_in_use() if query else []
    passages = Passage.objects.visible_to(user).current()
    if client is not None:
        passages = passages.filter(client=client)
    ranked = _ranked(passages, query, languages, newest_first=client is not None)
    page = ranked[:CAP]
    if after is not None:
        position = next((index for index, (pk, _) in enumerate(page) if pk == after), -1)
        page = page[position + 1 :]
    hits = _hits(page[:limit], query, languages)
    return Found(
        total=min(len(ranked), CAP),
        capped=len(ranked) > CAP,
        hits=hits,
        suggestions=_suggestions(query, passages, languages) if not ranked else [],
        next=hits[-1].passage if len(page) > limit else None,
    )


def _clean(query: str) -> str:
    query = _CONTROL.sub(" ", query).strip()
    return query if len(query) <= MAX_QUERY_CHARACTERS else query[:MAX_QUERY_CHARACTERS].rsplit(" ", 1)[0]


def _ranked(
    passages: PassageQuerySet, query: str, languages: list[str], *, newest_first: bool
) -> list[tuple[UUID, float]]:
    """At most CAP + 1 matches, best first. Newest first matters only in one client, where it costs nothing."""
    if not query:
        return []
    matches = passages.filter(_matching([query], languages))
    matches = matches.order_by("-pk") if newest_first else matches.order_by()
    rank = _by_language(
        {language: SearchRank(F("search"), _query(query, language), cover_density=True) for language in languages}
    )
    # Sorted here: in the database it would take a second look at every match.
    ranked = matches.annotate(rank=rank).values_list("rank", "pk")[: CAP + 1]
    return [(pk, rank) for rank, pk in sorted(ranked, reverse=True)]


def languages_in_use() -> list[str]:
    """Every language of a source, found by hopping along the index instead of reading every source."""
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH RECURSIVE hop AS ("
            "  SELECT min(language) AS language FROM transcripts_source"
            "  UNION ALL"
            "  SELECT (SELECT min(language) FROM transcripts_source WHERE language > hop.language)"
            "  FROM hop WHERE hop.language IS NOT NULL"
            ") SELECT language FROM hop WHERE language IS NOT NULL"
        )
        return [language for (language,) in cursor.fetchall()] or ["en"]


def _query(query: str, language: str) -> SearchQuery:
    return SearchQuery(query, search_type="websearch", config=configuration_of(language))


def _matching(queries: Sequence[str], languages: list[str]) -> Q:
    """Each passage is asked in the configuration it was indexed with: a stem of one language is none of another."""
    asked = {language: reduce(or_, (_query(query, language) for query in queries)) for language in languages}
    if len(asked) == 1:
        return Q(search=asked[languages[0]])
    return reduce(or_, (Q(language=language, search=query) for language, query in asked.items()))


def _by_language(expressions: Mapping[str, _Expression]) -> _Expression:
    """What the passage's own language asks for."""
    if len(expressions) == 1:
        return next(iter(expressions.values()))
    return Case(*(When(language=language, then=expression) for language, expression in expressions.items()))


def _hits(page: list[tuple[UUID, float]], query: str, languages: list[str]) -> list[Hit]:
    if not page:
        return []
    headline = _by_language({language: _headline(query, language) for language in languages})
    label = Coalesce("speaker__merged_into__label", "speaker__label")
    passages = Passage.objects.filter(pk__in=[pk for pk, _ in page]).annotate(headline=headline, label=label)
    rows = passages.values_list("pk", "source_id", "client__code", "label", "text", "headline", "start_ms")
    found = {row[0]: row for row in rows}
    return [_hit(found[pk], rank) for pk, rank in page]


def _headline(query: str, language: str) -> Case:
    """A short passage whole, of a long one up to three fragments around what matched."""
    headline = partial(
        SearchHeadline,
        "text",
        _query(query, language),
        config=configuration_of(language),
        start_sel=_OPEN,
        stop_sel=_CLOSE,
    )
    whole, fragments = headline(highlight_all=True), headline(max_words=35, min_words=15, max_fragments=3)
    return Case(When(word_count__lte=SHORT_WORDS, then=whole), default=fragments)


def _hit(row: _Row, rank: float) -> Hit:
    passage, source, client, speaker, text, headline, start_ms = row
    return Hit(
        passage=passage,
        source=source,
        client=client,
        speaker=speaker,
        text=text,
        highlight=_escape(headline),
        start_ms=start_ms,
        rank=rank,
    )


def _escape(headline: str) -> str:
    return html.escape(headline).replace(_OPEN, "<mark>").replace(_CLOSE, "</mark>")


def _suggestions(query: str, passages: PassageQuerySet, languages: list[str], most: int = 3) -> list[str]:
    """The query with a mistyped word put right, if that finds something the asker may see.

    The word list is the whole practice's, so a correction without a visible hit would tell of other clients.
    """
    words = [match for match in _QUERY_WORD.finditer(query) if match[0].lower() not in _OPERATORS]
    if len(words) > 1:  # a word that is found by itself is not mistyped: the words only never meet
        words = [match for match in words if not _first_found([match[0]], passages, languages)]
    near = {match[0].lower(): _near(match[0].lower()) for match in words}
    suggestions: list[str] = []
    for match in words:
        corrected = [query[: match.start()] + one + query[match.end() :] for one in near[match[0].lower()]]
        suggestions += _first_found(corrected, passages, languages)
        if len(suggestions) == most:
            break
    return suggestions or _correct_all(query, near, passages, languages)


def _correct_all(query: str, near: dict[str, list[str]], passages: PassageQuerySet, languages: list[str]) -> list[str]:
    """Every word put right at once, for queries with more than one typo."""
    if sum(map(bool, near.values())) < 2:
        return []
    corrected = _QUERY_WORD.sub(lambda match: next(iter(near.get(match[0].lower(), [])), match[0]), query)
    return _first_found([corrected], passages, languages)


def _first_found(queries: list[str], passages: PassageQuerySet, languages: list[str]) -> list[str]:
    """The first query with a hit, if any; asked of all at once before one by one, as most find nothing."""
    if not queries or not passages.filter(_matching(queries, languages)).exists():
        return []
    if len(queries) == 1:
        return queries
    found = (query for query in queries if passages.filter(_matching([query], languages)).exists())
    return list(islice(found, 1))


def _near(word: str) -> list[str]:
    """Words of the list near this one: trigrams choose, likeness of the letters' order decides."""
    candidates = (
        SearchWord.objects.filter(word__trigram_similar=word)
        .exclude(word=word)
        .order_by(-TrigramSimilarity("word", word))
        .values_list("word", flat=True)[:30]
    )
    return get_close_matches(word, candidates, n=5, cutoff=0.7)
