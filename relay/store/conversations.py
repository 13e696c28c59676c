"""A conversation with one person: what they wrote, what the house answered at once, what a person answered, and the way back."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from messages.alert import Gravity
from messages.form import Medium
from messages.frames import Notice
from relay.model import AddressState, NotAllowed, NotFound
from relay.store import tasks
from relay.store.claim import WINDOW
from relay.store.columns import AnyRow
from relay.store.notices import ReadyNotice, row_of
from relay.store.sql import insert_ignore
from relay.store.tables import Address, Membership, ResourcePerson, Sender, alert, delivery, inbound, note, task, thread


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One thing that was said. What the house answered by itself has no author."""

    at: datetime
    inward: bool
    author: str
    text: str
    language: str
    channel: str
    #: what came with it: types of recordings, pictures, documents
    media: tuple[str, ...] = ()
    #: of what we sent: how far it has come (channels.base.Evidence by number); -1 before the first try
    evidence: int = -1
    state: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """By which address and sender an answer goes back."""

    channel: Medium
    sender_id: int
    address_id: int | None
    #: of somebody whom we do not know
    to: str
    #: the person wrote by WhatsApp more than a day ago: only another way is open
    instead: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """A thread with everything in it, oldest first."""

    thread_id: int
    municipality_id: int
    person_id: int | None
    person: str
    #: that the person reads, their own first
    languages: tuple[str, ...]
    group_id: int | None
    alert_id: int | None
    number: int | None
    alert_kind: str
    danger: bool
    owner: str
    unread: int
    open: bool
    said: tuple[Said, ...]
    #: open tasks of it
    tasks: tuple[int, ...]


async def read(conn: AsyncConnection, municipality_id: int, thread_id: int) -> Conversation:
    """Return a conversation; NotFound when this municipality has none by that id."""
    row = (await conn.execute(_threads.where(thread.c.id == thread_id, thread.c.municipality_id == municipality_id))).one_or_none()
    if row is None:
        raise NotFound("There is no conversation %(number)s here.", number=thread_id)
    opened = select(task.c.id).where(task.c.thread_id == thread_id, task.c.done_at.is_(None)).order_by(task.c.gravity, task.c.id)
    return Conversation(
        thread_id=row.id,
        municipality_id=row.municipality_id,
        person_id=row.person_id,
        person=row.person or "",
        languages=tuple(row.languages or ()),
        group_id=row.group_id,
        alert_id=row.alert_id,
        number=row.number,
        alert_kind=row.alert_kind or "",
        danger=row.danger,
        owner=row.owner,
        unread=row.unread,
        open=row.state == "open",
        said=tuple(await _said(conn, row)),
        tasks=tuple((await conn.execute(opened)).scalars()),
    )


async def numbers(conn: AsyncConnection, talk: Conversation) -> tuple[AnyRow, ...]:
    """Return the numbers at which who wrote can be rung: their own, or of somebody whom we do not know the one that wrote."""
    rings = (Medium.SMS, Medium.WHATSAPP)
    if talk.person_id is None:
        wrote = select(inbound.c.channel, inbound.c.sender.label("value"), literal("ACTIVE").label("state"))
        wrote = wrote.join(note, note.c.inbound_id == inbound.c.id).where(note.c.thread_id == talk.thread_id, inbound.c.channel.in_(rings))
        return tuple((await conn.execute(wrote.order_by(note.c.id.desc()).limit(1))).all())
    theirs = (Address.person_id == talk.person_id, Address.municipality_id == talk.municipality_id)
    usable = (Address.state != AddressState.REPLACED, Address.channel.in_(rings))
    found = select(Address.channel, Address.value, Address.state).where(*theirs, *usable).order_by(Address.position, Address.id)
    return tuple((await conn.execute(found)).all())


async def _said(conn: AsyncConnection, row: AnyRow) -> list[Said]:
    notes = (await conn.execute(_notes.where(note.c.thread_id == row.id).order_by(note.c.id))).all()
    heard = [one.inbound_id for one in notes if one.inbound_id is not None]
    answers = await _answered(conn, row.municipality_id, heard)
    told: list[Said] = []
    for one in notes:
        told.append(_note(one))
        told += [_answer(each) for each in answers.get(one.inbound_id or 0, ())]
    return told


