"""Tamper with the chain of acts by SQL, a thousand times, and see whether it is found: python -m tests.web.tamper --seed 1

The tamperer may write every row of the database, knows this program, and has neither the audit key nor the anchor's file.
"""

import argparse
import asyncio
import os
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from relay.model import Place, Role
from relay.store import audit, schema, sealing, tasks, users
from relay.store.anchor import Anchor
from relay.store.audit import Head, Verdict
from relay.store.columns import AnyRow
from relay.store.engine import Store
from relay.store.register import Stamp, add_municipality
from relay.store.tables import act_log

START = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)
ACTS = 60


class UndoError(Exception):
    """Nothing of a tampering stays."""


@dataclass(frozen=True)
class Stage:
    """A database with two municipalities' acts, and how far they had come before anybody tampered."""

    store: Store
    towns: tuple[int, int]
    anchors: Mapping[int, Head]


@dataclass(frozen=True)
class Tampering:
    """One way to tamper: what it does to a chain of rows, and which entry must be named as the first bad one."""

    name: str
    do: Callable[[AsyncConnection, random.Random, Sequence[AnyRow]], Awaitable[int]]


async def build(store: Store, folder: Path, acts: int = ACTS) -> Stage:
    """Let two municipalities act for a while."""
    rng = random.Random(7)
    async with store.write() as conn:
        stamp = Stamp(by="Kari", at=START)
        towns = [await add_municipality(conn, Place(number=number, name=number, point=None), stamp) for number in ("9991", "9992")]
        for town in towns:
            await users.add(conn, town, users.NewUser(name="Nora", roles=frozenset({Role.ADMINISTRATOR}), login=f"nora{town}"), stamp)
        for step in range(acts):
            moment = START + timedelta(seconds=step)
            subject, data = f"alert:{step}", {"deliveries": rng.randrange(900), "note": "å" * rng.randrange(3)}
            await tasks.acted(
                conn,
                "Kari",
                rng.choice(("alert.take", "alert.approve")),
                moment,
                municipality_id=rng.choice(towns),
                subject=subject,
                **data,
            )
    anchor = Anchor(store, folder / "anchor")
    assert await anchor.advance() == []
    return Stage(store, (towns[0], towns[1]), anchor.read().heads)


# --- the tamperings: each returns the number of the first entry that is not sound any more --------------------------------------


async def change(conn: AsyncConnection, rng: random.Random, rows: Sequence[AnyRow]) -> int:
    """Change one thing of one entry."""
    row = rng.choice(rows)
    other = rng.choice([one for one in rows if one.mac != row.mac])
    values: dict[str, Any] = {
        "at": row.at + timedelta(microseconds=rng.choice((-1, 1)) * rng.randrange(1, 10**9)),
        "actor": "user:999",
        "act": row.act + rng.choice("abc"),
        "subject": row.subject + rng.choice("0123456789"),
        "face": "api" if row.face != "api" else "web",
        "data": {**row.data, "deliveries": 901},
        "key_name": "0" * 16,
        "mac": other.mac,
        "municipality_id": None,
    }
    column = rng.choice(sorted(values))
    await conn.execute(update(act_log).where(act_log.c.id == row.id).values({column: values[column]}))
    return int(row.number)


async def remove(conn: AsyncConnection, rng: random.Random, rows: Sequence[AnyRow]) -> int:
    """Delete some entries, but never the last."""
    gone = rng.sample(rows[:-1], rng.randint(1, 4))
    await conn.execute(delete(act_log).where(act_log.c.id.in_([row.id for row in gone])))
    return int(min(row.number for row in gone))


async def remove_and_close(conn: AsyncConnection, rng: random.Random, rows: Sequence[AnyRow]) -> int:
    """Delete an entry and move the later ones up, so that no number is missing."""
    at = rng.randrange(len(rows) - 1)
    await conn.execute(delete(act_log).where(act_log.c.id == rows[at].id))
    for row in rows[at + 1 :]:
        await conn.execute(update(act_log).where(act_log.c.id == row.id).values(number=row.number - 1))
    return int(rows[at].number)


async def reorder(conn: AsyncConnection, rng: random.Random, rows: Sequence[AnyRow]) -> int:
    """Let two entries change places."""
    one, two = rng.sample(rows, 2)
    await conn.execute(update(act_log).where(act_log.c.id == one.id).values(number=-1))
    await conn.execute(update(act_log).where(act_log.c.id == two.id).values(number=one.number))
    await conn.execute(update(act_log).where(act_log.c.id == one.id).values(number=two.number))
    return int(min(one.number, two.number))


async def cut(conn: AsyncConnection, rng: random.Random, rows: Sequence[AnyRow]) -> int:
    """Delete the end: one entry, some, or all there are."""
    first = rows[rng.choice((len(rows) - 1, rng.randrange(len(rows)), 0))].number
    await conn.execute(delete(act_log).where(act_log.c.chain == rows[0].chain, act_log.c.number >= first))
    return int(first)


async def cut_and_go_on(conn: AsyncConnection, rng: random.Random, rows: Sequence[AnyRow]) -> int:
    """Delete the end and let the house itself go on writing in its place, until the numbers are as high as before or higher."""
    gone = rng.randint(1, min(6, len(rows) - 1))
    await conn.execute(delete(act_log).where(act_log.c.id.in_([row.id for row in rows[-gone:]])))
    for step in range(gone + rng.randrange(3)):
        moment = START + timedelta(hours=1, seconds=step)
        await tasks.acted(conn, "Kari", "alert.take", moment, municipality_id=rows[0].chain, subject="alert:1")
    return int(rows[-1].number)


