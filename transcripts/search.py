"""Full-text search over what was said: only what the asker may see, ranked, with the words marked."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from uuid import UUID

from django.contrib.postgres.search import SearchHeadline, SearchQuery, SearchRank, TrigramSimilarity
from django.db import connection
from django.db.models import Case, F, Q, TextField, When

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
    """Words, "phrases", or, -without. Two queries a page at any depth, five more where a typo is looked for."""
    query = _clean(query)
    passages = Passage.objects.visible_to(user).current()
    if client is not None:
        passages = passages.filter(client=client)
    ranked = _ranked(passages, query, newest_first=client is not None)
    page = ranked[:CAP]
    if after is not None:
        position = next((index for index, (pk, _) in enumerate(page) if pk == after), -1)
        page = page[position + 1 :]
    hits = _hits(page[:limit], query)
    return Found(
        total=min(len(ranked), CAP),
        capped=len(ranked) > CAP,
        hits=hits,
        suggestions=_suggestions(query, passages) if not ranked else [],
        next=hits[-1].passage if len(page) > limit else None,
    )


def _clean(query: str) -> str:
    query = _CONTROL.sub(" ", query).strip()
    return query if len(query) <= MAX_QUERY_CHARACTERS else query[:MAX_QUERY_CHARACTERS].rsplit(" ", 1)[0]


def _ranked(passages: PassageQuerySet, query: str, *, newest_first: bool) -> list[tuple[UUID, float]]:
    """At most CAP + 1 matches, best first. Newest first matters only in one client, where it costs nothing."""
    if not query:
        return []
    languages = languages_in_use()
    matches = passages.filter(_matching(query, languages))
    matches = matches.order_by("-pk") if newest_first else matches.order_by()
    rank = Case(
        *(
            _when(language, SearchRank(F("search"), _query(query, language), cover_density=True))
            for language in languages
        )
    )
    ranked = Passage.objects.filter(pk__in=matches.values("pk")[: CAP + 1]).annotate(rank=rank).order_by("-rank", "-pk")
    return list(ranked.values_list("pk", "rank"))


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


def _matching(query: str, languages: list[str]) -> Q:
    """Each passage is asked in the configuration it was indexed with: a stem of one language is none of another."""
    if len(languages) == 1:
        return Q(search=_query(query, languages[0]))
    condition = Q()
    for language in languages:
        condition |= Q(language=language, search=_query(query, language))
    return condition


def _when(language: str, then: SearchRank | Case) -> When:
    return When(language=language, then=then)


def _hits(page: list[tuple[UUID, float]], query: str) -> list[Hit]:
    ranks = dict(page)
    passages = Passage.objects.filter(pk__in=ranks).select_related("client", "speaker__merged_into")
    languages = sorted(set(passages.values_list("language", flat=True).distinct())) if page else []
    headline = Case(*(_when(language, _headline(query, language)) for language in languages), output_field=TextField())
    found = {passage.pk: passage for passage in passages.annotate(headline=headline)} if page else {}
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


def _hit(passage: Passage, rank: float) -> Hit:
    speaker = passage.speaker.merged_into or passage.speaker if passage.speaker else None
    return Hit(
        passage=passage.pk,
        source=passage.source_id,
        client=passage.client.code,
        speaker=speaker.label if speaker else None,
        text=passage.text,
        highlight=_escape(passage.headline),  # type: ignore[attr-defined]
        start_ms=passage.start_ms,
        rank=rank,
    )


def _escape(headline: str) -> str:
    return html.escape(headline).replace(_OPEN, "<mark>").replace(_CLOSE, "</mark>")


def _suggestions(query: str, passages: PassageQuerySet, most: int = 3) -> list[str]:
    """The query with a mistyped word put right, if that finds something the asker may see.

    The word list is the whole practice's, so a correction without a visible hit would tell of other clients.
    """
    suggestions: list[str] = []
    for match in _QUERY_WORD.finditer(query):
        word = match[0].lower()
        if word in _OPERATORS:
            continue
        for near in _near(word):
            corrected = query[: match.start()] + near + query[match.end() :]
            if _ranked(passages, corrected, newest_first=False):
                suggestions.append(corrected)
                break
        if len(suggestions) == most:
            break
    return suggestions or _correct_all(query, passages)


def _correct_all(query: str, passages: PassageQuerySet) -> list[str]:
    """Every word put right at once, for queries with more than one typo."""
    corrected = _QUERY_WORD.sub(lambda match: next(iter(_near(match[0].lower())), match[0]), query)
    return [corrected] if corrected != query and _ranked(passages, corrected, newest_first=False) else []


def _near(word: str) -> list[str]:
    """Words of the list near this one: trigrams choose, likeness of the letters' order decides."""
    candidates = (
        SearchWord.objects.filter(word__trigram_similar=word)
        .exclude(word=word)
        .order_by(-TrigramSimilarity("word", word))
        .values_list("word", flat=True)[:30]
    )
    return get_close_matches(word, candidates, n=5, cutoff=0.7)
