"""What waits for the duty officer: tasks as one queue, gravest and oldest first; a conversation's messages are one row of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from relay.model import NotFound, Role, TaskKind
from relay.store import tasks
from relay.store.columns import AnyRow
from relay.store.doubts import ASKED
from relay.store.tables import Address, ResourcePerson, Sender, User, alert, note, task, thread, user_role

#: rows of the queue that a page shows; what comes after them is counted
SHOWN = 200
#: a conversation shows the words that made it urgent, whatever was written after them
URGENT = frozenset({TaskKind.DANGER, TaskKind.RING})


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One row of the queue."""

    task_id: int
    kind: TaskKind
    gravity: int
    opened_at: datetime
    owner: str
    #: "" for somebody whom we do not know
    person: str
    person_id: int | None
    recipient_id: int | None
    number: int | None
    alert_kind: str
    thread_id: int | None
    #: of the conversation: how many messages nobody has read, what made it urgent (else what was written last), what was written last
    #: where that is something else, in what language the person reads
    unread: int
    said: str
    later: str
    language: str
    #: why, in words; "" where the kind says it all
    words: str
    done_at: datetime | None
    done_by: str
    outcome: str
    delivery_id: int | None
    #: asks whether a message in doubt is sent again
    asks_again: bool
    #: of a sender that has stopped or is down
    sender: AnyRow | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """The queue as it stands: what to read and what to do."""

    items: tuple[Item, ...]
    beyond: int


async def read(conn: AsyncConnection, municipality_id: int, owner: str = "") -> Queue:
    """Return what is open, gravest and oldest first; only what `owner` has taken, if one is named."""
    mine = _tasks.where(task.c.municipality_id == municipality_id, task.c.done_at.is_(None))
    if owner:
        mine = mine.where(task.c.owner == owner)
    rows = (await conn.execute(mine.order_by(*tasks.ORDER))).all()
    first: dict[tuple[str, int], AnyRow] = {}
    for row in rows:
        first.setdefault(("thread", row.thread_id) if row.thread_id else ("task", row.id), row)
    shown = list(first.values())[:SHOWN]
    return Queue(items=tuple(await _items(conn, municipality_id, shown)), beyond=len(first) - len(shown))


async def _items(conn: AsyncConnection, municipality_id: int, rows: Sequence[AnyRow]) -> list[Item]:
    last = await _last_words(conn, [row.thread_id for row in rows if row.thread_id])
    raised = await _raised(conn, [row for row in rows if row.thread_id and row.kind in URGENT])
    senders = await _senders(conn, municipality_id, [_sender_of(row) for row in rows if row.kind == TaskKind.SENDER])
    return [_item(row, last.get(row.thread_id or 0, ""), raised.get(row.id, ""), senders.get(_sender_of(row))) for row in rows]


async def _last_words(conn: AsyncConnection, threads: Sequence[int]) -> dict[int, str]:
    """What was written to us last in each conversation."""
    written = select(note.c.thread_id, note.c.text).where(note.c.thread_id.in_(threads), note.c.direction == "in")
    return {row.thread_id: row.text or "" for row in (await conn.execute(written.order_by(note.c.id))).all()}


async def _raised(conn: AsyncConnection, rows: Sequence[AnyRow]) -> dict[int, str]:
    """The words for which a task was opened: its cause names the message."""
    heard = {row.id: int(row.cause.rpartition(":")[2]) for row in rows if row.cause.rpartition(":")[2].isdigit()}
    written = select(note.c.inbound_id, note.c.text).where(note.c.inbound_id.in_(list(heard.values())), note.c.direction == "in")
    texts = {row.inbound_id: row.text or "" for row in (await conn.execute(written)).all()}
    return {task_id: texts.get(inbound_id, "") for task_id, inbound_id in heard.items()}


def _sender_of(row: AnyRow) -> int:
    """Which sender a task is about (`sender:7:CREDENTIALS`); 0: none."""
    kind, _, rest = row.cause.partition(":")
    which = rest.partition(":")[0]
    return int(which) if kind == "sender" and which.isdigit() else 0


async def _senders(conn: AsyncConnection, municipality_id: int, ids: Sequence[int]) -> dict[int, AnyRow]:
    columns = (Sender.id, Sender.channel, Sender.address, Sender.provider, Sender.stopped)
    rows = await conn.execute(select(*columns).where(Sender.id.in_(ids), Sender.municipality_id == municipality_id))
    return {row.id: row for row in rows.all()}


