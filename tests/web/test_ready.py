"""From empty to ready: the page shows what has been seen to work, and what comes next."""

import re
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import delete, update

from messages.form import Medium
from relay.model import Role
from relay.store import users
from relay.store.register import NewContact, NewSender, Stamp, add_contact_point, add_sender
from relay.store.tables import ResourcePerson, Sender, User
from tests.web.alerts import furnish
from tests.web.house import START, Answer, Open, opened, password_hash, settings


@pytest.fixture(name="web")
async def _web(migrated_sqlite_url: str) -> AsyncIterator[Open]:
    async with opened(settings(migrated_sqlite_url)) as web:
        yield web


def done(page: Answer) -> dict[str, bool]:
    """Return the steps by their names, and whether each is done."""
    found = re.findall(r'<li(?P<done> class="done")?>\s*<div><strong>(?P<title>[^<]+)</strong>', page.text)
    return {title: bool(ready) for ready, title in found}


async def look(web: Open) -> Answer:
    page = await (await web.browser("administrator")).get("/ready?lang=en")
    assert page.status == 200
    return page


async def test_an_empty_municipality_is_told_what_comes_first(web: Open) -> None:
    page = await look(web)
    found = done(page)
    assert len(found) == 12
    assert not found["A number for SMS"]
    assert not found["Put people into the register"]
    assert "There is no sender yet." in page.text
    assert page.text.index("Next:") < page.text.index("Let a second person approve")


async def test_each_thing_that_is_there_is_done(web: Open) -> None:
    before = done(await look(web))
    await furnish(web)
    async with web.house.store.write() as conn:
        await add_contact_point(conn, web.town, NewContact(name="Kari", phone="+4791234567", hours=""), Stamp(by="test", at=START))
        extra = users.NewUser(name="Second", roles=frozenset({Role.APPROVER}), login="second", phone="+4790000002")
        await users.add(conn, web.town, extra, Stamp(by="test", at=START), password_hash=password_hash())
        await conn.execute(update(User).where(User.id == web.users["approver"]).values(phone="+4790000001"))
    after = done(await look(web))
    became = {title for title, ready in after.items() if ready and not before[title]}
    assert {"Let a second person approve", "Language groups", "Put people into the register"} <= became


async def test_an_approver_without_a_telephone_is_named_as_what_is_missing_on_both_pages(web: Open) -> None:
    async with web.house.store.write() as conn:
        extra = users.NewUser(name="Second", roles=frozenset({Role.APPROVER}), login="second", phone="+4790000002")
        await users.add(conn, web.town, extra, Stamp(by="test", at=START), password_hash=password_hash())
    boss = await web.browser("administrator")
    for path in ("/ready?lang=en", "/?lang=en"):
        page = await boss.get(path)
        assert not done(page)["Let a second person approve"], path
        assert "An approver has no telephone here" in page.text, path
    async with web.house.store.write() as conn:
        await conn.execute(update(User).where(User.id == web.users["approver"]).values(phone="+4790000001"))
    assert done(await boss.get("/ready?lang=en"))["Let a second person approve"]
    assert done(await boss.get("/?lang=en"))["Let a second person approve"]


async def test_somebody_without_an_agreement_is_not_ready(web: Open) -> None:
    await furnish(web)
    async with web.house.store.write() as conn:
        await conn.execute(update(ResourcePerson).values(agreed_on=None))
    page = await look(web)
    assert not done(page)["Put people into the register"]
    assert "Somebody lacks the agreement or the confirmation of age." in page.text


async def test_a_sender_counts_only_when_it_was_seen_to_work(web: Open) -> None:
    stamp = Stamp(by="test", at=START)
    async with web.house.store.write() as conn:
        await conn.execute(delete(Sender))
        one_way = NewSender(medium=Medium.SMS, address="SORBY", provider="twilio_sms", account="real", two_way=False)
        await add_sender(conn, web.town, one_way, stamp)
    assert "Nobody can answer this sender." in (await look(web)).text
    async with web.house.store.write() as conn:
        await conn.execute(update(Sender).values(two_way=True))
    page = await look(web)
    assert "No message is known to have arrived yet" in page.text
    assert not done(page)["A number for SMS"]


async def test_only_an_administrator_is_shown_the_way(web: Open) -> None:
    assert (await (await web.browser("viewer")).get("/ready")).status == 403
    assert 'href="/ready"' in (await (await web.browser("administrator")).get("/settings")).text
