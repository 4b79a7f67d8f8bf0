"""Gathers a conversation's utterances and keeps out of them what no passage may hold, with a warning for each. Pure."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from transcripts.formats.base import Conversation, Utterance, Word
from transcripts.formats.times import LAST_MS
from transcripts.roles import Role

# A line of the file, or the name of a part ("Segment 3") where the format has no lines.
Place = int | str

# PostgreSQL refuses NUL, UTF-8 refuses lone surrogates, and no reader can see the other controls.
_UNCLEAN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_LINE_BREAKS = re.compile(r"\r\n|[\r\x0b\x0c\x85]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_SHOWN_PER_KIND = 20


def clean(text: str) -> str:
    """Odd line ends become \\n, lone surrogates U+FFFD, other control characters vanish."""
    return _UNCLEAN.sub("", _SURROGATE.sub("\ufffd", _LINE_BREAKS.sub("\n", text)))


def clean_label(text: str | None) -> str | None:
    """A title, an id or the like: clean, None where blank."""
    if text is None or not _UNCLEAN.search(text):
        return text if text and not text.isspace() else None
    return clean(text).strip() or None


class Warnings:
    """The first of each kind with their places, the others counted: a broken file of a million cues stays readable."""

    def __init__(self) -> None:
        self._shown: list[str] = []
        self._counts: Counter[str] = Counter()

    def add(self, place: Place, what: str, kind: str | None = None) -> None:
        kind = kind or what
        self._counts[kind] += 1
        if self._counts[kind] <= _SHOWN_PER_KIND:
            self._shown.append(f"Line {place}: {what}" if isinstance(place, int) else f"{place}: {what}")

    def __bool__(self) -> bool:
        return bool(self._shown)

    def lines(self) -> tuple[str, ...]:
        more = ((kind, count - _SHOWN_PER_KIND) for kind, count in self._counts.items())
        return (*self._shown, *(f"{count} more places: {kind}" for kind, count in more if count > 0))


@dataclass(slots=True)
class Gathering:
    utterances: list[Utterance] = field(default_factory=list)
    warnings: Warnings = field(default_factory=Warnings)
    _latest_ms: int = -1

    def add(
        self,
        place: Place,
        text: str,
        speaker: str | None = None,
        start_ms: int | None = None,
        end_ms: int | None = None,
        confidence: float | None = None,
        words: tuple[Word, ...] = (),
    ) -> None:
        if _UNCLEAN.search(text):
            text = self._cleaned(place, text)
        if not text or text.isspace():
            self.warnings.add(place, "there is no text; it was left out.")
            return
        if speaker is not None:
            speaker = clean_label(speaker)
        if start_ms is not None:
            start_ms = self._checked_start(place, start_ms)
        if end_ms is not None:
            end_ms = self._checked_end(place, start_ms, end_ms)
        if confidence is not None and not 0.0 <= confidence <= 1.0:
            self.warnings.add(place, "the confidence is not between 0 and 1; it was left empty.")
            confidence = None
        self.utterances.append(Utterance(text, speaker, start_ms, end_ms, confidence, words))

    def conversation(
        self,
        *,
        external_id: str | None = None,
        title: str | None = None,
        language: str | None = None,
        occurred_at: datetime | None = None,
        roles: Mapping[str, Role] | None = None,
    ) -> Conversation:
        return Conversation(
            utterances=tuple(self.utterances),
            external_id=clean_label(external_id),
            title=clean_label(title),
            language=clean_label(language),
            occurred_at=occurred_at,
            roles=roles or {},
            warnings=self.warnings.lines(),
        )

    def _cleaned(self, place: Place, text: str) -> str:
        self.warnings.add(place, "characters that cannot be stored were taken out.")
        return clean(text)

    def _checked_start(self, place: Place, start_ms: int) -> int | None:
        if not 0 <= start_ms <= LAST_MS:
            self.warnings.add(place, "the start is negative or beyond 596 hours; it was left empty.")
            return None
        if start_ms < self._latest_ms:
            self.warnings.add(place, "the start steps back in time; the order of the file was kept.")
        self._latest_ms = start_ms
        return start_ms

    def _checked_end(self, place: Place, start_ms: int | None, end_ms: int) -> int | None:
        if not 0 <= end_ms <= LAST_MS:
            self.warnings.add(place, "the end is negative or beyond 596 hours; it was left empty.")
            return None
        if start_ms is not None and end_ms < start_ms:
            self.warnings.add(place, "the end is before the start; it was left empty.")
            return None
        return end_ms
