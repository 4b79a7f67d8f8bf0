"""`manage.py import_sources`: what it prints, what it stores, and what it refuses."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from django.apps import apps
from django.conf import LazySettings
from django.core.management import CommandError, call_command
from django.db import connection

from clinical.access import UserRole
from clinical.models import CareTeamMembership, Client, Session, User
from tests.factories import open_client, sign_up
from transcripts.models import ImportJob, Passage, Source, Speaker

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "tests" / "samples"
FORMATS = SAMPLES / "formats"
OF_A_TEST = "of-a-test"  # what the server calls the processes' connections
DIALOGUE = "Therapist: How did you sleep?\nClient: Badly.\nTherapist: Since when?\n"


def environment(data_dir: Path) -> dict[str, str]:
    """For a process that works on the suite's database."""
    at = connection.settings_dict
    secret = f":{quote(str(at['PASSWORD']), safe='')}" if at.get("PASSWORD") else ""
    host = quote(str(at["HOST"]), safe="")
    url = f"postgres://{at['USER']}{secret}@{host}:{at['PORT']}/{at['NAME']}?application_name={OF_A_TEST}"
    ours = {"DATABASE_URL": url, "ANAMNESIS_DATA_DIR": str(data_dir), "SECRET_KEY": "only-for-tests" * 5}
    return os.environ | ours | {"DJANGO_SETTINGS_MODULE": "config.settings"}


def manage(env: dict[str, str], *args: object, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, str(ROOT / "manage.py"), *map(str, args)]
    return subprocess.run(command, env=env, cwd=ROOT, input=stdin, capture_output=True, timeout=120)


def import_sources(*args: object) -> tuple[int, dict[str, Any]]:
    """Exit code and JSON document."""
    out, code = StringIO(), 0
    try:
        call_command("import_sources", *map(str, args), "--json", stdout=out)
    except SystemExit as ended:
        code = int(ended.code or 0)
    return code, json.loads(out.getvalue())


def messages(report: dict[str, Any]) -> list[str]:
    return [error["message"] for error in report["errors"]]


def rows() -> dict[str, int]:
    """Of every table."""
    return {model._meta.label: model._default_manager.count() for model in apps.get_models()}


