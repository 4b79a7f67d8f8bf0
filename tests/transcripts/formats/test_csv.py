from collections.abc import Iterable

import pytest

from tests.transcripts.formats.reading import read_one, texts, timed, turns
from transcripts.formats import read_file
from transcripts.formats.base import Conversation, FormatError, FormatErrors


def read_mapped(raw: str, /, **mapping: str) -> list[Conversation]:
    return list(read_file("x.csv", raw.encode(), mapping=mapping)[1])


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("hint", ["", "sep={}\n"])
def test_the_delimiter_is_found_by_the_header(delimiter: str, hint: str) -> None:
    text = hint.format(delimiter) + "speaker,start,text\nAnn,1.5,Hi\n".replace(",", delimiter)
    assert timed(read_one(text)) == [("Ann", 1500, None, "Hi")]


TIMES = [("62.5", 62_500), ("62,5", 62_500), ("1:02", 62_000), ("00:01:02.5", 62_500), ("", None), ("0", 0)]


@pytest.mark.parametrize(("cell", "start_ms"), TIMES)
def test_a_start_is_a_clock_or_seconds(cell: str, start_ms: int | None) -> None:
    assert timed(read_one(f'speaker,start,text\nAnn,"{cell}",Hi\n')) == [("Ann", start_ms, None, "Hi")]


@pytest.mark.parametrize("cell", ["00:09:025", "soon", "NaN", "1e99", "-5", "inf"])
def test_a_bad_time_is_left_empty_with_a_warning(cell: str) -> None:
    conversation = read_one(f"speaker,start,text\nAnn,{cell},Hi\n")
    assert timed(conversation) == [("Ann", None, None, "Hi")]
    assert len(conversation.warnings) == 1
    assert conversation.warnings[0].startswith("Line 2: the start")


def test_a_warning_never_quotes_what_was_said() -> None:
    (conversation,) = read_mapped("who,what\nAnn,my secret\n", speaker="who", text="what", start="what")
    assert "secret" not in " ".join(conversation.warnings)


def test_columns_are_mapped_by_the_user() -> None:
    text = "Wer,Von,Was,Id\nAnn,1200,Hallo,a\nBen,2400,Ja,b\n"
    found = read_mapped(text, speaker="Wer", start_ms="von", text="Was", conversation="Id")
    assert [(each.external_id, *timed(each)[0]) for each in found] == [
        ("a", "Ann", 1200, None, "Hallo"),
        ("b", "Ben", 2400, None, "Ja"),
    ]


MAPPINGS = [
    ({"txt": "Was"}, "There is no field 'txt' to map.*Fields are conversation, sequence"),
    ({"text": "Wie"}, "There is no column 'Wie'.*Columns are Wer, Was"),
    ({"speaker": "Wer"}, "The mapping names no column for the text"),
]


@pytest.mark.parametrize(("mapping", "reason"), MAPPINGS)
def test_a_wrong_mapping_is_refused_with_what_there_is(mapping: dict[str, str], reason: str) -> None:
    with pytest.raises(FormatError, match=reason):
        read_mapped("Wer,Was\nAnn,Hallo\n", **mapping)


def test_rows_of_a_conversation_need_not_stand_together() -> None:
    text = 'conversation,text\na,1\nb,2\n\n"a","3\nlines"\nb,4\na,\n'
    found = list(read_file("x", text.encode())[1])
    assert [(each.external_id, texts(each)) for each in found] == [("a", ["1", "3\nlines"]), ("b", ["2", "4"])]
    assert found[0].warnings == ("Line 8: there is no text; it was left out.",)


def test_conversations_may_be_read_again() -> None:
    found: Iterable[Conversation] = read_file("x", b"conversation,text\na,1\nb,2\n")[1]
    assert list(found) == list(found)


def test_repeated_rows_of_an_utterance_are_one_passage() -> None:
    text = "conversation,utterance_id,speaker,text,rater\na,1,Ann,Hi,x\na,1,Ann,Hi,y\na,0,Ben,Ho,x\nb,1,Ann,Other,x\n"
    assert [turns(each) for each in read_file("x", text.encode())[1]] == [
        [("Ben", "Ho"), ("Ann", "Hi")],
        [("Ann", "Other")],
    ]


def test_ids_that_are_no_numbers_keep_the_order_of_the_file() -> None:
    assert texts(read_one("utterance_id,text\nu9,one\nu10,two\nu9,one\n")) == ["one", "two"]


def test_two_texts_for_one_utterance_are_an_error_each_with_its_line() -> None:
    with pytest.raises(FormatErrors) as refused:
        read_file("x", b"conversation,utterance_id,text\na,1,Hi\na,1,Ho\nb,1,Hi\nb,1,Hu\n")
    assert [error.line for error in refused.value.errors] == [3, 5]
    assert "Ho" not in str(refused.value)


def test_a_text_with_an_unquoted_comma_is_an_error_not_half_a_text() -> None:
    with pytest.raises(FormatError, match="Line 3 has 3 columns, the header has 2") as refused:
        read_file("x", b"speaker,text\nAnn,Hi\nBen,Yes, I do\n")
    assert refused.value.line == 3


def test_a_quotation_mark_that_is_never_closed_is_an_error_with_the_line_of_its_row() -> None:
    with pytest.raises(FormatError, match="The row that begins on line 4 is broken") as refused:
        read_file("x", b'speaker,text\nAnn,"two\nlines"\nBen,"open\nAnn,Hi\n')
    assert refused.value.line == 4


def test_a_header_alone_is_an_empty_source() -> None:
    assert read_one("speaker,text\n").utterances == ()


def test_short_rows_are_filled_up() -> None:
    assert timed(read_one("text,speaker,start\nHi\nHo,Ann\n")) == [(None, None, None, "Hi"), ("Ann", None, None, "Ho")]


@pytest.mark.parametrize("text", ["a,b\n1,2\n", "text\nHi\n", "text,score\nHi,1\n"])
def test_a_table_that_is_no_transcript_is_refused(text: str) -> None:
    with pytest.raises(FormatError, match="no transcript that is known here"):
        read_one(text)


def test_a_text_keeps_its_blanks() -> None:
    assert texts(read_one('speaker,text\nAnn,"  =1+1 \t"\n')) == ["  =1+1 \t"]
