"""Compose: what coordinators write is kept, counted and checked, in every language at once."""

import re
from collections.abc import AsyncIterator
from datetime import datetime

import pytest
from sqlalchemy import update

from channels.clock import ManualClock
from messages.alert import Act, Kind
from relay.model import AlertState, NotAllowed
from relay.store import alerts, drafts, situation
from relay.store.tables import alert, variant
from relay.town import demo_alert
from relay.web.pages.compose_form import LABELS
from tests.web.alerts import NORWEGIAN, SOMALI, draft, form, furnish, nb, row, text_of, without_agreement
from tests.web.house import START, Open, opened, settings


@pytest.fixture(name="web")
async def _web(migrated_sqlite_url: str) -> AsyncIterator[Open]:
    async with opened(settings(migrated_sqlite_url)) as web:
        yield web


async def test_an_empty_house_teaches_the_next_step(web: Open) -> None:
    browser = await web.browser("coordinator")
    page = await browser.get("/")
    assert page.status == 200
    assert all(address in page.text for address in ('href="/people/import"', 'href="/alerts/new?kind=EXERCISE"'))
    assert 'href="/alerts/new?kind=EXERCISE"' in (await browser.get("/alerts")).text


async def test_the_situation_names_the_groups_that_nobody_could_be_reached_in_and_why(web: Open) -> None:
    groups = await furnish(web, people=2)
    browser = await web.browser("viewer")
    assert "Alle grupper har nok folk" in (await browser.get("/")).text
    await without_agreement(web, groups["so"])
    page = text_of(await browser.get("/"))
    assert "Ingen av 2 kan nås" in page
    assert "ingen datert rolleavtale" in page


async def test_real_or_exercise_is_chosen_first_and_never_assumed(web: Open) -> None:
    browser = await web.browser("coordinator")
    await browser.get("/alerts/new")
    answer = await browser.post("/alerts/new", start="blank", event="Vann")
    assert (answer.status, "Velg først" in answer.text, "Vann" in answer.text) == (422, True, True)


async def test_a_draft_keeps_what_was_written_in_every_language_and_its_kind(web: Open) -> None:
    await furnish(web)
    browser = await web.browser("coordinator")
    number = await draft(browser, Kind.EXERCISE)
    await browser.post(f"/alerts/{number}/edit", **form(kind="ACTUAL"))
    page = text_of(await browser.get(f"/alerts/{number}/edit"))
    assert NORWEGIAN in page
    assert SOMALI in page
    assert "ØVELSE" in page
    assert (await row(web, number)).kind == Kind.EXERCISE


async def test_whether_it_concerns_us_is_said_in_the_readers_language(web: Open) -> None:
    await furnish(web)
    browser = await web.browser("coordinator")
    number = await draft(browser)
    page = text_of(await browser.get(f"/alerts/{number}/edit"))
    assert "Området nevner kommune " in page
    assert "The area names" not in page


async def test_nothing_typed_is_lost_by_an_error(web: Open) -> None:
    await furnish(web)
    browser = await web.browser("coordinator")
    number = await draft(browser)
    await browser.get(f"/alerts/{number}/edit")
    answer = await browser.post(
        f"/alerts/{number}/edit", **form(event="", expires="i morgen", **{"headline.so": "", "detail.nb": "Lang & god"})
    )
    page = text_of(answer)
    assert answer.status == 422
    assert all(words in page for words in ("Lang & god", "i morgen", "Karkari 3 daqiiqo.", "3 ting må rettes"))
    assert (await row(web, number)).event == "Kokevarsel"


async def test_who_saves_over_somebody_elses_save_is_told_once_and_keeps_what_they_wrote(web: Open) -> None:
    await furnish(web)
    kari, per = await web.browser("coordinator"), await web.browser("administrator")
    number = await draft(kari)
    old = str((await row(web, number)).revision)
    await per.get(f"/alerts/{number}/edit")
    assert (await per.post(f"/alerts/{number}/edit", **form(revision=old, event="Pers"))).status == 303
    answer = await kari.post(f"/alerts/{number}/edit", **form(revision=old, event="Karis"))
    assert (answer.status, "Karis" in answer.text, "The administrator" in answer.text) == (422, True, True)
    assert (await row(web, number)).event == "Pers"


