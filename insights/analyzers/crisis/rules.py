"""The rules as data, read from `lexicons/crisis.toml`, and how its small language becomes regular expressions.

A rule is words apart by single spaces:  `{want} to [finally] ~2 die`
    die         this word
    a|b_c       one of these; `_` joins the words of one alternative
    {class}     one of a class of [classes]; classes may hold classes
    [word]      may be missing
    ~n          up to n words, within the sentence, commas included
    -word       and not followed by this word
    +word       and preceded by this word, which is not part of the hit
A rule is only tried where its rarest element occurs, so ordinary talk costs a look into a set of words.
"""

import hashlib
import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

_PATH = Path(__file__).parents[1] / "lexicons" / "crisis.toml"
_CLASS = re.compile(r"\{(\w+)\}")
_NEGATION = re.compile(r"\b(?:not|never|notneg|without|no|nothing|nobody)\b|(?<=_)(?:not|never|no)_|\bnot_|\bno_")
_GAP_WORD = r"(?:(?![.?!] )[^ ]+ )"


@dataclass(frozen=True, slots=True)
class Rule:
    """`traits` say what the words themselves settle: "past", "reported", "needs_self", ... (see the data file)."""

    label: str
    source: str
    regex: re.Pattern[str]
    triggers: tuple[frozenset[str], ...]
    traits: frozenset[str]

    @property
    def has_negation(self) -> bool:
        """A "not" that belongs to the words themselves: "do not want to live"."""
        return not self.traits.isdisjoint({"wish", "own_negation"}) or _NEGATION.search(self.source) is not None

    def may_match(self, words: set[str]) -> bool:
        return not any(map(words.isdisjoint, self.triggers))


class Grammar:
    """Turns the notation above into regular expressions, with the classes of the data file."""

    def __init__(self, classes: dict[str, str], common: Iterable[str]) -> None:
        self._classes = classes
        self._common = frozenset(common)
        self._known: dict[str, tuple[str, ...]] = {}

    def alternatives(self, element: str) -> tuple[str, ...]:
        """Every phrase that one element stands for."""
        if element not in self._known:
            self._known[element] = tuple(dict.fromkeys(self._expand(element)))
        return self._known[element]

    def _expand(self, element: str) -> Iterator[str]:
        for part in element.split("|"):
            match = _CLASS.search(part)
            if match is None:
                yield part.replace("_", " ")
                continue
            for inner in self.alternatives("|".join(self._classes[match[1]].split())):
                yield from self._expand(part.replace(match[0], inner.replace(" ", "_"), 1))

    def compile(self, source: str) -> re.Pattern[str]:
        elements = sorted(source.split(), key=lambda element: element[0] != "+")  # what stands before comes first
        return re.compile("(?<= )" + "".join(map(self._regex, elements)))

    def _regex(self, element: str) -> str:
        if element[0] == "~":
            return _GAP_WORD + "{0," + element[1:] + "}?"
        if element[0] == "[":
            return f"(?:{self._union(element[1:-1])} )?"
        if element[0] == "-":
            return f"(?!{self._union(element[1:])} )"
        if element[0] == "+":
            return "".join(f"(?:(?<= {phrase} ))|" for phrase in self.alternatives(element[1:])).join(("(?:", "(?!))"))
        return self._union(element) + " "

    def _union(self, element: str) -> str:
        phrases = sorted(self.alternatives(element), key=len, reverse=True)
        return "(?:" + "|".join(map(re.escape, phrases)).replace(r"\ ", " ") + ")"

    def triggers(self, source: str) -> tuple[frozenset[str], ...]:
        """For each element that must be there: one word of each of its phrases. The rarest element stands first."""
        required = [element for element in source.split() if element[0] not in "~[-+"]
        choices = [frozenset(map(self._rarest, self.alternatives(element))) for element in required]
        return tuple(sorted(choices, key=lambda words: (len(words & self._common), len(words))))

    def _rarest(self, phrase: str) -> str:
        return max(phrase.split(), key=lambda word: (word not in self._common, len(word)))


