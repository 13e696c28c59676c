"""What a browser sees of a page: what is wrong by axe-core, what scrolls sideways, what was asked of whom, what the console said."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from tests.web.conftest import Web
from tests.web.places import Place

#: where Debian puts it
CHROMIUM = "/usr/bin/chromium"
AXE = Path(__file__).parent / "vendor" / "axe.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
WIDTHS = (320, 390, 1366, 1920)


@dataclass
class Seen:
    """What was seen while a page was open."""

    foreign: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


@asynccontextmanager
async def browser(chromium: str) -> AsyncIterator[Browser]:
    """A real Chromium without a screen."""
    async with async_playwright() as play:
        made = await play.chromium.launch(executable_path=chromium, args=list(FLAGS))
        try:
            yield made
        finally:
            await made.close()


@asynccontextmanager
async def sitting(browser: Browser, web: Web, place: Place, **more: Any) -> AsyncIterator[tuple[Page, Seen]]:
    """Somebody of the page's role, in front of the page."""
    context: BrowserContext = await browser.new_context(bypass_csp=True, **more)
    if place.role is not None:
        await context.add_cookies([{"name": "budstikke", "value": web.cookies[place.role], "url": web.url}])
    page, seen = await context.new_page(), Seen()
    page.on("request", lambda asked: None if asked.url.startswith((web.url, "data:")) else seen.foreign.append(asked.url))
    page.on("console", lambda said: seen.complaints.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: seen.complaints.append(str(error)))
    try:
        yield page, seen
    finally:
        await context.close()


async def violations(page: Page) -> list[str]:
    """Return what breaks WCAG 2.1 A or AA, by axe-core: the rule and the first place."""
    await page.add_script_tag(path=AXE)
    found = await page.evaluate("async (tags) => (await axe.run(document, {runOnly: tags})).violations", RULES)
    return [f"{one['id']}: {one['nodes'][0]['html'][:160]} ({len(one['nodes'])})" for one in found]


async def too_wide(page: Page, widths: Sequence[int] = WIDTHS) -> list[str]:
    """Return the widths at which the page scrolls sideways, and by how much."""
    wrong = []
    for width in widths:
        await page.set_viewport_size({"width": width, "height": 900})
        over = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if over > 0:
            wrong.append(f"{width}: {over} px")
    return wrong
