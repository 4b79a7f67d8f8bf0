"""Session review: what a clinician reads and decides, with and without JavaScript."""

from __future__ import annotations

import re
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext

from clinical.models import CareTeamMembership, Client, User
from insights.analysis import analyse
from insights.models import AnalysisRun, Insight, Review, SourceSummary
from insights.reviewing import Decision, decide
from insights.screens.transcript import CHUNK
from tests.factories import state_insight, tell
from tests.screens.conftest import Answer, SignIn, passage
from transcripts.formats.base import Conversation, Utterance, Word
from transcripts.models import Source, Speaker
from transcripts.storing import prepare, store

# sign-in 2, source, insights, evidence, reviews, speakers, outline, text, queue, last run, count of what waits
QUERIES = 12


def _url(source: Source, **more: object) -> str:
    query = "&".join(f"{name}={value}" for name, value in more.items())
    return f"/admin/review/{source.pk}/" + (f"?{query}" if query else "")


def _decide(browser: Browser, source: Source, *, htmx: bool = False, **given: Any) -> Answer:
    insight = Insight.objects.filter(source=source).earliest("id")
    headers = {"HX-Request": "true"} if htmx else {}
    url = f"/admin/review/{source.pk}/insights/{insight.pk}/"
    return browser.post(url, given, headers=headers)


def _status(source: Source) -> str:
    return Insight.objects.filter(source=source).earliest("id").status


@pytest.mark.usefixtures("local")
def test_the_transcript_stands_beside_its_findings(browser: Browser, told: Source) -> None:
    shown = browser.get(_url(told)).content.decode()
    assert "How was the week?" in shown
    assert "<mark>did not want to wake up</mark>" in shown
    assert 'href="#s-1"' in shown
    assert 'id="s-1"' in shown
    assert "0 of 1 decided" in shown
    assert "SOAP" not in shown


def test_what_nobody_assessed_is_said_and_never_shown_as_none(browser: Browser, told: Source) -> None:
    shown = browser.get(_url(told)).content.decode()
    assert "Risk: not assessed" in shown
    assert "severity not assessed" in shown
    assert "Tone and talk time: not assessed yet." in shown


def test_a_page_takes_as_many_queries_for_many_rows_as_for_few(browser: Browser, ada: Client, told: Source) -> None:
    many = tell(ada, [f"Line {number} of a long session." for number in range(1_000)])
    for sequence in (5, 250, 251, 900):
        state_insight(passage(many, sequence))
    counts = []
    for source in (told, many):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert browser.get(_url(source, queue="needs", pos=1)).status_code == 200
        counts.append(len(queries))
    assert counts == [QUERIES, QUERIES]


def test_of_a_long_session_the_first_lines_and_the_flagged_ones_are_there_at_once(
    browser: Browser, ada: Client
) -> None:
    source = tell(ada, [f"Line {number}." for number in range(1_000)])
    state_insight(passage(source, 700))
    shown = browser.get(_url(source)).content.decode()
    lines = [int(number) for number in re.findall(r'id="s-(\d+)"', shown)]
    assert lines == [*range(CHUNK), 700]
    assert "More: sentences 200 to 699" in shown
    assert "More: sentences 701 to 999" in shown


def test_the_rest_is_loaded_in_chunks_until_none_is_left(browser: Browser, ada: Client) -> None:
    source = tell(ada, [f"Line {number}." for number in range(700)])
    seen: list[int] = []
    shown = browser.get(_url(source)).content.decode()
    while found := re.search(r'hx-get="\?(from=\d+&amp;to=\d+)"', shown):
        url = f"{_url(source)}?{found[1].replace('&amp;', '&')}"
        shown = browser.get(url, headers={"HX-Request": "true"}).content.decode()
        assert "<html" not in shown
        seen += [int(number) for number in re.findall(r'id="s-(\d+)"', shown)]
    assert seen == list(range(200, 700))


