"""Hostile texts by every road: nothing of them runs, none is lost in silence, and what belongs to a word stays in it.

Each text comes by one of five roads and into one of both databases, every family by every road into each. BUDSTIKKE_HOSTILE=1 sends every
text by every road into both.
"""

import asyncio
import csv
import os
import smtplib
import unicodedata
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from email.utils import parseaddr
from html import escape
from io import BytesIO, StringIO
from pathlib import Path
from urllib.parse import quote_plus

import aiohttp
import pytest
from playwright.async_api import Page
from sqlalchemy import select
from twilio.request_validator import RequestValidator

from channels.sandbox.house import ACCOUNT, AUTH_TOKEN
from messages.form import Medium
from relay.store.tables import ResourcePerson, alert, inbound, variant
from tests.messages.cap import samples
from tests.stories.town import SMS_SENDER, Somebody
from tests.web.duty_town import Duty, duty_town
from tests.web.eyes import browser
from tests.web.hostile import EACH, FAMILIES, JOINED, Text, texts
from tests.web.house import Browser

ALL = os.environ.get("BUDSTIKKE_HOSTILE") == "1"
WRITERS = 8
#: answers that say in words why something was not taken
REFUSED = (400, 413, 422)
#: pages of drafts and people that are opened in a browser, of each town
OPENED = 12
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def encoded(fields: Mapping[str, str]) -> BytesIO:
    """Write a form as its bytes would come, also where they are no text."""
    return BytesIO("&".join(f"{name}={quote_plus(value.encode('utf-8', 'surrogatepass'))}" for name, value in fields.items()).encode())


def arrives(text: str) -> str:
    """Return a text as whoever reads its bytes must take it."""
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")


@dataclass
class Roads:
    """The town, and what came of each text: (family, number, road) -> taken, or the words that refused it."""

    duty: Duty
    writer: Browser
    folk: list[Somebody] = field(default_factory=list)
    outcomes: dict[tuple[str, int, str], str] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def note(self, one: Text, road: str, outcome: str, *, lost: bool) -> None:
        self.outcomes[one.family, one.number, road] = outcome
        if lost:
            self.wrong.append(f"{road} {one.family} {one.number} {one.text[:40]!r}: {outcome[:200]}")

    async def by_sms(self, one: Text, at: int) -> None:
        sender = self.folk[at % WRITERS].phone.address
        fields = {"AccountSid": ACCOUNT, "MessageSid": f"SM{at:032x}", "From": sender, "To": SMS_SENDER, "Body": one.text}
        url = f"{self.writer.url}/hooks/twilio/inbound"
        signature = RequestValidator(AUTH_TOKEN).compute_signature(url, fields | {"Body": arrives(one.text)})
        headers = FORM | {"X-Twilio-Signature": signature}
        async with self.writer.http.post(url, data=encoded(fields), headers=headers) as answer:
            status = answer.status
        kept = await self.duty.rows(select(inbound.c.text).where(inbound.c.provider_id == f"SM{at:032x}"))
        if status in (200, 204):
            self.note(one, "sms", "taken", lost=[row.text for row in kept] != [arrives(one.text)])
        else:
            self.note(one, "sms", f"answers {status}", lost=status != 413)

    async def by_mail(self, one: Text, at: int) -> None:
        mailbox = self.folk[at % WRITERS].mailbox
        assert mailbox is not None
        sender, to = mailbox.address, parseaddr(mailbox.messages[0].reply_to)[1]
        subject = arrives(one.text)[:200].splitlines()
        head = f"From: {sender}\r\nTo: {to}\r\nMessage-ID: <m{at}@folk.test>\r\nSubject: {subject[0] if subject else ''}\r\n"
        kind = "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
        body = ("svar " + one.text).encode("utf-8", "surrogatepass").replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        said = await asyncio.to_thread(_mail, self.duty.town.sandbox.world.settings.mail_to, sender, to, (head + kind).encode() + body)
        kept = await self.duty.rows(select(inbound.c.text).where(inbound.c.channel == Medium.EMAIL))
        taken = any(row.text.startswith("svar") and _same(row.text, one.text) for row in kept)
        self.note(one, "mail", said, lost=not taken if said == "250" else not said.startswith("5"))

    async def by_cap(self, one: Text, at: int) -> None:
        words = escape(one.text)
        body = samples.info(headline=words[:160], description=words, event=words[:30], instruction=words)
        document = samples.alert(identifier=f"HOSTILE.{at}", body="{}").decode().replace("{}", body).encode("utf-8", "surrogatepass")
        status, page, location = await self.send("/alerts/new", {"kind": "EXERCISE", "start": "cap"}, document)
        if status == 303:
            number = int(location.split("/")[2])
            mine = select(variant.c.forward).join(alert, alert.c.id == variant.c.alert_id).where(alert.c.number == number)
            self.note(one, "cap", f"no. {number}", lost=not await self.duty.rows(mine))
        else:
            self.note(
                one,
                "cap",
                f"answers {status}",
                lost=status not in REFUSED or (status == 422 and "ds-alert" not in page and "error" not in page),
            )

    async def by_import(self, one: Text, at: int) -> None:
        quoted = one.text.replace('"', '""')
        lines = f'navn;språk;mobil;gruppe;avtale;18+ bekreftet\r\n"{quoted}";so;+47412{at:05};so;2026-02-02;ja\r\n'
        status, page, _ = await self.send("/people/import", {"do": "write"}, lines.encode("utf-8", "surrogatepass"))
        await self._named(one, "import", status, page, f"+47412{at:05}")

    async def by_name(self, one: Text, at: int) -> None:
        groups = str(self.duty.town.groups["so"])
        filled = {
            "name": one.text,
            "languages": "so",
            "groups": groups,
            "sms": f"+47413{at:05}",
            "agreed_on": "2026-01-01",
            "adult": "2026-01-01",
        }
        await self.writer.get("/people/add")
        data = encoded({"csrf": self.writer.csrf} | filled)
        async with self.writer.http.post(f"{self.writer.url}/people/add", data=data, headers=FORM, allow_redirects=False) as answer:
            await self._named(one, "name", answer.status, await answer.text(), f"+47413{at:05}")

    async def _named(self, one: Text, road: str, status: int, page: str, phone: str) -> None:
        wanted = unicodedata.normalize("NFC", " ".join(arrives(one.text).split()))
        names = {row.name for row in await self.duty.rows(select(ResourcePerson.name))}
        if status in REFUSED:
            self.note(one, road, f"answers {status}", lost=status != 413 and "error" not in page and "ds-alert" not in page)
        else:
            self.note(one, road, f"answers {status}", lost=wanted not in names or status not in (200, 303))

    async def send(self, path: str, fields: Mapping[str, str], file: bytes) -> tuple[int, str, str]:
        """Send a form with a chosen file."""
        await self.writer.get(path)
        form = aiohttp.FormData({"csrf": self.writer.csrf, **fields})
        form.add_field("file", BytesIO(file), filename="x.csv", content_type="application/octet-stream")
        async with self.writer.http.post(self.writer.url + path, data=form, allow_redirects=False) as answer:
            return answer.status, await answer.text(), answer.headers.get("Location", "")


