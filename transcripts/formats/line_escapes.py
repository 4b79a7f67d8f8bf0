"""The few marks that let line-based exports keep any text: backslash escapes in our own SRT and TXT. Pure.

`\\N` is a line break that would break the file's structure, any other character after a backslash is itself.
"""

import re
from itertools import pairwise

_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_UNESCAPED_COLON = re.compile(r"((?:[^\\:\n]++|\\.|:(?! ))*+): ", re.DOTALL)


def escape_text(text: str) -> str:
    return join_lines(text.replace("\\", "\\\\").replace("-->", "--\\>"), "\\N")


def join_lines(text: str, mark: str) -> str:
    """The text with every line break that touches a blank line written as `mark`."""
    lines = text.split("\n")
    parts = [lines[0]]
    for before, line in pairwise(lines):
        parts += ["\n" if before.strip() and line.strip() else mark, line]
    return "".join(parts)


def escape_label(label: str) -> str:
    return label.replace("\\", "\\\\").replace("-->", "--\\>").replace(":", "\\:").replace("\n", "\\N")


def write_turn(speaker: str | None, text: str) -> str:
    """`Name: text`; a text of nobody's keeps its first line free of ": "."""
    escaped = escape_text(text)
    if speaker is not None:
        return f"{escape_label(speaker)}: {escaped}"
    first, line_break, rest = escaped.partition("\n")
    return first.replace(": ", "\\: ") + line_break + rest


def read_turn(body: str) -> tuple[str | None, str]:
    match = _UNESCAPED_COLON.match(body)
    if match is None:
        return None, unescape(body)
    return unescape(match[1]), unescape(body[match.end() :])


def unescape(text: str) -> str:
    if "\\" not in text:
        return text
    return _ESCAPE.sub(lambda match: "\n" if match[1] == "N" else match[1], text)
