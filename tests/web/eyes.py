"""What a browser sees of a page: what is wrong by axe-core, what scrolls sideways, what was asked of whom, what the console said."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Page, async_playwright

from relay.model import Role
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


#: windows that are open at a time for each role: while one is drawn, the house makes the page of another
WINDOWS = 2


@dataclass
class Desk:
    """A window in front of somebody of a page's role, and what was seen in it since the page was opened."""

    page: Page
    home: str
    seen: list[str] = field(default_factory=list)

    async def open(self, address: str) -> int:
        """Open a page as soon as it is there and its style and fonts are; return its status."""
        self.seen.clear()
        answer = await self.page.goto(self.home + address, wait_until="domcontentloaded")
        assert answer is not None
        return answer.status

    def complaints(self) -> list[str]:
        """Return what was asked of others, and what the console said."""
        return list(self.seen)

    def watch(self) -> None:
        """Note from now on what the page asks of others and what it complains of."""
        ours = (self.home, "data:")
        self.page.on("request", lambda asked: None if asked.url.startswith(ours) else self.seen.append(f"asks {asked.url}"))
        self.page.on("console", lambda said: self.seen.append(said.text) if said.type in ("error", "warning") else None)
        self.page.on("pageerror", lambda error: self.seen.append(str(error)))


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
async def desks(browser: Browser, web: Web, **more: Any) -> AsyncIterator[Callable[[Place], AbstractAsyncContextManager[Desk]]]:
    """Sit down as everybody: one browser window's cookies for each role. Yields what takes a free window of a page's role."""
    async with AsyncExitStack() as stack:
        free: dict[Role | None, asyncio.Queue[Desk]] = {}
        for role in (None, *Role):
            context = await stack.enter_async_context(await browser.new_context(bypass_csp=True, **more))
            if role is not None:
                await context.add_cookies([{"name": "budstikke", "value": web.cookies[role], "url": web.url}])
            free[role] = asyncio.Queue()
            for _ in range(WINDOWS):
                desk = Desk(await context.new_page(), web.url)
                desk.watch()
                free[role].put_nowait(desk)

        @asynccontextmanager
        async def take(place: Place) -> AsyncIterator[Desk]:
            desk = await free[place.role].get()
            try:
                yield desk
            finally:
                free[place.role].put_nowait(desk)

        yield take


@cache
def axe() -> str:
    """Return axe-core itself."""
    return AXE.read_text(encoding="utf-8")


async def violations(page: Page) -> list[str]:
    """Return what breaks WCAG 2.1 A or AA, by axe-core: the rule and the first place."""
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(axe())
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
