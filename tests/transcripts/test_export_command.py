"""`manage.py export_source`: what was imported comes back, in every format, and only to whom may have it."""

from __future__ import annotations

import json
import stat
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command

from clinical.access import UserRole
from clinical.models import Client, User
from tests.factories import open_client, sign_up
from tests.transcripts.test_import_command import FORMATS, SAMPLES, environment, import_sources, manage
from transcripts.formats import WRITERS
from transcripts.formats.base import Conversation, Utterance
from transcripts.models import Passage, Source, Speaker
from transcripts.roles import Role
from transcripts.storing import prepare, store

NAMES = [writer.NAME for writer in WRITERS]
TIMED = ("vtt", "srt")

HARD = (
    "Plain.",
    "A blank line\n\ninside, and\n\n\ntwo more.",
    "Name: x",
    "Therapist: this is no speaker.\nClient: nor this.",
    "[00:12] Kim: not a time",
    '"Quotes", \'more\', “typographic”, ""doubled"", and ; , \t |',
    "=SUM(A1:A9)",
    "+49 30 / -1 / @home / 'x",
    "<v Anna>tags</v> <b>bold</b> &amp; &lt; <00:01.000> <!-- x --> </script>",
    "00:00:01,000 --> 00:00:02,000",
    "1\n00:00:01,000 --> 00:00:02,000\nA cue in a cue.\n\n2",
    "WEBVTT\n\nNOTE x\n\nSTYLE",
    "# anamnesis 1",
    "NOTE not a note",
    "---\n***\n# heading\n> quote\n\\backslash\\ \\n \\",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f600 e\u0301 \ufb01",
    "\u05e9\u05dc\u05d5\u05dd \u200f\u0645\u0631\u062d\u0628\u0627\u200e (abc) \u202bRTL\u202c",
    "\u2028line\u2029paragraph \u00a0nbsp\u3000wide",
    '{"json": [1, null]}',
    "a,b;c|d\te",
    "0",
    "null",
    ".",
    "…",
    "very long " * 9_000 + "end",
    "l\n" * 3_000 + "l",
    "x" * 50_000,
)
LABELS = ("Therapist", "Client", None, "Kim: B", 'O\'Brien, "Pat"', "<v X>", "אנה", "=cmd", "[00:01]", "a\u2028b", "1")


def exported(source: Source | str, name: str, *args: str) -> str:
    out = StringIO()
    call_command("export_source", str(getattr(source, "pk", source)), "--format", name, *args, stdout=out)
    return out.getvalue()


def as_said(source: Source) -> list[tuple[Any, ...]]:
    fields = ("sequence", "speaker__label", "start_ms", "end_ms", "text")
    return list(Passage.objects.filter(source=source).order_by("sequence").values_list(*fields))


def keep(client: Client, *utterances: Utterance, **more: Any) -> Source:
    conversation = Conversation(utterances, **more)
    prepared = prepare(conversation, {}, {})
    return store(
        conversation, prepared, client=client, actor=User.objects.local(), title="A talk", format="txt", file_name="a"
    ).source


def brought_back(source: Source, name: str, folder: Path, *args: str) -> Source:
    """Exported to a file and imported for another client."""
    file = folder / f"{uuid4()}.{name}"
    call_command("export_source", str(source.pk), "--format", name, "--output", str(file))
    code, report = import_sources(file, "--client=OTHER", "--create-client", *args)
    assert (code, report["errors"], report["created"]) == (0, [], 1)
    assert report["sources"][0]["format"] == name
    return Source.objects.get(pk=report["sources"][0]["id"])


@pytest.mark.parametrize("name", NAMES)
def test_hard_texts_come_back_as_they_were(ada: Client, tmp_path: Path, name: str) -> None:
    source = keep(
        ada,
        *(
            Utterance(text, LABELS[place % len(LABELS)], place * 5001, place * 5001 + 4007)
            for place, text in enumerate(HARD)
        ),
    )
    assert as_said(brought_back(source, name, tmp_path)) == as_said(source)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("text", HARD)
def test_a_hard_text_alone_comes_back_as_it_was(ada: Client, tmp_path: Path, name: str, text: str) -> None:
    source = keep(ada, Utterance(text, "Kim", 0, 1))
    assert as_said(brought_back(source, name, tmp_path)) == as_said(source)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("label", LABELS)
def test_a_hard_name_comes_back_as_it_was(ada: Client, tmp_path: Path, name: str, label: str | None) -> None:
    source = keep(ada, Utterance("Yes.", label, 0, 1), Utterance("No.", label, 5, 7), Utterance("Hm.", None, 9, 9))
    assert as_said(brought_back(source, name, tmp_path)) == as_said(source)


