"""What every transcript format turns bytes into, and how it says that it cannot. Pure."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Protocol

from transcripts.formats.json_text import parse_json
from transcripts.formats.refusals import ExportError, FormatError, FormatErrors
from transcripts.roles import Role

# Not "[00:12] Name: text", which opens with a bracket as well.
_JSON_OPENS = re.compile(r"\s*+(?:\{\s*+[\"}]|\[\s*+[\[{\]\"])")

__all__ = [
    "Conversation",
    "Document",
    "ExportError",
    "Format",
    "FormatError",
    "FormatErrors",
    "Transcript",
    "TranscriptPassage",
    "Utterance",
    "Word",
    "Writer",
]


@dataclass(frozen=True, slots=True)
class Word:
    """One recognised word; times in milliseconds from the start of the recording, confidence 0..1."""

    text: str
    start_ms: int | None = None
    end_ms: int | None = None
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class Utterance:
    """One cue, segment or turn, in the file's own order: it becomes one passage.

    `speaker` is the label exactly as the file has it, None where it names nobody.
    Times are milliseconds; None is "the file does not say". Confidence 0..1 or None, never 0 for "unknown".
    """

    text: str
    speaker: str | None = None
    start_ms: int | None = None
    end_ms: int | None = None
    confidence: float | None = None
    words: tuple[Word, ...] = ()


@dataclass(frozen=True, slots=True)
class Conversation:
    """One source of a file. `roles` holds only what the file itself says of its speakers (label -> role).

    `occurred_at` has no time zone where the file gives none. `warnings` never quote what was said.
    """

    utterances: tuple[Utterance, ...]
    external_id: str | None = None
    title: str | None = None
    language: str | None = None
    occurred_at: datetime | None = None
    roles: Mapping[str, Role] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TranscriptPassage:
    """One stored passage as the writers see it."""

    sequence: int
    speaker: str | None
    role: Role
    start_ms: int | None
    end_ms: int | None
    text: str
    confidence: float | None


@dataclass(frozen=True, slots=True)
class Transcript:
    """One stored source as the writers see it: `read` of what `write` gave has the same passages."""

    id: str
    external_id: str | None
    title: str | None
    kind: str
    occurred_at: datetime | None
    passages: tuple[TranscriptPassage, ...]


@dataclass(frozen=True)
class Document:
    """A file as read: `text` is decoded (no BOM, line ends as \\n), `raw` are its bytes."""

    name: str
    raw: bytes
    text: str

    @cached_property
    def json(self) -> object:
        """The text as JSON, parsed once for all the JSON formats. Raises FormatError."""
        return parse_json(self.text)

    @property
    def looks_like_json(self) -> bool:
        return _JSON_OPENS.match(self.text) is not None


class Format(Protocol):
    """A module of this package that reads one format.

    `sniff` looks at the content, not at the name: does this text belong to the format?
    `read` gives the file's conversations; what it gives may be iterated more than once and holds no more than
    one conversation's utterances at a time where a file has several. Raises FormatError or FormatErrors, always
    before the first conversation is given.
    `mapping` is the user's column mapping (field -> column); only CSV reads it.
    """

    NAME: str

    def sniff(self, document: Document) -> bool: ...

    def read(self, document: Document, *, mapping: Mapping[str, str]) -> Iterable[Conversation]: ...


class Writer(Protocol):
    """A format that can be written as well. Raises ExportError where the format cannot hold the transcript."""

    NAME: str

    def write(self, transcript: Transcript) -> str: ...
