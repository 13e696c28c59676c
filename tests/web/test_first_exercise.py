"""A first exercise from an empty database, in the words of the README: every button that it names is pressed, in its order."""

import asyncio
import json
import re
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from dotenv import dotenv_values
from playwright.async_api import BrowserContext, Page, expect
from typer.testing import CliRunner

from channels.clock import DemoClock
from relay.app import open_house
from relay.cli import app
from relay.settings import ENV_FILE, PREFIX, Settings
from tests.web.eyes import browser
from tests.web.hands import PATIENCE, device

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(600)]

README = Path(__file__).parents[2] / "README.md"
PASSWORDS = "fire ord for Kari", "fire ord for Ola"
AYAN = "+4741234567"


def section(heading: str) -> str:
    """Return what stands under a heading of the README."""
    told: str = README.read_text(encoding="utf-8").split(f"## {heading}\n")[1]
    return told.split("\n## ", maxsplit=1)[0]


class Steps:
    """The words that the README prints in bold, one after the other."""

    def __init__(self) -> None:
        self.left: list[str] = re.findall(r"\*\*(.+?)\*\*", section("A first exercise"))

    def next(self, wanted: str) -> str:
        """Take the next; it must be what somebody does now."""
        assert self.left, f"the README does not say: {wanted}"
        said = self.left.pop(0)
        assert said == wanted
        return said

    async def press(self, page: Page, wanted: str) -> None:
        """Press the button of this name."""
        await page.get_by_role("button", name=re.compile(f"^{re.escape(self.next(wanted))}")).first.click()

    async def follow(self, page: Page, wanted: str) -> None:
        """Follow the link of this name."""
        await page.get_by_role("link", name=re.compile(f"^{re.escape(self.next(wanted))}")).first.click()

    async def tick(self, page: Page, wanted: str) -> None:
        """Tick the box of this name."""
        await page.get_by_label(self.next(wanted), exact=True).check()


@dataclass(frozen=True)
class Installation:
    """What `init` made, at work, and its emulated provider."""

    url: str
    provider: str
    login: str
    password: str

    def phone(self, number: str) -> str:
        """Return where a phone is: the address that the README names, but for its port."""
        path = f"/sandbox/phone/{number}"
        assert f"http://127.0.0.1:8090{path}" in section("A first exercise")
        return self.provider + path


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def initialised(folder: Path, port: int) -> dict[str, Any]:
    """Answer `budstikke init` as the README says; only the port is another one, since the usual one may be taken."""
    said = {
        "municipality": "Sortland",
        "contact": "Kari Nordmann,+4791234567,08-22",
        "public-url": f"http://127.0.0.1:{port}",
        "listen-port": str(port),
        "database": f"sqlite:///{folder / 'budstikke.db'}",
        "provider": "sandbox",
        "administrator": "Kari Nordmann",
        "env-file": str(folder / "settings.env"),
    }
    done = CliRunner().invoke(app, ["init", "--json", *(word for name, value in said.items() for word in (f"--{name}", value))])
    assert done.exit_code == 0, done.output
    told: dict[str, Any] = json.loads(done.stdout)
    return told


@asynccontextmanager
async def sandbox(folder: Path, clock: DemoClock, inbound: str) -> AsyncIterator[dict[str, Any]]:
    """Start the emulated provider, at the clock's time; yields what it says when it is ready."""
    options = ["--ledger", str(folder / "sandbox.jsonl"), "--start", clock.now().isoformat(), "--set", f"inbound_url={json.dumps(inbound)}"]
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "channels.sandbox", *options, stdout=asyncio.subprocess.PIPE)
    try:
        assert process.stdout is not None
        yield json.loads(await process.stdout.readline())
    finally:
        process.terminate()
        await process.wait()


@asynccontextmanager
async def installation(folder: Path) -> AsyncIterator[Installation]:
    """Set up as the README says. It is noon: nobody is woken by an exercise."""
    port = _free_port()
    made = await asyncio.to_thread(initialised, folder, port)
    clock = DemoClock()
    clock.offset = (clock.now() + timedelta(days=1)).replace(hour=11, minute=0) - clock.now()
    async with sandbox(folder, clock, f"http://127.0.0.1:{port}/hooks/twilio/inbound") as provider:
        told = {name: value or "" for name, value in dotenv_values(made["env_file"]).items()}
        told[f"{PREFIX}TWILIO_BASE_URL"] = provider["url"]
        told[f"{PREFIX}SMTP_PORT"] = provider["smtp"].rpartition(":")[2]
        async with open_house(Settings.of(told), clock=clock) as house:
            url = await house.listen()
            working = asyncio.create_task(house.work())
            try:
                yield Installation(url, provider["url"], made["login"], made["password"])
            finally:
                house.relay.dispatcher.stop()
                await working


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"{PREFIX}{name.upper()}", raising=False)
    monkeypatch.delenv(ENV_FILE, raising=False)
    monkeypatch.chdir(tmp_path)


