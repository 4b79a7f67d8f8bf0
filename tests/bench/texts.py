"""Texts for measurements: sentences of the demo's dialogues, recombined to the length that database.md measured with.

The same seed gives the same texts. Most words are those that people say; about one passage in six also names something
that hardly anybody else does (a made-up name, rare by Zipf's law), because a vocabulary without a tail makes every
index look better than it is.
"""

from __future__ import annotations

import csv
import os
import random
import re
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import accumulate, product
from pathlib import Path

from tests.bench import PROJECT
from transcripts import formats
from transcripts.formats.base import Conversation, Utterance

MEAN_CHARACTERS = 119
PHRASE, COMMON, USUAL, RARE, ABSENT = '"at night"', "know", "mother", "Balderkinstow", "xylophonist"

_ANNOMI = PROJECT.parent / "shared" / "data" / "therapy" / "annomi" / "annomi_simple.csv"
_SENTENCE = re.compile(r"[^.!?]+[.!?]*\s*")
_ONSETS = ("b", "br", "d", "dr", "f", "g", "h", "k", "l", "m", "n", "p", "r", "s", "st", "t", "v", "w")
_RIMES = ("ack", "ald", "an", "ar", "ed", "ell", "en", "er", "il", "im", "ing", "ock", "ol", "on", "ur", "yn")
_ENDS = ("bury", "dale", "er", "field", "ham", "ley", "man", "ow", "s", "son", "stow", "ton", "well", "wick")
_EVERY_RARE = 40_000  # passages for one with RARE in it


@cache
def sentences() -> tuple[str, ...]:
    texts = _annomi() if os.environ.get("BENCH_TEXTS") == "annomi" else _demo()
    return tuple(found.strip() for text in texts for found in _SENTENCE.findall(text) if len(found.strip()) > 2)


def _demo() -> Iterator[str]:
    for path in sorted((PROJECT / "demo").rglob("*")):
        if path.suffix in {".json", ".vtt", ".srt", ".txt"}:
            _, conversations = formats.read_file(path.name, path.read_bytes())
            for conversation in conversations:
                yield from (utterance.text for utterance in conversation.utterances)


def _annomi() -> Iterator[str]:
    with _ANNOMI.open(encoding="utf-8", newline="") as file:
        yield from (row["utterance_text"] for row in csv.DictReader(file))


@cache
def _names() -> tuple[tuple[str, ...], tuple[float, ...]]:
    """Made-up names and their summed Zipf weights."""
    names = ["".join(parts).capitalize() for parts in product(_ONSETS, _RIMES, _ENDS)]
    names += ["".join(parts).capitalize() for parts in product(_ONSETS, _RIMES, _ONSETS, _RIMES[:6])]
    random.Random(11).shuffle(names)  # noqa: S311 - the same each time is the point
    return tuple(names), tuple(accumulate(1 / rank for rank in range(1, len(names) + 1)))


def texts(count: int, *, seed: int = 1) -> Iterator[str]:
    chance = random.Random(seed)  # noqa: S311
    for number in range(count):
        text = _text(chance)
        yield f"{text} That was in {RARE}." if number % _EVERY_RARE == 17 else text


def _text(chance: random.Random) -> str:
    """Sentences until the length that was drawn is nearly reached: from one word to long turns, right-skewed."""
    names, weights = _names()
    wanted = chance.lognormvariate(4.42, 0.75)
    parts = [chance.choice(sentences())]
    length = len(parts[0])
    while length + 20 < wanted:
        parts.append(chance.choice(sentences()))
        length += len(parts[-1]) + 1
    if chance.random() < 1 / 6:
        parts.append(f"{chance.choices(names, cum_weights=weights)[0]} was there too.")
    return " ".join(parts)


def conversations(passages: int, each: int = 1_000, *, seed: int = 1) -> Iterator[Conversation]:
    """Sources of `each` passages, two speakers by turns, with times."""
    stream = texts(passages, seed=seed)
    for number in range(-(-passages // each)):
        size = min(each, passages - number * each)
        yield Conversation(
            tuple(_utterance(place, next(stream)) for place in range(size)),
            external_id=f"bench-{seed}-{number}",
            title=f"Measurement {number}",
            language="en",
        )


def _utterance(place: int, text: str) -> Utterance:
    speaker = "Therapist" if place % 2 else "Client"
    return Utterance(text, speaker=speaker, start_ms=place * 6_000, end_ms=place * 6_000 + 5_000)


def write_vtt(path: Path, conversation: Conversation) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write("WEBVTT\n\n")
        for one in conversation.utterances:
            times = f"{_clock(one.start_ms or 0)} --> {_clock(one.end_ms or 0)}"
            file.write(f"{times}\n<v {one.speaker}>{one.text}</v>\n\n")


def _clock(ms: int) -> str:
    return f"{ms // 3_600_000:02}:{ms // 60_000 % 60:02}:{ms // 1_000 % 60:02}.{ms % 1_000:03}"


def write_csv(path: Path, spoken: Iterable[Conversation]) -> None:
    """One file of many conversations."""
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("conversation", "speaker", "start_ms", "end_ms", "text"))
        for conversation in spoken:
            rows.writerows(
                (conversation.external_id, one.speaker, one.start_ms, one.end_ms, one.text)
                for one in conversation.utterances
            )
