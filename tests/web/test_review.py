"""Review, approve, run: what is seen is what is sent, by two persons, and what is out is taken back by one."""

import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace

import pyotp
import pytest
from sqlalchemy import select, update

from messages.alert import Kind
from relay import acts
from relay.model import AlertState, NotAllowed, Role, TaskKind
from relay.store import alerts, claim, context, drafts, tasks, trial, users
from relay.store.register import Stamp
from relay.store.tables import User, delivery
from relay.web.pages import approve
from relay.wording import Wording, segments
from tests.web.alerts import SOMALI, colleague, draft, form, furnish, nb, planned, row, text_of
from tests.web.house import Browser, Open, opened, settings


@pytest.fixture(name="web")
async def _web(migrated_sqlite_url: str) -> AsyncIterator[Open]:
    async with opened(settings(migrated_sqlite_url)) as web:
        await furnish(web)
        yield web


async def approval(browser: Browser, web: Open, number: int, **fields: str) -> dict[str, str]:
    """Open the page to approve, and return its form as it would be sent."""
    await browser.get(f"/alerts/{number}/approve")
    return {"revision": str((await row(web, number)).revision), "do": "send", **fields}


async def out(web: Open, fields: Mapping[str, str] | None = None) -> int:
    """Write, approve and send an alert on the pages; return its number."""
    number = await draft(await web.browser("coordinator"), fields=fields)
    approver = await web.browser("approver")
    sent = await approver.post(f"/alerts/{number}/approve", **await approval(approver, web, number))
    assert sent.status == 303, text_of(sent)
    web.passes(seconds=11)
    return number


# --- review -----------------------------------------------------------------------------------------------------------------


async def test_an_alerts_number_leads_to_where_it_stands(web: Open) -> None:
    """Also whoever does not write alerts: an approver who was told the number is led to what waits for them."""
    number = await draft(await web.browser("coordinator"))
    found = await row(web, number)
    officer = await web.browser("approver")
    assert (await officer.get(f"/alerts/{number}")).location == f"/alerts/{number}/review"
    await web.house.relay.approve(web.town, found.id, "Ola")
    await web.house.relay.release(web.town, found.id, "Ola")
    assert (await officer.get(f"/alerts/{number}")).location == f"/alerts/{number}/board"
    assert (await officer.get("/alerts/999")).status == 404


async def test_the_numbers_of_the_review_are_those_of_the_plan_then_written(web: Open) -> None:
    browser = await web.browser("coordinator")
    number = await draft(browser, fields={"headline.so": "", "forward.so": ""})
    page = text_of(await browser.get(f"/alerts/{number}/review"))
    found = await row(web, number)
    review = await web.house.relay.review(web.town, found.id)
    await web.house.relay.approve(web.town, found.id, "Ola")
    await web.house.relay.release(web.town, found.id, "Ola")
    people, messages = await planned(web, number)
    assert (people, messages) == (6, sum(load.messages for load in review.loads))
    assert f"<strong>{people}</strong>" in page
    assert f"<strong>{sum(load.units for load in review.loads)}</strong>" in page
    assert "3 får bokmål" in page


async def test_parts_and_price_are_those_of_the_copies_that_then_leave_for_whoever_has_no_text_of_their_own(web: Open) -> None:
    browser = await web.browser("coordinator")
    number = await draft(browser, fields={"headline.so": "", "forward.so": ""})
    page = text_of(await browser.get(f"/alerts/{number}/review"))
    found = await row(web, number)
    before = await web.house.relay.review(web.town, found.id)
    texts = await worded(web, found.id)
    [fallback] = [one for one in before.readings if one.fallback]
    assert (fallback.language, fallback.reads, fallback.people) == ("nb", "so", 3)
    assert {fallback.forward.text, fallback.ask.text} <= set(texts)
    assert sum(segments(text) for text in texts) == sum(load.units for load in before.loads)
    assert "3 personer som leser somali, har ingen egen tekst" in page
    for copy in (fallback.forward, fallback.ask):
        assert copy.text in page


