"""People of an alert: kept in line with their deliveries and answers, and counted in the same transaction."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Boolean, Integer, Text, select
from sqlalchemy.ext.asyncio import AsyncConnection

from channels.base import Evidence
from messages.form import Part
from relay.counting import HOPEFUL, PersonFacts, person_change, standing, weakest
from relay.model import DeliveryState, Rung, TaskKind
from relay.store import counters, progress, work
from relay.store.columns import AnyRow, reader
from relay.store.sql import Kind, among, ids_as_json
from relay.store.tables import delivery, recipient, recipient_group
from relay.store.together import Call, Hot, alike, given, together

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


@dataclass(frozen=True, slots=True)
class Changes:
    """What a batch changes in the numbers, added up before it is written."""

    sums: counters.Sums = field(default_factory=counters.Sums)
    growth: progress.Growth = field(default_factory=progress.Growth)

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
    answers: Mapping[int, tuple[Rung, int]] | None = None,
    before: Sequence[Call] = (),
    changes: Changes | None = None,
) -> None:
    """Bring recipients in line with their deliveries and answers, and keep the numbers.

    `answers`: the new rung and reported reach of those who have just answered; an answer proves that a copy arrived.
    `before`: statements to run first, on the same way; `changes`: others of the numbers, written with these.
    """
    changes = changes or Changes()
    if ids:
        whose = {"ids": ids_as_json(ids)}
        *_, rows, theirs, groups = await together(conn, *before, (_PEOPLE, whose), (_THEIRS, whose), (_GROUPS, whose))
        changed = _changed(rows, theirs, answers or {})
        _count_people(changed, groups, changes)
        calls = [*_writes(changed), *changes.writes(conn, now)]
    else:
        changed, calls = [], [*before, *changes.writes(conn, now)]
    if calls:
        await together(conn, *calls)
    for row, after in changed:
        if after.failed and not row.failed:
            await work.open_task(conn, work.of_person(row, TaskKind.UNREACHABLE, f"unreachable:{row.id}"), now)


def _changed(
    rows: Sequence[AnyRow], deliveries: Sequence[AnyRow], answers: Mapping[int, tuple[Rung, int]]
) -> list[tuple[AnyRow, PersonFacts]]:
    """Return the people whose facts are others now, with those."""
    theirs: dict[int, list[AnyRow]] = {row.id: [] for row in rows}
    for one in deliveries:
        theirs[one.recipient_id].append(one)
    pairs = ((row, _person_after(row, theirs[row.id], answers.get(row.id))) for row in rows)
    return [(row, after) for row, after in pairs if person_facts(row) != after]


def _person_after(row: AnyRow, deliveries: Sequence[AnyRow], answer: tuple[Rung, int] | None) -> PersonFacts:
    rung, reported = answer or (_rung(row.rung), row.reported)
    going = tried = False
    # how far the message itself has come: all its bodies, by the best way. A wake-up or a reminder alone tells nobody anything
    ways: dict[int, int] = {}
    for one in deliveries:
        way, evidence, state = one.address_id, one.evidence, one.state
        going = going or state in _GOING
        tried = tried or state in _IN_VAIN
        if one.part in MESSAGE and (evidence >= 0 or state != DeliveryState.SPARED):
            ways[way] = weakest((evidence, ways[way])) if way in ways else evidence
    best = Evidence.READ if rung is not Rung.NONE else standing(ways.values())
    failed = tried and not going and best not in HOPEFUL
    return PersonFacts(left_out=bool(row.left_out), evidence=best, rung=rung, reported=reported, failed=failed)


_GOING = (DeliveryState.WAITING, DeliveryState.CLAIMED)
_IN_VAIN = (DeliveryState.FAILED, DeliveryState.EXPIRED)


def _writes(changed: Sequence[tuple[AnyRow, PersonFacts]]) -> list[Call]:
    kinds: defaultdict[PersonFacts, list[int]] = defaultdict(list)
    for row, after in changed:
        kinds[after].append(row.id)
    return [(_WRITE, {**{name: getattr(facts, name) for name in _NEW}, "ids": ids_as_json(ids)}) for facts, ids in kinds.items()]


def _count_people(changed: Sequence[tuple[AnyRow, PersonFacts]], groups: Sequence[AnyRow], changes: Changes) -> None:
    """Count a person for the whole alert, and in each of their groups."""
    theirs: dict[int, list[int]] = {}
    for one in groups:
        theirs.setdefault(one.recipient_id, [0]).append(one.group_id)
    for row, after in changed:
        change = person_change(person_facts(row), after)
        changes.growth.add(row.municipality_id, row.alert_id, change)
        for group in theirs.get(row.id, [0]):
            changes.sums.add(row.municipality_id, row.alert_id, group, "", change)


# --- statements -------------------------------------------------------------------------------------------------------


_NEW: dict[str, Kind] = {"evidence": Integer, "rung": Text, "reported": Integer, "failed": Boolean}
_PEOPLE = Hot(lambda conn: select(*_columns).where(among(conn, recipient.c.id, "ids")).order_by(recipient.c.id))
_THEIRS = Hot(
    lambda conn: select(*_delivery_columns).where(
        among(conn, delivery.c.recipient_id, "ids"), delivery.c.action != "", delivery.c.action != "call"
    )
)
_GROUPS = Hot(
    lambda conn: select(recipient_group.c.recipient_id, recipient_group.c.group_id).where(
        among(conn, recipient_group.c.recipient_id, "ids")
    )
)
_WRITE = alike(recipient, given(_NEW))
