"""Sources, speakers, passages and imports: what the database refuses whoever writes, and what it computes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import DatabaseError, connection, models, transaction

from clinical.models import Client, User
from tests.clinical.test_people import Attack, Scene, attempt, refused_by, scene_of
from tests.factories import tell
from transcripts.configurations import CONFIGURATIONS
from transcripts.models import ImportJob, Passage, Source, Speaker
from transcripts.roles import Role

NOON, LATER = "2026-03-02T12:00:00Z", "2026-03-02T12:00:01Z"
OTHER_HASH = "b" * 64
BLANKS = [character for character in map(chr, range(sys.maxunicode + 1)) if character.isspace()]

ATTACKS = (
    Attack("transcripts_importjob_state_known", ImportJob, {"state": "claimed"}),
    Attack("transcripts_importjob_failed_says_why", ImportJob, {"state": "failed", "last_error": ""}),
    Attack("transcripts_importjob_finished_after_start", ImportJob, {"started_at": LATER, "finished_at": NOON}),
    Attack("keep_client", ImportJob, {"client_id": "@bea.client"}, via=("update",)),
    # the same content twice, also as a revision that says it is another, or one that nobody would look at
    Attack(
        "transcripts_source_content_once", Source, {"revision": 2, "superseded_at": NOON}, via=("insert",)
    ),
    Attack(
        "transcripts_source_revision_unique",
        Source,
        {"content_sha256": OTHER_HASH, "superseded_at": NOON},
        via=("insert",),
    ),
    Attack(
        "transcripts_source_one_current_revision",
        Source,
        {"content_sha256": OTHER_HASH, "revision": 2},
        via=("insert",),
    ),
    Attack("transcripts_source_kind_known", Source, {"kind": "podcast"}),
    *(
        Attack("transcripts_source_sha256_form", Source, {"content_sha256": form})
        for form in ("", "b" * 63, "B" * 64, "g" * 64, "b" * 63 + "\n")
    ),
    Attack("transcripts_source_revision_from_one", Source, {"revision": 0}),
    Attack("transcripts_source_external_id_not_empty", Source, {"external_id": ""}),
    Attack(
        "transcripts_source_session_of_client",
        Source,
        {"session_id": "@bea.session", "external_id": None, "content_sha256": OTHER_HASH},
    ),
    Attack("keep_client", Source, {"client_id": "@bea.client"}, via=("update",)),
    Attack("transcripts_speaker_label_unique", Speaker, {}, via=("insert",)),
    Attack("transcripts_speaker_role_known", Speaker, {"role": "patient"}),
    Attack("transcripts_speaker_one_person", Speaker, {"member_id": "@ada.member", "user_id": "@clara"}),
    Attack("transcripts_speaker_not_into_itself", Speaker, {"merged_into_id": "@ada.speaker"}, via=("update",)),
    Attack(
        "transcripts_speaker_source_of_client", Speaker, {"source_id": "@bea.source", "label": "x"}, via=("insert",)
    ),
    Attack("transcripts_speaker_member_of_client", Speaker, {"member_id": "@bea.member", "label": "x"}),
    Attack("transcripts_speaker_merged_in_source", Speaker, {"merged_into_id": "@bea.speaker", "label": "x"}),
    Attack("keep_client", Speaker, {"client_id": "@bea.client"}, via=("update",)),
    Attack("transcripts_passage_sequence_unique", Passage, {}, via=("insert",)),
    Attack("transcripts_passage_end_after_start", Passage, {"start_ms": 2, "end_ms": 1}, via=("insert",)),
    *(
        Attack("transcripts_passage_confidence_in_range", Passage, {"confidence": confidence}, via=("insert",))
        for confidence in (1.0001, -0.0001, "NaN", "Infinity", "-Infinity")
    ),
    *(
        Attack("transcripts_passage_text_not_blank", Passage, {"text": text}, via=("insert",))
        for text in ("", " ", "   ", "\t", "\n", "\r\n", " \t\r\n\v\f ", "\u00a0", "\u2028\u00a0 ", "\u3000")
    ),
    Attack(
        "transcripts_passage_source_of_client",
        Passage,
        {"source_id": "@bea.source", "speaker_id": None, "sequence": 99},
        via=("insert",),
    ),
    Attack(
        "transcripts_passage_source_of_client", Passage, {"client_id": "@bea.client", "sequence": 99}, via=("insert",)
    ),
    Attack(
        "transcripts_passage_speaker_of_source",
        Passage,
        {"speaker_id": "@bea.speaker", "sequence": 99},
        via=("insert",),
    ),
    *(
        Attack("refuse_passage_update", Passage, changes, via=("update",))
        for changes in (
            {"text": "I sleep."}, {"sequence": 99}, {"speaker_id": None}, {"start_ms": 1}, {"language": "de"},
            {"client_id": "@bea.client"}, {"words": None}, {"created_at": NOON},
        )
    ),
)  # fmt: skip

ALLOWED: tuple[tuple[type[models.Model], dict[str, Any]], ...] = (
    (Passage, {"sequence": 99, "start_ms": 5, "end_ms": 5}),
    (Passage, {"sequence": 99, "start_ms": None, "end_ms": None}),
    (Passage, {"sequence": 99, "start_ms": 5, "end_ms": None}),
    (Passage, {"sequence": 99, "start_ms": 3_000_000_000, "end_ms": 3_000_000_001}),  # 35 days
    (Passage, {"sequence": 99, "confidence": 0}),
    (Passage, {"sequence": 99, "confidence": 1}),
    (Passage, {"sequence": 99, "confidence": None, "speaker_id": None}),
    (Passage, {"sequence": 99, "text": "."}),
    (Passage, {"sequence": 99, "text": " \n…\u00a0"}),
    (Passage, {"sequence": 99, "text": "\U0001f614"}),
    (Source, {"external_id": None, "content_sha256": OTHER_HASH}),
    (Source, {"external_id": "other name", "session_id": None}),
    (Source, {"content_sha256": OTHER_HASH, "revision": 2, "superseded_at": NOON}),
    (Speaker, {"label": "SPEAKER_01", "merged_into_id": "@ada.speaker"}),
    (Speaker, {"label": ""}),
    (ImportJob, {"state": "failed", "last_error": "FormatError"}),
    (ImportJob, {"started_at": NOON, "finished_at": NOON}),
)


@pytest.fixture
def scene(clara: User) -> dict[str, str]:
    return scene_of(clara)


@pytest.mark.seed("S0-25", "S0-26", "S0-27", "S0-28", "S0-29", "S3-05", "S3-32", "S1-70")
@pytest.mark.parametrize("attack", ATTACKS, ids=str)
def test_the_database_refuses(attack: Attack, scene: Scene) -> None:
    assert attack.statements(scene) == [(way, attack.rule) for way in attack.via]


@pytest.mark.parametrize(("model", "changes"), ALLOWED, ids=str)
def test_the_database_takes(model: type[models.Model], changes: dict[str, Any], scene: Scene) -> None:
    assert attempt(model, changes, scene, via="insert") is None


@pytest.mark.seed("S0-27", "S3-05")
def test_no_blank_of_unicode_alone_is_a_text(scene: Scene) -> None:
    taken = [
        f"U+{ord(blank):04X}"
        for blank in BLANKS
        if attempt(Passage, {"text": blank, "sequence": 99}, scene, via="insert")
        != "transcripts_passage_text_not_blank"
    ]
    assert taken == []


def test_content_without_an_external_id_is_there_once_too(ada: Client) -> None:
    """Unique means unique where the id is NULL: two rows with NULL would else be two different ones."""
    source = tell(ada, ["I do not sleep."])
    assert source.external_id is None
    columns = ", ".join(str(field.column) for field in Source._meta.concrete_fields if field.column != "id")
    copied = (
        f"INSERT INTO transcripts_source (id, {columns}) SELECT gen_random_uuid(), {columns} FROM transcripts_source"
    )
    assert refused_by(copied) == "transcripts_source_content_once"


@pytest.mark.seed("S0-26")
def test_passages_are_not_changed_by_way_of_the_models_either(ada: Client) -> None:
    passage = tell(ada, ["I do not sleep."]).passages.get()
    ways: dict[str, Callable[[], Any]] = {
        "save": lambda: passage.save(),
        "update": lambda: Passage.objects.filter(pk=passage.pk).update(text="I sleep."),
        "bulk_update": lambda: Passage.objects.bulk_update([passage], ["text"]),
    }
    for way, change in ways.items():
        passage.text = "I sleep."
        with pytest.raises(DatabaseError, match="A passage never changes"), transaction.atomic():
            change()
        passage.refresh_from_db()
        assert passage.text == "I do not sleep.", way


def test_a_passage_that_cannot_be_is_refused_in_words(ada: Client) -> None:
    source = tell(ada, ["I do not sleep."])
    with pytest.raises(ValidationError, match="A passage has a text"):
        Passage(client=ada, source=source, sequence=9, text="\n").full_clean(exclude=["words", "speaker"])
    with pytest.raises(ValidationError, match="ends at or after its start"):
        Passage(client=ada, source=source, sequence=9, text="Yes", start_ms=2, end_ms=1).full_clean(
            exclude=["words", "speaker"]
        )


@pytest.mark.seed("S3-08")
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("I do not sleep", 4),
        ("I  do\nnot\tsleep", 4),  # the seed's own expression counts 7 in a text of this kind
        ("  I do not sleep \r\n", 4),
        ("don't - no", 3),
        ("ja\u00a0nein\u3000doch\u2028oh", 4),
        ("\U0001f614", 1),
        ("眠れない", 1),
        (".", 1),
        ("word " * 5_000, 5_000),
    ],
)
def test_words_are_counted_as_python_splits_them(ada: Client, text: str, words: int) -> None:
    passage = tell(ada, [text]).passages.get()
    assert passage.word_count == len(text.split()) == words


def test_every_blank_of_unicode_parts_words(ada: Client) -> None:
    text = "".join(f"a{blank}" for blank in BLANKS)
    assert tell(ada, [text]).passages.get().word_count == len(text.split()) == len(BLANKS)


@pytest.mark.parametrize("column", ["word_count", "search"])
def test_what_is_computed_cannot_be_written(scene: Scene, column: str) -> None:
    columns = "id, client_id, source_id, sequence, text, language"
    refused = refused_by(
        f"INSERT INTO transcripts_passage ({columns}, {column}) "
        f"SELECT gen_random_uuid(), client_id, source_id, 99, text, language, {column} FROM transcripts_passage "
        f"WHERE id = %s",
        (scene["ada.passage"],),
    )
    assert str(refused).startswith("428C9")  # generated always


def _matches(passage: str, query: str, configuration: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT search @@ websearch_to_tsquery(%s::regconfig, %s) FROM transcripts_passage WHERE id = %s",
            [configuration, query, passage],
        )
        found: bool = cursor.fetchone()[0]
    return found


@pytest.mark.seed("S0-37", "S3-09")
@pytest.mark.parametrize(
    ("language", "text", "configuration", "query", "found"),
    [
        ("en", "I was drinking again", "english", "drinks", True),
        ("en", "I was drinking again", "english", "was", False),  # a stop word
        ("de", "Ich habe wieder geschlafen, die Häuser", "german", "Haus", True),
        ("de", "Ich habe wieder geschlafen", "german", "ich", False),
        ("de", "drinking", "german", "drinks", False),  # not by English rules
        ("fr", "Nous mangions des pommes", "french", "pomme", True),
        ("xx", "I was drinking again", "simple", "drinking", True),
        ("xx", "I was drinking again", "simple", "was", True),
        ("xx", "I was drinking again", "simple", "drinks", False),
        ("", "drinking", "simple", "drinking", True),
        ("EN", "drinking", "simple", "drinking", True),
    ],
)
def test_a_passage_is_indexed_by_the_rules_of_its_language(
    ada: Client, language: str, text: str, configuration: str, query: str, found: bool
) -> None:
    source = tell(ada, ["First."])
    passage = Passage.objects.create(client=ada, source=source, sequence=9, text=text, language=language)
    assert _matches(str(passage.pk), query, configuration) is found


@pytest.mark.seed("S3-09")
def test_each_language_has_the_vector_of_its_own_configuration(ada: Client) -> None:
    source = tell(ada, ["First."])
    text = "The houses were burning; die Häuser brannten; les maisons"
    languages = {**CONFIGURATIONS, "zz": "simple"}
    for sequence, language in enumerate(languages, 10):
        Passage.objects.create(client=ada, source=source, sequence=sequence, text=text, language=language)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT p.language, p.search = to_tsvector(c.configuration::regconfig, p.text) FROM transcripts_passage p "
            "JOIN unnest(%s::text[], %s::text[]) AS c (language, configuration) USING (language) "
            "WHERE p.sequence >= 10",
            [list(languages), list(languages.values())],
        )
        right = dict(cursor.fetchall())
    assert right == dict.fromkeys(languages, True)


def test_removing_a_source_removes_its_passages_and_speakers_whole(ada: Client) -> None:
    source = tell(ada, ["I do not sleep.", ("therapist", "Since when?")])
    speakers = list(source.speakers.order_by("id"))
    Speaker.objects.filter(pk=speakers[0].pk).update(merged_into=speakers[1])
    source.delete()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    assert (Passage.objects.count(), Speaker.objects.count(), Source.objects.count()) == (0, 0, 0)


def test_a_source_is_not_removed_below_its_passages(ada: Client) -> None:
    source = tell(ada, ["I do not sleep."])
    refused = refused_by("DELETE FROM transcripts_source WHERE id = %s", (source.pk,))
    assert refused in {"transcripts_passage_source_of_client", "transcripts_speaker_source_of_client"}
    refused = refused_by("DELETE FROM transcripts_speaker WHERE source_id = %s", (source.pk,))
    assert refused == "transcripts_passage_speaker_of_source"


@pytest.mark.seed("S0-28")
def test_the_roles_of_speakers_are_the_same_everywhere() -> None:
    field = Speaker._meta.get_field("role")
    assert [value for value, _ in field.choices or ()] == [role.value for role in Role]
