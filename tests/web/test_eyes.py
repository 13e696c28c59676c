"""Every page, as eyes and screen readers meet it: WCAG 2.1 A/AA, both directions, light and dark, every width, nothing from elsewhere."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from relay.store import sealing
from tests.web.conftest import Web
from tests.web.eyes import Desk, browser, desks, too_wide, violations
from tests.web.places import Place, busy_town, links_held, places

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(1500), pytest.mark.slow]

#: what looks at a page that is open, and returns what is wrong with it
Look = Callable[[Desk, Place], Awaitable[list[str]]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def town(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Web]:
    async with busy_town(tmp_path_factory.mktemp("eyes")) as web:
        yield web


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def everywhere(town: Web) -> list[Place]:
    return [*await places(town), *await links_held(town)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def seeing(chromium: str) -> AsyncIterator[Browser]:
    async with browser(chromium) as made:
        yield made


@pytest.fixture(autouse=True)
def keyring(town: Web) -> sealing.Keyring:
    """The house that is up has keys of its own."""
    sealing.use(town.keys)
    return town.keys


async def walk(town: Web, seeing: Browser, everywhere: list[Place], look: Look, **more: object) -> dict[str, list[str]]:
    """Look at every page, a few at a time, each in a window of its role's browser; return what is wrong, by address."""
    wrong: dict[str, list[str]] = {}
    async with desks(seeing, town, **more) as free:

        async def one(place: Place) -> None:
            async with free(place) as desk:
                if found := await look(desk, place):
                    wrong[place.address] = found

        await asyncio.gather(*(one(place) for place in everywhere))
    return wrong


@pytest.mark.parametrize("direction", ["ltr", "rtl"])
async def test_no_page_breaks_wcag_2_1_or_asks_anybody_else(town: Web, seeing: Browser, everywhere: list[Place], direction: str) -> None:
    """Light and dark: the scheme is an attribute of the page, so the second look needs no second load."""

    async def look(desk: Desk, place: Place) -> list[str]:
        status = await desk.open(f"{place.address}?lang=nb&dir={direction}&scheme=light")
        found = await violations(desk.page)
        await desk.page.evaluate("document.documentElement.dataset.colorScheme = 'dark'")
        await desk.page.emulate_media(color_scheme="dark")
        found += [f"dark: {one}" for one in await violations(desk.page)]
        await desk.page.emulate_media(color_scheme="light")
        return [*found, *desk.complaints(), *([] if status == 200 else [f"answers {status}"])]

    assert await walk(town, seeing, everywhere, look) == {}


async def test_no_page_scrolls_sideways(town: Web, seeing: Browser, everywhere: list[Place]) -> None:
    async def look(desk: Desk, place: Place) -> list[str]:
        found = []
        for direction in ("ltr", "rtl"):
            await desk.open(f"{place.address}?lang=nb&dir={direction}")
            found += [f"{direction} {one}" for one in await too_wide(desk.page)]
        return found

    assert await walk(town, seeing, everywhere, look) == {}


async def test_every_page_is_there_in_every_language_without_a_script(town: Web, seeing: Browser, everywhere: list[Place]) -> None:
    async def look(desk: Desk, place: Place) -> list[str]:
        empty = []
        for language in ("nb", "nn", "en"):
            status = await desk.open(f"{place.address}?lang={language}")
            if status != 200 or not (await desk.page.inner_text("h1")).strip():
                empty.append(f"{language}: {status}")
        return empty

    assert await walk(town, seeing, everywhere, look, java_script_enabled=False) == {}


#: the grey of what is on its way: on a plain and on a highlighted row, whether it is the legend's, and its contrast with the row
GREYS = """() => {
  const light = (colour) => colour.match(/[0-9.]+/g).slice(0, 3).map((n) => n / 255)
    .map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4).reduce((sum, c, at) => sum + c * [0.2126, 0.7152, 0.0722][at], 0);
  const contrast = (one, two) => (Math.max(light(one), light(two)) + 0.05) / (Math.min(light(one), light(two)) + 0.05);
  const fill = (shape) => getComputedStyle(shape).fill;
  const legend = fill(document.querySelector('.legend .piece.underway'));
  const cell = document.querySelector('.groups .bar-column .piece.underway').closest('td');
  const card = getComputedStyle(cell.closest('.ds-card')).backgroundColor;
  return [false, true].map((need) => {
    cell.parentElement.classList.toggle('in-need', need);
    const grey = fill(cell.querySelector('.piece.underway'));
    return [grey === legend, contrast(grey, need ? getComputedStyle(cell).backgroundColor : card)];
  });
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_what_is_on_its_way_is_seen_on_every_row_of_the_board(
    town: Web, seeing: Browser, everywhere: list[Place], scheme: str
) -> None:
    [board] = [place for place in everywhere if place.pattern.endswith("/board")]
    async with desks(seeing, town) as free, free(board) as desk:
        await desk.open(f"{board.address}?scheme={scheme}")
        for as_the_legend, contrast in await desk.page.evaluate(GREYS):
            assert as_the_legend
            assert contrast >= 3, "WCAG 1.4.11: what is drawn stands out from its ground"


#: what a finger must push sideways to see the rest of: its class and by how much it runs over
CUT = """() => [...document.querySelectorAll('main *')]
  .filter((one) => ['auto', 'scroll', 'hidden'].includes(getComputedStyle(one).overflowX) && one.querySelector('table'))
  .filter((one) => one.scrollWidth > one.clientWidth + 1).map((one) => `${one.className} +${one.scrollWidth - one.clientWidth}`)"""


async def test_no_table_runs_out_of_sight_on_a_phone(town: Web, seeing: Browser, everywhere: list[Place]) -> None:
    async def look(desk: Desk, place: Place) -> list[str]:
        await desk.page.set_viewport_size({"width": 390, "height": 844})
        await desk.open(f"{place.address}?lang=nb")
        return list(await desk.page.evaluate(CUT))

    # the manual of the API is for whoever sits and writes a program
    assert await walk(town, seeing, [place for place in everywhere if place.address != "/api"], look) == {}
