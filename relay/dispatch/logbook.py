"""One line of the log for each attempt: when it was, of what, how it went, and nothing about whom.

    {"event": "attempt", "alert": 12, "step": 0, "part": "forward", "channel": "sms", "state": "ACCEPTED", "ms": 84, "to": "…67", …}

An address is the last two digits of a number, or the last part of a mailbox's domain: enough to know a line again with the person on the
telephone, and too little to know the person by.
"""

from channels.base import Evidence
from messages.form import Medium
from relay.model import Work
from relay.store.evidence import Fact

#: a member is slow to tell its name, and every message is asked for it
_STATES = {state: state.name for state in Evidence}


def line(work: Work, fact: Fact, *, milliseconds: int) -> dict[str, object]:
    """Return what a line says: ids, states and times, none of which tells who somebody is."""
    mail = work.medium is Medium.EMAIL
    return {
        "municipality": work.municipality_id,
        "alert": work.alert_id,
        "delivery": work.delivery_id,
        "attempt": fact.attempt_id,
        "n": work.attempt_n,
        "step": work.step,
        "part": work.part,
        "channel": work.medium,
        "sender": work.sender_id,
        "state": _STATES[fact.evidence],
        "reason": fact.reason.name if fact.reason else "",
        "code": fact.code,
        "provider_id": "" if mail else fact.provider_id,
        "ms": milliseconds,
        # what may be shown of an address
        "to": f"…@….{work.to.rpartition('.')[2]}" if mail else f"…{work.to[-2:]}",
    }
