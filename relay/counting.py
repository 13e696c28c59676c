"""What one person and one message add to the numbers. Pure; the store keeps the sums in the transaction that changes a row.

Aggregates rank evidence otherwise than one attempt does: a second copy on its way is better news than a first one given up.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple

from channels.base import Evidence
from relay.model import ACKNOWLEDGED, Rung

#: nothing was tried yet
UNTRIED = -1

#: best news last: what stands for a delivery that had several attempts, and for a person who had several deliveries
STANDING = (
    UNTRIED,
    Evidence.REFUSED,
    Evidence.UNDELIVERED,
    Evidence.INTENT,
    Evidence.UNKNOWN,
    Evidence.ACCEPTED,
    Evidence.SENT,
    Evidence.DELIVERED,
    Evidence.READ,
)
RANK = {evidence: rank for rank, evidence in enumerate(STANDING)}

#: a provider has taken at least one copy
TAKEN = frozenset({Evidence.ACCEPTED, Evidence.SENT, Evidence.UNDELIVERED, Evidence.DELIVERED, Evidence.READ})
#: a copy is, or may still be, on its way
HOPEFUL = frozenset({Evidence.INTENT, Evidence.UNKNOWN, Evidence.ACCEPTED, Evidence.SENT, Evidence.DELIVERED, Evidence.READ})
#: no provider has said what became of it: it may still arrive
MAYBE_OUT = (Evidence.INTENT, Evidence.UNKNOWN)
#: a provider has it, and has not given it up
GOES_ON = frozenset(HOPEFUL.difference(MAYBE_OUT))
ARRIVED = frozenset({Evidence.DELIVERED, Evidence.READ})


def standing(evidences: Iterable[int]) -> int:
    """Return the best of several pieces of evidence, UNTRIED if there are none."""
    return max(evidences, key=RANK.__getitem__, default=UNTRIED)


class PersonFacts(NamedTuple):
    """What of a recipient is counted."""

    left_out: bool = False
    evidence: int = UNTRIED
    rung: Rung = Rung.NONE
    reported: int = 0
    failed: bool = False


def person_adds(facts: PersonFacts) -> dict[str, int]:
    """Return what one recipient adds to the counters of their groups and of the alert."""
    if facts.left_out:
        return {"people": 1, "skipped": 1}
    return {
        "people": 1,
        "planned": 1,
        "sent": int(facts.evidence in TAKEN),
        "delivered": int(facts.evidence in ARRIVED),
        "acknowledged": int(facts.rung in ACKNOWLEDGED),
        "relayed": int(facts.rung is Rung.PASSED_ON),
        "reported_reach": facts.reported,
        "failed": int(facts.failed),
        "unknown": int(facts.evidence in (Evidence.INTENT, Evidence.UNKNOWN)),
    }


def message_adds(evidence: int) -> dict[str, int]:
    """Return what one delivery adds to the counters of its channel."""
    return {
        "sent": int(evidence in TAKEN),
        "delivered": int(evidence in ARRIVED),
        "failed": int(evidence in (Evidence.REFUSED, Evidence.UNDELIVERED)),
    }


@lru_cache(maxsize=4096)
def person_change(before: PersonFacts, after: PersonFacts) -> Mapping[str, int]:
    """Return what changes in the numbers when one recipient does. A night has few kinds of changes, and many of each."""
    return difference(person_adds(before), person_adds(after))


@lru_cache(maxsize=256)
def message_change(before: int, after: int) -> Mapping[str, int]:
    """Return what changes in their channel's numbers when one delivery does."""
    return difference(message_adds(before), message_adds(after))


def difference(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, int]:
    """Return what changed between two sets of additions, without what did not."""
    names = before.keys() | after.keys()
    changes = {name: after.get(name, 0) - before.get(name, 0) for name in names}
    return {name: change for name, change in changes.items() if change}
