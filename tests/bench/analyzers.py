"""Passages a second of sentiment and keywords together on one core, and their ratio to the reference VADER.

`python -m tests.bench.analyzers [FILE]`: the utterances of AnnoMI where they are, else the demo's dialogues. What is
timed is all that a passage costs: telling its language, cutting it, reading it. Processor time, best of five rounds.
"""

import csv
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from vader import SentimentIntensityAnalyzer

from insights.analyzers.base import Segment
from insights.analyzers.keywords import KeywordAnalyzer
from insights.analyzers.sentiment import SentimentAnalyzer, compound
from transcripts.languages import detect

PROJECT = Path(__file__).resolve().parents[2]
DATA = PROJECT.parent / "shared" / "data"
ANNOMI = DATA / "therapy" / "annomi" / "annomi_simple.csv"
HUMAN_MEANS = ("tweets", "nytEditorialSnippets")
GATE = 10_000  # passages a second


def read_passages(path: Path | None = None) -> tuple[str, list[str]]:
    """Where the passages are from, and their texts."""
    chosen = path or (ANNOMI if ANNOMI.exists() else None)
    if chosen is not None:
        with chosen.open(encoding="utf-8", newline="") as file:
            return str(chosen), [row["utterance_text"] for row in csv.DictReader(file)]
    files = sorted(f for suffix in ("txt", "vtt", "srt") for f in (PROJECT / "demo").rglob(f"*.{suffix}"))
    lines = (line.strip() for f in files for line in f.read_text(encoding="utf-8").splitlines())
    return str(PROJECT / "demo"), [line for line in lines if any(map(str.isalpha, line))]


def rate(read: Callable[[Sequence[str]], object], texts: Sequence[str], rounds: int = 5) -> float:
    """Texts a second, from the fastest round: the others measure what else the machine was doing."""
    seconds = []
    for _ in range(rounds):
        started = time.process_time()
        read(texts)
        seconds.append(time.process_time() - started)
    return len(texts) / min(seconds)


def analyse(texts: Sequence[str]) -> None:
    batch = [Segment(text, language=detect(text)) for text in texts]
    SentimentAnalyzer().analyze(batch)
    KeywordAnalyzer().analyze(batch)


def correlate(name: str, score: Callable[[str], float]) -> float | None:
    """Pearson's r with the mean of twenty people's ratings; None where the data is not here."""
    path = DATA / "labels" / f"sentiment_human_means_{name}.tsv"
    if not path.exists():
        return None
    rows = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]
    return float(np.corrcoef([float(row[1]) for row in rows], [score(row[2]) for row in rows])[0, 1])


def main(arguments: Sequence[str]) -> int:
    source, texts = read_passages(Path(arguments[0]) if arguments else None)
    if not texts:
        print(f"no passages in {source}: give a CSV with a column utterance_text")
        return 1
    reference = SentimentIntensityAnalyzer()
    ours = rate(analyse, texts)
    vader = rate(lambda batch: [reference.polarity_scores(text) for text in batch], texts, rounds=3)
    lean = rate(lambda batch: [compound(text) for text in batch], texts)
    print(f"{len(texts)} passages, {sum(map(len, texts)) / len(texts):.0f} characters each, from {source}")
    print(
        f"sentiment + keywords   {ours:9,.0f} passages/s a core   {'ok' if ours >= GATE else 'BELOW'} (gate {GATE:,})"
    )
    print(f"language               {rate(lambda b: [detect(t) for t in b], texts):9,.0f}")
    print(f"sentiment alone        {lean:9,.0f}")
    print(f"reference VADER        {vader:9,.0f}")
    print(f"both analyzers / reference VADER {ours / vader:.2f}   sentiment / reference VADER {lean / vader:.2f}")
    for name in HUMAN_MEANS:
        mine, theirs = correlate(name, compound), correlate(name, lambda t: reference.polarity_scores(t)["compound"])
        if mine is not None and theirs is not None:
            print(f"human means, {name}: r = {mine:.4f} (reference VADER {theirs:.4f})")
    return 0 if ours >= GATE else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
