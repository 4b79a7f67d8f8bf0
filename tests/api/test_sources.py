"""Sources, their passages and their speakers over the API."""

from __future__ import annotations

import pytest
from rest_framework.test import APIClient

from clinical.models import Client, User
from tests.factories import open_client, tell
from transcripts.models import Speaker


def test_a_source_shows_its_speakers(ada: Client, clara_api: APIClient) -> None:
    source = tell(ada, [("therapist", "How was it?"), "Bad."])
    detail = clara_api.get(f"/api/v1/sources/{source.pk}/").json()
    assert {one["label"] for one in detail["speakers"]} == {"therapist", "client"}
    assert "speakers" not in clara_api.get("/api/v1/sources/").json()["results"][0]


def test_only_current_revisions_where_asked(ada: Client, clara_api: APIClient) -> None:
    tell(ada, ["Old."], external_id="s1")
    tell(ada, ["New."], external_id="s1")
    assert len(clara_api.get("/api/v1/sources/").json()["results"]) == 2
    assert [one["revision"] for one in clara_api.get("/api/v1/sources/", {"current": "true"}).json()["results"]] == [2]


def test_a_source_comes_out_as_a_file(ada: Client, clara_api: APIClient) -> None:
    source = tell(ada, ["Hello."])
    answer = clara_api.get(f"/api/v1/sources/{source.pk}/export/", {"format": "vtt"})
    assert answer.content.startswith(b"WEBVTT")
    assert answer["Content-Type"] == "text/vtt; charset=utf-8"
    assert answer["Content-Disposition"].startswith("attachment")


@pytest.mark.parametrize("query", [{}, {"format": "docx"}, {"format": "vtt", "x": "1"}])
def test_an_unknown_export_is_refused(ada: Client, clara_api: APIClient, query: dict[str, str]) -> None:
    source = tell(ada, ["Hello."])
    assert clara_api.get(f"/api/v1/sources/{source.pk}/export/", query).status_code == 400


def test_passages_are_filtered_by_source_and_by_client(ada: Client, clara: User, clara_api: APIClient) -> None:
    first, second = tell(ada, ["One.", "Two."]), tell(open_client("BEA", clara), ["Three."])
    of_source = clara_api.get("/api/v1/passages/", {"source": str(first.pk)}).json()["results"]
    assert [row["text"] for row in of_source] == ["One.", "Two."]
    of_client = clara_api.get("/api/v1/passages/", {"client": str(second.client_id)}).json()["results"]
    assert [(row["text"], row["client"]) for row in of_client] == [("Three.", str(second.client_id))]
    one = clara_api.get(f"/api/v1/passages/{of_client[0]['id']}/").json()
    assert one == of_client[0]


@pytest.mark.seed("S1-76")
def test_a_passage_comes_with_the_fields_that_were_asked_for(ada: Client, clara_api: APIClient) -> None:
    tell(ada, ["One."])
    (row,) = clara_api.get("/api/v1/passages/", {"fields": "text,role"}).json()["results"]
    assert (set(row), row["text"]) == ({"id", "text", "role"}, "One.")
    assert clara_api.get("/api/v1/passages/", {"fields": "text,search"}).json()["field"] == "fields"


def test_a_speaker_gets_a_name_and_a_role_and_the_passages_show_them(ada: Client, clara_api: APIClient) -> None:
    source = tell(ada, ["Hello."])
    speaker = source.speakers.get()
    answer = clara_api.patch(f"/api/v1/speakers/{speaker.pk}/", {"name": "Ada", "role": "partner"})
    assert (answer.status_code, answer.json()["name"], answer.json()["role"]) == (200, "Ada", "partner")
    row = clara_api.get("/api/v1/passages/").json()["results"][0]
    assert (row["speaker_name"], row["role"]) == ("Ada", "partner")
    assert clara_api.patch(f"/api/v1/speakers/{speaker.pk}/", {"label": "X"}).status_code == 400


def test_two_speakers_become_one_and_two_again(ada: Client, clara_api: APIClient) -> None:
    source = tell(ada, [("therapist", "How?"), ("other", "Bad.")])
    other, therapist = source.speakers.get(label="other"), source.speakers.get(label="therapist")
    merged = clara_api.post(f"/api/v1/speakers/{other.pk}/merge/", {"into": str(therapist.pk)})
    assert merged.json()["merged_into"] == str(therapist.pk)
    rows = clara_api.get("/api/v1/passages/").json()["results"]
    assert [row["speaker_name"] for row in rows] == ["therapist", "therapist"]
    assert clara_api.post(f"/api/v1/speakers/{other.pk}/merge/", {"into": str(other.pk)}).status_code == 409
    assert clara_api.post(f"/api/v1/speakers/{other.pk}/separate/").json()["merged_into"] is None


def test_nobody_merges_into_a_speaker_that_they_do_not_see(
    ada: Client, ben: User, clara_api: APIClient, ben_api: APIClient
) -> None:
    hers = tell(ada, ["Hello."]).speakers.get()
    his = tell(open_client("BEA", ben), ["Hello."]).speakers.get()
    assert clara_api.post(f"/api/v1/speakers/{hers.pk}/merge/", {"into": str(his.pk)}).status_code == 400


def test_a_role_for_a_label_over_all_sources_of_a_client_and_back(
    ada: Client, clara: User, clara_api: APIClient
) -> None:
    for line in ("One.", "Two."):
        tell(ada, [("unknown", line)])
    elsewhere = tell(open_client("BEA", clara), [("unknown", "Three.")]).speakers.get()
    body = {"client": str(ada.pk), "label": "unknown", "role": "client"}
    done = clara_api.post("/api/v1/speakers/assign-role/", body).json()
    assert [(one["was"], one["now"]) for one in done["changed"]] == [("unknown", "client")] * 2
    elsewhere.refresh_from_db()
    assert elsewhere.role == "unknown"
    kept = Speaker.objects.get(pk=done["changed"][0]["speaker"])
    Speaker.objects.filter(pk=kept.pk).update(role="family")  # somebody decides otherwise in the meantime
    back = clara_api.post("/api/v1/speakers/restore-roles/", done).json()
    assert [one["speaker"] for one in back["changed"]] == [done["changed"][1]["speaker"]]
    kept.refresh_from_db()
    assert kept.role == "family"
