"""Why nothing leaves, as every page of a municipality says it: the facts that doctor and /readyz go by."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from relay.store import queue, senders, workers
from relay.store.tables import attempt

#: a due row may wait for so long, and a tick stay away
LATE = timedelta(seconds=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Halt:
    """One reason. `since` and not for how long: what is shown stays the same until something happens."""

    #: "clock": no worker keeps time; "due": a message is due and is not tried; "sender": one that others do not stand in for
    kind: str
    since: datetime | None
    #: of a sender
    medium: str = ""
    address: str = ""
    words: str = ""


async def read(conn: AsyncConnection, municipality_id: int, opened_at: datetime, now: datetime) -> tuple[Halt, ...]:
    """Return what keeps a municipality's messages from leaving; `opened_at`: since when this process looks on."""
    ticked = await workers.ticked_at(conn)
    since = max(opened_at, ticked) if ticked else opened_at
    if is_late(since, now):
        return (Halt(kind="clock", since=since), *_stopped(await senders.plight(conn, municipality_id)))
    return (*await _untried(conn, municipality_id, now), *_stopped(await senders.plight(conn, municipality_id)))


async def _untried(conn: AsyncConnection, municipality_id: int, now: datetime) -> tuple[Halt, ...]:
    """What is due and is not tried. A long queue waits for its turn: as long as something is begun now and then, nothing has stopped."""
    begun = (await conn.execute(select(attempt.c.started_at).order_by(attempt.c.id.desc()).limit(1))).scalar()
    if begun is not None and not is_late(begun, now):
        return ()
    due = await queue.oldest_due(conn, now, municipality_id)
    return (Halt(kind="due", since=due),) if due and is_late(due, now) else ()


def is_late(since: datetime, now: datetime) -> bool:
    """Whether what should have happened at `since` has been missed."""
    return now - since >= LATE


def _stopped(found: Sequence[senders.Faring]) -> tuple[Halt, ...]:
    return tuple(Halt(kind="sender", since=one.since, medium=one.medium, address=one.address, words=one.words) for one in found)
