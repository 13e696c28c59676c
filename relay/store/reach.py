"""The numbers of an alert, read from the counters, so that they cost the same at any size."""

from collections.abc import Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from channels.base import Reason
from messages.form import Medium
from relay.model import ChannelReach, GroupReach, Reach
from relay.store import alerts, counters
from relay.store.columns import AnyRow
from relay.store.tables import Address, ResourcePerson, alert_group, attempt, delivery, recipient, thread
from relay.store.tables.sending import TWICE

PEOPLE = ("people", "skipped", "planned", "sent", "delivered", "acknowledged", "relayed", "reported_reach", "failed", "unknown", "opened")
MESSAGES = ("sent", "delivered", "failed")


async def reach(conn: AsyncConnection, municipality_id: int, alert_id: int) -> Reach:
    """Return what came of an alert."""
    issue = await alerts.row_of(conn, municipality_id, alert_id)
    numbers = await counters.read(conn, alert_id)
    groups = (await conn.execute(select(alert_group).where(alert_group.c.alert_id == alert_id).order_by(alert_group.c.name))).all()
    return Reach(
        alert_id=alert_id,
        number=issue.number,
        revision=issue.revision,
        groups=tuple(_group(row, numbers.get((row.group_id, ""), {})) for row in groups),
        totals=GroupReach(group_id=0, language="", name="", **_pick(numbers.get((0, ""), {}), PEOPLE)),
        channels={medium: ChannelReach(**_pick(numbers.get((0, medium), {}), MESSAGES)) for medium in Medium},
        questions=await _questions(conn, alert_id),
        unreachable=tuple(await unreachable(conn, alert_id)),
        perhaps_twice=tuple(await _perhaps_twice(conn, alert_id)),
    )


def _pick(numbers: Mapping[str, int], names: tuple[str, ...]) -> dict[str, int]:
    return {name: numbers.get(name, 0) for name in names}


def _group(row: AnyRow, numbers: Mapping[str, int]) -> GroupReach:
    return GroupReach(
        group_id=row.group_id, language=row.language, name=row.name, quorum=row.quorum, counted=row.counted, **_pick(numbers, PEOPLE)
    )


async def _questions(conn: AsyncConnection, alert_id: int) -> int:
    return len((await conn.execute(select(thread.c.id).where(thread.c.alert_id == alert_id))).all())


async def _perhaps_twice(conn: AsyncConnection, alert_id: int) -> Sequence[str]:
    doubtful = (recipient.c.alert_id == alert_id, TWICE)
    named = select(ResourcePerson.name).join(recipient, recipient.c.person_id == ResourcePerson.id)
    return (await conn.execute(named.where(*doubtful).order_by(recipient.c.id))).scalars().all()


async def unreachable(conn: AsyncConnection, alert_id: int) -> list[tuple[str, str]]:
    """Return (name, why) of everybody whose ways are all used up."""
    failed = select(recipient.c.id, ResourcePerson.name).join(ResourcePerson, ResourcePerson.id == recipient.c.person_id)
    rows = (await conn.execute(failed.where(recipient.c.alert_id == alert_id, recipient.c.failed).order_by(recipient.c.id))).all()
    whys = await _whys(conn, [row.id for row in rows])
    return [(row.name, whys.get(row.id, "")) for row in rows]


async def _whys(conn: AsyncConnection, recipients: list[int]) -> dict[int, str]:
    """Say for each person what became of each of their addresses, in words."""
    tried = (
        select(delivery.c.recipient_id, delivery.c.channel, attempt.c.reason, Address.state_reason)
        .join(attempt, attempt.c.delivery_id == delivery.c.id)
        .join(Address, Address.id == delivery.c.address_id, isouter=True)
        .where(delivery.c.recipient_id.in_(recipients), attempt.c.reason != "")
        .order_by(attempt.c.id)
    )
    found: dict[int, dict[str, str]] = {}
    for row in (await conn.execute(tried)).all():
        found.setdefault(row.recipient_id, {})[row.channel] = words(row.reason)
    return {owner: "; ".join(f"{channel}: {why}" for channel, why in ways.items()) for owner, ways in found.items()}


def words(reason: str) -> str:
    """Return the sentence of a reason's name."""
    return Reason[reason].words if reason in Reason.__members__ else "It is not known whether it was sent."
