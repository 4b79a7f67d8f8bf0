"""One verb: a conversation becomes a source with its speakers and passages, whole or not at all.

Idempotent by (client, external id, content sha256). The client's row is locked first, so that imports of one
client come one after the other; the unique constraints hold even without the lock.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone
from psycopg.types.json import Jsonb

from clinical.identifiers import uuid7
from clinical.models import CareTeamMembership, Client, Member, Session, User
from clinical.models.sessions import Progress
from transcripts.formats.base import Conversation, FormatError, FormatErrors, Utterance
from transcripts.languages import detect
from transcripts.models import Source, Speaker
from transcripts.models.shapes import write_words
from transcripts.roles import Role, guess_role

# A longer passage would not fit into PostgreSQL's tsvector (1 MB) in the worst case.
MAX_PASSAGE_CHARACTERS = 100_000
MAX_LABEL_CHARACTERS = 255
_WORD = re.compile(r"[^\W\d_]{3,40}")
_LANGUAGE_CODE = re.compile(r"\s*([A-Za-z]{2})(?:[-_].*)?\s*\Z")


@dataclass(frozen=True, slots=True)
class SpeakerCount:
    label: str
    role: Role
    passages: int
    words: int


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is known of a conversation before the database is asked; small, so that a file's can all be kept."""

    speakers: tuple[SpeakerCount, ...]
    sha256: str
    duration_ms: int | None


@dataclass(frozen=True, slots=True)
class Stored:
    source: Source
    created: bool
    words: frozenset[str]  # for the word list, when the transaction ends


def prepare(conversation: Conversation, told: Mapping[str, Role], known: Mapping[str, Role]) -> Prepared:
    """Hash, speakers with their roles, duration.

    A label's role is what the user told, else what the file says, else that of the person with this very name
    (`known`, by small-letter name), else what an obvious name says; else it stays unknown.
    Raises FormatErrors for what no row can hold.
    """
    _refuse_oversize(conversation)
    counts: dict[str, list[int]] = {}
    digest = hashlib.sha256(b"anamnesis content 1\n")
    duration: int | None = None
    for utterance in conversation.utterances:
        digest.update(_canonical(utterance))
        if utterance.speaker is not None:
            count = counts.setdefault(utterance.speaker, [0, 0])
            count[0] += 1
            count[1] += len(utterance.text.split())
        for moment in (utterance.start_ms, utterance.end_ms):
            if moment is not None and (duration is None or moment > duration):
                duration = moment
    speakers = tuple(
        SpeakerCount(
            label,
            told.get(label) or conversation.roles.get(label) or known.get(_name_key(label)) or guess_role(label),
            passages,
            words,
        )
        for label, (passages, words) in counts.items()
    )
    return Prepared(speakers, digest.hexdigest(), duration)


def _refuse_oversize(conversation: Conversation) -> None:
    errors: list[FormatError] = []
    for number, utterance in enumerate(conversation.utterances, 1):
        if len(utterance.text) > MAX_PASSAGE_CHARACTERS:
            length = f"{len(utterance.text):,} characters; a passage holds {MAX_PASSAGE_CHARACTERS:,}"
            what = f"Utterance {number} has {length}."
            errors.append(FormatError(None, what, "Split it into turns or sentences."))
        if utterance.speaker is not None and len(utterance.speaker) > MAX_LABEL_CHARACTERS:
            what = f"The speaker of utterance {number} has more than {MAX_LABEL_CHARACTERS} characters."
            errors.append(FormatError(None, what, "Shorten the name."))
    if conversation.external_id is not None and len(conversation.external_id) > MAX_LABEL_CHARACTERS:
        what = f"The id of a conversation has more than {MAX_LABEL_CHARACTERS} characters."
        errors.append(FormatError(None, what, "Shorten it; or another column is meant."))
    if errors:
        raise FormatErrors(errors)


def _canonical(utterance: Utterance) -> bytes:
    """No two utterances give the same bytes: the texts, which may hold anything, come last with their lengths."""
    words = [(word.start_ms, word.end_ms, word.confidence, word.text) for word in utterance.words]
    speaker, text = utterance.speaker, utterance.text
    sizes = (None if speaker is None else len(speaker), len(text))
    known = (utterance.start_ms, utterance.end_ms, utterance.confidence, *sizes)
    return f"{known}{words or ''}\n{speaker or ''}{text}\n".encode()