async def test_the_review_shows_the_digits_that_people_will_answer_with(web: Open) -> None:
    await out(web)
    second = await draft(await web.browser("coordinator"))
    page = text_of(await (await web.browser("approver")).get(f"/alerts/{second}/approve"))
    found = await row(web, second)
    before = await web.house.relay.review(web.town, found.id)
    texts = await worded(web, found.id)
    assert before.legend == (await row(web, second)).legend
    assert {copy.text for one in before.readings for copy in (one.forward, one.ask)} == set(texts)
    for one in before.readings:
        assert "61" in one.ask.text
        assert one.ask.text in page


async def worded(web: Open, alert_id: int) -> list[str]:
    """Release an alert and return every first message in the words in which it leaves."""
    relay = web.house.relay
    await relay.approve(web.town, alert_id, "Ola")
    await relay.release(web.town, alert_id, "Ola")
    async with web.house.store.read() as conn:
        mine = (delivery.c.alert_id == alert_id, delivery.c.action == "message")
        ids = list((await conn.execute(select(delivery.c.id).where(*mine))).scalars())
        issue = await alerts.issue(conn, web.town, alert_id)
        known = await context.load(conn, [web.town], site=relay.desk.public_url)
        work = await claim.look_at(conn, ids, web.clock.now())
    return [Wording().of(one, issue, known.home(web.town, one.group_id, one.sender_id)).text for one in work]


async def test_an_exercise_that_one_person_may_send_has_one_primary_button(web: Open) -> None:
    browser = await web.browser("coordinator")
    played, real = await draft(browser, kind=Kind.EXERCISE), await draft(browser)
    assert await primary(browser, played) == ["Approve and send"]
    assert await primary(browser, real) == ["Ask for approval"]


async def primary(browser: Browser, number: int) -> list[str]:
    """Return the words of the review's primary buttons."""
    page = text_of(await browser.get(f"/alerts/{number}/review?lang=en"))
    return re.findall(r'<(?:button|a) class="ds-button"[^>]*data-variant="primary"[^>]*>([^<]+)<', page)


async def test_whom_the_trial_holds_back_is_counted_before_it_is_sent(web: Open) -> None:
    browser = await web.browser("coordinator")
    number = await draft(browser)
    review = f"/alerts/{number}/review?lang=en"
    assert "Trial mode keeps it from 6 of 6 people" in text_of(await browser.get(review))
    async with web.house.store.write() as conn:
        await trial.allow_address(conn, web.town, "+4741100001", Stamp(by="", at=web.clock.now()))
    assert "Trial mode keeps it from 5 of 6 people" in text_of(await browser.get(review))
    async with web.house.store.write() as conn:
        await trial.go_real(conn, web.town, Stamp(by="", at=web.clock.now()))
    assert "Trial mode keeps" not in text_of(await browser.get(review))


async def test_who_waits_for_the_morning_is_shown_and_woken_only_with_a_reason(web: Open) -> None:
    web.passes(hours=5)
    number = await draft(await web.browser("coordinator"), fields={"gravity": "1"})
    approver = await web.browser("approver")
    page = text_of(await approver.get(f"/alerts/{number}/approve"))
    assert page.count("24. nov. 07:00") >= 2
    assert (nb("The last ones leave") in page, nb("All have left in") in page) == (True, False), "not in a minute, where some wait"
    told = await approval(approver, web, number, wake="2")
    refused = await approver.post(f"/alerts/{number}/approve", **told)
    assert (refused.status, nb(acts.WHY_WAKE) in refused.text) == (422, True)
    sent = await approver.post(f"/alerts/{number}/approve", **told, wake_reason="Vannet drikkes ved frokost")
    assert sent.status == 303
    async with web.house.store.read() as conn:
        rows = (await conn.exec_driver_sql("SELECT group_id, pierced, waits_until IS NULL FROM recipient ORDER BY id")).all()
    assert {tuple(one) for one in rows} == {(1, "", 0), (2, "quiet_hours", 1)}


