"""What somebody does at the pages with eyes and hands, in a real browser: sign in, read figures, press buttons by their words."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from playwright.async_api import Browser, BrowserContext, Locator, Page, expect

from relay.web import words

#: milliseconds that a loaded machine may take before a page shows what it must
PATIENCE = 60_000

expect.set_options(timeout=PATIENCE)


@asynccontextmanager
async def device(browser: Browser, url: str, **more: Any) -> AsyncIterator[BrowserContext]:
    """Somebody's own machine, in Norwegian unless said otherwise: cookies are kept there and nowhere else."""
    context = await browser.new_context(base_url=url, **({"locale": "nb-NO"} | more))
    context.set_default_timeout(PATIENCE)
    try:
        yield context
    finally:
        await context.close()


async def sign_in(context: BrowserContext, login: str, password: str) -> Page:
    """Sign in as people do; return the page."""
    page = await context.new_page()
    await page.goto("/sign-in", wait_until="domcontentloaded")
    await page.locator("#login").fill(login)
    await page.locator("#password").fill(password)
    await press(page, "Sign in")
    await page.wait_for_url(lambda url: "/sign-in" not in url)
    return page


def nb(sentence: str, **values: object) -> str:
    """Return a sentence of the pages as they say it in Norwegian."""
    return words.say("nb", sentence, **values)


async def press(page: Page | Locator, sentence: str, **values: object) -> None:
    """Press the button that says this (given in English)."""
    await page.get_by_role("button", name=nb(sentence, **values), exact=True).click()


async def follow(page: Page | Locator, sentence: str, **values: object) -> None:
    """Follow the link that says this (given in English)."""
    await page.get_by_role("link", name=nb(sentence, **values), exact=True).click()


def figure(page: Page, name: str) -> Locator:
    """Return the big number that stands under this name (given in English)."""
    named = page.locator("dl.figures > div").filter(has=page.locator("dt", has_text=re.compile(f"^{re.escape(nb(name))}$")))
    return named.locator("dd").first


async def count(found: Locator) -> int:
    """Return the whole number that a part of a page shows, however it is spaced."""
    return int(re.sub(r"[^\d]", "", (await found.inner_text()).splitlines()[0]))
