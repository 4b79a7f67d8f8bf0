"""What every analyzer takes and gives. Pure: no Django, no clock, no network, no file after loading."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

from insights.analyzers.tokens import Tokens, tokenize
from transcripts.roles import Role

SCORED = "scored"
UNSCORED = "unscored"  # outside what the analyzer can read (another language): not assessed, which is not neutral
REVIEW = "review"  # a person has to look
RECORDED = "recorded"  # kept and shown, nobody has to hurry


@dataclass(frozen=True)
class Segment:
    """One passage with the turn before it. `language` is an ISO 639-1 code."""

    text: str
    role: Role = Role.UNKNOWN
    previous_text: str | None = None
    previous_role: Role | None = None
    language: str = "en"

    @cached_property
    def tokens(self) -> Tokens:
        """Cut once, by whichever analyzer asks first."""
        return tokenize(self.text)


@dataclass(frozen=True, slots=True)
class Finding:
    """What an analyzer says of one segment.

    `spans` are half-open [start, end) positions in the segment's text, counted in code points.
    `score` is in the analyzer's own unit, None where it gives none. `urgent` is for crisis language alone.
    """

    kind: str
    label: str
    score: float | None = None
    status: str = SCORED
    urgent: bool = False
    spans: tuple[tuple[int, int], ...] = ()
    attributes: Mapping[str, str] = field(default_factory=dict)


class Analyzer(Protocol):
    """Deterministic; keeps the order; never raises on empty, huge, emoji or foreign text.

    `version` changes whenever a result could change; `sha256` is over the lexicon or rules it was loaded from.
    """

    name: str
    version: str
    sha256: str

    def analyze(self, batch: Sequence[Segment]) -> list[tuple[Finding, ...]]: ...
