"""The rules of docs/architecture.md that a machine can see, each asked of everything there is."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from io import StringIO
from itertools import pairwise
from pathlib import Path
from typing import Any
from weakref import ref

import pytest
from django.apps import apps
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import connection, models, transaction
from django.db.models import CheckConstraint, JSONField, Q, UniqueConstraint
from django.db.models.signals import ModelSignal

from clinical.identifiers import uuid7
from clinical.models import Client, Intervention, User
from clinical.models.base import Record, ScopedQuerySet, ShapedJSONField
from clinical.models.people import ClientQuerySet
from tests.clinical import test_people, test_sessions
from tests.clinical.test_people import Scene, attempt, refused_by, scene_of
from tests.insights import test_evidence_constraints
from tests.transcripts import test_source_constraints
from transcripts.models import SearchWord

ROOT = Path(__file__).resolve().parent.parent
APPS = ("clinical", "transcripts", "insights")
MODELS = [model for app in APPS for model in apps.get_app_config(app).get_models()]
SOURCES = [path for app in (*APPS, "config") for path in sorted((ROOT / app).rglob("*.py"))]

# Rows of no client, each with the reason why.
COMMON: dict[type[models.Model], str] = {
    User: "people of the practice; only those who manage users see them",
    Intervention: "names of techniques, of the practice as a whole",
    SearchWord: "a word list; a correction is offered only where the asker has a hit of it",
}


def _names(rows: Sequence[type[models.Model]]) -> list[str]:
    return [model._meta.label for model in rows]


# --- the dependency rule


def test_the_import_contracts_are_kept() -> None:
    lint = Path(sys.executable).parent / "lint-imports"
    result = subprocess.run([lint, "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout
    assert re.search(r"Contracts: [1-9]\d* kept, 0 broken", result.stdout), result.stdout


def test_no_signal_joins_the_apps() -> None:
    joined = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in SOURCES
        for line in path.read_text().splitlines()
        if re.search(r"@receiver|\bfrom django\.[\w.]*signals\b|\bimport .*\bsignals\b", line)
    ]
    assert joined == []
    listening = [
        receiver
        for name, signal in vars(models.signals).items()
        if isinstance(signal, ModelSignal)
        for _, held, *_ in signal.receivers
        if (receiver := held() if isinstance(held, ref) else held) and receiver.__module__.startswith(APPS)
    ]
    assert listening == []


CATCH_ALL = {"utils", "util", "helpers", "helper", "common", "misc", "services", "service", "managers", "handlers"}


def test_no_module_is_a_catch_all() -> None:
    assert [str(path) for path in SOURCES if path.stem in CATCH_ALL or path.parent.name in CATCH_ALL] == []


@pytest.mark.seed("S0-70")
@pytest.mark.usefixtures("db")
def test_no_migration_is_missing() -> None:
    said = StringIO()
    try:
        call_command("makemigrations", "--check", "--dry-run", stdout=said, stderr=said)
    except SystemExit:
        pytest.fail(f"makemigrations would add:\n{said.getvalue()}")
    assert "No changes detected" in said.getvalue()


# --- models


@pytest.mark.parametrize("model", MODELS, ids=_names(MODELS))
def test_every_model_is_scoped_to_a_client_or_listed_as_common(model: type[models.Model]) -> None:
    if model in COMMON:
        assert not any(field.name == "client" for field in model._meta.fields), "a common row is of no client"
        return
    rows = model._default_manager.all()
    if model is Client:
        assert isinstance(rows, ClientQuerySet)
        return
    assert isinstance(rows, ScopedQuerySet)
    field = model._meta.get_field("client")
    assert isinstance(field, models.ForeignKey)
    assert (field.related_model, field.null) == (Client, False)


@pytest.mark.seed("S0-01", "S3-02")
@pytest.mark.parametrize("model", MODELS, ids=_names(MODELS))
def test_every_key_is_a_uuid7_that_we_make(model: type[models.Model]) -> None:
    key = model._meta.pk
    assert key is not None
    assert isinstance(key, models.UUIDField)
    assert key.default is uuid7


@pytest.mark.seed("S0-03", "S0-04", "S3-01", "S4-09")
@pytest.mark.parametrize("model", MODELS, ids=_names(MODELS))
def test_every_row_says_when_it_was_made_and_when_changed_unless_it_never_is(model: type[models.Model]) -> None:
    fields = {field.name for field in model._meta.fields}
    if model is SearchWord:
        return
    assert "created_at" in fields
    immutable = {"Passage", "Reading", "Evidence"}
    assert ("updated_at" in fields) is issubclass(model, Record) is (model.__name__ not in immutable)


CHOSEN = [
    (model, field)
    for model in MODELS
    for field in model._meta.fields
    if field.choices and field.model._meta.app_label in APPS
]


def _values_in(constraint: CheckConstraint, field: str) -> list[str] | None:
    """Of `field__in=[…]`, wherever it stands in the constraint."""
    waiting: list[Any] = [constraint.condition]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Q):
            waiting += one.children
        elif isinstance(one, tuple) and one[0] == f"{field}__in":
            return list(one[1])
    return None


@pytest.mark.seed("S4-30", "S0-07")
@pytest.mark.parametrize(("model", "field"), CHOSEN, ids=lambda one: getattr(one, "__name__", getattr(one, "name", "")))
def test_what_may_be_chosen_is_what_the_database_takes(
    model: type[models.Model], field: models.Field[Any, Any]
) -> None:
    checks = [one for one in model._meta.constraints if isinstance(one, CheckConstraint)]
    taken = [values for check in checks if (values := _values_in(check, field.name)) is not None]
    assert len(taken) == 1, "one check holds the column's words"
    chosen = [value for value, _ in field.flatchoices]
    assert sorted(taken[0]) == sorted([*chosen, ""] if field.blank and not field.null else chosen)


def test_every_constraint_and_index_is_named_for_what_it_belongs_to() -> None:
    constraints = [(one.name, f"{model._meta.label_lower.replace('.', '_')}_") for model in MODELS
                   for one in model._meta.constraints]  # fmt: skip
    indexes = [(one.name, f"{model._meta.app_label}_") for model in MODELS for one in model._meta.indexes]
    assert [name for name, belongs_to in constraints + indexes if not name.startswith(belongs_to)] == []


def test_every_index_says_which_query_it_serves() -> None:
    silent = []
    for path in [path for app in APPS for path in sorted((ROOT / app / "models").glob("*.py"))]:
        lines = path.read_text().splitlines()
        silent += [
            f"{path.relative_to(ROOT)}: {line.strip()}"
            for before, line in pairwise(lines)
            if re.match(r"\s+(models\.)?\w*Index\(", line) and not before.strip().startswith("# ")
        ]
    assert silent == []


# --- JSON columns

JSON_COLUMNS = {
    f"{model._meta.label}.{field.name}": field
    for model in MODELS
    for field in model._meta.fields
    if isinstance(field, JSONField)
}
_FACTS = (
    {"work": "nurse", "children": 2, "languages": ["en", "de"], "driver": True, "left": None},
    [{"work": "nurse"}],
)
_EMOTIONS = ({"joy": 0.5, "fear": 0}, {"joy": 1.5})
_SHARE = {
    "role": "client", "speaker": "Ada", "words": 4, "share": 1.0, "passages": 1, "turns": 1, "questions": 0,
    "mean_turn_words": 4.0, "speaking_ms": None,
}  # fmt: skip
_TALK = {
    "passages": 1, "turns": 1, "words": 4, "questions": 0, "speakers": [_SHARE], "roles": [_SHARE],
    "longest_silence": {"after": 0, "duration_ms": 900}, "version": "1",
}  # fmt: skip
# A value that the column takes, and one that it does not.
SHAPES: dict[str, tuple[Any, Any]] = {
    "clinical.User.profile": _FACTS,
    "clinical.Client.demographics": _FACTS,
    "clinical.Client.preferences": (_FACTS[0], {"work": {"as": "nurse"}}),
    "clinical.Client.risk_factors": (
        [{"factor": "bereavement", "severity": "high", "since": "2023", "source": "intake"}, {"factor": "alcohol"}],
        [{"factor": "bereavement", "level": "high"}],
    ),
    "clinical.Client.treatment_history": (_FACTS[0], "none"),
    "transcripts.ImportJob.options": (
        {"kind": "transcript", "format": "auto", "occurred_at": None, "roles": {"A": "client"}, "mapping": {}},
        {"kind": "transcript", "format": "auto", "occurred_at": None, "roles": {"A": "king"}, "mapping": {}},
    ),
    "transcripts.ImportJob.result": (
        [{"source": "01a2059f-588a-7000-82a7-13d0f0b229fd", "created": True, "passages": 3}],
        [{"source": "A", "created": True, "passages": 3}],
    ),
    "transcripts.ImportJob.errors": ([{"line": None, "message": "empty"}, {"line": 3, "message": "no"}], [{"line": 3}]),
    "transcripts.Passage.words": (
        [{"word": "I", "start_ms": 0, "end_ms": 90, "confidence": 0.9},
         {"word": "do", "start_ms": None, "end_ms": None, "confidence": None}],
        [{"word": "I", "start": 0.0}],
    ),
    "insights.Insight.attributes": (
        {"polarity": "affirmed", "time": "present", "experiencer": "self", "modality": "actual"},
        {"polarity": "affirmed"},
    ),
    "insights.Insight.recommendations": (["Ask about sleep."], [{"text": "Ask about sleep."}]),
    "insights.AnalysisRun.analyzers": (
        [{"name": "sentiment", "version": "1", "sha256": "0" * 64}], [{"name": "sentiment"}]
    ),
    "insights.Reading.emotions": _EMOTIONS,
    "insights.Reading.keywords": (
        [{"term": "sleep", "score": 0.5, "spans": [[9, 14]]}], [{"term": "sleep", "score": 1.5, "spans": []}]
    ),
    "insights.SourceSummary.emotions": _EMOTIONS,
    "insights.SourceSummary.talk": (_TALK, {"passages": 1}),
}  # fmt: skip


def test_every_json_column_has_its_values_here() -> None:
    assert JSON_COLUMNS.keys() == SHAPES.keys()


@pytest.mark.seed("S0-16", "S0-17", "S0-20", "S0-21", "S0-30", "S0-31", "S0-33", "S1-70", "S1-71")
@pytest.mark.parametrize("column", SHAPES)
def test_every_json_column_is_read_by_its_shape_and_nothing_else_is_kept(column: str, clara: User) -> None:
    field, (good, bad) = JSON_COLUMNS[column], SHAPES[column]
    assert isinstance(field, ShapedJSONField)
    assert field.read is not None
    assert field.get_db_prep_save(good, connection) is not None
    field.read(good)
    with pytest.raises(ValidationError, match=field.name):
        field.get_db_prep_save(bad, connection)
    with pytest.raises(ValidationError, match=field.name):
        field.clean(bad, None)
    model = field.model
    if model.__name__ in {"Passage", "Reading"}:
        return  # never updated
    row = model._default_manager.get(pk=scene_of(clara)[f"ada.{model._meta.model_name}"])
    rows = model._default_manager.filter(pk=row.pk)
    rows.update(**{field.name: good})
    row.refresh_from_db()
    assert getattr(row, field.name) == good
    setattr(row, field.name, bad)
    for write in (
        row.save,
        lambda: rows.update(**{field.name: bad}),
        lambda: model._default_manager.bulk_update([row], [field.name]),
    ):
        with pytest.raises(ValidationError, match=field.name), transaction.atomic():
            write()
    row.refresh_from_db()
    assert getattr(row, field.name) == good


# --- what the database holds

ATTACKED = {
    attack.rule
    for module in (test_people, test_sessions, test_source_constraints, test_evidence_constraints)
    for attack in module.ATTACKS
} | test_evidence_constraints.ATTACKED_BELOW
DECLARED = [constraint for model in MODELS for constraint in model._meta.constraints]


@pytest.mark.seed("S3-32")
@pytest.mark.parametrize("constraint", DECLARED, ids=lambda one: one.name)
def test_every_constraint_is_attacked_with_raw_sql(constraint: models.BaseConstraint) -> None:
    if isinstance(constraint, UniqueConstraint) and "id" in constraint.fields:
        return  # unique because the id is: a target for composite foreign keys, which are attacked
    assert constraint.name in ATTACKED


@pytest.mark.usefixtures("db")
def test_every_trigger_and_every_composite_foreign_key_is_attacked_with_raw_sql() -> None:
    tables = [model._meta.db_table for model in MODELS]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT f.proname FROM pg_trigger t JOIN pg_proc f ON f.oid = t.tgfoid "
            "WHERE NOT t.tgisinternal AND t.tgrelid::regclass::text = ANY(%s)",
            [tables],
        )
        triggers = {name for (name,) in cursor.fetchall()}
        cursor.execute(
            "SELECT conname FROM pg_constraint "
            "WHERE contype = 'f' AND cardinality(conkey) > 1 AND conrelid::regclass::text = ANY(%s)",
            [tables],
        )
        pairs = {name for (name,) in cursor.fetchall()}
    assert len(pairs) >= 15
    assert (triggers | pairs) - ATTACKED == {"touch_updated_at"}  # asked of every table below


@pytest.mark.usefixtures("db")
def test_every_foreign_key_that_the_models_leave_out_is_one_in_the_database() -> None:
    """A `db_constraint=False` is a promise that a composite key stands in its place."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conrelid::regclass::text, a.attname FROM pg_constraint c "
            "JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = ANY(c.conkey) WHERE contype = 'f'"
        )
        held = set(cursor.fetchall())
    declared = {
        (model._meta.db_table, field.column)
        for model in MODELS
        for field in model._meta.fields
        if isinstance(field, models.ForeignKey)
    }
    # A reading's client is held by a trigger: check_reading_client, refuse_reading_update.
    assert declared - held - {("insights_reading", "client_id")} == set()