def store(
    conversation: Conversation,
    prepared: Prepared,
    *,
    client: Client,
    actor: User,
    title: str,
    format: str,
    file_name: str,
    occurred_at: datetime | None = None,
    kind: str = Source.Kind.TRANSCRIPT,
) -> Stored:
    """Add the conversation to the client, or find it there. One transaction (a savepoint inside another)."""
    language = _language_of(conversation)  # before the lock: the model takes its time
    with transaction.atomic():
        Client.objects.select_for_update(no_key=True).get(pk=client.pk)
        same = find_stored(client, conversation.external_id, prepared.sha256)
        if same is not None:
            return Stored(same, created=False, words=frozenset())
        previous = _supersede_previous(client, conversation.external_id)
        occurred_at = occurred_at or _in_clinic_time(conversation.occurred_at)
        occurred_at = occurred_at or (previous.occurred_at if previous else None)
        source = Source.objects.create(
            client=client,
            session=_session_of(previous, client, occurred_at, prepared.duration_ms),
            kind=kind,
            title=title[:500],
            language=language,
            occurred_at=occurred_at,
            duration_ms=prepared.duration_ms,
            format=format,
            file_name=file_name[-255:],
            content_sha256=prepared.sha256,
            external_id=conversation.external_id,
            revision=previous.revision + 1 if previous else 1,
            warnings=[warning[:500] for warning in conversation.warnings],
            imported_by=actor,
        )
        speakers = _add_speakers(source, prepared.speakers)
        _copy_passages(source, conversation.utterances, speakers)
        return Stored(source, created=True, words=_words_of(conversation.utterances))


def _in_clinic_time(moment: datetime | None) -> datetime | None:
    """A file that gives no time zone means the clinic's; year 1 is how some tools write that they do not know."""
    if moment is None or not 1900 <= moment.year <= 2200:
        return None
    return timezone.make_aware(moment) if timezone.is_naive(moment) else moment


def _language_of(conversation: Conversation) -> str:
    """What the file says as a code, else what its first thousand characters are written in.

    Some recognisers write "english", which no analyzer and no search configuration is asked for.
    """
    if conversation.language and (code := _LANGUAGE_CODE.match(conversation.language)):
        return code[1].lower()
    return detect("\n".join(utterance.text for utterance in conversation.utterances[:50]))


def find_stored(client: Client, external_id: str | None, sha256: str) -> Source | None:
    return Source.objects.filter(client=client, external_id=external_id, content_sha256=sha256).first()


def _supersede_previous(client: Client, external_id: str | None) -> Source | None:
    """The revision that was current; from now on it no longer is."""
    if external_id is None:
        return None
    previous = Source.objects.filter(client=client, external_id=external_id).order_by("-revision").first()
    if previous is not None:
        Source.objects.filter(client=client, external_id=external_id).current().update(superseded_at=timezone.now())
    return previous


def _session_of(
    previous: Source | None, client: Client, occurred_at: datetime | None, duration_ms: int | None
) -> Session:
    """The session that this is the transcript of: the earlier revision's, the one held then, or a new one."""
    session = previous.session if previous else _session_held(client, occurred_at)
    minutes = round(duration_ms / 60_000) if duration_ms else None
    if session is None:
        return Session.objects.schedule(
            client=client,
            start=None,
            actual_start=occurred_at,
            actual_end=occurred_at + timedelta(milliseconds=duration_ms) if occurred_at and duration_ms else None,
            duration_minutes=minutes,
            session_type=_SESSION_TYPES[client.kind],
            status=Session.Status.COMPLETED,
            transcript_status=Progress.COMPLETED,
        )
    session.transcript_status = Progress.COMPLETED
    session.analysis_status = Progress.PENDING
    session.analysis_error = ""
    session.duration_minutes = session.duration_minutes or minutes
    if Session.Status.COMPLETED in Session.TRANSITIONS[session.status]:
        session.status = Session.Status.COMPLETED  # it was spoken in: so it was held
    session.save(update_fields=[*_MOVED, "updated_at"])
    return session


_MOVED = ("transcript_status", "analysis_status", "analysis_error", "duration_minutes", "status")
_SESSION_TYPES = {
    Client.Kind.INDIVIDUAL.value: Session.Type.INDIVIDUAL,
    Client.Kind.COUPLE.value: Session.Type.COUPLES,
    Client.Kind.FAMILY.value: Session.Type.FAMILY,
    Client.Kind.GROUP.value: Session.Type.GROUP,
}


def _session_held(client: Client, occurred_at: datetime | None) -> Session | None:
    """A session of that very moment, or the only one of that day that has no transcript yet."""
    if occurred_at is None:
        return None
    untranscribed = Session.objects.filter(client=client, sources=None).exclude(
        status__in=[Session.Status.CANCELLED, Session.Status.NO_SHOW]
    )
    exact = untranscribed.filter(occurred_at=occurred_at).first()
    if exact is not None:
        return exact
    day = timezone.localtime(occurred_at).replace(hour=0, minute=0, second=0, microsecond=0)
    that_day = list(untranscribed.filter(occurred_at__gte=day, occurred_at__lt=day + timedelta(days=1))[:2])
    return that_day[0] if len(that_day) == 1 else None


