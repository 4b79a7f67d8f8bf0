"""One pass that cuts a text for every analyzer: words, numbers, emoji, URLs, spaces, punctuation.

Nothing is dropped, so positions are plain sums of lengths: `"".join(pieces)` is the folded text, which is as long as
the text itself. Two parallel lists instead of an object per token: that is what makes ten thousand passages a second
possible. Linear in the length of the text.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

VERSION = "1"


def _combining_marks() -> str:
    """Marks that `\\w` leaves out: without them a decomposed "café" or a Hindi word falls apart."""
    blocks = ((0x300, 0x1E00), (0x20D0, 0x2100), (0x302A, 0x309B), (0xA66F, 0xAC00), (0xFB1E, 0xFB1F), (0xFE20, 0xFE30))
    return "".join(chr(c) for low, high in blocks for c in range(low, high) if unicodedata.category(chr(c))[0] == "M")


_ASCII = r"[a-z]+(?:['-][a-z0-9]+)*|\s+|\d+(?:[.,:]\d+)*(?:-?[a-z]+)*|[a-z0-9]+|\.+|!+|\?+|-+|."

_MARKS = _combining_marks()
_MARK_SET = frozenset(_MARKS)
_IDEOGRAPH = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"  # one token each: no spaces to cut at
_KANA = "\u3041-\u3096\u309d-\u30ff\uff66-\uff9f"
_LETTER = f"(?:[^\\W\\d_{_IDEOGRAPH}{_KANA}]|[{_MARKS}])"
_EMOJI = "[\u2190-\u21ff\u231a-\u23ff\u25a0-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff]"
_EMOJI_TAIL = "[\ufe0e\ufe0f\u20e3\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]"
_GENERAL = "|".join(
    (
        r"(?:https?://|www\.)[^\s<>\"]*[^\s<>\".,;:!?)\]}']",
        r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}",
        f"{_LETTER}+(?:['-](?:{_LETTER}|\\d)+)*",
        r"\s+",
        f"[#*0-9]\ufe0f?\u20e3|[\U0001f1e6-\U0001f1ff]{{2}}|{_EMOJI}{_EMOJI_TAIL}*(?:\u200d{_EMOJI}{_EMOJI_TAIL}*)*",
        f"\\d+(?:[.,:]\\d+)*(?:-?{_LETTER}+)*",
        f"[{_IDEOGRAPH}][{_MARKS}]*|[{_KANA}{_MARKS}]+",
        r"\.+|!+|\?+|-+|.",
    )
)
_cut_ascii = re.compile(_ASCII, re.DOTALL).findall
_cut_general = re.compile(_GENERAL, re.DOTALL).findall
_is_emoji = re.compile(f"[#*0-9]\ufe0f?\u20e3|{_EMOJI}").match


class Word(NamedTuple):
    """A word or number: its folded form, and where it stands in the text, [start, end) in code points."""

    folded: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Tokens:
    """`pieces[i]` is folded (lower case, typographic apostrophes straight) and begins at `starts[i]`.

    `starts` has one entry more, the length of the text, so that `starts[i + 1]` is always the end of `pieces[i]`.
    """

    pieces: list[str]
    starts: list[int]

    def words(self) -> Iterator[Word]:
        starts = self.starts
        return (Word(piece, starts[i], starts[i + 1]) for i, piece in enumerate(self.pieces) if is_word(piece))

    def count_words(self) -> int:
        return sum(map(is_word, self.pieces))


def is_word(piece: str) -> bool:
    """A word or a number; an ideograph counts as one word, a URL as one word, a digit in a keycap emoji as none."""
    return (piece[0].isalnum() or piece[0] in _MARK_SET) and piece[-1] != "\u20e3"


def is_emoji(piece: str) -> bool:
    return _is_emoji(piece) is not None


def fold(text: str) -> str:
    """Lower case with straight apostrophes, of the same length as `text`."""
    lowered = text.lower()
    if len(lowered) != len(text):  # a letter such as İ grows when lowered, and every later position would move
        lowered = "".join(low if len(low := char.lower()) == 1 else char for char in text)
    if not lowered.isascii():
        lowered = lowered.replace("\u2019", "'").replace("\u2018", "'").replace("\u02bc", "'")
    return lowered


def tokenize(text: str) -> Tokens:
    folded = fold(text)
    plain = folded.isascii() and "://" not in folded and "www." not in folded and "@" not in folded
    pieces: list[str] = (_cut_ascii if plain else _cut_general)(folded)
    return Tokens(pieces, list(accumulate(map(len, pieces), initial=0)))
