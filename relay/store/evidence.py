"""The one place where evidence becomes rows: attempts rise, deliveries and people follow, the numbers with them.

Whatever is learnt about attempts - the provider's answer, a status, a message found by listing - comes through `learn`.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from channels.base import Evidence, Fault, Reason
from messages.alert import Gravity
from messages.form import Part
from relay.counting import HOPEFUL, difference, message_adds, standing
from relay.model import AddressState, DeliveryState, Rung, TaskKind
from relay.store import counters, progress, recipients, work
from relay.store.columns import AnyRow
from relay.store.tables import Address, Sender, attempt, delivery, recipient
from relay.verdict import LOOKS, Verdict, after_attempt


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """What was learnt about one attempt."""

    attempt_id: int
    evidence: Evidence
    provider_id: str = ""
    reason: Reason | None = None
    code: str = ""
    segments: int | None = None
    price: float | None = None
    #: "answer" (to our POST), "callback", "list", "reply", "sweep"
    found_by: str = "answer"
    #: seconds the provider asked us to wait
    retry_after: float | None = None


_attempt_columns = (
    attempt.c.id,
    attempt.c.delivery_id,
    attempt.c.account,
    attempt.c.n,
    attempt.c.evidence,
    attempt.c.provider_id,
    attempt.c.segments,
    attempt.c.price,
    attempt.c.started_at,
)


async def learn(conn: AsyncConnection, facts: Sequence[Fact], now: datetime) -> int:
    """Write facts down; return how many attempts rose. Late, repeated and shuffled facts change nothing."""
    known = await _attempts(conn, [fact.attempt_id for fact in facts])
    facts = await _without_foreign_ids(conn, facts, {row.account for row in known.values()})
    risen = [fact for fact in _best_of_each(facts) if _rises(known[fact.attempt_id], fact)]
    if not risen:
        return 0
    await _raise_attempts(conn, known, risen, now)
    await _follow(conn, known, risen, now)
    return len(risen)


def _best_of_each(facts: Sequence[Fact]) -> list[Fact]:
    """Keep the highest fact about each attempt: one batch may hold *sent* and *delivered* of the same message."""
    best: dict[int, Fact] = {}
    for fact in sorted(facts, key=lambda fact: fact.evidence):
        older = best.get(fact.attempt_id)
        best[fact.attempt_id] = fact if older is None or fact.provider_id else _with_id(fact, older.provider_id)
    return list(best.values())


def _with_id(fact: Fact, provider_id: str) -> Fact:
    return Fact(**{name: getattr(fact, name) for name in Fact.__slots__} | {"provider_id": provider_id})


def _rises(row: AnyRow, fact: Fact) -> bool:
    return fact.evidence > row.evidence or bool(fact.provider_id and not row.provider_id)


async def _attempts(conn: AsyncConnection, ids: Sequence[int]) -> dict[int, AnyRow]:
    rows = await conn.execute(select(*_attempt_columns).where(attempt.c.id.in_(ids)).order_by(attempt.c.id).with_for_update())
    return {row.id: row for row in rows}


async def _without_foreign_ids(conn: AsyncConnection, facts: Sequence[Fact], accounts: Collection[str]) -> list[Fact]:
    """A provider id that belongs to another attempt proves nothing: such an answer is an unknown, not an overwrite."""
    claimed = {fact.provider_id for fact in facts if fact.provider_id}
    if not claimed:
        return list(facts)
    theirs = (attempt.c.account.in_(accounts), attempt.c.provider_id.in_(claimed))
    rows = await conn.execute(select(attempt.c.provider_id, attempt.c.id).where(*theirs))
    owner: dict[str, int] = {row.provider_id: row.id for row in rows}
    kept = []
    for fact in facts:
        if fact.provider_id and owner.setdefault(fact.provider_id, fact.attempt_id) != fact.attempt_id:
            kept.append(_doubted(fact))
        else:
            kept.append(fact)
    return kept


def _doubted(fact: Fact) -> Fact:
    """Believe a callback all the same, which names its attempt by the token; an answer with another's id says nothing about ours."""
    if fact.found_by != "answer":
        return _with_id(fact, "")
    return Fact(attempt_id=fact.attempt_id, evidence=Evidence.UNKNOWN, reason=Reason.UNCERTAIN, code="repeated-id")


