"""The one place where evidence becomes rows: attempts rise, deliveries and people follow, the numbers with them.

Whatever is learnt about attempts - the provider's answer, a status, a message found by listing - comes through `learn`; only what every
evening is full of has shorter ways to the same rows: a first call that was taken (relay.store.outcomes), a status of a message that goes on
as it should (relay.store.onward). A batch is read in one visit to the database and written in another.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Executable, Float, Integer, Subquery, Text, Update, bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from channels.base import Evidence, Reason
from messages.alert import Gravity
from messages.form import Part
from relay.counting import GOES_ON, HOPEFUL, standing
from relay.model import DeliveryState, Hold, Rung, SparedBy
from relay.store import recipients, troubles
from relay.store.columns import AnyRow, Moment, reader
from relay.store.routine import beyond_routine
from relay.store.sql import Kind, among, by_key, ids_as_json, one_of, rows_as_json, rows_from_json
from relay.store.tables import attempt, delivery, recipient
from relay.store.together import Call, Hot, alike, given, together
from relay.verdict import DONE, LOOKS, Verdict, after_attempt


class Fact(NamedTuple):
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


async def learn(conn: AsyncConnection, facts: Sequence[Fact], now: datetime) -> int:
    """Write facts down; return how many attempts rose. Late, repeated and shuffled facts change nothing."""
    if not facts:
        return 0
    beyond_routine(conn)
    told = rows_as_json(conn, ({"id": fact.attempt_id, "provider_id": fact.provider_id or None} for fact in facts))
    whose = {"told": told, "ids": ids_as_json(fact.attempt_id for fact in facts)}
    tried, owners = await together(conn, (_TRIED, whose), (_OWNERS, whose))
    known = {row.id: row for row in tried}
    risen = [fact for fact in _best_of_each(_without_foreign_ids(facts, known, tried)) if _rises(known[fact.attempt_id], fact)]
    if risen:
        ids = {known[fact.attempt_id].delivery_id for fact in risen}
        await _follow(conn, known, risen, [row for row in owners if row.id in ids], now)
    return len(risen)


def _best_of_each(facts: Sequence[Fact]) -> list[Fact]:
    """Keep the highest fact about each attempt: one batch may hold *sent* and *delivered* of the same message."""
    best: dict[int, Fact] = {}
    for fact in sorted(facts, key=lambda fact: fact.evidence):
        older = best.get(fact.attempt_id)
        best[fact.attempt_id] = fact if older is None else _with_what_it_lacks(fact, older)
    return list(best.values())


def _with_what_it_lacks(fact: Fact, older: Fact) -> Fact:
    """A higher fact often says less: what a lower one told beside its state stays."""
    return fact._replace(
        provider_id=fact.provider_id or older.provider_id,
        segments=older.segments if fact.segments is None else fact.segments,
        price=older.price if fact.price is None else fact.price,
    )


def _with_id(fact: Fact, provider_id: str) -> Fact:
    return fact._replace(provider_id=provider_id)


def _rises(row: AnyRow, fact: Fact) -> bool:
    return fact.evidence > row.evidence or bool(fact.provider_id and not row.provider_id)


def _without_foreign_ids(facts: Sequence[Fact], known: Mapping[int, AnyRow], tried: Sequence[AnyRow]) -> list[Fact]:
    """A provider id that belongs to another attempt proves nothing: such an answer is an unknown, not an overwrite."""
    owner = {(row.account, row.told_id): row.owner_id for row in tried if row.owner_id is not None}
    kept = []
    for fact in facts:
        named = (known[fact.attempt_id].account, fact.provider_id)
        if fact.provider_id and owner.setdefault(named, fact.attempt_id) != fact.attempt_id:
            kept.append(_doubted(fact))
        else:
            kept.append(fact)
    return kept


def _doubted(fact: Fact) -> Fact:
    """Believe a callback all the same, which names its attempt by the token; an answer with another's id says nothing about ours."""
    if fact.found_by != "answer":
        return _with_id(fact, "")
    return Fact(attempt_id=fact.attempt_id, evidence=Evidence.UNKNOWN, reason=Reason.UNCERTAIN, code="repeated-id")


class Risen(NamedTuple):
    """What an attempt is from now on."""

    evidence: int
    reason: str = ""
    code: str = ""
    segments: int = 0
    price: float | None = None
    found_by: str = ""
    #: an unknown one is looked for; what is not unknown has ended
    look_at: datetime | None = None


