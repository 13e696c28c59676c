"""The chain of acts: whatever is done to it by SQL is found, and who acted is an id."""

import random
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, insert, select, update

from relay.model import Place
from relay.store import audit, sealing, tasks
from relay.store.acting import acts
from relay.store.anchor import Anchor, read, written
from relay.store.audit import Head
from relay.store.engine import Store
from relay.store.register import Stamp, add_municipality
from relay.store.tables import act_log
from tests.web import tamper
from tests.web.tamper import START, Stage


@pytest.fixture(name="stage")
async def _stage(migrated_url: str, tmp_path: Path) -> AsyncIterator[Stage]:
    store = await Store.open(migrated_url)
    yield await tamper.build(store, tmp_path)
    await store.close()


async def bad(stage: Stage, anchors: dict[int, Head] | None = None) -> list[tuple[int, int | None]]:
    async with stage.store.read() as conn:
        found = await audit.verify(conn, stage.anchors if anchors is None else anchors)
    return [(one.chain, one.bad) for one in found if one.bad is not None]


@pytest.mark.parametrize("tampering", tamper.TAMPERINGS, ids=lambda one: one.name)
async def test_tampering_is_found_and_the_first_bad_entry_named(stage: Stage, tampering: tamper.Tampering) -> None:
    rng = random.Random(3)
    for _ in range(5):
        wanted, found, chain = await tamper.tamper(stage, tampering, rng)
        assert (chain, wanted) in [(one.chain, one.bad) for one in found]
    assert await bad(stage) == []


async def test_without_its_anchor_a_cut_off_end_is_not_to_be_seen(stage: Stage) -> None:
    town = stage.towns[0]
    async with stage.store.write() as conn:
        last = stage.anchors[town].number
        await conn.execute(delete(act_log).where(act_log.c.chain == town, act_log.c.number == last))
    assert await bad(stage, {}) == []
    assert await bad(stage) == [(town, last)]


async def test_the_anchor_moves_on_with_the_acts_and_stays_where_they_are_not_sound(stage: Stage, tmp_path: Path) -> None:
    anchor, town = Anchor(stage.store, tmp_path / "anchor"), stage.towns[0]
    before = anchor.read().heads[town]
    async with stage.store.write() as conn:
        await tasks.acted(conn, "Kari", "alert.take", START, municipality_id=town)
    assert await anchor.advance() == []
    assert anchor.read().heads[town].number == before.number + 1
    assert (tmp_path / "anchor").stat().st_mode & 0o777 == 0o600
    async with stage.store.write() as conn:
        await conn.execute(update(act_log).where(act_log.c.chain == town, act_log.c.number == before.number + 1).values(act="x"))
        await tasks.acted(conn, "Kari", "alert.take", START, municipality_id=town)
        await tasks.acted(conn, "Kari", "alert.take", START, municipality_id=stage.towns[1])
    assert await anchor.advance() == [], "what was anchored is looked at by verify; the new one fits to what the anchor knows"
    async with stage.store.write() as conn:
        await tasks.acted(conn, "Kari", "alert.take", START, municipality_id=town)
        newest = select(act_log.c.id).where(act_log.c.chain == town).order_by(act_log.c.number.desc()).limit(1)
        await conn.execute(update(act_log).where(act_log.c.id.in_(newest)).values(act="x"))
    [found] = await anchor.advance()
    assert (found.chain, found.bad) == (town, before.number + 3)
    assert anchor.read().heads[town].number == before.number + 2


def test_an_anchor_that_somebody_else_has_written_anchors_nothing() -> None:
    ours = written({1: Head(7, "ab"), 2: Head(1, "cd")})
    assert read(ours).heads == {1: Head(7, "ab"), 2: Head(1, "cd")}
    assert read(ours + written({1: Head(5, "old")})).heads[1] == Head(7, "ab"), "the farthest counts"
    lowered = ours.replace('"number": 7', '"number": 6')
    assert read(lowered).heads == {2: Head(1, "cd")}
    assert len(read(lowered + "rubbish\n").foreign) == 2
    sealing.use(sealing.build(sealing.make_key(), sealing.make_key()))
    assert read(ours).heads == {}


async def test_an_old_key_still_verifies_and_the_new_one_seals(stage: Stage) -> None:
    old = sealing.keyring()
    key = sealing.make_key()
    new = sealing.build(sealing.make_key(), sealing.make_key(), key)
    both = sealing.Keyring(old.keys, old.newest, old.lookup_key, {**new.audit_keys, **old.audit_keys})
    sealing.use(both)
    async with stage.store.write() as conn:
        await tasks.acted(conn, "Kari", "alert.take", START, municipality_id=stage.towns[0])
    assert await bad(stage) == []
    sealing.use(sealing.Keyring(old.keys, old.newest, old.lookup_key, old.audit_keys))
    assert await bad(stage) == [(stage.towns[0], stage.anchors[stage.towns[0]].number + 1)]


async def test_who_acts_is_an_id_and_the_sessions_user_goes_before_any_name(stage: Stage) -> None:
    town = stage.towns[0]
    async with stage.store.write() as conn:
        with acts("web", 4711):
            await tasks.acted(conn, "Kari", "alert.take", START, municipality_id=town)
        with acts("cli"):
            await tasks.acted(conn, "  KARI ", "alert.edit", START, municipality_id=town)
            await tasks.acted(conn, "Somebody New", "alert.ask", START, municipality_id=town)
            await tasks.acted(conn, "somebody  new", "alert.approve", START, municipality_id=town)
        await tasks.acted(conn, "house", "alert.release", START, municipality_id=town)
    async with stage.store.read() as conn:
        rows = {row.act: (row.actor, row.face) for row in await audit.listed(conn, town, limit=5)}
        first = (await audit.listed(conn, town, [audit.Term(text="municipality.add")]))[0].actor
        assert await audit.listed(conn, stage.towns[1], [audit.Term(text="somebody")]) == []
    assert rows["alert.take"] == ("user:4711", "web")
    assert rows["alert.edit"] == (first, "cli")
    assert rows["alert.ask"] == rows["alert.approve"] != rows["alert.edit"]
    assert rows["alert.release"] == ("house", "house")


async def test_what_was_written_before_there_were_chains_is_taken_in_with_the_first_act(migrated_url: str) -> None:
    store = await Store.open(migrated_url)
    stage = Stage(store, (0, 0), {})
    async with store.write() as conn:
        town = await add_municipality(conn, Place(number="9993", name="Older", point=None), Stamp(by="Kari", at=START))
        await conn.execute(delete(act_log))
        for step in range(3):
            row = {
                "municipality_id": town,
                "at": START + timedelta(seconds=step),
                "actor": "Kari",
                "act": "old",
                "subject": "",
                "data": {"n": step},
            }
            await conn.execute(insert(act_log).values(row))
    assert await bad(stage) == []
    async with store.write() as conn:
        await tasks.acted(conn, "Kari", "alert.edit", START, municipality_id=town)
    async with store.read() as conn:
        assert [(row.number, row.act) for row in await audit.listed(conn, town)] == [(4, "alert.edit"), (3, "old"), (2, "old"), (1, "old")]
    assert await bad(stage) == []
    async with store.write() as conn:
        await conn.execute(update(act_log).where(act_log.c.number == 2).values(data={"n": 7}))
    assert await bad(stage) == [(town, 2)]
    await store.close()
