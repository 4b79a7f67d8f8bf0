"""Files made to be slow, deep or large: refused or read, in time that grows with their size alone."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transcripts.formats import FORMATS, read_file
from transcripts.formats.base import FormatError, FormatErrors

MANY = 200_000
HOSTILE = {
    "one long line": "Ann: " + "word " * MANY,
    "a long line of blanks": "Ann: hi\nBen" + " " * MANY + "x\n",
    "a long line of digits": "1\n" + "1" * MANY + "\n",
    "digits before an arrow": "1\n" + "1" * MANY + " --> 2\nhi",
    "colons": ":" * MANY,
    "a time of colons": "1\n" + "00:" * MANY + " --> 00:00:01,000\nhi",
    "open tags": "WEBVTT\n\n00:01.000 --> 00:02.000\n" + "<b" * MANY,
    "voices without ends": "WEBVTT\n\n00:01.000 --> 00:02.000\n" + "<v " * MANY,
    "ampersands": "WEBVTT\n\n00:01.000 --> 00:02.000\n" + "&" * MANY,
    "arrows": "WEBVTT\n\n" + "-->\n" * (MANY // 4),
    "srt tags": "1\n00:00:01,000 --> 00:00:02,000\n" + "<a " * MANY,
    "braces": "1\n00:00:01,000 --> 00:00:02,000\n" + "{\\" * MANY,
    "quotation marks": "speaker,text\n" + '"' * MANY,
    "commas": "speaker,text\n" + "," * MANY,
    "a header of commas": "text,speaker" + "," * MANY + "\n",
    "brackets": "[" * MANY,
    "braces of JSON": '{"a":' * MANY,
    "asterisks": "**" * MANY,
    "backslashes in our own text": "# anamnesis 1\n\n" + "\\" * MANY,
    "colons in our own text": "# anamnesis 1\n\n" + "a:" * MANY,
    "blank lines": "Ann: hi\n" + "\n" * MANY,
    "names": "".join(f"Name{number}: hi\n" for number in range(MANY // 10)),
    "backward cues": "WEBVTT\n\n" + "00:02.000 --> 00:01.000\nhi\n\n" * (MANY // 20),
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_no_file_takes_longer_than_its_size(text: str) -> None:
    for format_name in ["auto", *(found.NAME for found in FORMATS)]:
        began = time.perf_counter()
        try:
            for conversation in read_file("hostile", text.encode(), format_name)[1]:
                assert len(conversation.warnings) < 200
        except (FormatError, FormatErrors):
            pass
        assert time.perf_counter() - began < 5, format_name


PIECES = st.sampled_from(
    [
        *(
            "WEBVTT",
            "\n",
            "\n\n",
            "1",
            "00:01.000",
            "00:00:01,000",
            " --> ",
            "-->",
            "<v Ann>",
            "</v>",
            "&amp;",
            "&#0;",
            "&#xD800;",
        ),
        *(
            "Ann: ",
            "Client: ",
            "[00:12] ",
            "**Ann** ",
            "speaker,text",
            ",",
            ";",
            '"',
            "{",
            "}",
            "[",
            "]",
            '"segments":',
            '"text":',
        ),
        *(
            '"start":',
            '"words":',
            "NaN",
            "null",
            "1e999",
            ":",
            "\t",
            "\x00",
            "\x0b",
            "\x85",
            "\u2028",
            "\ufeff",
            "é",
            "\\",
        ),
        *("NOTE anamnesis 1", "# anamnesis 1", "anamnesis:1"),
    ]
)


@settings(max_examples=1500, deadline=None)
@given(
    raw=st.lists(PIECES | st.text(max_size=4).map(lambda text: text.encode("utf-8", "replace").decode()), max_size=25)
    .map("".join)
    .map(str.encode)
    | st.binary(max_size=60),
    format_name=st.sampled_from(["auto", *(found.NAME for found in FORMATS)]),
)
def test_any_bytes_are_read_or_refused_and_what_is_read_can_be_stored(raw: bytes, format_name: str) -> None:
    try:
        conversations = list(read_file("any", raw, format_name)[1])
    except (FormatError, FormatErrors):
        return
    for conversation in conversations:
        for each in conversation.utterances:
            assert each.text.strip()
            assert each.speaker is None or each.speaker.strip()
            assert "\x00" not in each.text + (each.speaker or "")
            (each.text + (each.speaker or "")).encode()
            assert each.start_ms is None or each.start_ms >= 0
            assert each.start_ms is None or each.end_ms is None or each.end_ms >= each.start_ms
            assert each.confidence is None or 0 <= each.confidence <= 1
