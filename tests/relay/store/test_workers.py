"""Several workers: one leads, their leases and their pace go by the database's clock, and a clock that is off is noticed."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, select, text, update

from channels.clock import ManualClock, SystemClock
from relay.pace import SharedPacer
from relay.store import leader, pace, workers
from relay.store.engine import Store
from relay.store.leader import Leader
from relay.store.tables import Sender, worker
from relay.store.workers import Lease

SHARED = Lease(30.0, by_database=True)
MINUTE = timedelta(minutes=1)


@pytest.fixture
async def postgres_store(migrated_postgres_url: str) -> AsyncIterator[Store]:
    store = await Store.open(migrated_postgres_url)
    yield store
    await store.close()


async def off_seconds(store: Store) -> float:
    async with store.read() as conn:
        off: float = (await conn.execute(select(worker.c.off_seconds))).scalar_one()
        return off


async def test_each_new_worker_has_a_higher_fence_and_leaves_in_order(store: Store) -> None:
    now = SystemClock().now()
    assert [await workers.register(store, name, now) for name in ("a", "b", "a")] == [1, 2, 3]
    await workers.gone(store, "b")
    async with store.read() as conn:
        assert [row.name for row in await workers.roll(conn)] == ["a"]


async def test_the_last_tick_is_that_of_a_leader(store: Store) -> None:
    clock = ManualClock(datetime(2026, 11, 24, 17, tzinfo=UTC))
    for name in ("leader", "other"):
        await workers.register(store, name, clock.now())
    led = clock.now()
    await workers.beat(store, "leader", clock, Lease(30.0), leads=True)
    clock.advance(minutes=1)
    await workers.beat(store, "other", clock, Lease(30.0), leads=False)
    async with store.read() as conn:
        assert await workers.ticked_at(conn) == led


@pytest.mark.parametrize("wrong", [-MINUTE, MINUTE])
async def test_a_worker_whose_clock_is_off_the_databases_is_not_well(postgres_store: Store, wrong: timedelta) -> None:
    await workers.register(postgres_store, "w", SystemClock().now())
    assert (await workers.beat(postgres_store, "w", SystemClock(), SHARED, leads=False)).well
    beat = await workers.beat(postgres_store, "w", ManualClock(SystemClock().now() + wrong), SHARED, leads=False)
    assert not beat.well
    assert 50 < await off_seconds(postgres_store) < 61
    assert (await workers.beat(postgres_store, "w", SystemClock(), SHARED, leads=False)).well, "it heals by itself"


async def test_a_lease_runs_by_the_databases_clock_whatever_ours_says(postgres_store: Store) -> None:
    wrong = SystemClock().now() - timedelta(days=1)
    await workers.register(postgres_store, "w", wrong)
    async with postgres_store.write() as conn:
        await conn.execute(update(worker).values(seen_at=SHARED.until(wrong)))
        left = select(worker.c.seen_at - SHARED.now(wrong))
        assert timedelta(seconds=29) < (await conn.execute(left)).scalar_one() <= timedelta(seconds=30)


async def leads(one: Leader) -> None:
    """Wait until a leader leads."""
    for _ in range(2000):
        if one.leads:
            return
        await asyncio.sleep(0.01)
    pytest.fail("it never led")


async def test_one_of_two_leads_and_the_other_follows_when_it_is_cut_off(postgres_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leader, "ASK", 0.05)
    both = [Leader(postgres_store), Leader(postgres_store)]
    first = asyncio.create_task(both[0].campaign())
    await leads(both[0])
    second = asyncio.create_task(both[1].campaign())
    await asyncio.sleep(0.5)
    assert [one.leads for one in both] == [True, False]
    first.cancel()
    await leads(both[1])
    assert not both[0].leads
    second.cancel()
    await asyncio.gather(first, second, return_exceptions=True)


async def test_a_leader_that_gives_no_sign_is_dropped_by_the_database(postgres_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stopped process asks nothing more; its connection and its lock would stay for ever."""
    monkeypatch.setattr(leader, "SILENT", 1)
    monkeypatch.setattr(leader, "ASK", 600)
    stopped = asyncio.create_task(Leader(postgres_store).campaign())
    await asyncio.sleep(0.5)
    taken = text(f"SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = {leader.LOCK}")
    async with postgres_store.read() as conn:
        assert (await conn.execute(taken)).scalar_one() == 1
    for _ in range(500):
        async with postgres_store.read() as conn:
            if (await conn.execute(taken)).scalar_one() == 0:
                break
        await asyncio.sleep(0.02)
    else:
        pytest.fail("the lock was never let go")
    stopped.cancel()
    await asyncio.gather(stopped, return_exceptions=True)


async def test_on_sqlite_the_only_worker_leads(migrated_sqlite_url: str) -> None:
    store = await Store.open(migrated_sqlite_url)
    assert Leader(store).leads
    await store.close()


# --- the pace -------------------------------------------------------------------------------------------------------------


@pytest.fixture
async def sender_id(postgres_store: Store) -> int:
    audit = {"created_at": SystemClock().now(), "created_by": "t", "updated_at": SystemClock().now(), "updated_by": "t"}
    async with postgres_store.write() as conn:
        made = text(
            "INSERT INTO municipality (number, name, timezone, norwegian, last_number, last_event, created_at, created_by, updated_at,"
            " updated_by) VALUES ('9999', 'x', 'Europe/Oslo', 'nb', 0, 0, now(), 't', now(), 't') RETURNING id"
        )
        town = (await conn.execute(made)).scalar_one()
        values = {"municipality_id": town, "channel": "sms", "address": "+4741000001", "provider": "twilio_sms", "account": "twilio"}
        found: int = (await conn.execute(insert(Sender).values(values | audit | {"contents": {}}).returning(Sender.id))).scalar_one()
        return found


async def send_for(store: Store, sender_id: int, seconds: float, each: int) -> int:
    """Be a worker that sends messages of `each` units as fast as its purse allows; return how many units left."""
    pacer, sent, end = SharedPacer(), 0, asyncio.get_running_loop().time() + seconds
    pacer.set(sender_id, 40.0, 4.0, SystemClock().now())
    while asyncio.get_running_loop().time() < end:
        async with store.write() as conn:
            await pacer.reserve(conn, {sender_id: each}, SystemClock().now())
        while pacer.take(sender_id, each, SystemClock().now()):
            sent += each
        await asyncio.sleep(0.01)
    return sent


async def test_three_workers_together_send_as_fast_as_one_may(postgres_store: Store, sender_id: int) -> None:
    """40 units a second, the burst of a rested sender, and a slice for each that may be in hand: not three times as much."""
    begun = asyncio.get_running_loop().time()
    shares = await asyncio.gather(*(send_for(postgres_store, sender_id, 2.0, 2) for _ in range(3)))
    seconds = asyncio.get_running_loop().time() - begun
    assert 0 < sum(shares) <= 40 * seconds + 4 + 3 * 40 * pace.SLICE


async def test_a_slow_senders_message_is_paid_for_as_a_whole(postgres_store: Store, sender_id: int) -> None:
    wish = {sender_id: pace.Wish(per_second=0.5, burst=1.0, least=3.0)}
    async with postgres_store.write() as conn:
        [first, second] = [(await pace.take(conn, wish))[sender_id] for _ in range(2)]
    assert first.units == pytest.approx(3.0)
    assert second.units == 0
    assert 3.0 < second.wait <= 4.0, "three units at half a unit a second, less the rest of one unit before"