ODD_TIMES = (
    Utterance("No end.", "A", 1000, None),
    Utterance("Backwards.", "B", 500, 900),
    Utterance("No times.", "A"),
    Utterance("Only an end.", "B", None, 7000),
    Utterance("At once.", "A", 8000, 8000),
    Utterance("Overlapping.", "B", 8000, 999_999),
    Utterance("At the last moment.", "A", 2**31 - 1, 2**31 - 1),
    Utterance("No end at the end.", "B", 2**31 - 1),
)


@pytest.mark.parametrize("name", NAMES)
def test_times_come_back_also_where_they_are_missing_or_odd(ada: Client, tmp_path: Path, name: str) -> None:
    source = keep(ada, *ODD_TIMES)
    assert as_said(brought_back(source, name, tmp_path)) == as_said(source)


@pytest.mark.parametrize("name", ["json", "csv", "txt"])
def test_a_source_without_times_comes_back(ada: Client, tmp_path: Path, name: str) -> None:
    source = keep(ada, Utterance("Yes.", "A"), Utterance("No."), Utterance("Yes.", "A"))
    assert as_said(brought_back(source, name, tmp_path)) == as_said(source)


@pytest.mark.parametrize("name", TIMED)
def test_subtitles_refuse_a_source_without_times(ada: Client, tmp_path: Path, name: str) -> None:
    source = keep(ada, Utterance("Yes.", "A"), Utterance("No.", "B"))
    with pytest.raises(
        CommandError, match="has no times, and subtitles cannot do without: export it as json, csv or txt"
    ):
        exported(source, name, "--output", str(tmp_path / "a.vtt"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", TIMED)
def test_subtitles_derive_a_missing_end_from_the_next_start(ada: Client, name: str) -> None:
    source = keep(ada, Utterance("One.", "A", 1000), Utterance("Two.", "B", 3500, 4000))
    point = "." if name == "vtt" else ","
    assert f"00:00:01{point}000 --> 00:00:03{point}500" in exported(source, name)


@pytest.mark.parametrize("name", NAMES)
def test_a_source_of_no_passages_comes_back_or_is_refused(ada: Client, tmp_path: Path, name: str) -> None:
    source = keep(ada)
    if name == "srt":
        with pytest.raises(CommandError, match="has no passages, and an SRT file without cues is none"):
            exported(source, name)
    else:
        assert as_said(brought_back(source, name, tmp_path)) == []


@pytest.mark.parametrize("name", ["json", "csv"])
def test_json_and_csv_lose_nothing(ada: Client, tmp_path: Path, name: str) -> None:
    instant = datetime(2026, 5, 4, 14, 0, 0, 123456, tzinfo=UTC)
    source = keep(
        ada,
        Utterance("Yes.", "Kim", 0, 1, 0.1234567890123),
        Utterance("No.", "Lee", 5, 7, 1.0),
        Utterance("Hm.", None, None, None, 0.0),
        external_id=" s=1 ",
        occurred_at=instant,
    )
    Speaker.objects.filter(label="Kim").update(role="partner")
    back = brought_back(source, name, tmp_path)
    assert as_said(back) == as_said(source)
    assert [list(one.passages.order_by("sequence").values_list("confidence", flat=True)) for one in (source, back)] == [
        [0.1234567890123, 1.0, 0.0]
    ] * 2
    assert dict(back.speakers.values_list("label", "role")) == {"Kim": "partner", "Lee": "unknown"}
    assert (back.occurred_at, back.title) == (instant, "A talk")
    assert (back.external_id or "").strip() == "s=1"


@pytest.mark.parametrize("name", NAMES)
def test_a_role_that_a_name_says_survives_every_format(ada: Client, tmp_path: Path, name: str) -> None:
    source = keep(ada, Utterance("Yes?", "Therapist", 0, 1), Utterance("No.", "Mother", 5, 7))
    back = brought_back(source, name, tmp_path)
    assert dict(back.speakers.values_list("label", "role")) == {"Therapist": "therapist", "Mother": "family"}


@pytest.mark.parametrize("sample", [*sorted(path.name for path in FORMATS.iterdir()), "annomi_form.csv"])
def test_every_sample_comes_back_from_every_format_that_can_hold_it(
    ada: Client, local: User, tmp_path: Path, sample: str
) -> None:
    file = next(path for path in (FORMATS / sample, SAMPLES / sample) if path.exists())
    assert import_sources(file, "--client=ADA")[0] == 0
    for source in Source.objects.filter(client=ada):
        timed = any(start is not None for _, _, start, _, _ in as_said(source))
        for name in NAMES:
            if timed or name not in TIMED:
                assert as_said(brought_back(source, name, tmp_path, f"--client=OTHER-{name}")) == as_said(source)


def test_the_export_of_a_source_is_the_same_content_for_the_same_client(ada: Client, tmp_path: Path) -> None:
    keep(ada, *ODD_TIMES)
    (tmp_path / "a.json").write_text(exported(Source.objects.get(), "json"))
    assert import_sources(tmp_path / "a.json", "--client=ADA")[1]["skipped"] == 1


def test_json_has_exactly_these_keys(ada: Client) -> None:
    source = keep(ada, Utterance("Yes – ja.", "Kim", 1, 2, 0.5), Utterance("(a door)"), external_id="s-1")
    assert json.loads(exported(source, "json")) == {
        "id": str(source.pk),
        "external_id": "s-1",
        "title": "A talk",
        "kind": "transcript",
        "occurred_at": None,
        "passages": [
            {
                "sequence": 0,
                "speaker": "Kim",
                "role": "unknown",
                "start_ms": 1,
                "end_ms": 2,
                "text": "Yes – ja.",
                "confidence": 0.5,
            },
            {
                "sequence": 1,
                "speaker": None,
                "role": "unknown",
                "start_ms": None,
                "end_ms": None,
                "text": "(a door)",
                "confidence": None,
            },
        ],
    }


def test_merged_speakers_are_written_as_one(ada: Client) -> None:
    source = keep(ada, Utterance("Yes.", "S1"), Utterance("No.", "S2"))
    one, other = source.speakers.order_by("label")
    Speaker.objects.filter(pk=one.pk).update(role=Role.CLIENT)
    Speaker.objects.filter(pk=other.pk).update(merged_into=one)
    passages = json.loads(exported(source, "json"))["passages"]
    assert [(passage["speaker"], passage["role"]) for passage in passages] == [("S1", "client")] * 2


def test_a_data_csv_carries_no_formula_prefix(ada: Client) -> None:
    assert ",=SUM(A1:A9)," in exported(keep(ada, Utterance("=SUM(A1:A9)", "Kim")), "csv")


def test_the_output_is_whole_private_and_replaces_what_was_there(ada: Client, tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_text("old")
    source = keep(ada, Utterance("Yes."))
    assert exported(source, "json", "--output", str(file)) == ""
    assert json.loads(file.read_text())["id"] == str(source.pk)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_an_output_that_is_a_link_is_written_where_it_points(ada: Client, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "a.json")
    exported(keep(ada, Utterance("Yes.")), "json", "--output", str(tmp_path / "link"))
    assert (tmp_path / "link").is_symlink()
    assert json.loads((tmp_path / "a.json").read_text())["title"] == "A talk"


def test_a_device_stays_a_device(ada: Client) -> None:
    exported(keep(ada, Utterance("Yes.")), "json", "--output", "/dev/null")
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


@pytest.mark.parametrize("place", ["", "nowhere/a.json"])
def test_an_output_that_cannot_be_written_leaves_nothing(ada: Client, tmp_path: Path, place: str) -> None:
    source = keep(ada, Utterance("Yes."))
    with pytest.raises(CommandError, match=r"cannot be written: .*\. Choose another --output"):
        exported(source, "json", "--output", str(tmp_path / place))
    assert list(tmp_path.iterdir()) == []


def test_what_one_may_not_see_is_as_unknown_as_what_is_not_there(ada: Client, ben: User) -> None:
    source = keep(ada, Utterance("Yes."))
    said = []
    for one in (str(source.pk), str(uuid4())):
        with pytest.raises(CommandError) as caught:
            exported(one, "json", "--as", ben.email)
        said.append(str(caught.value).replace(one, "ID"))
    assert said == ["There is no source ID that you may see."] * 2


def test_what_is_no_id_is_refused(ada: Client) -> None:
    with pytest.raises(CommandError, match="“42” is not the id of a source"):
        exported("42", "json")


def test_the_care_team_exports_and_intake_does_not(ada: Client, clara: User, tmp_path: Path) -> None:
    source = keep(ada, Utterance("Yes."))
    assert json.loads(exported(source, "json", "--as", clara.email))["id"] == str(source.pk)
    front_desk = sign_up("desk@practice.example", UserRole.INTAKE)
    open_client("DESK", front_desk)
    with pytest.raises(CommandError, match="may not export"):
        exported(source, "json", "--as", front_desk.email)


def test_refusals_end_with_one(local: User, tmp_path: Path) -> None:
    ended = manage(environment(tmp_path), "export_source", uuid4(), "--format", "json")
    assert (ended.returncode, ended.stdout) == (1, b"")
    assert b"There is no source" in ended.stderr