def _raised(conn: AsyncConnection, known: Mapping[int, AnyRow], risen: Sequence[Fact], now: datetime) -> Iterator[Call]:
    """Yield the statements that let attempts rise: most of a batch rise alike, but for the provider's id."""
    kinds: defaultdict[tuple[bool, Risen], list[Fact]] = defaultdict(list)
    for fact in risen:
        row = known[fact.attempt_id]
        kinds[bool(fact.provider_id and not row.provider_id), _risen(row, fact, now)].append(fact)
    for (named, what), facts in kinds.items():
        yield (_RAISE_AND_NAME, rises_named(conn, what, facts, now)) if named else (_RAISE, _rises_by(what, facts, now))


def rises_named(conn: AsyncConnection, what: Risen, facts: Sequence[Fact], now: datetime) -> dict[str, Any]:
    """Return what `raising` is given: attempts that rise alike, and their providers' ids, which must be nobody else's."""
    told = rows_as_json(conn, ({"id": fact.attempt_id, "provider_id": fact.provider_id} for fact in facts))
    return _rises_by(what, facts, now) | {"told": told}


def _rises_by(what: Risen, facts: Sequence[Fact], now: datetime) -> dict[str, Any]:
    ids = ids_as_json(fact.attempt_id for fact in facts)
    return what._asdict() | {"now": now, "ended_at": None if what.look_at else now, "ids": ids}


def _risen(row: AnyRow, fact: Fact, now: datetime) -> Risen:
    """An older fact that brings the provider's id changes nothing else."""
    older = fact.evidence <= row.evidence
    unknown = max(row.evidence, fact.evidence) == Evidence.UNKNOWN
    return Risen(
        evidence=int(max(row.evidence, fact.evidence)),
        reason=row.reason if older else fact.reason.name if fact.reason else "",
        code=row.code if older else fact.code,
        segments=row.segments if fact.segments is None else fact.segments,
        price=row.price if fact.price is None else fact.price,
        found_by=row.found_by if older else fact.found_by,
        look_at=max(now, row.started_at + timedelta(seconds=LOOKS[0])) if unknown else None,
    )


# --- what follows for deliveries and people -----------------------------------------------------------------------------


async def _follow(conn: AsyncConnection, known: Mapping[int, AnyRow], risen: Sequence[Fact], rows: Sequence[AnyRow], now: datetime) -> None:
    """Let attempts rise, deliveries take their attempts' evidence, and people theirs; then act on what that means."""
    facts = _about_newest(known, risen, rows)
    best = await _best_after(conn, known, risen, rows)
    changes = [(row, _judge(row, facts.get(row.id), best[row.id], now)) for row in rows]
    changed = ((row, verdict) for row, verdict in changes if _changes(row, verdict, best[row.id]))
    calls: list[Call] = [*_raised(conn, known, risen, now), *_settled(changed, best, now)]
    reasons = {owner: fact.reason for owner, fact in facts.items() if fact.reason is not None}
    if reasons or any(verdict.pull_next for _, verdict in changes):
        await together(conn, *calls)
        await troubles.follow(conn, changes, reasons, now)
        calls = []
    await recipients.refresh(conn, _people(rows), now, before=calls, changes=_message_changes(rows, best))


def _about_newest(known: Mapping[int, AnyRow], risen: Sequence[Fact], rows: Sequence[AnyRow]) -> dict[int, Fact]:
    """Facts by delivery that decide something: not those about an attempt that a newer one has followed, nor what was known already."""
    newest = {(row.id, row.attempts) for row in rows}
    owners = [(fact, row) for fact in risen if fact.evidence > (row := known[fact.attempt_id]).evidence]
    return {row.delivery_id: fact for fact, row in owners if (row.delivery_id, row.n) in newest}


async def _best_after(conn: AsyncConnection, known: Mapping[int, AnyRow], risen: Sequence[Fact], rows: Sequence[AnyRow]) -> dict[int, int]:
    """The best of each delivery's attempts, as they will be; the others are read where there were several."""
    after: dict[int, dict[int, int]] = {row.id: {} for row in rows}
    several = [row.id for row in rows if row.attempts > 1]
    if several:
        for one in (await together(conn, (_EVIDENCES, {"ids": ids_as_json(several)})))[0]:
            after[one.delivery_id][one.id] = one.evidence
    for fact in risen:
        row = known[fact.attempt_id]
        after[row.delivery_id][row.id] = max(row.evidence, fact.evidence)
    return {owner: standing(evidences.values()) for owner, evidences in after.items()}