def write(path: Path, content: str | bytes = DIALOGUE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_the_report_says_what_was_stored_and_nothing_else(ada: Client, clara: User, tmp_path: Path) -> None:
    code, report = import_sources(
        write(tmp_path / "Monday.srt", "1\n00:00:01,000 --> 00:00:04,500\nAnna: I slept.\n"), "--client", "ADA"
    )
    source = Source.objects.get()
    seconds = report.pop("seconds")
    assert code == 0
    assert isinstance(seconds, float)
    assert report == {
        "sources": [
            {
                "id": str(source.pk),
                "external_id": None,
                "title": "Monday",
                "format": "srt",
                "created": True,
                "passages": 1,
                "speakers": [{"label": "Anna", "role": "unknown", "passages": 1, "words": 2}],
                "duration_ms": 4500,
                "sha256": source.content_sha256,
                "warnings": [],
            }
        ],
        "created": 1,
        "skipped": 0,
        "passages": 1,
        "errors": [],
    }


def test_what_is_there_already_is_listed_with_its_id_and_counted_as_skipped(ada: Client, tmp_path: Path) -> None:
    file = write(tmp_path / "a.txt")
    first = import_sources(file, "--client", "ADA")[1]
    before = rows()
    code, second = import_sources(file, "--client", "ada")
    assert code == 0
    assert (second["created"], second["skipped"], second["passages"]) == (0, 1, 0)
    assert second["sources"] == [first["sources"][0] | {"created": False}]
    assert rows() == before | {"transcripts.ImportJob": before["transcripts.ImportJob"] + 1}


def test_a_dry_run_says_what_an_import_would_say_and_stores_nothing(local: User) -> None:
    files = sorted(FORMATS.iterdir())
    before = rows()
    code, foreseen = import_sources(
        *files, SAMPLES / "annomi_form.csv", "--client", "NEW", "--create-client", "--dry-run"
    )
    assert rows() == before
    assert {source["id"] for source in foreseen["sources"]} == {None}
    assert (code, foreseen["errors"]) == (0, [])
    done = import_sources(*files, SAMPLES / "annomi_form.csv", "--client", "NEW", "--create-client")[1]
    assert [source | {"id": None} for source in done["sources"]] == foreseen["sources"]
    assert [done[key] for key in ("created", "skipped", "passages")] == [
        foreseen[key] for key in ("created", "skipped", "passages")
    ]
    assert rows() != before


def test_ids_are_null_in_a_dry_run_of_what_is_there_too(ada: Client, tmp_path: Path) -> None:
    file = write(tmp_path / "a.txt")
    import_sources(file, "--client", "ADA")
    report = import_sources(file, "--client", "ADA", "--dry-run")[1]
    assert [(source["id"], source["created"]) for source in report["sources"]] == [(None, False)]
    assert (report["created"], report["skipped"], report["passages"]) == (0, 1, 0)


def test_a_dry_run_counts_a_file_given_twice_once(ada: Client, tmp_path: Path) -> None:
    first, second = write(tmp_path / "a.txt"), write(tmp_path / "b.txt")
    report = import_sources(first, second, "--client", "ADA", "--dry-run")[1]
    assert [source["created"] for source in report["sources"]] == [True, False]
    assert (report["created"], report["skipped"], report["passages"]) == (1, 1, 3)


def test_a_dry_run_shows_every_error_at_once(ada: Client, tmp_path: Path) -> None:
    broken = write(tmp_path / "a.csv", 'conversation,speaker,text\n1,A,"x\n')
    wide = write(tmp_path / "b.csv", "conversation,speaker,text\n1,A,x,y,z\n1,A,b\n1,A,x,y,z\n")
    before = rows()
    code, report = import_sources(
        broken, write(tmp_path / "c.txt"), wide, tmp_path / "d.vtt", "--client=ADA", "--dry-run"
    )
    assert code == 1
    assert [(Path(error["file"]).name, error["line"]) for error in report["errors"]] == [
        ("a.csv", 2),
        ("b.csv", 2),
        ("b.csv", 4),
        ("d.vtt", None),
    ]
    assert [Path(source["title"]).name for source in report["sources"]] == ["c"]
    assert rows() == before


def test_all_that_is_too_large_in_a_file_is_said_at_once(ada: Client, tmp_path: Path) -> None:
    text = "long " * 20_001
    file = write(tmp_path / "a.csv", f"conversation,speaker,text\n1,A,{text}\n{'x' * 256},A,b\n2,{'n' * 256},{text}\n")
    code, report = import_sources(file, "--client", "ADA")
    assert (code, len(report["errors"]), Source.objects.count()) == (1, 4, 0)
    assert "long" not in json.dumps(messages(report)).replace("longer", "")


def test_a_refused_file_leaves_a_row_that_says_why_and_the_others_are_kept(ada: Client, tmp_path: Path) -> None:
    before = rows()
    secret = write(tmp_path / "a.srt", "1\nnonsense\nI told nobody about Zebulon.\n")
    code, report = import_sources(secret, "--client", "ADA", "--format", "srt")
    assert code == 1
    assert rows() == before | {"transcripts.ImportJob": 1}
    job = ImportJob.objects.get()
    assert (job.state, job.file_name, job.client, job.created_sources) == ("failed", "a.srt", ada, 0)
    assert job.errors == [{key: error[key] for key in ("line", "message")} for error in report["errors"]]
    assert job.last_error == report["errors"][0]["message"]
    assert "Zebulon" not in json.dumps([job.errors, job.last_error, report])
    code, report = import_sources(secret, write(tmp_path / "b.txt"), "--client", "ADA")
    assert (code, report["created"], len(report["errors"])) == (1, 1, 1)
    assert Passage.objects.count() == 3


def test_all_or_nothing_keeps_none_not_even_the_new_client(local: User, tmp_path: Path) -> None:
    before = rows()
    good, bad = write(tmp_path / "a.txt"), write(tmp_path / "b.json", "{}")
    code, report = import_sources(good, bad, "--client", "NEW", "--create-client", "--all-or-nothing")
    assert code == 1
    assert (report["sources"], report["created"], report["passages"]) == ([], 0, 0)
    assert [error["file"] for error in report["errors"]] == [str(bad)]
    assert rows() == before


def test_all_or_nothing_keeps_all_that_are_good(local: User, tmp_path: Path) -> None:
    files = [write(tmp_path / "a.txt"), SAMPLES / "annomi_form.csv"]
    code, report = import_sources(*files, "--client", "NEW", "--create-client", "--all-or-nothing")
    assert (code, report["created"], report["passages"]) == (0, 3, 9)
    assert ImportJob.objects.filter(state="done").count() == 2


def test_errors_go_to_a_csv(ada: Client, tmp_path: Path) -> None:
    bad, out = write(tmp_path / "a, b.csv", "conversation,speaker,text\n1,A,x,y\n"), tmp_path / "errors.csv"
    code, report = import_sources(bad, tmp_path / "none.txt", "--client", "ADA", "--errors-csv", out)
    with out.open(newline="") as file:
        assert list(csv.reader(file)) == [
            ["file", "line", "message"],
            [str(bad), "2", messages(report)[0]],
            [str(tmp_path / "none.txt"), "", messages(report)[1]],
        ]
    assert code == 1


def test_an_errors_csv_that_cannot_be_written_does_not_swallow_the_report(ada: Client, tmp_path: Path) -> None:
    out = StringIO()
    arguments = [str(write(tmp_path / "a.txt")), "--client=ADA", "--json", f"--errors-csv={tmp_path}"]
    with pytest.raises(CommandError, match="errors cannot be written"):
        call_command("import_sources", *arguments, stdout=out)
    assert json.loads(out.getvalue())["created"] == 1


def test_an_unknown_client_and_somebody_elses_are_refused_in_the_same_words(
    ada: Client, ben: User, tmp_path: Path
) -> None:
    file = write(tmp_path / "a.txt")
    for code in ("NOBODY", "ADA"):
        status, report = import_sources(file, "--client", code, "--as", ben.email)
        assert status == 1
        assert report["sources"] == []
        assert report["errors"] == [
            {
                "file": str(file),
                "line": None,
                "message": f"There is no client “{code}” that {ben.email} may see. Add --create-client to create one.",
            }
        ]
    assert Source.objects.count() == 0


def test_somebody_elses_code_cannot_be_taken_and_nobody_joins_its_team(ada: Client, ben: User, tmp_path: Path) -> None:
    before = rows()
    status, report = import_sources(write(tmp_path / "a.txt"), "--client=Ada", "--create-client", f"--as={ben.email}")
    assert (status, rows()) == (1, before)
    assert messages(report) == ["The code “Ada” cannot be used. Choose another one, or ask to join the care team."]


@pytest.mark.parametrize("code", ["", " ", "x" * 41, "a\nb"])
def test_a_code_that_is_none_is_refused_with_the_report(local: User, tmp_path: Path, code: str) -> None:
    before = rows()
    status, report = import_sources(write(tmp_path / "a.txt"), f"--client={code}", "--create-client")
    assert (status, len(report["errors"]), rows()) == (1, 1, before)


def test_whoever_creates_a_client_joins_its_care_team(clara: User, ben: User, tmp_path: Path) -> None:
    file = write(tmp_path / "a.txt")
    assert import_sources(file, "--client=NEW", "--create-client", "--as", " CLARA@practice.example")[0] == 0
    client = Client.objects.get(code="NEW")
    (member,) = CareTeamMembership.objects.filter(client=client)
    assert (member.user, member.role, member.ends_at) == (clara, "treating", None)
    assert Source.objects.get().imported_by == clara
    assert Source.objects.visible_to(clara).count() == 1
    assert Source.objects.visible_to(ben).count() == 0


def test_without_a_name_the_service_user_imports(local: User, tmp_path: Path) -> None:
    assert import_sources(write(tmp_path / "a.txt"), "--client=NEW", "--create-client")[0] == 0
    assert [(one.user, one.role) for one in CareTeamMembership.objects.all()] == [(local, "service")]
    assert Source.objects.get().imported_by == local


def test_a_refused_file_alone_creates_no_client(local: User, tmp_path: Path) -> None:
    before = rows()
    assert import_sources(write(tmp_path / "a.txt", ""), "--client=NEW", "--create-client")[0] == 1
    assert rows() == before


@pytest.mark.parametrize("role", [UserRole.BILLING, UserRole.OPERATOR, UserRole.SUPERVISOR, UserRole.AUDITOR])
def test_who_may_not_import_is_told_so(ada: Client, tmp_path: Path, role: str) -> None:
    user = sign_up("other@practice.example", role)
    before = rows()
    status, report = import_sources(write(tmp_path / "a.txt"), "--client=ADA", f"--as={user.email}")
    assert (status, rows()) == (1, before)
    assert messages(report) == [f"{user.email} ({role}) may not import. Ask a clinician of the care team."]


def test_an_unknown_user_is_told_to_be_added(ada: Client, tmp_path: Path) -> None:
    status, report = import_sources(write(tmp_path / "a.txt"), "--client=ADA", "--as=nobody@practice.example")
    assert status == 1
    assert messages(report) == [
        "There is no active user nobody@practice.example. "
        "Add one: manage.py create_user nobody@practice.example --role clinician"
    ]


def test_speakers_get_the_roles_they_are_given(ada: Client, tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", "speaker,text\nS=1,Hello.\nTherapist,Hm.\nKim,Yes.\n")
    report = import_sources(
        file, "--client=ADA", "--speaker=S=1=client", "--speaker=Therapist=Family", "--speaker", "Kim= Partner "
    )[1]
    assert [(one["label"], one["role"]) for one in report["sources"][0]["speakers"]] == [
        ("S=1", "client"),
        ("Therapist", "family"),
        ("Kim", "partner"),
    ]
    assert set(Speaker.objects.values_list("label", "role")) == {
        ("S=1", "client"),
        ("Therapist", "family"),
        ("Kim", "partner"),
    }


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--speaker=A=doctor", "“doctor” is not a role. A role is one of client, therapist, partner, family, other"),
        ("--speaker=therapist", "“therapist” is not LABEL=ROLE"),
        ("--speaker==therapist", "is not LABEL=ROLE"),
        ("--map=text", "“text” is not FIELD=COLUMN"),
        ("--occurred-at=yesterday", "“yesterday” is not a date and time like 2026-05-04T14:00"),
        ("--occurred-at=2026-02-30T10:00", "is not a date and time"),
        ("--occurred-at=9999-12-31", "is not a day on which"),
        ("--format=docx", "invalid choice: 'docx'"),
        ("--kind=song", "invalid choice: 'song'"),
    ],
)
def test_an_option_that_makes_no_sense_is_refused_before_anything_begins(
    ada: Client, tmp_path: Path, option: str, message: str
) -> None:
    before = rows()
    with pytest.raises(CommandError, match=message):
        call_command("import_sources", str(write(tmp_path / "a.txt")), "--client=ADA", option)
    assert rows() == before


