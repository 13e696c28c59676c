"""The claim: due deliveries are leased, with everything that sending needs, kept, and given back."""

from collections.abc import Collection, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import BigInteger, Executable, Integer, LargeBinary, Select, Text, bindparam, select, type_coerce, update
from sqlalchemy.ext.asyncio import AsyncConnection

from messages.alert import Gravity
from messages.form import Medium, Part
from relay.model import DeliveryState, Hold, Hours, Unreadable, Work
from relay.store import aside, routine, sealing
from relay.store.columns import AnyRow, Moment, reader
from relay.store.queue import waits
from relay.store.sql import among, ids_as_json, ids_from_json
from relay.store.tables import Address, ResourcePerson, alert, delivery, recipient
from relay.store.together import Hot, together
from relay.store.workers import Instant, Lease

#: WhatsApp lets us write freely for so long after a person's last message
WINDOW = timedelta(hours=24)
#: deliveries looked at together
LOOKED_AT = 1000


async def renew(conn: AsyncConnection, fence: int, ids: Sequence[int], until: Instant) -> set[int]:
    """Keep a lease on what has not been tried yet; return what is still ours: the rest was spared, cancelled, or taken over."""
    if not ids:
        return set()
    mine = (delivery.c.id.in_(ids), delivery.c.state == DeliveryState.CLAIMED, delivery.c.fence == fence)
    kept = update(delivery).where(*mine).values(lease_until=until).returning(delivery.c.id)
    return set((await conn.execute(kept)).scalars())


async def lease(
    conn: AsyncConnection, worker: str, fence: int, now: datetime, *, limit: int, term: Lease, without: Collection[int] = ()
) -> Sequence[AnyRow]:
    """Take up to `limit` due deliveries for `worker`, of other senders than `without`; they are its own for a `term`."""
    mine = {"worker": worker, "fence": fence, "until": now + timedelta(seconds=term.seconds)}
    wanted = {"now": now, "limit": limit, "without": ids_as_json(without)}
    await routine.take_turns(conn, routine.LEASING)
    (claimed,) = await together(conn, (_claim(term), mine | wanted))
    if not claimed:
        return []
    (rows,) = await together(conn, (_WORK, {"ids": ids_as_json(row.id for row in claimed)}))
    return rows


def works(leased: Sequence[AnyRow], now: datetime) -> list[Work]:
    """Make work of what was leased, in the order in which it leaves. Raises Unreadable when no key fits one of them."""
    return _in_order([_work(row, now) for row in leased])


async def works_that_open(conn: AsyncConnection, leased: Sequence[AnyRow], now: datetime) -> list[Work]:
    """Do the same; what no key opens is set aside."""
    found = []
    for row in leased:
        try:
            found.append(_work(row, now))
        except Unreadable as error:
            await aside.unreadable(conn, row.id, str(error), now)
    return _in_order(found)


def _in_order(found: list[Work]) -> list[Work]:
    # the database returns what it claimed in any order; ids rise as the plan does, so that a forward comes before its ask
    return sorted(found, key=lambda item: (item.gravity, item.delivery_id))


@lru_cache
def _claim(term: Lease) -> Hot:
    """Take the gravest, and of those the ones longest due; they leave in the order in which they were planned (`_in_order`).

    A stopped sender's and a paused alert's rows wait.
    """
    now = bindparam("now", type_=Moment)

    def claim(conn: AsyncConnection) -> Executable:
        due = (
            select(delivery.c.id)
            .where(*waits(now), delivery.c.sender_id.not_in(ids_from_json(conn, "without")))
            .order_by(delivery.c.gravity, delivery.c.due_at, delivery.c.id)
            .limit(bindparam("limit", type_=Integer))
        )
        until = term.until_by_database if term.by_database else bindparam("until", type_=Moment)
        taken = {"claimed_by": bindparam("worker", type_=Text), "fence": bindparam("fence", type_=BigInteger), "lease_until": until}
        # nobody else leases meanwhile (relay.store.routine): a lock on each row first would cost as much as the claim
        ours = (delivery.c.id.in_(due), delivery.c.state == DeliveryState.WAITING)
        return update(delivery).where(*ours).values(state=DeliveryState.CLAIMED, hold=Hold.NOTHING, **taken).returning(delivery.c.id)

    return Hot(claim)


