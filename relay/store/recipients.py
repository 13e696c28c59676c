"""People of an alert: kept in line with their deliveries and answers, and counted in the same transaction."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from channels.base import Evidence
from messages.form import Part
from relay.counting import HOPEFUL, PersonFacts, difference, person_adds, standing, weakest
from relay.model import DeliveryState, Rung, TaskKind
from relay.store import counters, progress, work
from relay.store.columns import AnyRow
from relay.store.tables import delivery, recipient, recipient_group

_columns = (
    recipient.c.id,
    recipient.c.municipality_id,
    recipient.c.alert_id,
    recipient.c.person_id,
    recipient.c.left_out,
    recipient.c.evidence,
    recipient.c.rung,
    recipient.c.reported,
    recipient.c.failed,
)
_delivery_columns = (
    delivery.c.recipient_id,
    delivery.c.address_id,
    delivery.c.part,
    delivery.c.evidence,
    delivery.c.state,
)
#: the parts that are the message: who lacks one of them has not got it
MESSAGE = frozenset({Part.FORWARD, Part.ASK, Part.LETTER})


def person_facts(row: AnyRow) -> PersonFacts:
    """Read what is counted out of a recipient row."""
    return PersonFacts(left_out=bool(row.left_out), evidence=row.evidence, rung=Rung(row.rung), reported=row.reported, failed=row.failed)


async def refresh(conn: AsyncConnection, ids: set[int], now: datetime, *, answers: Mapping[int, tuple[Rung, int]] | None = None) -> None:
    """Bring recipients in line with their deliveries and answers, and keep the numbers.

    `answers`: the new rung and reported reach of those who have just answered; an answer proves that a copy arrived.
    """
    if not ids:
        return
    rows = (await conn.execute(select(*_columns).where(recipient.c.id.in_(ids)).order_by(recipient.c.id).with_for_update())).all()
    theirs: dict[int, list[AnyRow]] = {row.id: [] for row in rows}
    planned = (delivery.c.recipient_id.in_(ids), delivery.c.action.not_in(("", "call")))
    for one in (await conn.execute(select(*_delivery_columns).where(*planned))).all():
        theirs[one.recipient_id].append(one)
    changed = [(row, _person_after(row, theirs[row.id], (answers or {}).get(row.id))) for row in rows]
    await _write_people(conn, changed, now)


def _person_after(row: AnyRow, deliveries: Sequence[AnyRow], answer: tuple[Rung, int] | None) -> PersonFacts:
    rung, reported = answer or (Rung(row.rung), row.reported)
    best = Evidence.READ if rung is not Rung.NONE else _message_has(deliveries)
    going = any(one.state in (DeliveryState.WAITING, DeliveryState.CLAIMED) for one in deliveries)
    tried = any(one.state in (DeliveryState.FAILED, DeliveryState.EXPIRED) for one in deliveries)
    return PersonFacts(
        left_out=bool(row.left_out), evidence=best, rung=rung, reported=reported, failed=tried and not going and best not in HOPEFUL
    )


def _message_has(deliveries: Sequence[AnyRow]) -> int:
    """How far the message itself has come: all its bodies, by the best way. A wake-up or a reminder alone tells nobody anything."""
    ways: dict[int, list[int]] = {}
    for one in deliveries:
        if one.part in MESSAGE and (one.evidence >= 0 or one.state != DeliveryState.SPARED):
            ways.setdefault(one.address_id, []).append(one.evidence)
    return standing(weakest(bodies) for bodies in ways.values())


async def _write_people(conn: AsyncConnection, changed: Sequence[tuple[AnyRow, PersonFacts]], now: datetime) -> None:
    changed = [(row, after) for row, after in changed if person_facts(row) != after]
    if not changed:
        return
    statement = (
        update(recipient)
        .where(recipient.c.id == bindparam("b_id"))
        .values(evidence=bindparam("b_evidence"), rung=bindparam("b_rung"), reported=bindparam("b_reported"), failed=bindparam("b_failed"))
    )
    await conn.execute(
        statement,
        [
            {"b_id": row.id, "b_evidence": after.evidence, "b_rung": after.rung, "b_reported": after.reported, "b_failed": after.failed}
            for row, after in changed
        ],
    )
    await _count_people(conn, changed, now)
    for row, after in changed:
        if after.failed and not row.failed:
            await work.open_task(conn, work.of_person(row, TaskKind.UNREACHABLE, f"unreachable:{row.id}"), now)


async def _count_people(conn: AsyncConnection, changed: Sequence[tuple[AnyRow, PersonFacts]], now: datetime) -> None:
    groups: dict[int, list[int]] = {row.id: [0] for row, _ in changed}
    found = await conn.execute(
        select(recipient_group.c.recipient_id, recipient_group.c.group_id).where(recipient_group.c.recipient_id.in_(groups))
    )
    for owner, group in found.all():
        groups[owner].append(group)
    adds, growth = counters.Sums(), progress.Growth()
    for row, after in changed:
        change = difference(person_adds(person_facts(row)), person_adds(after))
        growth.add(row.municipality_id, row.alert_id, change)
        for group in groups[row.id]:
            adds.add(row.municipality_id, row.alert_id, group, "", change)
    await counters.write(conn, adds)
    await progress.write(conn, growth, now)