async def test_a_coordinator_sends_a_first_exercise_from_nothing_in_the_words_of_the_readme(chromium: str, tmp_path: Path) -> None:
    steps = Steps()
    async with (
        installation(tmp_path) as made,
        browser(chromium) as chrome,
        device(chrome, made.url, locale="en") as desk,
        device(chrome, made.url, locale="en") as other,
    ):
        invitation = await the_administrator_invites(made, desk, steps)
        page = await the_coordinator_comes_in(other, invitation, steps)
        await people_are_imported(page, steps)
        await the_exercise_is_sent(page, steps)
        phone = await other.new_page()
        await the_phone_shows_an_exercise(made, phone)
        await every_page_about_it_says_so(page)
        await an_answer_on_the_phone_is_counted(phone, page, steps)
    assert steps.left == []


async def the_administrator_invites(made: Installation, desk: BrowserContext, steps: Steps) -> str:
    page = await desk.new_page()
    await page.goto("/", wait_until="domcontentloaded")
    await page.locator("#login").fill(made.login)
    await page.locator("#password").fill(made.password)
    await steps.press(page, "Sign in")
    await page.locator("#before").fill(made.password)
    await page.locator("#after").fill(PASSWORDS[0])
    await steps.press(page, "Change password")
    await steps.follow(page, "Settings")
    await steps.follow(page, "Users")
    await page.locator("#name").fill("Ola Nordmann")
    await steps.tick(page, "Coordinator")
    await steps.press(page, "Make a link")
    return await page.locator(".secret code").inner_text()


async def the_coordinator_comes_in(other: BrowserContext, invitation: str, steps: Steps) -> Page:
    page = await other.new_page()
    await page.goto(invitation, wait_until="domcontentloaded")
    await page.locator("#login").fill("ola")
    await page.locator("#password").fill(PASSWORDS[1])
    await steps.press(page, "Choose this password")
    if "/sign-in" in page.url:
        await page.locator("#login").fill("ola")
        await page.locator("#password").fill(PASSWORDS[1])
        await page.get_by_role("button", name="Sign in").click()
    await page.goto("/", wait_until="domcontentloaded")
    return page


async def people_are_imported(page: Page, steps: Steps) -> None:
    """The list is the one that stands in the README."""
    await steps.follow(page, "Import people")
    [listed] = re.findall(r"```csv\n(.+?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    await page.locator("#text").fill(listed)
    await steps.press(page, "Try it")
    await expect(page.get_by_text("1 person would be added")).to_be_visible()
    await steps.tick(page, "These groups are new, and are to be made")
    await steps.press(page, "Write it")
    await expect(page.get_by_text("1 person added")).to_be_visible()


async def the_exercise_is_sent(page: Page, steps: Steps) -> None:
    await steps.follow(page, "Situation")
    await steps.follow(page, "Begin an exercise")
    await expect(page.get_by_role("radio", name="Exercise")).to_be_checked()
    await steps.press(page, "WE TEST THE ALERTS")
    await page.locator("[id='parameter.place']").fill("Sortland")
    await steps.press(page, "Make the draft")
    await steps.press(page, "Save and review")
    await steps.follow(page, "Approve and send")
    await page.get_by_role("button", name="Approve and send to 1 people").click()
    await expect(page.get_by_role("button", name="Undo")).to_be_visible()


async def the_phone_shows_an_exercise(made: Installation, phone: Page) -> None:
    """What arrives begins and ends with the Somali word; the page shows it without being asked anew."""
    await phone.goto(made.phone(AYAN), wait_until="domcontentloaded")
    lines = phone.locator("li.came p")
    await expect(lines.nth(1)).to_be_visible(timeout=PATIENCE)
    for text in await lines.all_inner_texts():
        words = re.findall(r"\w+", text)
        assert words[0] == words[-1] == "TABABAR", text


async def every_page_about_it_says_so(page: Page) -> None:
    for room in ("run", "board", "review", "people"):
        await page.goto(f"/alerts/1/{room}", wait_until="domcontentloaded")
        await expect(page.locator(".band-exercise").first).to_be_visible()
    await page.goto("/", wait_until="domcontentloaded")
    await expect(page.locator("section[aria-labelledby=out] li.exercise")).to_contain_text("Exercise")


async def an_answer_on_the_phone_is_counted(phone: Page, page: Page, steps: Steps) -> None:
    await phone.get_by_label("Answer").fill("1")
    await steps.press(phone, "Send")
    await expect(phone.locator("li.went").first).to_contain_text("1")
    await page.goto("/alerts/1/board", wait_until="domcontentloaded")
    await expect(page.locator("td[data-label=Answered]").first).to_contain_text("1/1", timeout=PATIENCE)
