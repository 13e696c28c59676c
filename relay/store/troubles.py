"""What a failure means beyond its own delivery: for the person's other ways, for the address, for the sender, for the text."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from channels.base import Fault, Reason, Then
from messages.form import Part
from relay.model import AddressState, DeliveryState, TaskKind
from relay.store import work
from relay.store.columns import AnyRow
from relay.store.tables import Address, Sender, delivery
from relay.verdict import Verdict


async def follow(conn: AsyncConnection, changes: Sequence[tuple[AnyRow, Verdict]], reasons: Mapping[int, Reason], now: datetime) -> None:
    """Do what follows from failures; `reasons` by delivery."""
    await _fail_behind(conn, changes, now)
    for row, _ in changes:
        reason = reasons.get(row.id)
        if reason is not None:
            await _mind_address(conn, row, reason, now)
            await _mind_sender(conn, row, reason, now)
    await pull_next(conn, [row for row, verdict in changes if verdict.pull_next and row.recipient_id is not None], now)


async def pull_next(conn: AsyncConnection, failed: Sequence[AnyRow], now: datetime) -> None:
    """Bring each person's next step on another address forward to now; the call list and deputies count as steps.

    A way has several messages. When the second of them fails too, the next step has begun already, and is not the one after it.
    """
    for row in failed:
        theirs = (delivery.c.recipient_id == row.recipient_id) & (delivery.c.address_id != row.address_id)
        later = (theirs | (delivery.c.stands_for_id == row.recipient_id), delivery.c.step > row.step)
        needed = select(delivery.c.step).where(*later, delivery.c.state != DeliveryState.SPARED)
        next_step = needed.order_by(delivery.c.step).limit(1).scalar_subquery()
        waiting = (delivery.c.step == next_step, delivery.c.state == DeliveryState.WAITING, delivery.c.due_at > now)
        await conn.execute(update(delivery).where(*later, *waiting).values(due_at=now))


async def _fail_behind(conn: AsyncConnection, changes: Sequence[tuple[AnyRow, Verdict]], now: datetime) -> None:
    """A wake-up that failed opens no window: the texts that were held behind it have failed with it."""
    for row, verdict in changes:
        if row.part == Part.WAKE and verdict.state is DeliveryState.FAILED:
            held = (delivery.c.recipient_id == row.recipient_id, delivery.c.address_id == row.address_id, delivery.c.hold == "window")
            failed = {"state": DeliveryState.FAILED, "hold": "", "reason": "NO_TEMPLATE", "ended_at": now}
            await conn.execute(update(delivery).where(*held, delivery.c.state == DeliveryState.WAITING).values(failed))


async def _mind_address(conn: AsyncConnection, row: AnyRow, reason: Reason, now: datetime) -> None:
    """Take a dead address out of use, and ask the coordinator to mend it."""
    mine = Address.id == row.address_id
    if row.address_id is None:
        return
    if reason is Reason.WINDOW_CLOSED:
        await conn.execute(update(Address).where(mine).values(last_inbound_at=None))
    if not reason.kills_address:
        return
    opted_out = reason.fault is Fault.PERSON
    dead = {"state": AddressState.OPTED_OUT if opted_out else AddressState.INVALID, "state_reason": reason.name, "state_at": now}
    await conn.execute(update(Address).where(mine, Address.state == AddressState.ACTIVE).values(dead))
    kind = TaskKind.OPTED_OUT if opted_out else TaskKind.ADDRESS
    await work.open_task(conn, work.of_delivery(row, kind, f"{kind}:{row.address_id}", reason.words), now)


async def _mind_sender(conn: AsyncConnection, row: AnyRow, reason: Reason, now: datetime) -> None:
    """Stop a sender whose account or settings the provider refuses: the queue is kept, a person alarmed. A bad text is its author's."""
    if reason.then is Then.STOP_SENDER and row.sender_id is not None:
        going = (Sender.id == row.sender_id, Sender.stopped == "")
        await conn.execute(update(Sender).where(*going).values(stopped=reason.name, stopped_at=now))
        await work.open_task(conn, work.of_delivery(row, TaskKind.SENDER, f"sender:{row.sender_id}:{reason.name}", reason.words), now)
    if reason.then is Then.FAIL:
        await work.open_task(conn, work.of_delivery(row, TaskKind.TEXT, f"text:{row.alert_id}:{reason.name}", reason.words), now)
