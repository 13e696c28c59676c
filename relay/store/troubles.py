"""What a failure means beyond its own delivery: for the person's other ways, for the address, for the sender, for the text."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import and_, literal, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from channels.base import Fault, Reason, Then
from messages.form import Part
from relay.model import Action, AddressState, DeliveryState, Hold, TaskKind
from relay.routing import INSTEAD
from relay.store import tasks
from relay.store.columns import AnyRow
from relay.store.tables import Address, Sender, delivery
from relay.verdict import Verdict


async def follow(conn: AsyncConnection, changes: Sequence[tuple[AnyRow, Verdict]], reasons: Mapping[int, Reason], now: datetime) -> None:
    """Do what follows from failures; `reasons` by delivery."""
    await fail_behind(conn, [row for row, verdict in changes if verdict.state is DeliveryState.FAILED], now)
    for row, _ in changes:
        reason = reasons.get(row.id)
        if reason is not None:
            await _mind_address(conn, row, reason, now)
            await _mind_sender(conn, row, reason, now)
    for row, verdict in changes:
        if verdict.pull_next and row.recipient_id is not None:
            await pull_next(conn, [row], now, for_good=verdict.state is DeliveryState.FAILED)


async def pull_next(conn: AsyncConnection, failed: Sequence[AnyRow], now: datetime, *, for_good: bool = False) -> None:
    """Bring each person's next step by another way forward to now: another address, or the deputy.

    `for_good`: the way will not come back, so somebody rings the same number too, whether or not there is another.

    A way has several messages. When the second of them fails too, the next step has begun already, and is not the one after it.
    """
    for row in failed:
        another = or_(delivery.c.address_id != row.address_id, and_(delivery.c.action == Action.CALL, literal(for_good)))
        theirs = and_(delivery.c.recipient_id == row.recipient_id, another)
        mine = or_(theirs, delivery.c.stands_for_id == row.recipient_id)
        later = (mine, delivery.c.action.in_(INSTEAD), delivery.c.step > row.step)
        needed = select(delivery.c.step).where(*later, delivery.c.state != DeliveryState.SPARED)
        next_step = needed.order_by(delivery.c.step).limit(1).scalar_subquery()
        waiting = (delivery.c.step == next_step, delivery.c.state == DeliveryState.WAITING, delivery.c.due_at > now)
        await conn.execute(update(delivery).where(*later, *waiting).values(due_at=now))


async def fail_behind(conn: AsyncConnection, failed: Sequence[AnyRow], now: datetime, reason: str = "NO_TEMPLATE") -> None:
    """A wake-up that failed opens no window: the texts that were held behind it have failed with it, for a Reason's name."""
    for row in failed:
        if row.part == Part.WAKE:
            held = (delivery.c.recipient_id == row.recipient_id, delivery.c.address_id == row.address_id, delivery.c.hold == Hold.WINDOW)
            values = {"state": DeliveryState.FAILED, "hold": Hold.NOTHING, "reason": reason, "ended_at": now}
            await conn.execute(update(delivery).where(*held, delivery.c.state == DeliveryState.WAITING).values(values))


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
    died = (await conn.execute(update(Address).where(mine, Address.state == AddressState.ACTIVE).values(dead))).rowcount
    await ask_no_more(conn, [row], now, reason.name)
    if not died:
        return  # whoever took it out of use has told
    kind = TaskKind.OPTED_OUT if opted_out else TaskKind.ADDRESS
    await tasks.open_task(conn, tasks.of_delivery(row, kind, f"{kind}:{row.address_id}", reason.words), now)


async def ask_no_more(conn: AsyncConnection, rows: Sequence[AnyRow], now: datetime, reason: str) -> None:
    """Nobody will answer a reminder that goes to a dead address: while it waits it would only keep up hope. `reason`: a Reason's name."""
    values = {"state": DeliveryState.FAILED, "reason": reason, "ended_at": now}
    for row in rows:
        there = (delivery.c.recipient_id == row.recipient_id, delivery.c.address_id == row.address_id)
        waiting = (*there, delivery.c.action == Action.REMIND, delivery.c.state == DeliveryState.WAITING)
        await conn.execute(update(delivery).where(*waiting).values(values))


async def _mind_sender(conn: AsyncConnection, row: AnyRow, reason: Reason, now: datetime) -> None:
    """Stop a sender whose account or settings the provider refuses: the queue is kept, a person alarmed. A bad text is its author's."""
    if reason.then is Then.STOP_SENDER and row.sender_id is not None:
        going = (Sender.id == row.sender_id, Sender.stopped == "")
        await conn.execute(update(Sender).where(*going).values(stopped=reason.name, stopped_at=now))
        cause = f"sender:{row.sender_id}:{reason.name}"
        alarm = tasks.NewTask(municipality_id=row.municipality_id, kind=TaskKind.SENDER, cause=cause, words=reason.words)
        await tasks.open_task(conn, alarm, now)
    if reason.then is Then.FAIL:
        await tasks.open_task(conn, tasks.of_delivery(row, TaskKind.TEXT, f"text:{row.alert_id}:{reason.name}", reason.words), now)