async def test_an_alert_that_cannot_all_leave_before_it_expires_says_so(web: Open) -> None:
    async with web.house.store.write() as conn:
        await conn.exec_driver_sql("UPDATE sender SET pace_per_second = 0.001")
    browser = await web.browser("coordinator")
    number = await draft(browser, fields={"expires": "2026-11-23T19:00"})
    assert nb("too late: it expires before that") in text_of(await browser.get(f"/alerts/{number}/review"))


# --- approval ---------------------------------------------------------------------------------------------------------------


async def test_a_draft_that_waits_for_approval_says_so_and_comes_first_until_it_is_sent_back(web: Open) -> None:
    author, approver = await web.browser("coordinator"), await web.browser("approver")
    asked, untouched = await draft(author), await draft(author)
    await author.post(f"/alerts/{asked}/ask")
    for path in ("/", "/alerts"):
        page = text_of(await approver.get(f"{path}?lang=en"))
        assert page.count(">Waits for approval</span>") == page.count(">Draft</span>") == 1, path
    page = text_of(await approver.get("/?lang=en"))
    assert page.index(f'"/alerts/{asked}/review"') < page.index(f'"/alerts/{untouched}/review"')
    assert "approval asked for" in page
    assert ">Waits for approval</span>" in text_of(await approver.get(f"/alerts/{asked}/review?lang=en"))
    told = await approval(approver, web, asked, do="back", back_reason="Hvilken vei?")
    back = await approver.post(f"/alerts/{asked}/approve", **told)
    assert back.status == 303, text_of(back)
    assert ">Waits for approval</span>" not in text_of(await approver.get("/?lang=en"))


async def test_the_author_sees_who_was_asked_and_who_is_next(web: Open) -> None:
    await colleague(web, "bente", Role.APPROVER)
    async with web.house.store.write() as conn:
        await conn.execute(update(User).values(phone="+4741234567"))
    browser = await web.browser("coordinator")
    number = await draft(browser)
    await browser.get(f"/alerts/{number}/review")
    assert (await browser.post(f"/alerts/{number}/ask")).status == 303
    page = text_of(await browser.get(f"/alerts/{number}/review"))
    assert "The approver" in page
    assert "Bente" in page
    assert nb("is asked %(when)s if nobody has answered", when="18:02") in page


async def test_a_second_person_approves_and_sends_and_ten_seconds_undo_it(web: Open) -> None:
    number = await draft(await web.browser("coordinator"))
    approver = await web.browser("approver")
    told = await approval(approver, web, number)
    sent = await approver.post(f"/alerts/{number}/approve", **told)
    assert (sent.status, sent.location) == (303, f"/alerts/{number}/run")
    assert (await row(web, number)).state == AlertState.RELEASED
    page = await approver.get(f"/alerts/{number}/run")
    assert f'action="/alerts/{number}/undo"' in page.text
    assert (await approver.post(f"/alerts/{number}/undo")).status == 303
    assert ((await row(web, number)).state, await planned(web, number)) == (AlertState.APPROVED, (0, 0))


async def test_undo_is_gone_after_ten_seconds(web: Open) -> None:
    number = await out(web)
    page = await (await web.browser("approver")).get(f"/alerts/{number}/run")
    assert f'action="/alerts/{number}/undo"' not in page.text


