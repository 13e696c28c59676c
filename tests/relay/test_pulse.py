"""A ring is heard at once, by everyone, across processes, and again after the connection was lost."""

import asyncio
import sys
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text

from channels.clock import monotonic
from relay.pulse import Pulse
from relay.store import watch
from relay.store.engine import Store
from relay.store.sql import announce

OTHER_PROCESS = """
import asyncio, sys
from sqlalchemy import insert
from relay.store.engine import Store
from relay.store.sql import announce
from relay.store.tables import fact

async def main():
    store = await Store.open(sys.argv[1])
    async with store.write() as conn:
        await conn.execute(insert(fact).values(name="other", value=""))
        await announce(conn)
    await store.close()

asyncio.run(main())
"""


@pytest.fixture
async def pulse(store: Store, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Pulse]:
    monkeypatch.setattr(watch, "AGAIN", 0.2)
    pulse = Pulse()
    task = asyncio.create_task(pulse.across(watch.changes(store)))
    await asyncio.sleep(0.3)
    yield pulse
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_silence_lasts_as_long_as_asked_for() -> None:
    begun = monotonic()
    assert not await Pulse().wait(0.05)
    assert 0.04 < monotonic() - begun < 2


async def test_a_ring_before_the_wait_is_kept_and_heard_once() -> None:
    pulse = Pulse()
    pulse.ring()
    pulse.ring()
    assert await pulse.wait(0)
    assert not await pulse.wait(0.01)


async def test_every_waiter_hears_every_ring_in_its_own_time() -> None:
    pulse = Pulse()
    first, second = pulse.branch(), pulse.branch()
    waiting = asyncio.create_task(first.wait(5))
    await asyncio.sleep(0)
    pulse.ring()
    assert await waiting
    assert await second.wait(0)
    assert await pulse.wait(0)
    assert not await first.wait(0.01)


async def test_who_is_told_to_end_ends_though_it_rings_at_that_very_moment() -> None:
    pulse = Pulse()
    waiting = asyncio.create_task(pulse.wait(60))
    await asyncio.sleep(0)
    pulse.ring()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(waiting, 1)


async def test_what_another_process_writes_rings_here(store: Store, pulse: Pulse) -> None:
    assert not await pulse.wait(0.3)
    url = store.url.render_as_string(hide_password=False)
    other = await asyncio.create_subprocess_exec(sys.executable, "-c", OTHER_PROCESS, url)
    assert await pulse.wait(20)
    assert await other.wait() == 0


async def test_what_is_undone_does_not_ring(store: Store, pulse: Pulse) -> None:
    with pytest.raises(ZeroDivisionError):
        await _announce_and_fail(store)
    assert not await pulse.wait(0.4)


async def _announce_and_fail(store: Store) -> None:
    async with store.write() as conn:
        await announce(conn)
        raise ZeroDivisionError


async def test_a_lost_listener_listens_again(migrated_postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "AGAIN", 0.1)
    store = await Store.open(migrated_postgres_url)
    pulse = Pulse()
    task = asyncio.create_task(pulse.across(watch.changes(store)))
    await asyncio.sleep(0.3)
    async with store.write() as conn:
        await conn.execute(text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'"))
    assert await pulse.wait(5)  # it says that something may have been missed
    while await pulse.wait(0.3):
        pass
    async with store.write() as conn:
        await announce(conn)
    assert await pulse.wait(5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await store.close()
