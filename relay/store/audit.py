"""The chain of acts: every entry is sealed together with the one before it, under a key that is not in the database.

One chain a municipality, numbered from 1 without gaps; chain 0 is the installation's own. Whoever changes, deletes, reorders or adds
rows by SQL breaks it, and cannot mend it without the key. That its end is there is told by the anchor (relay.store.anchor).
"""

import hmac
import json
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import ColumnElement, String, cast, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from channels.told import NOTHING, Told
from relay.store import sealing
from relay.store.acting import acting
from relay.store.columns import AnyRow
from relay.store.identity import identity
from relay.store.names import ActName
from relay.store.routine import beyond_routine
from relay.store.tables import act_log

#: what is sealed of an entry, besides its chain, its number, and the seal of the entry before
SEALED = ("at", "actor", "act", "subject", "face", "data", "key_name")
#: entries are checked in slices of so many
SLICE = 2000


@dataclass(frozen=True, slots=True, order=True)
class Head:
    """The newest entry of a chain: its number and its seal."""

    number: int = 0
    mac: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a check of one chain found."""

    chain: int
    #: the last entry that is sound
    head: Head
    #: number of the first entry that is not; None: all are
    bad: int | None = None
    why: Told = NOTHING


# --- writing ------------------------------------------------------------------------------------------------------------


async def append(
    conn: AsyncConnection, municipality_id: int | None, by: str, act: ActName, subject: str, data: Mapping[str, Any], at: datetime
) -> None:
    """Add an act to its chain, in the transaction that does it."""
    beyond_routine(conn)
    face = acting().face
    user_id = acting().user_id if municipality_id is None else await identity(conn, municipality_id, by, at)
    plain = json.loads(json.dumps(data, default=str))
    values = {
        "at": at,
        "actor": "house" if user_id is None else f"user:{user_id}",
        "act": act,
        "subject": subject,
        "face": face,
        "data": plain,
    }
    chain = municipality_id or 0
    head = await _head(conn, chain) or await _adopt(conn, municipality_id)
    await conn.execute(insert(act_log).values({"municipality_id": municipality_id, **_sealed(values, chain, head)}))


async def _head(conn: AsyncConnection, chain: int) -> Head | None:
    newest = select(act_log.c.number, act_log.c.mac).where(act_log.c.chain == chain, act_log.c.number.is_not(None))
    row = (await conn.execute(newest.order_by(act_log.c.number.desc()).limit(1))).one_or_none()
    return Head(row.number, row.mac) if row else None


async def _adopt(conn: AsyncConnection, municipality_id: int | None) -> Head:
    """Begin a chain with the entries that are there already; what was tampered with before cannot be seen."""
    head, chain = Head(), municipality_id or 0
    mine = act_log.c.municipality_id.is_(None) if municipality_id is None else act_log.c.municipality_id == municipality_id
    for row in (await conn.execute(select(act_log).where(mine, act_log.c.number.is_(None)).order_by(act_log.c.id))).all():
        values = _sealed({name: getattr(row, name) for name in SEALED}, chain, head)
        await conn.execute(update(act_log).where(act_log.c.id == row.id).values(values))
        head = Head(values["number"], values["mac"])
    return head


def _sealed(values: Mapping[str, Any], chain: int, head: Head) -> dict[str, Any]:
    """Return an entry's columns with its place and seal, under the newest key."""
    keys = sealing.keyring().audit_keys
    row = {**values, "key_name": next(iter(keys)), "chain": chain, "number": head.number + 1}
    return row | {"mac": seal(keys[row["key_name"]], row, head.mac)}


def seal(key: bytes, row: Mapping[str, Any], before: str) -> str:
    """Return the seal of an entry that stands after the one sealed with `before`."""
    moment: datetime = row["at"]
    sealed = {name: row[name] for name in SEALED} | {"at": moment.astimezone(UTC).isoformat(timespec="microseconds")}
    text = json.dumps([row["chain"], row["number"], before, sealed], sort_keys=True, separators=(",", ":"))
    return hmac.new(key, text.encode(), sha256).hexdigest()


# --- checking -----------------------------------------------------------------------------------------------------------