async def test_neither_author_nor_last_editor_approves_a_real_alert_whatever_they_send(web: Open) -> None:
    await colleague(web, "begge", Role.COORDINATOR, Role.APPROVER)
    both, other = await web.browser("begge"), await web.browser("coordinator")
    own, edited = await draft(both), await draft(other)
    await both.get(f"/alerts/{edited}/edit")
    await both.post(f"/alerts/{edited}/edit", **form(event="Endret"))
    for number in (own, edited):
        for pressed in ("send", "approve"):
            answer = await both.post(f"/alerts/{number}/approve", **await approval(both, web, number, do=pressed))
            assert (answer.status, nb(approve.OWN) in text_of(answer)) == (422, True)
        answer = await other.post(f"/alerts/{number}/approve", **await approval(other, web, number))
        assert answer.status == 422
        assert (await row(web, number)).state == AlertState.DRAFT


async def test_an_exercise_may_be_sent_by_the_one_who_wrote_it(web: Open) -> None:
    browser = await web.browser("coordinator")
    number = await draft(browser, Kind.EXERCISE)
    sent = await browser.post(f"/alerts/{number}/approve", **await approval(browser, web, number))
    assert (sent.status, (await row(web, number)).state) == (303, AlertState.RELEASED)


async def test_what_has_expired_is_not_approved_not_even_an_exercise(web: Open) -> None:
    browser = await web.browser("coordinator")
    number = await draft(browser, Kind.EXERCISE, fields={"expires": "2026-11-23T18:30"})
    told = await approval(browser, web, number)
    web.passes(minutes=45)
    page = await browser.get(f"/alerts/{number}/approve?lang=en")
    assert "Its time is over" in page.text
    assert "Approve and send to" not in page.text
    for pressed in ("approve", "send"):
        assert (await browser.post(f"/alerts/{number}/approve", **told | {"do": pressed})).status == 422
    found = await row(web, number)
    with pytest.raises(NotAllowed, match="has expired"):
        await web.house.relay.approve(web.town, found.id, "Ola")
    assert (await row(web, number)).state == AlertState.DRAFT


async def test_what_was_changed_since_the_page_was_opened_is_not_approved(web: Open) -> None:
    browser, approver = await web.browser("coordinator"), await web.browser("approver")
    number = await draft(browser)
    told = await approval(approver, web, number)
    await browser.get(f"/alerts/{number}/edit")
    await browser.post(f"/alerts/{number}/edit", **form(event="Noe annet"))
    answer = await approver.post(f"/alerts/{number}/approve", **told)
    assert (answer.status, nb(approve.CHANGED) in text_of(answer)) == (422, True)
    assert (await row(web, number)).state == AlertState.DRAFT


@pytest.mark.parametrize(
    ("people", "kind", "needed"), [(10, Kind.ACTUAL, "20"), (60, Kind.ACTUAL, "EKTE 120"), (60, Kind.EXERCISE, "ØVELSE 120")]
)
async def test_the_more_people_the_more_must_be_written(migrated_sqlite_url: str, people: int, kind: Kind, needed: str) -> None:
    async with opened(settings(migrated_sqlite_url)) as web:
        await furnish(web, people)
        number = await draft(await web.browser("coordinator"), kind)
        approver = await web.browser("approver")
        told = await approval(approver, web, number)
        wrong = [await approver.post(f"/alerts/{number}/approve", **told, confirm=text) for text in ("", "119", "ekte 20")]
        assert [answer.status for answer in wrong] == [422, 422, 422]
        assert f"Skriv {needed}" in text_of(wrong[0])
        assert (await row(web, number)).state == AlertState.DRAFT
        assert (await approver.post(f"/alerts/{number}/approve", **told, confirm=needed.lower())).status == 303