@pytest.fixture
def scene(clara: User) -> dict[str, str]:
    return scene_of(clara)


OF_CLIENTS = [model for model in MODELS if model not in COMMON and model is not Client]
_KEPT_BY = {
    "Passage": "refuse_passage_update",
    "Reading": "refuse_reading_update",
    "Evidence": "check_evidence",
}


@pytest.mark.parametrize("model", OF_CLIENTS, ids=_names(OF_CLIENTS))
def test_no_row_ever_moves_to_another_client(model: type[models.Model], scene: Scene) -> None:
    refused = attempt(model, {"client_id": "@bea.client"}, scene, via="update")
    assert refused == _KEPT_BY.get(model.__name__, "keep_client")


RECORDS = [model for model in MODELS if issubclass(model, Record)]


@pytest.mark.seed("S0-04", "S3-01")
@pytest.mark.parametrize("model", RECORDS, ids=_names(RECORDS))
def test_updated_at_is_right_whichever_way_a_row_is_changed(model: type[Record], scene: Scene) -> None:
    pk = scene[f"ada.{model._meta.model_name}"]
    table = model._meta.db_table

    def updated_at() -> Any:
        return model._default_manager.values_list("updated_at", flat=True).get(pk=pk)

    before = updated_at()
    assert refused_by(f"UPDATE {table} SET created_at = created_at WHERE id = %s", (pk,)) is None
    assert updated_at() == before, "nothing was changed"
    assert refused_by(f"UPDATE {table} SET created_at = created_at - interval '1 s' WHERE id = %s", (pk,)) is None
    after_raw = updated_at()
    assert after_raw > before
    model._default_manager.filter(pk=pk).update(created_at=before)
    after_update = updated_at()
    assert after_update > after_raw
    long_ago = f"UPDATE {table} SET updated_at = '2001-01-01' WHERE id = %s"
    assert refused_by(long_ago, (pk,)) is None
    assert updated_at() > after_update, "nobody sets it back"
    model._default_manager.get(pk=pk).save()
    assert updated_at() > after_update


