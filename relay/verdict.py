"""What follows for a delivery when one of its attempts ended, or a receipt came. Pure: a table and a clock argument.

A retry is a row with a later due time, never a sleep.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from channels.base import Evidence, Reason, Then
from messages.alert import Gravity
from relay.model import DeliveryState, Hold

#: seconds until the next try after the first, second … refusal that may be repeated: whatever has healed is found within a minute
BACKOFF = (2.0, 5.0, 15.0, 30.0, *[60.0] * 14)
#: a provider that asks for a longer wait is asked again after so many seconds all the same: what it refuses so it has not processed
LONGEST_WAIT = {Gravity.LIFE: 60.0, Gravity.STANDARD: 300.0, Gravity.ROUTINE: 3600.0}
#: tries that came to nothing before the person's next channel waits no longer
PATIENCE = {Gravity.LIFE: 2, Gravity.STANDARD: 5, Gravity.ROUTINE: len(BACKOFF) + 1}
#: a phone that was off: minutes until we try again
PHONE_OFF_AGAIN = (10, 30)
#: copies of one delivery that may leave at most
MOST_COPIES = {Gravity.LIFE: 3, Gravity.STANDARD: 2, Gravity.ROUTINE: 1}
#: WhatsApp said that the window is closed: the template follows at once, and is no second copy
MOST_TRIES_AT_WINDOW = 3
#: seconds of silence at the provider before an unknown attempt is sent again; None: a person decides
GRACE = {Gravity.LIFE: 30.0, Gravity.STANDARD: 60.0, Gravity.ROUTINE: None}
#: seconds until we call a silent provider unknown
POST_DEADLINE = {Gravity.LIFE: 5.0, Gravity.STANDARD: 10.0, Gravity.ROUTINE: 10.0}
#: seconds between looks for an unknown attempt, the first after its call began: at 2, 5, 10, 20, 30 …
LOOKS = (2.0, 3.0, 5.0, 10.0, 10.0, 30.0, 60.0)
#: seconds after which the next channel starts while the gravest message is looked for
MEANWHILE = 5.0
#: seconds after which nobody looks any more: a provider's list says nothing new
FORGOTTEN = 86_400.0


class Verdict(NamedTuple):
    """What a delivery does next."""

    state: DeliveryState
    due_at: datetime | None = None
    hold: Hold = Hold.NOTHING
    #: bring the person's next step on another address forward
    pull_next: bool = False


DONE = Verdict(state=DeliveryState.DONE)
FAILED = Verdict(state=DeliveryState.FAILED, pull_next=True)
LOOKING = Verdict(state=DeliveryState.CLAIMED, hold=Hold.UNKNOWN)


def after_attempt(
    evidence: Evidence,
    reason: Reason | None,
    *,
    tries: int,
    gravity: Gravity,
    now: datetime,
    retry_after: float | None = None,
) -> Verdict:
    """Judge a delivery by what is known of its newest attempt; `tries` counts its attempts so far."""
    if evidence is Evidence.UNKNOWN:
        return LOOKING
    if evidence is Evidence.UNDELIVERED:
        return _not_delivered(reason, tries, gravity, now)
    if evidence is not Evidence.REFUSED:
        return DONE
    then = reason.then if reason else Then.NEXT
    if then is Then.STOP_SENDER:
        # like whatever waits for this sender: moved to a stand-in, or its person to the next channel (relay.store.senders)
        return Verdict(state=DeliveryState.WAITING, due_at=now)
    if then is not Then.RETRY or tries > len(BACKOFF):
        return FAILED
    wait = max(BACKOFF[tries - 1], min(retry_after or 0.0, LONGEST_WAIT[gravity]))
    return Verdict(state=DeliveryState.WAITING, due_at=now + timedelta(seconds=wait), pull_next=tries >= PATIENCE[gravity])


def _not_delivered(reason: Reason | None, tries: int, gravity: Gravity, now: datetime) -> Verdict:
    """Try again a phone that was off, within the class's limit; either way the next channel does not wait for it."""
    if reason is Reason.WINDOW_CLOSED and tries < MOST_TRIES_AT_WINDOW:
        return Verdict(state=DeliveryState.WAITING, due_at=now)
    again = reason is not None and reason.then is Then.RETRY and tries < min(MOST_COPIES[gravity], 1 + len(PHONE_OFF_AGAIN))
    if not again:
        return FAILED
    return Verdict(state=DeliveryState.WAITING, due_at=now + timedelta(minutes=PHONE_OFF_AGAIN[tries - 1]), pull_next=True)