async def _raise_attempts(conn: AsyncConnection, known: Mapping[int, AnyRow], risen: Sequence[Fact], now: datetime) -> None:
    statement = (
        update(attempt)
        .where(attempt.c.id == bindparam("b_id"))
        .values(
            evidence=bindparam("b_evidence"),
            provider_id=bindparam("b_provider_id"),
            reason=bindparam("b_reason"),
            code=bindparam("b_code"),
            segments=bindparam("b_segments"),
            price=bindparam("b_price"),
            found_by=bindparam("b_found_by"),
            look_at=bindparam("b_look_at"),
            risen_at=now,
            ended_at=bindparam("b_ended_at"),
        )
    )
    await conn.execute(statement, [_attempt_values(known[fact.attempt_id], fact, now) for fact in risen])


def _attempt_values(row: AnyRow, fact: Fact, now: datetime) -> dict[str, Any]:
    unknown = fact.evidence is Evidence.UNKNOWN
    return {
        "b_id": row.id,
        "b_evidence": max(row.evidence, fact.evidence),
        "b_provider_id": row.provider_id or fact.provider_id or None,
        "b_reason": fact.reason.name if fact.reason else "",
        "b_code": fact.code,
        "b_segments": row.segments if fact.segments is None else fact.segments,
        "b_price": row.price if fact.price is None else fact.price,
        "b_found_by": fact.found_by,
        "b_look_at": max(now, row.started_at + timedelta(seconds=LOOKS[0])) if unknown else None,
        "b_ended_at": None if unknown else now,
    }


# --- what follows for deliveries and people -----------------------------------------------------------------------------

_delivery_columns = (
    delivery.c.id,
    delivery.c.municipality_id,
    delivery.c.alert_id,
    delivery.c.recipient_id,
    delivery.c.person_id,
    delivery.c.address_id,
    delivery.c.sender_id,
    delivery.c.channel,
    delivery.c.step,
    delivery.c.part,
    delivery.c.state,
    delivery.c.hold,
    delivery.c.due_at,
    delivery.c.evidence,
    delivery.c.gravity,
    delivery.c.attempts,
    delivery.c.segments,
    delivery.c.spared_by,
)


async def _follow(conn: AsyncConnection, known: Mapping[int, AnyRow], risen: Sequence[Fact], now: datetime) -> None:
    """Let deliveries take their attempts' evidence, then act on what that means."""
    ids = sorted({known[fact.attempt_id].delivery_id for fact in risen})
    rows = (await conn.execute(select(*_delivery_columns).where(delivery.c.id.in_(ids)).order_by(delivery.c.id).with_for_update())).all()
    facts = _about_newest(known, risen, rows)
    best = await _best(conn, attempt.c.delivery_id, attempt.c.evidence, ids)
    answered = await _answered(conn, rows)
    changes = [_judge(row, facts.get(row.id), best[row.id], answered, now) for row in rows]
    await _write_deliveries(conn, changes, now)
    await _fail_behind(conn, changes, now)
    await count_messages(conn, [(row, best[row.id]) for row in rows], now)
    await _mind_addresses(conn, rows, facts, now)
    await _mind_senders(conn, rows, facts, now)
    pulled = [(row, verdict) for row, verdict in changes if verdict.pull_next and row.recipient_id is not None]
    await pull_next(conn, [row for row, _ in pulled], now)
    await recipients.refresh(conn, {row.recipient_id for row in rows if row.recipient_id is not None}, now)


def _about_newest(known: Mapping[int, AnyRow], risen: Sequence[Fact], rows: Sequence[AnyRow]) -> dict[int, Fact]:
    """Facts by delivery, without those about an attempt that a newer one has followed: they decide nothing any more."""
    newest = {(row.id, row.attempts) for row in rows}
    owners = [(fact, known[fact.attempt_id]) for fact in risen]
    return {row.delivery_id: fact for fact, row in owners if (row.delivery_id, row.n) in newest}


async def _best(conn: AsyncConnection, key: Any, value: Any, ids: Iterable[int]) -> dict[int, int]:
    found: dict[int, list[int]] = {}
    for owner, evidence in (await conn.execute(select(key, value).where(key.in_(list(ids))))).all():
        found.setdefault(owner, []).append(evidence)
    return {owner: standing(evidences) for owner, evidences in found.items()}


