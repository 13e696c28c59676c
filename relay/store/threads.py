"""Conversations with people: threads, the notes in them, and the house's short answers as deliveries."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from messages.alert import Gravity
from messages.form import Medium
from relay.model import AddressState, DeliveryState, Hold, TaskKind
from relay.store import senders, tasks, unreadable
from relay.store.columns import UNREADABLE, if_readable
from relay.store.inbox import Kept, Origin, lookup
from relay.store.notices import ReadyNotice, row_of
from relay.store.sql import insert_ignore
from relay.store.tables import Address, Municipality, ResourcePerson, attempt, delivery, note, thread


async def open_thread(conn: AsyncConnection, kept: Kept, origin: Origin, *, alert_id: int | None, danger: bool, now: datetime) -> int:
    """Open or continue the thread with who wrote, and put the message in it."""
    person = origin.people[0].person_id if origin.people else None
    mark = lookup(kept.channel, kept.message.sender)
    same = thread.c.person_id == person if person else thread.c.sender_lookup == mark
    found = (
        await conn.execute(select(thread.c.id).where(thread.c.municipality_id == origin.municipality_id, same, thread.c.state == "open"))
    ).scalar()
    thread_id: int = found if found is not None else await _new_thread(conn, origin.municipality_id or 0, person, mark, alert_id, now)
    changed: dict[str, Any] = {"last_at": now, "unread": thread.c.unread + 1} | ({"danger": True} if danger else {})
    await conn.execute(update(thread).where(thread.c.id == thread_id).values(changed))
    row = {
        "municipality_id": origin.municipality_id,
        "thread_id": thread_id,
        "direction": "in",
        "text": kept.message.text,
        "inbound_id": kept.id,
        "at": now,
    }
    await conn.execute(insert(note), [row])
    return thread_id


async def _new_thread(
    conn: AsyncConnection, municipality_id: int, person_id: int | None, mark: str, alert_id: int | None, now: datetime
) -> int:
    row = {
        "municipality_id": municipality_id,
        "person_id": person_id,
        "alert_id": alert_id,
        "sender_lookup": mark,
        "opened_at": now,
        "last_at": now,
    }
    made: int = (await conn.execute(insert(thread).values(row).returning(thread.c.id))).scalar_one()
    return made


async def answer(conn: AsyncConnection, kept: Kept, origin: Origin, ready: ReadyNotice, now: datetime) -> None:
    """Plan an automatic answer the way the message came; each message gets each answer once."""
    person = origin.people[0] if origin.people else None
    row = row_of(ready, now) | {
        "municipality_id": origin.municipality_id,
        "person_id": person.person_id if person else None,
        "address_id": person.address_id if person else None,
        "to": None if person else kept.message.sender,
        "sender_id": origin.sender_id,
        "channel": kept.channel,
        "cause": f"in:{kept.id}:{ready.name}",
    }
    await conn.execute(insert_ignore(delivery).values(row))


async def alarm(conn: AsyncConnection, task: tasks.NewTask, words: Callable[[str], str], now: datetime) -> bool:
    """Send the duty officer's telephone an SMS about a task, its words by the municipality's Norwegian.

    False when the municipality has no such number, none that a key of ours opens, or no SMS sender.
    """
    columns = (if_readable(Municipality.duty_phone), Municipality.norwegian)
    phone, norwegian = (await conn.execute(select(*columns).where(Municipality.id == task.municipality_id))).one()
    sender = (await senders.in_use(conn, task.municipality_id)).get(Medium.SMS)
    if phone == UNREADABLE:
        await unreadable.say(conn, task.municipality_id, unreadable.DUTY_PHONE, task.municipality_id, now)
    if not phone or sender is None:
        return False
    ready = ReadyNotice(name="alarm", text=words(norwegian), language=norwegian, gravity=Gravity.LIFE)
    where = {
        "municipality_id": task.municipality_id,
        "sender_id": sender.id,
        "to": phone,
        "channel": Medium.SMS,
        "cause": f"alarm:{task.cause}",
    }
    await conn.execute(insert_ignore(delivery).values(row_of(ready, now) | where))
    return True


async def wrote(conn: AsyncConnection, origin: Origin, now: datetime) -> int:
    """Somebody wrote: WhatsApp's window is open, and what waited behind it may go; return how many that were."""
    ids = [person.address_id for person in origin.people]
    await conn.execute(update(Address).where(Address.id.in_(ids)).values(last_inbound_at=now))
    held = (delivery.c.address_id.in_(ids), delivery.c.hold == Hold.WINDOW, delivery.c.state == DeliveryState.WAITING)
    return int((await conn.execute(update(delivery).where(*held).values(hold=Hold.NOTHING, due_at=now))).rowcount)


async def opt(conn: AsyncConnection, origin: Origin, now: datetime, *, out: bool) -> None:
    """Stop or start using this address of everybody whose it is."""
    was, becomes = (AddressState.ACTIVE, AddressState.OPTED_OUT) if out else (AddressState.OPTED_OUT, AddressState.ACTIVE)
    mine = (Address.id.in_([person.address_id for person in origin.people]), Address.state == was)
    changed = {"state": becomes, "state_reason": "STOP" if out else "START", "state_at": now, "updated_at": now, "updated_by": "the person"}
    await conn.execute(update(Address).where(*mine).values(changed))
    if not out:
        await pause(conn, origin, now, paused=False)
        await tasks.no_longer_out(conn, [person.person_id for person in origin.people], now)


async def pause(conn: AsyncConnection, origin: Origin, now: datetime, *, paused: bool) -> None:
    """Let a person rest from messages until they write START."""
    mine = ResourcePerson.id.in_([person.person_id for person in origin.people])
    changed = {"paused": paused, "paused_until": None, "updated_at": now, "updated_by": "the person"}
    await conn.execute(update(ResourcePerson).where(mine).values(changed))


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaving:
    """Who holds a letter by which one can leave."""

    municipality: str
    #: of the person, in their order
    languages: tuple[str, ...]


async def leaving(conn: AsyncConnection, token: str) -> Leaving | None:
    """Return whom the attempt with this token went to; None when there is no such attempt, or nobody any more."""
    whose = (
        select(Municipality.name, ResourcePerson.languages)
        .select_from(attempt)
        .join(delivery, attempt.c.delivery_id == delivery.c.id)
        .join(Address, Address.id == delivery.c.address_id)
        .join(ResourcePerson, ResourcePerson.id == Address.person_id)
        .join(Municipality, Municipality.id == delivery.c.municipality_id)
        .where(attempt.c.token == token)
    )
    row = (await conn.execute(whose)).one_or_none()
    return Leaving(municipality=row.name, languages=tuple(row.languages)) if row else None


async def opt_out_by_token(conn: AsyncConnection, token: str, now: datetime) -> bool:
    """Stop using the address that the attempt with this token went to; false when there is no such attempt."""
    went = select(delivery).join(attempt, attempt.c.delivery_id == delivery.c.id).where(attempt.c.token == token)
    row = (await conn.execute(went)).one_or_none()
    if row is None or row.address_id is None:
        return False
    changed = {"state": AddressState.OPTED_OUT, "state_reason": "LEAVE", "state_at": now, "updated_at": now, "updated_by": "the person"}
    await conn.execute(update(Address).where(Address.id == row.address_id, Address.state == AddressState.ACTIVE).values(changed))
    words = "This person has left the e-mail list. Talk to them about other ways."
    await tasks.open_task(conn, tasks.of_delivery(row, TaskKind.OPTED_OUT, f"opted_out:{row.address_id}", words), now)
    return True