def _mail(server: str, sender: str, to: str, letter: bytes) -> str:
    host, _, port = server.rpartition(":")
    try:
        with smtplib.SMTP(host, int(port), timeout=15) as client:
            client.sendmail(sender, [to], letter, mail_options=["SMTPUTF8", "BODY=8BITMIME"])
    except smtplib.SMTPResponseException as why:
        return f"{why.smtp_code} {why.smtp_error!r}"
    return "250"


def _same(kept: str, sent: str) -> bool:
    """Whether what a person reads of a mail is what was written, up to what is no text and to how much is looked at."""
    plain, wanted = ("".join(sign for sign in text if sign.isalnum())[:400] for text in (kept[4:], arrives(sent)))
    return wanted.startswith(plain) and (bool(plain) or not wanted)


ROADS: Mapping[str, Callable[[Roads, Text, int], Coroutine[None, None, None]]] = {
    "name": Roads.by_name,
    "import": Roads.by_import,
    "cap": Roads.by_cap,
    "sms": Roads.by_sms,
    "mail": Roads.by_mail,
}


def chosen(town: int, road: str) -> list[tuple[int, Text]]:
    """Return the texts that come by this road into this town."""
    place = list(ROADS).index(road)
    return [
        (at, one)
        for at, one in enumerate(texts())
        if ALL or ((one.number // 5) % 2 == town and (one.number + one.number // 5) % 5 == place)
    ]


@pytest.fixture(name="duty")
async def _duty(migrated_url: str, tmp_path: Path) -> AsyncIterator[Duty]:
    async with duty_town(migrated_url, tmp_path) as opened:
        yield opened


def test_there_are_twenty_families_of_twenty_five_and_every_family_takes_every_road() -> None:
    assert len(FAMILIES) == 20
    assert len(list(texts())) == 20 * EACH == 500
    assert list(texts()) == list(texts())
    for town in (0, 1):
        for road in ROADS:
            assert {one.family for _, one in chosen(town, road)} == set(FAMILIES)


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_nothing_hostile_runs_is_lost_in_silence_or_brings_a_page_down(duty: Duty, chromium: str) -> None:
    town = 0 if duty.town.store.dialect == "sqlite" else 1
    writer = await duty.stack.enter_async_context(Browser(duty.officer.url, headers={"Sec-Fetch-Site": "same-origin"}))
    assert (await writer.sign_in("coordinator")).status == 303
    roads = Roads(duty, writer)
    roads.folk = [await duty.town.person(f"Folk{n}", "so", by=(Medium.EMAIL, Medium.SMS)) for n in range(WRITERS)]
    for road in ("name", "import", "cap"):
        for at, one in chosen(town, road):
            await ROADS[road](roads, one, at)
    async with duty.town.store.read() as conn:
        drafts = list((await conn.execute(select(alert.c.number).order_by(alert.c.number))).scalars())
    await duty.town.issue({"so": "KARI BIYAHA", "nb": "KOK VANNET"})
    for road in ("sms", "mail"):
        for at, one in chosen(town, road):
            await ROADS[road](roads, one, at)
    assert roads.wrong == [], "\n".join(roads.wrong)
    assert len(roads.outcomes) == sum(len(chosen(town, road)) for road in ROADS)
    await _opens_harmlessly(duty, max(drafts) + 1)
    await _keeps_joiners(duty)
    if ALL or town == 0:  # what a browser makes of a page is the same on both
        await _runs_nowhere(duty, writer, drafts, max(drafts) + 1, chromium)


async def _opens_harmlessly(duty: Duty, number: int) -> None:
    """Every exported cell is text, or a number of ours."""
    for path in (f"/alerts/{number}/people.csv", f"/alerts/{number}/board.csv", "/call-list.csv"):
        answer = await duty.officer.get(path)
        assert answer.status == 200, path
        rows = list(csv.reader(StringIO(answer.text.removeprefix("\ufeff")), delimiter=";"))
        assert len(rows) > 1
        assert {len(row) for row in rows} == {len(rows[0])}, "no text breaks out of its cell"
        risky = [cell for row in rows for cell in row if cell.lstrip().startswith(("=", "+", "-", "@", "\t", "\r"))]
        assert risky == [], path


async def _keeps_joiners(duty: Duty) -> None:
    """Words with joiners stand in the inbox, and in the register, as they were written."""
    threads = await duty.rows(select(inbound.c.text).where(inbound.c.text.is_not(None)))
    written = {word for row in threads for word in JOINED if word in row.text}
    assert written
    pages = "".join([(await duty.officer.get(f"/inbox/{number}")).text for number in range(1, WRITERS + 1)])
    assert {word for word in written if word in pages} == written
    people = (await duty.officer.get("/call-list.csv")).text
    names = {row.name for row in await duty.rows(select(ResourcePerson.name))}
    assert {word for word in JOINED if any(word in name for name in names)} == {word for word in JOINED if word in people} != set()


async def _runs_nowhere(duty: Duty, writer: Browser, drafts: list[int], number: int, chromium: str) -> None:
    """Open what shows the texts in a real browser, with the policy that would stop them taken away."""
    people = await duty.rows(select(ResourcePerson.id).order_by(ResourcePerson.id.desc()))
    paths = ["/", "/inbox", "/people", "/alerts", "/call-list", f"/alerts/{number}/board", f"/alerts/{number}/people"]
    paths += [f"/inbox/{thread}" for thread in range(1, WRITERS + 1)]
    paths += [f"/people/{row.id}" for row in people[:: max(1, len(people) // OPENED)]]
    paths += [f"/alerts/{one}/{part}" for one in drafts[:: max(1, len(drafts) // OPENED)] for part in ("edit", "review")]
    seen: list[str] = []
    async with browser(chromium) as seeing:
        context = await seeing.new_context(bypass_csp=True)
        for page in [await context.new_page() for _ in range(3)]:
            _watch(page, duty.officer.url, seen)
            for path in paths[context.pages.index(page) :: 3]:
                reader = writer if path.startswith(("/people/", "/alerts/")) and not path.endswith("/board") else duty.officer
                await context.add_cookies([{"name": "budstikke", "value": reader.cookie(), "url": writer.url}])
                answer = await page.goto(writer.url + path, wait_until="load")
                assert answer is not None
                seen += [] if answer.status == 200 else [f"{path} answers {answer.status}"]
                seen += [f"{path}: ran"] if await page.evaluate("window.hit") else []
    assert seen == []


def _watch(page: Page, own: str, seen: list[str]) -> None:
    async def shut(dialog: object) -> None:
        seen.append("a dialog")
        await dialog.dismiss()  # type: ignore[attr-defined]

    page.on("dialog", shut)
    page.on("request", lambda asked: None if asked.url.startswith((own, "data:")) else seen.append(f"asked {asked.url[:100]}"))
