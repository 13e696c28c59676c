"""Erasing a person: what names them and what they wrote goes; what was sent, to whom of which group, and what came of it is counted on."""

from datetime import datetime
from typing import Any

from sqlalchemy import Select, delete, exists, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from relay.model import AddressState, DeliveryState, NotAllowed, NotFound
from relay.store import links, tasks
from relay.store.register import Stamp
from relay.store.tables import (
    Address,
    Membership,
    ResourcePerson,
    answer,
    arena,
    delivery,
    inbound,
    note,
    recipient,
    redistribution_report,
    share_link,
    task,
    thread,
    trial_allowed,
)

#: stands where a name stood
NOBODY = "–"
#: of the person's row, what is left
BARE: dict[str, Any] = {
    "name": NOBODY, "languages": [], "agreed_on": None, "agreed_until": None, "adult_confirmed_on": None, "adult_confirmed_by": "",
    "paused": False, "paused_until": None, "quiet_from": None, "quiet_to": None, "work_from": None, "work_to": None, "deputy_of_id": None,
}  # fmt: skip
ERASED = "ERASED"


async def erase(conn: AsyncConnection, municipality_id: int, person_id: int, stamp: Stamp) -> None:
    """Forget a person of the register, for good. NotFound in any other municipality; NotAllowed while a message to them is leaving."""
    mine = (ResourcePerson.id == person_id, ResourcePerson.municipality_id == municipality_id)
    if (await conn.execute(select(ResourcePerson.id).where(*mine).with_for_update())).scalar() is None:
        raise NotFound("There is no such person in this municipality.")
    await _stop(conn, person_id, stamp.at)
    await _words(conn, person_id)
    await _conversations(conn, person_id, stamp.at)
    await _links(conn, municipality_id, person_id, stamp.at)
    await conn.execute(delete(arena).where(arena.c.person_id == person_id))
    await conn.execute(delete(trial_allowed).where(trial_allowed.c.person_id == person_id))
    await conn.execute(delete(Membership).where(Membership.person_id == person_id))
    await conn.execute(update(ResourcePerson).where(ResourcePerson.deputy_of_id == person_id).values(deputy_of_id=None))
    gone = {"value": "", "lookup": "", "state": AddressState.REPLACED, "state_reason": ERASED, "state_at": stamp.at}
    await conn.execute(update(Address).where(Address.person_id == person_id).values(**gone, **stamp.changed))
    left = {"left_at": stamp.at, "erased_at": stamp.at}
    await conn.execute(update(ResourcePerson).where(*mine).values(**BARE, **left, **stamp.changed))
    await tasks.acted(conn, stamp.by, "person.erase", stamp.at, municipality_id=municipality_id, subject=f"person:{person_id}")


async def _stop(conn: AsyncConnection, person_id: int, now: datetime) -> None:
    """What is planned is spared; what is in a worker's hands has to come down first."""
    theirs = (delivery.c.person_id == person_id,)
    leaving = select(delivery.c.id).where(*theirs, delivery.c.state == DeliveryState.CLAIMED).limit(1)
    if (await conn.execute(leaving)).scalar() is not None:
        raise NotAllowed("A message to this person is leaving just now. Try again in a minute.")
    spared = {"state": DeliveryState.SPARED, "spared_by": "erased", "ended_at": now}
    await conn.execute(update(delivery).where(*theirs, delivery.c.state == DeliveryState.WAITING).values(spared))


async def _words(conn: AsyncConnection, person_id: int) -> None:
    """Everything that was written to them and by them. A message from a telephone that two share stays the other's."""
    await conn.execute(update(delivery).where(delivery.c.person_id == person_id).values(text=None, to=None))
    theirs = select(recipient.c.id).where(recipient.c.person_id == person_id)
    report = redistribution_report
    await conn.execute(update(report).where(report.c.recipient_id.in_(theirs)).values(means=None))
    bare = {"text": None, "facts": None, "sender": None, "sender_lookup": ""}
    await conn.execute(update(inbound).where(inbound.c.id.in_(_written_by(person_id))).values(bare))


def _written_by(person_id: int) -> Select[int]:
    others = exists().where(
        Address.lookup == inbound.c.sender_lookup, Address.person_id != person_id, Address.state != AddressState.REPLACED
    )
    marks = select(Address.lookup).where(Address.person_id == person_id, Address.lookup != "")
    answered = select(answer.c.inbound_id).where(answer.c.person_id == person_id, answer.c.inbound_id.is_not(None))
    return select(inbound.c.id).where(or_(inbound.c.sender_lookup.in_(marks), inbound.c.id.in_(answered)), ~others)


async def _conversations(conn: AsyncConnection, person_id: int, now: datetime) -> None:
    theirs = select(thread.c.id).where(thread.c.person_id == person_id)
    await conn.execute(update(note).where(note.c.thread_id.in_(theirs)).values(text=None))
    await conn.execute(update(thread).where(thread.c.person_id == person_id).values(sender_lookup=""))
    about = task.c.person_id == person_id
    await conn.execute(update(task).where(about).values(words=None))
    done = {"done_at": now, "done_by": "budstikke", "outcome": "erased"}
    await conn.execute(update(task).where(about, task.c.done_at.is_(None)).values(done))


async def _links(conn: AsyncConnection, municipality_id: int, person_id: int, now: datetime) -> None:
    """Links lead nowhere any more; how often shared pages were opened stays counted."""
    await links.revoke(conn, municipality_id, person_id, now)
    theirs = select(share_link.c.id).where(share_link.c.person_id == person_id)
    for link_id in (await conn.execute(theirs)).scalars().all():
        await conn.execute(update(share_link).where(share_link.c.id == link_id).values(seed="", lookup=f"erased:{link_id}"))
