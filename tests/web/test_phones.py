"""The page of emulated phones: over the sandbox's own control address, in its own process, as in the demo."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import update

from messages.alert import Kind
from relay.demo import play, stage
from relay.model import Place, Role
from relay.store import users
from relay.store.register import Stamp, add_municipality
from relay.store.tables import alert
from relay.web.pages.phones import _pieces
from tests.web.house import Browser, password_hash


@dataclass
class Shelf:
    """The demo's town with its phones, and a viewer who is signed in."""

    stand: play.Stand
    browser: Browser

    async def page(self) -> str:
        """Look at the page once all that is under way has arrived."""
        relay = self.stand.house.relay
        while await relay.tick():
            await self.stand.provider.ask("settle", {"seconds": 20})
        return (await self.browser.get("/phones")).text


@asynccontextmanager
async def shelf(folder: Path) -> AsyncIterator[Shelf]:
    """Open the demo without its message, and sign a viewer in."""
    async with play.opened(play.Options(people=24), folder, issue=False) as stand:
        await stand.provider.ask("settings", {"answering": False, "sent_after": [0, 0], "delivered_after": [0, 0]})
        stamp = Stamp(by="test", at=stand.house.relay.clock.now())
        async with stand.house.store.write() as conn:
            new = users.NewUser(name="Wilma", roles=frozenset({Role.VIEWER}), login="wilma")
            await users.add(conn, stand.municipality_id, new, stamp, password_hash=password_hash())
        async with Browser(stand.url) as browser:
            assert (await browser.sign_in("wilma")).status == 303
            yield Shelf(stand, browser)


@pytest.fixture(name="shelf")
async def _shelf(tmp_path: Path) -> AsyncIterator[Shelf]:
    async with shelf(tmp_path) as opened:
        yield opened


async def test_another_towns_user_sees_no_phone_and_uses_none(shelf: Shelf) -> None:
    house = shelf.stand.house
    stamp = Stamp(by="test", at=house.relay.clock.now())
    async with house.store.write() as conn:
        elsewhere = await add_municipality(conn, Place(number="9997", name="Sorby", point=None), stamp)
        new = users.NewUser(name="Else", roles=frozenset({Role.DUTY_OFFICER}), login="else")
        await users.add(conn, elsewhere, new, stamp, password_hash=password_hash())
    page = await shelf.page()
    [address] = re.findall(r'action="/phones/([^"]+)"', page)[:1]
    async with Browser(shelf.stand.url) as stranger:
        assert (await stranger.sign_in("else")).status == 303
        for answer in [
            await stranger.get("/phones"),
            await stranger.get("/phones/stream"),
            await stranger.post(f"/phones/{address}", do="off"),
        ]:
            assert answer.status == 404
            assert address not in answer.text

    def timeless(page: str) -> str:
        return re.sub(r"\d\d:\d\d:\d\d", "", page)

    assert timeless(await shelf.page()) == timeless(page), "nothing was switched off"


def phone(page: str, language: str) -> str:
    """Return the part of the page that is one phone."""
    [found] = [part for part in page.split('<section class="holder"')[1:] if re.search(rf'<div class="handset[^>]*lang="{language}"', part)]
    return found


def address(page: str, language: str) -> str:
    found = re.search(r'action="(/phones/[^"]+)"', phone(page, language))
    assert found is not None
    return found[1]


async def release(shelf: Shelf, kind: Kind = Kind.ACTUAL) -> int:
    """Send the demo's alert."""
    issued = await stage.issue(shelf.stand.house, shelf.stand.municipality_id, None, replay=False)
    async with shelf.stand.house.store.write() as conn:
        await conn.execute(update(alert).where(alert.c.id == issued.alert_id).values(kind=kind))
    return issued.alert_id


async def test_at_least_eight_phones_in_several_scripts_are_there_before_anything_has_come(shelf: Shelf) -> None:
    page = await shelf.page()
    found = re.findall(r'<div class="handset" lang="([\w-]+)" dir="(\w+)"', page)
    assert len(found) >= 8
    assert {"ar", "uk", "ti"} <= {tag for tag, _ in found}
    assert {direction for _, direction in found} == {"ltr", "rtl"}
    assert page.count('class="nothing"') == len(found)


