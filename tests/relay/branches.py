"""The branches of the send protocol, and which of them an evening has reached: read from its rows and the provider's ledger."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from sqlalchemy import select

from channels.base import Evidence
from channels.sandbox.ledger import Entry, Event
from messages.alert import Gravity
from relay.store.columns import AnyRow
from relay.store.doubts import ASKED
from relay.store.tables import Sender, alert, delivery, inbound, task
from tests.relay.witness import attempts
from tests.stories.arrange import rows
from tests.stories.town import Town


class Branch(Enum):
    """What can become of a send."""

    # the provider says so
    ACCEPTED_BY_ANSWER = "the answer to our call says that it is taken"
    ADDRESS_DEAD = "refused: no such number"
    OPTED_OUT = "refused: its reader wrote STOP"
    TEXT_REFUSED = "refused: this text"
    SENDER_STOPPED = "refused: our credentials or sender; a person must look"
    SENDER_STARTED = "a person has looked, and what waited leaves"
    # nothing left
    NEVER_LEFT = "no connection: tried again"
    THROTTLED = "asked to wait: tried again"
    # in doubt
    UNKNOWN_BY_ERROR = "in doubt: an error of the provider's"
    UNKNOWN_BY_CUT = "in doubt: the line was cut"
    UNKNOWN_BY_ODD_ANSWER = "in doubt: an answer that is none"
    UNKNOWN_BY_REPEATED_ID = "in doubt: an id that belongs to another attempt"
    UNKNOWN_BY_CRASH = "in doubt: our own end, between intent and outcome"
    # resolved by evidence
    FOUND_BY_TOKEN = "found: a callback with the attempt's token"
    FOUND_BY_LIST = "found: the provider's list"
    FOUND_BY_REPLY = "found: its reader has answered"
    LOOKED_IN_VAIN = "not in the list (yet)"
    LIST_UNREADABLE = "the list cannot be read"
    MEANWHILE = "the next channel starts while the gravest is looked for"
    # resolved by time
    GIVEN_UP_GRAVE = "given up after its silence: life"
    GIVEN_UP_STANDARD = "given up after its silence: standard"
    FLAGGED = "sent again, its reader marked"
    LATE_COPY = "given up, sent again, and the first was there after all"
    # resolved by a person
    ASKED_ROUTINE = "a routine message is asked about"
    ASKED_USED_UP = "a grave one is asked about when its copies are used up, or nobody can look"
    SENT_AT_A_WORD = "a person says: again"
    ANSWERED_ITSELF = "the question has answered itself"
    # not sent any more
    DROPPED = "cancelled before it left"
    NOT_SENT_AGAIN = "withdrawn while it was in doubt: not sent again"
    CORRECTED = "a correction leaves"
    EXPIRED = "expired before it left"
    SPARED = "its reader has answered"
    PAUSED = "its alert is paused"
    RESUMED = "its alert goes on"
    # after it was taken
    PHONE_OFF = "the phone is off: tried again later"
    UNDELIVERED = "not delivered: the next channel"
    # what came in while nobody listened
    SWEPT = "an answer that was fetched"


@dataclass(frozen=True, kw_only=True)
class Evening:
    """The rows and the ledger of an evening as they stand."""

    attempts: Sequence[AnyRow]
    deliveries: Mapping[int, AnyRow]
    alerts: Mapping[int, AnyRow]
    tasks: Sequence[AnyRow]
    senders: Sequence[AnyRow]
    heard: Sequence[str]
    ledger: Sequence[Entry]


async def seen(town: Town) -> Evening:
    """Read everything once."""
    return Evening(
        attempts=await attempts(town),
        deliveries={row.id: row for row in await rows(town, select(delivery))},
        alerts={row.id: row for row in await rows(town, select(alert))},
        tasks=await rows(town, select(task)),
        senders=await rows(town, select(Sender.__table__)),
        heard=[row.heard_by for row in await rows(town, select(inbound.c.heard_by))],
        ledger=town.sandbox.ledger.entries(),
    )


def reached(evening: Evening) -> set[Branch]:
    """Say which branches show now; some show only for a while, so it is asked after every step."""
    return {*_of_attempts(evening), *_of_deliveries(evening), *_of_tasks(evening), *_of_the_rest(evening)}


#: why an attempt was refused, or failed on its way
_REASONS = {
    "ADDRESS_INVALID": Branch.ADDRESS_DEAD,
    "OPTED_OUT": Branch.OPTED_OUT,
    "BAD_CONTENT": Branch.TEXT_REFUSED,
    "NOT_CONNECTED": Branch.NEVER_LEFT,
    "THROTTLED": Branch.THROTTLED,
    "UNREACHABLE": Branch.PHONE_OFF,
    "UNDELIVERED": Branch.UNDELIVERED,
}
_FOUND = {"callback": Branch.FOUND_BY_TOKEN, "list": Branch.FOUND_BY_LIST, "reply": Branch.FOUND_BY_REPLY}
#: what stands in an unknown attempt's code
_DOUBTS = {
    "20500": Branch.UNKNOWN_BY_ERROR,
    "201": Branch.UNKNOWN_BY_ODD_ANSWER,
    "307": Branch.UNKNOWN_BY_ODD_ANSWER,
    "repeated-id": Branch.UNKNOWN_BY_REPEATED_ID,
}


def _of_attempts(evening: Evening) -> Iterable[Branch]:
    taken = {entry.token for entry in evening.ledger if entry.event is Event.ACCEPTED}
    for row in evening.attempts:
        if row.reason in _REASONS:
            yield _REASONS[row.reason]
        if row.found_by in _FOUND:
            yield _FOUND[row.found_by]
        if row.evidence == Evidence.UNKNOWN:
            yield _DOUBTS.get(row.code) or (Branch.UNKNOWN_BY_CUT if row.found_by else Branch.UNKNOWN_BY_CRASH)
            if row.looks:
                yield Branch.LOOKED_IN_VAIN
        if row.evidence == Evidence.ACCEPTED and row.found_by == "answer":
            yield Branch.ACCEPTED_BY_ANSWER
        if row.possible_duplicate_of is not None:
            yield Branch.FLAGGED
        if row.reason == "NOT_FOUND":
            yield from _of_given_up(row, evening, taken)


def _of_given_up(row: AnyRow, evening: Evening, taken: set[str]) -> Iterable[Branch]:
    send = evening.deliveries[row.delivery_id]
    by_gravity = {Gravity.LIFE: Branch.GIVEN_UP_GRAVE, Gravity.STANDARD: Branch.GIVEN_UP_STANDARD}
    if send.gravity in by_gravity:
        yield by_gravity[Gravity(send.gravity)]
    if row.token in taken and send.attempts > 1:
        yield Branch.LATE_COPY
    if send.state == "SPARED":
        yield Branch.NOT_SENT_AGAIN


def _of_deliveries(evening: Evening) -> Iterable[Branch]:
    doubtful = {row.recipient_id for row in evening.attempts if row.evidence == Evidence.UNKNOWN}
    for row in evening.deliveries.values():
        if row.spared_by in ("cancelled", "newer_alert"):
            yield Branch.DROPPED
        if row.spared_by == "own_answer":
            yield Branch.SPARED
        if row.state == "EXPIRED":
            yield Branch.EXPIRED
        if row.state == "DONE" and row.alert_id and evening.alerts[row.alert_id].act != "NEW":
            yield Branch.CORRECTED
        if row.channel == "email" and row.state == "DONE" and row.recipient_id in doubtful:
            yield Branch.MEANWHILE


def _of_tasks(evening: Evening) -> Iterable[Branch]:
    for row in evening.tasks:
        if not row.cause.startswith(ASKED):
            continue
        routine = row.delivery_id and evening.deliveries[row.delivery_id].gravity == Gravity.ROUTINE
        yield Branch.ASKED_ROUTINE if routine else Branch.ASKED_USED_UP
        if row.outcome == "sent again":
            yield Branch.SENT_AT_A_WORD
        if row.outcome == "it is known now":
            yield Branch.ANSWERED_ITSELF


def _of_the_rest(evening: Evening) -> Iterable[Branch]:
    if any(row.stopped for row in evening.senders):
        yield Branch.SENDER_STOPPED
    if any(entry.event is Event.FAULT and entry.status == "list" for entry in evening.ledger):
        yield Branch.LIST_UNREADABLE
    if "sweep" in evening.heard:
        yield Branch.SWEPT