def test_without_javascript_a_link_leads_to_the_next_lines(browser: Browser, ada: Client) -> None:
    source = tell(ada, [f"Line {number}." for number in range(300)])
    shown = browser.get(_url(source, **{"from": 200})).content.decode()
    assert [int(number) for number in re.findall(r'id="s-(\d+)"', shown)] == list(range(200, 300))
    assert "More: sentences 0 to 199" in shown


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"decision": "accepted"}, "accepted"),
        ({"decision": "edited", "edited_text": "Tired, in her words."}, "edited"),
        ({"decision": "dismissed", "reason": "wrong_speaker"}, "dismissed"),
        ({"decision": "dismissed", "reason": "other", "words": "A song she quotes."}, "dismissed"),
    ],
)
def test_a_form_post_decides_and_leads_back_to_the_card(
    browser: Browser, told: Source, given: dict[str, Any], status: str
) -> None:
    answer = _decide(browser, told, **given)
    insight = Insight.objects.get(source=told)
    assert (answer.status_code, answer["Location"]) == (302, f"{_url(told)}#i-{insight.pk}")
    assert insight.status == status
    shown = browser.get(_url(told)).content.decode()
    assert "1 of 1 decided" in shown
    assert all(text in shown for text in given.values() if " " in text)


def test_an_edit_shows_the_words_of_both(browser: Browser, told: Source) -> None:
    _decide(browser, told, decision="edited", edited_text="Tired, in her words.")
    shown = browser.get(_url(told)).content.decode()
    assert "<dd>Words about suicide</dd>" in shown
    assert "<dd>Tired, in her words.</dd>" in shown


def test_undo_lets_the_finding_wait_again(browser: Browser, told: Source) -> None:
    _decide(browser, told, decision="accepted")
    _decide(browser, told, decision="undone")
    assert _status(told) == Insight.Status.PUBLISHED
    assert "0 of 1 decided" in browser.get(_url(told)).content.decode()


def test_htmx_gets_the_card_and_the_counts(browser: Browser, told: Source) -> None:
    answer = _decide(browser, told, htmx=True, decision="accepted")
    shown = answer.content.decode()
    assert answer.status_code == 200
    assert "<html" not in shown
    assert 'data-state="accepted"' in shown
    assert "1 of 1 decided" in shown
    assert 'id="waiting" hx-swap-oob="true">0' in shown


@pytest.mark.parametrize("htmx", [True, False])
def test_a_dismissal_without_reason_keeps_what_was_typed(browser: Browser, told: Source, htmx: bool) -> None:
    answer = _decide(browser, told, htmx=htmx, decision="dismissed", words="Not what she meant")
    assert answer.status_code == 422
    assert "A dismissal needs a reason" in answer.content.decode()
    assert 'value="Not what she meant"' in answer.content.decode()
    assert _status(told) == Insight.Status.PUBLISHED


@pytest.mark.parametrize("htmx", [True, False])
def test_a_conflict_says_who_decided_and_keeps_what_was_typed(
    browser: Browser, told: Source, ben: User, htmx: bool
) -> None:
    CareTeamMembership.objects.create(client=told.client, user=ben, role="covering")
    ben.name = "Ben Adeyemi"
    ben.save()
    decide(Insight.objects.get(source=told), Decision(Review.Decision.ACCEPTED), by=ben)
    answer = _decide(browser, told, htmx=htmx, decision="edited", edited_text="My own long thought.")
    shown = answer.content.decode()
    assert answer.status_code == 409
    assert "accepted already by Ben Adeyemi" in shown
    assert "My own long thought." in shown
    assert _status(told) == Insight.Status.ACCEPTED
    again = _decide(browser, told, htmx=htmx, decision="undone", edited_text="My own long thought.")
    assert "My own long thought." in again.content.decode()
    assert _status(told) == Insight.Status.PUBLISHED


def test_a_finding_that_was_withdrawn_meanwhile_says_so(browser: Browser, told: Source) -> None:
    Insight.objects.filter(source=told).update(status=Insight.Status.SUPERSEDED)
    answer = _decide(browser, told, htmx=True, decision="accepted")
    assert answer.status_code == 409
    assert "Withdrawn" in answer.content.decode()


def test_who_may_only_read_sees_no_buttons_and_cannot_decide(told: Source, sign_in: SignIn) -> None:
    iris = User.objects.create_user("iris@practice.example", role="intake")
    CareTeamMembership.objects.create(client=told.client, user=iris, role="intake")
    browser = sign_in(iris)
    assert 'data-do="accept"' not in browser.get(_url(told)).content.decode()
    assert _decide(browser, told, decision="accepted").status_code == 403
    assert _status(told) == Insight.Status.PUBLISHED


@pytest.mark.parametrize("path", ["", "analyse/", "insights/{insight}/", "speakers/{speaker}/"])
def test_a_stranger_is_told_that_there_is_nothing(told: Source, ben: User, sign_in: SignIn, path: str) -> None:
    insight, speaker = Insight.objects.get(source=told), Speaker.objects.filter(source=told)[0]
    url = _url(told) + path.format(insight=insight.pk, speaker=speaker.pk)
    browser = sign_in(ben)
    answer = browser.post(url, {"decision": "accepted", "name": "X"}) if path else browser.get(url)
    assert answer.status_code == 404
    assert _status(told) == Insight.Status.PUBLISHED
    assert not Speaker.objects.exclude(name="").exists()