def _add_speakers(source: Source, counts: Iterable[SpeakerCount]) -> dict[str, UUID]:
    people = _people_by_name(source.client)
    speakers = [_speaker(source, count, people.get(_name_key(count.label))) for count in counts]
    Speaker.objects.bulk_create(speakers)
    return {speaker.label: speaker.pk for speaker in speakers}


def _speaker(source: Source, count: SpeakerCount, person: Client | Member | User | None) -> Speaker:
    return Speaker(
        client_id=source.client_id,
        source=source,
        label=count.label,
        role=count.role.value,
        user=person if isinstance(person, User) else None,
        member=person if isinstance(person, Member) else None,
    )


def known_roles(client: Client) -> dict[str, Role]:
    """Roles of the people around a client, by small-letter name."""
    return {name: _role_of(person) for name, person in _people_by_name(client).items()}


def _role_of(person: Client | Member | User) -> Role:
    if isinstance(person, User):
        return Role.THERAPIST
    return Role(person.role) if isinstance(person, Member) else Role.CLIENT


def _people_by_name(client: Client) -> dict[str, Client | Member | User]:
    """The client, its members and its care team by full name; the client by its code too. Ambiguous: nobody."""
    named: list[tuple[str, Client | Member | User]] = [(client.name, client), (client.code, client)]
    named += [(member.name, member) for member in client.members.all()]
    memberships = CareTeamMembership.objects.filter(client=client).current().select_related("user")
    named += [(membership.user.name, membership.user) for membership in memberships if membership.user.name != "local"]
    people: dict[str, Client | Member | User] = {}
    ambiguous = set()
    for name, person in named:
        if people.setdefault(_name_key(name), person) != person:
            ambiguous.add(_name_key(name))
    return {name: person for name, person in people.items() if name and name not in ambiguous}


def _name_key(name: str) -> str:
    return " ".join(name.split()).casefold()


_COLUMNS = "id, speaker_id, sequence, start_ms, end_ms, text, confidence, words"
_CREATE = """
    CREATE TEMPORARY TABLE incoming_passage (
        id uuid, speaker_id uuid, sequence integer, start_ms bigint, end_ms bigint, text text,
        confidence double precision, words jsonb
    ) ON COMMIT DROP"""
_TYPES = ["uuid", "uuid", "int4", "int8", "int8", "text", "float8", "jsonb"]


def _copy_passages(source: Source, utterances: Iterable[Utterance], speakers: Mapping[str, UUID]) -> None:
    """COPY into a temporary table, then one INSERT ... SELECT: COPY itself is refused on tables with row security."""
    with connection.cursor() as cursor:
        cursor.execute(_CREATE)
        with cast(Any, cursor).copy(f"COPY incoming_passage ({_COLUMNS}) FROM STDIN (FORMAT BINARY)") as copy:
            copy.set_types(_TYPES)
            for sequence, utterance in enumerate(utterances):
                words = write_words(utterance.words)
                copy.write_row(
                    (
                        uuid7(),
                        speakers[utterance.speaker] if utterance.speaker is not None else None,
                        sequence,
                        utterance.start_ms,
                        utterance.end_ms,
                        utterance.text,
                        utterance.confidence,
                        Jsonb(words) if words else None,
                    )
                )
        cursor.execute(
            f"INSERT INTO transcripts_passage (client_id, source_id, language, {_COLUMNS}) "  # noqa: S608 - our names
            f"SELECT %s, %s, %s, {_COLUMNS} FROM incoming_passage ORDER BY sequence",
            [source.client_id, source.pk, source.language],
        )
        cursor.execute("DROP TABLE incoming_passage")


def _words_of(utterances: Iterable[Utterance]) -> frozenset[str]:
    tokens: set[str] = set()
    for utterance in utterances:
        tokens.update(utterance.text.lower().split())
    return frozenset(_WORD.findall(" ".join(tokens)))


def remember_words(words: Iterable[str]) -> None:
    """Add what is new to the word list: the last statement of a transaction, in one order, so that two imports
    that bring the same words wait for each other and never in a circle."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT word FROM unnest(%s::text[]) AS given (word) "
            "WHERE NOT EXISTS (SELECT FROM transcripts_searchword known WHERE known.word = given.word)",
            [list(words)],
        )
        new = sorted(word for (word,) in cursor.fetchall())
        if new:
            cursor.execute(
                "INSERT INTO transcripts_searchword (id, word) "
                "SELECT * FROM unnest(%s::uuid[], %s::text[]) AS new (id, word) ORDER BY word ON CONFLICT DO NOTHING",
                [[uuid7() for _ in new], new],
            )


def flush_search() -> None:
    """Move what the import left on the search index's pending list into the index: searches read that list whole."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT gin_clean_pending_list('transcripts_passage_search')")
