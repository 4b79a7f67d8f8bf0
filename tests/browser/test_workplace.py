"""A clinician's half hour in the browser: read, decide by keyboard, go on; and what the browser objects to."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer

from clinical.models import CareTeamMembership, Client, Session, User
from insights.analysis import analyse
from insights.models import AnalysisRun, Insight, Review, SourceSummary
from insights.reviewing import Decision, decide
from tests.factories import PASSWORD, open_client, sign_up, state_insight
from transcripts.formats.base import Conversation, Utterance, Word
from transcripts.models import ImportJob, Passage, Source, Speaker
from transcripts.roles import Role
from transcripts.storing import prepare, store

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]

WIDTHS = {"": (1440, 900), "-1180": (1180, 900), "-390": (390, 844)}
_LINES = [
    ("therapist", "I'd like to start with the check-in you filled in on Sunday. You put sleep at two out of ten."),
    ("client", "Yeah. I keep waking at four and then the whole day is ruined before it starts."),
    ("therapist", "What goes through your mind at four?"),
    ("client", "That I'll mess up the handover, and if I mess that up they'll see I was never good enough."),
    ("client", "Sometimes I think everyone would be fine if I just wasn't here."),
    ("therapist", "I want to slow down there. Do you mean wishing you were dead, or wishing you were away?"),
    ("client", "Away. Not dead. I love the kids, and a week where nobody needs anything would be wonderful."),
]


def _talk(client: Client, lines: list[tuple[str, str]], clara: User, *, pause_after: int = 3) -> Source:
    utterances, at = [], 95_000
    for number, (who, text) in enumerate(lines):
        words = (Word("Yeah.", at, at + 300, 0.41),) if text.startswith("Yeah") else ()
        utterances.append(Utterance(text, who, at, at + 8_000, words=words))
        at += 22_000 if number == pause_after else 9_000
    conversation = Conversation(tuple(utterances), language="en")
    roles = {who: Role(who) if who in list(Role) else Role.UNKNOWN for who, _ in lines}
    session = Session.objects.create(
        client=client,
        number=Session.objects.filter(client=client).count() + 1,
        status="completed",
        actual_start="2026-11-19T10:00Z",
        actual_end="2026-11-19T10:50Z",
    )
    stored = store(
        conversation,
        prepare(conversation, roles, {}),
        client=client,
        actor=clara,
        title="A session",
        format="txt",
        file_name="session.txt",
        occurred_at=session.actual_start,
    )
    Source.objects.filter(pk=stored.source.pk).update(session=session)
    return stored.source


def _flag(source: Source, sequence: int, words: str, **fields: object) -> Insight:
    passage = Passage.objects.get(source=source, sequence=sequence)
    start = passage.text.index(words)
    return state_insight(passage, span=(start, start + len(words)), **fields)


@pytest.fixture
def clara(db: None) -> User:
    return sign_up("clara@practice.example", name="Clara Voss")


@pytest.fixture
def source(clara: User) -> Source:
    """Amara's session with three findings, and other clients in every state of the queue."""
    amara = open_client(
        "C-1040",
        clara,
        name="Amara Osei",
        gender="she/her",
        birth_date="1992-03-01",
        risk_factors=[{"factor": "passive ideation", "severity": "high"}],
    )
    source = _talk(amara, _LINES, clara)
    _others(clara)
    about = "Said by the client; read as affirmed, now. Found by rules that miss and mistake: read it in context."
    _flag(
        source, 4, "everyone would be fine if I just wasn't here", priority="urgent", confidence=0.71, description=about
    )
    _flag(source, 1, "the whole day is ruined before it starts", priority="low", confidence=0.86, severity="moderate")
    _flag(source, 3, "never good enough", priority="low")
    return source