def _judge(row: AnyRow, fact: Fact | None, best: int, now: datetime) -> Verdict:
    """Decide by the newest fact; a better older copy makes the delivery DONE whatever became of the newer one."""
    if best in GOES_ON:
        return DONE
    if fact is None or (row.state in (DeliveryState.SPARED, DeliveryState.EXPIRED) and best not in HOPEFUL):
        return Verdict(state=_state(row.state), due_at=row.due_at, hold=_hold(row.hold))
    verdict = after_attempt(
        fact.evidence,
        fact.reason,
        tries=max(1, row.attempts),
        gravity=_gravity(row.gravity),
        now=now,
        retry_after=fact.retry_after,
    )
    if verdict.state is DeliveryState.WAITING and _is_needless(row):
        return Verdict(state=DeliveryState.SPARED)
    return verdict


def _is_needless(row: AnyRow) -> bool:
    """Whether another try is: an answer came while this one was under way. The text to pass on is tried until it arrives."""
    return bool(row.spared_by) or (row.part in _QUESTIONS and row.rung not in (None, Rung.NONE))


_state, _gravity, _hold = reader(DeliveryState), reader(Gravity), reader(Hold)
#: parts that want an answer and bring nothing else
_QUESTIONS = (Part.ASK, Part.REMINDER)


def _changes(row: AnyRow, verdict: Verdict, best: int) -> bool:
    return row.evidence != best or _moves(row, verdict)


def _moves(row: AnyRow, verdict: Verdict) -> bool:
    """Whether anything becomes of a delivery; one that stays keeps its lease, and its reason for being spared."""
    return (row.state, row.hold) != (verdict.state, verdict.hold) or verdict.due_at not in (None, row.due_at)


_ENDED = (DeliveryState.DONE, DeliveryState.FAILED, DeliveryState.SPARED)


def _settled(changes: Iterable[tuple[AnyRow, Verdict]], best: Mapping[int, int], now: datetime) -> Iterator[Call]:
    """Yield the statements that bring deliveries to their verdicts. One that only knows more keeps its state, and its lease."""
    kinds: defaultdict[tuple[Any, ...], list[int]] = defaultdict(list)
    for row, verdict in changes:
        moves = (verdict.state, verdict.hold, verdict.due_at, _spared_by(row, verdict)) if _moves(row, verdict) else ()
        kinds[best[row.id], *moves].append(row.id)
    for (evidence, *where), ids in kinds.items():
        own: dict[str, Any] = {"evidence": evidence, "ids": ids_as_json(ids)}
        if not where:
            yield _KNOW, own
            continue
        state, hold, due_at, spared_by = where
        own |= {"state": state, "hold": hold, "spared_by": spared_by}
        own |= {"ended_at": now if state in _ENDED else None}
        yield (_MOVE, own) if due_at is None else (_PUT_OFF, own | {"due_at": due_at})


def _spared_by(row: AnyRow, verdict: Verdict) -> str:
    """What made a delivery needless, if anything did; one that is looked for keeps its mark."""
    if verdict.state is DeliveryState.SPARED:
        return row.spared_by or SparedBy.OWN_ANSWER
    return str(row.spared_by) if verdict.state is DeliveryState.CLAIMED else ""


def done(evidence: int, ids: Iterable[int], now: datetime) -> Call:
    """Return the statement that brings deliveries to their end: a provider has a copy."""
    return _DONE, {"evidence": evidence, "now": now, "ids": ids_as_json(ids)}


async def stand_for(conn: AsyncConnection, ids: Collection[int], now: datetime) -> None:
    """Bring deliveries and their people in line with attempts that were changed by other than news: a worker's end, a search given up."""
    given = {"ids": ids_as_json(ids)}
    rows, evidences = await together(conn, (_DELIVERIES, given), (_EVIDENCES, given))
    found: dict[int, list[int]] = {}
    for one in evidences:
        found.setdefault(one.delivery_id, []).append(one.evidence)
    best = {owner: standing(theirs) for owner, theirs in found.items()}
    stays = [(row, Verdict(state=row.state, hold=_hold(row.hold))) for row in rows]
    calls = _settled(((row, verdict) for row, verdict in stays if row.evidence != best[row.id]), best, now)
    await recipients.refresh(conn, _people(rows), now, before=[*calls], changes=_message_changes(rows, best))


