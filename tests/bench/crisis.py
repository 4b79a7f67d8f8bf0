"""`python -m tests.bench.crisis`: recall and false alerts of crisis language on the project's own sentences.

For every file of tests/samples/crisis, for the even and the odd lines of it, and for each slice: how many urgent cases
were found urgent, how many others were. Prints counts and Wilson intervals, no sentence.
"""

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from insights.analyzers.base import Segment
from insights.analyzers.crisis import CrisisLanguage
from transcripts.roles import Role

SAMPLES = Path(__file__).parents[1] / "samples" / "crisis"


@dataclass(frozen=True)
class Case:
    """`number` is the line in its file, from 0; the held-out file is measured in two halves by it."""

    number: int
    segment: Segment
    is_urgent: bool
    slice: str


@dataclass(frozen=True)
class Share:
    """`hits` of `of`, with a 95 % interval (Wilson 1927), which holds for few cases and for shares near 0 and 1."""

    hits: int
    of: int

    @property
    def share(self) -> float:
        return self.hits / self.of if self.of else 0.0

    def interval(self, z: float = 1.96) -> tuple[float, float]:
        if not self.of:
            return 0.0, 1.0
        centre = self.share + z * z / (2 * self.of)
        spread = z * math.sqrt(self.share * (1 - self.share) / self.of + z * z / (4 * self.of**2))
        scale = 1 + z * z / self.of
        return max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale)

    def __str__(self) -> str:
        low, high = self.interval()
        return f"{self.hits:4} of {self.of:4}  {self.share:.3f}  [{low:.3f}, {high:.3f}]"


def read_cases(path: Path) -> list[Case]:
    with path.open(encoding="utf-8") as lines:
        return [_case(number, json.loads(line)) for number, line in enumerate(lines)]


def _case(number: int, row: dict[str, str | bool | None]) -> Case:
    before = row["prev_role"]
    segment = Segment(
        text=str(row["text"]),
        role=Role(str(row["role"])),
        previous_text=None if row["prev_text"] is None else str(row["prev_text"]),
        previous_role=None if before is None else Role(str(before)),
    )
    return Case(number, segment, bool(row["urgent"]), str(row["slice"]))


def flag(cases: Iterable[Case]) -> Iterator[tuple[Case, bool]]:
    """Each case with whether the analyzer found anything urgent in it."""
    known = list(cases)
    for case, findings in zip(known, CrisisLanguage().analyze([case.segment for case in known]), strict=True):
        yield case, any(finding.urgent for finding in findings)


def recall(cases: Iterable[Case]) -> Share:
    found = [flagged for case, flagged in flag(cases) if case.is_urgent]
    return Share(sum(found), len(found))


def false_alerts(cases: Iterable[Case]) -> Share:
    found = [flagged for case, flagged in flag(cases) if not case.is_urgent]
    return Share(sum(found), len(found))


def halves(cases: list[Case]) -> dict[str, list[Case]]:
    return {
        "even": [case for case in cases if case.number % 2 == 0],
        "odd": [case for case in cases if case.number % 2],
    }


def main() -> None:
    for path in sorted(SAMPLES.glob("*.jsonl")):
        for half, cases in halves(read_cases(path)).items():
            _report(f"{path.stem}, {half} lines", cases)


def _report(title: str, cases: list[Case]) -> None:
    print(f"\n{title}\n  {'recall on urgent':26}{recall(cases)}\n  {'false urgent':26}{false_alerts(cases)}")
    for name in dict.fromkeys(case.slice for case in cases):
        part = [case for case in cases if case.slice == name]
        share = recall(part) if part[0].is_urgent else false_alerts(part)
        print(f"    {'recall' if part[0].is_urgent else 'false '}  {name:16}{share}")


if __name__ == "__main__":
    main()