async def _answered(conn: AsyncConnection, rows: Sequence[AnyRow]) -> set[int]:
    """Recipients who have answered need no second try."""
    ids = {row.recipient_id for row in rows if row.recipient_id is not None}
    found = await conn.execute(select(recipient.c.id).where(recipient.c.id.in_(ids), recipient.c.rung != Rung.NONE))
    return set(found.scalars())


def _judge(row: AnyRow, fact: Fact | None, best: int, answered: set[int], now: datetime) -> tuple[AnyRow, Verdict]:
    """Decide by the newest fact; a better older copy makes the delivery DONE whatever became of the newer one."""
    kept = Verdict(state=DeliveryState(row.state), due_at=row.due_at, hold=row.hold)
    if row.state in (DeliveryState.SPARED, DeliveryState.EXPIRED) and best not in HOPEFUL:
        return row, kept
    if best > Evidence.UNKNOWN and best in HOPEFUL:
        return row, Verdict(state=DeliveryState.DONE)
    if fact is None:
        return row, kept
    verdict = after_attempt(
        fact.evidence,
        fact.reason,
        tries=max(1, row.attempts),
        gravity=Gravity(row.gravity),
        now=now,
        retry_after=fact.retry_after,
    )
    if verdict.state is DeliveryState.WAITING and row.recipient_id in answered:
        return row, Verdict(state=DeliveryState.SPARED)
    return row, verdict


async def _write_deliveries(conn: AsyncConnection, changes: Sequence[tuple[AnyRow, Verdict]], now: datetime) -> None:
    ended = (DeliveryState.DONE, DeliveryState.FAILED, DeliveryState.SPARED)
    statement = (
        update(delivery)
        .where(delivery.c.id == bindparam("b_id"))
        .values(
            state=bindparam("b_state"),
            due_at=bindparam("b_due_at"),
            hold=bindparam("b_hold"),
            lease_until=bindparam("b_lease_until"),
            ended_at=bindparam("b_ended_at"),
            spared_by=bindparam("b_spared_by"),
        )
    )
    moved = [(row, verdict) for row, verdict in changes if _moves(row, verdict)]
    rows = [
        {
            "b_id": row.id,
            "b_state": verdict.state,
            "b_due_at": verdict.due_at or row.due_at,
            "b_hold": verdict.hold,
            "b_lease_until": None,
            "b_ended_at": now if verdict.state in ended else None,
            "b_spared_by": "own_answer" if verdict.state is DeliveryState.SPARED else "",
        }
        for row, verdict in moved
    ]
    if rows:
        await conn.execute(statement, rows)


def _moves(row: AnyRow, verdict: Verdict) -> bool:
    """Whether anything becomes of a delivery; one that stays keeps its lease, and its reason for being spared."""
    return (row.state, row.hold) != (verdict.state, verdict.hold) or verdict.due_at not in (None, row.due_at)


async def stand_for(conn: AsyncConnection, ids: Sequence[int], now: datetime) -> None:
    """Bring deliveries and their people in line with attempts that were changed by other than news: a worker's end, a search given up."""
    rows = (await conn.execute(select(*_delivery_columns).where(delivery.c.id.in_(ids)).order_by(delivery.c.id).with_for_update())).all()
    best = await _best(conn, attempt.c.delivery_id, attempt.c.evidence, ids)
    await count_messages(conn, [(row, best[row.id]) for row in rows], now)
    await recipients.refresh(conn, {row.recipient_id for row in rows if row.recipient_id is not None}, now)


async def count_messages(conn: AsyncConnection, changed: Sequence[tuple[AnyRow, int]], now: datetime) -> None:
    """Move deliveries to new evidence and keep their channel's numbers."""
    moved = [(row, best) for row, best in changed if row.evidence != best]
    if not moved:
        return
    statement = update(delivery).where(delivery.c.id == bindparam("b_id")).values(evidence=bindparam("b_evidence"))
    await conn.execute(statement, [{"b_id": row.id, "b_evidence": best} for row, best in moved])
    adds, growth = counters.Sums(), progress.Growth()
    for row, best in moved:
        if row.alert_id is not None:
            change = difference(message_adds(row.evidence), message_adds(best))
            adds.add(row.municipality_id, row.alert_id, 0, row.channel, change)
            growth.add(row.municipality_id, row.alert_id, {progress.REMINDED: change.get("sent", 0) if row.part == Part.REMINDER else 0})
    await counters.write(conn, adds)
    await progress.write(conn, growth, now)


