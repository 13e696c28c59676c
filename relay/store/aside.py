"""What was leased and cannot leave: it waits for its hours, for WhatsApp's window, for a key, or it ends and a person is told."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from messages.form import Part
from relay.model import DeliveryState, Hold, TaskKind, Work
from relay.store import recipients, tasks, troubles
from relay.store.columns import AnyRow, in_clear
from relay.store.sql import insert_ignore
from relay.store.tables import ALIKE, delivery

log = structlog.get_logger(__name__)

#: a row that cannot be opened, or that spoils a batch, is tried again after so long
AGAIN = timedelta(minutes=5)
#: what a wake-up has in common with the text that it opens the window for
_COPIED = (*ALIKE, "step", "action", "stands_for_id")


async def put_off(conn: AsyncConnection, delivery_id: int, until: datetime) -> None:
    """Let a delivery wait for the hours in which its reader may be disturbed."""
    mine = (delivery.c.id == delivery_id, delivery.c.state == DeliveryState.CLAIMED)
    await conn.execute(update(delivery).where(*mine).values(state=DeliveryState.WAITING, due_at=until, lease_until=None))


async def hold_for_window(conn: AsyncConnection, ids: Sequence[int]) -> None:
    """Keep WhatsApp texts without a template until the person's next message opens the window."""
    mine = (delivery.c.id.in_(ids), delivery.c.state == DeliveryState.CLAIMED)
    await conn.execute(update(delivery).where(*mine).values(state=DeliveryState.WAITING, hold=Hold.WINDOW, lease_until=None))


async def wake(conn: AsyncConnection, item: Work, now: datetime) -> None:
    """Plan one template per person and step that opens the window for the texts held behind it."""
    row = (await conn.execute(select(delivery).where(delivery.c.id == item.delivery_id))).one()
    waking = {"part": Part.WAKE, "state": DeliveryState.WAITING, "due_at": now, "planned_at": now}
    copied = {name: getattr(row, name) for name in _COPIED} | waking
    await conn.execute(insert_ignore(delivery).values(copied))


async def fail(conn: AsyncConnection, item: Work, reason: str, words: str, now: datetime) -> None:
    """End a delivery that cannot even be tried, and tell a person."""
    row = (await conn.execute(select(delivery).where(delivery.c.id == item.delivery_id))).one()
    failed = {"state": DeliveryState.FAILED, "reason": reason, "ended_at": now, "lease_until": None}
    await conn.execute(update(delivery).where(delivery.c.id == row.id).values(failed))
    await tasks.open_task(conn, tasks.of_delivery(row, TaskKind.TEXT, f"text:{row.alert_id}:{row.language}:{reason}", words), now)
    if row.recipient_id is not None:
        await troubles.pull_next(conn, [row], now, for_good=True)
        await troubles.fail_behind(conn, [row], now, reason)
        await recipients.refresh(conn, {row.recipient_id}, now)


async def unreadable(conn: AsyncConnection, delivery_id: int, words: str, now: datetime) -> None:
    """Let a row that cannot be opened hold nobody else up: a person looks at it, and it is tried again, for a key may come back."""
    row = await _later(conn, delivery_id, now)
    await tasks.open_task(conn, tasks.of_delivery(row, TaskKind.ADDRESS, f"unreadable:{row.address_id or row.id}", words), now)


async def spoilt(conn: AsyncConnection, delivery_id: int, now: datetime) -> None:
    """Let a row that breaks whatever it is written with hold nobody else up."""
    words = "This message cannot be sent: the log says why. It is tried again every five minutes, and the next channel does not wait."
    row = await _later(conn, delivery_id, now)
    await tasks.open_task(conn, tasks.of_delivery(row, TaskKind.UNREACHABLE, f"spoilt:{row.id}", words), now)


async def _later(conn: AsyncConnection, delivery_id: int, now: datetime) -> AnyRow:
    """Put a delivery off for a while, start its person's next channel, and return its row."""
    await put_off(conn, delivery_id, now + AGAIN)
    row = (await conn.execute(select(*in_clear(delivery)).where(delivery.c.id == delivery_id))).one()
    if row.recipient_id is not None:
        await troubles.pull_next(conn, [row], now)
    return row