async def test_what_arrives_stands_on_the_screen_and_an_answer_beside_it(shelf: Shelf) -> None:
    alert_id = await release(shelf)
    page = await shelf.page()
    assert 'class="bubble' in phone(page, "ar")
    assert "اغلوا الماء" in phone(page, "ar")
    assert (await shelf.browser.post(address(page, "ar"), do="write", text="2")).status == 303
    page = await shelf.page()
    assert re.search(r'class="bubble \w+ mine">\s*<p dir="auto">2</p>', phone(page, "ar"))
    reach = await shelf.stand.house.relay.reach(shelf.stand.municipality_id, alert_id)
    assert reach.totals.acknowledged == 1


async def test_a_phone_that_is_off_gets_nothing_until_it_is_on_again(shelf: Shelf) -> None:
    page = await shelf.page()
    await shelf.browser.post(address(page, "uk"), do="off")
    await release(shelf)
    page = await shelf.page()
    assert "is-off" in phone(page, "uk")
    assert "КИП" not in phone(page, "uk").upper()
    await shelf.browser.post(address(page, "uk"), do="on")
    assert "is-off" not in phone(await shelf.page(), "uk")


async def test_an_exercise_is_drawn_as_one(shelf: Shelf) -> None:
    await release(shelf, Kind.EXERCISE)
    page = await shelf.page()
    bubbles = re.findall(r'class="bubble ([^"]*)"', page)
    assert bubbles
    assert all("drill" in classes for classes in bubbles)


#: the button that says "received" of an alert; one of a wake-up only opens the window
RECEIVED = r'name="button" value="(\d+\.1)"'


async def test_buttons_can_be_pressed_and_our_own_links_opened(shelf: Shelf) -> None:
    alert_id = await release(shelf)
    page = await shelf.page()
    holder = next(part for part in page.split('<section class="holder"')[1:] if re.search(RECEIVED, part))
    action, payload = re.search(r'action="(/phones/[^"]+)"', holder), re.search(RECEIVED, holder)
    assert action is not None
    assert payload is not None
    await shelf.browser.post(action[1], do="press", button=payload[1])
    page = await shelf.page()
    opened = re.search(r'<a href="(/m/[a-z2-7]{26})"', page)
    assert opened is not None
    assert (await shelf.browser.get(opened[1])).status == 200
    relay, town = shelf.stand.house.relay, shelf.stand.municipality_id
    for _ in range(200):
        if (await relay.reach(town, alert_id)).totals.acknowledged:
            break
        await asyncio.sleep(0.05)
    assert (await relay.reach(town, alert_id)).totals.acknowledged == 1


async def test_nobody_uses_a_phone_without_being_signed_in_or_from_elsewhere(shelf: Shelf) -> None:
    page = await shelf.page()
    async with Browser(shelf.stand.url) as stranger:
        assert (await stranger.get("/phones")).status == 303
        assert (await stranger.post(address(page, "ar"), do="off")).status == 303
    assert (await shelf.browser.post("/phones/+4799999999", do="off")).status == 404
    assert "is-off" not in await shelf.page()


def test_only_our_own_addresses_lead_anywhere() -> None:
    pieces = _pieces("A https://x.test/m/abc b https://x.test.evil/m/abc http://evil/", "https://x.test")
    assert [(piece.text, piece.to) for piece in pieces if piece.text.startswith("http")] == [
        ("https://x.test/m/abc", "/m/abc"),
        ("https://x.test.evil/m/abc", ""),
        ("http://evil/", ""),
    ]


async def test_what_arrives_on_a_phone_arrives_on_the_page_by_itself(shelf: Shelf) -> None:
    async with shelf.browser.http.get(f"{shelf.stand.url}/phones/stream") as stream:
        first = await stream.content.readuntil(b"\n\n")
        assert stream.status == 200
        assert b'id="shelf"' in first
        assert b'name="csrf"' in first