async def test_parts_and_price_are_counted_by_the_server_with_and_without_javascript(web: Open) -> None:
    await furnish(web)
    browser = await web.browser("coordinator")
    number = await draft(browser)
    await browser.get(f"/alerts/{number}/edit")
    pieces = text_of(await browser.post(f"/alerts/{number}/count", **form(**{"forward.nb": "Kok det i 3 minutter. " * 9})))
    page = text_of(await browser.post(f"/alerts/{number}/edit", **form(do="count", **{"forward.nb": "Kok det i 3 minutter. " * 9})))
    [parts] = {found.split("SMS-deler")[0].split("·")[-1].strip() for found in (pieces, page) if "SMS-deler hver" in found}
    assert int(parts) > 2
    assert 'id="seen-so"' in pieces
    assert (await row(web, number)).revision == 1


async def test_numbers_that_a_translation_lacks_and_a_source_that_moved_on_are_pointed_out(web: Open) -> None:
    await furnish(web)
    browser = await web.browser("coordinator")
    number = await draft(browser)
    page = text_of(await browser.get(f"/alerts/{number}/edit"))
    assert nb("Numbers of the source that are not here:") not in page
    assert nb("The Norwegian text has been changed since this one was written.") not in page
    await browser.post(f"/alerts/{number}/edit", **form(**{"forward.nb": "Kok det i 7 minutter."}))
    page = text_of(await browser.get(f"/alerts/{number}/edit"))
    assert nb("Numbers of the source that are not here:") in page
    assert nb("The Norwegian text has been changed since this one was written.") in page
    await browser.post(f"/alerts/{number}/edit", **form(**{"forward.nb": "Kok det i 7 minutter.", "checked.so": "yes"}))
    assert nb("The Norwegian text has been changed since this one was written.") not in text_of(await browser.get(f"/alerts/{number}/edit"))


async def test_an_official_message_becomes_a_draft_and_an_exercise_of_it_can_stand_beside_the_real_one(web: Open) -> None:
    await furnish(web)
    browser = await web.browser("coordinator")
    document = demo_alert(ManualClock(START).now()).decode()
    await browser.get("/alerts/new")
    real = await browser.post("/alerts/new", kind="ACTUAL", start="cap", document=document)
    played = await browser.post("/alerts/new", kind="EXERCISE", start="cap", document=document)
    again = await browser.post("/alerts/new", kind="ACTUAL", start="cap", document=document)
    assert (real.location, played.location, again.location) == ("/alerts/1/edit", "/alerts/2/edit", "/alerts/1/edit")
    assert [(await row(web, number)).kind for number in (1, 2)] == [Kind.ACTUAL, Kind.EXERCISE]
    refused = await browser.post("/alerts/new", kind="ACTUAL", start="cap", document="<alert>half")
    assert (refused.status, "&lt;alert&gt;half" in refused.text) == (422, True)


async def test_a_template_is_chosen_at_an_address_that_holds_nothing_else(web: Open) -> None:
    """Not the form's secret, nor what was pasted beside it: addresses are kept in logs and in the browser's history."""
    browser = await web.browser("coordinator")
    await browser.get("/alerts/new")
    chosen = await browser.post("/alerts/new", kind="EXERCISE", template="boil-water", document="<alert>", event="Vann")
    assert (chosen.status, chosen.location) == (303, "/alerts/new?kind=EXERCISE&template=boil-water")
    assert 'name="parameter.minutes"' in (await browser.get(chosen.location)).text


