"""One small file of every kind, in the form that the real tools write."""

from datetime import UTC, datetime

import pytest

from tests.transcripts.formats.reading import SAMPLES, read_sample, timed
from transcripts.roles import Role

A, B = "SPEAKER_00", "SPEAKER_01"
READ = [
    (
        "anamnesis.json",
        "json",
        [("Therapist", 0, 1500, "What is different today?"), ("Ben", 2000, None, "I came by bus.\n\nAlone.")],
    ),
    (
        "clock_names.txt",
        "txt",
        [
            ("Therapist", 2000, None, "Who knows about this?"),
            ("Client", 6000, None, "My sister."),
            ("Client", 9000, None, "Nobody else."),
            ("Therapist", 14000, None, "Would she come along?"),
        ],
    ),
    (
        "dialogue.txt",
        "txt",
        [
            ("Therapist", None, None, 'You said "at 17:30" twice.'),
            ("Client", None, None, "Because 17:30 is when he comes home.\nI listen for the car.\n\nThen I tidy up."),
            ("Therapist", None, None, "And if the car is late?"),
            ("Client", None, None, "I tidy twice."),
        ],
    ),
    (
        "excel.csv",
        "csv",
        [("Therapeutin", 5000, None, "Wie war die Woche? Schön?"), ("Klient", 9000, None, "Müde; und doch besser.")],
    ),
    (
        "faster_whisper_segments.json",
        "whisper",
        [(None, 0, 1500, "Shall we begin?"), (None, 2000, 3250, "Yes, please.")],
    ),
    (
        "markdown.md",
        "txt",
        [("Maria", 2000, None, "Let us start with the scale."), ("Jonas", 7000, None, "Four, maybe five.")],
    ),
    (
        "named.srt",
        "srt",
        [("Therapist", 1000, 3000, "Where in the body is it?"), ("Client", 3500, 5000, "Here: in the chest.")],
    ),
    (
        "otter.txt",
        "txt",
        [
            ("Maria", 1000, None, "What helped on Tuesday?"),
            ("Jonas", 5000, None, "The dog, mostly.\nAnd the rain."),
            ("Maria", 3723000, None, "Go on."),
        ],
    ),
    (
        "premiere.srt",
        "srt",
        [
            (None, 1000, 3500, "I kept the\nlist you asked for."),
            (None, 4000, 6000, "And?"),
            (None, 6500, 9000, "Three good things a day,\nmost days."),
        ],
    ),
    ("styled.vtt", "vtt", [("Ann", 1000, 3000, "Breathe in."), (None, 4000, 6000, "- And out.\n- And in.")]),
    (
        "teams.vtt",
        "vtt",
        [
            ("Keller, Maria", 0, 4320, "How was the first night at home?"),
            ("Adler, Jonas", 5750, 9800, "Quiet & strange."),
        ],
    ),
    (
        "timed.txt",
        "txt",
        [
            ("Therapist", 3000, None, "Shall we look at the diary?"),
            ("Client", 9000, None, "I left it at home.\nNote: it was on the table."),
            ("Client", 75250, None, "I remember most of it."),
        ],
    ),
    (
        "transformers_pipeline.json",
        "whisper",
        [(None, 0, 2500, "We argued on Sunday."), (None, 2500, None, "About what?")],
    ),
    ("whisper.json", "whisper", [(None, 0, 2400, "How did the week go?"), (None, 3120, 5000, "Slowly, to be honest.")]),
    ("whisper_console.txt", "txt", [(None, 0, 2480, "I could not get up."), (None, 2480, 5000, "Not until noon.")]),
    ("whisper_cpp.json", "whisper", [(None, 0, 2500, "I slept badly again."), (None, 2500, 4000, "Since when?")]),
    ("whisper_timestamped.json", "whisper", [(None, 200, 1400, "Ça va mieux.")]),
    (
        "whisperx_diarised.json",
        "whisper",
        [(B, 100, 2200, "I walked 3 miles today."), (A, 2900, 3900, "That is something.")],
    ),
    (
        "x01.json",
        "x01",
        [(A, 500, 3000, "What would a better evening look like?"), (B, 4000, 6500, "Nobody shouting at the table.")],
    ),
    ("youtube.vtt", "vtt", [(None, 1000, 2500, "we try again"), (None, 2500, 4000, "we try again\nand then we rest")]),
    (
        "zoom.vtt",
        "vtt",
        [
            ("Maria Keller", 3120, 5400, "Can you both hear me?"),
            ("Jonas Adler", 6000, 7250, "Yes."),
            ("Jonas Adler", 7900, 12000, "We had a better week: two walks, one quarrel."),
            (None, 13000, 15000, "and no silence after it"),
        ],
    ),
    (
        "zoom_chat.txt",
        "txt",
        [("Maria Keller", 32472000, None, "The link to the sheet"), ("Jonas Adler", 32500000, None, "thanks")],
    ),
]


@pytest.mark.parametrize(("file_name", "format_name", "expected"), READ, ids=[row[0] for row in READ])
def test_a_sample_is_recognised_and_read(file_name: str, format_name: str, expected: list[object]) -> None:
    name, (conversation,) = read_sample(file_name)
    assert (name, timed(conversation), conversation.warnings) == (format_name, expected, ())


def test_every_sample_is_read_by_a_test() -> None:
    assert {path.name for path in SAMPLES.iterdir()} == {row[0] for row in READ} | {"annotated.csv"}


def test_annotated_rows_become_one_conversation_each_in_the_order_of_the_utterances() -> None:
    name, conversations = read_sample("annotated.csv")
    assert name == "csv"
    assert [(each.external_id, each.title) for each in conversations] == [("4", "Smoking, first visit"), ("9", "Sleep")]
    assert conversations[0].roles == {"therapist": Role.THERAPIST, "client": Role.CLIENT}
    assert timed(conversations[0]) == [
        ("therapist", 2000, None, "How many a day?"),
        ("client", None, None, "Twenty."),
        ("therapist", 11000, None, "And at work?"),
        ("client", 10000, None, "Fewer."),
    ]
    assert conversations[0].warnings == (
        "Line 6: the start 00:00:060 is no time like 00:01:02.345 or 62.345; it was left empty.",
        "Line 7: the start steps back in time; the order of the file was kept.",
    )


def test_an_x01_file_says_when_and_whose_session_it_is() -> None:
    _, (conversation,) = read_sample("x01.json")
    assert conversation.external_id == "s-2024-017"
    assert conversation.occurred_at == datetime(2024, 3, 5, 10, tzinfo=UTC)
    assert conversation.roles == {A: Role.THERAPIST, B: Role.CLIENT}


LANGUAGES = [
    ("whisper.json", "en"),
    ("whisper_timestamped.json", "fr"),
    ("whisper_cpp.json", "en"),
    ("youtube.vtt", "en-GB"),
]


@pytest.mark.parametrize(("file_name", "language"), LANGUAGES)
def test_the_language_is_what_the_file_says(file_name: str, language: str) -> None:
    assert read_sample(file_name)[1][0].language == language