def _others(clara: User) -> None:
    noah, priya = open_client("C-1045", clara), open_client("C-1042", clara)
    eklund = open_client("C-1047", clara, kind="couple")
    lines = [("client" if number % 2 else "therapist", f"Sentence {number} of a long talk.") for number in range(450)]
    long, failed = _talk(noah, lines, clara), _talk(eklund, _LINES[2:], clara)
    unnamed = _talk(priya, [("SPEAKER_00", "Hello there."), ("SPEAKER_01", "I could not sleep at all.")], clara)
    analyse(actor=clara)
    Insight.objects.all().delete()  # these tests state the findings they look at
    _flag(long, 400, "long talk", priority="low", confidence=0.5)
    decide(_flag(unnamed, 1, "could not sleep"), Decision(Review.Decision.ACCEPTED), by=clara)
    SourceSummary.objects.filter(source=failed).delete()
    reason = "OSError while reading this source. See the log of 2026-11-19 11:00 UTC."
    AnalysisRun.objects.create(client=eklund, source=failed, analyzer_version="1", state="failed", last_error=reason)
    Session.objects.schedule(client=priya, start=timezone.now() + timedelta(hours=20))
    job = {"file_name": "oct.json", "state": "failed", "last_error": "Line 1: not JSON."}
    ImportJob.objects.create(client=noah, requested_by=clara, **job)


@pytest.fixture
def visit(live_server: LiveServer, clara: User) -> Callable[[Page, str], None]:
    def to(page: Page, path: str) -> None:
        page.goto(f"{live_server.url}{path}")
        if "/login/" in page.url:
            page.get_by_label("Email").fill(clara.email)
            page.get_by_label("Password").fill(PASSWORD)
            page.get_by_role("button", name="Log in").click()
            page.wait_for_url(f"{live_server.url}{path}")

    return to


def _screens(source: Source) -> dict[str, str]:
    failed = Source.objects.get(client__code="C-1047")
    return {
        "today": "/admin/",
        "queue": "/admin/review/",
        "queue-failed": "/admin/review/?view=failed",
        "queue-empty": "/admin/review/?view=risk&q=nobody",
        "review": f"/admin/review/{source.pk}/?queue=needs&pos=1",
        "review-failed": f"/admin/review/{failed.pk}/",
        "review-end": "/admin/review/end/?queue=needs",
        "search": "/admin/search/?q=handover",
        "search-typo": "/admin/search/?q=handovr",
        "import": "/admin/import/",
        "keys": "/admin/keys/",
        "records": "/admin/records/",
        "clients": "/admin/clinical/client/",
    }


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_screen_breaks_the_policy_or_keeps_anybody_out(
    page: Page, visit: Callable[[Page, str], None], source: Source, axe: str, pictures: Path, theme: str
) -> None:
    page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
    found: dict[str, list[str]] = {}
    visit(page, "/admin/")
    for name, path in _screens(source).items():
        visit(page, path)
        page.screenshot(path=pictures / f"{name}{'-dark' if theme == 'dark' else ''}.png")
        found[name] = _violations(page, axe)
    assert found == {name: [] for name in found}


def _violations(page: Page, axe: str) -> list[str]:
    page.evaluate(axe)
    result = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{one['id']}: {node['html'][:160]} {node.get('failureSummary', '')[:300]}"
        for one in result["violations"]
        for node in one["nodes"][:4]
    ]


@pytest.mark.parametrize("width", WIDTHS)
def test_every_screen_fits_its_width(
    page: Page, visit: Callable[[Page, str], None], source: Source, pictures: Path, width: str
) -> None:
    across, down = WIDTHS[width]
    page.set_viewport_size({"width": across, "height": down})
    visit(page, "/admin/")
    for name in ("today", "queue", "review", "search", "import"):
        visit(page, _screens(source)[name])
        page.screenshot(path=pictures / f"{name}{width}.png", full_page=across < 500)
        assert page.evaluate("document.documentElement.scrollWidth") <= across, name
        small = page.evaluate(
            "[...document.querySelectorAll('.ws #content :is(a.btn,button,summary,select,.ev,.tabs a)')]"
            ".filter(e => e.checkVisibility() && e.getBoundingClientRect().height < 24).map(e => e.outerHTML)"
        )
        assert small == [], name


