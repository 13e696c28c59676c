"""A test message to oneself: by each sender, to one's own address, and what became of it stands beside the sender."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import select, update

from messages.form import Medium
from relay.store import users
from relay.store.register import Stamp
from relay.store.tables import Municipality, Sender, delivery
from tests.stories.town import new
from tests.web.duty_town import Duty, duty_town
from tests.web.house import Browser

PHONE, MAILBOX = "+4791200555", "sjefen@folk.test"


@pytest.fixture(name="duty")
async def _duty(migrated_sqlite_url: str, tmp_path: Path) -> AsyncIterator[Duty]:
    async with duty_town(migrated_sqlite_url, tmp_path) as open_town:
        yield open_town


async def administrator(duty: Duty, *, phone: str = PHONE, email: str = MAILBOX) -> Browser:
    """Sign the administrator in, who has these addresses."""
    async with duty.town.store.write() as conn:
        boss = await users.by_login(conn, "administrator")
        assert boss is not None
        stamp = Stamp(by="test", at=duty.town.clock.now())
        await users.change(conn, duty.town.municipality_id, boss.id, stamp, email=email, phone=phone, language="en")
    browser = await duty.stack.enter_async_context(Browser(duty.officer.url, headers={"Sec-Fetch-Site": "same-origin"}))
    await browser.sign_in("administrator")
    return browser


async def sender(duty: Duty, medium: Medium) -> str:
    [row] = await duty.rows(select(Sender.id).where(Sender.channel == medium))
    return str(row.id)


async def test_the_message_arrives_on_ones_own_phone_and_mailbox_and_the_page_says_so(duty: Duty) -> None:
    browser = await administrator(duty)
    for medium, to in ((Medium.SMS, PHONE), (Medium.EMAIL, MAILBOX)):
        assert (await browser.post("/settings/senders/test", sender=await sender(duty, medium))).status == 303
        await duty.town.settle()
        [shown] = new(duty.town.sandbox.phone(to))
        assert "A test of Budstikke in" in shown.text
    page = (await browser.get("/settings?lang=en")).text
    assert len(re.findall(r"<small>\d\d:\d\d: (?:Delivered|The provider has it|On its way)", page)) == 2
    assert {row.alert_id for row in await duty.rows(select(delivery.c.alert_id))} == {None}


async def test_who_has_no_number_is_told_where_it_is_entered(duty: Duty) -> None:
    browser = await administrator(duty, phone="")
    refused = await browser.post("/settings/senders/test", sender=await sender(duty, Medium.SMS))
    assert (refused.status, "Your account has no mobile number." in refused.text) == (422, True)
    assert (await browser.post("/settings/senders/test", sender="999")).status == 404
    assert (await duty.officer.post("/settings/senders/test", sender="1")).status == 403
    assert await duty.rows(select(delivery.c.id)) == []


async def test_on_trial_ones_own_number_is_written_to_all_the_same(duty: Duty) -> None:
    await duty.change(update(Municipality).values(mode="TRIAL"))
    browser = await administrator(duty)
    await browser.post("/settings/senders/test", sender=await sender(duty, Medium.SMS))
    await duty.town.settle()
    assert len(new(duty.town.sandbox.phone(PHONE))) == 1
