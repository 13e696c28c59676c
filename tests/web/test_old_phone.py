"""An old phone, Arabic and without scripts: a question is asked, a number told, and the e-mails left, by eyes and thumbs."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.async_api import Page, expect
from sqlalchemy import select

from channels.sandbox.ledger import Event
from messages.form import Medium
from messages.frames import say, say_plural
from messages.page_words import say_on_page
from relay.model import AddressState
from relay.store.tables import Address, note
from tests.stories.arrange import rows
from tests.stories.town import new
from tests.web.eyes import browser
from tests.web.hands import device
from tests.web.street import Street, street

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(300)]

QUESTION = "هل يشمل هذا الرضّع أيضًا؟"


@dataclass(frozen=True)
class Hand:
    """The street, and the phone of its Arabic reader."""

    street: Street
    page: Page

    async def reads(self, path: str) -> None:
        """Open a page; it is Arabic, from right to left, and runs nothing."""
        await self.page.goto(path, wait_until="domcontentloaded")
        assert await self.page.locator("html").get_attribute("dir") == "rtl"
        assert await self.page.locator("html").get_attribute("lang") == "ar"
        assert await self.page.locator("script").count() == 0

    async def sends(self, field: str) -> None:
        """Press the button of the form that has this field."""
        await self.page.locator("form", has=self.page.locator(field)).get_by_role("button").click()


@pytest.fixture(name="hand")
async def _hand(migrated_sqlite_url: str, tmp_path: Path, chromium: str) -> AsyncIterator[Hand]:
    small = {"locale": "ar", "java_script_enabled": False, "viewport": {"width": 320, "height": 568}}
    async with (
        street(migrated_sqlite_url, tmp_path, ("nb", "ar")) as opened,
        browser(chromium) as made,
        device(made, opened.url, **small) as phone,
    ):
        yield Hand(opened, await phone.new_page())


def told(msgid: str) -> str:
    """Return a word of the pages in Arabic."""
    return say_on_page(("ar",), msgid).text


async def test_a_question_a_number_and_the_way_out_without_a_script(hand: Hand) -> None:
    alert_id = await hand.street.boil(languages=("nb", "ar"))
    await hand.reads(hand.street.link("ar"))
    await a_question_is_asked(hand)
    await forty_are_told_in_arabic_digits(hand, alert_id)
    await the_own_page_is_sent_for(hand)
    await the_mails_are_left(hand)


async def a_question_is_asked(hand: Hand) -> None:
    """An empty one is asked back; a written one is read by a person, and the page says who reads it."""
    await hand.sends("textarea[name=text]")
    await expect(hand.page.locator(".note").first).to_have_text(told("message.text_wanted"))
    await hand.page.locator("textarea[name=text]").fill(QUESTION)
    await hand.sends("textarea[name=text]")
    await expect(hand.page.locator(".note.done").first).to_be_visible()
    assert await hand.street.town.tasks() == ["question"]
    [written] = await rows(hand.street.town, select(note.c.text))
    assert written.text == QUESTION


async def forty_are_told_in_arabic_digits(hand: Hand, alert_id: int) -> None:
    """What is no number is asked back; forty in the digits of the phone counts for the group."""
    await hand.page.locator("input[name=count]").fill("كثير")
    await hand.sends("input[name=count]")
    await expect(hand.page.locator(".note").first).to_have_text(told("message.count_wanted"))
    await hand.page.locator("input[name=count]").fill("٤٠")
    await hand.page.locator("input[name=how]").nth(1).check()
    await hand.sends("input[name=count]")
    await expect(hand.page.locator(".note.done").first).to_have_text(say_plural("ar", "notice.echo_passed_on", 40))
    reach = await hand.street.town.reach(alert_id)
    assert (reach.totals.relayed, reach.totals.reported_reach) == (1, 40)


async def the_own_page_is_sent_for(hand: Hand) -> None:
    """It comes to the mailbox, and is not shown to whoever holds the link."""
    mailbox = hand.street.people["ar"].mailbox
    assert mailbox is not None
    new(mailbox)
    await hand.page.locator("form[action$='/me']").get_by_role("button").click()
    await expect(hand.page.locator(".note.done").first).to_have_text(told("me.link_sent"))
    await hand.street.town.settle()
    assert any("/me/" in shown.text for shown in new(mailbox))


async def the_mails_are_left(hand: Hand) -> None:
    """The link at the foot of the letter asks once, in Arabic; then the next alert comes by SMS."""
    ayan, letters = hand.street.people["ar"], hand.street.town.sandbox.ledger.entries(Event.ACCEPTED)
    [url] = re.findall(r"<(http[^>]+)>", next(one.headers["List-Unsubscribe"] for one in letters if one.to == "personar@folk.test"))
    await hand.reads(url)
    addresses = select(Address.channel, Address.state).where(Address.person_id == ayan.id)
    assert {row.state for row in await rows(hand.street.town, addresses)} == {AddressState.ACTIVE}, "looking changes nothing"
    await hand.page.get_by_role("button", name=say("ar", "email.leave")).click()
    await expect(hand.page.locator(".note.done")).to_be_visible()
    assert await hand.page.locator("html").get_attribute("lang") == "ar"
    now = {row.channel: row.state for row in await rows(hand.street.town, addresses)}
    assert now == {Medium.EMAIL: AddressState.OPTED_OUT, Medium.SMS: AddressState.ACTIVE}
    assert ayan.mailbox is not None
    new(ayan.mailbox)
    await hand.street.boil(languages=("nb", "ar"))
    assert new(ayan.mailbox) == []
    assert new(ayan.phone) != []
