"""A municipality's own policy. Without one, the policy that ships holds."""

from collections.abc import Mapping

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from messages.alert import Gravity
from relay.model import Action, Policy, Step
from relay.store import tasks
from relay.store.columns import AnyRow
from relay.store.register import Stamp
from relay.store.tables import PolicyRow, PolicyStep

#: the name of the one that a municipality has
OWN = "own"
_MINUTES: Mapping[Gravity, str] = {
    Gravity.LIFE: "life_minutes",
    Gravity.STANDARD: "standard_minutes",
    Gravity.ROUTINE: "routine_minutes",
}
_table, _steps = PolicyRow.__table__.c, PolicyStep.__table__.c


async def of(conn: AsyncConnection, municipality_id: int, shipped: Policy) -> Policy:
    """Return the policy by which a municipality's alerts are planned."""
    mine = (_table.municipality_id == municipality_id, _table.name == OWN)
    row = (await conn.execute(select(_table.id, _table.count_after_minutes).where(*mine))).one_or_none()
    if row is None:
        return shipped
    found = (await conn.execute(select(*_steps).where(_steps.policy_id == row.id).order_by(_steps.position))).all()
    steps = tuple(Step(position=one.position, action=Action(one.action), after_minutes=_after(one)) for one in found)
    return Policy(name=OWN, steps=steps, pierces=shipped.pierces, count_after_minutes=row.count_after_minutes)


def _after(row: AnyRow) -> dict[Gravity, int]:
    told = {gravity: getattr(row, name) for gravity, name in _MINUTES.items()}
    return {gravity: minutes for gravity, minutes in told.items() if minutes is not None}


async def put(conn: AsyncConnection, municipality_id: int, policy: Policy, stamp: Stamp) -> None:
    """Let a policy hold from the next plan on; what is planned already keeps its times."""
    await _forget(conn, municipality_id)
    audit = {"created_at": stamp.at, "created_by": stamp.by, "updated_at": stamp.at, "updated_by": stamp.by}
    values = {"municipality_id": municipality_id, "name": OWN, "count_after_minutes": policy.count_after_minutes, **audit}
    owner = (await conn.execute(insert(PolicyRow).values(values).returning(_table.id))).scalar_one()
    for step in policy.steps:
        minutes = {name: step.after_minutes.get(gravity) for gravity, name in _MINUTES.items()}
        await conn.execute(insert(PolicyStep).values(policy_id=owner, position=step.position, action=step.action, **minutes))
    told = [f"{step.action} {'/'.join(str(step.after_minutes.get(gravity, '-')) for gravity in Gravity)}" for step in policy.steps]
    await tasks.acted(conn, stamp.by, "policy.set", stamp.at, municipality_id=municipality_id, steps=told)


async def reset(conn: AsyncConnection, municipality_id: int, stamp: Stamp) -> None:
    """Let the policy that ships hold again."""
    await _forget(conn, municipality_id)
    await tasks.acted(conn, stamp.by, "policy.reset", stamp.at, municipality_id=municipality_id)


async def _forget(conn: AsyncConnection, municipality_id: int) -> None:
    mine = select(_table.id).where(_table.municipality_id == municipality_id)
    await conn.execute(delete(PolicyStep).where(_steps.policy_id.in_(mine)))
    await conn.execute(delete(PolicyRow).where(_table.municipality_id == municipality_id))
