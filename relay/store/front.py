"""What stands around every page: whose house this is, and how much waits for a person."""

from dataclasses import dataclass

from sqlalchemy import select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from messages.alert import Gravity
from relay.store import tasks
from relay.store.tables import Municipality, task
from relay.store.trial import TRIAL


@dataclass(frozen=True, slots=True, kw_only=True)
class Glance:
    """A municipality at a glance."""

    name: str = ""
    timezone: str = "Europe/Oslo"
    #: real channels are off
    trial: bool = False
    #: open tasks that cannot wait for the morning, and all that are open
    grave: int = 0
    waiting: int = 0


async def glance(conn: AsyncConnection, municipality_id: int | None) -> Glance:
    """Return what every page of a municipality shows; for a stranger nothing but the clock's zone."""
    if municipality_id is None:
        return Glance()
    mine = (task.c.municipality_id == municipality_id, task.c.done_at.is_(None))
    grave = tasks.things(task.c.gravity == Gravity.LIFE)
    waiting = select(tasks.things().label("waiting"), grave.label("grave")).where(*mine).subquery()
    columns = (Municipality.name, Municipality.timezone, Municipality.mode, waiting.c.waiting, waiting.c.grave)
    town = (await conn.execute(select(*columns).join(waiting, true()).where(Municipality.id == municipality_id))).one()
    return Glance(name=town.name, timezone=town.timezone, trial=town.mode == TRIAL, grave=town.grave, waiting=town.waiting)