def test_a_session_is_decided_by_keyboard_and_the_next_one_opens(
    page: Page, visit: Callable[[Page, str], None], source: Source, pictures: Path
) -> None:
    visit(page, "/admin/review/")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Amara Osei")
    cards = page.locator("[data-card]")
    expect(cards.nth(0)).to_have_class("insight cur")
    page.keyboard.press("g")
    expect(page.locator("#s-4")).to_have_class("turn risk evidence lit cur")
    page.keyboard.press("j")
    expect(page.locator("#s-5")).to_have_class("turn cur")
    page.keyboard.press("k")
    page.keyboard.press("a")
    expect(page.locator("#decided")).to_have_text("1 of 3 decided")
    expect(cards.nth(1)).to_have_class("insight cur")
    page.keyboard.press("e")
    field = cards.nth(1).locator("textarea")
    expect(field).to_be_focused()
    field.press("ControlOrMeta+a")
    field.type("Bad nights, bad days; a jump and a dance.")  # keys inside a field are letters
    page.screenshot(path=pictures / "review-edit.png")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#decided")).to_have_text("2 of 3 decided")
    page.keyboard.press("d")
    page.screenshot(path=pictures / "review-dismiss.png")
    page.keyboard.press("3")
    expect(page.locator("#decided")).to_have_text("3 of 3 decided")
    page.keyboard.press("u")
    expect(page.locator("#decided")).to_have_text("2 of 3 decided")
    page.keyboard.press("d")
    page.keyboard.press("5")
    page.keyboard.type("A song she quotes.")
    page.keyboard.press("Enter")
    expect(page.locator("#decided")).to_have_text("3 of 3 decided")
    page.screenshot(path=pictures / "review-decided.png")
    made = Review.objects.filter(insight__source=source).order_by("id").values_list("decision", "reason")
    assert list(made) == [
        ("accepted", ""),
        ("edited", ""),
        ("dismissed", "not_apt"),
        ("undone", ""),
        ("dismissed", "other"),
    ]
    page.keyboard.press("]")
    expect(page.locator("h1")).to_have_text("C-1045")
    page.keyboard.press("]")
    expect(page.locator("h1")).to_have_text("End of “Needs me”")


def test_keys_do_nothing_in_fields_and_can_be_turned_off(
    page: Page, visit: Callable[[Page, str], None], source: Source, clara: User, pictures: Path
) -> None:
    visit(page, f"/admin/review/{source.pk}/")
    page.keyboard.press("/")
    expect(page.locator("#tsearch")).to_be_focused()
    page.keyboard.type("adeu?")
    expect(page.locator("#tsearch")).to_have_value("adeu?")
    expect(page.locator("#decided")).to_have_text("0 of 3 decided")
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.locator("dialog#keys")).to_be_visible()
    page.screenshot(path=pictures / "keys-dialog.png")
    page.keyboard.press("a")
    expect(page.locator("#decided")).to_have_text("0 of 3 decided")
    page.get_by_role("button", name="Turn single keys off").click()
    page.keyboard.press("a")
    expect(page.locator("#decided")).to_have_text("0 of 3 decided")
    clara.refresh_from_db()
    assert clara.profile == {"single_keys_off": True}
    assert not Review.objects.filter(insight__source=source).exists()


def test_a_click_on_evidence_shows_the_line_and_a_link_opens_at_it(
    page: Page, visit: Callable[[Page, str], None], source: Source
) -> None:
    visit(page, f"/admin/review/{source.pk}/")
    page.locator(".ev").nth(0).click()
    expect(page.locator("#s-4")).to_be_in_viewport()
    assert page.url.endswith("#s-4")
    long = Source.objects.get(client__code="C-1045")
    visit(page, f"/admin/review/{long.pk}/#s-400")
    expect(page.locator("#s-400")).to_be_in_viewport()


def test_the_rest_of_a_long_session_comes_when_it_is_scrolled_to(
    page: Page, visit: Callable[[Page, str], None], source: Source
) -> None:
    long = Source.objects.get(client__code="C-1045")
    visit(page, f"/admin/review/{long.pk}/")
    expect(page.locator(".turn")).to_have_count(201)
    page.locator(".more").nth(0).scroll_into_view_if_needed()
    expect(page.locator("#s-399")).to_be_attached()
    page.locator("#s-449, .more").last.scroll_into_view_if_needed()
    expect(page.locator(".turn")).to_have_count(450)
    expect(page.locator(".more")).to_have_count(0)


