"""Names before a colon: "Name: what was said", and when a colon is only a colon. Pure."""

import re
from collections import Counter
from collections.abc import Iterable

from transcripts.roles import Role, guess_role

_LABEL = re.compile(r"([^\s:：][^:：\n\t]{0,59}?)[ \t]*(?::(?=\s|$)|：)[ \t]*")
_BRACKETED = re.compile(r"\[([^\[\]:\n]{1,60})\](:?)(?=\s|$)[ \t]*")
_NUMBERED_SPEAKER = re.compile(
    r"(?:unknown )?(?:speaker|sprecher|locuteur|hablante|participant)s?[ _]?[A-Z0-9]{0,3}", re.IGNORECASE
)
_BY_THE_WAY = re.compile(r"(?<=\S) ?\([^()]{1,40}\)$")  # "Marcus (depot)"
_NEVER_IN_NAMES = re.compile(r"[,;!?\"“”«»<>\[\]{}=%$€@\\]|://|\.\.|\.$(?<!\b\w\.)(?<!Jr\.)(?<!Sr\.)", re.IGNORECASE)
_WITHIN_NAMES = "de del della der den di da la le van von zu zur bin ibn al el y and & und et of the"
# Words that open a sentence or head a list before a colon, and are nobody's name.
_BEFORE_COLONS = """
    a actually also and answer anyway bcc because but caption cc comment conclusion date dear duration example fact file
    first for from goal here honestly hmm homework however i if in kind language length like listen location look maybe
    no note notes now ok okay one or page please plan problem ps question re reason remember right second see session
    sidenote so source story subject summary that the then therefore third this time title to today topic transcript two
    until warning well what when why yeah yes you datum hinweis frage antwort thema titel ja nein http https
"""
_SMALL_WORDS = frozenset(_WITHIN_NAMES.split())
_NO_NAMES = frozenset(_BEFORE_COLONS.split())


def split_label(line: str) -> tuple[str, str] | None:
    """("Name", "what follows") where the line opens with what may be a speaker's name and a colon.

    WhisperX writes `[SPEAKER_00]: text`, others leave out that colon.
    """
    bracketed = _BRACKETED.match(line)
    if bracketed is not None and (may_be_name(bracketed[1]) if bracketed[2] else is_certain(bracketed[1])):
        return bracketed[1], line[bracketed.end() :]
    match = _LABEL.match(line)
    if match is None or not may_be_name(match[1]):
        return None
    return match[1], line[match.end() :]


def may_be_name(label: str) -> bool:
    if is_certain(label):
        return True
    words = _BY_THE_WAY.sub("", label).split()
    if not 1 <= len(words) <= 5 or _NEVER_IN_NAMES.search(label) or label.lower() in _NO_NAMES:
        return False
    if len(words) == 1 and label.islower():
        return len(label) <= 20 and label.isalpha()
    return words[0].lower() not in _NO_NAMES | {"and"} and all(_opens_a_name(word) for word in words)


def _opens_a_name(word: str) -> bool:
    """A capital, also inside: people join meetings from "Bea's iPad"."""
    first = word.lstrip("(#'’*")[:1]
    return (
        word in _SMALL_WORDS
        or any(letter.isupper() for letter in word[1:])
        or first.isdigit()
        or (first.isalpha() and not first.islower())
    )


def is_certain(label: str) -> bool:
    """A role, "Speaker 1", "SPEAKER_00"."""
    return guess_role(label) is not Role.UNKNOWN or _NUMBERED_SPEAKER.fullmatch(label) is not None


def speaker_labels(labels: Iterable[str], *, places: int) -> frozenset[str]:
    """Which of the possible names are speakers, judged by the whole file: `places` counts where a name could stand.

    A dialogue names its speakers again and again; a lone "Remember this:" does not make one.
    """
    counts = Counter(labels)
    certain = {label for label in counts if is_certain(label)}
    names = {label: count for label, count in counts.items() if label not in certain and not label.islower()}
    low = {label for label, count in counts.items() if label.islower() and label not in certain and count > 2}
    named = sum(names.values()) + sum(counts[label] for label in certain)
    repeated = {label for label, count in names.items() if count > 1}
    often = sum(counts[label] for label in repeated | certain | low)
    if named * 2 >= places:
        return frozenset(certain | set(names) | low)
    if often >= 3 and often * 10 >= places:
        return frozenset(certain | repeated | low)
    return frozenset(certain | {label for label in names if _is_shouted(label)})


def _is_shouted(label: str) -> bool:
    """Subtitles name who is heard but not seen in capitals."""
    return label.isupper() and len(label) > 1