async def pull_next(conn: AsyncConnection, failed: Sequence[AnyRow], now: datetime) -> None:
    """Bring each person's next step on another address forward to now; the call list and deputies count as steps.

    A way has several messages. When the second of them fails too, the next step has begun already, and is not the one after it.
    """
    for row in failed:
        theirs = (delivery.c.recipient_id == row.recipient_id) & (delivery.c.address_id != row.address_id)
        later = (theirs | (delivery.c.stands_for_id == row.recipient_id), delivery.c.step > row.step)
        needed = select(delivery.c.step).where(*later, delivery.c.state != DeliveryState.SPARED)
        next_step = needed.order_by(delivery.c.step).limit(1).scalar_subquery()
        waiting = (delivery.c.step == next_step, delivery.c.state == DeliveryState.WAITING, delivery.c.due_at > now)
        await conn.execute(update(delivery).where(*later, *waiting).values(due_at=now))


async def _fail_behind(conn: AsyncConnection, changes: Sequence[tuple[AnyRow, Verdict]], now: datetime) -> None:
    """A wake-up that failed opens no window: the texts that were held behind it have failed with it."""
    for row, verdict in changes:
        if row.part == Part.WAKE and verdict.state is DeliveryState.FAILED:
            held = (delivery.c.recipient_id == row.recipient_id, delivery.c.address_id == row.address_id, delivery.c.hold == "window")
            failed = {"state": DeliveryState.FAILED, "hold": "", "reason": "NO_TEMPLATE", "ended_at": now}
            await conn.execute(update(delivery).where(*held, delivery.c.state == DeliveryState.WAITING).values(failed))


async def _mind_addresses(conn: AsyncConnection, rows: Sequence[AnyRow], facts: Mapping[int, Fact], now: datetime) -> None:
    """Take dead addresses out of use, and ask the coordinator to mend them."""
    for row in rows:
        fact = facts.get(row.id)
        if fact is None or fact.reason is None or row.address_id is None:
            continue
        if fact.reason is Reason.WINDOW_CLOSED:
            await conn.execute(update(Address).where(Address.id == row.address_id).values(last_inbound_at=None))
        if not fact.reason.kills_address:
            continue
        opted_out = fact.reason.fault is Fault.PERSON
        state = AddressState.OPTED_OUT if opted_out else AddressState.INVALID
        await conn.execute(
            update(Address)
            .where(Address.id == row.address_id, Address.state == AddressState.ACTIVE)
            .values(state=state, state_reason=fact.reason.name, state_at=now)
        )
        kind = TaskKind.OPTED_OUT if opted_out else TaskKind.ADDRESS
        await work.open_task(conn, work.of_delivery(row, kind, f"{kind}:{row.address_id}", fact.reason.words), now)


async def _mind_senders(conn: AsyncConnection, rows: Sequence[AnyRow], facts: Mapping[int, Fact], now: datetime) -> None:
    """Stop a sender whose account or settings the provider refuses; the queue is kept and a person is alarmed."""
    for row in rows:
        fact = facts.get(row.id)
        if fact is None or fact.reason is None:
            continue
        if fact.reason.then.name == "STOP_SENDER" and row.sender_id is not None:
            await conn.execute(
                update(Sender).where(Sender.id == row.sender_id, Sender.stopped == "").values(stopped=fact.reason.name, stopped_at=now)
            )
            await work.open_task(
                conn, work.of_delivery(row, TaskKind.SENDER, f"sender:{row.sender_id}:{fact.reason.name}", fact.reason.words), now
            )
        if fact.reason.then.name == "FAIL":
            await work.open_task(
                conn, work.of_delivery(row, TaskKind.TEXT, f"text:{row.alert_id}:{fact.reason.name}", fact.reason.words), now
            )
