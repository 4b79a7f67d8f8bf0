"""VADER's compound score of a passage, -1 (negative) to 1 (positive).

Hutto & Gilbert, "VADER: A Parsimonious Rule-based Model for Sentiment Analysis of Social Media Text", ICWSM 2014.
The lexicon (MIT) and the constants are those of the package `nltk-vader-sentiment`; the engine is our own, four times
as fast, and gives the same number as that package's `polarity_scores(text)["compound"]` (a test holds it to that).

VADER reads chunks between white space, so that an emoticon stays whole; they are not the tokens of other analyzers.

What gets no score (`unscored`, None), because it was not assessed:
- another language than English;
- text without any word: empty, "...", "42", a transcriber's "[inaudible]". An emoji or emoticon of the lexicon counts.
Words that the lexicon does not have are another matter: the passage was read and is 0.0.
"""

import hashlib
import json
import math
import re
from collections.abc import Sequence
from string import punctuation

from vader import constants as vader_rules
from vader.data.curated import ADDITIONS, OVERRIDES
from vader.data.emoji import EMOJI
from vader.data.lexicon import LEXICON, MULTIWORD

from insights.analyzers.base import UNSCORED, Finding, Segment

KIND = "sentiment"
LABEL = "compound"

_VALENCES: dict[str, float] = {**LEXICON, **OVERRIDES, **ADDITIONS}
_BOOSTERS = vader_rules.BOOSTER_DICT
_NEGATIONS = vader_rules.NEGATE
_SPECIAL_CASES = vader_rules.SPECIAL_CASES
_IDIOMS = vader_rules.SENTIMENT_LADEN_IDIOMS

# A booster moves its neighbour and has no valence of its own.
_SCORING = frozenset(_VALENCES).difference(_BOOSTERS)
_PHRASE_LENGTHS = sorted({phrase.count(" ") + 1 for phrase in MULTIWORD}, reverse=True)


def _rarest_words(phrases: Sequence[str]) -> frozenset[str]:
    """One word of each phrase, the least common: without any of them the text has none of the phrases."""
    common = ("the", "for", "of", "to", "in", "on", "just")
    return frozenset(max(phrase.split(), key=lambda word: (word not in common, len(word))) for phrase in phrases)


_PHRASE_STARTS = frozenset(phrase.split()[0] for phrase in MULTIWORD)
_CONTEXT_WORDS = _rarest_words([p for p in (*_SPECIAL_CASES, *_BOOSTERS) if " " in p])
_IDIOM_WORDS = _rarest_words(list(_IDIOMS))

_EMOJI_LENGTHS: dict[str, list[int]] = {}
for _emoji in EMOJI:
    _EMOJI_LENGTHS.setdefault(_emoji[0], []).append(len(_emoji))
_EMOJI_LENGTHS = {first: sorted(set(lengths), reverse=True) for first, lengths in _EMOJI_LENGTHS.items()}
_EMOJI_JOINERS = "\ufe0e\ufe0f\u200d\U0001f3fb-\U0001f3ff"  # and skin tones: dropped where no emoji needs them
_EMOJI_OR_JOINER = re.compile("[" + "".join(map(re.escape, _EMOJI_LENGTHS)) + _EMOJI_JOINERS + "]")

_LONGEST_EMOTICON = max(len(entry) for entry in _VALENCES if not entry.strip(punctuation))
_DECAY = (0.0, 1.0, vader_rules.DECAY_TWO, vader_rules.DECAY_THREE)

_has_letter = re.compile(r"[^\W\d_]").search
_NOTE = re.compile(r"\[[^\[\]]*\]")


def _numbers() -> dict[str, float]:
    return {name: value for name, value in vars(vader_rules).items() if isinstance(value, float | int)}


class SentimentAnalyzer:
    name = "sentiment.vader"
    version = "1"
    sha256 = hashlib.sha256(
        json.dumps(
            [_VALENCES, MULTIWORD, _BOOSTERS, sorted(_NEGATIONS), _SPECIAL_CASES, _IDIOMS, EMOJI, _numbers()],
            sort_keys=True,
        ).encode()
    ).hexdigest()

    def analyze(self, batch: Sequence[Segment]) -> list[tuple[Finding, ...]]:
        return [(_read(segment),) for segment in batch]


_NOT_ASSESSED = Finding(KIND, LABEL, status=UNSCORED)


