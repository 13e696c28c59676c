"""A phone's page for people: what came and what was written stand on it in order, one answers on it, and programs get JSON as ever."""

import json
from collections.abc import AsyncIterator

import aiohttp
import pytest

from channels.sandbox.phones import Shown
from channels.sandbox.sandbox import Sandbox
from tests.channels.sandbox.product import AYAN, OURS, Product

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
LINK = "https://varsel.example/m/abc"


class Browser:
    """What a person sees and does."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def look(self, path: str = f"phone/{AYAN}") -> str:
        async with self._session.get(f"/sandbox/{path}", headers=BROWSER) as answer:
            assert answer.content_type == "text/html"
            return await answer.text()

    async def fill(self, form: str, **fields: str) -> str:
        async with self._session.post(f"/sandbox/phone/{AYAN}/{form}", data=fields, headers=BROWSER) as answer:
            assert answer.status == 200
            return await answer.text()


@pytest.fixture
async def browser(sandbox: Sandbox) -> AsyncIterator[Browser]:
    async with aiohttp.ClientSession(sandbox.url) as session:
        yield Browser(session)


def came(sandbox: Sandbox, text: str, *, channel: str = "sms", buttons: tuple[tuple[str, str], ...] = ()) -> None:
    now = sandbox.world.agenda.now()
    sandbox.phones.show(Shown(id=f"SM{text}", channel=channel, sender=OURS, to=AYAN, text=text, at=now, buttons=buttons))


async def test_an_answer_written_on_the_page_reaches_the_product_and_stands_among_what_came(
    sandbox: Sandbox, browser: Browser, product: Product
) -> None:
    came(sandbox, f"KARKARI BIYAHA <1> {LINK}")
    seen = await browser.fill("say", text="1 <ok>")
    assert [each["Body"] for each in product.inbound()] == ["1 <ok>"]
    assert f"From {OURS}" in seen
    assert f'KARKARI BIYAHA &lt;1&gt; <a href="{LINK}"' in seen
    assert seen.index("KARKARI") < seen.index(f"Written here, to {OURS}") < seen.index("1 &lt;ok&gt;")


async def test_a_quick_reply_is_pressed_on_the_page(sandbox: Sandbox, browser: Browser, product: Product) -> None:
    came(sandbox, "Lest?", channel="whatsapp", buttons=(("Lest", "17.1"), ("Gir videre", "17.2")))
    assert '<button name="button" value="17.2" dir="auto">Gir videre</button>' in await browser.look()
    await browser.fill("press", button="17.2")
    assert [(each["Body"], each["ButtonPayload"]) for each in product.inbound()] == [("Gir videre", "17.2")]


async def test_what_came_to_nothing_is_said_on_the_page(sandbox: Sandbox, browser: Browser, product: Product) -> None:
    assert "nothing has come" in await browser.fill("say", text="1")
    came(sandbox, "KOK VANNET")
    product.status = 403
    assert "did not take it (403)" in await browser.fill("say", text="1")


async def test_a_phone_is_switched_off_and_on(sandbox: Sandbox, browser: Browser) -> None:
    came(sandbox, "KOK VANNET")
    assert "Switch on" in await browser.fill("switch", off="yes")
    assert sandbox.phones.of(AYAN).is_off
    assert "Switch off" in await browser.fill("switch", off="")
    assert not sandbox.phones.of(AYAN).is_off


async def test_all_phones_are_listed_and_a_program_gets_json_at_the_same_addresses(sandbox: Sandbox, browser: Browser) -> None:
    came(sandbox, "KOK VANNET")
    assert f'<a href="/sandbox/phone/%2B{AYAN[1:]}">{AYAN}</a>: 1' in await browser.look("phones")
    async with aiohttp.ClientSession(sandbox.url) as session:
        for path in ("phones", f"phone/{AYAN}"):
            async with session.get(f"/sandbox/{path}") as answer:
                assert answer.content_type == "application/json"
                assert AYAN in str(json.loads(await answer.text()))
