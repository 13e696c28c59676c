"""What one document, one header or one feed does stops no other feed, and nothing of what stands behind it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, nullcontext
from typing import Any

import pytest
from sqlalchemy import select

from messages.cap.guard import LIMITS
from relay.feeds import MOST_LINKS
from relay.model import BadInput, NotReady
from relay.store import alerts, feeds
from relay.store.faults import told
from relay.store.tables import alert, cap_feed, variant
from tests.relay.test_feeds import Centre, centre, drafts, feed, index, listen, message
from tests.stories.arrange import neighbour, rows
from tests.stories.town import Town

__all__ = ["centre"]

#: as many letters as an identity may have, of four bytes each
LONGEST = "".join(map(chr, range(0x20000, 0x20000 + LIMITS.identity)))
#: what is odd about a document -> what is written instead of what, and whether it is taken
ODD = {
    "identifier as long as may be": (">one<", f">{LONGEST}<", True),
    "identifier too long": (">one<", f">{'i' * 301}<", False),
    "sender as long as may be": (">varsel@senter.test<", f">{LONGEST}<", True),
    "sender too long": (">varsel@senter.test<", f">{'s' * 301}<", False),
    "proper tag of a language that fits in no row": (">nb<", ">cy-GB-x-hawdd-darllen<", True),
    "tag longer than any": (">nb<", f">x{'-abcdefgh' * 20}<", True),
    "no tag": (">nb<", ">norsk bokmål slik vi skriver det<", True),
    "NUL": ("KOK VANNET", "KOK &#0; VANNET", False),
    "half a letter": ("KOK VANNET", "KOK &#xD800; VANNET", False),
    "odd letters": ("KOK VANNET", "KOK \ufffd\u202e\U0010ffff\x85 VANNET", True),
    "long event": ("Kokevarsel", "K" * 50_000, True),
    "long name of the sender": ("Varslingssentralen", "V" * 50_000, True),
    "sent at the calendar's end": ("<sent>2026", "<sent>2999", True),
    "border far from anywhere": ("</areaDesc>", "</areaDesc><circle>1e308,-5e-324 1e308</circle>", True),
}


@pytest.mark.parametrize("case", ODD)
async def test_an_odd_document_is_a_draft_or_is_refused_in_words(town: Town, case: str) -> None:
    before, after, is_taken = ODD[case]
    document = message(town.clock.now(), "one", "9901").decode()
    assert before in document
    with nullcontext() if is_taken else pytest.raises(BadInput, match=r"\.$"):
        await town.relay.take(town.municipality_id, document.replace(before, after).encode(), "Sentralen", unattended=True)
    assert len(await rows(town, select(alert.c.id))) == is_taken


async def test_whoever_hands_it_over_may_be_called_anything(town: Town) -> None:
    """A feed's drafts stand in its host's name, which may have 253 characters; a name in a row has 120."""
    host = f"{'.'.join(['varsel' * 10] * 4)}.no"
    await town.relay.take(town.municipality_id, message(town.clock.now(), "one"), host)
    [row], [text] = await rows(town, select(alert)), await rows(town, select(variant))
    assert {row.author, row.editor, text.updated_by} == {host[:120]}


# --- feeds --------------------------------------------------------------------------------------------------------------


def spoil(monkeypatch: pytest.MonkeyPatch, *names: str, how: Callable[[], None]) -> None:
    """Let the messages of these identifiers break whoever writes them down."""
    honest = alerts.save

    async def save(conn: Any, municipality_id: int, new: alerts.NewAlert, now: Any) -> int:
        if new.alert.identity is not None and new.alert.identity.identifier in names:
            how()
        return await honest(conn, municipality_id, new, now)

    monkeypatch.setattr(alerts, "save", save)


def no_database_takes_this() -> None:
    raise ValueError("no database takes this")


def the_database_is_away() -> None:
    with told():
        raise ConnectionError


async def failures(town: Town) -> list[str]:
    return [row.failure for row in await rows(town, select(cap_feed.c.failure).order_by(cap_feed.c.id))]


async def test_a_document_that_breaks_us_is_told_and_what_stands_behind_it_comes_in(
    town: Town, centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = town.clock.now()
    centre.there = {f"/{name}.xml": message(now, name) for name in ("one", "two")}
    centre.there["/feed"] = index(now, f"{centre.url}/one.xml", f"{centre.url}/two.xml")
    await listen(town, f"{centre.url}/feed")
    with monkeypatch.context() as patched:
        spoil(patched, "one", how=no_database_takes_this)
        assert (await town.relay.poll(), await drafts(town)) == (1, ["two"])
        row = await feed(town)
        assert (row.failed_at, f"{centre.url}/one.xml" in row.failure, "ValueError" in row.failure) == (now, True, True)
        town.clock.advance(seconds=60)
        assert await town.relay.poll() == 0
        assert ((await feed(town)).failed_at, centre.asked.count("/two.xml")) == (now, 1), "since when, not when last"
    assert await town.relay.poll() == 1, "it is tried again until it can be taken in"
    assert (await feed(town)).failure == ""


async def test_links_that_lead_nowhere_are_tried_in_turn_with_what_stands_behind_them(town: Town, centre: Centre) -> None:
    """More of them than are followed at a time: what is new comes first, and each of them is tried again."""
    now, lost = town.clock.now(), [f"{centre.url}/lost{n}.xml" for n in range(MOST_LINKS + 5)]
    centre.there = {"/feed": index(now, *lost, f"{centre.url}/grave.xml"), "/grave.xml": message(now, "grave")}
    await listen(town, f"{centre.url}/feed")
    assert [await town.relay.poll() for _ in range(2)] == [0, 1]
    assert "answers 503" in (await feed(town)).failure
    centre.there |= {f"/lost{n}.xml": message(now, f"lost{n}") for n in (MOST_LINKS - 5, MOST_LINKS + 4)}
    assert [await town.relay.poll() for _ in range(2)] == [2, 0]
    centre.there |= {f"/lost{n}.xml": message(now, f"lost{n}") for n in range(MOST_LINKS + 5)}
    assert sum([await town.relay.poll() for _ in range(2)]) == MOST_LINKS + 3
    assert ((await feed(town)).failure, len((await feed(town)).seen)) == ("", MOST_LINKS + 6)


async def test_an_alert_in_a_feed_that_breaks_us_keeps_none_beside_it_out(
    town: Town, centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does one that is refused; and both are told."""
    now = town.clock.now()
    inside = [message(now, name).partition(b"?>")[2] for name in ("one", "two", "three", "x" * 301)]
    link = f'<entry><link type="application/cap+xml" href="{centre.url}/four.xml"/></entry>'.encode()
    entries = b"".join(b"<entry><content>" + one + b"</content></entry>" for one in inside)
    centre.there = {"/feed": b'<feed xmlns="http://www.w3.org/2005/Atom">' + entries + link + b"</feed>", "/four.xml": message(now, "four")}
    await listen(town, f"{centre.url}/feed")
    with monkeypatch.context() as patched:
        spoil(patched, "two", how=no_database_takes_this)
        assert (await town.relay.poll(), await drafts(town)) == (3, ["one", "three", "four"])
        assert f"{centre.url}/feed cannot be taken in" in (await feed(town)).failure
    assert (await town.relay.poll(), await drafts(town)) == (1, ["one", "three", "four", "two"])
    assert "at most 300" in (await feed(town)).failure


