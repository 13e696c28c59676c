"""A whole night in a real browser: an official message comes in, and what follows is done with eyes and hands alone."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.async_api import BrowserContext, Page, expect
from sqlalchemy import distinct, func, select

from messages import library
from messages.alert import Alert, Area, Kind
from messages.cap.write import write
from messages.form import Medium
from relay.demo.play import Options, Stand, opened
from relay.demo.staff import PASSWORD
from relay.store import users
from relay.store.register import NewPerson, Stamp, add_people
from relay.store.tables import LanguageGroup, alert, delivery, recipient
from tests.web.eyes import browser
from tests.web.hands import PATIENCE, count, device, figure, nb, press, sign_in

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(600)]

LINK = re.compile(r"(/m/[a-z2-7]{26})")

VALUES = {
    "place": "Budvik sentrum, Nes",
    "minutes": "3",
    "authority": "kommuneoverlegen i Budvik",
    "advice": "Vannet må koke i tre minutter før det er trygt.",
    "advice_date": "02.02.2026",
}
WATER = library.template("boil-water")
#: what the official message is written in; the Arabic is the coordinator's to add
MAILBOX = "amal@postkasse.test"
OFFICIAL = ("nb", "en", "uk", "so", "ti", "pl")


@dataclass(frozen=True, kw_only=True)
class Night:
    """A town at work, and the machines of those who are awake."""

    stand: Stand
    kari: Page
    anders: Page
    vera: Page
    phones: Page
    #: an old phone in somebody's hand: Arabic, without scripts
    phone: BrowserContext

    async def mail(self) -> str:
        """Return what the newest mail of the Arabic mailbox says."""
        told = await self.stand.provider.ask(f"phone/{quote(MAILBOX)}")
        return "".join(str(one["text"]) for one in told["messages"][-1:])

    async def planned(self, number: int) -> dict[str, int]:
        """Return what the written plan holds: people, and first messages by medium."""
        mine = (alert.c.municipality_id == self.stand.municipality_id, alert.c.number == number)
        async with self.stand.house.store.read() as conn:
            alert_id = (await conn.execute(select(alert.c.id).where(*mine))).scalar_one()
            people = select(func.count()).where(recipient.c.alert_id == alert_id, recipient.c.left_out == "")
            first = select(delivery.c.channel, func.count(distinct(delivery.c.recipient_id)))
            first = first.where(delivery.c.alert_id == alert_id, delivery.c.action == "message")
            by_medium = {str(medium): n for medium, n in await conn.execute(first.group_by(delivery.c.channel))}
            return by_medium | {"people": (await conn.execute(people)).scalar_one()}


@asynccontextmanager
async def night(chromium: str, folder: Path) -> AsyncIterator[Night]:
    """Open the town, and let everybody sit down."""
    async with (
        opened(Options(people=36), folder, issue=False) as stand,
        browser(chromium) as made,
        device(made, stand.url) as desk,
        device(made, stand.url) as home,
        device(made, stand.url) as duty_room,
        device(made, stand.url, locale="ar", java_script_enabled=False, viewport={"width": 360, "height": 740}) as phone,
    ):
        await stand.provider.ask("settings", {"answering": False})
        await _enter(stand)
        working = asyncio.create_task(stand.house.work())
        try:
            kari, anders, vera = [
                await sign_in(context, login, PASSWORD) for context, login in ((desk, "kari"), (home, "anders"), (duty_room, "vera"))
            ]
            phones = await duty_room.new_page()
            yield Night(stand=stand, kari=kari, anders=anders, vera=vera, phones=phones, phone=phone)
        finally:
            stand.house.relay.dispatcher.stop()
            await working


async def _enter(stand: Stand) -> None:
    """Give the approver a telephone, and enter somebody who reads Arabic and is reached by mail."""
    mine, stamp = stand.municipality_id, Stamp(by="test", at=stand.house.relay.clock.now())
    async with stand.house.store.write() as conn:
        anders = await users.by_login(conn, "anders")
        assert anders is not None
        await users.change(conn, mine, anders.id, stamp, email="", phone="+4740000113", language="nb")
        arabic = select(LanguageGroup.id).where(LanguageGroup.municipality_id == mine, LanguageGroup.language == "ar")
        group, day = (await conn.execute(arabic)).scalar_one(), stamp.at.date()
        ways = ((Medium.EMAIL, MAILBOX),)
        amal = NewPerson(name="Amal Haddad", languages=("ar",), groups=(group,), ways=ways, agreed_on=day, adult_confirmed_on=day)
        await add_people(conn, mine, [amal], stamp)


def official(now: datetime) -> bytes:
    """Write the official message, as a warning centre sends it."""
    said = Alert(
        number=0,
        kind=Kind.ACTUAL,
        severity=WATER.severity,
        urgency=WATER.urgency,
        certainty=WATER.certainty,
        event="Kokevarsel",
        areas=(Area(description=VALUES["place"], municipalities=("9901",)),),
        sent_at=now,
        onset_at=now,
        expires_at=now + timedelta(hours=24),
        next_news_at=now + timedelta(hours=4),
        act_by_at=now + timedelta(hours=3),
    )
    texts = [WATER.fill(tag, VALUES) for tag in OFFICIAL]
    return write(said, texts, sender="varsel@budvik.test", identifier="budvik.night.1", sent=now, sender_name="Budvik kommune")


async def test_a_whole_night_from_the_official_message_to_its_withdrawal(chromium: str, tmp_path: Path) -> None:
    async with night(chromium, tmp_path) as home:
        number = await it_comes_in(home)
        await an_arabic_text_is_added(home, number)
        reviewed = await it_is_reviewed(home)
        await another_person_approves(home, number, reviewed)
        assert await home.planned(number) == reviewed, "the review said something else than the plan"
        await the_phones_light_up(home)
        await the_board_stands_open(home, number)
        shared = await it_is_confirmed_and_passed_on_to_forty(home, await the_mail_has_come(home))
        await the_board_has_moved_by_itself(home)
        await it_is_withdrawn(home, number)
        await the_shared_page_says_so(home, shared)


async def it_comes_in(home: Night) -> int:
    """The message of the warning centre is a draft, and the coordinator sees that it came in."""
    relay = home.stand.house.relay
    [taken] = await relay.take(home.stand.municipality_id, official(relay.clock.now()), "Varslingssentralen")
    await home.kari.goto("/", wait_until="domcontentloaded")
    waiting = home.kari.locator("section[aria-labelledby=waiting] li")
    await expect(waiting).to_contain_text(nb("Came in"))
    await waiting.get_by_role("link").click()
    return taken.number


async def an_arabic_text_is_added(home: Night, number: int) -> None:
    """The Arabic group lacks a text; the coordinator writes one, beside the official ones."""
    page, text = home.kari, WATER.fill("ar", VALUES)
    card = page.locator("#text-ar")
    await expect(card).to_contain_text(nb("Missing"))
    for field, words in (("headline", text.headline), ("forward", text.forward), ("place", text.place), ("topic", text.topic)):
        await page.locator(f"[id='{field}.ar']").fill(words)
    await expect(page.locator("[id='forward.ar']")).to_have_attribute("dir", "rtl")
    await press(page, "Save and review")
    await page.wait_for_url(f"**/alerts/{number}/review")


async def it_is_reviewed(home: Night) -> dict[str, int]:
    """The review says how many people get it and by what; the coordinator asks for approval."""
    page = home.kari
    people = await count(figure(page, "Get it"))
    loads = await figure(page, "SMS parts").locator("small").inner_text()
    media = {nb(name): medium for medium, name in (("sms", "SMS"), ("whatsapp", "WhatsApp"), ("email", "E-mail"))}
    by_medium = {media[name]: int(n) for n, name in (part.split() for part in loads.split(" · "))}
    standing_by = await page.locator("details tbody th .ds-tag", has_text=nb("stands by")).count()
    assert sum(by_medium.values()) + standing_by == people
    await press(page, "Ask for approval")
    await expect(page.locator("ol.asked")).to_contain_text("Anders Andrehand")
    return by_medium | {"people": people}


async def another_person_approves(home: Night, number: int, reviewed: dict[str, int]) -> None:
    """The approver reads the same numbers, writes the count by hand, and sends; the ten seconds of undo pass."""
    page = home.anders
    await page.goto(f"/alerts/{number}/approve", wait_until="domcontentloaded")
    assert await count(figure(page, "Get it")) == reviewed["people"]
    await page.locator("#confirm").fill(str(reviewed["people"]))
    await press(page, "Approve and send to %(n)s people", n=reviewed["people"])
    await expect(page.get_by_role("button", name=nb("Undo"))).to_be_visible()
    await expect(page.get_by_text(nb("Nothing has left yet."))).to_be_visible()


async def the_phones_light_up(home: Night) -> None:
    """Phones are dark, then messages arrive on them while one looks on, and the Arabic one shows what was written in the evening."""
    page = home.phones
    await page.goto("/phones", wait_until="domcontentloaded")
    await page.evaluate("window.never = 'loaded again'")
    await expect(page.locator("[data-lamp]")).to_have_attribute("data-lamp", "on")
    await expect(page.locator(".handset[lang=ar]")).to_contain_text(WATER.fill("ar", VALUES).headline)
    await expect(page.locator(".handset .bubble").nth(5)).to_be_visible()
    assert await page.evaluate("window.never") == "loaded again"


async def the_mail_has_come(home: Night) -> str:
    """Return the link to the message page that stands in the Arabic mail."""
    for _ in range(PATIENCE // 200):
        if found := LINK.search(await home.mail()):
            return found[1]
        await asyncio.sleep(0.2)
    raise AssertionError("no mail with a link came")


async def the_board_stands_open(home: Night, number: int) -> None:
    """The duty officer opens the board: nothing is passed on yet."""
    page = home.vera
    await page.goto(f"/alerts/{number}/board", wait_until="domcontentloaded")
    await page.evaluate("window.never = 'loaded again'")
    await expect(page.locator("[data-lamp]")).to_have_attribute("data-lamp", "on")
    assert await count(figure(page, "Reported reached")) == 0


async def it_is_confirmed_and_passed_on_to_forty(home: Night, message: str) -> str:
    """Somebody with an old phone reads, presses the one big button, and tells how many; return the page that they share."""
    page = await home.phone.new_page()
    await page.goto(message, wait_until="domcontentloaded")
    assert await page.locator("html").get_attribute("dir") == "rtl"
    await page.locator("button.big").click()
    await expect(page.locator(".note.done")).to_be_visible()
    await page.locator("input[name=count]").fill("40")
    await page.locator("input[name=how]").first.check()
    await page.locator("form", has=page.locator("input[name=count]")).get_by_role("button").click()
    await expect(page.locator(".note.done")).to_contain_text("40")
    await page.locator("a[href$='/share']").click()
    poster = await page.locator("a[href*='/poster']").get_attribute("href")
    assert poster is not None
    shared = poster.partition("/poster")[0]
    await page.goto(shared, wait_until="domcontentloaded")
    await expect(page.locator("h1")).to_have_text(WATER.fill("ar", VALUES).headline)
    assert await page.locator("del").count() == 0
    return shared


async def the_board_has_moved_by_itself(home: Night) -> None:
    """The board that was left open shows the forty, without having been loaded again."""
    page = home.vera
    await expect(figure(page, "Reported reached")).to_have_text(re.compile("^40"))
    await expect(page.locator("tr", has=page.locator("[lang=ar]"))).to_contain_text("40")
    assert await page.evaluate("window.never") == "loaded again"


async def it_is_withdrawn(home: Night, number: int) -> None:
    """It was wrong: on the page of the alert, two presses of one person."""
    page = home.kari
    await page.goto(f"/alerts/{number}/run", wait_until="domcontentloaded")
    await page.locator("summary", has_text=nb("Withdraw: it was wrong")).click()
    await press(page, "Withdraw it now")
    await page.wait_for_url(f"**/alerts/{number + 1}/run")
    handset = home.phones.locator(".handset[lang=ar]")
    await expect(handset.locator(".bubble", has_text=str(number + 1)).first).to_be_visible()


async def the_shared_page_says_so(home: Night, shared: str) -> None:
    """Whoever opens the page that was passed on sees the message struck, and why."""
    page = await home.phone.new_page()
    await page.goto(shared, wait_until="domcontentloaded")
    headline = WATER.fill("ar", VALUES).headline
    await expect(page.locator("h1")).not_to_have_text(headline)
    await expect(page.locator("[lang=nb]", has_text="TRUKKET TILBAKE").first).to_be_visible()
    await page.locator("section.say details summary").first.click()
    await expect(page.locator("section.say del").filter(has_text=headline).first).to_be_visible()