def test_a_finding_of_another_source_is_not_decided_here(browser: Browser, told: Source, ada: Client) -> None:
    other = tell(ada, ["Something else."])
    insight = Insight.objects.get(source=told)
    answer = browser.post(f"/admin/review/{other.pk}/insights/{insight.pk}/", {"decision": "accepted"})
    assert answer.status_code == 404


def test_the_queue_is_carried_along_to_its_end(browser: Browser, ada: Client) -> None:
    first, second = (tell(ada, [f"Session {number}."]) for number in (1, 2))
    for source in (first, second):
        state_insight(passage(source, 0))
    shown = browser.get(_url(first, queue="needs", pos=1)).content.decode()
    assert f'href="/admin/review/{second.pk}/?queue=needs&amp;pos=2"' in shown
    shown = browser.get(_url(second, queue="needs", pos=2)).content.decode()
    assert f'href="/admin/review/{first.pk}/?queue=needs&amp;pos=1"' in shown
    assert 'href="/admin/review/end/?queue=needs"' in shown
    assert "2 sessions still wait for" in browser.get("/admin/review/end/?queue=needs").content.decode()


def test_a_session_that_moved_down_the_queue_hides_nothing(browser: Browser, ada: Client) -> None:
    other, mine = (tell(ada, [f"Session {number}."]) for number in (1, 2))
    state_insight(passage(other, 0))
    state_insight(passage(mine, 0), priority="urgent")
    state_insight(passage(mine, 0), span=(1, 2))
    _decide(browser, mine, decision="accepted")  # what is left is as urgent as the other one, and younger
    shown = browser.get(_url(mine, queue="needs", pos=1)).content.decode()
    assert f'href="/admin/review/{other.pk}/?queue=needs&amp;pos=1"' in shown


def test_a_session_that_left_the_queue_gives_way_to_the_next(browser: Browser, ada: Client) -> None:
    first, second = (tell(ada, [f"Session {number}."]) for number in (1, 2))
    for source in (first, second):
        state_insight(passage(source, 0))
    _decide(browser, first, decision="accepted")
    shown = browser.get(_url(first, queue="needs", pos=1)).content.decode()
    assert f'href="/admin/review/{second.pk}/?queue=needs&amp;pos=1"' in shown


def test_save_and_next_goes_on_where_nothing_changed(browser: Browser, ada: Client) -> None:
    first, second = (tell(ada, [f"Session {number}."]) for number in (1, 2))
    for source in (first, second):
        state_insight(passage(source, 0))
    given: dict[str, Any] = {
        "decision": "edited",
        "edited_text": "Words about suicide",
        "then": "next",
        "queue": "needs",
        "pos": "1",
    }
    answer = _decide(browser, first, **given)
    assert answer["Location"] == f"/admin/review/{second.pk}/?queue=needs&pos=2"
    assert _status(first) == Insight.Status.PUBLISHED
    answer = _decide(browser, first, **given | {"edited_text": "Mine."})
    assert answer["Location"] == f"/admin/review/{second.pk}/?queue=needs&pos=1"
    assert _status(first) == Insight.Status.EDITED


@pytest.mark.parametrize("given", ["queue=nonsense&pos=-4", "queue=needs&pos=99999999999", "from=x&to=&find=%00"])
def test_a_mistyped_address_is_no_error(browser: Browser, told: Source, given: str) -> None:
    assert browser.get(f"{_url(told)}?{given}").status_code == 200


def test_the_lines_are_narrowed_by_words_speaker_and_flag(browser: Browser, told: Source) -> None:
    def lines(**asked: object) -> list[str]:
        return re.findall(r'id="s-(\d+)"', browser.get(_url(told, **asked)).content.decode())

    therapist = Speaker.objects.get(source=told, label="therapist")
    assert lines(find="WEEK") == ["0"]
    assert lines(speaker=therapist.pk) == ["0"]
    assert lines(evidence="on") == ["1"]
    assert lines(flagged="on") == ["1"]
    assert lines(find="nowhere") == []
    assert browser.get(_url(told, speaker="x")).status_code == 404
    assert browser.get(_url(told, speaker=uuid4())).status_code == 200