def test_columns_are_mapped(ada: Client, tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", "Fall,Wer,Was,Wann\n12,Th,Guten Tag.,00:01\n12,Kl,Tag.,00:03\n13,Th,Und?,00:01\n")
    mapping = ("--map=conversation=Fall", "--map=speaker=Wer", "--map=text=Was", "--map=start=Wann")
    code, report = import_sources(file, "--client=ADA", *mapping)
    assert code == 0
    assert [(one["external_id"], one["title"], one["passages"]) for one in report["sources"]] == [
        ("12", "a 12", 2),
        ("13", "a 13", 1),
    ]
    assert list(Passage.objects.filter(source__external_id="12").values_list("speaker__label", "start_ms", "text")) == [
        ("Th", 1000, "Guten Tag."),
        ("Kl", 3000, "Tag."),
    ]


@pytest.mark.parametrize(
    ("option", "message"),
    [("text=Nowhere", "There is no column 'Nowhere'"), ("colour=Was", "There is no field 'colour'")],
)
def test_a_mapping_to_nowhere_is_refused(ada: Client, tmp_path: Path, option: str, message: str) -> None:
    code, report = import_sources(write(tmp_path / "a.csv", "Wer,Was\nA,b\n"), "--client=ADA", "--map", option)
    assert (code, Source.objects.count()) == (1, 0)
    assert message in messages(report)[0]


def test_a_named_format_is_taken_at_its_word(ada: Client, tmp_path: Path) -> None:
    file = write(tmp_path / "a.dat", "1\n00:00:01,000 --> 00:00:02,000\nHello.\n")
    assert import_sources(file, "--client=ADA", "--format=vtt")[0] == 1
    assert import_sources(file, "--client=ADA", "--format=whisper")[0] == 1
    assert Source.objects.count() == 0
    report = import_sources(file, "--client=ADA", "--format=srt")[1]
    assert report["sources"][0]["format"] == "srt"


def test_a_folder_means_its_files_in_order_and_no_hidden_ones(ada: Client, tmp_path: Path) -> None:
    for name in ("b.txt", "a/c.txt", "a/.hidden.txt", ".git/config.txt"):
        write(tmp_path / "in" / name, f"Therapist: {name}?\nClient: Yes.\n")
    code, report = import_sources(tmp_path / "in", "--client=ADA")
    assert code == 0
    assert [source["title"] for source in report["sources"]] == ["c", "b"]


def test_an_empty_folder_is_an_error(ada: Client, tmp_path: Path) -> None:
    code, report = import_sources(tmp_path, "--client=ADA")
    assert code == 1
    assert report["errors"] == [{"file": str(tmp_path), "line": None, "message": "There is no file in this folder."}]


def _random_bytes() -> bytes:
    return bytes((number * 7919 + number // 7) % 256 for number in range(4000))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "The file is empty."),
        (b" \n\t\r\n", "The file is empty."),
        (b"\xef\xbb\xbf", "The file is empty."),
        (b"%PDF-1.7\n%\xe2\xe3", "This is a PDF, not a text file."),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "This is an image"),
        (b"\x00\x00\x00\x20ftypM4A ", "This is a recording"),
        (_random_bytes(), ""),
        (b"Dear diary. Nothing else.", "no transcript that is known here"),
        (b'{"messages": []}', ""),
    ],
)
def test_what_is_no_transcript_is_refused(ada: Client, tmp_path: Path, content: bytes, message: str) -> None:
    code, report = import_sources(write(tmp_path / "a", content), "--client=ADA")
    assert (code, len(report["errors"]), Source.objects.count()) == (1, 1, 0)
    assert message in messages(report)[0]