def _note(row: AnyRow) -> Said:
    inward = row.direction == "in"
    return Said(
        at=row.at,
        inward=inward,
        author=row.author,
        text=row.text or "",
        language="" if inward else row.language or "",
        channel=(row.heard_on if inward else row.channel) or "",
        media=tuple(one["content_type"] for one in json.loads(row.facts).get("media", ())) if row.facts else (),
        evidence=-1 if row.evidence is None else row.evidence,
        state=row.state or "",
        reason=row.reason or "",
    )


async def _answered(conn: AsyncConnection, municipality_id: int, heard: Sequence[int]) -> Mapping[int, list[AnyRow]]:
    """What the house answered by itself to each message."""
    causes = {f"in:{one}:{notice}": one for one in heard for notice in Notice}
    mine = (delivery.c.municipality_id == municipality_id, delivery.c.action == "", delivery.c.cause.in_(causes))
    found: dict[int, list[AnyRow]] = {}
    for row in (await conn.execute(select(delivery).where(*mine).order_by(delivery.c.id))).all():
        found.setdefault(causes[row.cause], []).append(row)
    return found


def _answer(row: AnyRow) -> Said:
    return Said(
        at=row.planned_at,
        inward=False,
        author="",
        text=row.text or "",
        language=row.language,
        channel=row.channel,
        evidence=row.evidence,
        state=row.state,
        reason=row.reason,
    )


# --- the way back -----------------------------------------------------------------------------------------------------------


async def way_back(conn: AsyncConnection, municipality_id: int, thread_id: int, now: datetime) -> Way:
    """Return how an answer reaches who wrote: as they wrote. NotAllowed, in words, when there is no way."""
    last = (
        select(inbound.c.channel, inbound.c.account, inbound.c.sender, inbound.c.sender_lookup, inbound.c.to, thread.c.person_id)
        .join(note, note.c.inbound_id == inbound.c.id)
        .join(thread, thread.c.id == note.c.thread_id)
        .where(thread.c.id == thread_id, thread.c.municipality_id == municipality_id)
        .order_by(note.c.id.desc())
        .limit(1)
    )
    heard = (await conn.execute(last)).one_or_none()
    if heard is None:
        raise NotFound("There is no message in conversation %(number)s.", number=thread_id)
    senders = (await conn.execute(_senders.where(Sender.municipality_id == municipality_id))).all()
    if heard.person_id is None:
        sender = _sender_for(senders, heard.channel, heard)
        return Way(channel=Medium(heard.channel), sender_id=sender.id, address_id=None, to=heard.sender or "")
    return await _to_person(conn, heard, senders, now)


async def _to_person(conn: AsyncConnection, heard: AnyRow, senders: Sequence[AnyRow], now: datetime) -> Way:
    usable = (Address.person_id == heard.person_id, Address.state == AddressState.ACTIVE)
    columns = (Address.id, Address.channel, Address.lookup, Address.last_inbound_at)
    ways = (await conn.execute(select(*columns).where(*usable).order_by(Address.position, Address.id))).all()
    same = [one for one in ways if (one.channel, one.lookup) == (heard.channel, heard.sender_lookup) and _open(one, now)]
    others = [one for one in ways if _open(one, now) and any(sender.channel == one.channel for sender in senders)]
    chosen = next(iter([*same, *others]), None)
    if chosen is None:
        raise NotAllowed("Every address of this person is out of use. Ring them, or correct the register.")
    sender = _sender_for(senders, chosen.channel, heard)
    return Way(channel=Medium(chosen.channel), sender_id=sender.id, address_id=chosen.id, to="", instead=chosen not in same)


def _open(address: AnyRow, now: datetime) -> bool:
    """A text of one's own may only go where WhatsApp's window is open."""
    return address.channel != Medium.WHATSAPP or (address.last_inbound_at is not None and address.last_inbound_at > now - WINDOW)