async def look_at(conn: AsyncConnection, ids: Sequence[int], now: datetime) -> list[Work]:
    """Return deliveries as they would be sent, without taking them; not those that no key opens."""
    found = []
    for start in range(0, len(ids), LOOKED_AT):
        (rows,) = await together(conn, (_WORK, {"ids": ids_as_json(ids[start : start + LOOKED_AT])}))
        for row in rows:
            with suppress(Unreadable):
                found.append(_work(row, now))
    return _in_order(found)


async def give_back(conn: AsyncConnection, fence: int, ids: Sequence[int]) -> None:
    """Return leased deliveries that were not tried; not those that another worker has taken over meanwhile."""
    mine = (delivery.c.id.in_(ids), delivery.c.state == DeliveryState.CLAIMED, delivery.c.fence == fence)
    await conn.execute(update(delivery).where(*mine).values(state=DeliveryState.WAITING, lease_until=None))


def _work_of(conn: AsyncConnection) -> Select[Any]:
    """Everything needed to send, in one query; numbers and texts still sealed."""
    return (
        select(
            # in the order of the fields that `_work` makes of them
            delivery.c.id,
            delivery.c.municipality_id,
            delivery.c.alert_id,
            delivery.c.recipient_id,
            delivery.c.person_id,
            delivery.c.sender_id,
            delivery.c.address_id,
            delivery.c.channel,
            delivery.c.part,
            delivery.c.step,
            delivery.c.language,
            delivery.c.frame_language,
            type_coerce(Address.value, LargeBinary).label("address"),
            type_coerce(delivery.c.to, LargeBinary).label("to"),
            type_coerce(delivery.c.text, LargeBinary).label("text"),
            delivery.c.gravity,
            alert.c.legend,
            alert.c.revision,
            delivery.c.attempts,
            delivery.c.fence,
            delivery.c.expires_at,
            Address.last_inbound_at,
            recipient.c.group_id,
            delivery.c.stands_for_id,
            recipient.c.had_passed_on,
            recipient.c.pierced,
            ResourcePerson.quiet_from,
            ResourcePerson.quiet_to,
            ResourcePerson.work_from,
            ResourcePerson.work_to,
        )
        .join(ResourcePerson, ResourcePerson.id == delivery.c.person_id, isouter=True)
        .join(Address, Address.id == delivery.c.address_id, isouter=True)
        .join(recipient, recipient.c.id == delivery.c.recipient_id, isouter=True)
        .join(alert, alert.c.id == delivery.c.alert_id, isouter=True)
        .where(among(conn, delivery.c.id, "ids"))
    )


_WORK = Hot(_work_of)
_medium, _part, _gravity = reader(Medium), reader(Part), reader(Gravity)


def _work(row: AnyRow, now: datetime) -> Work:
    """Make a piece of work of a row: this is where numbers are opened. Raises Unreadable when no key fits."""
    # by place, not by name: a name for each of so many fields costs as much as all else that is done here
    delivery_id, municipality_id, alert_id, recipient_id, person_id, sender_id, address_id, channel, part, step = row[:10]
    language, reader_language, address, to, text, gravity, legend, revision, attempts, fence, expires_at = row[10:21]
    last_inbound_at, group_id, stands_for_id, had_passed_on, pierced, quiet_from, quiet_to, work_from, work_to = row[21:]
    return Work(
        delivery_id,
        municipality_id,
        alert_id,
        recipient_id,
        person_id,
        sender_id,
        address_id,
        _medium(channel),
        _part(part),
        step,
        language,
        reader_language or language,
        _unsealed(address, "address.value") or _unsealed(to, "delivery.to"),
        _unsealed(text, "delivery.text"),
        _gravity(gravity),
        legend or 0,
        revision or 0,
        attempts + 1,
        fence,
        expires_at,
        last_inbound_at is not None and last_inbound_at > now - WINDOW,
        group_id,
        stands_for_id is not None,
        bool(had_passed_on),
        bool(pierced),
        Hours.of(quiet_from, quiet_to),
        Hours.of(work_from, work_to),
    )


def _unsealed(sealed: bytes | None, place: str) -> str:
    return "" if sealed is None else sealing.keyring().open(bytes(sealed), place)
