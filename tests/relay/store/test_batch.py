"""Many callers share a commit, and one bad item takes nobody with it."""

import asyncio
import sys
from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from relay.model import NotReady
from relay.store.batch import Batch, Patience
from relay.store.engine import Store
from relay.store.tables import fact


class Counting:
    """Writes names, and remembers how many came at a time."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    async def __call__(self, conn: AsyncConnection, names: Sequence[str]) -> Sequence[int]:
        self.sizes.append(len(names))
        await conn.execute(insert(fact), [{"name": name, "value": ""} for name in names])
        return [len(name) for name in names]


async def kept(store: Store) -> set[str]:
    async with store.read() as conn:
        return set((await conn.execute(select(fact.c.name))).scalars())


async def test_a_thousand_callers_make_few_commits_and_each_gets_its_own_result(store: Store) -> None:
    counting = Counting()
    batch = Batch(store, counting)
    names = [str(n) * (n % 3 + 1) for n in range(1000, 2000)]
    assert await asyncio.gather(*map(batch.put, names)) == [len(name) for name in names]
    assert await kept(store) == set(names)
    assert len(counting.sizes) <= 4
    assert max(counting.sizes) == 500


async def test_a_result_comes_after_its_commit(store: Store) -> None:
    batch = Batch(store, Counting())
    for n in range(5):
        await batch.put(str(n))
        assert str(n) in await kept(store)


async def test_the_first_waits_for_company_until_that_is_enough_or_its_patience_ends(store: Store) -> None:
    counting = Counting()
    batch = Batch(store, counting, patience=lambda: Patience(60.0, enough=3))
    callers = [asyncio.create_task(batch.put("a")), asyncio.create_task(batch.put("b"))]
    await asyncio.sleep(0.05)
    assert not counting.sizes
    await asyncio.gather(batch.put("c"), *callers)
    assert counting.sizes == [3]
    alone = Batch(store, counting, patience=lambda: Patience(0.01, enough=3))
    await alone.put("d")
    assert counting.sizes == [3, 1]


async def test_a_poisoned_item_alone_fails(store: Store) -> None:
    async with store.write() as conn:
        await conn.execute(insert(fact).values(name="137", value="already there"))
    batch = Batch(store, Counting())
    results = await asyncio.gather(*(batch.put(str(n)) for n in range(300)), return_exceptions=True)
    failed = [n for n, result in enumerate(results) if isinstance(result, BaseException)]
    assert failed == [137]
    assert isinstance(results[137], IntegrityError)
    assert await kept(store) == {str(n) for n in range(300)}


async def test_a_wrong_number_of_results_commits_nothing(store: Store) -> None:
    async def short(conn: AsyncConnection, names: Sequence[str]) -> Sequence[str]:
        await conn.execute(insert(fact), [{"name": name, "value": ""} for name in names])
        return names[1:]

    batch = Batch(store, short)
    with pytest.raises(ValueError, match="0 results for 1 items"):
        await batch.put("a")
    assert await kept(store) == set()


async def test_an_item_stays_when_its_caller_goes(store: Store) -> None:
    batch = Batch(store, Counting())
    async with store.write():
        caller = asyncio.create_task(batch.put("a"))
        await asyncio.sleep(0.01)
        caller.cancel()
    await batch.close()
    assert await kept(store) == {"a"}


async def test_closing_finishes_what_was_taken_and_takes_nothing_more(store: Store) -> None:
    batch = Batch(store, Counting(), most=10)
    callers = [asyncio.create_task(batch.put(str(n))) for n in range(95)]
    await asyncio.sleep(0)
    await batch.close()
    assert len(await kept(store)) == 95
    await asyncio.gather(*callers)
    with pytest.raises(NotReady, match="shutting down"):
        await batch.put("late")


async def test_a_database_that_is_away_is_told_to_each_and_the_next_ones_succeed(store: Store) -> None:
    tries: list[int] = []

    async def away_once(_conn: AsyncConnection, names: Sequence[str]) -> Sequence[int]:
        tries.append(len(names))
        if len(tries) == 1:
            raise ConnectionResetError
        return [0] * len(names)

    batch = Batch(store, away_once)
    results = await asyncio.gather(*(batch.put(str(n)) for n in range(20)), return_exceptions=True)
    assert all(isinstance(result, NotReady) for result in results)
    assert await batch.put("again") == 0
    assert tries == [20, 1]


async def test_kinds_take_turns_on_one_writer(sqlite_url: str) -> None:
    store = await Store.open(sqlite_url)
    order: list[str] = []

    def kind(name: str) -> Batch[int, int]:
        async def apply(_conn: AsyncConnection, items: Sequence[int]) -> Sequence[int]:
            order.append(name)
            return items

        return Batch(store, apply, most=1)

    busy, quiet = kind("busy"), kind("quiet")
    many = [asyncio.create_task(busy.put(n)) for n in range(50)]
    await asyncio.sleep(0)
    await quiet.put(1)
    assert order.index("quiet") <= 2
    await asyncio.gather(*many)
    await store.close()


WRITER = """
import asyncio, sys
from sqlalchemy import insert
from relay.store.batch import Batch
from relay.store.engine import Store
from relay.store.tables import fact

async def apply(conn, names):
    await conn.execute(insert(fact), [{"name": name, "value": ""} for name in names])
    return names

async def caller(batch, start):
    for n in range(start, start + 100_000):
        print(await batch.put(str(n)), flush=True)

async def main():
    batch = Batch(await Store.open(sys.argv[1]), apply)
    await asyncio.gather(*(caller(batch, k * 100_000) for k in range(20)))

asyncio.run(main())
"""


async def test_what_was_acknowledged_survives_a_kill(store: Store) -> None:
    url = store.url.render_as_string(hide_password=False)
    writer = await asyncio.create_subprocess_exec(sys.executable, "-c", WRITER, url, stdout=asyncio.subprocess.PIPE)
    assert writer.stdout is not None
    acknowledged = [await writer.stdout.readline() for _ in range(300)]
    writer.kill()
    rest, _ = await writer.communicate()
    lines = [line for line in (b"".join(acknowledged) + rest).decode().splitlines(keepends=True) if line.endswith("\n")]
    assert len(lines) >= 300
    assert {line.strip() for line in lines} <= await kept(store)


async def test_a_store_that_fails_in_no_known_way_is_told_to_each_and_tried_no_further(sqlite_url: str) -> None:
    class Broken(Store):
        def write(self, **_: Any) -> Any:
            raise RuntimeError("never seen before")

    store = await Store.open(sqlite_url)
    batch = Batch(Broken(store.url, store._reader, store._writer), Counting())
    results = await asyncio.gather(*(batch.put(str(n)) for n in range(3)), return_exceptions=True)
    assert [str(result) for result in results] == ["never seen before"] * 3
    await store.close()
