"""Statuses of messages that go on as they should: *sent*, *delivered*, *read* of an only copy that its provider has taken. Most are.

What follows from them is known beforehand, so they are written by kinds. All others are judged one by one (relay.store.evidence).
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Integer, Text, bindparam

from relay.counting import GOES_ON
from relay.model import DeliveryState
from relay.store import recipients
from relay.store.columns import AnyRow, Moment
from relay.store.evidence import Fact
from relay.store.sql import ids_as_json
from relay.store.tables import attempt, delivery
from relay.store.together import Call, alike, given

#: what of an attempt and of its delivery must be known
ATTEMPT = tuple(attempt.c[name] for name in ("id", "token", "account", "provider_id", "evidence", "delivery_id"))
DELIVERY = (
    *(delivery.c[name] for name in ("municipality_id", "alert_id", "recipient_id", "channel", "part", "state", "hold", "attempts")),
    delivery.c.evidence.label("stands"),
)


class _Kind(NamedTuple):
    evidence: int
    code: str
    found_by: str


def parted(facts: Sequence[Fact], rows: Mapping[int, AnyRow]) -> tuple[list[Fact], list[Fact]]:
    """Part facts into those that go on as they should, and all others: of one attempt either all or none.

    `rows`: attempts with their deliveries, as far as they have been read.
    """
    others = {fact.attempt_id for fact in facts if not _goes_on(fact, rows.get(fact.attempt_id))}
    return [fact for fact in facts if fact.attempt_id not in others], [fact for fact in facts if fact.attempt_id in others]


def _goes_on(fact: Fact, row: AnyRow | None) -> bool:
    if row is None or fact.evidence not in GOES_ON or fact.reason is not None:
        return False
    if not fact.provider_id or fact.provider_id != row.provider_id or (fact.segments, fact.price) != (None, None):
        return False
    return bool(row.attempts == 1 and row.state == DeliveryState.DONE and not row.hold)


def written(facts: Sequence[Fact], rows: Mapping[int, AnyRow], now: datetime) -> tuple[list[Call], recipients.Changes, set[int]]:
    """Return the statements that write them down, what they change in the numbers, and the people whom they are about."""
    risen = [(fact, rows[fact.attempt_id]) for fact in _best(facts).values()]
    risen = [(fact, row) for fact, row in risen if fact.evidence > row.evidence]
    people = {row.recipient_id for _, row in risen if row.recipient_id is not None}
    return [*_raised(risen, now), *_known(risen)], _changes(risen), people


def _best(facts: Sequence[Fact]) -> dict[int, Fact]:
    """The highest fact about each attempt, the last of those that say the same."""
    return {fact.attempt_id: fact for fact in sorted(facts, key=lambda fact: fact.evidence)}


def _raised(risen: Sequence[tuple[Fact, AnyRow]], now: datetime) -> Iterator[Call]:
    kinds: defaultdict[_Kind, list[int]] = defaultdict(list)
    for fact, row in risen:
        kinds[_Kind(int(fact.evidence), fact.code, fact.found_by)].append(row.id)
    for kind, ids in kinds.items():
        yield _RAISE, kind._asdict() | {"now": now, "ids": ids_as_json(ids)}


def _known(risen: Sequence[tuple[Fact, AnyRow]]) -> Iterator[Call]:
    """What is DONE stays so: it knows more."""
    kinds: defaultdict[int, list[int]] = defaultdict(list)
    for fact, row in risen:
        kinds[int(fact.evidence)].append(row.delivery_id)
    for evidence, ids in kinds.items():
        yield _KNOW, {"evidence": evidence, "ids": ids_as_json(ids)}


def _changes(risen: Sequence[tuple[Fact, AnyRow]]) -> recipients.Changes:
    """What they change in the numbers."""
    changes = recipients.Changes()
    of = recipients.Messages
    alike = Counter((of(row.municipality_id, row.alert_id, row.channel, row.part), row.stands, fact.evidence) for fact, row in risen)
    for (messages, before, after), times in alike.items():
        changes.messages(messages, before, after, times)
    return changes


_now = bindparam("now", type_=Moment)
_RAISE = alike(
    attempt,
    given({"evidence": Integer, "code": Text, "found_by": Text}) | {"reason": "", "look_at": None, "ended_at": _now, "risen_at": _now},
)
_KNOW = alike(delivery, given({"evidence": Integer}))
