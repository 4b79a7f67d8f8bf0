"""A segment cut into sentences, and the four attributes of what was found in it."""

from dataclasses import asdict, dataclass

from insights.analyzers.base import Segment
from insights.analyzers.crisis.normal import Sentence

AFFIRMED, NEGATED = "affirmed", "negated"
NOW, PAST, UNDATED, FUTURE = "now", "past", "undated", "future"
SELF, OTHER = "self", "other"
STATED, ASKED, CONDITIONAL, QUOTED, IDIOM = "stated", "asked", "conditional", "quoted", "idiom"


@dataclass(frozen=True, slots=True)
class Attributes:
    """`quoted` is also what is said of the subject and of nobody: training, statistics, a leaflet."""

    polarity: str = AFFIRMED
    time: str = UNDATED
    experiencer: str = SELF
    modality: str = STATED

    def as_dict(self) -> dict[str, str]:
        return asdict(self)


@dataclass(frozen=True)
class Passage:
    """A segment's sentences, so that a cue in one can be looked up from another."""

    segment: Segment
    sentences: list[Sentence]

    def line(self, number: int) -> str:
        """The sentence as a line of words; a blank where there is none."""
        return self.sentences[number].line if 0 <= number < len(self.sentences) else " "
