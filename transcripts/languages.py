"""In which language a passage is written, as an ISO 639-1 code. Never raises; the same text gives the same answer.

Speech in a session is short, and a wrong guess takes a passage away from every English analyzer. So doubt is English:
text of fewer than `SHORT` words in Latin script counts as English, and another language needs a confident model.
"""

import re
from functools import cache
from pathlib import Path
from typing import Any

from py3langid.langid import MODEL_FILE, LanguageIdentifier  # type: ignore[import-untyped]  # ships no types

from transcripts.lexicons import read_lexicon

VERSION = "1"

ENGLISH = "en"
SHORT = 5  # words
SAMPLE = 1_000  # code points: enough for any model, and a book costs no more than a page
CONFIDENT = 0.90  # py3langid's probability, calibrated by length
CONFIDENT_AGAINST_ENGLISH = 0.99  # where at least one word is plainly English

_LEXICON = read_lexicon(Path(__file__).with_name("languages.txt"))
_ENGLISH_WORDS = _LEXICON["english"]

# Blocks in which one language, or one large one, is written. Cyrillic, Arabic and Devanagari go to the model instead.
_SCRIPTS = (
    ("ko", "\u1100-\u11ff\u3130-\u318f\uac00-\ud7af"),
    ("ja", "\u3041-\u30ff\uff66-\uff9f"),
    ("zh", "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"),
    ("el", "\u0370-\u03ff\u1f00-\u1fff"),
    ("he", "\u0590-\u05ff\ufb1d-\ufb4f"),
    ("hy", "\u0530-\u058f"),
    ("ka", "\u10a0-\u10ff"),
    ("th", "\u0e00-\u0e7f"),
    ("lo", "\u0e80-\u0eff"),
    ("km", "\u1780-\u17ff"),
    ("my", "\u1000-\u109f"),
    ("am", "\u1200-\u137f"),
    ("bn", "\u0980-\u09ff"),
    ("pa", "\u0a00-\u0a7f"),
    ("gu", "\u0a80-\u0aff"),
    ("or", "\u0b00-\u0b7f"),
    ("ta", "\u0b80-\u0bff"),
    ("te", "\u0c00-\u0c7f"),
    ("kn", "\u0c80-\u0cff"),
    ("ml", "\u0d00-\u0d7f"),
    ("si", "\u0d80-\u0dff"),
    ("ru", "\u0400-\u052f"),
    ("ar", "\u0600-\u06ff\u0750-\u077f\ufb50-\ufdff\ufe70-\ufefe"),
    ("hi", "\u0900-\u097f"),
)
_SHARED_SCRIPTS = {
    "ru": ("ru", "uk", "bg", "sr", "mk", "be", "kk"),
    "ar": ("ar", "fa", "ur", "ps"),
    "hi": ("hi", "mr", "ne"),
}
_LATIN = tuple(sorted(_LEXICON["latin"]))

# Near relatives share the probability of one text: that it is one of them can be certain when which one is not.
_KIN = (("da", "no", "sv"), ("es", "pt", "gl", "ca"), ("cs", "sk"), ("hr", "sl"), ("nl", "af"))

_LATIN_LETTER = re.compile("[a-zA-Z\u00aa-\u024f\u1e00-\u1eff]")
_SCRIPT_LETTERS = tuple((code, re.compile(f"[{block}]")) for code, block in _SCRIPTS)
_NON_LATIN_LETTER = re.compile("[" + "".join(block for _, block in _SCRIPTS) + "]")
_CHAR_SCRIPTS = frozenset(("zh", "ja", "th", "lo", "km", "my"))  # a word here is two characters, not five


def detect(text: str) -> str:
    sample = text[:SAMPLE]
    if not sample.isascii():
        sample = sample.replace("\u2019", "'")
        if script := _foreign_script(sample):
            return _within_script(sample, script)
    words = sample.lower().split()
    if len(words) < SHORT:
        return ENGLISH
    plainly_english = sum(map(_ENGLISH_WORDS.__contains__, words))
    if plainly_english * 5 >= len(words):
        return ENGLISH
    return _latin_language(" ".join(words), plainly_english)


def _foreign_script(sample: str) -> str | None:
    """The script most of the text is in; None for Latin. One foreign name in an English sentence is English."""
    foreign = len(_NON_LATIN_LETTER.findall(sample))
    if not foreign:
        return None
    counts = {code: len(letters.findall(sample)) for code, letters in _SCRIPT_LETTERS}
    if counts["ja"]:  # kana settles it: Japanese writes its ideographs in the Chinese block
        counts["ja"] += counts.pop("zh")
    script = max(counts, key=counts.__getitem__)
    weight = 3 if script in _CHAR_SCRIPTS else 1
    return script if foreign * weight > len(_LATIN_LETTER.findall(sample)) else None


def _within_script(sample: str, script: str) -> str:
    candidates = _SHARED_SCRIPTS.get(script)
    if candidates is None or len(sample.split()) < SHORT:
        return script
    return _rank(sample, candidates)[0][0]


def _latin_language(sample: str, plainly_english: int) -> str:
    if not _LATIN_LETTER.search(sample):
        return ENGLISH
    ranking = _rank(sample, _LATIN)
    best = ranking[0][0]
    kin = next((kin for kin in _KIN if best in kin), (best,))
    probability = sum(share for code, share in ranking if code in kin)
    needed = CONFIDENT_AGAINST_ENGLISH if plainly_english else CONFIDENT
    return best if probability >= needed else ENGLISH


def _rank(sample: str, candidates: tuple[str, ...]) -> list[tuple[str, float]]:
    """Languages with their probabilities, the likeliest first."""
    ranking: list[tuple[str, float]] = _identifier(candidates).rank(sample)
    return ranking


@cache
def _identifier(candidates: tuple[str, ...]) -> Any:
    """py3langid over these languages alone. The first takes half a second; the others share its tables."""
    whole = _whole_model()
    tables = (whole.nb_ptc, whole.nb_pc, whole.nb_classes, whole.tk_nextmove, whole.tk_output)
    chosen = LanguageIdentifier(*tables, norm_probs=True, tk_row=whole.tk_row)
    chosen.set_languages(candidates)
    return chosen


@cache
def _whole_model() -> Any:
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