def _read(segment: Segment) -> Finding:
    if segment.language != "en" or not has_words(segment.text):
        return _NOT_ASSESSED
    return Finding(KIND, LABEL, compound(segment.text))


def has_words(text: str) -> bool:
    said = _NOTE.sub(" ", text) if "[" in text else text
    return _has_letter(said) is not None or _has_emoticon(said)


def _has_emoticon(text: str) -> bool:
    if any(chunk in _VALENCES and not chunk.isdigit() for chunk in text.split()):
        return True
    return any(char in _EMOJI_LENGTHS for char in text if not char.isascii())


def compound(text: str) -> float:
    """VADER's compound score, rounded to 4 places; linear in the length of the text."""
    if not text.isascii():
        text = _spell_out(text)
    words = [
        chunk if chunk in _VALENCES else chunk.strip(punctuation) or _emoticon(chunk) for chunk in text.lower().split()
    ]
    valences = _valences(words, text)
    if "but" in words and valences:
        valences = _weigh_contrast(valences, words.index("but"))
    total = sum(valences.values())
    if not _IDIOM_WORDS.isdisjoint(words):
        total = sum(_idioms(words), total)
    return _normalize(total, text) if total else 0.0


def _spell_out(text: str) -> str:
    """Straight apostrophes; an emoji becomes its description, the longest one that matches."""
    text = text.replace("\u2019", "'").replace("\u2018", "'").replace("\u02bc", "'")
    if text.isascii() or _EMOJI_LENGTHS.keys().isdisjoint(text):
        return text
    out: list[str] = []
    done = 0
    while found := _EMOJI_OR_JOINER.search(text, done):
        start = found.start()
        out.append(text[done:start])
        spelled, done = _spell_emoji(text, start)
        out.append(spelled)
    out.append(text[done:])
    return "".join(out)


def _spell_emoji(text: str, start: int) -> tuple[str, int]:
    first = text[start]
    if first not in _EMOJI_LENGTHS:
        return "", start + 1
    for length in _EMOJI_LENGTHS[first]:
        if description := EMOJI.get(text[start : start + length]):
            return f" {description} ", start + length
    return first, start + 1


def _emoticon(chunk: str) -> str:
    """The longest emoticon that a chunk of pure punctuation begins with (":)," is ":)"), else the chunk itself."""
    lengths = range(min(len(chunk) - 1, _LONGEST_EMOTICON), 0, -1)
    return next((chunk[:length] for length in lengths if chunk[:length] in _VALENCES), chunk)


def _valences(words: list[str], text: str) -> dict[int, float]:
    """The valence of every scoring word in its context, by position, in order."""
    hits = [i for i, word in enumerate(words) if word in _SCORING]
    phrases: dict[int, float] = {}
    if not _PHRASE_STARTS.isdisjoint(words):
        phrases, inside = _phrases(words)
        hits = sorted({*hits, *phrases} - inside)
    if not hits:
        return {}
    capitals = _capitals(text)
    idiomatic = not _CONTEXT_WORDS.isdisjoint(words)
    found: dict[int, float] = {}
    for i in hits:
        if i in phrases:
            valence = phrases[i]
        elif words[i] == "kind" and words[i + 1 : i + 2] == ["of"]:
            continue
        else:
            valence = _own_valence(words, i, capitals)
        valence = _modified_by_neighbours(valence, words, i, capitals)
        if idiomatic:
            valence = _modified_by_idioms(valence, words, i)
        found[i] = _modified_by_least(valence, words, i)
    return found


def _phrases(words: list[str]) -> tuple[dict[int, float], set[int]]:
    """Entries of several words, the longest first: their valence at the first word, and the positions of the others."""
    starts: dict[int, float] = {}
    inside: set[int] = set()
    for length in _PHRASE_LENGTHS:
        for i in range(len(words) - length + 1):
            valence = MULTIWORD.get(" ".join(words[i : i + length]))
            if valence is None or any(j in inside or j in starts for j in range(i, i + length)):
                continue
            starts[i] = valence
            inside.update(range(i + 1, i + length))
    return starts, inside


def _capitals(text: str) -> list[bool]:
    """Which words stand in capitals; none where all do, for then it is not emphasis."""
    capitals = list(map(str.isupper, text.split()))
    return capitals if 0 < sum(capitals) < len(capitals) else [False] * len(capitals)


