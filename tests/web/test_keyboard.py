"""The keyboard alone: from the door to an exercise that is sent, by Tab, Enter, Space and arrows. Nothing is clicked or found by script."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from messages import library
from relay.demo.play import Options, opened
from relay.demo.staff import PASSWORD
from tests.web.eyes import browser
from tests.web.hands import count, device, figure, nb

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(600)]

#: what holds the focus: how a screen reader would name it, and whether somebody who looks sees where it is
FOCUSED = """() => {
  const it = document.activeElement;
  if (!it || it === document.body) return null;
  const label = it.labels && it.labels.length ? it.labels[0] : null;
  const name = (it.getAttribute("aria-label") || (label || it).innerText || it.getAttribute("title") || "").trim().replace(/\\s+/g, " ");
  const seen = (one) => { const s = one && getComputedStyle(one);
    return Boolean(s) && ((s.outlineStyle !== "none" && parseFloat(s.outlineWidth) > 0) || s.boxShadow !== "none"); };
  const box = it.getBoundingClientRect();
  const there = box.bottom > 0 && box.top < innerHeight && box.width > 0;
  return {name, kind: it.type || it.tagName.toLowerCase(), id: it.id, visible: there && (seen(it) || seen(label))};
}"""
#: no page has more stops than that between where one is and where one wants to be
MOST_STOPS = 400
VALUES = {"place": "Budvik sentrum"}
HEADLINE = "VI ØVER PÅ Å VARSLE"


@dataclass(frozen=True)
class Focus:
    """What holds the focus."""

    name: str
    kind: str
    id: str
    visible: bool


@dataclass(frozen=True)
class Keyboard:
    """Somebody at a page, with a keyboard and eyes."""

    page: Page

    async def focus(self) -> Focus | None:
        """Return what holds the focus."""
        found = await self.page.evaluate(FOCUSED)
        return Focus(**found) if found else None

    async def tab_to(self, wanted: str, *, kind: str = "", back: bool = False) -> Focus:
        """Press Tab until what is named like this has the focus; every stop on the way must be seen."""
        for _ in range(MOST_STOPS):
            here = await self.focus()
            if here and here.name.startswith(wanted) and kind in ("", here.kind):
                return here
            await self.page.keyboard.press("Shift+Tab" if back else "Tab")
            stop = await self.focus()
            assert stop is None or stop.visible, f"nobody sees that {stop} has the focus"
        raise AssertionError(f"Tab never comes to {wanted!r}")

    async def press(self, sentence: str, **values: object) -> None:
        """Go to a link or a button that says this (given in English), and press Enter; the page that follows is awaited."""
        await self.tab_to(nb(sentence, **values))
        await self.page.keyboard.press("Enter")

    async def write(self, sentence: str, text: str, **values: object) -> None:
        """Go to the field of this name, and type over what stands there."""
        await self.tab_to(nb(sentence, **values))
        await self.page.keyboard.press("Control+a")
        await self.page.keyboard.type(text)


@asynccontextmanager
async def seated(chromium: str, folder: Path) -> AsyncIterator[Keyboard]:
    """A town that does nothing yet, and somebody at its door."""
    async with (
        opened(Options(people=12), folder, issue=False) as stand,
        browser(chromium) as made,
        device(made, stand.url, viewport={"width": 1366, "height": 768}) as desk,
    ):
        page = await desk.new_page()
        await page.goto("/sign-in", wait_until="load")
        yield Keyboard(page)


async def comes_in(hands: Keyboard) -> None:
    """The first field has the focus already, and Enter sends the form."""
    here = await hands.focus()
    assert here is not None
    assert here.id == "login"
    await hands.page.keyboard.type("kari")
    await hands.write("Password", PASSWORD)
    await hands.page.keyboard.press("Enter")
    await hands.page.wait_for_url(lambda url: "/sign-in" not in url)


async def begins_an_exercise(hands: Keyboard) -> None:
    """Past the menu by the link that skips it; the kind by arrows; a template and its fields."""
    await hands.press("Skip to content")
    await hands.press("New alert")
    await hands.page.wait_for_url("**/alerts/new")
    await hands.tab_to(nb("Real alert"), kind="radio")
    await hands.page.keyboard.press("ArrowDown")
    here = await hands.focus()
    assert here is not None
    assert here.name.startswith(nb("Exercise"))
    await expect(hands.page.get_by_role("radio", name=nb("Exercise"))).to_be_checked()
    template = library.template("exercise")
    await hands.tab_to(template.texts["nb"]["headline"].split("{")[0].strip())
    await hands.page.keyboard.press("Enter")
    await hands.page.wait_for_url("**/alerts/new?kind=EXERCISE&template=exercise")
    for name, help_of in template.parameters.items():
        await hands.write(help_of, VALUES[name])
    await hands.press("Make the draft")
    await hands.page.wait_for_url("**/edit")


async def writes(hands: Keyboard) -> None:
    """A choice by arrows, one more language from the list, and a headline of one's own."""
    await hands.tab_to(nb("How grave is it?"))
    chosen = await hands.page.locator("#gravity").input_value()
    await hands.page.keyboard.press("ArrowDown" if chosen != "2" else "ArrowUp")
    await expect(hands.page.locator("#gravity")).not_to_have_value(chosen)
    await hands.tab_to(nb("One more language"))
    await hands.page.keyboard.type("vietn")
    await hands.press("Add it")
    await expect(hands.page.locator("#text-vi")).to_be_visible()
    await hands.write("What people must do, first", HEADLINE)
    await hands.press("Save and review")
    await hands.page.wait_for_url("**/review")
    await expect(hands.page.locator(".bubble", has_text=HEADLINE).first).to_be_visible()


async def sends(hands: Keyboard) -> None:
    """Approve, the translations of a headline that is another one now, the count by hand, and the ten seconds in which it can be undone."""
    people = await count(figure(hands.page, "Get it"))
    await hands.press("Approve and send")
    await hands.page.wait_for_url("**/approve")
    wanted = (await hands.page.locator("label[for=confirm]").inner_text()).removeprefix(nb("Write %(words)s", words="")).strip()
    await hands.tab_to(nb("Yes, send these translations as they are"))
    await hands.page.keyboard.press("Space")
    await hands.write("Write %(words)s", wanted, words=wanted)
    await hands.press("Approve and send to %(n)s people", n=people)
    await hands.page.wait_for_url("**/run")
    await expect(hands.page.get_by_text(nb("Nothing has left yet."))).to_be_visible()
    undo = await hands.tab_to(nb("Undo"))
    assert undo.kind == "submit"


async def test_the_keyboard_alone_composes_and_sends(chromium: str, tmp_path: Path) -> None:
    async with seated(chromium, tmp_path) as hands:
        await comes_in(hands)
        await begins_an_exercise(hands)
        await writes(hands)
        await sends(hands)