def test_a_file_that_is_not_there_or_cannot_be_read_is_refused(ada: Client, tmp_path: Path) -> None:
    unreadable = Path("/proc/self/mem")  # opens, also for root, and fails when it is read
    too_long = tmp_path / ("n" * 300)
    code, report = import_sources(tmp_path / "none.txt", unreadable, too_long, "--client=ADA")
    assert code == 1
    assert messages(report) == [
        "There is no such file. Check the path.",
        "The file cannot be read: Input/output error. Check its permissions.",
        "The file cannot be read: File name too long. Check its permissions.",
    ]


def test_a_file_above_the_limit_is_refused(ada: Client, tmp_path: Path, settings: LazySettings) -> None:
    settings.IMPORT_MAX_BYTES = 2_000_000
    line = b"Client: I count to nine hundred.\n"
    big = write(tmp_path / "big.txt", line * 100_000)
    code, report = import_sources(big, "/dev/zero", write(tmp_path / "a.txt"), "--client=ADA")
    assert (code, report["created"]) == (1, 1)
    assert messages(report) == ["The file has more than 2 MB, which is the limit. Split it."] * 2


def test_a_file_of_the_very_limit_is_taken(ada: Client, tmp_path: Path, settings: LazySettings) -> None:
    settings.IMPORT_MAX_BYTES = len(DIALOGUE)
    assert import_sources(write(tmp_path / "a.txt"), "--client=ADA")[0] == 0