def _people(rows: Iterable[AnyRow]) -> set[int]:
    return {row.recipient_id for row in rows if row.recipient_id is not None}


def _message_changes(rows: Sequence[AnyRow], best: Mapping[int, int]) -> recipients.Changes:
    """What deliveries that move to new evidence change in the numbers."""
    changes = recipients.Changes()
    for row in rows:
        changes.messages(recipients.Messages(row.municipality_id, row.alert_id, row.channel, row.part), row.evidence, best[row.id])
    return changes


# --- statements -----------------------------------------------------------------------------------------------------------

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
    delivery.c.spared_by,
    delivery.c.due_at,
    delivery.c.evidence,
    delivery.c.gravity,
    delivery.c.attempts,
    recipient.c.rung,
)
_TOLD: dict[str, Kind] = {"id": BigInteger, "provider_id": Text}
_RISEN: dict[str, Kind] = {
    "evidence": Integer,
    "reason": Text,
    "code": Text,
    "segments": Integer,
    "price": Float,
    "found_by": Text,
    "look_at": Moment,
}
_MOVED: dict[str, Kind] = {"evidence": Integer, "state": Text, "hold": Text, "spared_by": Text, "ended_at": Moment}


def _tried(conn: AsyncConnection) -> Executable:
    """Attempts, and to which attempt the provider id that we were told belongs already."""
    told = rows_told(conn)
    owner = attempt.alias("owner")
    # a subquery, and no join: so PostgreSQL goes by the index, as in `by_key`
    told_us = ("evidence", "provider_id", "reason", "code", "found_by", "segments", "price")
    columns = ("id", "delivery_id", "account", "n", "started_at", *told_us)
    whose = select(owner.c.id).where(owner.c.account == attempt.c.account, owner.c.provider_id == told.c.provider_id).scalar_subquery()
    return (
        select(*(attempt.c[name] for name in columns), told.c.provider_id.label("told_id"), whose.label("owner_id"))
        .select_from(told)
        .join(attempt, by_key(conn, attempt.c.id, told.c.id, "ids"))
    )


def _deliveries() -> Any:
    return select(*_delivery_columns).select_from(delivery).join(recipient, recipient.c.id == delivery.c.recipient_id, isouter=True)


def _owners(conn: AsyncConnection) -> Executable:
    owned = select(attempt.c.delivery_id).where(among(conn, attempt.c.id, "ids"))
    return _deliveries().where(one_of(conn, delivery.c.id, owned)).order_by(delivery.c.id)  # type: ignore[no-any-return]


def rows_told(conn: AsyncConnection) -> Subquery:
    """Return the rows that say which provider's id an attempt got."""
    return rows_from_json(conn, "told", _TOLD)


def raising(conn: AsyncConnection, told: Subquery) -> Update:
    """Return the update that lets attempts rise alike and gives them their providers' ids; it is given `rises_named`."""
    return update(attempt).where(by_key(conn, attempt.c.id, told.c.id, "ids")).values({**_RAISED, "provider_id": told.c.provider_id})


#: what becomes of deliveries of which a provider has a copy
DONE_BY: Mapping[str, Any] = {
    "evidence": bindparam("evidence", type_=Integer),
    "state": DeliveryState.DONE,
    "hold": Hold.NOTHING,
    "spared_by": "",
    "ended_at": bindparam("now", type_=Moment),
    "lease_until": None,
}


_RAISED = given(_RISEN | {"ended_at": Moment}) | {"risen_at": bindparam("now", type_=Moment)}
_TRIED, _OWNERS, _RAISE_AND_NAME = Hot(_tried), Hot(_owners), Hot(lambda conn: raising(conn, rows_told(conn)))
_RAISE = alike(attempt, _RAISED)
_KNOW = alike(delivery, given({"evidence": Integer}))
_DONE = alike(delivery, DONE_BY)
_MOVE = alike(delivery, given(_MOVED) | {"lease_until": None})
_PUT_OFF = alike(delivery, given(_MOVED | {"due_at": Moment}) | {"lease_until": None})
_DELIVERIES = Hot(lambda conn: _deliveries().where(among(conn, delivery.c.id, "ids")).order_by(delivery.c.id))
_EVIDENCES = Hot(
    lambda conn: select(attempt.c.id, attempt.c.delivery_id, attempt.c.evidence).where(among(conn, attempt.c.delivery_id, "ids"))
)
