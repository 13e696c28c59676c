"""The municipality at this moment: what is out, what waits for somebody, and what has been set up."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from relay.model import AlertState, Role
from relay.store import alerts, checklist, counters
from relay.store.columns import AnyRow
from relay.store.tables import LanguageGroup, ResourcePerson, Sender, User, alert, alert_group, user_role, variant

OPEN = (AlertState.RELEASED,)
WAITING = (AlertState.DRAFT, AlertState.APPROVED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """An alert in a list."""

    row: AnyRow
    #: tags of its texts
    languages: tuple[str, ...]
    #: the alert that this one replaces, withdraws or ends
    before: alerts.Before | None
    #: when approval of a draft was asked for; None: it waits for nobody yet
    asked_at: datetime | None = None
    planned: int = 0
    #: to how many a copy has left
    sent: int = 0
    acknowledged: int = 0
    relayed: int = 0
    reported: int = 0
    #: groups whose quorum is met, of how many that have somebody
    met: int = 0
    groups: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SetUp:
    """What a municipality has, of what it needs before the first alert."""

    senders: int
    groups: int
    people: int
    approvers: int
    #: approvers with a telephone, by which they are asked
    paged: int
    duty_officers: int
    #: exercises that have been out
    exercises: int

    @property
    def done(self) -> bool:
        """Nothing is missing."""
        return all((self.senders, self.groups, self.people, self.approvers, self.exercises))


async def listed(
    conn: AsyncConnection, municipality_id: int, *, states: tuple[AlertState, ...] = (), kind: str = "", limit: int = 100
) -> list[Listed]:
    """Return a municipality's alerts, newest first, with their numbers."""
    mine = select(alert).where(alert.c.municipality_id == municipality_id)
    if states:
        mine = mine.where(alert.c.state.in_(states))
    if kind:
        mine = mine.where(alert.c.kind == kind)
    rows = (await conn.execute(mine.order_by(alert.c.number.desc()).limit(limit))).all()
    return [await _listed(conn, row) for row in rows]


async def _listed(conn: AsyncConnection, row: AnyRow) -> Listed:
    tags = (await conn.execute(select(variant.c.language).where(variant.c.alert_id == row.id).order_by(variant.c.language))).scalars()
    before = await alerts.before(conn, row)
    if row.released_at is None:
        return Listed(row=row, languages=tuple(tags), before=before, asked_at=await checklist.asked_at(conn, row))
    numbers = (await counters.read(conn, row.id)).get((0, ""), {})
    groups = (await conn.execute(select(alert_group.c.met_at).where(alert_group.c.alert_id == row.id))).scalars().all()
    return Listed(
        row=row,
        languages=tuple(tags),
        before=before,
        planned=numbers.get("planned", 0),
        sent=numbers.get("sent", 0),
        acknowledged=numbers.get("acknowledged", 0),
        relayed=numbers.get("relayed", 0),
        reported=numbers.get("reported_reach", 0),
        met=sum(met is not None for met in groups),
        groups=len(groups),
    )


async def usual_audience(conn: AsyncConnection, municipality_id: int, but: int) -> int:
    """Return how many people the last alerts went to (the median of up to five); 0: there were none."""
    mine = (alert.c.municipality_id == municipality_id, alert.c.released_at.is_not(None), alert.c.id != but)
    ids = (await conn.execute(select(alert.c.id).where(*mine).order_by(alert.c.number.desc()).limit(5))).scalars().all()
    planned = sorted([(await counters.read(conn, one)).get((0, ""), {}).get("planned", 0) for one in ids])
    return planned[len(planned) // 2] if planned else 0


async def set_up(conn: AsyncConnection, municipality_id: int) -> SetUp:
    """Count what a municipality has."""
    mine = (user_role.c.municipality_id == municipality_id, User.active)
    users = select(func.count(func.distinct(user_role.c.user_id))).join(User, User.id == user_role.c.user_id).where(*mine)
    approvers = users.where(user_role.c.role == Role.APPROVER)
    out = (alert.c.municipality_id == municipality_id, alert.c.kind == "EXERCISE", alert.c.released_at.is_not(None))

    async def count(statement: Select[Any]) -> int:
        return int((await conn.execute(statement)).scalar_one())

    def how_many(table: type[Sender] | type[LanguageGroup] | type[ResourcePerson]) -> Select[Any]:
        return select(func.count()).select_from(table).where(table.municipality_id == municipality_id)

    return SetUp(
        senders=await count(how_many(Sender)),
        groups=await count(how_many(LanguageGroup)),
        people=await count(how_many(ResourcePerson).where(ResourcePerson.left_at.is_(None))),
        approvers=await count(approvers),
        paged=await count(approvers.where(User.phone.is_not(None))),
        duty_officers=await count(users.where(user_role.c.role == Role.DUTY_OFFICER)),
        exercises=await count(select(func.count()).select_from(alert).where(*out)),
    )


async def expires_soon(conn: AsyncConnection, municipality_id: int, before: datetime) -> list[AnyRow]:
    """Return open alerts that expire before `before`: somebody must say what follows."""
    mine = (alert.c.municipality_id == municipality_id, alert.c.state == AlertState.RELEASED, alert.c.expires_at <= before)
    return list((await conn.execute(select(alert).where(*mine).order_by(alert.c.expires_at))).all())
