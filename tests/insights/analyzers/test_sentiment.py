import csv
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from vader import SentimentIntensityAnalyzer

from insights.analyzers.base import SCORED, UNSCORED, Finding, Segment
from insights.analyzers.sentiment import SentimentAnalyzer, compound

DATA = Path(__file__).resolve().parents[4] / "shared" / "data"
REFERENCE = SentimentIntensityAnalyzer()
CONTEXT = "no or nor but But so this never without a doubt least at very kind of the I IT shit die for bomb heart"
VOCABULARY = [
    *list(REFERENCE.lexicon)[::50],
    *list(REFERENCE.booster),
    *sorted(REFERENCE.negations)[::3],
    *[*REFERENCE.special_cases, *REFERENCE.idioms, *REFERENCE.multiword] * 3,
    *CONTEXT.split(),
    *["!", "??", "...", ":),", "❤️", "👍🏽", "1️⃣", "don’t", "GREAT!", "(bad)", "ok!!", "ΑΣ", "İyi", "\u200dx", "mother"],
]


def reference(text: str) -> float:
    return REFERENCE.polarity_scores(text)["compound"]


def read(text: str, language: str = "en") -> Finding:
    [(finding,)] = SentimentAnalyzer().analyze([Segment(text, language=language)])
    return finding


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I am happy.", 0.5719),
        ("I am very happy!", 0.6468),
        ("I am not happy.", -0.4585),
        ("I was kind of sad but now it is GREAT", 0.7617),
        ("I never felt so loved", 0.7177),
        ("We sat at the table.", 0.0),
        ("I can't stand my job", -0.4588),
        ("I felt under the weather", -0.4588),
        ("no panic", 0.4023),
        ("🙂", 0.4033),
        (":(", -0.4404),
    ],
)
def test_known_sentences_have_these_scores(text: str, expected: float) -> None:
    assert read(text) == Finding("sentiment", "compound", expected)
    assert reference(text) == expected


@settings(max_examples=1_500)
@given(
    st.lists(st.sampled_from(VOCABULARY).flatmap(lambda w: st.sampled_from((w, w, w.upper(), f"{w},", f"{w}!")))),
    st.sampled_from([" ", "\n", "  "]),
)
def test_a_generated_sentence_scores_as_in_the_reference(words: list[str], gap: str) -> None:
    assert compound(gap.join(words)) == reference(gap.join(words))


@given(st.text())
def test_any_text_scores_as_in_the_reference(text: str) -> None:
    assert compound(text) == reference(text)


@pytest.mark.parametrize(
    ("name", "column", "delimiter", "header"),
    [
        ("therapy/annomi/annomi_simple.csv", 8, ",", True),
        ("labels/goemotions_dev.tsv", 0, "\t", False),
        ("labels/sentiment_human_means_tweets.tsv", 2, "\t", False),
        ("labels/sentiment_human_means_nytEditorialSnippets.tsv", 2, "\t", False),
    ],
)
def test_real_speech_scores_as_in_the_reference(name: str, column: int, delimiter: str, header: bool) -> None:
    path = DATA / name
    if not path.exists():
        pytest.skip(f"{path} is not here: evaluation data is not part of the project")
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file) if delimiter == "," else (line.rstrip("\n").split(delimiter) for line in file)
        texts = [row[column] for row in rows][header:]
    assert len(texts) >= 1_500
    assert [text for text in texts if compound(text) != reference(text)] == []


@pytest.mark.parametrize("text", ["", "   ", "...", "?!", "[inaudible]", "[crying] ...", "42", "182", "-", "\x00\x07"])
def test_text_without_any_word_is_not_assessed(text: str) -> None:
    assert read(text) == Finding("sentiment", "compound", None, UNSCORED)


def test_another_language_is_not_assessed_which_is_not_neutral() -> None:
    assert read("Ich bin happy", language="de") == Finding("sentiment", "compound", None, UNSCORED)
    assert read("The table is brown") == Finding("sentiment", "compound", 0.0, SCORED)


def test_a_batch_keeps_its_order() -> None:
    batch = [Segment("bad"), Segment(""), Segment("good"), Segment("schlecht", language="de")]
    assert [finding.score for (finding,) in SentimentAnalyzer().analyze(batch)] == [-0.5423, None, 0.4404, None]


@pytest.mark.parametrize("unit", ["!", ":)", "good ", "NOT bad but ", "👩\u200d", "[", "can't stand ", "\ud800", "no "])
def test_a_megabyte_is_scored(unit: str) -> None:
    finding = read((unit * 1_000_000)[:1_000_000])
    assert finding.score is None or -1 <= finding.score <= 1


def test_the_analyzer_says_what_it_was_loaded_from() -> None:
    assert (SentimentAnalyzer.name, SentimentAnalyzer.version) == ("sentiment.vader", "1")
    assert len(SentimentAnalyzer.sha256) == 64
