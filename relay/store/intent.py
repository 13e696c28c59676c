"""The intent: a last look at each delivery, and the attempt row that is on disk before its call leaves."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from channels.base import Evidence
from messages.form import Part
from relay.model import AddressState, AlertState, DeliveryState, SparedBy, Work
from relay.store import evidence, recipients, trial
from relay.store.columns import AnyRow
from relay.store.tables import Address, Sender, alert, attempt, delivery, recipient
from relay.store.workers import Instant

#: 128 random bits, in hex: some mail servers lower-case what stands before the @
TOKEN_BYTES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """A piece of work together with how it will be sent: what the attempt row says before the call."""

    work: Work
    account: str
    body_sha256: str
    segments: int
    #: reaches nobody: a sandbox on this machine
    emulated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Intended:
    """An attempt that is on disk: now it may be sent."""

    attempt_id: int
    token: str
    intent: Intent


async def intend(conn: AsyncConnection, intents: Sequence[Intent], now: datetime, until: Instant) -> list[Intended]:
    """Look once more at each delivery and write the attempts of those that may still go; the rest is put where it belongs.

    Those that go are ours `until` then: long enough for the call.
    """
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
    changed = {"attempts": bindparam("b_n"), "segments": bindparam("b_segments"), "lease_until": until}
    counted = update(delivery).where(delivery.c.id == bindparam("b_id")).values(changed)
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
    verdicts = {row.id: _may_go(row, works[row.id], now) for row in (await conn.execute(looked)).all()}
    real = [intent.work for intent in intents if not intent.emulated and verdicts.get(intent.work.delivery_id) == "go"]
    return verdicts | dict.fromkeys(await trial.kept_back(conn, real), "trial")


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
    "trial": {"state": DeliveryState.WAITING, "hold": trial.HOLD},
    "cancelled": {"state": DeliveryState.SPARED, "spared_by": SparedBy.CANCELLED},
    "address": {"state": DeliveryState.FAILED, "reason": "ADDRESS_INVALID"},
}


async def _put_back(conn: AsyncConnection, intents: Sequence[Intent], verdicts: dict[int, str], now: datetime) -> None:
    for verdict, values in _PUT_BACK.items():
        ids = [intent.work.delivery_id for intent in intents if verdicts.get(intent.work.delivery_id) == verdict]
        if not ids:
            continue
        ended = None if values["state"] is DeliveryState.WAITING else now
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
