"""Feeds of official messages, by real HTTP: what is new and ours becomes a draft once, and a hostile feed leads us nowhere."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web
from sqlalchemy import select

from messages.alert import Act, Alert, Area, Certainty, Identity, Kind, Severity, Urgency, Variant
from messages.cap.write import write
from relay import fetching
from relay.model import BadInput, Role
from relay.routing import How, inside
from relay.store import alerts, feeds, people, users
from relay.store.columns import AnyRow
from relay.store.register import Stamp
from relay.store.tables import alert, cap_feed
from tests.stories.arrange import rows
from tests.stories.town import Town, new, town

THEIRS = "0301"
SENDER = "varsel@senter.test"


@dataclass
class Centre:
    """A warning centre's server: what stands at each path, and what was asked of it."""

    url: str = ""
    there: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    unchanged: int = 0

    async def answer(self, request: web.Request) -> web.Response:
        """Serve a document under an ETag of its own content; /moved leads elsewhere, and /slow… takes its time."""
        self.asked.append(request.path)
        if request.path.startswith("/slow"):
            await asyncio.sleep(0.3)
        if request.path == "/moved":
            return web.Response(status=302, headers={"Location": "http://169.254.169.254/latest/meta-data"})
        body = self.there.get(request.path)
        if body is None:
            return web.Response(status=503)
        tag = f'"{hash(body)}"'
        if request.headers.get("If-None-Match") == tag:
            self.unchanged += 1
            return web.Response(status=304)
        return web.Response(body=body, headers={"ETag": tag})


@pytest.fixture(name="town")
async def _town(migrated_sqlite_url: str, tmp_path: Path) -> AsyncIterator[Town]:
    async with town(migrated_sqlite_url, tmp_path) as opened:
        yield opened


