"""Tasks for people, and the numbered record of what happened."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import ColumnElement, and_, case, func, insert, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from messages.alert import Gravity, Kind
from relay.model import NotAllowed, NotFound, TaskKind
from relay.routing.policy import CORRECTIONS
from relay.store import audit
from relay.store.columns import AnyRow
from relay.store.names import ActName, EventName
from relay.store.routine import beyond_routine
from relay.store.sql import announce, insert_ignore
from relay.store.tables import Municipality, ResourcePerson, alert, event, task

#: what cannot wait for the morning
GRAVE = frozenset({TaskKind.DANGER, TaskKind.RING, TaskKind.SENDER})
#: which of two equally grave things comes first, however old: people before paper, and the register's upkeep last
RANK: Mapping[TaskKind, int] = {
    TaskKind.DANGER: 0,
    TaskKind.QUESTION: 1,
    TaskKind.UNKNOWN_SENDER: 1,
    TaskKind.TEXT: 1,
    TaskKind.RING: 1,
    TaskKind.SENDER: 1,
    TaskKind.CALL: 2,
    TaskKind.UNREACHABLE: 2,
    TaskKind.REVIEW: 2,
    TaskKind.RETURNED: 2,
    TaskKind.NEW_ADDRESS: 3,
    TaskKind.ADDRESS: 3,
    TaskKind.OPTED_OUT: 3,
}
#: what asks to get an alert to somebody: needless once they have answered it, and wrong once it holds no more
OF_ALERT = frozenset({TaskKind.CALL, TaskKind.UNREACHABLE})
#: what is said of those that an alert's end has closed
OVER = "the alert has ended"
#: what is real comes before what is about an exercise; what is about no alert, as a sender, is real
_PLAYED = case((task.c.alert_id.in_(select(alert.c.id).where(alert.c.kind != Kind.ACTUAL)), 1), else_=0)
_RANK = case({str(kind): rank for kind, rank in RANK.items()}, value=task.c.kind, else_=2)
ORDER = (task.c.gravity, _PLAYED, _RANK, task.c.opened_at, task.c.id)


def things(*of: ColumnElement[bool]) -> ColumnElement[int]:
    """Count open tasks as the queue shows them: all that one conversation asks for is one thing. `of`: only such tasks."""
    wanted = and_(true(), *of)
    alone = func.sum(case((and_(wanted, task.c.thread_id.is_(None)), 1), else_=0))
    return func.count(func.distinct(case((wanted, task.c.thread_id)))) + func.coalesce(alone, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTask:
    """Work to be done by a person; the same `cause` makes one open task, however often it arises."""

    municipality_id: int
    kind: TaskKind
    cause: str
    words: str = ""
    alert_id: int | None = None
    recipient_id: int | None = None
    person_id: int | None = None
    thread_id: int | None = None
    delivery_id: int | None = None


def of_delivery(row: AnyRow, kind: TaskKind, cause: str, words: str) -> NewTask:
    """Make a task about a delivery row."""
    return NewTask(
        municipality_id=row.municipality_id,
        kind=kind,
        cause=cause,
        words=words,
        alert_id=row.alert_id,
        recipient_id=row.recipient_id,
        person_id=row.person_id,
        delivery_id=row.id,
    )


def of_person(row: AnyRow, kind: TaskKind, cause: str, words: str = "") -> NewTask:
    """Make a task about a recipient row."""
    return NewTask(
        municipality_id=row.municipality_id,
        kind=kind,
        cause=cause,
        words=words,
        alert_id=row.alert_id,
        recipient_id=row.id,
        person_id=row.person_id,
    )


async def open_task(conn: AsyncConnection, new: NewTask, now: datetime) -> bool:
    """Open a task unless the same cause has an open one, or it is about an alert that has ended; return whether it is new."""
    beyond_routine(conn)
    if new.kind in OF_ALERT and await _is_over(conn, new.alert_id):
        return False
    gravity = Gravity.LIFE if new.kind in GRAVE else Gravity.STANDARD
    values = {name: getattr(new, name) for name in NewTask.__slots__} | {"gravity": gravity, "opened_at": now}
    done = await conn.execute(insert_ignore(task).values(values))
    if done.rowcount:
        opened = cast("EventName", f"task.{new.kind}")
        await happened(conn, new.municipality_id, opened, now, alert_id=new.alert_id, cause=new.cause)
    return bool(done.rowcount)


async def close_tasks(conn: AsyncConnection, recipient_id: int, kinds: frozenset[TaskKind], outcome: str, now: datetime) -> None:
    """Close what an answer has made needless."""
    mine = (task.c.recipient_id == recipient_id, task.c.kind.in_(kinds), task.c.done_at.is_(None))
    await conn.execute(update(task).where(*mine).values(done_at=now, done_by="budstikke", outcome=outcome))


async def _is_over(conn: AsyncConnection, alert_id: int | None) -> bool:
    """Whether nobody should hear of an alert any more. A correction is of use to whoever lacks it, also when its digits are another's."""
    over = (alert.c.id == alert_id, alert.c.ended_at.is_not(None), alert.c.act.not_in(CORRECTIONS))
    return (await conn.execute(select(alert.c.id).where(*over))).scalar() is not None


async def end_with_alert(conn: AsyncConnection, alert_id: int, now: datetime) -> None:
    """Close what asks to get an alert to people: whoever rang them now would spread what holds no more."""
    theirs = (task.c.alert_id == alert_id, task.c.kind.in_(OF_ALERT), task.c.done_at.is_(None))
    await conn.execute(update(task).where(*theirs).values(done_at=now, done_by="budstikke", outcome=OVER))


