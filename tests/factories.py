"""Rows for tests, each with what a test does not care about filled in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from clinical.access import UserRole
from clinical.models import Client, User
from insights.models import Evidence, Insight
from insights.models.findings import hash_quote
from transcripts.formats.base import Conversation, Utterance
from transcripts.models import Passage, Source
from transcripts.roles import Role
from transcripts.storing import prepare, remember_words, store

PASSWORD = "correct horse battery"


def sign_up(email: str, role: str = UserRole.CLINICIAN, **fields: Any) -> User:
    return User.objects.create_user(email, role=role, password=PASSWORD, **fields)


def open_client(code: str, by: User, **fields: Any) -> Client:
    return Client.objects.open(code=code, by=by, **fields)


def tell(
    client: Client, lines: Sequence[str | tuple[str, str]], *, external_id: str | None = None, **said: Any
) -> Source:
    """A stored source. A line is a text of the client's, or (role, text); they start five seconds apart."""
    pairs = [("client", line) if isinstance(line, str) else line for line in lines]
    utterances = tuple(
        Utterance(text, speaker=role, start_ms=5_000 * number, end_ms=5_000 * number + 4_000)
        for number, (role, text) in enumerate(pairs)
    )
    conversation = Conversation(utterances, external_id=external_id, language="en")
    roles = {role: Role(role) for role, _ in pairs}
    stored = store(
        conversation,
        prepare(conversation, roles, {}),
        client=client,
        actor=client.care_team.first().user,  # type: ignore[union-attr]
        title="A session",
        format="txt",
        file_name="session.txt",
        **said,
    )
    remember_words(stored.words)
    return stored.source


def state_insight(passage: Passage, *, span: tuple[int, int] = (0, 1), **fields: Any) -> Insight:
    """A published insight on a span of the passage."""
    insight = Insight.objects.create(
        client_id=passage.client_id,
        source_id=passage.source_id,
        kind=Insight.Kind.CRISIS,
        label="explicit",
        title="Words about suicide",
        method=Insight.Method.RULES,
        fingerprint=f"{passage.pk}-{span}"[:64],
        **fields,
    )
    Evidence.objects.create(
        client_id=passage.client_id,
        insight=insight,
        passage=passage,
        char_start=span[0],
        char_end=span[1],
        quote_sha256=hash_quote(passage.text, *span),
    )
    insight.status = Insight.Status.PUBLISHED
    insight.save()
    return insight
