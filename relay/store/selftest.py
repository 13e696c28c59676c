"""A test message to oneself: by one sender, to one's own number or mailbox, by the way that every message goes."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from messages.alert import Gravity
from messages.form import Medium
from relay.model import BadInput, NotFound
from relay.store import tasks, users
from relay.store.notices import ReadyNotice, row_of
from relay.store.sql import announce
from relay.store.tables import Sender, delivery

#: after that a test says nothing any more
LIFE = timedelta(minutes=30)
NO_NUMBER = "Your account has no mobile number. Enter it under My account, then try again."
NO_MAILBOX = "Your account has no mailbox. Enter it under My account, then try again."
NO_SENDER = "There is no such sender in this municipality."


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What has become of the newest test by a sender."""

    at: datetime
    state: str
    evidence: int
    reason: str
    hold: str


def _cause(sender_id: int, user_id: int) -> str:
    return f"selftest:{sender_id}:{user_id}:"


async def send(conn: AsyncConnection, municipality_id: int, sender_id: int, user_id: int, text: str, now: datetime) -> None:
    """Plan the message. BadInput where the user has no address that this sender reaches, NotFound for another municipality's sender."""
    mine = (Sender.id == sender_id, Sender.municipality_id == municipality_id)
    channel = (await conn.execute(select(Sender.channel).where(*mine))).scalar()
    if channel is None:
        raise NotFound(NO_SENDER)
    me, by_mail = await users.find(conn, municipality_id, user_id), channel == Medium.EMAIL
    to = me.email if by_mail else me.phone
    if not to:
        raise BadInput(NO_MAILBOX if by_mail else NO_NUMBER)
    ready = ReadyNotice(name="selftest", text=text, language=me.language or "nb", gravity=Gravity.LIFE)
    where = {
        "municipality_id": municipality_id,
        "sender_id": sender_id,
        "to": to,
        "channel": channel,
        "cause": f"{_cause(sender_id, user_id)}{int(now.timestamp() * 1000)}",
    }
    await conn.execute(insert(delivery), [row_of(ready, now, LIFE) | where])
    await tasks.acted(conn, me.name, "sender.test", now, municipality_id=municipality_id, subject=f"sender:{sender_id}")
    await announce(conn)


async def newest(conn: AsyncConnection, municipality_id: int, user_id: int) -> dict[int, Tried]:
    """Return what became of this user's newest test by each sender."""
    mine = (delivery.c.municipality_id == municipality_id, delivery.c.cause.startswith("selftest:"))
    columns = (delivery.c.sender_id, delivery.c.cause, delivery.c.planned_at, delivery.c.state, delivery.c.evidence)
    rows = await conn.execute(select(*columns, delivery.c.reason, delivery.c.hold).where(*mine).order_by(delivery.c.id))
    return {
        row.sender_id: Tried(at=row.planned_at, state=row.state, evidence=row.evidence, reason=row.reason, hold=row.hold)
        for row in rows.all()
        if row.cause.startswith(_cause(row.sender_id, user_id))
    }