def test_narrowed_lines_come_in_chunks_too(browser: Browser, ada: Client) -> None:
    source = tell(ada, [f"{'Rain' if number % 2 else 'Sun'} {number}." for number in range(600)])
    shown = browser.get(_url(source, find="rain")).content.decode()
    first = re.findall(r'id="s-(\d+)"', shown)
    more = re.search(r'hx-get="\?(find=rain&amp;from=401&amp;to=599)"', shown)
    assert more is not None
    rest = browser.get(f"{_url(source)}?{more[1].replace('&amp;', '&')}", headers={"HX-Request": "true"})
    found = [int(number) for number in first + re.findall(r'id="s-(\d+)"', rest.content.decode())]
    assert found == list(range(1, 600, 2))


def test_silences_and_doubtful_words_are_shown(browser: Browser, clara: User, ada: Client) -> None:
    words = (Word("Tomas", 0, 400, 0.41), Word("was", 400, 500, 0.9))
    utterances = (
        Utterance("Tomas was up.", "client", 0, 1_000, words=words),
        Utterance("Who?", "therapist", 15_000, 16_000),
        Utterance("I said Tomas.", "client", 20_999, 22_000, confidence=0.3),
    )
    conversation = Conversation(utterances, language="en")
    prepared = prepare(conversation, {}, {})
    stored = store(conversation, prepared, client=ada, actor=clara, title="A", format="txt", file_name="a.txt")
    shown = browser.get(_url(stored.source)).content.decode()
    assert 'unsure here (0.41)">Tomas</span> was up.' in shown
    assert 'unsure here (0.30)">I said Tomas.</span>' in shown
    assert re.findall(r"Silence, (\d+) seconds", shown) == ["14"]
    assert "(role unknown)" not in shown


def test_a_failed_analysis_says_why_and_can_be_tried_again(browser: Browser, ada: Client) -> None:
    source = tell(ada, ["I want to end my life."])
    AnalysisRun.objects.create(
        client=ada, source=source, analyzer_version="1", state="failed", last_error="OSError while reading this source."
    )
    shown = browser.get(_url(source)).content.decode()
    assert "OSError while reading this source." in shown
    assert "not the same as nothing found" in shown
    assert browser.post(f"{_url(source)}analyse/").status_code == 302
    assert "Analysis failed" not in browser.get(_url(source)).content.decode()
    assert SourceSummary.objects.filter(source=source).exists()


def test_no_findings_names_the_engines_and_what_was_not_assessed(browser: Browser, clara: User, ada: Client) -> None:
    source = tell(ada, ["We went to the market.", "Wir sind gestern noch lange auf dem Markt gewesen und dann heim."])
    analyse(actor=clara, source=source)
    shown = browser.get(_url(source)).content.decode()
    assert "No engine found anything in 1 of 2 sentences." in shown
    assert "The other 1 are in a language" in shown
    assert "sentiment" in shown.split("Read by", 1)[1]


def test_a_speaker_is_named_merged_and_separated(browser: Browser, told: Source) -> None:
    client, therapist = (Speaker.objects.get(source=told, label=label) for label in ("client", "therapist"))
    url = f"{_url(told)}speakers/{client.pk}/"
    assert browser.post(url, {"name": "Ada", "role": "partner", "into": ""}).status_code == 302
    client.refresh_from_db()
    assert (client.name, client.role) == ("Ada", "partner")
    browser.post(url, {"into": str(therapist.pk)})
    client.refresh_from_db()
    assert client.merged_into == therapist
    refused = browser.post(f"{_url(told)}speakers/{therapist.pk}/", {"into": str(client.pk)})
    assert refused.status_code == 422
    assert "merged into another one itself" in refused.content.decode()
    browser.post(url, {"into": "separate"})
    client.refresh_from_db()
    assert client.merged_into is None


def test_what_a_client_says_is_escaped(browser: Browser, ada: Client) -> None:
    source = tell(ada, ["<script>alert(1)</script> & more"])
    state_insight(passage(source, 0), span=(0, 8))
    shown = browser.get(_url(source)).content.decode()
    assert "<script>alert" not in shown
    assert "<mark>&lt;script&gt;</mark>" in shown


def test_a_superseded_revision_says_that_there_is_a_newer_one(browser: Browser, ada: Client) -> None:
    old = tell(ada, ["First form."], external_id="a")
    tell(ada, ["Second form."], external_id="a")
    assert "A newer revision" in browser.get(_url(old)).content.decode()
