"""Letters to the house's own staff: an invitation, a call list. By the municipality's e-mail sender, the way that every message goes."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from messages.alert import Gravity
from messages.form import Medium
from relay.store import senders
from relay.store.columns import AnyRow
from relay.store.notices import ReadyNotice, row_of
from relay.store.sql import announce
from relay.store.tables import delivery, delivery_file


@dataclass(frozen=True, slots=True)
class File:
    """What a letter brings."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """What is written to a colleague."""

    to: str
    #: nb | nn | en
    language: str
    text: str
    #: what it is about, once: "invitation:…"
    cause: str
    #: after that it is not worth sending any more
    life: timedelta
    file: File | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """What has become of a letter."""

    at: datetime
    state: str
    evidence: int
    reason: str
    hold: str


async def sender(conn: AsyncConnection, municipality_id: int) -> AnyRow | None:
    """Return the sender that letters leave by; None where there is none, or a person must look at it first."""
    found = (await senders.in_use(conn, municipality_id)).get(Medium.EMAIL)
    return found if found is not None and not found.stopped else None


async def post(conn: AsyncConnection, municipality_id: int, letter: Letter, now: datetime) -> int | None:
    """Plan a letter and return its delivery; None where no sender could carry it."""
    by = await sender(conn, municipality_id)
    if by is None:
        return None
    ready = ReadyNotice(name="letter", text=letter.text, language=letter.language, gravity=Gravity.ROUTINE)
    where = {
        "municipality_id": municipality_id,
        "sender_id": by.id,
        "to": letter.to,
        "channel": Medium.EMAIL,
        "cause": letter.cause,
    }
    made = insert(delivery).values(row_of(ready, now, letter.life) | where).returning(delivery.c.id)
    delivery_id = int((await conn.execute(made)).scalar_one())
    if letter.file is not None:
        file = {"name": letter.file.name, "content": letter.file.content}
        await conn.execute(insert(delivery_file).values(delivery_id=delivery_id, municipality_id=municipality_id, **file))
    await announce(conn)
    return delivery_id


async def files(conn: AsyncConnection, ids: Collection[int]) -> dict[int, File]:
    """Return the files of those of these deliveries that bring one."""
    columns = (delivery_file.c.delivery_id, delivery_file.c.name, delivery_file.c.content)
    rows = (await conn.execute(select(*columns).where(delivery_file.c.delivery_id.in_(ids)))).all()
    return {row.delivery_id: File(row.name, row.content) for row in rows}


async def posted(conn: AsyncConnection, municipality_id: int, prefix: str) -> Mapping[str, Posted]:
    """Return what became of the letters whose causes begin so, by their causes."""
    mine = (delivery.c.municipality_id == municipality_id, delivery.c.cause.startswith(prefix, autoescape=True))
    columns = (delivery.c.cause, delivery.c.planned_at, delivery.c.state, delivery.c.evidence, delivery.c.reason, delivery.c.hold)
    rows = (await conn.execute(select(*columns).where(*mine))).all()
    return {row.cause: Posted(at=row.planned_at, state=row.state, evidence=row.evidence, reason=row.reason, hold=row.hold) for row in rows}
