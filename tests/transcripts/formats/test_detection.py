import pytest

from tests.transcripts.formats.reading import read_one
from transcripts.formats import FORMATS, WRITERS, read_file, write_text
from transcripts.formats.base import ExportError, FormatError, Transcript


def test_the_names_of_the_formats() -> None:
    assert [found.NAME for found in FORMATS] == ["vtt", "srt", "x01", "json", "whisper", "csv", "txt"]
    assert [found.NAME for found in WRITERS] == ["json", "vtt", "srt", "txt", "csv"]


def test_content_counts_and_not_the_file_s_name() -> None:
    assert read_file("x.csv", b"WEBVTT\n\n00:01.000 --> 00:02.000\nHi\n")[0] == "vtt"
    assert read_file("x.json", b"[00:12] Ann: Hi\n")[0] == "txt"


def test_a_vtt_without_its_first_line_is_refused_but_read_as_srt_on_request() -> None:
    raw = b"00:00:01.000 --> 00:00:02.000\nHi\n"
    with pytest.raises(FormatError, match=r"first line is not WEBVTT.*with the format srt"):
        read_file("x.vtt", raw)
    assert read_file("x.vtt", raw, "srt")[0] == "srt"


def test_a_format_that_does_not_exist_is_refused_with_those_that_do() -> None:
    with pytest.raises(FormatError, match="Choose auto or one of vtt, srt, x01, json, whisper, csv, txt"):
        read_one("Ann: Hi", "docx")
    with pytest.raises(ExportError, match="choose one of json, vtt, srt, txt, csv"):
        write_text(Transcript("1", None, None, "transcript", None, ()), "docx")


@pytest.mark.parametrize("name", [found.NAME for found in FORMATS])
@pytest.mark.parametrize("text", ["{}", "[1, 2]", "nothing of the kind", "{", "\ufffd"])
def test_every_format_refuses_what_it_is_not(name: str, text: str) -> None:
    with pytest.raises(FormatError):
        read_one(text, name)
