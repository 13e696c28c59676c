"""Messages to the house's own staff: who is asked to approve, in which order and when, and who is told at once."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from messages.alert import Gravity
from messages.form import Medium
from relay.model import DeliveryState, Role, SparedBy
from relay.store import answers, senders, unreadable
from relay.store.columns import UNREADABLE, if_readable
from relay.store.notices import ReadyNotice, row_of
from relay.store.sql import announce, insert_ignore
from relay.store.tables import User, delivery, name_key, user_role

#: hours after which a message to staff is not worth sending any more
LIFE = timedelta(hours=12)


@dataclass(frozen=True, slots=True, kw_only=True)
class Colleague:
    """A user who can be paged."""

    user_id: int
    name: str
    #: "" where there is none, or none that a key of ours opens
    phone: str
    #: nb | nn | en
    language: str
    readable: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Paged:
    """Somebody who was, or is to be, asked."""

    user_id: int
    name: str
    at: datetime
    #: WAITING | CLAIMED | DONE | FAILED | SPARED | EXPIRED
    state: str
    evidence: int


async def colleagues(conn: AsyncConnection, municipality_id: int, roles: Collection[Role], *, but: Collection[str] = ()) -> list[Colleague]:
    """Return the active users who have one of these roles, who was here last first; `but`: without those of these names."""
    having = select(user_role.c.user_id).where(user_role.c.municipality_id == municipality_id, user_role.c.role.in_(roles))
    mine = (User.municipality_id == municipality_id, User.active, User.id.in_(having))
    phone = if_readable(User.phone).label("phone")
    rows = (await conn.execute(select(User.id, User.name, phone, User.language, User.seen_at, User.name_key).where(*mine))).all()
    left_out = {name_key(name) for name in but}
    rows = sorted(
        (row for row in rows if row.name_key not in left_out), key=lambda row: (row.seen_at is None, _before(row.seen_at), row.id)
    )
    return [
        Colleague(user_id=row.id, name=row.name, phone=row.phone or "", language=row.language or "nb", readable=row.phone != UNREADABLE)
        for row in rows
    ]


def _before(seen: datetime | None) -> float:
    return -seen.timestamp() if seen else 0.0


async def page(
    conn: AsyncConnection,
    municipality_id: int,
    people: Sequence[Colleague],
    cause: str,
    text: Callable[[str], str],
    now: datetime,
    *,
    every: timedelta = timedelta(),
    gravity: Gravity = Gravity.LIFE,
) -> int:
    """Plan an SMS to each of `people` who has a telephone, the next one `every` later; `text` says it in a language. Returns how many.

    One cause pages each of them once. Nothing is planned where the municipality has no SMS sender. Whose number no key opens is a task.
    """
    await _say_unreadable(conn, municipality_id, people, now)
    sender = (await senders.in_use(conn, municipality_id)).get(Medium.SMS)
    reachable = [one for one in people if one.phone]
    if sender is None or not reachable:
        return 0
    rows = [
        row_of(ReadyNotice(name="page", text=text(one.language), language=one.language, gravity=gravity), now + n * every, LIFE)
        | {
            "municipality_id": municipality_id,
            "sender_id": sender.id,
            "to": one.phone,
            "channel": Medium.SMS,
            "cause": f"{cause}:{one.user_id}",
        }
        for n, one in enumerate(reachable)
    ]
    await conn.execute(insert_ignore(delivery), rows)
    await announce(conn)
    return len(rows)


async def _say_unreadable(conn: AsyncConnection, municipality_id: int, people: Sequence[Colleague], now: datetime) -> None:
    for one in people:
        if not one.readable:
            await unreadable.say(conn, municipality_id, unreadable.COLLEAGUE, one.user_id, now)


async def stop(conn: AsyncConnection, municipality_id: int, prefix: str, now: datetime) -> None:
    """Spare whoever has not been paged yet for a cause that begins so."""
    waiting = (delivery.c.municipality_id == municipality_id, delivery.c.cause.startswith(prefix, autoescape=True), answers.not_begun())
    await conn.execute(update(delivery).where(*waiting).values(state=DeliveryState.SPARED, spared_by=SparedBy.CLOSED, ended_at=now))


async def paged(conn: AsyncConnection, municipality_id: int, prefix: str) -> list[Paged]:
    """Return whom causes that begin so have paged or will page, in order of time."""
    mine = (delivery.c.municipality_id == municipality_id, delivery.c.cause.startswith(prefix, autoescape=True))
    wanted = select(delivery.c.cause, delivery.c.due_at, delivery.c.state, delivery.c.evidence).where(*mine)
    rows = (await conn.execute(wanted.order_by(delivery.c.due_at, delivery.c.id))).all()
    ids = [int(row.cause.rpartition(":")[2]) for row in rows]
    named = select(User.id, User.name).where(User.municipality_id == municipality_id, User.id.in_(ids))
    names = {row.id: row.name for row in (await conn.execute(named)).all()}
    return [
        Paged(user_id=user_id, name=names.get(user_id, ""), at=row.due_at, state=row.state, evidence=row.evidence)
        for user_id, row in zip(ids, rows, strict=True)
    ]
