"""Viewers of a page that moves by itself, and what one change costs with so many of them."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import aiohttp
from sqlalchemy import event

from relay.store import tasks
from relay.web.live import SHORTEST
from tests.web.duty_town import Duty


@contextmanager
def statements(duty: Duty) -> Iterator[list[str]]:
    """Note every statement that is run meanwhile."""
    seen: list[str] = []

    def note(_conn: object, _cursor: object, statement: str, *_: object) -> None:
        seen.append(statement)

    engines = (duty.town.store._reader.sync_engine, duty.town.store._writer.sync_engine)
    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        for engine in engines:
            event.remove(engine, "before_cursor_execute", note)


async def picture(stream: aiohttp.ClientResponse) -> bytes:
    """Return the next picture of a stream."""
    lines = b""
    while True:
        line = await stream.content.readline()
        assert line, "the stream has ended"
        if line == b"\n" and b"data:" in lines:
            return lines
        lines += b"" if line.startswith(b":") else line


async def cost_of_one_change(duty: Duty, viewers: int) -> list[str]:
    """Return the statements that one event costs with so many viewers, all of whom see it."""
    url = f"{duty.officer.url}/alerts/1/board/live"
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, cookie_jar=duty.officer.http.cookie_jar) as http:
        streams = [await http.get(url, headers={"Sec-Fetch-Site": "same-origin"}) for _ in range(viewers)]
        before = {await picture(stream) for stream in streams}
        # what still rings from the sending is drawn before we count
        await asyncio.sleep(3 * SHORTEST)
        with statements(duty) as seen:
            async with duty.town.store.write() as conn:
                await tasks.happened(conn, duty.town.municipality_id, "task.done", duty.town.clock.now(), alert_id=1)
            duty.town.relay.pulse.ring()
            after = {await picture(stream) for stream in streams}
        for stream in streams:
            stream.close()
    assert len(before) == len(after) == 1
    assert before != after
    return seen