@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")
async def test_what_is_too_large_is_refused_on_a_page(web: Open) -> None:
    """Also where a file was chosen first and a template then."""
    browser = await web.browser("coordinator")
    await browser.get("/alerts/new")
    refused = await browser.post("/alerts/new", kind="EXERCISE", template="boil-water", document="x" * 1_100_000)
    assert (refused.status, "Det er for stort" in refused.text, "mindre fil" in refused.text) == (413, True, True)


async def test_a_template_is_filled_in_once_for_all_languages_of_the_municipality(web: Open) -> None:
    await furnish(web)
    browser = await web.browser("coordinator")
    assert 'name="parameter.minutes"' in (await browser.get("/alerts/new?kind=EXERCISE&template=boil-water")).text
    filled = {f"parameter.{name}": "9" for name in ("place", "minutes", "authority", "advice")} | {"parameter.advice_date": "2026-11-23"}
    made = await browser.post("/alerts/new", kind="EXERCISE", start="template", template="boil-water", **filled)
    assert made.status == 303
    async with web.house.store.read() as conn:
        texts = await drafts.texts(conn, (await row(web, 1)).id, "nb")
    assert [text.variant.language for text in texts] == ["nb", "en", "so"]
    assert all("9" in text.variant.forward for text in texts)
    assert all("23.11.2026" in text.variant.detail for text in texts)


async def test_a_field_that_cannot_be_taken_says_so_beside_itself_and_keeps_what_was_written(web: Open) -> None:
    await furnish(web)
    browser = await web.browser("coordinator")
    await browser.get("/alerts/new?kind=EXERCISE&template=boil-water")
    filled = {"place": "Strand", "minutes": "mange", "authority": " ", "advice": "Kok.", "advice_date": "i går"}
    given = {f"parameter.{name}": value for name, value in filled.items()}
    refused = await browser.post("/alerts/new", kind="EXERCISE", start="template", template="boil-water", **given)
    assert refused.status == 422
    wanted = {
        "minutes": "Skriv et helt tall med sifre, for eksempel 3.",
        "authority": "Fyll ut dette.",
        "advice_date": "Skriv en dato, for eksempel 23.11.2026: i dag eller tidligere, og innen et år.",
    }
    beside = dict(re.findall(r'id="parameter\.(\w+)-error">(.+?)</p>', refused.text))
    assert beside == wanted
    assert f">{nb('Who gives the advice: Folkehelseinstituttet, Mattilsynet')}: Fyll ut dette.</a>" in text_of(refused)
    assert 'value="mange"' in refused.text
    async with web.house.store.read() as conn:
        assert await situation.listed(conn, web.town, limit=5) == []


@pytest.mark.parametrize(
    ("name", "written", "said"),
    [
        ("onset", "0202-11-24T10:00", "This is more than a year from now. Look at the year."),
        ("onset", "0001-01-01T00:00", "This is more than a year from now. Look at the year."),
        ("onset", "2028-11-24T10:00", "This is more than a year from now. Look at the year."),
        ("expires", "9999-12-31T23:59", "This is more than a year from now. Look at the year."),
        ("expires", "2026-11-23T17:00", "This is over already. Choose a later time, or none."),
        ("next_news", "2020-01-01T10:00", "This is more than a year from now. Look at the year."),
        ("next_news", "2026-11-23T17:00", "This time has passed already. Choose a later one, or none."),
        ("act_by", "2026-11-23T17:00", "This time has passed already. Choose a later one, or none."),
        ("act_by", "2028-01-01T10:00", "This is more than a year from now. Look at the year."),
    ],
)
async def test_a_time_that_cannot_be_meant_is_refused_beside_its_field(web: Open, name: str, written: str, said: str) -> None:
    await furnish(web)
    browser = await web.browser("coordinator")
    number = await draft(browser)
    refused = await browser.post(f"/alerts/{number}/edit", **form(**{name: written}))
    assert refused.status == 422
    assert re.findall(r'id="(\w+)-error">(.+?)</p>', refused.text) == [(name, nb(said))]
    assert f'href="#{name}">{nb(LABELS[name])}: {nb(said)}</a>' in refused.text
    assert (await browser.post(f"/alerts/{number}/count", **form(**{name: written}))).status == 200
    saved = await browser.post(f"/alerts/{number}/edit", **form(**{name: "2026-11-23T23:00"}))
    assert saved.status == 303, text_of(saved)


