"""`manage.py analyse_text`: lines in, lines out, and no database anywhere near."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from io import BytesIO, StringIO, TextIOWrapper
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

ROOT = Path(__file__).resolve().parents[2]
KEYS = ["id", "language", "sentiment", "emotions", "keywords", "findings", "analyzers"]


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """Is not there yet."""
    return tmp_path / "data"


def run(
    data_dir: Path, given: bytes, *, secret: str | None = "for-this-test-only" * 4
) -> subprocess.CompletedProcess[bytes]:
    """Without a server to reach, and without programs to start one."""
    env = {name: value for name, value in os.environ.items() if name not in ("SECRET_KEY", "DJANGO_SETTINGS_MODULE")}
    env |= {
        "DATABASE_URL": "postgres://nobody@127.0.0.1:1/none",
        "PATH": "/nonexistent",
        "ANAMNESIS_DATA_DIR": str(data_dir),
    }
    if secret:
        env["SECRET_KEY"] = secret
    command = [sys.executable, "manage.py", "analyse_text"]
    return subprocess.run(command, env=env, cwd=ROOT, input=given, capture_output=True, timeout=60)


def ask(given: bytes) -> str:
    """In this process, where pytest refuses every query, since no test here asks for a database."""
    out = StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdin", TextIOWrapper(BytesIO(given)))
        call_command("analyse_text", stdout=out)
    return out.getvalue()


def answers(*lines: object) -> list[dict[str, Any]]:
    given = "".join(json.dumps(line) + "\n" for line in lines)
    return [json.loads(line) for line in ask(given.encode()).splitlines()]


def test_each_line_is_answered_in_order_with_these_keys(data_dir: Path) -> None:
    texts = [f"I slept badly {number} times and I am sad." for number in range(700)]
    given = "".join(
        json.dumps({"id": place, "text": text, "role": "client"}) + "\n" for place, text in enumerate(texts)
    )
    ended = run(data_dir, given.encode())
    assert (ended.returncode, ended.stderr) == (0, b"")
    found = [json.loads(line) for line in ended.stdout.splitlines()]
    assert [one["id"] for one in found] == list(range(700))
    first = found[0]
    assert list(first) == KEYS
    assert (first["language"], first["emotions"]) == ("en", None)
    assert -1 <= first["sentiment"] < 0
    assert all(set(one) >= {"term", "score"} for one in first["keywords"])
    assert {"sad"} <= {one["term"] for one in first["keywords"]}
    assert all({"name", "version"} <= set(one) for one in first["analyzers"])
    assert not data_dir.exists()


def test_findings_have_these_keys_and_spans_in_code_points() -> None:
    text = "\U0001f600 I want to kill myself tonight."
    (found,) = answers({"id": "a", "text": text, "role": "client", "prev_text": None, "prev_role": None})
    for finding in found["findings"]:
        assert set(finding) == {"kind", "label", "urgent", "status", "attributes", "spans", "score"}
        assert set(finding["attributes"]) == {"polarity", "time", "experiencer", "modality"}
        assert all(0 <= start < end <= len(text) for start, end in finding["spans"])
    for keyword in found["keywords"]:
        assert {text[start:end].lower() for start, end in keyword["spans"]} == {keyword["term"]}


def test_what_cannot_be_read_is_null_and_never_neutral() -> None:
    german = "Ich weiß wirklich nicht, warum ich heute hierher gekommen bin, aber es geht mir schlecht."
    english, other, nothing = answers({"id": 1, "text": "Bad."}, {"id": 2, "text": german}, {"id": 3, "text": ""})
    assert (english["language"], english["sentiment"] < 0) == ("en", True)
    assert (other["language"], other["sentiment"]) == ("de", None)
    assert (nothing["language"], nothing["sentiment"], nothing["keywords"], nothing["findings"]) == ("en", None, [], [])


def test_ids_come_back_as_they_were_of_whatever_type() -> None:
    ids = ["a", "", "é\u2028\ud800", 7, 1.5, -0.25, 10**30, True, None, [1, "b"], {"c": {"d": None}}]
    assert [one["id"] for one in answers(*({"id": one, "text": "Hm."} for one in ids))] == ids
    assert answers({"text": "No id."})[0]["id"] is None


def test_only_line_feeds_end_a_line() -> None:
    """Whoever cuts the output at every separator that Unicode knows gets the same lines."""
    texts = ["one\u2028two\u2029three", "a\x85b\x0bc\x0cd", "x\x1cy\x1dz\x1e"]
    lines = (json.dumps({"id": text, "text": text}, ensure_ascii=False) for text in texts)
    given = "\n".join(line.replace("\\u000b", " ").replace("\\f", " ") for line in lines) + "\n"
    assert [json.loads(line)["id"][0] for line in ask(given.encode()).splitlines()] == ["o", "a", "x"]


def test_blank_lines_and_line_ends_of_windows_are_passed_over() -> None:
    said = ask(b'\r\n{"id": 1, "text": "a"}\r\n\n  \n{"id": 2, "text": "b"}')
    assert [json.loads(line)["id"] for line in said.splitlines()] == [1, 2]


def test_nothing_in_gives_nothing_out(data_dir: Path) -> None:
    ended = run(data_dir, b"")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, b"", b"")


def test_huge_and_odd_texts_are_read() -> None:
    texts = [
        "I am sad. " * 100_000,
        "x" * 1_000_000,
        "\ud800 sad \udfff",
        "\x00\x01 sad",
        "\U0001f600" * 1000,
        "a\u0301" * 500,
    ]
    found = answers(*({"id": place, "text": text} for place, text in enumerate(texts)))
    assert [one["id"] for one in found] == list(range(len(texts)))
    lone = found[2]["keywords"]
    assert [(one["term"], one["spans"]) for one in lone] == [("sad", [[2, 5]])]


def test_what_was_said_before_may_be_null() -> None:
    same = [
        {"id": 1, "text": "Yes.", "role": "client"},
        {"id": 1, "text": "Yes.", "role": "client", "prev_text": None, "prev_role": None},
        {"id": 1, "text": "Yes.", "role": "client", "prev_text": None, "prev_role": "therapist"},
    ]
    assert len({json.dumps(one) for one in answers(*same)}) == 1
    said_before = {"text": "Yes.", "role": None, "prev_text": "Do you want to die?", "prev_role": "therapist"}
    assert list(answers(said_before)[0]) == KEYS


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"not json", "Line 3 is not JSON: Expecting value"),
        (b'{"id": 1, "text": "cut', "Line 3 is not JSON"),
        (b"\xff\xfe\xfa", "Line 3 is not JSON"),
        (b"[" * 100_000, "Line 3 is not JSON"),
        (b'{"id": ' + b"9" * 5_000 + b', "text": "a"}', "Line 3 is not JSON"),
        (b"[1]", "Line 3 has no “text”"),
        (b'{"id": 1}', "Line 3 has no"),
        (b'{"id": 1, "text": null}', "Line 3 has no"),
        (b'{"id": 1, "text": 5}', "Line 3 has no"),
        (b'{"id": 1, "text": "a", "role": "doctor"}', "one of client, therapist, partner, family, other, unknown"),
        (b'{"id": 1, "text": "a", "role": ["client"]}', "Line 3"),
        (b'{"id": 1, "text": "a", "prev_text": 5}', "Line 3"),
        (b'{"id": 1, "text": "a", "prev_text": "b", "prev_role": 7}', "Line 3"),
        (b'{"id": NaN, "text": "a"}', "Line 3 is not JSON"),
        (b'{"id": 1e999, "text": "a"}', "Line 3 is not JSON"),
    ],
)
def test_a_line_that_is_wrong_is_named_and_nothing_of_it_is_quoted(line: bytes, message: str) -> None:
    with pytest.raises(CommandError, match=message) as caught:
        ask(b'{"id": 0, "text": "Fine."}\n\n' + line + b'\n{"id": 9, "text": "Not reached."}\n')
    assert "cut" not in str(caught.value)


def test_a_wrong_line_ends_with_one(data_dir: Path) -> None:
    ended = run(data_dir, b'{"id": 0, "text": "Fine."}\n{"id"')
    assert ended.returncode == 1
    assert ended.stderr.startswith(b"CommandError: Line 2 is not JSON")
    assert b"Traceback" not in ended.stderr


def test_without_a_secret_it_keeps_one_and_makes_no_database(data_dir: Path) -> None:
    ended = run(data_dir, b'{"id": 1, "text": "Hm."}\n', secret=None)
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert [path.name for path in data_dir.iterdir()] == ["secret_key"]


def test_the_embedded_server_stays_off_too(data_dir: Path) -> None:
    """Without DATABASE_URL the settings name our own server, and nobody starts it."""
    env = os.environ | {"ANAMNESIS_DATA_DIR": str(data_dir), "SECRET_KEY": "for-this-test-only" * 4, "DATABASE_URL": ""}
    env.pop("DJANGO_SETTINGS_MODULE", None)
    command = [sys.executable, "manage.py", "analyse_text"]
    ended = subprocess.run(command, env=env, cwd=ROOT, input=b'{"text": "Hm."}', capture_output=True, timeout=60)
    assert (ended.returncode, ended.stderr, data_dir.exists()) == (0, b"", False)
