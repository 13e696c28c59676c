"""What no key of ours opens, made known: a task, once, and a line of the log. Everything else goes on without it."""

from datetime import datetime
from typing import NamedTuple

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from relay.model import TaskKind
from relay.store import tasks

log = structlog.get_logger(__name__)


class Thing(NamedTuple):
    """What it is, and what a person reads of it."""

    name: str
    words: str


CONTACT = Thing(
    "contact",
    "No key of this installation opens a contact point: no message names it. Set the earlier key beside the new one, and restart.",
)
COLLEAGUE = Thing(
    "colleague",
    "No key of this installation opens a colleague's telephone: they get no SMS. Set the earlier key beside the new one, and restart.",
)
DUTY_PHONE = Thing(
    "duty_phone",
    "No key of this installation opens the duty telephone's number: it gets no SMS. Set the earlier key beside the new one, and restart.",
)


async def say(conn: AsyncConnection, municipality_id: int, what: Thing, which: int, now: datetime) -> None:
    """Open a task about one such value, unless there is one; `which`: the id of its row."""
    cause = f"unreadable:{what.name}:{which}"
    new = tasks.NewTask(municipality_id=municipality_id, kind=TaskKind.ADDRESS, cause=cause, words=what.words)
    if await tasks.open_task(conn, new, now):
        log.error("no key opens this", what=what.name, row=which, municipality=municipality_id)