@dataclass(frozen=True)
class Rules:
    data: dict[str, Any]
    sha256: str

    @cached_property
    def grammar(self) -> Grammar:
        return Grammar(self.data["classes"], self.data["common"].split())

    @cached_property
    def all(self) -> tuple[Rule, ...]:
        return tuple(self._rule(label, entry) for label, text in self.data["rules"].items() for entry in lines(text))

    def _rule(self, label: str, entry: str) -> Rule:
        source, _, traits = entry.partition(" #")
        return Rule(
            label, source, self.grammar.compile(source), self.grammar.triggers(source), frozenset(traits.split())
        )

    @cached_property
    def by_trigger(self) -> dict[str, tuple[int, ...]]:
        found: dict[str, list[int]] = {}
        for number, rule in enumerate(self.all):
            for word in rule.triggers[0]:
                found.setdefault(word, []).append(number)
        return {word: tuple(numbers) for word, numbers in found.items()}

    @cached_property
    def cues(self) -> dict[str, re.Pattern[str]]:
        """One expression for all phrases of a list; the lists of [turns] are named "turns.yes", ..."""
        named = self.data["cues"] | {f"turns.{name}": text for name, text in self.data["turns"].items()}
        return {name: self._union(text) for name, text in named.items() if name != "turns.questions"}

    def _union(self, text: str) -> re.Pattern[str]:
        return re.compile("|".join(self.grammar.compile(entry).pattern for entry in lines(text)))

    def words(self, name: str) -> frozenset[str]:
        return frozenset(self.data["words"][name].split())

    @cached_property
    def fillers(self) -> frozenset[str]:
        return frozenset(self.data["fillers"].split())

    @cached_property
    def filler_pairs(self) -> frozenset[tuple[str, ...]]:
        return frozenset(tuple(pair.split("_")) for pair in self.data["filler_pairs"].split())

    @cached_property
    def subjects(self) -> frozenset[str]:
        return frozenset(self.data["classes"]["pronoun"].split())

    @cached_property
    def vocabulary(self) -> frozenset[str]:
        """Every word of the classes and triggers: what a stretched or misspelt word may stand for."""
        words = {word for name in self.data["classes"] for phrase in self._phrases(name) for word in phrase.split()}
        return frozenset(words | set(self.by_trigger))

    def _phrases(self, name: str) -> tuple[str, ...]:
        return self.grammar.alternatives("{" + name + "}")

    @cached_property
    def spellings(self) -> dict[str, tuple[str, ...]]:
        """Misspelling or short form -> words. Slips of the long risk words are made by rule."""
        made: dict[str, tuple[str, ...]] = {}
        for word in self.data["slips"].split():
            made.update(dict.fromkeys(_slips(word), (word,)))
        for line in lines(self.data["spellings"]):
            forms, _, words = line.partition(" = ")
            made.update((form, tuple(words.split())) for form in forms.split())
        for word in self.data["slips"].split():
            made.pop(word, None)
        return made

    @cached_property
    def alarms(self) -> frozenset[str]:
        """The words as typed of which a text needs one to be looked at any closer."""
        triggers = set(self.by_trigger)
        typed = {form for form, words in self.spellings.items() if not triggers.isdisjoint(words)}
        return frozenset(triggers | typed)


def lines(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


def _slips(word: str) -> Iterator[str]:
    """One letter lost, doubled, or two neighbours changed; the first letter is seldom wrong."""
    for i in range(1, len(word)):
        yield word[:i] + word[i + 1 :]
        yield word[: i + 1] + word[i:]
        if i + 1 < len(word):
            yield word[:i] + word[i + 1] + word[i] + word[i + 2 :]


def _load() -> Rules:
    content = _PATH.read_bytes()
    return Rules(tomllib.loads(content.decode()), hashlib.sha256(content).hexdigest())


RULES = _load()