async def test_an_emergency_needs_a_reason_and_the_second_factor_and_a_second_look_afterwards(web: Open) -> None:
    await colleague(web, "begge", Role.COORDINATOR, Role.APPROVER)
    both, secret = await web.browser("begge"), pyotp.random_base32()
    number = await draft(both)
    async with web.house.store.write() as conn:
        me = await users.by_login(conn, "begge")
        assert me is not None
        await users.set_second_factor(conn, web.town, me.id, secret, [], Stamp(by="Begge", at=web.clock.now()))
    told = await approval(both, web, number, override="yes")
    answer = await both.post(f"/alerts/{number}/approve", **told)
    assert (answer.status, nb(approve.NO_REASON) in text_of(answer)) == (422, True)
    answer = await both.post(f"/alerts/{number}/approve", **told, override_reason="Ingen svarer", code="000000")
    assert (answer.status, nb(approve.NO_CODE) in text_of(answer)) == (422, True)
    code = pyotp.TOTP(secret).at(web.clock.now())
    assert (await both.post(f"/alerts/{number}/approve", **told, override_reason="Ingen svarer", code=code)).status == 303
    async with web.house.store.read() as conn:
        assert [task.kind for task in await tasks.listed(conn, web.town)] == [TaskKind.REVIEW]
    await both.get(f"/alerts/{number}/run")
    assert (await both.post(f"/alerts/{number}/looked-over")).status == 409
    approver = await web.browser("approver")
    assert "Ingen svarer" in (await approver.get(f"/alerts/{number}/run")).text
    assert (await approver.post(f"/alerts/{number}/looked-over")).status == 303


async def test_an_approver_sends_back_with_a_reason_that_the_author_reads(web: Open) -> None:
    browser, approver = await web.browser("coordinator"), await web.browser("approver")
    number = await draft(browser)
    told = await approval(approver, web, number, do="back")
    assert (await approver.post(f"/alerts/{number}/approve", **told)).status == 422
    assert (await approver.post(f"/alerts/{number}/approve", **told, back_reason="Hvor lenge?")).status == 303
    assert "Hvor lenge?" in (await browser.get(f"/alerts/{number}/edit")).text


# --- run --------------------------------------------------------------------------------------------------------------------


async def test_whom_nothing_has_left_to_has_not_been_asked(web: Open) -> None:
    number = await out(web)
    people = (await planned(web, number))[0]
    browser = await web.browser("coordinator")
    for page in (f"/alerts/{number}/run", "/alerts", "/"):
        assert f"0 av {people}" in text_of(await browser.get(page)), page


async def test_withdrawing_takes_two_presses_of_one_person_and_the_texts_stand_ready_in_every_language(web: Open) -> None:
    number = await out(web)
    officer = await web.browser("duty_officer")
    page = text_of(await officer.get(f"/alerts/{number}/run"))
    assert "TRUKKET TILBAKE" in page
    assert "WAA LAGA NOQDAY" in page
    done = await officer.post(f"/alerts/{number}/withdraw")
    assert (done.status, done.location) == (303, f"/alerts/{number + 1}/run")
    correction = await row(web, number + 1)
    assert (correction.act, correction.state, (await row(web, number)).state) == ("WITHDRAW", "RELEASED", "WITHDRAWN")


async def test_danger_over_is_another_button_and_another_act(web: Open) -> None:
    number = await out(web)
    officer = await web.browser("duty_officer")
    await officer.get(f"/alerts/{number}/run")
    await officer.post(f"/alerts/{number}/over")
    assert ((await row(web, number + 1)).act, (await row(web, number)).state) == ("OVER", "CLOSED")


async def test_a_viewer_looks_and_changes_nothing(web: Open) -> None:
    number = await out(web)
    viewer = await web.browser("viewer")
    page = await viewer.get(f"/alerts/{number}/run")
    assert (page.status, f"/alerts/{number}/withdraw" in page.text) == (200, False)
    acts = ("withdraw", "over", "cancel", "pause", "channel", "extend", "undo", "approve", "ask", "edit")
    assert {(await viewer.post(f"/alerts/{number}/{act}")).status for act in acts} == {403}


