from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import BigInteger, Boolean, Integer, String, func, insert, select, update

from relay.store.columns import Json, Moment
from relay.store.engine import Store
from relay.store.sql import Kind, insert_ignore, rows_as_json, rows_from_json, upsert
from relay.store.tables import Base, PolicyRow, fact, status

NIGHT = datetime(2026, 11, 23, 22, 15, 7, 42, tzinfo=UTC)


async def seen(store: Store, *columns: Any) -> list[tuple[Any, ...]]:
    async with store.read() as conn:
        return [tuple(row) for row in await conn.execute(select(*columns).order_by(*columns))]


def heard(word: str, provider_id: str = "SM1") -> dict[str, Any]:
    return {"account": "AC", "provider_id": provider_id, "word": word, "evidence": 3, "received_at": NIGHT}


async def test_what_is_there_already_is_left_alone_and_the_new_is_named(store: Store) -> None:
    async with store.write() as conn:
        await conn.execute(insert(status), heard("sent"))
        rows = [heard("sent"), heard("delivered"), heard("delivered"), heard("sent", "SM2")]
        new = await conn.execute(insert_ignore(status).returning(status.c.provider_id, status.c.word), rows)
        assert sorted(map(tuple, new)) == [("SM1", "delivered"), ("SM2", "sent")]
    assert len(await seen(store, status.c.id)) == 3


async def test_a_null_is_no_conflict_and_no_ignored_row(store: Store) -> None:
    with pytest.raises(Exception, match=r"(?i)null"):
        async with store.write() as conn:
            await conn.execute(insert_ignore(status), [heard("sent") | {"received_at": None}])


async def test_upsert_replaces_and_adds(store: Store) -> None:
    async with store.write() as conn:
        statement = upsert(fact, ["name"], replace=["value"])
        await conn.execute(statement, [{"name": "offset", "value": "1"}])
        await conn.execute(statement, [{"name": "offset", "value": "2"}, {"name": "seed", "value": "7"}])
    assert await seen(store, fact.c.name, fact.c.value) == [("offset", "2"), ("seed", "7")]


async def test_a_batch_is_updated_by_one_statement_and_says_what_it_changed(store: Store) -> None:
    async with store.write() as conn:
        await conn.execute(insert(status), [heard("sent", f"SM{n}") for n in range(5)])
        new = rows_from_json(conn, "new", {"provider_id": String, "evidence": Integer, "at": Moment})
        rises = update(status).where(status.c.provider_id == new.c.provider_id, status.c.evidence < new.c.evidence)
        statement = rises.values(evidence=new.c.evidence, received_at=new.c.at).returning(status.c.provider_id, status.c.received_at)
        rows = [{"provider_id": f"SM{n}", "evidence": 2 + n, "at": NIGHT + timedelta(microseconds=n)} for n in range(3)]
        changed = (await conn.execute(statement, {"new": rows_as_json(conn, rows)})).all()
    assert [tuple(row) for row in changed] == [("SM2", NIGHT + timedelta(microseconds=2))]
    assert [evidence for _, evidence in await seen(store, status.c.provider_id, status.c.evidence)] == [3, 3, 4, 3, 3]


async def test_every_kind_of_value_comes_through_json_unchanged(store: Store) -> None:
    kinds: dict[str, Kind] = {"n": BigInteger, "word": String, "yes": Boolean, "at": Moment, "data": Json, "none": Integer}
    row = {"n": 2**62 + 1, "word": "Ås «ۀ» 👍 \" ' \\", "yes": True, "at": NIGHT, "data": {"a": [1, "ø"]}, "none": None}
    async with store.read() as conn:
        given = rows_from_json(conn, "given", kinds)
        (found,) = (await conn.execute(select(given), {"given": rows_as_json(conn, [row])})).all()
        none = (await conn.execute(select(func.count()).select_from(given), {"given": rows_as_json(conn, [])})).scalar_one()
    assert dict(found._mapping) == row
    assert none == 0


async def test_naive_times_and_bytes_are_refused(store: Store) -> None:
    async with store.read() as conn:
        for value in (NIGHT.replace(tzinfo=None), b"x"):
            with pytest.raises(TypeError, match="not JSON serializable"):
                rows_as_json(conn, [{"value": value}])


async def test_upsert_adds_onto_what_is_there(store: Store, municipality_id: int) -> None:
    key = {"municipality_id": municipality_id, "name": "echo", "id": 7}
    audit = {"created_at": NIGHT, "created_by": "test", "updated_at": NIGHT, "updated_by": "test"}
    statement = upsert(Base.metadata.tables["policy"], ["id"], add=["count_after_minutes"])
    async with store.write() as conn:
        for minutes in (60, 30):
            await conn.execute(statement.values({**key, **audit, "count_after_minutes": minutes}))
    assert await seen(store, PolicyRow.count_after_minutes) == [(90,)]


async def test_a_batch_is_inserted_from_json_and_only_the_new_is_taken(store: Store) -> None:
    async with store.write() as conn:
        new = rows_from_json(conn, "new", {"name": String, "value": String})
        statement = insert_ignore(fact).from_select(["name", "value"], select(new).order_by(new.c.name)).returning(fact.c.name)
        rows = [{"name": name, "value": name} for name in "abab"]
        assert sorted((await conn.execute(statement, {"new": rows_as_json(conn, rows[:2])})).scalars()) == ["a", "b"]
        assert list((await conn.execute(statement, {"new": rows_as_json(conn, [*rows, {"name": "c", "value": "c"}])})).scalars()) == ["c"]