async def forge(conn: AsyncConnection, rng: random.Random, rows: Sequence[AnyRow]) -> int:
    """Add an entry at the end, sealed with what somebody without the key has: an old seal, a hash, nothing."""
    last = rows[-1]
    values = {name: getattr(last, name) for name in (*audit.SEALED, "municipality_id", "chain")}
    values |= {"number": last.number + 1, "mac": rng.choice((last.mac, rng.choice(rows).mac, "f" * 64, "")), "act": "alert.approve"}
    await conn.execute(insert(act_log).values(values))
    return int(last.number) + 1


async def smuggle(conn: AsyncConnection, rng: random.Random, rows: Sequence[AnyRow]) -> int:
    """Add a row that stands in no chain, as from before there were chains."""
    row = rng.choice(rows)
    values = {name: getattr(row, name) for name in (*audit.SEALED, "municipality_id")} | {"act": "alert.approve", "mac": ""}
    await conn.execute(insert(act_log).values(values))
    return 0


async def move(conn: AsyncConnection, _rng: random.Random, rows: Sequence[AnyRow]) -> int:
    """Put the end of this chain at the end of the other municipality's."""
    last = rows[-1]
    other = (
        await conn.execute(
            select(act_log.c.chain, act_log.c.number).where(act_log.c.chain.not_in((0, last.chain))).order_by(act_log.c.number.desc())
        )
    ).first()
    assert other is not None
    await conn.execute(
        update(act_log).where(act_log.c.id == last.id).values(chain=other.chain, municipality_id=other.chain, number=other.number + 1)
    )
    return int(last.number)


async def recompute(conn: AsyncConnection, rng: random.Random, rows: Sequence[AnyRow]) -> int:
    """Change an entry and seal it and all later ones anew, under another key that is called like ours, or as a bare hash would be."""
    at = rng.randrange(len(rows))
    key = rng.choice((os.urandom(32), b"", rows[at].key_name.encode()))
    before = rows[at - 1].mac if at else ""
    for row in rows[at:]:
        values = row._asdict() | ({"subject": "alert:999"} if row is rows[at] else {})
        before = audit.seal(key, values, before)
        await conn.execute(update(act_log).where(act_log.c.id == row.id).values(subject=values["subject"], mac=before))
    return int(rows[at].number)


TAMPERINGS = tuple(
    Tampering(do.__name__, do) for do in (change, remove, remove_and_close, reorder, cut, cut_and_go_on, forge, smuggle, move, recompute)
)


async def tamper(stage: Stage, tampering: Tampering, rng: random.Random) -> tuple[int, list[Verdict], int]:
    """Do one tampering, check, and undo it; return which entry had to be named, what was found, and in which chain it was done."""
    chain = rng.choice(stage.towns)
    wanted, found = 0, list[Verdict]()
    try:
        async with stage.store.write() as conn:
            mine = select(act_log).where(act_log.c.chain == chain).order_by(act_log.c.number)
            wanted = await tampering.do(conn, rng, (await conn.execute(mine)).all())
            found = await audit.verify(conn, stage.anchors)
            raise UndoError  # noqa: TRY301 - only leaving by an error undoes
    except UndoError:
        return wanted, [one for one in found if one.bad is not None], chain


async def trial(stage: Stage, seed: int, count: int) -> tuple[Counter[str], Counter[str], Counter[str]]:
    """Tamper `count` times; return how often each way was tried, was found, and had its first bad entry named."""
    rng = random.Random(seed)
    tried, found, named = Counter[str](), Counter[str](), Counter[str]()
    for step in range(count):
        tampering = TAMPERINGS[step % len(TAMPERINGS)]
        wanted, bad, chain = await tamper(stage, tampering, rng)
        tried[tampering.name] += 1
        found[tampering.name] += bool(bad)
        named[tampering.name] += any((one.chain, one.bad) == (chain, wanted) for one in bad)
    async with stage.store.read() as conn:
        clean = await audit.verify(conn, stage.anchors)
    assert all(one.bad is None for one in clean), "untouched, it is sound"
    return tried, found, named


async def _main(seed: int, count: int) -> int:
    sealing.use(sealing.build(sealing.make_key(), sealing.make_key(), sealing.make_key()))
    with tempfile.TemporaryDirectory() as folder:
        store = await Store.open(f"sqlite:///{folder}/tamper.db")
        await schema.upgrade(store)
        stage = await build(store, Path(folder))
        tried, found, named = await trial(stage, seed, count)
        await store.close()
    for name in tried:
        sys.stdout.write(f"{name:18} found {found[name]:4} of {tried[name]:4}   first bad entry named {named[name]:4}\n")
    sys.stdout.write(f"{'all':18} found {found.total():4} of {tried.total():4}   first bad entry named {named.total():4}   seed {seed}\n")
    return 0 if found == tried else 1


def main() -> int:
    """Read the arguments and tamper."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=1000)
    given = parser.parse_args()
    return asyncio.run(_main(given.seed, given.count))


if __name__ == "__main__":
    sys.exit(main())
