"""What follows for a delivery when one of its attempts ended, or a receipt came. Pure: a table and a clock argument.

Figures: reliability.md 3.4; a retry is a row with a later due time, never a sleep.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from channels.base import Evidence, Reason, Then
from messages.alert import Gravity
from relay.model import DeliveryState

#: seconds until the next try after the first, second … refusal that may be repeated
BACKOFF = (2.0, 5.0, 15.0, 60.0, 180.0, 600.0)
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
#: seconds between looks for an unknown attempt
LOOKS = (2.0, 5.0, 10.0, 20.0, 30.0, 60.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a delivery does next."""

    state: DeliveryState
    due_at: datetime | None = None
    hold: str = ""
    #: bring the person's next step on another address forward
    pull_next: bool = False


DONE = Verdict(state=DeliveryState.DONE)
FAILED = Verdict(state=DeliveryState.FAILED, pull_next=True)
LOOKING = Verdict(state=DeliveryState.CLAIMED, hold="unknown")


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
        return Verdict(state=DeliveryState.WAITING, due_at=now, hold="sender")
    if then is not Then.RETRY or tries > len(BACKOFF):
        return FAILED
    wait = max(BACKOFF[tries - 1], retry_after or 0.0)
    return Verdict(state=DeliveryState.WAITING, due_at=now + timedelta(seconds=wait))


def _not_delivered(reason: Reason | None, tries: int, gravity: Gravity, now: datetime) -> Verdict:
    """Try again a phone that was off, within the class's limit; either way the next channel does not wait for it."""
    if reason is Reason.WINDOW_CLOSED and tries < MOST_TRIES_AT_WINDOW:
        return Verdict(state=DeliveryState.WAITING, due_at=now)
    again = reason is not None and reason.then is Then.RETRY and tries < min(MOST_COPIES[gravity], 1 + len(PHONE_OFF_AGAIN))
    if not again:
        return FAILED
    return Verdict(state=DeliveryState.WAITING, due_at=now + timedelta(minutes=PHONE_OFF_AGAIN[tries - 1]), pull_next=True)