def test_a_file_name_that_is_no_utf8_is_shown_as_well_as_can_be(ada: Client, tmp_path: Path) -> None:
    name = os.fsdecode(bytes(tmp_path / "x") + b"\xff.txt")
    code, report = import_sources(write(Path(name)), os.fsdecode(bytes(tmp_path / "y") + b"\xff.txt"), "--client=ADA")
    assert (code, report["sources"][0]["title"]) == (1, "x\ufffd")
    assert report["errors"][0]["file"] == f"{tmp_path}/y\ufffd.txt"
    assert set(ImportJob.objects.values_list("file_name", flat=True)) == {"x\ufffd.txt", "y\ufffd.txt"}


@pytest.mark.parametrize(
    ("given", "zone", "instant"),
    [
        ("2026-05-04T14:00+02:00", "UTC", "2026-05-04T12:00:00+00:00"),
        ("2026-05-04T14:00Z", "Europe/Berlin", "2026-05-04T14:00:00+00:00"),
        ("2026-05-04T14:00", "Europe/Berlin", "2026-05-04T12:00:00+00:00"),
        ("2026-05-04 14:00:30", "UTC", "2026-05-04T14:00:30+00:00"),
        ("2026-05-04", "Europe/Berlin", "2026-05-03T22:00:00+00:00"),
    ],
)
@pytest.mark.seed("S0-05")
def test_when_it_was_said(
    ada: Client, tmp_path: Path, settings: LazySettings, given: str, zone: str, instant: str
) -> None:
    settings.TIME_ZONE = zone
    assert import_sources(write(tmp_path / "a.txt"), "--client=ADA", "--occurred-at", given)[0] == 0
    source = Source.objects.get()
    assert source.occurred_at is not None
    assert source.occurred_at.isoformat() == instant
    assert Session.objects.get().occurred_at == source.occurred_at