def _item(row: AnyRow, last: str, raised: str, sender: AnyRow | None) -> Item:
    names = ("gravity", "opened_at", "owner", "person_id", "recipient_id", "number", "thread_id", "done_at", "done_by", "outcome")
    return Item(
        task_id=row.id,
        kind=TaskKind(row.kind),
        person=row.person or "",
        alert_kind=row.alert_kind or "",
        unread=row.unread or 0,
        said=raised or last,
        later=last if raised and last != raised else "",
        language=next(iter(row.languages or ()), ""),
        words=row.words or "",
        delivery_id=row.delivery_id,
        asks_again=row.cause.startswith(ASKED),
        sender=sender,
        **{name: getattr(row, name) for name in names},
    )


async def one(conn: AsyncConnection, municipality_id: int, task_id: int) -> Item:
    """Return one task, open or done; NotFound when this municipality has no such task."""
    row = (await conn.execute(_tasks.where(task.c.municipality_id == municipality_id, task.c.id == task_id))).one_or_none()
    if row is None:
        raise NotFound("There is no task %(task)s here.", task=task_id)
    return (await _items(conn, municipality_id, [row]))[0]


async def ways(conn: AsyncConnection, municipality_id: int, person_id: int) -> list[AnyRow]:
    """Return the addresses of a person, for whoever rings or mends them: channel, value, state."""
    mine = (Address.person_id == person_id, Address.municipality_id == municipality_id, Address.state != "REPLACED")
    columns = (Address.channel, Address.value, Address.state, Address.state_reason)
    return list((await conn.execute(select(*columns).where(*mine).order_by(Address.position, Address.id))).all())


async def take(conn: AsyncConnection, municipality_id: int, task_id: int, owner: str, by: str, now: datetime) -> None:
    """Let somebody see to a task, and to the conversation it belongs to. NotFound when there is no such open task."""
    mine = (task.c.id == task_id, task.c.municipality_id == municipality_id, task.c.done_at.is_(None))
    row = (await conn.execute(select(task.c.id, task.c.thread_id, task.c.alert_id).where(*mine).with_for_update())).one_or_none()
    if row is None:
        raise NotFound("There is no open task %(task)s here.", task=task_id)
    await conn.execute(update(task).where(*mine).values(owner=owner[:120]))
    if row.thread_id is not None:
        theirs = (task.c.thread_id == row.thread_id, task.c.municipality_id == municipality_id, task.c.done_at.is_(None))
        await conn.execute(update(task).where(*theirs).values(owner=owner[:120]))
        await conn.execute(update(thread).where(thread.c.id == row.thread_id).values(owner=owner[:120]))
    await tasks.acted(conn, by, "task.taken", now, municipality_id=municipality_id, subject=f"task:{task_id}")
    await tasks.happened(conn, municipality_id, "task.taken", now, alert_id=row.alert_id)


async def tried(conn: AsyncConnection, municipality_id: int, task_id: int, by: str, now: datetime, outcome: str) -> None:
    """Note that somebody tried in vain: the task stays open, with them, until it is done. NotFound when there is no such open task."""
    await take(conn, municipality_id, task_id, by, by, now)
    await conn.execute(update(task).where(task.c.id == task_id).values(outcome=outcome[:200]))
    await tasks.acted(conn, by, "task.tried", now, municipality_id=municipality_id, subject=f"task:{task_id}")


async def colleagues(conn: AsyncConnection, municipality_id: int) -> list[str]:
    """Return the names of those who may see to what waits."""
    on_duty = (user_role.c.municipality_id == municipality_id, user_role.c.role.in_((Role.COORDINATOR, Role.DUTY_OFFICER)))
    found = select(User.name).join(user_role, user_role.c.user_id == User.id).where(*on_duty, User.active).distinct().order_by(User.name)
    return list((await conn.execute(found)).scalars())


_tasks = (
    select(
        task,
        alert.c.number,
        alert.c.kind.label("alert_kind"),
        ResourcePerson.name.label("person"),
        ResourcePerson.languages,
        thread.c.unread,
    )
    .join(alert, alert.c.id == task.c.alert_id, isouter=True)
    .join(ResourcePerson, ResourcePerson.id == task.c.person_id, isouter=True)
    .join(thread, thread.c.id == task.c.thread_id, isouter=True)
)