@pytest.fixture
async def centre() -> AsyncIterator[Centre]:
    """A server on this machine."""
    made = Centre()
    app = web.Application()
    app.router.add_get("/{path:.*}", made.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield made
    await runner.cleanup()


def message(
    now: datetime, name: str, municipality: str = "", *, hours: float = 24, severity: Severity = Severity.SEVERE, updates: str = ""
) -> bytes:
    """Write an official message as a warning centre does; for everywhere, or for one municipality; `updates`: an earlier one's name."""
    said = Alert(
        number=0,
        kind=Kind.ACTUAL,
        act=Act.UPDATE if updates else Act.ISSUE,
        severity=severity,
        urgency=Urgency.IMMEDIATE,
        certainty=Certainty.OBSERVED,
        event="Kokevarsel",
        areas=(Area(description="Sentrum", municipalities=(municipality,)),) if municipality else (),
        sent_at=now,
        expires_at=now + timedelta(hours=hours),
    )
    text = Variant(language="nb", headline="KOK VANNET", forward="Kok det i 3 minutter.", topic="vann", place="Sentrum")
    before = [Identity(SENDER, updates, now)] if updates else []
    return write(said, [text], sender=SENDER, identifier=name, sent=now, references=before, sender_name="Varslingssentralen")


def index(now: datetime, *links: str) -> bytes:
    """Write an Atom feed of links."""
    entries = "".join(
        f"<entry><id>{link}</id><title>x</title><updated>{now.isoformat()}</updated>"
        f'<link rel="related" type="application/cap+xml" href="{link}"/></entry>'
        for link in links
    )
    head = f'<feed xmlns="http://www.w3.org/2005/Atom"><id>urn:x</id><title>x</title><updated>{now.isoformat()}</updated>'
    return f"<?xml version='1.0' encoding='UTF-8'?>{head}{entries}</feed>".encode()


async def listen(town: Town, url: str) -> int:
    async with town.store.write() as conn:
        return await feeds.add(conn, town.municipality_id, url, "Kari", town.clock.now())


async def feed(town: Town) -> AnyRow:
    [row] = await rows(town, select(cap_feed))
    return row


async def drafts(town: Town) -> list[str]:
    """Return the identifiers of what came in, oldest first."""
    return [row.cap_identifier for row in await rows(town, select(alert.c.cap_identifier).order_by(alert.c.number))]


async def our_number(town: Town) -> str:
    async with town.store.read() as conn:
        return str((await conn.exec_driver_sql("SELECT number FROM municipality")).scalar_one())


async def test_of_an_area_that_nobody_can_read_a_person_says_whether_it_is_ours(town: Town, centre: Centre) -> None:
    now = town.clock.now()
    borders = b"<polygon>nord for elva</polygon><geocode"
    centre.there = {"/feed": index(now, f"{centre.url}/one.xml"), "/one.xml": message(now, "one", THEIRS).replace(b"<geocode", borders, 1)}
    named = b"<valueName>MunicipalityId</valueName>"
    centre.there["/one.xml"] = centre.there["/one.xml"].replace(named, b"<valueName>fylke</valueName>")
    await listen(town, f"{centre.url}/feed")
    assert await town.relay.poll() == 1
    [row] = await rows(town, select(alert))
    kept = alerts.value_of(row, None)
    async with town.store.read() as conn:
        found = inside(kept.areas, await people.place(conn, town.municipality_id))
    assert kept.areas[0].unreadable == ("nord for elva",)
    assert (found.how, bool(found)) == (How.UNKNOWN, False)


async def test_what_is_new_and_ours_becomes_a_draft_once(town: Town, centre: Centre) -> None:
    now, ours = town.clock.now(), await our_number(town)
    centre.there = {
        "/feed": index(now, f"{centre.url}/ours.xml", f"{centre.url}/theirs.xml", f"{centre.url}/old.xml"),
        "/ours.xml": message(now, "ours", ours),
        "/theirs.xml": message(now, "theirs", THEIRS),
        "/old.xml": message(now - timedelta(hours=3), "old", ours, hours=1),
    }
    await listen(town, f"{centre.url}/feed")
    assert await town.relay.poll() == 1
    assert await drafts(town) == ["ours"]
    [row] = await rows(town, select(alert.c.state, alert.c.author, alert.c.source))
    assert tuple(row) == ("DRAFT", "127.0.0.1", "cap")
    assert await town.relay.poll() == 0
    assert (centre.asked.count("/feed"), centre.unchanged, len(centre.asked)) == (2, 1, 5), "only the feed itself is asked again"
    centre.there |= {"/feed": index(now, f"{centre.url}/ours.xml", f"{centre.url}/more.xml"), "/more.xml": message(now, "more", ours)}
    assert await town.relay.poll() == 1
    assert centre.asked.count("/ours.xml") == 1
    assert (await feed(town)).failure == ""


async def test_a_feed_that_is_a_whole_message_is_read_too(town: Town, centre: Centre) -> None:
    centre.there = {"/now.xml": message(town.clock.now(), "whole")}
    await listen(town, f"{centre.url}/now.xml")
    assert (await town.relay.poll(), await drafts(town)) == (1, ["whole"])


async def test_nothing_leads_us_to_another_host(town: Town, centre: Centre) -> None:
    """Neither a redirect, nor a link inside, nor an address of another kind; what stands beside such a link is taken all the same."""
    now = town.clock.now()
    bad = ("http://169.254.169.254/latest/meta-data", "file:///etc/passwd", f"{centre.url.replace('127.0.0.1', 'localhost')}/x.xml")
    centre.there = {"/feed": index(now, *bad, f"{centre.url}/ours.xml"), "/ours.xml": message(now, "ours")}
    await listen(town, f"{centre.url}/feed")
    assert await town.relay.poll() == 1
    assert set(centre.asked) == {"/feed", "/ours.xml"}
    assert "another host" in (await feed(town)).failure
    async with town.store.write() as conn:
        await feeds.remove(conn, town.municipality_id, (await feed(town)).id, "Kari", now)
    await listen(town, f"{centre.url}/moved")
    assert await town.relay.poll() == 0
    assert "sends us on to http://169.254.169.254" in (await feed(town)).failure


@pytest.mark.parametrize(
    "body", [b"<rss>", b"x" * (fetching.MOST + 2), b"<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>"]
)
async def test_what_cannot_be_read_is_told_and_stops_no_other(town: Town, centre: Centre, body: bytes) -> None:
    centre.there = {"/bad": body, "/good": message(town.clock.now(), "good")}
    await listen(town, f"{centre.url}/bad")
    await listen(town, f"{centre.url}/good")
    await listen(town, f"{centre.url}/away")
    assert await town.relay.poll() == 1
    told = {row.url.rpartition("/")[2]: bool(row.failure) for row in await rows(town, select(cap_feed))}
    assert told == {"bad": True, "good": False, "away": True}
    centre.there["/bad"] = message(town.clock.now(), "mended")
    assert await town.relay.poll() == 1
    assert {row.failure for row in await rows(town, select(cap_feed)) if row.url.endswith("bad")} == {""}


async def test_an_address_is_listened_to_once_and_must_be_one(town: Town, centre: Centre) -> None:
    await listen(town, f"{centre.url}/feed")
    with pytest.raises(BadInput):
        await listen(town, f"{centre.url}/feed")
    for wrong in ("ftp://x.no/a", "https://", "javascript:alert(1)", "https://user:secret@x.no/a", "x"):
        with pytest.raises(BadInput):
            fetching.checked(wrong)


async def test_a_grave_message_of_a_feed_wakes_whoever_is_on_duty(town: Town, centre: Centre) -> None:
    async with town.store.write() as conn:
        officer = users.NewUser(name="Nora", roles=frozenset({Role.DUTY_OFFICER}), login="nora", phone="+4791200001")
        await users.add(conn, town.municipality_id, officer, Stamp(by="test", at=town.clock.now()))
    centre.there = {"/now.xml": message(town.clock.now(), "whole")}
    await listen(town, f"{centre.url}/now.xml")
    await town.relay.poll()
    await town.settle()
    assert ["Varslingssentralen" in shown.text for shown in new(town.sandbox.phone("+4791200001"))] == [True]
    await town.relay.poll()
    await town.settle()
    assert new(town.sandbox.phone("+4791200001")) == []
