"""What the monitoring asks of the database: numbers alone, nothing about anybody. What grows with the years is not counted here."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from relay.model import AlertState
from relay.store import queue, remembered, workers
from relay.store.canary import Probe, probes
from relay.store.columns import AnyRow
from relay.store.senders import Faring, faring
from relay.store.tables import Municipality, Sender, alert, attempt, delivery, inbound, task
from relay.store.tables.sending import ATTEMPT_OPEN


@dataclass(frozen=True, slots=True, kw_only=True)
class Signs:
    """One look at the installation."""

    #: since when the oldest delivery that could leave has been due
    oldest_due: datetime | None
    due: int
    #: provider, channel, evidence and reason of the attempts of alerts that are out now, and how many
    attempts: list[AnyRow]
    doubts: int
    oldest_doubt: datetime | None
    #: kind of an open task, and how many
    tasks: list[AnyRow]
    #: state of an alert, and how many
    alerts: list[AnyRow]
    #: messages from people that nobody has understood yet
    unhandled: int
    senders: list[Faring]
    paces: dict[int, float]
    workers: list[AnyRow]
    on_trial: int
    canaries: list[Probe]
    sign_at: datetime | None
    backup_at: datetime | None
    purged_at: datetime | None


async def signs(conn: AsyncConnection, now: datetime) -> Signs:
    """Look at everything at one moment."""
    waits = select(func.count(delivery.c.id)).where(*queue.waits(now))
    counted, oldest = (await conn.execute(select(func.count(attempt.c.id), func.min(attempt.c.started_at)).where(ATTEMPT_OPEN))).one()
    return Signs(
        oldest_due=await queue.oldest_due(conn, now),
        due=(await conn.execute(waits)).scalar_one(),
        attempts=await _attempts(conn),
        doubts=counted,
        oldest_doubt=oldest,
        tasks=list((await conn.execute(_tally(task.c.kind).where(task.c.done_at.is_(None)))).all()),
        alerts=list((await conn.execute(_tally(alert.c.state))).all()),
        unhandled=(await conn.execute(select(func.count(inbound.c.id)).where(inbound.c.handled_at.is_(None)))).scalar_one(),
        senders=await faring(conn, now),
        paces={row.id: row.pace_per_second for row in (await conn.execute(select(Sender.id, Sender.pace_per_second))).all()},
        workers=list(await workers.roll(conn)),
        on_trial=(await conn.execute(select(func.count(Municipality.id)).where(Municipality.mode == "TRIAL"))).scalar_one(),
        canaries=await probes(conn),
        sign_at=await remembered.moment(conn, remembered.LAST_SIGN),
        backup_at=await remembered.moment(conn, remembered.LAST_BACKUP),
        purged_at=await remembered.moment(conn, remembered.LAST_PURGE),
    )


def _tally(column: ColumnElement[str]) -> Select[str, int]:
    return select(column.label("what"), func.count().label("number")).group_by(column)


async def _attempts(conn: AsyncConnection) -> list[AnyRow]:
    """Count the attempts of alerts that are out: bounded by tonight, however old the installation is."""
    out = select(alert.c.id).where(alert.c.state == AlertState.RELEASED)
    kinds = (Sender.provider, attempt.c.channel, attempt.c.evidence, attempt.c.reason)
    tried = attempt.join(Sender, Sender.id == attempt.c.sender_id).join(delivery, delivery.c.id == attempt.c.delivery_id)
    counted = select(*kinds, func.count(attempt.c.id).label("number")).select_from(tried)
    return list((await conn.execute(counted.where(delivery.c.alert_id.in_(out)).group_by(*kinds))).all())