COUNTED = [
    (model, field.column)
    for model in MODELS
    for field in model._meta.fields
    if isinstance(
        field, models.PositiveIntegerField | models.PositiveBigIntegerField | models.PositiveSmallIntegerField
    )
]


# where another rule of the same row is asked first
_REFUSED_FIRST = {
    ("Passage", "end_ms"): "transcripts_passage_end_after_start",
    ("SourceSummary", "passages"): "insights_sourcesummary_assessed_in_range",
    ("Evidence", "char_start"): "check_evidence",
    ("Evidence", "char_end"): "check_evidence",
}


@pytest.mark.parametrize(("model", "column"), COUNTED, ids=lambda one: getattr(one, "__name__", one))
def test_no_count_is_below_zero(model: type[models.Model], column: str, scene: Scene) -> None:
    refused = attempt(model, {column: -1}, scene, via="insert")
    assert refused == _REFUSED_FIRST.get((model.__name__, column), f"{model._meta.db_table}_{column}_check")


# --- reading rows

# The reads of API and screens are held by their tables of every route and every kind of person.
EDGES = [path for path in SOURCES if path.name == "admin.py" or {"management"} & set(path.parts)]
SCOPED = {model.__name__ for model in OF_CLIENTS} | {"Client"}
_THROUGH_THE_RULE = {"visible_to", "open"}


def _reads(path: Path) -> Iterator[str]:
    """`Model.objects.x` and `Model._default_manager.x` of a client's rows, where x is not the rule."""
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Attribute(
                attr=method,
                value=ast.Attribute(attr="objects" | "_default_manager" | "_base_manager", value=ast.Name(name)),
            ) if name in SCOPED and method not in _THROUGH_THE_RULE:
                yield f"{path.relative_to(ROOT)}:{node.lineno}: {name}.objects.{method}"


@pytest.mark.seed("S2-68")
def test_screens_and_commands_read_clients_rows_only_through_the_rule() -> None:
    assert len(EDGES) >= 10
    assert [read for path in EDGES for read in _reads(path)] == []


def test_no_broad_except_is_without_its_reason() -> None:
    bare = [
        f"{path.relative_to(ROOT)}:{number + 1}"
        for path in SOURCES
        for number, line in enumerate(path.read_text().splitlines())
        if re.search(r"except Exception\b|except\s*:", line) and "#" not in line
    ]
    assert bare == []
