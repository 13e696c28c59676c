"""Every page, as eyes and screen readers meet it: WCAG 2.1 A/AA, both directions, light and dark, every width, nothing from elsewhere."""

import os
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from relay.store import sealing
from tests.web.conftest import Web
from tests.web.eyes import browser, sitting, too_wide, violations
from tests.web.places import busy_town, places

#: walks that take many minutes run by hand: BUDSTIKKE_EYES=1 ./run test tests/web/test_eyes.py
ALL = os.environ.get("BUDSTIKKE_EYES") == "1"

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(1500), pytest.mark.slow]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def town(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Web]:
    async with busy_town(tmp_path_factory.mktemp("eyes")) as web:
        yield web


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def seeing(chromium: str) -> AsyncIterator[Browser]:
    async with browser(chromium) as made:
        yield made


@pytest.fixture(autouse=True)
def keyring(town: Web) -> sealing.Keyring:
    """The house that is up has keys of its own."""
    sealing.use(town.keys)
    return town.keys


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("direction", ["ltr", "rtl"] if ALL else ["ltr"])
async def test_no_page_breaks_wcag_2_1_or_asks_anybody_else(town: Web, seeing: Browser, direction: str, scheme: str) -> None:
    wrong: dict[str, list[str]] = {}
    for place in await places(town):
        async with sitting(seeing, town, place) as (page, seen):
            answer = await page.goto(f"{town.url}{place.address}?lang=nb&dir={direction}&scheme={scheme}", wait_until="load")
            assert answer is not None
            found = [*(await violations(page)), *seen.foreign, *seen.complaints]
            found += [] if answer.status == 200 else [f"answers {answer.status}"]
            if found:
                wrong[place.address] = found
    assert wrong == {}


if ALL:

    async def test_no_page_scrolls_sideways(town: Web, seeing: Browser) -> None:
        wrong: dict[str, list[str]] = {}
        for place in await places(town):
            async with sitting(seeing, town, place) as (page, _):
                await page.goto(f"{town.url}{place.address}?lang=nb", wait_until="load")
                if found := await too_wide(page):
                    wrong[place.address] = found
        assert wrong == {}

    async def test_every_page_is_there_in_every_language_without_a_script(town: Web, seeing: Browser) -> None:
        empty = []
        for place in await places(town):
            async with sitting(seeing, town, place, java_script_enabled=False) as (page, _):
                for language in ("nb", "nn", "en"):
                    answer = await page.goto(f"{town.url}{place.address}?lang={language}", wait_until="load")
                    if answer is None or answer.status != 200 or not (await page.inner_text("h1")).strip():
                        empty.append(f"{place.address} {language}")
        assert empty == []
