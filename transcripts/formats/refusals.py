"""How a format says that it cannot: what is wrong, where, and what to do next. Never quotes what was said."""

from collections.abc import Iterable


class FormatError(ValueError):
    """The file is not what it should be. `line` counts from 1, None where no line is to blame."""

    def __init__(self, line: int | None, what: str, what_next: str) -> None:
        super().__init__(f"{what} {what_next}")
        self.line = line
        self.what = what
        self.what_next = what_next


class FormatErrors(ValueError):
    """Every error of one file at once."""

    def __init__(self, errors: Iterable[FormatError]) -> None:
        self.errors = tuple(errors)
        super().__init__("; ".join(str(error) for error in self.errors))


class ExportError(ValueError):
    """The transcript cannot be written in this format."""
