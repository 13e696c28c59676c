"""What is kept for how long. Each kind of data has a period, a way to find what is older, and a way to forget it; numbers stay.

An alert itself, who approved it, the plan, and who did what are documentation that a municipality must keep (the Archives Act): they
name nobody but staff, and are never purged.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple, TypeAlias

from sqlalchemy import Column, Select, Table, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from channels.base import Evidence
from relay.model import DeliveryState
from relay.store import erase, tasks
from relay.store.columns import AnyRow
from relay.store.register import Stamp
from relay.store.tables import (
    ResourcePerson,
    attempt,
    browser_session,
    delivery,
    hand_over,
    inbound,
    invitation,
    login_attempt,
    note,
    redistribution_report as report,
    status,
    task,
)

#: rows that are forgotten in one transaction
AT_ONCE = 500
BY = "budstikke"

Forget: TypeAlias = Callable[[AsyncConnection, Sequence[int], datetime], Awaitable[None]]


class Kind(NamedTuple):
    """One kind of data."""

    name: str
    #: the setting with its period: keep_…_days
    period: str
    #: ids of what is older than this moment
    older: Callable[[datetime], Select[Any]]
    forget: Forget


def _blank(table: Table, *columns: str, **more: Any) -> Forget:
    """Empty some columns of a table's rows."""

    async def forget(conn: AsyncConnection, ids: Sequence[int], _now: datetime) -> None:
        await conn.execute(update(table).where(table.c.id.in_(ids)).values({**dict.fromkeys(columns), **more}))

    return forget


def _drop(table: Table) -> Forget:
    """Delete a table's rows."""

    async def forget(conn: AsyncConnection, ids: Sequence[int], _now: datetime) -> None:
        await conn.execute(delete(table).where(table.c.id.in_(ids)))

    return forget


async def _let_go(conn: AsyncConnection, ids: Sequence[int], now: datetime) -> None:
    owners = select(ResourcePerson.id, ResourcePerson.municipality_id).where(ResourcePerson.id.in_(ids))
    for person_id, municipality_id in (await conn.execute(owners)).all():
        await erase.erase(conn, municipality_id, person_id, Stamp(by=BY, at=now))


def _since(at: Column[datetime], *filled: Column[Any]) -> Callable[[datetime], Select[Any]]:
    """Rows whose time has passed, and in which something still stands."""
    stands = [or_(*(column.is_not(None) for column in filled))] if filled else []
    return lambda cut: select(at.table.c.id).where(at < cut, *stands)


_ENDED = (DeliveryState.DONE, DeliveryState.FAILED, DeliveryState.SPARED, DeliveryState.EXPIRED)

#: in this order: whoever has left is erased last, since that closes what is open
KINDS = (
    Kind(
        "messages from people", "keep_texts_days",
        lambda cut: _since(inbound.c.received_at, inbound.c.text, inbound.c.sender)(cut).where(inbound.c.handled_at.is_not(None)),
        _blank(inbound, "text", "facts", "sender", sender_lookup=""),
    ),
    Kind("conversations", "keep_texts_days", _since(note.c.at, note.c.text), _blank(note, "text")),
    Kind("notes at hand-over", "keep_texts_days", _since(hand_over.c.written_at), _drop(hand_over)),
    Kind("words of tasks", "keep_texts_days", _since(task.c.done_at, task.c.words), _blank(task, "words")),
    Kind(
        "short answers of ours", "keep_texts_days",
        lambda cut: _since(delivery.c.ended_at, delivery.c.text, delivery.c.to)(cut).where(delivery.c.state.in_(_ENDED)),
        _blank(delivery, "text", "to"),
    ),
    Kind("how it was passed on", "keep_texts_days", _since(report.c.at, report.c.means), _blank(report, "means")),
    Kind("statuses of providers", "keep_statuses_days", _since(status.c.received_at), _drop(status)),
    Kind("ended sessions", "keep_sessions_days", _since(browser_session.c.ends_at), _drop(browser_session)),
    Kind("old invitations", "keep_sessions_days", _since(invitation.c.expires_at), _drop(invitation)),
    Kind("tries at the door", "keep_sessions_days", _since(login_attempt.c.at), _drop(login_attempt)),
    Kind(
        "people who have left", "keep_left_days",
        lambda cut: select(ResourcePerson.id).where(ResourcePerson.left_at < cut, ResourcePerson.erased_at.is_(None)),
        _let_go,
    ),
)  # fmt: skip


async def due(conn: AsyncConnection, kind: Kind, now: datetime, days: float) -> list[int]:
    """Return the next ids of a kind that have been kept for so many days, oldest first."""
    old = kind.older(now - timedelta(days=days)).order_by("id").limit(AT_ONCE)
    return list((await conn.execute(old)).scalars())


async def count(conn: AsyncConnection, kind: Kind, now: datetime, days: float) -> int:
    """Return how many there are of a kind that have been kept for so many days."""
    old = kind.older(now - timedelta(days=days)).subquery()
    return int((await conn.execute(select(func.count()).select_from(old))).scalar_one())


async def reported(conn: AsyncConnection, found: Mapping[str, int], now: datetime) -> None:
    """Write down that a purge went through, and how much it forgot."""
    await tasks.acted(conn, BY, "purge", now, municipality_id=None, forgotten=dict(found))


# --- at the provider --------------------------------------------------------------------------------------------------------

#: what has come to its end: nothing more is to be learned of it
_FINAL = (Evidence.UNDELIVERED, Evidence.DELIVERED, Evidence.READ)


async def known_to_providers(conn: AsyncConnection, accounts: Sequence[str], before: datetime, limit: int) -> list[tuple[str, AnyRow]]:
    """Return messages that a provider need not know any more: ours that came to their end, and people's that are handled."""
    sent = select(attempt.c.id, attempt.c.account, attempt.c.channel, attempt.c.provider_id).where(
        attempt.c.redacted_at.is_(None), attempt.c.provider_id.is_not(None), attempt.c.evidence.in_(_FINAL),
        attempt.c.started_at < before, attempt.c.account.in_(accounts),
    )  # fmt: skip
    came = select(inbound.c.id, inbound.c.account, inbound.c.channel, inbound.c.provider_id).where(
        inbound.c.redacted_at.is_(None), inbound.c.handled_at.is_not(None), inbound.c.received_at < before, inbound.c.account.in_(accounts)
    )
    found: list[tuple[str, AnyRow]] = []
    for name, rows in (("attempt", sent), ("inbound", came)):
        found += [(name, row) for row in (await conn.execute(rows.order_by("id").limit(limit))).all()]
    return found[:limit]


async def redacted(conn: AsyncConnection, done: Sequence[tuple[str, int]], now: datetime) -> None:
    """Note what a provider has forgotten."""
    for name, table in (("attempt", attempt), ("inbound", inbound)):
        ids = [one for which, one in done if which == name]
        await conn.execute(update(table).where(table.c.id.in_(ids)).values(redacted_at=now))
