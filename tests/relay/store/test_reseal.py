"""A change of keys, while people write: everything opens all the time, and at the end nothing is sealed under the old key."""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import LargeBinary, select, type_coerce
from sqlalchemy.ext.asyncio import AsyncConnection

from relay.model import NotReady, Unreadable
from relay.store import reseal, sealing
from relay.store.engine import Store
from tests.stories.town import Town

OLD, NEW, LOOKUP = (b64encode(bytes([n]) * 32).decode() for n in (1, 2, 3))


@pytest.fixture(autouse=True)
def keyring() -> sealing.Keyring:
    """Begin with the old key alone."""
    keys = sealing.build(OLD, LOOKUP)
    sealing.use(keys)
    return keys


def both() -> sealing.Keyring:
    return sealing.build(f"2:{NEW},1:{OLD}", LOOKUP)


async def first_bytes(store: Store) -> set[int]:
    found: set[int] = set()
    async with store.read() as conn:
        for columns in reseal.sealed_columns().values():
            for column in columns:
                raw = select(type_coerce(column, LargeBinary())).where(column.is_not(None))
                found |= {bytes(value)[0] for value in (await conn.execute(raw)).scalars()}
    return found


async def an_evening(town: Town) -> int:
    people = [await town.person(f"Ayan {n}", "so") for n in range(5)]
    alert_id = await town.issue({"so": "KARI BIYAHA", "nb": "KOK VANNET"})
    for one in people[:3]:
        await one.phone.says("1")
    await people[3].phone.says("Ma cabbi karaa biyaha?")
    await town.settle()
    return alert_id


async def test_all_is_sealed_anew_while_people_answer_and_the_old_key_can_go(town: Town) -> None:
    alert_id = await an_evening(town)
    assert await first_bytes(town.store) == {1}
    sealing.use(both())
    late = await town.person("Late", "so")
    async with town.store.read() as conn:
        before = await reseal.left(conn)
    assert before["resource_person"] == 5

    async def meanwhile() -> None:
        await town.relay.release(town.municipality_id, alert_id, "Ola", inside=True)
        await town.settle()
        await late.phone.says("1")
        await town.settle()

    done, _ = await asyncio.gather(reseal.reseal(town.store, at_once=2), meanwhile())
    assert done["resource_person"] == 5
    async with town.store.read() as conn:
        assert await reseal.left(conn) == {}
    assert await first_bytes(town.store) == {2}
    sealing.use(sealing.build(f"2:{NEW}", LOOKUP))
    totals = (await town.reach(alert_id)).totals
    assert totals.acknowledged == 4
    bilan = await town.person("Bilan", "so")
    assert bilan.id


async def test_an_interrupted_run_is_started_again_and_does_the_rest(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    await an_evening(town)
    sealing.use(both())
    honest, turns, halfway = town.store.write, iter(range(3)), asyncio.Event()

    @asynccontextmanager
    async def three_times() -> AsyncIterator[AsyncConnection]:
        if next(turns, None) is None:
            halfway.set()
            await asyncio.Event().wait()
        async with honest() as conn:
            yield conn

    monkeypatch.setattr(town.store, "write", three_times)
    running = asyncio.create_task(reseal.reseal(town.store, at_once=1))
    await halfway.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    monkeypatch.setattr(town.store, "write", honest)
    assert await first_bytes(town.store) == {1, 2}
    async with town.store.read() as conn:
        rest = await reseal.left(conn)
    assert await reseal.reseal(town.store) == {table.name: rest.get(table.name, 0) for table in reseal.sealed_columns()}
    assert await first_bytes(town.store) == {2}


async def test_without_the_old_key_nothing_is_changed_and_it_says_why(town: Town) -> None:
    await an_evening(town)
    sealing.use(sealing.build(f"2:{NEW}", LOOKUP))
    with pytest.raises(Unreadable, match="another key"):
        await reseal.reseal(town.store)
    assert await first_bytes(town.store) == {1}


def test_the_next_key_stands_in_front_under_the_next_number() -> None:
    told = sealing.with_next(OLD)
    assert told.endswith(f",1:{OLD}")
    assert sealing.build(told, LOOKUP).newest == 2
    assert sealing.build(sealing.with_next(told), LOOKUP).newest == 3
    with pytest.raises(NotReady):
        sealing.with_next("")
