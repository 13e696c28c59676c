"""People of an alert: kept in line with their deliveries and answers, and counted in the same transaction."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import CTE, Boolean, Executable, Integer, Subquery, Text, and_, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from channels.base import Evidence
from messages.form import MESSAGE_PARTS, Part
from relay.counting import HOPEFUL, RANK, STANDING, UNTRIED, PersonFacts, message_change, person_change
from relay.model import DeliveryState, Rung, TaskKind
from relay.store import counters, progress, tasks
from relay.store.columns import AnyRow, reader
from relay.store.routine import beyond_routine
from relay.store.sql import Kind, among, ids_as_json, ids_found, ids_together
from relay.store.tables import delivery, recipient
from relay.store.together import Call, Hot, alike, given, together

#: states of what is on its way, and of what came to nothing
_GOING = (DeliveryState.WAITING, DeliveryState.CLAIMED)
_IN_VAIN = (DeliveryState.FAILED, DeliveryState.EXPIRED)


class Messages(NamedTuple):
    """Messages that count alike: of one alert (or none), by one channel, of one part."""

    municipality_id: int
    alert_id: int | None
    channel: str
    part: str


@dataclass(frozen=True, slots=True)
class Changes:
    """What a batch changes in the numbers, added up before it is written."""

    sums: counters.Sums = field(default_factory=counters.Sums)
    growth: progress.Growth = field(default_factory=progress.Growth)

    def messages(self, of: Messages, before: int, after: int, times: int = 1) -> None:
        """Add what `times` messages change in their channel's numbers, and in how the alert's grew, when their evidence rises."""
        if of.alert_id is None or before == after:
            return
        change = {name: value * times for name, value in message_change(before, after).items()}
        self.sums.add(of.municipality_id, of.alert_id, 0, of.channel, change)
        if of.part == Part.REMINDER:
            self.growth.add(of.municipality_id, of.alert_id, {progress.REMINDED: change.get("sent", 0)})

    def writes(self, conn: AsyncConnection, now: datetime) -> list[Call]:
        """Return the statements that write them."""
        return [*counters.writes(conn, self.sums), *progress.writes(conn, self.growth, now)]


_rung = reader(Rung)


def person_facts(row: AnyRow) -> PersonFacts:
    """Read what is counted out of a recipient row."""
    return PersonFacts(left_out=bool(row.left_out), evidence=row.evidence, rung=_rung(row.rung), reported=row.reported, failed=row.failed)


async def refresh(
    conn: AsyncConnection,
    ids: Collection[int],
    now: datetime,
    *,
    answer: tuple[Rung, int] | None = None,
    before: Sequence[Call] = (),
    changes: Changes | None = None,
) -> None:
    """Bring recipients in line with their deliveries and answers, and keep the numbers.

    `answer`: the new rung and reported reach of these, who have just answered alike; that proves that a copy arrived.
    `before`: statements to run first, on the same way; `changes`: others of the numbers, written with these.
    """
    beyond_routine(conn)
    changes = changes or Changes()
    if ids:
        *_, found = await together(conn, *before, kinds(ids))
        changed = _changed(found, answer)
        calls = _writes(conn, changed, changes, now)
    else:
        changed, calls = [], [*before, *changes.writes(conn, now)]
    if calls:
        await together(conn, *calls)
    for kind, after in changed:
        if after.failed and not kind.failed:
            await _nobody_reaches(conn, kind, now)


def kinds(ids: Collection[int]) -> Call:
    """Return the statement that finds `routine_changes` of people. Beside others they must be `locked` before.

    Another turn may just have sent them the other half of the message: so it must be through before anything is read of them.
    """
    return _KINDS, {"ids": ids_as_json(ids)}


def routine_changes(conn: AsyncConnection, found: Sequence[AnyRow], now: datetime, changes: Changes) -> list[Call]:
    """Return what `refresh` would write, in the order that routine keeps to: people, and the numbers last."""
    changed = _changed(found, None)
    if any(after.failed and not kind.failed for kind, after in changed):
        beyond_routine(conn)
    return _writes(conn, changed, changes, now)


def _writes(conn: AsyncConnection, changed: Sequence[tuple[AnyRow, PersonFacts]], changes: Changes, now: datetime) -> list[Call]:
    return [*_becoming(changed), *_counting(changed, changes), *changes.writes(conn, now)]


def _changed(kinds: Sequence[AnyRow], answer: tuple[Rung, int] | None) -> list[tuple[AnyRow, PersonFacts]]:
    """Return the kinds of people of whom something else is counted from now on, and what that is."""
    return [(kind, after) for kind in kinds if person_facts(kind) != (after := _after(kind, answer))]


def _after(kind: AnyRow, answer: tuple[Rung, int] | None) -> PersonFacts:
    """What is counted of people of this kind, by what has become of what was sent to them."""
    rung, reported = answer or (_rung(kind.rung), kind.reported)
    best = Evidence.READ if rung is not Rung.NONE else STANDING[kind.best_rank]
    failed = bool(kind.in_vain) and not kind.going and best not in HOPEFUL
    return PersonFacts(left_out=bool(kind.left_out), evidence=best, rung=rung, reported=reported, failed=failed)


def _becoming(changed: Sequence[tuple[AnyRow, PersonFacts]]) -> Iterator[Call]:
    """Yield the statements that write down what people have become; kinds that end alike go together."""
    become: defaultdict[PersonFacts, list[str]] = defaultdict(list)
    for kind, after in changed:
        become[after].append(kind.ids)
    for after, found in become.items():
        yield _WRITE, {**{name: getattr(after, name) for name in _NEW}, "ids": ids_together(found)}


def _counting(changed: Sequence[tuple[AnyRow, PersonFacts]], changes: Changes) -> Iterator[Call]:
    """Count people once each for the alert, in `changes`, and yield the statements that count them in each of their groups.

    Kinds that change the numbers alike go together: on PostgreSQL each statement is a turn to the server.
    """
    counted: defaultdict[tuple[int, int, tuple[tuple[str, int], ...]], list[str]] = defaultdict(list)
    for kind, after in changed:
        if change := person_change(person_facts(kind), after):
            counted[kind.municipality_id, kind.alert_id, tuple(change.items())].append(kind.ids)
            whole = {name: value * kind.people for name, value in change.items()}
            changes.growth.add(kind.municipality_id, kind.alert_id, whole)
            changes.sums.add(kind.municipality_id, kind.alert_id, 0, "", whole)
    for (municipality_id, alert_id, alike_change), found in counted.items():
        yield counters.in_groups(municipality_id, alert_id, ids_together(found), dict(alike_change))


async def _nobody_reaches(conn: AsyncConnection, kind: AnyRow, now: datetime) -> None:
    """Open a task for each: somebody must find another way."""
    (rows,) = await together(conn, (_PEOPLE, {"ids": kind.ids}))
    for row in rows:
        await tasks.open_task(conn, tasks.of_person(row, TaskKind.UNREACHABLE, f"unreachable:{row.id}"), now)


# --- statements -------------------------------------------------------------------------------------------------------


_NEW: dict[str, Kind] = {"evidence": Integer, "rung": Text, "reported": Integer, "failed": Boolean}
_WRITE = alike(recipient, given(_NEW))
_PEOPLE = Hot(
    lambda conn: (
        select(recipient.c.id, recipient.c.municipality_id, recipient.c.alert_id, recipient.c.person_id)
        .where(among(conn, recipient.c.id, "ids"))
        .order_by(recipient.c.id)
    )
)


def _kinds(conn: AsyncConnection) -> Executable:
    """People who are alike in what is counted and in what has become of what was sent to them, and how many of them there are."""
    told = _told_by_deliveries(conn)
    columns = (
        recipient.c.municipality_id,
        recipient.c.alert_id,
        (recipient.c.left_out != "").label("left_out"),
        recipient.c.evidence,
        recipient.c.rung,
        recipient.c.reported,
        recipient.c.failed,
        func.coalesce(told.c.best_rank, RANK[UNTRIED]).label("best_rank"),
        func.coalesce(told.c.going, 0).label("going"),
        func.coalesce(told.c.in_vain, 0).label("in_vain"),
    )
    return (
        select(*columns, func.count().label("people"), ids_found(conn, recipient.c.id).label("ids"))
        .select_from(recipient)
        .join(told, told.c.recipient_id == recipient.c.id, isouter=True)
        .where(among(conn, recipient.c.id, "ids"))
        .group_by(*columns)
    )


def _told_by_deliveries(conn: AsyncConnection) -> Subquery:
    """Of each person: the best way's rank, and whether anything still goes or has ended in vain.

    A way is as good as the worst of the message's bodies that it brings. A wake-up or a reminder alone tells nobody anything.
    """
    brings = and_(
        or_(*(delivery.c.part == part for part in MESSAGE_PARTS)),
        or_(delivery.c.evidence > UNTRIED, delivery.c.state != DeliveryState.SPARED),
    )
    rank = case({int(evidence): rank for evidence, rank in RANK.items()}, value=delivery.c.evidence)
    ways = (
        select(
            delivery.c.recipient_id,
            func.min(case((brings, rank))).label("rank"),
            func.max(case(dict.fromkeys(_GOING, 1), value=delivery.c.state, else_=0)).label("going"),
            func.max(case(dict.fromkeys(_IN_VAIN, 1), value=delivery.c.state, else_=0)).label("in_vain"),
        )
        .where(among(conn, delivery.c.recipient_id, "ids"), delivery.c.action != "", delivery.c.action != "call")
        .group_by(delivery.c.recipient_id, delivery.c.address_id)
        .subquery("ways")
    )
    best = (func.max(ways.c[name]).label(new) for name, new in (("rank", "best_rank"), ("going", "going"), ("in_vain", "in_vain")))
    return select(ways.c.recipient_id, *best).group_by(ways.c.recipient_id).subquery("told")


_KINDS = Hot(_kinds)


def locked(conn: AsyncConnection) -> CTE:
    """Return the part of a statement that locks `people`, in the order of their ids: no two turns then wait for one another crosswise."""
    theirs = select(recipient.c.id).where(among(conn, recipient.c.id, "people")).order_by(recipient.c.id)
    return theirs.with_for_update(key_share=True).cte("locked")
