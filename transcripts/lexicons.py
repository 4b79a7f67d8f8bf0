"""Word lists beside the code that reads them: `[section]` heads, `#` comments, words apart by white space."""

import hashlib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Lexicon:
    sections: dict[str, frozenset[str]]
    sha256: str

    def __getitem__(self, section: str) -> frozenset[str]:
        return self.sections[section]


def read_lexicon(path: Path) -> Lexicon:
    content = path.read_bytes()
    words: dict[str, list[str]] = {}
    section = ""
    for line in content.decode().splitlines():
        line = line.partition("#")[0].strip()
        if line.startswith("["):
            section = line.strip("[]")
        words.setdefault(section, []).extend(() if line.startswith("[") else line.split())
    return Lexicon({key: frozenset(value) for key, value in words.items()}, hashlib.sha256(content).hexdigest())