async def test_a_page_that_will_be_read_in_2030_is_refused(web: Open) -> None:
    await furnish(web)
    browser = await web.browser("coordinator")
    await browser.get("/alerts/new?kind=EXERCISE&template=boil-water")
    filled = {f"parameter.{name}": "9" for name in ("place", "minutes", "authority", "advice")} | {"parameter.advice_date": "2030-11-23"}
    refused = await browser.post("/alerts/new", kind="EXERCISE", start="template", template="boil-water", **filled)
    beside = re.findall(r'id="parameter\.(\w+)-error">(.+?)</p>', refused.text)
    assert beside == [("advice_date", "Skriv en dato, for eksempel 23.11.2026: i dag eller tidligere, og innen et år.")]


async def test_a_draft_that_waited_leaves_without_the_lines_whose_time_has_passed(web: Open) -> None:
    """Nobody waits longer for a line of courtesy; what is reviewed is what leaves."""
    await furnish(web)
    browser = await web.browser("coordinator")
    times = {"act_by": "2026-11-23T21:00", "next_news": "2026-11-23T20:00", "expires": "2026-11-24T12:00"}
    number = await draft(browser, fields=times)
    found, relay = await row(web, number), web.house.relay
    web.clock.advance(hours=2, minutes=30)  # 20:30 in Norway
    before = await relay.review(web.town, found.id)
    assert all("kl. 21.00" in one.ask.text and "20.00" not in one.forward.text for one in before.readings if one.language == "nb")
    web.clock.advance(hours=1)
    assert all("21.00" not in one.ask.text for one in (await relay.review(web.town, found.id)).readings)
    await relay.approve(web.town, found.id, "Ola")
    await relay.release(web.town, found.id, "Ola")
    left = await row(web, number)
    assert (left.act_by_at, left.next_news_at, left.expires_at) == (None, None, found.expires_at)
    log = text_of(await (await web.browser("administrator")).get("/audit"))
    assert "Utelatt, siden tidspunktet var passert: Neste nytt, Gis videre før" in log
    await browser.get(f"/alerts/new?update={number}")
    assert (await browser.post("/alerts/new", start="update", kind="ACTUAL", update=str(number))).status == 303


async def test_a_time_that_cannot_be_meant_neither_passes_approval_nor_leaves(web: Open) -> None:
    """As a draft from before there was a rule, or an official message."""
    await furnish(web)
    found, relay = await row(web, await draft(await web.browser("coordinator"))), web.house.relay
    await _redate(web, found.id, expires_at=START.replace(year=2999))
    with pytest.raises(NotAllowed, match="more than a year from now"):
        await relay.approve(web.town, found.id, "Ola")
    await _redate(web, found.id, expires_at=None)
    await relay.approve(web.town, found.id, "Ola")
    await _redate(web, found.id, onset_at=START.replace(year=1026))
    with pytest.raises(NotAllowed, match="more than a year from now"):
        await relay.release(web.town, found.id, "Ola")


async def _redate(web: Open, alert_id: int, **values: datetime | None) -> None:
    async with web.house.store.write() as conn:
        await conn.execute(update(alert).where(alert.c.id == alert_id).values(values))


PLAYED = "This text is made for testing the alerts, and cannot go out as a real alert. Choose “Exercise”, or another text."


