"""The wall of the duty room on its screen: every group in sight without scrolling, large enough for four metres, and nobody named."""

import os
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Page
from sqlalchemy import update

from relay.store.tables import alert_group
from tests.web.duty_town import Duty, duty_town
from tests.web.eyes import browser
from tests.web.hands import device

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(300)]

#: languages of many scripts, as many as a large municipality has groups
TONGUES = (
    *("ar", "so", "ti", "uk", "pl", "lt", "fa", "ckb", "ps", "ur", "tr", "en"),
    *("ru", "ro", "es", "fr", "th", "vi", "my", "sw", "ku", "am", "nb", "se"),
)
#: what is still read from four metres on a screen of 1080 lines: about three centimetres of a metre's height
SMALLEST_FIGURE = 38
SCROLLS = "() => { const it = document.documentElement; return [it.scrollWidth - it.clientWidth, it.scrollHeight - it.clientHeight]; }"
FIGURES = "() => [...document.querySelectorAll('.tile-count strong')].map((one) => parseFloat(getComputedStyle(one).fontSize))"
#: tiles of which a part is cut off, or whose words run out of them
CUT = """() => [...document.querySelectorAll('.tile')].filter((one) => one.scrollHeight > one.clientHeight + 1
  || one.scrollWidth > one.clientWidth + 1 || one.getBoundingClientRect().bottom > innerHeight).map((one) => one.id)"""


@pytest.fixture(name="duty")
async def _duty(migrated_sqlite_url: str, tmp_path: Path) -> AsyncIterator[Duty]:
    async with duty_town(migrated_sqlite_url, tmp_path) as open_town:
        yield open_town


async def wall(duty: Duty, page: Page, groups: int) -> None:
    """Send an alert to as many groups as that, and open their wall on the big screen."""
    for n, tag in enumerate(TONGUES[:groups]):
        await duty.town.person(f"Hemmelig{n}", tag)
    await duty.issue()
    made = (await duty.press("/alerts/1/wall")).text
    await page.goto(made.split("/wall/")[1].split("<")[0].split('"')[0].join(["/wall/", ""]), wait_until="load")
    await page.evaluate("document.fonts.ready")


async def test_groups_of_one_language_are_told_apart_by_their_names_and_no_word_stands_twice(duty: Duty) -> None:
    for tag in ("so", "ti", "nb"):
        await duty.town.person(f"Hemmelig {tag}", tag)
    await duty.issue()
    for tag, called in (("so", {"name": "Somali"}), ("ti", {"language": "so", "name": "Somali, Nes"}), ("nb", {"name": "Norsk"})):
        await duty.change(update(alert_group).where(alert_group.c.group_id == duty.town.groups[tag]).values(**called))
    made = (await duty.press("/alerts/1/wall")).text
    shown = (await duty.officer.get(f"/wall/{made.split('/wall/')[1].split('<')[0]}?lang=nb")).text
    tiles = [re.findall(r">\s*([^<>]*\w)\s*<", name) for name in re.findall(r'<p class="tile-name">(.*?)</p>', shown, re.DOTALL)]
    assert sorted(tiles) == [["Soomaali", "somali"], ["Soomaali", "somali", "Somali, Nes"], ["bokmål"]]


@pytest.mark.parametrize("groups", [6, 12, 24])
async def test_every_group_is_in_sight_at_once_on_the_big_screen(duty: Duty, chromium: str, groups: int) -> None:
    async with browser(chromium) as made, device(made, duty.officer.url, viewport={"width": 1920, "height": 1080}) as screen:
        page = await screen.new_page()
        await wall(duty, page, groups)
        if folder := os.environ.get("BUDSTIKKE_PICTURES"):
            await page.screenshot(path=f"{folder}/wall-{groups}.png")
        assert await page.locator(".tile").count() == groups
        assert await page.evaluate(SCROLLS) == [0, 0]
        assert await page.evaluate(CUT) == []
        assert min(await page.evaluate(FIGURES)) >= SMALLEST_FIGURE
        text = await page.content()
        assert "Hemmelig" not in text
        assert "+47" not in text