def test_a_conflict_is_told_on_the_card_and_nothing_typed_is_lost(
    page: Page, visit: Callable[[Page, str], None], source: Source, complaints: list[str], pictures: Path
) -> None:
    ben = sign_up("ben@practice.example", name="Ben Adeyemi")
    CareTeamMembership.objects.create(client=source.client, user=ben, role="covering")
    visit(page, f"/admin/review/{source.pk}/")
    urgent = Insight.objects.get(source=source, priority="urgent")
    page.keyboard.press("e")
    page.locator(f"#e-{urgent.pk}").fill("My own long thought.")
    decide(urgent, Decision(Review.Decision.ACCEPTED), by=ben)
    page.keyboard.press("Control+Enter")
    card = page.locator(f"#i-{urgent.pk}")
    expect(card.get_by_role("alert")).to_contain_text("accepted already by Ben Adeyemi")
    expect(card.locator("textarea")).to_have_value("My own long thought.")
    page.screenshot(path=pictures / "review-conflict.png")
    card.get_by_role("button", name="Undo").click()
    expect(page.locator(f"#e-{urgent.pk}")).to_have_value("My own long thought.")
    assert ["409" in complaint for complaint in complaints] == [True]  # the browser notes the status
    complaints.clear()


def test_who_was_signed_out_keeps_what_was_typed(
    page: Page, visit: Callable[[Page, str], None], source: Source
) -> None:
    visit(page, f"/admin/review/{source.pk}/")
    page.keyboard.press("e")
    field = page.locator("[data-card].cur textarea")
    field.fill("A thought that must not go.")
    page.context.clear_cookies(name="sessionid")
    page.keyboard.press("Control+Enter")
    expect(page.locator("[data-trouble]")).to_contain_text("You are signed out")
    expect(field).to_have_value("A thought that must not go.")


def test_everything_works_without_javascript(
    plain_page: Page, visit: Callable[[Page, str], None], source: Source, pictures: Path
) -> None:
    page = plain_page
    visit(page, f"/admin/review/{source.pk}/?queue=needs&pos=1")
    card = page.locator("[data-card]").nth(0)
    card.locator("summary", has_text="Dismiss").click()
    card.get_by_role("button", name="Wrong speaker").click()
    expect(page.locator("#decided")).to_have_text("1 of 3 decided")
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#decided")).to_have_text("0 of 3 decided")
    page.get_by_role("button", name="Accept").nth(0).click()
    expect(page.locator("#decided")).to_have_text("1 of 3 decided")
    page.get_by_role("link", name="Next session in queue").click()
    expect(page.locator("h1")).to_have_text("C-1045")
    page.get_by_role("link", name="More: sentences 200 to 399").click()
    expect(page.locator("#s-399")).to_be_attached()


def test_one_good_and_one_broken_file_are_checked_and_the_good_one_is_imported(
    page: Page, visit: Callable[[Page, str], None], source: Source, pictures: Path, tmp_path: Path, settings: Settings
) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"
    good, bad = tmp_path / "good.vtt", tmp_path / "bad.csv"
    good.write_text("WEBVTT\n\n00:01.000 --> 00:03.000\n<v SPEAKER_00>How was it?\n")
    bad.write_text("conversation,utterance_id,text\na,1,Hi\na,1,Ho\nb,1,Hi\nb,1,Hu\n")
    visit(page, "/admin/import/")
    page.get_by_label("Client").select_option("C-1042")
    page.get_by_label("Files").set_input_files([good, bad])
    page.get_by_role("button", name="Upload and check").click()
    expect(page.locator("#content")).to_contain_text("2 to fix")
    page.screenshot(path=pictures / "import-check.png", full_page=True)
    page.get_by_role("button", name="Import 1 session").click()
    expect(page.locator("#content")).to_contain_text("1 session imported")
    page.screenshot(path=pictures / "import-done.png")
    page.get_by_role("link", name="Open review").click()
    expect(page.locator("h1")).to_have_text("C-1042")
    assert Speaker.objects.filter(label="SPEAKER_00", source__file_name="good.vtt").exists()