async def test_a_feed_that_breaks_us_cuts_off_no_other(town: Town, centre: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other one's host takes its time. While the database is away it is nobody's fault, and is said to who keeps time."""
    other, now = await neighbour(town), town.clock.now()
    centre.there = {"/bad.xml": message(now, "bad"), "/slow.xml": message(now, "grave")}
    await listen(town, f"{centre.url}/bad.xml")
    await listen(other, f"{centre.url}/slow.xml")
    with monkeypatch.context() as patched:
        spoil(patched, "bad", how=the_database_is_away)
        with pytest.raises(NotReady):
            await town.relay.poll()
        assert (await drafts(town), await failures(town)) == (["grave"], ["", ""])
    spoil(monkeypatch, "bad", how=no_database_takes_this)
    assert await town.relay.poll() == 0
    assert [bool(failure) for failure in await failures(town)] == [True, False]


async def test_a_note_that_cannot_be_written_cuts_off_no_other_feed(town: Town, centre: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    other, now = await neighbour(town), town.clock.now()
    centre.there = {"/bad.xml": message(now, "bad"), "/slow.xml": message(now, "grave")}
    bad = await listen(town, f"{centre.url}/bad.xml")
    await listen(other, f"{centre.url}/slow.xml")
    honest = feeds.looked

    async def looked(conn: Any, feed_id: int, now: Any, **there: Any) -> None:
        await honest(conn, feed_id, now, **(there | {"etag": "\udce5"} if feed_id == bad else there))

    monkeypatch.setattr(feeds, "looked", looked)
    await town.relay.poll()
    assert (sorted(await drafts(town)), [bool(failure) for failure in await failures(town)]) == (["bad", "grave"], [True, False])


@asynccontextmanager
async def serving(*head: bytes, body: bytes) -> AsyncIterator[tuple[str, list[bytes]]]:
    """Answer with these lines, as no library would write them; yield the address, and what is asked."""
    asked: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"\r\n".join([*head, b"Content-Length: %d" % len(body), b"Connection: close", b"", body]))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/feed", asked


@pytest.mark.parametrize("mark", [b'"bl\xe5b\xe6r"', b'"' + b"x" * 250 + b'"', b'"a\tb"'], ids=["Latin-1", "long", "tab"])
async def test_the_mark_of_a_version_that_cannot_be_kept_is_not(town: Town, mark: bytes) -> None:
    head = (b"HTTP/1.1 200 OK", b"ETag: " + mark, b"Last-Modified: " + mark)
    async with serving(*head, body=message(town.clock.now(), "one")) as (url, asked):
        await listen(town, url)
        assert (await town.relay.poll(), await town.relay.poll()) == (1, 0)
    assert (await failures(town), [b"If-" in one for one in asked]) == ([""], [False, False])


async def test_where_a_feed_has_moved_to_is_told_whatever_it_is_called(town: Town) -> None:
    async with serving(b"HTTP/1.1 301 Moved", b"Location: https://bl\xe5b\xe6r.no/x", body=b"") as (url, _):
        await listen(town, url)
        assert await town.relay.poll() == 0
    assert "sends us on to https://blbr.no/x." in (await feed(town)).failure
