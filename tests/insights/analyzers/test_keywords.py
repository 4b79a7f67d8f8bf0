import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from insights.analyzers.base import Finding, Segment
from insights.analyzers.keywords import MOST, KeywordAnalyzer, singular

WORDS = """
my sister's sister sisters panic attack attacks drinking problem problems severe social anxiety the um wh-what 👍🏽 3 İ
’ , [cries]
"""


def read(text: str, language: str = "en") -> tuple[Finding, ...]:
    [findings] = KeywordAnalyzer().analyze([Segment(text, language=language)])
    return findings


def terms(text: str) -> set[str]:
    return {finding.label for finding in read(text)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I had another panic attack on the bus yesterday.", {"panic attack", "bus"}),
        ("My drinking, you know, it got kind of worse.", {"drinking"}),
        ("My sister and I don't talk about it.", {"sister"}),
        ("My sister’s wedding was a really good thing.", {"sister", "wedding"}),
        ("He has a drinking problem and high blood pressure.", {"drinking problem", "blood pressure"}),
        (
            "Severe chest pain, social anxiety and mental health issues",
            {"severe chest pain", "social anxiety", "mental health issue"},
        ),
        ("The children and their stories about cigarettes", {"child", "cigarette"}),
        ("uh, um, yeah, okay, you know, kind of, I mean, sort of", set()),
        ("It's a good thing, there are lots of ways to do that.", set()),
        ("I should've thought they'd tell her something.", set()),
        ("th-the the wh-what I-I-I", set()),
        ("I took 3.5mg at 10:30, 20 times", set()),
        ("👍🏽 ❤️ 🙂", set()),
        ("see https://example.org/panic/attack", set()),
        ("[laughter] my dog [door closes]", {"dog"}),
        ("I stopped\nsmoking cigarettes", {"smoking cigarette"}),
        ("a panic\n\nattack", {"panic"}),
        ("My self-harm and my mother-in-law", {"self-harm", "mother-in-law"}),
        ("", set()),
    ],
)
def test_terms_are_what_a_clinician_would_note(text: str, expected: set[str]) -> None:
    assert terms(text) == expected


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("attacks", "attack"),
        ("families", "family"),
        ("movies", "movie"),
        ("glasses", "glasses"),
        ("stress", "stress"),
        ("crisis", "crisis"),
        ("virus", "virus"),
        ("boxes", "box"),
        ("churches", "church"),
        ("children", "child"),
        ("wives", "wife"),
        ("tomatoes", "tomato"),
        ("sister's", "sister"),
        ("diabetes", "diabetes"),
        ("gas", "gas"),
    ],
)
def test_plurals_fold_so_that_terms_can_be_counted(word: str, expected: str) -> None:
    assert singular(word) == expected


def test_every_place_is_a_span_and_longer_phrases_hold_places_too() -> None:
    text = "Drinking. My drinking problem, and Mum’s drinking."
    found = {finding.label: [text[start:end] for start, end in finding.spans] for finding in read(text)}
    assert found == {
        "drinking": ["Drinking", "drinking", "drinking"],
        "drinking problem": ["drinking problem"],
        "mum": ["Mum"],
    }


@pytest.mark.parametrize(
    ("text", "score"),
    [
        ("a table", 0.5),
        ("an ear infection", 0.6),
        ("my panic", 0.6),
        ("my panic attack", 0.6923),
        ("a table, a table", 0.6667),
    ],
)
def test_the_score_grows_with_length_places_and_topic(text: str, score: float) -> None:
    assert [finding.score for finding in read(text)] == [score]


def test_a_passage_has_at_most_eight_terms_the_best_first() -> None:
    text = "table, chair, lamp, carpet, window, kitchen, curtain, ladder, hammer, and my panic attack"
    found = [finding.label for finding in read(text)]
    assert found == ["panic attack", "table", "chair", "lamp", "carpet", "window", "kitchen", "curtain"]


def test_a_run_is_cut_from_the_right_where_english_has_its_nouns() -> None:
    assert terms("family liver cell transplant") == {"family", "liver cell transplant"}
    assert terms("severe liver cell transplant") == {"liver cell transplant"}


def test_another_language_has_no_keywords() -> None:
    assert read("Meine Schwester hat Panik", language="de") == ()


@settings(max_examples=500)
@given(st.one_of(st.text(), st.lists(st.sampled_from(WORDS.split())).map(" ".join)))
def test_spans_hold_the_term_and_no_other_word(text: str) -> None:
    findings = read(text)
    assert len(findings) <= MOST
    assert [f.score for f in findings] == sorted((f.score or 0 for f in findings), reverse=True)
    assert len({f.label for f in findings}) == len(findings)
    for finding in findings:
        assert finding.spans == tuple(sorted(set(finding.spans)))
        for start, end in finding.spans:
            *before, last = text[start:end].lower().replace("’", "'").split()
            assert " ".join((*before, singular(last))) == finding.label


@given(st.lists(st.text()))
def test_a_passage_reads_the_same_alone_and_in_a_batch(texts: list[str]) -> None:
    assert KeywordAnalyzer().analyze([Segment(text) for text in texts]) == [read(text) for text in texts]


@pytest.mark.parametrize(
    "unit", ["drinking ", "drinking, ", "severe ", "[", "social life ", "a", "\x00", "\ud800", "👩\u200d", "我"]
)
def test_a_megabyte_is_read(unit: str) -> None:
    assert len(read((unit * 1_000_000)[:1_000_000])) <= MOST


def test_the_analyzer_says_what_it_was_loaded_from() -> None:
    assert (KeywordAnalyzer.name, KeywordAnalyzer.version) == ("keywords.phrases", "1.1")
    assert len(KeywordAnalyzer.sha256) == 64
