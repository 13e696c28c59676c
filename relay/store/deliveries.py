"""What the dispatcher asks of the store: lease what is due, look once more and write the intent, recover, look for the unknown."""

import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

from sqlalchemy import LargeBinary, Select, and_, bindparam, insert, or_, select, type_coerce, update
from sqlalchemy.ext.asyncio import AsyncConnection

from channels.base import Evidence
from messages.alert import Gravity
from messages.form import Medium, Part
from relay.model import AddressState, AlertState, DeliveryState, Hours, NotReady, SparedBy, TaskKind, Work
from relay.store import evidence, recipients, sealing, work as tasks
from relay.store.columns import AnyRow
from relay.store.sql import insert_ignore
from relay.store.tables import Address, ResourcePerson, Sender, alert, attempt, delivery, recipient
from relay.verdict import LOOKS

#: WhatsApp lets us write freely for so long after a person's last message
WINDOW = timedelta(hours=24)
#: 128 random bits, in hex: some mail servers lower-case what stands before the @
TOKEN_BYTES = 16

#: a row that cannot be opened is tried again after so long
UNREADABLE_AGAIN = timedelta(minutes=5)

#: a delivery's columns that are not sealed, and what is, there and in its address
_plain = tuple(column for column in delivery.c if column.name not in ("text", "to"))
_sealed = {"address": Address.value, "to": delivery.c.to, "text": delivery.c.text}
_open_sender = select(Sender.id).where(Sender.stopped == "")


def _waits(now: datetime) -> tuple[Any, ...]:
    paused = select(alert.c.id).where(alert.c.paused)
    return (
        delivery.c.state == DeliveryState.WAITING,
        delivery.c.due_at <= now,
        delivery.c.hold.in_(("", "sender")),
        delivery.c.channel != "call",
        delivery.c.sender_id.in_(_open_sender),
        or_(delivery.c.alert_id.is_(None), delivery.c.part == Part.NOTICE, delivery.c.alert_id.not_in(paused)),
    )


