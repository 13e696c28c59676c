"""The canary in the rows: which sender asked our own number when, until when it may take, and when the answer came in.

What is asked is a delivery like any other: claimed, paced, sent, reported on. A canary that answers has walked the whole way.
"""

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from messages.alert import Gravity
from messages.form import Medium
from relay.store import inbox, remembered, trial
from relay.store.columns import AnyRow
from relay.store.notices import ReadyNotice, row_of
from relay.store.sql import announce
from relay.store.tables import Address, Municipality, Sender, delivery, fact

#: begins the name under which each sender's canary is remembered
NAME = "canary."


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What one sender last asked, and what came of it."""

    sender_id: int
    #: the sender's own address, its registry name and its channel
    address: str
    provider: str
    channel: str
    asked_at: datetime
    #: until when an answer is in time
    until: datetime
    answered_at: datetime | None

    def lost(self, now: datetime) -> bool:
        """Whether an answer should have come by now."""
        return self.answered_at is None and now > self.until


async def probes(conn: AsyncConnection) -> list[Probe]:
    """Return what every sender last asked; senders that are gone or have stopped are left out."""
    rows = (await conn.execute(select(fact.c.name, fact.c.value).where(fact.c.name.startswith(NAME, autoescape=True)))).all()
    told = {int(row.name.removeprefix(NAME)): json.loads(row.value) for row in rows}
    wanted = select(Sender.id, Sender.address, Sender.provider, Sender.channel).where(Sender.id.in_(told), Sender.stopped == "")
    return [_probe(row, told[row.id]) for row in (await conn.execute(wanted.order_by(Sender.id))).all()]


def _probe(row: AnyRow, told: dict[str, str]) -> Probe:
    times = {name: datetime.fromisoformat(told[name]) for name in ("asked_at", "until")}
    answered = datetime.fromisoformat(told["answered_at"]) if told["answered_at"] else None
    return Probe(sender_id=row.id, address=row.address, provider=row.provider, channel=row.channel, answered_at=answered, **times)


async def askable(conn: AsyncConnection, emulated: Collection[str]) -> list[AnyRow]:
    """Return the senders that can be answered and may send: those of a town on trial only where the account reaches nobody."""
    open_ = (Sender.channel == Medium.SMS, Sender.two_way, Sender.stopped == "")
    wanted = select(Sender.id, Sender.municipality_id, Sender.account, Municipality.mode).join(Municipality)
    rows = (await conn.execute(wanted.where(*open_).order_by(Sender.id))).all()
    return [row for row in rows if row.mode == trial.REAL or row.account in emulated]


async def ask(conn: AsyncConnection, sender: AnyRow, phone: str, text: str, now: datetime, patience: timedelta) -> None:
    """Plan the message to our own number, and remember that it was asked."""
    ready = ReadyNotice(name="canary", text=text, language="nb", gravity=Gravity.ROUTINE)
    where = {
        "municipality_id": sender.municipality_id,
        "sender_id": sender.id,
        "to": phone,
        "channel": Medium.SMS,
        "cause": f"canary:{sender.id}:{int(now.timestamp())}",
    }
    await conn.execute(insert(delivery).values(row_of(ready, now, patience) | where))
    await announce(conn)
    await _remember(conn, sender.id, asked_at=now, until=now + patience, answered_at=None)


async def _remember(conn: AsyncConnection, sender_id: int, *, asked_at: datetime, until: datetime, answered_at: datetime | None) -> None:
    told = {"asked_at": asked_at.isoformat(), "until": until.isoformat(), "answered_at": answered_at.isoformat() if answered_at else ""}
    await remembered.put(conn, f"{NAME}{sender_id}", json.dumps(told))


async def heard(conn: AsyncConnection, kept: inbox.Kept, senders: Collection[int], phone: str, now: datetime) -> bool:
    """Note that our own number has answered one of these senders; false: it is not our own number that wrote."""
    if kept.channel is not Medium.SMS or inbox.lookup(Medium.SMS, phone) != inbox.lookup(Medium.SMS, kept.message.sender):
        return False
    for one in await probes(conn):
        if one.sender_id in senders and one.answered_at is None:
            await _remember(conn, one.sender_id, asked_at=one.asked_at, until=one.until, answered_at=now)
    return True


async def somebodys(conn: AsyncConnection, phone: str) -> bool:
    """Whether a number is in the register: it then is a person's, and no canary's."""
    found = select(Address.id).where(Address.lookup == inbox.lookup(Medium.SMS, phone)).limit(1)
    return (await conn.execute(found)).scalar() is not None