async def verify(conn: AsyncConnection, anchors: Mapping[int, Head], *, since: bool = False) -> list[Verdict]:
    """Check every chain, and that it reaches its anchor. `since`: only what came after the anchors, for a check that never rests."""
    chains = set((await conn.execute(select(act_log.c.chain).where(act_log.c.number.is_not(None)).distinct())).scalars())
    found = [await _verify(conn, chain, anchors.get(chain, Head()), since=since) for chain in sorted(chains | set(anchors))]
    return [*found, *([] if since else await _outside(conn, chains | set(anchors)))]


async def _verify(conn: AsyncConnection, chain: int, anchor: Head, *, since: bool) -> Verdict:
    head = anchor if since else Head()
    async for row in _entries(conn, chain, head.number):
        if why := _wrong(row, head, anchor):
            return Verdict(chain=chain, head=head, bad=head.number + 1, why=why)
        head = Head(row.number, row.mac)
    if head.number < anchor.number:
        return Verdict(
            chain=chain,
            head=head,
            bad=head.number + 1,
            why=Told("it is missing, and so is all up to %(number)s: the end was cut off", number=anchor.number),
        )
    return Verdict(chain=chain, head=head)


async def _entries(conn: AsyncConnection, chain: int, after: int) -> AsyncIterator[AnyRow]:
    while rows := await _slice(conn, chain, after):
        for row in rows:
            yield row
        after = rows[-1].number


async def _slice(conn: AsyncConnection, chain: int, after: int) -> Sequence[AnyRow]:
    mine = select(act_log).where(act_log.c.chain == chain, act_log.c.number > after)
    return (await conn.execute(mine.order_by(act_log.c.number, act_log.c.id).limit(SLICE))).all()


def _wrong(row: AnyRow, head: Head, anchor: Head) -> Told:
    """Say what is wrong with the entry that should follow `head`; "" = nothing."""
    if row.number != head.number + 1:
        return Told("it is missing")
    key = sealing.keyring().audit_keys.get(row.key_name)
    if key is None:
        return Told("it is sealed under a key that is not ours")
    if (row.municipality_id or 0) != row.chain or not hmac.compare_digest(seal(key, row._asdict(), head.mac), row.mac):
        return Told("it is not as it was written")
    if row.number == anchor.number and row.mac != anchor.mac:
        return Told("it is another one than the anchor knows")
    return NOTHING


async def _outside(conn: AsyncConnection, chains: set[int]) -> list[Verdict]:
    """Rows that stand in no chain although their municipality has one: nobody of ours wrote them."""
    stray = select(act_log.c.id, act_log.c.municipality_id).where(act_log.c.number.is_(None)).order_by(act_log.c.id)
    rows = [row for row in (await conn.execute(stray)).all() if (row.municipality_id or 0) in chains]
    why = Told("row %(number)s stands outside the chain", number=rows[0].id) if rows else NOTHING
    return [Verdict(chain=row.municipality_id or 0, head=Head(), bad=0, why=why) for row in rows[:1]]


# --- reading ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """What an act must have in it: who or what has this code, or else this text anywhere or one of these names."""

    code: str = ""
    text: str = ""
    acts: Collection[str] = ()

    def found(self) -> ColumnElement[bool]:
        """Return what is asked of a row."""
        if self.code:
            return or_(act_log.c.actor == self.code, act_log.c.subject == self.code)
        places = (act_log.c.act, act_log.c.subject, act_log.c.actor, act_log.c.face, cast(act_log.c.data, String))
        there = (func.lower(place).contains(self.text.casefold(), autoescape=True) for place in places)
        return or_(*there, act_log.c.act.in_(self.acts))


async def listed(
    conn: AsyncConnection, municipality_id: int, terms: Collection[Term] = (), *, before: int = 0, limit: int = 50
) -> list[AnyRow]:
    """Return a municipality's acts, newest first: below number `before`, and with every term in something of them."""
    mine = select(act_log).where(act_log.c.chain == municipality_id, act_log.c.number.is_not(None))
    if before:
        mine = mine.where(act_log.c.number < before)
    mine = mine.where(*(term.found() for term in terms))
    return list((await conn.execute(mine.order_by(act_log.c.number.desc()).limit(limit))).all())
