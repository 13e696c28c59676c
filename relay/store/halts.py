"""Why nothing leaves, as every page of a municipality says it: the facts that doctor and /readyz go by."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from messages.alert import Gravity
from relay.store import queue, restored, senders, workers
from relay.store.tables import attempt

#: a due row may wait for so long, and a tick stay away
LATE = timedelta(seconds=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Halt:
    """One reason. `since` and not for how long: what is shown stays the same until something happens."""

    #: "restored": what has left since the backup is looked for first; "clock": no worker keeps time; "due": a message is due and is not
    #: tried; "sender": one that no other stands in for
    kind: str
    #: after a restore: when the backup was made
    since: datetime | None
    #: after a restore: from which gravity on nothing leaves
    held: Gravity | None = None
    #: of a sender
    medium: str = ""
    address: str = ""
    words: str = ""
    #: of a sender: messages leave by another channel of the municipality
    others: bool = False

    def stops(self, gravity: Gravity) -> bool:
        """Whether nothing of this gravity leaves, by whatever channel."""
        return self.kind in ("clock", "due") or (self.held is not None and gravity >= self.held)


async def read(conn: AsyncConnection, municipality_id: int, opened_at: datetime, now: datetime) -> tuple[Halt, ...]:
    """Return what keeps a municipality's messages from leaving; `opened_at`: since when this process looks on."""
    ticked = await workers.ticked_at(conn)
    since = max(opened_at, ticked) if ticked else opened_at
    still = (Halt(kind="clock", since=since),) if is_late(since, now) else await _untried(conn, municipality_id, now)
    return (*await _restored(conn), *still, *_stopped(await senders.plight(conn, municipality_id)))


async def _restored(conn: AsyncConnection) -> tuple[Halt, ...]:
    """The gate of a restored database, as long as it is shut."""
    found = await restored.pending(conn)
    return (Halt(kind="restored", since=found.since, held=found.held),) if found and found.held is not None else ()


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


def _stopped(found: senders.Plight) -> tuple[Halt, ...]:
    return tuple(_sender(one, others=found.others) for one in found.senders)


def _sender(one: senders.Faring, *, others: bool) -> Halt:
    words = one.words if one.stopped else senders.AWAY
    return Halt(kind="sender", since=one.since, medium=one.medium, address=one.address, words=words, others=others)