def _sender_for(senders: Sequence[AnyRow], channel: str, heard: AnyRow) -> AnyRow:
    """The sender that was written to, else the channel's newest that is open."""
    fitting = [one for one in senders if one.channel == channel]
    named = [one for one in fitting if one.account == heard.account and heard.to in (one.address, one.reply_to)]
    chosen = next(iter([*named, *sorted(fitting, key=lambda one: (one.stopped == "", one.id), reverse=True)]), None)
    if chosen is None:
        raise NotAllowed("This municipality has no sender for that channel any more. Ring them instead.")
    return chosen


async def reply(
    conn: AsyncConnection, which: Conversation, way: Way, text: str, language: str, *, by: str, once: str, now: datetime
) -> bool:
    """Plan an answer as one of the house's notices, which leave by the normal path. Return False for a second press of the same `once`."""
    ready = ReadyNotice(
        name="reply",
        text=text,
        language=language,
        gravity=Gravity.LIFE if which.danger else Gravity.STANDARD,
        alert_id=which.alert_id,
    )
    where: dict[str, Any] = {
        "municipality_id": which.municipality_id,
        "person_id": which.person_id,
        "address_id": way.address_id,
        "to": way.to or None,
        "sender_id": way.sender_id,
        "channel": way.channel,
        "cause": f"reply:{which.thread_id}:{once}"[:80],
    }
    planned = insert_ignore(delivery).values(row_of(ready, now) | where).returning(delivery.c.id)
    made = (await conn.execute(planned)).scalar()
    if made is None:
        return False
    row = {"thread_id": which.thread_id, "direction": "out", "author": by, "text": text, "delivery_id": made, "at": now}
    await conn.execute(insert(note).values(row | {"municipality_id": which.municipality_id}))
    await conn.execute(update(thread).where(thread.c.id == which.thread_id).values(unread=0, last_at=now, owner=by[:120]))
    await tasks.acted(conn, by, "conversation.answered", now, municipality_id=which.municipality_id, subject=f"thread:{which.thread_id}")
    await tasks.happened(conn, which.municipality_id, "conversation.answered", now, alert_id=which.alert_id)
    return True


async def own(conn: AsyncConnection, which: Conversation, owner: str, by: str, now: datetime) -> None:
    """Let somebody see to a conversation and its open tasks."""
    await conn.execute(update(thread).where(thread.c.id == which.thread_id).values(owner=owner[:120]))
    await conn.execute(update(task).where(task.c.id.in_(which.tasks)).values(owner=owner[:120]))
    await tasks.acted(conn, by, "conversation.taken", now, municipality_id=which.municipality_id, subject=f"thread:{which.thread_id}")
    await tasks.happened(conn, which.municipality_id, "task.taken", now, alert_id=which.alert_id)


async def settle(conn: AsyncConnection, which: Conversation, by: str, outcome: str, now: datetime) -> None:
    """Note that a conversation has been seen to: its tasks are done, and what is written next opens it anew."""
    for task_id in which.tasks:
        await tasks.done(conn, which.municipality_id, task_id, by, now, outcome=outcome)
    await conn.execute(update(thread).where(thread.c.id == which.thread_id).values(unread=0, danger=False))


#: a person's own group: the first they answer for
_own_group = (
    select(func.min(Membership.group_id))
    .where(Membership.person_id == thread.c.person_id, Membership.position == 0)
    .correlate(thread)
    .scalar_subquery()
)
_threads = (
    select(
        thread,
        _own_group.label("group_id"),
        ResourcePerson.name.label("person"),
        ResourcePerson.languages,
        alert.c.number,
        alert.c.kind.label("alert_kind"),
    )
    .join(ResourcePerson, ResourcePerson.id == thread.c.person_id, isouter=True)
    .join(alert, alert.c.id == thread.c.alert_id, isouter=True)
)
_notes = (
    select(
        note,
        inbound.c.channel.label("heard_on"),
        inbound.c.facts,
        delivery.c.channel,
        delivery.c.language,
        delivery.c.evidence,
        delivery.c.state,
        delivery.c.reason,
    )
    .join(inbound, inbound.c.id == note.c.inbound_id, isouter=True)
    .join(delivery, delivery.c.id == note.c.delivery_id, isouter=True)
)
_senders = select(Sender.id, Sender.channel, Sender.account, Sender.address, Sender.reply_to, Sender.stopped)