async def test_a_late_language_waits_for_a_second_person_and_reaches_those_who_got_another_one(web: Open) -> None:
    number = await out(web, {"headline.so": "", "forward.so": ""})
    browser, approver = await web.browser("coordinator"), await web.browser("approver")
    page = text_of(await browser.get(f"/alerts/{number}/run"))
    assert "somali: 3 fikk et annet språk" in page
    await browser.get(f"/alerts/{number}/languages/so")
    text = {"headline.so": SOMALI, "forward.so": "Karkari 3 daqiiqo."}
    assert (await browser.post(f"/alerts/{number}/languages/so", **text)).status == 303
    assert (await browser.post(f"/alerts/{number}/extend", language="so")).status == 409
    before = await planned(web, number)
    await approver.get(f"/alerts/{number}/run")
    assert (await approver.post(f"/alerts/{number}/extend", language="so")).status == 303
    after = await planned(web, number)
    assert (after[0], after[1] > before[1]) == (before[0], True)
    async with web.house.store.read() as conn:
        assert all(one.approved for one in await drafts.texts(conn, (await row(web, number)).id, "nb"))


async def test_the_ordinary_channels_are_ticked_with_who_and_when(web: Open) -> None:
    number = await out(web)
    officer = await web.browser("duty_officer")
    await officer.get(f"/alerts/{number}/run")
    await officer.post(f"/alerts/{number}/channel", channel="radio", used="yes")
    page = text_of(await officer.get(f"/alerts/{number}/run"))
    assert page.count('aria-pressed="true"') == 1
    assert "The duty_officer" in page.split('aria-pressed="true"')[1][:200]


async def test_every_page_of_an_exercise_carries_its_band_and_none_of_a_real_alert(web: Open) -> None:
    browser = await web.browser("coordinator")
    real, played = await draft(browser), await draft(browser, Kind.EXERCISE)
    for page in ("edit", "review", "approve"):
        assert "band-exercise" in (await browser.get(f"/alerts/{played}/{page}")).text
        assert "band-exercise" not in (await browser.get(f"/alerts/{real}/{page}")).text
    await browser.post(f"/alerts/{played}/approve", **await approval(browser, web, played))
    assert "band-exercise" in (await browser.get(f"/alerts/{played}/run")).text


async def test_translations_older_than_their_source_are_sent_only_by_who_says_so(web: Open) -> None:
    """A correction of the Norwegian text alone must not go out beside eight languages that say the old thing."""
    coordinator, approver = await web.browser("coordinator"), await web.browser("approver")
    number = await draft(coordinator)
    async with web.house.store.write() as conn:
        one = await row(web, number)
        issue = await alerts.issue(conn, one.municipality_id, one.id, approved_only=False)
        texts = [replace(text, forward="Kok det i 5 minutter.") if tag == "nb" else text for tag, text in issue.variants.items()]
        await drafts.change(conn, one.municipality_id, one.id, issue.alert, texts, "Kari", web.house.relay.clock.now())
    told = await approval(approver, web, number)
    assert "Eldre enn den norske teksten: somali" in text_of(await approver.get(f"/alerts/{number}/approve"))
    refused = await approver.post(f"/alerts/{number}/approve", **told)
    assert (refused.status, nb(approve.NOT_COMPARED) in text_of(refused)) == (422, True)
    assert (await approver.post(f"/alerts/{number}/approve", **told, stale="yes")).status == 303


async def test_an_unusual_number_of_people_needs_one_more_tick(web: Open) -> None:
    number = await out(web)
    async with web.house.store.write() as conn:
        await conn.exec_driver_sql("UPDATE counter SET value = 2 WHERE name = 'planned'")
    second = await draft(await web.browser("coordinator"))
    approver = await web.browser("approver")
    told = await approval(approver, web, second)
    refused = await approver.post(f"/alerts/{second}/approve", **told)
    assert (refused.status, nb(approve.NOT_TICKED) in text_of(refused), number) == (422, True, 1)
    assert (await approver.post(f"/alerts/{second}/approve", **told, unusual="yes")).status == 303
