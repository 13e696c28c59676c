"""What stands around a board that is open moves with it: the menu's count, where the alert stands, and what is offered."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import expect

from relay import running
from tests.web.duty_town import Duty, duty_town
from tests.web.eyes import browser
from tests.web.hands import device, nb, sign_in
from tests.web.house import PASSWORD
from tests.web.viewers import picture

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(300)]


@pytest.fixture(name="duty")
async def _duty(migrated_sqlite_url: str, tmp_path: Path) -> AsyncIterator[Duty]:
    async with duty_town(migrated_sqlite_url, tmp_path) as open_town:
        yield open_town


async def pause(duty: Duty) -> None:
    """Let somebody else pause the alert."""
    town = duty.town
    async with town.store.write() as conn:
        await running.pause(conn, town.municipality_id, 1, "Ola", town.clock.now(), paused=True)
    town.relay.pulse.ring()


@pytest.mark.parametrize("path", ["/alerts/1/board", "/inbox"])
async def test_the_menus_count_comes_along_with_every_picture_and_stands_once_on_a_whole_page(duty: Duty, path: str) -> None:
    ayan = await duty.town.person("Ayan", "so")
    await duty.issue()
    await ayan.phone.says("Hjelp, det brenner!")
    await duty.town.settle()
    whole = (await duty.officer.get(path)).text
    async with duty.officer.http.get(f"{duty.officer.url}{path}/live?lang=en") as stream:
        sent = (await picture(stream)).decode()
    assert whole.count('id="open-tasks"') == 1
    assert 'hx-swap-oob="outerMorph"' not in whole
    [badge] = [line for line in sent.splitlines() if 'id="open-tasks"' in line]
    assert '<span class="count grave">1<span' in badge


async def test_an_open_board_counts_what_comes_in_and_offers_no_reminder_once_somebody_has_paused(duty: Duty, chromium: str) -> None:
    ayan = await duty.town.person("Ayan", "so")
    await duty.issue()
    async with browser(chromium) as made, device(made, duty.officer.url) as desk:
        page = await sign_in(desk, "duty_officer", PASSWORD)
        await page.goto("/alerts/1/board?lang=nb", wait_until="domcontentloaded")
        await page.evaluate("window.never = 'loaded again'")
        await expect(page.locator("[data-lamp]")).to_contain_text(nb("Live, last news"))
        await expect(page.locator("#open-tasks .count")).to_have_count(0)
        remind = page.locator("#board-actions [data-key=p]")
        await remind.focus()
        await ayan.phone.says("Hjelp, det brenner!")
        await duty.town.settle()
        duty.town.relay.pulse.ring()
        await expect(page.locator("#open-tasks .count.grave")).to_contain_text("1")
        await expect(remind).to_be_focused()
        await pause(duty)
        await expect(page.locator(".band.paused")).to_contain_text("Ola")
        await expect(page.locator("#alert-tags")).to_contain_text(nb("Paused"))
        await expect(page.locator("#alert-tags")).not_to_contain_text(nb("Under way"))
        await expect(remind).to_have_count(0)
        await expect(page.locator("#open-tasks")).to_have_count(1)
        assert await page.evaluate("window.never") == "loaded again"