async def test_what_tests_the_alerts_cannot_become_a_real_one_by_any_beginning(web: Open) -> None:
    await furnish(web)
    browser, filled = await web.browser("coordinator"), {"start": "template", "template": "exercise", "parameter.place": "Strand"}
    await browser.get("/alerts/new")
    played = await browser.post("/alerts/new", kind="EXERCISE", **filled)
    assert played.location == "/alerts/1/edit"
    for given in ({"template": "exercise"}, filled, {"start": "earlier", "alert": "1"}):
        refused = await browser.post("/alerts/new", kind="ACTUAL", **given)
        assert (refused.status, nb(PLAYED) in text_of(refused)) == (422, True)
    assert (await browser.post("/alerts/new", kind="EXERCISE", template="exercise")).status == 303


async def test_what_tests_the_alerts_cannot_be_typed_into_a_real_one(web: Open) -> None:
    await furnish(web)
    browser = await web.browser("coordinator")
    number = await draft(browser)
    refused = await browser.post(f"/alerts/{number}/edit", **form(**{"headline.nb": "VI PRØVER VARSLINGEN"}))
    assert (refused.status, nb(PLAYED) in text_of(refused)) == (422, True)
    assert (
        await browser.post(f"/alerts/{await draft(browser, Kind.EXERCISE)}/edit", **form(**{"headline.nb": "VI PRØVER VARSLINGEN"}))
    ).status == 303


async def test_what_tests_the_alerts_neither_passes_approval_nor_leaves_as_real_and_can_be_taken_back(web: Open) -> None:
    """As a draft from before there was a rule."""
    await furnish(web)
    found = await row(web, await draft(await web.browser("coordinator")))
    relay = web.house.relay
    await _retell(web, found.id, source="library:exercise")
    with pytest.raises(NotAllowed, match="would go out as a real alert"):
        await relay.approve(web.town, found.id, "Ola")
    await _retell(web, found.id, source="written")
    await relay.approve(web.town, found.id, "Ola")
    await _retell(web, found.id, source="library:exercise")
    with pytest.raises(NotAllowed, match="would go out as a real alert"):
        await relay.release(web.town, found.id, "Ola")
    await _retell(web, found.id, source="written")
    await relay.release(web.town, found.id, "Ola")
    await _retell(web, found.id, source="library:exercise")
    assert await relay.correct(web.town, found.id, Act.WITHDRAW, "Ola")


async def _retell(web: Open, alert_id: int, **values: str) -> None:
    async with web.house.store.write() as conn:
        await conn.execute(update(variant).where(variant.c.alert_id == alert_id).values(values))


async def test_an_update_of_what_is_out_copies_its_texts_and_stays_of_its_kind(web: Open) -> None:
    await furnish(web)
    browser = await web.browser("coordinator")
    number = await draft(browser, Kind.EXERCISE)
    relay, found = web.house.relay, await row(web, number)
    await relay.approve(web.town, found.id, "Ola")
    await relay.release(web.town, found.id, "Ola")
    await browser.get(f"/alerts/new?update={number}")
    made = await browser.post("/alerts/new", kind="ACTUAL", start="update", update=str(number))
    newer = await row(web, int(made.location.split("/")[2]))
    assert (newer.kind, newer.act, newer.replaces_id) == (Kind.EXERCISE, "UPDATE", found.id)
    for page in ("edit", "review", "approve"):
        told = text_of(await browser.get(f"/alerts/{newer.number}/{page}?lang=en"))
        assert f'href="/alerts/{number}">Replaces no. {number}, {found.event}</a>' in told, page
    assert (await browser.get(f"/alerts/{number}/edit")).location == f"/alerts/{number}/run"
    assert (await row(web, number)).state == AlertState.RELEASED


async def test_another_municipalitys_alert_is_not_there(web: Open) -> None:
    await furnish(web)
    number = await draft(await web.browser("coordinator"))
    stranger = await web.browser("elsewhere")
    assert [(await stranger.get(f"/alerts/{number}/{page}")).status for page in ("edit", "review", "run")] == [404, 404, 404]
    async with web.house.store.read() as conn:
        assert len(await alerts.newest(conn, web.other)) == 0