def _due(now: datetime, limit: int, without: Collection[int]) -> Select[tuple[int]]:
    """Gravest first, then in order of time. A stopped sender's and a paused alert's rows wait."""
    return (
        select(delivery.c.id)
        .where(*_waits(now), delivery.c.sender_id.not_in(without))
        .order_by(delivery.c.gravity, delivery.c.due_at, delivery.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )


async def gravest_due(conn: AsyncConnection, now: datetime) -> Gravity | None:
    """The gravity of the gravest delivery that waits to be leased."""
    due = select(delivery.c.gravity).where(*_waits(now)).order_by(delivery.c.gravity).limit(1)
    found = (await conn.execute(due)).scalar()
    return None if found is None else Gravity(found)


async def renew(conn: AsyncConnection, fence: int, ids: Sequence[int], until: datetime) -> set[int]:
    """Keep a lease on what has not been tried yet; return what is still ours: the rest was spared, cancelled, or taken over."""
    if not ids:
        return set()
    mine = (delivery.c.id.in_(ids), delivery.c.state == DeliveryState.CLAIMED, delivery.c.fence == fence)
    kept = update(delivery).where(*mine).values(lease_until=until).returning(delivery.c.id)
    return set((await conn.execute(kept)).scalars())


async def lease(
    conn: AsyncConnection, worker: str, fence: int, now: datetime, *, limit: int, seconds: float, without: Collection[int] = ()
) -> list[Work]:
    """Take up to `limit` due deliveries for `worker`, of other senders than `without`; they are its own until `seconds` from now."""
    claim = (
        update(delivery)
        .where(delivery.c.id.in_(_due(now, limit, without)))
        .values(state=DeliveryState.CLAIMED, hold="", claimed_by=worker, fence=fence, lease_until=now + timedelta(seconds=seconds))
        .returning(delivery.c.id)
    )
    ids = list((await conn.execute(claim)).scalars())
    if not ids:
        return []
    works = []
    for row in (await conn.execute(_work_of(ids))).all():
        try:
            works.append(_work(row, now))
        except NotReady as error:
            await _set_aside(conn, row.id, str(error), now)
    return sorted(works, key=lambda item: (item.gravity, item.delivery_id))


async def _set_aside(conn: AsyncConnection, delivery_id: int, words: str, now: datetime) -> None:
    """Let a row that cannot be opened hold nobody else up: a person looks at it, and it is tried again, for a key may come back."""
    await put_off(conn, delivery_id, now + UNREADABLE_AGAIN)
    row = (await conn.execute(select(*_plain).where(delivery.c.id == delivery_id))).one()
    await tasks.open_task(conn, tasks.of_delivery(row, TaskKind.ADDRESS, f"unreadable:{row.address_id or row.id}", words), now)
    if row.recipient_id is not None:
        await evidence.pull_next(conn, [row], now)


def _work_of(ids: Sequence[int]) -> Select[Any]:
    """Everything needed to send, in one query; numbers and texts still sealed."""
    return (
        select(
            *_plain,
            *(type_coerce(sealed, LargeBinary).label(f"{name}_sealed") for name, sealed in _sealed.items()),
            Address.last_inbound_at,
            recipient.c.group_id,
            recipient.c.had_passed_on,
            alert.c.legend,
            alert.c.revision,
            ResourcePerson.quiet_from,
            ResourcePerson.quiet_to,
            ResourcePerson.work_from,
            ResourcePerson.work_to,
        )
        .join(ResourcePerson, ResourcePerson.id == delivery.c.person_id, isouter=True)
        .join(Address, Address.id == delivery.c.address_id, isouter=True)
        .join(recipient, recipient.c.id == delivery.c.recipient_id, isouter=True)
        .join(alert, alert.c.id == delivery.c.alert_id, isouter=True)
        .where(delivery.c.id.in_(ids))
    )


def _work(row: AnyRow, now: datetime) -> Work:
    """Make a piece of work of a row: this is where numbers are opened. Raises NotReady when no key fits."""
    return Work(
        delivery_id=row.id,
        municipality_id=row.municipality_id,
        alert_id=row.alert_id,
        recipient_id=row.recipient_id,
        person_id=row.person_id,
        sender_id=row.sender_id,
        address_id=row.address_id,
        medium=Medium(row.channel),
        part=Part(row.part),
        step=row.step,
        language=row.language,
        reader_language=row.frame_language or row.language,
        to=_opened(row.address_sealed, "address.value") or _opened(row.to_sealed, "delivery.to"),
        text=_opened(row.text_sealed, "delivery.text"),
        gravity=Gravity(row.gravity),
        legend=row.legend or 0,
        revision=row.revision or 0,
        attempt_n=row.attempts + 1,
        fence=row.fence,
        expires_at=row.expires_at,
        window_open=row.last_inbound_at is not None and row.last_inbound_at > now - WINDOW,
        group_id=row.group_id,
        is_deputy=row.stands_for_id is not None,
        had_passed_on=bool(row.had_passed_on),
        quiet=_hours(row.quiet_from, row.quiet_to),
        working=_hours(row.work_from, row.work_to),
    )


def _opened(sealed: bytes | None, place: str) -> str:
    return "" if sealed is None else sealing.keyring().open(bytes(sealed), place)


def _hours(start: time | None, end: time | None) -> Hours | None:
    return Hours(start, end) if start is not None and end is not None else None


# --- the last look, and the intent ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """A piece of work together with how it will be sent: what the attempt row says before the call."""

    work: Work
    account: str
    body_sha256: str
    segments: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Intended:
    """An attempt that is on disk: now it may be sent."""

    attempt_id: int
    token: str
    intent: Intent


async def intend(conn: AsyncConnection, intents: Sequence[Intent], now: datetime) -> list[Intended]:
    """Look once more at each delivery and write the attempts of those that may still go; the rest is put where it belongs."""
    if not intents:
        return []
    verdicts = await _last_look(conn, intents, now)
    going = [intent for intent in intents if verdicts.get(intent.work.delivery_id) == "go"]
    await _put_back(conn, intents, verdicts, now)
    doubts = await _doubted(conn, [intent.work.delivery_id for intent in going])
    rows = [_attempt_row(intent, doubts.get(intent.work.delivery_id), now) for intent in going]
    if not rows:
        return []
    await conn.execute(insert(attempt), rows)
    counted = update(delivery).where(delivery.c.id == bindparam("b_id")).values(attempts=bindparam("b_n"), segments=bindparam("b_segments"))
    await conn.execute(counted, [{"b_id": row["delivery_id"], "b_n": row["n"], "b_segments": row["segments"]} for row in rows])
    await _flag_duplicates(conn, going, doubts)
    tokens = {row["token"]: intent for row, intent in zip(rows, going, strict=True)}
    found = await conn.execute(select(attempt.c.id, attempt.c.token).where(attempt.c.token.in_(tokens)))
    return [Intended(attempt_id=row.id, token=row.token, intent=tokens[row.token]) for row in found]


async def _last_look(conn: AsyncConnection, intents: Sequence[Intent], now: datetime) -> dict[int, str]:
    """Say of each delivery whether it may go: the world may have changed since the lease."""
    works = {intent.work.delivery_id: intent.work for intent in intents}
    looked = (
        select(
            delivery.c.id,
            delivery.c.state,
            delivery.c.fence,
            delivery.c.attempts,
            delivery.c.expires_at,
            delivery.c.alert_id,
            delivery.c.part,
            alert.c.state.label("alert_state"),
            alert.c.paused,
            Address.state.label("address_state"),
            Sender.stopped,
        )
        .join(alert, alert.c.id == delivery.c.alert_id, isouter=True)
        .join(Address, Address.id == delivery.c.address_id, isouter=True)
        .join(Sender, Sender.id == delivery.c.sender_id)
        .where(delivery.c.id.in_(works))
        .with_for_update(of=delivery)
    )
    return {row.id: _may_go(row, works[row.id], now) for row in (await conn.execute(looked)).all()}


def _may_go(row: AnyRow, item: Work, now: datetime) -> str:
    """Say "go", or where the delivery belongs instead; one that was tried since we took it is not ours any more, whoever tried it."""
    if (row.state, row.fence, row.attempts + 1) != (DeliveryState.CLAIMED, item.fence, item.attempt_n):
        return "not_ours"
    if row.expires_at is not None and row.expires_at <= now:
        return "expired"
    if row.stopped or (row.paused and row.part != Part.NOTICE):
        return "wait"
    if row.part == Part.NOTICE:
        return "go"
    if row.alert_id is not None and row.alert_state != AlertState.RELEASED:
        return "cancelled"
    return "go" if row.address_state in (None, AddressState.ACTIVE) else "address"


_PUT_BACK: dict[str, dict[str, Any]] = {
    "expired": {"state": DeliveryState.EXPIRED},
    "wait": {"state": DeliveryState.WAITING},
    "cancelled": {"state": DeliveryState.SPARED, "spared_by": SparedBy.CANCELLED},
    "address": {"state": DeliveryState.FAILED, "reason": "ADDRESS_INVALID"},
}


async def _put_back(conn: AsyncConnection, intents: Sequence[Intent], verdicts: dict[int, str], now: datetime) -> None:
    for verdict, values in _PUT_BACK.items():
        ids = [intent.work.delivery_id for intent in intents if verdicts.get(intent.work.delivery_id) == verdict]
        if not ids:
            continue
        ended = None if verdict == "wait" else now
        await conn.execute(update(delivery).where(delivery.c.id.in_(ids)).values(lease_until=None, ended_at=ended, **values))
        rows = (await conn.execute(select(delivery).where(delivery.c.id.in_(ids), delivery.c.recipient_id.is_not(None)))).all()
        if verdict == "address":
            await evidence.pull_next(conn, rows, now)
        await recipients.refresh(conn, {row.recipient_id for row in rows}, now)


async def _doubted(conn: AsyncConnection, ids: Sequence[int]) -> dict[int, int]:
    """Earlier attempts of these deliveries that were given up without proof: this one may be a second copy."""
    doubted = select(attempt.c.delivery_id, attempt.c.id).where(attempt.c.delivery_id.in_(ids), attempt.c.reason == "NOT_FOUND")
    return {row.delivery_id: row.id for row in (await conn.execute(doubted.order_by(attempt.c.id))).all()}


def _attempt_row(intent: Intent, duplicate_of: int | None, now: datetime) -> dict[str, Any]:
    item = intent.work
    return {
        "municipality_id": item.municipality_id,
        "delivery_id": item.delivery_id,
        "alert_id": item.alert_id,
        "recipient_id": item.recipient_id,
        "sender_id": item.sender_id,
        "account": intent.account,
        "channel": item.medium,
        "n": item.attempt_n,
        "token": secrets.token_hex(TOKEN_BYTES),
        "fence": item.fence,
        "evidence": int(Evidence.INTENT),
        "segments": intent.segments,
        "body_sha256": intent.body_sha256,
        "started_at": now,
        "possible_duplicate_of": duplicate_of,
    }


async def _flag_duplicates(conn: AsyncConnection, going: Sequence[Intent], doubts: dict[int, int]) -> None:
    people = [intent.work.recipient_id for intent in going if intent.work.delivery_id in doubts and intent.work.recipient_id]
    if people:
        await conn.execute(update(recipient).where(recipient.c.id.in_(people)).values(possible_duplicate=True))


async def give_back(conn: AsyncConnection, ids: Sequence[int]) -> None:
    """Return leased deliveries that were not tried."""
    mine = (delivery.c.id.in_(ids), delivery.c.state == DeliveryState.CLAIMED)
    await conn.execute(update(delivery).where(*mine).values(state=DeliveryState.WAITING, lease_until=None))


async def put_off(conn: AsyncConnection, delivery_id: int, until: datetime) -> None:
    """Let a delivery wait for the hours in which its reader may be disturbed."""
    mine = (delivery.c.id == delivery_id, delivery.c.state == DeliveryState.CLAIMED)
    await conn.execute(update(delivery).where(*mine).values(state=DeliveryState.WAITING, due_at=until, lease_until=None))


async def hold_for_window(conn: AsyncConnection, ids: Sequence[int]) -> None:
    """Keep WhatsApp texts without a template until the person's next message opens the window."""
    mine = (delivery.c.id.in_(ids), delivery.c.state == DeliveryState.CLAIMED)
    await conn.execute(update(delivery).where(*mine).values(state=DeliveryState.WAITING, hold="window", lease_until=None))


async def wake(conn: AsyncConnection, item: Work, now: datetime) -> None:
    """Plan one template per person and step that opens the window for the texts held behind it."""
    row = (await conn.execute(select(delivery).where(delivery.c.id == item.delivery_id))).one()
    waking = {"part": Part.WAKE, "state": DeliveryState.WAITING, "due_at": now, "planned_at": now}
    copied = {name: getattr(row, name) for name in _COPIED} | waking
    await conn.execute(insert_ignore(delivery).values(copied))


async def fail(conn: AsyncConnection, item: Work, reason: str, words: str, now: datetime) -> None:
    """End a delivery that cannot even be tried, and tell a person."""
    row = (await conn.execute(select(delivery).where(delivery.c.id == item.delivery_id))).one()
    failed = {"state": DeliveryState.FAILED, "reason": reason, "ended_at": now, "lease_until": None}
    await conn.execute(update(delivery).where(delivery.c.id == row.id).values(failed))
    await tasks.open_task(conn, tasks.of_delivery(row, TaskKind.TEXT, f"text:{row.alert_id}:{row.language}:{reason}", words), now)
    if row.recipient_id is not None:
        await evidence.pull_next(conn, [row], now)
        await recipients.refresh(conn, {row.recipient_id}, now)


_COPIED = (
    "municipality_id",
    "alert_id",
    "recipient_id",
    "person_id",
    "address_id",
    "sender_id",
    "channel",
    "step",
    "action",
    "language",
    "frame_language",
    "gravity",
    "expires_at",
    "stands_for_id",
)


# --- recovery and the unknown -----------------------------------------------------------------------------------------------


async def recover(conn: AsyncConnection, now: datetime, *, alone: bool) -> int:
    """Take back what dead workers held. An intent without an outcome becomes an unknown to be looked for at once.

    `alone`: this is the only dispatcher (SQLite), so every claim of before is a dead one; else only leases that ran out.
    """
    dead = delivery.c.state == DeliveryState.CLAIMED
    if not alone:
        dead = and_(dead, delivery.c.lease_until < now)
    lost = select(delivery.c.id).where(dead, delivery.c.hold == "")
    opened = (
        update(attempt)
        .where(attempt.c.delivery_id.in_(lost), attempt.c.evidence == Evidence.INTENT)
        .values(evidence=int(Evidence.UNKNOWN), reason="UNCERTAIN", look_at=now)
        .returning(attempt.c.delivery_id)
    )
    unknown = list((await conn.execute(opened)).scalars())
    await conn.execute(update(delivery).where(delivery.c.id.in_(unknown)).values(hold="unknown", lease_until=None))
    await conn.execute(
        update(delivery).where(dead, delivery.c.hold == "").values(state=DeliveryState.WAITING, lease_until=None, claimed_by="")
    )
    await evidence.stand_for(conn, unknown, now)
    return len(unknown)


async def unknowns(conn: AsyncConnection, now: datetime, limit: int = 200) -> list[AnyRow]:
    """Return attempts to look for now, with the number they went to."""
    wanted = (
        select(
            attempt,
            delivery.c.gravity,
            delivery.c.attempts,
            delivery.c.address_id,
            delivery.c.expires_at,
            Address.value.label("address_value"),
            delivery.c.to,
            Sender.address.label("sender_address"),
            Sender.provider,
        )
        .join(delivery, delivery.c.id == attempt.c.delivery_id)
        .join(Address, Address.id == delivery.c.address_id, isouter=True)
        .join(Sender, Sender.id == attempt.c.sender_id)
        .where(attempt.c.evidence == Evidence.UNKNOWN, attempt.c.look_at <= now)
        .order_by(delivery.c.gravity, attempt.c.look_at)
        .limit(limit)
    )
    return list((await conn.execute(wanted)).all())


async def taken_ids(conn: AsyncConnection, account: str, provider_ids: Sequence[str]) -> set[str]:
    """Which of these provider ids belong to attempts of ours already."""
    mine = select(attempt.c.provider_id).where(attempt.c.account == account, attempt.c.provider_id.in_(provider_ids))
    return {found for found in (await conn.execute(mine)).scalars() if found}


async def looked(conn: AsyncConnection, row: AnyRow, now: datetime, *, answered: bool) -> None:
    """Note a look without a find; only looks that the provider answered count toward giving up."""
    looks = row.looks + (1 if answered else 0)
    again = now + timedelta(seconds=LOOKS[min(looks, len(LOOKS) - 1)])
    values = {"looks": looks, "look_at": again} | ({"looked_at": now} if answered else {})
    await conn.execute(update(attempt).where(attempt.c.id == row.id).values(values))


async def do_not_wait(conn: AsyncConnection, row: AnyRow, now: datetime) -> None:
    """Start the person's next channel while the gravest message is looked for."""
    owner = (await conn.execute(select(delivery).where(delivery.c.id == row.delivery_id))).one()
    if owner.recipient_id is not None:
        await evidence.pull_next(conn, [owner], now)


async def send_again(conn: AsyncConnection, row: AnyRow, now: datetime) -> None:
    """Give an unknown attempt up and plan another: flagged from here on as a possible second copy."""
    given_up = {"evidence": int(Evidence.REFUSED), "reason": "NOT_FOUND", "ended_at": now, "look_at": None}
    changed = await conn.execute(update(attempt).where(attempt.c.id == row.id, attempt.c.evidence == Evidence.UNKNOWN).values(given_up))
    if not changed.rowcount:
        return
    waiting = {"state": DeliveryState.WAITING, "hold": "", "due_at": now, "lease_until": None}
    await conn.execute(update(delivery).where(delivery.c.id == row.delivery_id).values(waiting))
    # if the second try may not leave, nothing hopeful must be left standing of the first
    await evidence.stand_for(conn, [row.delivery_id], now)


async def ask_a_person(conn: AsyncConnection, row: AnyRow, now: datetime) -> None:
    """A routine message is rather asked about than doubled."""
    owner = (await conn.execute(select(delivery).where(delivery.c.id == row.delivery_id))).one()
    words = "It is not known whether this message was sent. Send it again, or leave it."
    await tasks.open_task(conn, tasks.of_delivery(owner, TaskKind.UNREACHABLE, f"unknown:{row.id}", words), now)


# --- the clock's work ---------------------------------------------------------------------------------------------------------


async def open_calls(conn: AsyncConnection, now: datetime) -> int:
    """Turn due steps of the call list into tasks for the duty officer."""
    due = (delivery.c.state == DeliveryState.WAITING, delivery.c.channel == "call", delivery.c.due_at <= now)
    rows = (await conn.execute(select(delivery).where(*due).order_by(delivery.c.gravity, delivery.c.due_at).with_for_update())).all()
    for row in rows:
        await tasks.open_task(conn, tasks.of_delivery(row, TaskKind.CALL, f"call:{row.recipient_id}", ""), now)
    done = {"state": DeliveryState.DONE, "ended_at": now}
    await conn.execute(update(delivery).where(delivery.c.id.in_([row.id for row in rows])).values(done))
    return len(rows)


async def expire(conn: AsyncConnection, now: datetime) -> int:
    """Drop what is due no more because its alert has expired; only this sweep and the last look may."""
    over = (delivery.c.state == DeliveryState.WAITING, delivery.c.expires_at <= now)
    ended = update(delivery).where(*over).values(state=DeliveryState.EXPIRED, ended_at=now).returning(delivery.c.recipient_id)
    people = {owner for owner in (await conn.execute(ended)).scalars() if owner is not None}
    await recipients.refresh(conn, people, now)
    return len(people)


async def oldest_due(conn: AsyncConnection, now: datetime) -> datetime | None:
    """Since when the oldest delivery that could leave has been due."""
    return (await conn.execute(select(delivery.c.due_at).where(*_waits(now)).order_by(delivery.c.due_at).limit(1))).scalar()


async def next_due(conn: AsyncConnection) -> datetime | None:
    """When the next delivery or look comes due, or a lease runs out, if any."""
    waits, claimed = delivery.c.state == DeliveryState.WAITING, delivery.c.state == DeliveryState.CLAIMED
    moments = (
        (delivery.c.due_at, waits, delivery.c.hold.in_(("", "sender")), delivery.c.sender_id.in_(_open_sender)),
        (delivery.c.due_at, waits, delivery.c.channel == "call"),
        (delivery.c.lease_until, claimed, delivery.c.hold == "", delivery.c.lease_until.is_not(None)),
        (attempt.c.look_at, attempt.c.evidence == Evidence.UNKNOWN, attempt.c.look_at.is_not(None)),
    )
    firsts = [(await conn.execute(select(moment).where(*which).order_by(moment).limit(1))).scalar() for moment, *which in moments]
    return min((moment for moment in firsts if moment is not None), default=None)
