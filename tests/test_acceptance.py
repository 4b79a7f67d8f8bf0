"""docs/acceptance.md holds every demand of the seeds once, and says of none that it lives where no test shows it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from django.conf import settings

ROOT = Path(settings.BASE_DIR)
RANGES = {"S0": 72, "S1": 90, "S2": 82, "S3": 71, "S4": 41, "X": 19}
KNOWN = frozenset(f"{seed}-{number:02}" for seed, last in RANGES.items() for number in range(1, last + 1))
DEFECTS = [f"3.{number}" for number in range(1, 17)]
NO_TEST = "–"


@dataclass(frozen=True, slots=True)
class Row:
    id: str
    what: str
    where: str
    tests: tuple[str, ...]

    @property
    def is_planned(self) -> bool:
        return self.where.startswith("planned")

    @property
    def is_refused(self) -> bool:
        return self.where.startswith("refused")

    @property
    def is_partly(self) -> bool:
        return self.where.startswith("partly")

    @property
    def lives(self) -> bool:
        return not self.is_planned and not self.is_refused

    @property
    def parts(self) -> list[int]:
        return [int(part) for part in re.findall(r"planned \(part (\d+)\)", self.where)]


def rows_of(document: str, first_cell: str) -> Iterator[list[str]]:
    for line in (ROOT / "docs" / document).read_text(encoding="utf-8").splitlines():
        if re.match(rf"\| {first_cell} \|", line):
            yield [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip())[1:-1]]


def named_in(cell: str) -> tuple[str, ...]:
    return tuple(re.findall(r"`(tests/[^`]+)`", cell))


ROWS = [Row(one, what, where, named_in(tests)) for one, what, where, tests in rows_of("acceptance.md", r"[SX]\d?-\d+")]


@cache
def marks_in(path: Path) -> dict[str, frozenset[str]]:
    """Each test of a file with the numbers it is marked with: `@pytest.mark.seed(...)`, or `pytestmark` of the file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    whole = [
        node for node in tree.body if isinstance(node, ast.Assign) and "pytestmark" in ast.unparse(node.targets[0])
    ]
    shared = _seeds(whole)
    return {
        node.name: shared | _seeds(node.decorator_list)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    }


def _seeds(nodes: list[ast.Assign] | list[ast.expr]) -> frozenset[str]:
    return frozenset(
        argument.value
        for node in nodes
        for call in ast.walk(node)
        if isinstance(call, ast.Call) and ast.unparse(call.func).endswith("mark.seed")
        for argument in call.args
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    )


def marks_of(test: str) -> frozenset[str] | None:
    """The numbers that a test is marked with, None where there is no such test."""
    name, _, function = test.partition("::")
    path = ROOT / name
    return marks_in(path).get(function) if path.is_file() else None


def all_marks() -> dict[str, frozenset[str]]:
    return {
        f"{path.relative_to(ROOT)}::{function}": seeds
        for path in sorted((ROOT / "tests").rglob("test_*.py"))
        for function, seeds in marks_in(path).items()
    }


def test_every_number_stands_once() -> None:
    ids = [row.id for row in ROWS]
    assert len(KNOWN) == 375
    assert sorted(KNOWN.difference(ids)) == []
    assert sorted({one for one in ids if ids.count(one) > 1 or one not in KNOWN}) == []


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_a_row_says_how_it_stands(row: Row) -> None:
    assert row.what
    if row.is_planned:
        assert re.match(r"planned \(part \d\)($|:|,| )", row.where)
    if row.is_refused:
        assert len(row.where.removeprefix("refused:").split()) >= 5, "a refusal gives its reason"
    if row.is_partly:
        assert re.match(r"partly: .+; rest planned \(part \d\)", row.where)
    assert all(2 <= part <= 7 for part in row.parts)
    assert bool(row.parts) <= (row.is_planned or row.is_partly), "what lives whole plans nothing"
    assert row.lives == bool(row.tests), "a test belongs to what lives, and to nothing else"


@pytest.mark.parametrize("row", [row for row in ROWS if row.lives], ids=lambda row: row.id)
def test_what_lives_is_shown_by_a_test_that_says_so(row: Row) -> None:
    for test in row.tests:
        seeds = marks_of(test)
        assert seeds is not None, f"there is no {test}"
        assert row.id in seeds, f"{test} is not marked with {row.id}"


def test_marks_name_known_numbers() -> None:
    unknown = {test: sorted(seeds - KNOWN) for test, seeds in all_marks().items() if seeds - KNOWN}
    assert unknown == {}


def test_every_defect_of_the_seeds_has_a_row_with_its_test() -> None:
    rows = list(rows_of("seed-defects.md", r"3\.\d+"))
    assert [row[0] for row in rows] == DEFECTS
    for row in rows:
        tests = named_in(row[-1])
        assert tests
        assert [test for test in tests if marks_of(test) is None] == []