def _own_valence(words: list[str], i: int, capitals: list[bool]) -> float:
    word = words[i]
    valence = _VALENCES[word]
    if word == "no" and i + 1 < len(words) and words[i + 1] in _VALENCES:
        valence = 0.0
    if "no" in words[max(0, i - 3) : i] and _no_precedes(words, i):
        valence = _VALENCES[word] * vader_rules.N_SCALAR
    return _raised(valence, vader_rules.C_INCR, valence) if capitals[i] else valence


def _no_precedes(words: list[str], i: int) -> bool:
    before = words[max(0, i - 3) : i]
    return "no" in before[-2:] or (len(before) == 3 and before[0] == "no" and before[2] in ("or", "nor"))


def _raised(value: float, by: float, sign: float) -> float:
    """`value` moved away from zero on the side of `sign`."""
    return value + by if sign > 0 else value - by if sign < 0 else value


def _modified_by_neighbours(valence: float, words: list[str], i: int, capitals: list[bool]) -> float:
    """Boosters and negations among the three words before; a word with a valence of its own is neither."""
    for distance in range(1, min(i, 3) + 1):
        word = words[i - distance]
        if word in _VALENCES:
            continue
        boost = _BOOSTERS.get(word)
        if boost is not None:
            boost = -boost if valence < 0 else boost
            if capitals[i - distance]:
                boost = _raised(boost, vader_rules.C_INCR, valence)
            valence += boost * _DECAY[distance]
        if word in _NEGATIONS or word.endswith("n't"):
            valence *= _negation(words, i, distance)
    return valence


def _negation(words: list[str], i: int, distance: int) -> float:
    """The factor of the negation `distance` words before; "never so good" and "without a doubt" do not negate."""
    word, between = words[i - distance], words[i - distance + 1 : i]
    if word == "never" and ("so" in between or "this" in between):
        return vader_rules.NEVER_BOOST
    if word == "without" and "doubt" in between:
        return 1.0
    return vader_rules.N_SCALAR


def _modified_by_idioms(valence: float, words: list[str], i: int) -> float:
    """Phrases whose valence replaces the word's; the first of those before it, then those around and after it."""

    def phrase(first: int, last: int) -> str:
        return " ".join(words[i + first : i + last + 1]) if i + first >= 0 and i + last < len(words) else ""

    before = (phrase(*window) for window in ((-1, 0), (-2, 0), (-2, -1), (-3, -1), (-3, -2)))
    valence = next((_SPECIAL_CASES[p] for p in before if p in _SPECIAL_CASES), valence)
    for window in ((-1, 1), (0, 1), (0, 2)):
        valence = _SPECIAL_CASES.get(phrase(*window), valence)
    return valence + _BOOSTERS.get(phrase(-2, -1), 0.0) + _BOOSTERS.get(phrase(-3, -2), 0.0)


def _modified_by_least(valence: float, words: list[str], i: int) -> float:
    if i > 0 and words[i - 1] == "least" and words[max(0, i - 2)] not in ("at", "very"):
        return valence * vader_rules.N_SCALAR
    return valence


def _weigh_contrast(valences: dict[int, float], but: int) -> dict[int, float]:
    """What follows the first "but" counts for more than what precedes it."""
    return {
        i: valence * (vader_rules.BUT_BEFORE if i < but else vader_rules.BUT_AFTER if i > but else 1.0)
        for i, valence in valences.items()
    }


def _idioms(words: list[str]) -> list[float]:
    """Idioms without any word of the lexicon ("under the weather")."""
    grams = (" ".join(words[i : i + n]) for n in (2, 3, 4) for i in range(len(words) - n + 1))
    return [_IDIOMS[gram] for gram in grams if gram in _IDIOMS]


def _normalize(total: float, text: str) -> float:
    total = _raised(total, _punctuation_emphasis(text), total)
    return round(max(-1.0, min(1.0, total / math.sqrt(total * total + vader_rules.DEFAULT_ALPHA))), 4)


def _punctuation_emphasis(text: str) -> float:
    exclamations = min(text.count("!"), vader_rules.EP_CAP) * vader_rules.EP_AMPLIFY
    questions = text.count("?")
    if questions < 2:
        return exclamations
    return exclamations + (questions * vader_rules.QM_AMPLIFY if questions <= 3 else vader_rules.QM_CAP)