def ended_with(ended_at: datetime) -> ColumnElement[bool]:
    """Say of a task that the end of its alert, then, has closed it."""
    return and_(task.c.done_at == ended_at, task.c.outcome == OVER)


async def begin_again(conn: AsyncConnection, alert_id: int, ended_at: datetime) -> None:
    """Open again what the end of an alert had closed: it is in force after all."""
    theirs = (task.c.alert_id == alert_id, task.c.kind.in_(OF_ALERT), ended_with(ended_at))
    await conn.execute(update(task).where(*theirs).values(done_at=None, done_by="", outcome=""))


async def close_sender_tasks(conn: AsyncConnection, municipality_id: int, sender_id: int, by: str, now: datetime) -> None:
    """Close the tasks that were opened when this sender stopped: it sends again, and its next stop opens new ones."""
    kind = (task.c.municipality_id == municipality_id, task.c.kind == TaskKind.SENDER, task.c.done_at.is_(None))
    mine = (*kind, task.c.cause.startswith(f"sender:{sender_id}:", autoescape=True))
    await conn.execute(update(task).where(*mine).values(done_at=now, done_by=by, outcome="started again"))


async def close_cause(conn: AsyncConnection, municipality_id: int, cause: str, by: str, outcome: str, now: datetime) -> bool:
    """Close the open task of a cause, if there is one; return whether there was."""
    mine = (task.c.municipality_id == municipality_id, task.c.cause == cause, task.c.done_at.is_(None))
    closed = await conn.execute(update(task).where(*mine).values(done_at=now, done_by=by[:120], outcome=outcome[:200]))
    return bool(closed.rowcount)


async def is_open(conn: AsyncConnection, municipality_id: int, cause: str) -> bool:
    """Whether a cause has an open task."""
    mine = (task.c.municipality_id == municipality_id, task.c.cause == cause, task.c.done_at.is_(None))
    return (await conn.execute(select(task.c.id).where(*mine))).scalar() is not None


async def words_of(conn: AsyncConnection, municipality_id: int, cause: str) -> str:
    """Return the words of a cause's open task; "" where there is none."""
    mine = (task.c.municipality_id == municipality_id, task.c.cause == cause, task.c.done_at.is_(None))
    return (await conn.execute(select(task.c.words).where(*mine))).scalar() or ""


async def no_longer_out(conn: AsyncConnection, people: Sequence[int], now: datetime) -> None:
    """Close what asks to talk with people who had left: they have come back by themselves."""
    asked = (task.c.person_id.in_(people), task.c.kind == TaskKind.OPTED_OUT, task.c.done_at.is_(None))
    closed = {"done_at": now, "done_by": "budstikke", "outcome": "they wrote START"}
    await conn.execute(update(task).where(*asked).values(closed))


async def done(conn: AsyncConnection, municipality_id: int, task_id: int, by: str, now: datetime, *, outcome: str = "") -> None:
    """Close a task that somebody has done; NotFound when this municipality has no such task, NotAllowed when it is done already."""
    mine = (task.c.id == task_id, task.c.municipality_id == municipality_id)
    row = (await conn.execute(select(task).where(*mine).with_for_update())).one_or_none()
    if row is None:
        raise NotFound("There is no task %(task)s here.", task=task_id)
    if row.done_at is not None:
        raise NotAllowed("This was done by %(name)s already.", name=row.done_by)
    await conn.execute(update(task).where(*mine).values(done_at=now, done_by=by[:120], outcome=outcome[:200]))
    await acted(conn, by, "task.done", now, municipality_id=municipality_id, subject=f"task:{task_id}")
    await happened(conn, municipality_id, "task.done", now, alert_id=row.alert_id, cause=row.cause)


async def happened(
    conn: AsyncConnection, municipality_id: int, kind: EventName, now: datetime, *, alert_id: int | None = None, **data: Any
) -> int:
    """Record an event under the municipality's next number; the row lock makes "events since" lose none. Other processes look again."""
    beyond_routine(conn)
    counted = update(Municipality).where(Municipality.id == municipality_id).values(last_event=Municipality.last_event + 1)
    number = (await conn.execute(counted.returning(Municipality.last_event))).scalar_one()
    row = {"municipality_id": municipality_id, "number": number, "alert_id": alert_id, "kind": kind, "data": data, "at": now}
    await conn.execute(insert(event), [row])
    await announce(conn)
    return int(number)


async def acted(
    conn: AsyncConnection, actor: str, act: ActName, now: datetime, *, municipality_id: int | None, subject: str = "", **data: Any
) -> None:
    """Record who did what in the chain of acts: ids and reasons, never names or numbers of people. None: an act of the installation."""
    await audit.append(conn, municipality_id, actor, act, subject, data, now)


async def listed(conn: AsyncConnection, municipality_id: int) -> list[AnyRow]:
    """Return open tasks with the alert's number and the person's name, gravest and oldest first."""
    found = (
        select(task, alert.c.number, ResourcePerson.name.label("person"))
        .join(alert, alert.c.id == task.c.alert_id, isouter=True)
        .join(ResourcePerson, ResourcePerson.id == task.c.person_id, isouter=True)
        .where(task.c.municipality_id == municipality_id, task.c.done_at.is_(None))
    )
    return list((await conn.execute(found.order_by(*ORDER))).all())


async def open_kinds(conn: AsyncConnection, municipality_id: int) -> dict[str, int]:
    """Return how many open tasks there are of each kind, gravest and oldest first."""
    mine = (task.c.municipality_id == municipality_id, task.c.done_at.is_(None))
    kinds = select(task.c.kind, func.count().label("number")).where(*mine).group_by(task.c.kind)
    rows = await conn.execute(kinds.order_by(func.min(task.c.gravity), func.min(task.c.id)))
    return {row.kind: row.number for row in rows.all()}