def test_a_conversation_of_a_csv_is_a_source_each(ada: Client) -> None:
    code, report = import_sources(SAMPLES / "annomi_form.csv", "--client=ADA")
    assert code == 0
    assert [
        (one["external_id"], one["title"], one["format"], one["passages"], one["duration_ms"], one["speakers"])
        for one in report["sources"]
    ] == [
        (
            "7",
            "Cutting down: first talk",
            "csv",
            4,
            6000,
            [
                {"label": "therapist", "role": "therapist", "passages": 2, "words": 13},
                {"label": "client", "role": "client", "passages": 2, "words": 7},
            ],
        ),
        (
            "12",
            "Walking more",
            "csv",
            2,
            4000,
            [
                {"label": "therapist", "role": "therapist", "passages": 1, "words": 6},
                {"label": "client", "role": "client", "passages": 1, "words": 3},
            ],
        ),
    ]
    assert [warning.split(":")[0] for warning in report["sources"][0]["warnings"]] == ["Line 4", "Line 5"]
    assert list(
        Passage.objects.filter(source__external_id="7").order_by("sequence").values_list("start_ms", "text")
    ) == [
        (3000, "How was the weekend, with the wine?"),
        (6000, "Better. Two glasses, not the bottle."),
        (5000, "Two. And whose idea was that?"),
        (None, "Mine."),
    ]


def test_repeated_annotations_make_no_second_passage(ada: Client) -> None:
    import_sources(SAMPLES / "annomi_form.csv", "--client=ADA")
    code, report = import_sources(SAMPLES / "annomi_annotated_form.csv", "--client=ADA")
    assert (code, report["created"], report["skipped"]) == (0, 0, 2)
    assert Passage.objects.count() == 6


def _stdout_and_rest(tmp_path: Path, args: Sequence[object]) -> tuple[int, dict[str, Any], str]:
    ended = manage(environment(tmp_path), "import_sources", *args)
    return ended.returncode, json.loads(ended.stdout), ended.stderr.decode()


def test_standard_output_is_one_json_document_and_standard_error_has_the_rest(local: User, tmp_path: Path) -> None:
    """By a real process; a dry run, since it cannot see what this test has not committed."""
    good, bad = write(tmp_path / "a.txt"), write(tmp_path / "b.txt", "")
    common = ("--client=NEW", "--create-client", "--dry-run", "--json")
    code, report, _ = _stdout_and_rest(tmp_path, [good, FORMATS, *common])
    assert (code, report["created"] > 20, report["errors"]) == (0, True, [])
    code, report, _ = _stdout_and_rest(tmp_path, [good, bad, *common])
    assert (code, report["created"], len(report["errors"])) == (1, 1, 1)
    code, report, _ = _stdout_and_rest(tmp_path, [good, "--client=NOBODY", "--json"])
    assert (code, len(report["errors"])) == (1, 1)


def test_without_json_people_read_what_happened(
    ada: Client, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = StringIO()
    bad = write(tmp_path / "b.txt", "")
    with pytest.raises(SystemExit):
        call_command("import_sources", str(write(tmp_path / "a.txt")), str(bad), "--client=ADA", stdout=out)
    lines = out.getvalue().splitlines()
    assert lines[0] == "a: added, 3 passages, Therapist (therapist), Client (client), as txt"
    assert lines[1].startswith("1 sources with 3 passages added, 0 here already, 1 errors")
    assert "The file is empty." in " ".join(capsys.readouterr().err.split())


def test_the_same_file_is_another_source_for_another_client(ada: Client, clara: User, tmp_path: Path) -> None:
    open_client("BEA", clara)
    file = write(tmp_path / "a.txt")
    ids = {import_sources(file, f"--client={code}")[1]["sources"][0]["id"] for code in ("ADA", "BEA")}
    assert (len(ids), Source.objects.count()) == (2, 2)
