"""Answers given on the message page: who gave them is the recipient whose link it is, and no address tells."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from relay.store import inbox
from relay.store.asked import alerts_of
from relay.store.tables import ResourcePerson, delivery, inbound, recipient
from relay.talk import Writer


async def origin(conn: AsyncConnection, kept: inbox.Kept, now: datetime) -> inbox.Origin:
    """Who answers on a message page is the recipient whose link it is; the house says its answer there, so it names no sender."""
    recipient_id = int(kept.message.replied_to)
    theirs = (
        select(recipient.c.municipality_id, recipient.c.person_id, recipient.c.group_id, ResourcePerson.languages)
        .join(ResourcePerson, ResourcePerson.id == recipient.c.person_id)
        .where(recipient.c.id == recipient_id)
    )
    row = (await conn.execute(theirs)).one()
    person = inbox.Person(
        person_id=row.person_id,
        municipality_id=row.municipality_id,
        address_id=await _told_at(conn, recipient_id),
        languages=tuple(row.languages),
        group_id=row.group_id,
    )
    writer = Writer(
        person_ids=(person.person_id,),
        alerts=tuple(await alerts_of(conn, [person.person_id], now, read_on_page=recipient_id)),
        exact_recipient_id=recipient_id,
    )
    return inbox.Origin(municipality_id=row.municipality_id, sender_id=None, people=(person,), writer=writer)


async def _told_at(conn: AsyncConnection, recipient_id: int) -> int:
    """The address by which this recipient was last told; 0 when there is none."""
    told = select(delivery.c.address_id).where(delivery.c.recipient_id == recipient_id, delivery.c.address_id.is_not(None))
    newest = told.order_by((delivery.c.attempts > 0).desc(), delivery.c.due_at.desc(), delivery.c.id.desc()).limit(1)
    return int((await conn.execute(newest)).scalar() or 0)


async def verdict_of(conn: AsyncConnection, provider_id: str) -> str:
    """Return what was made of an answer: a Verdict's name; "" while nobody has handled it."""
    this = (inbound.c.account == inbox.PAGE, inbound.c.provider_id == provider_id)
    return str((await conn.execute(select(inbound.c.verdict).where(*this))).scalar() or "")
