"""The intent: a last look at each delivery, and the attempt row that is on disk before its call leaves."""

import secrets
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Executable,
    FromClause,
    Integer,
    Text,
    Update,
    and_,
    bindparam,
    exists,
    literal,
    not_,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from channels.base import Evidence
from messages.form import Part
from relay.model import AddressState, AlertState, DeliveryState, Hold, SparedBy, Work
from relay.store import recipients, together, trial, troubles
from relay.store.columns import AnyRow, Moment
from relay.store.routine import beyond_routine, is_routine
from relay.store.sql import Kind, among, as_json, by_key, ids_as_json, rows_from_json
from relay.store.tables import Address, Municipality, Sender, alert, attempt, delivery, recipient
from relay.store.tables.sending import ATTEMPT_OPEN
from relay.store.together import Call, Hot, given

#: 128 random bits, in small letters and digits: some mail servers lower-case what stands before the @
TOKEN_BYTES = 16
#: seconds within which tokens begin alike: about a batch. They begin anew after eight years, which hurts nobody
MOMENT = 0.064


class Intent(NamedTuple):
    """A piece of work together with how it will be sent: what the attempt row says before the call."""

    work: Work
    account: str
    body_sha256: str
    segments: int
    #: reaches nobody: a sandbox on this machine
    emulated: bool = False


class Intended(NamedTuple):
    """An attempt that is on disk: now it may be sent."""

    attempt_id: int
    token: str
    intent: Intent


class Tries(NamedTuple):
    """Attempts to be written."""

    by_token: Mapping[str, Intent]
    #: what the statements are given
    given: Mapping[str, str]
    #: the same for those that are counted alike
    kinds: Sequence[Mapping[str, Any]]


def tries(intents: Sequence[Intent], now: datetime, doubts: Mapping[int, int] | None = None) -> Tries:
    """Give each its token, and write out what the database is given: this need not wait for it. `doubts`: earlier attempts, by delivery."""
    doubted = doubts or {}
    by_token = dict(zip(_tokens(now, len(intents)), intents, strict=True))
    rows = [_row(token, intent, doubted.get(intent.work.delivery_id)) for token, intent in by_token.items()]
    return Tries(by_token, {"wanted": as_json(rows), "ids": ids_as_json(row["id"] for row in rows)}, list(_kinds(rows)))


async def intend(conn: AsyncConnection, wanted: Tries, now: datetime) -> list[Intended]:
    """Look once more at each delivery and write the attempts of those that may still go; the rest is put where it belongs."""
    intents = list(wanted.by_token.values())
    if not intents:
        return []
    if is_routine(conn):
        return await begin(conn, wanted, now)()
    again = [intent.work.delivery_id for intent in intents if intent.work.attempt_n > 1]
    doubts = await _doubted(conn, again) if again else {}
    intended = await _go(conn, tries(intents, now, doubts) if doubts else wanted, now)
    if len(intended) < len(intents):
        gone = {one.intent.work.delivery_id for one in intended}
        listed = await _put_back(conn, [intent for intent in intents if intent.work.delivery_id not in gone], now)
        intended += await _go(conn, tries([one._replace(emulated=True) for one in listed], now, doubts), now) if listed else []
    if doubts:
        await _flag_duplicates(conn, [one.intent for one in intended], doubts)
    return intended


def begin(conn: AsyncConnection, wanted: Tries, now: datetime) -> Callable[[], Awaitable[list[Intended]]]:
    """Begin to write the attempts of deliveries that may all go at their first try, and return what finishes that (PostgreSQL: all of it).

    Both: NotRoutineError where it is not so.
    """
    if any(intent.work.attempt_n > 1 for intent in wanted.by_token.values()):
        beyond_routine(conn)
    asked = together.ask(conn, *_calls(conn, wanted, now))

    async def finish() -> list[Intended]:
        intended = _intended(await asked(), wanted)
        if len(intended) < len(wanted.by_token):
            beyond_routine(conn)
        return intended

    return finish


async def _go(conn: AsyncConnection, wanted: Tries, now: datetime) -> list[Intended]:
    """Write the attempts of those that may go."""
    return _intended(await together.together(conn, *_calls(conn, wanted, now)), wanted)


def _calls(conn: AsyncConnection, wanted: Tries, now: datetime) -> list[Call]:
    if not wanted.by_token:
        return []
    given = {**wanted.given, "now": now}
    if conn.dialect.name == "postgresql":
        return [(_COUNT_AND_WRITE, given)]
    return [*((_COUNT, {**kind, "now": now}) for kind in wanted.kinds), (_WRITE, given), (_WRITTEN, given)]


def _intended(found: Sequence[Sequence[AnyRow]], wanted: Tries) -> list[Intended]:
    # where an earlier attempt is under way, no new one was written, and the token found is not ours
    written = found[-1] if found else []
    return [Intended(row.id, row.token, wanted.by_token[row.token]) for row in written if row.token in wanted.by_token]


def _tokens(now: datetime, number: int) -> Iterator[str]:
    """Yield new ones of small letters and digits: the moment in front, so that the rows of an evening stand together in their index."""
    moment = f"{int(now.timestamp() / MOMENT) % 2**32:08x}"
    # the system is asked once for all: a question for each cost as much as a statement does
    chance, letters = secrets.token_hex(TOKEN_BYTES * number), 2 * TOKEN_BYTES
    for start in range(0, len(chance), letters):
        yield moment + chance[start : start + letters]


def _row(token: str, intent: Intent, duplicate_of: int | None) -> dict[str, Any]:
    work = intent.work
    return {
        "id": work.delivery_id,
        "n": work.attempt_n,
        "fence": work.fence,
        "segments": intent.segments,
        "free": intent.emulated,
        "token": token,
        "account": intent.account,
        "body_sha256": intent.body_sha256,
        "possible_duplicate_of": duplicate_of,
    }


def _kinds(rows: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield what is counted alike, of which an evening has few kinds: values of its own for each row cost SQLite three times as much."""
    kinds: defaultdict[tuple[Any, ...], list[int]] = defaultdict(list)
    for row in rows:
        kinds[row["n"], row["fence"], row["segments"], row["free"]].append(row["id"])
    for (n, fence, segments, free), ids in kinds.items():
        yield {"n": n, "fence": fence, "segments": segments, "free": free, "those": ids_as_json(ids)}


# --- the statements: a delivery that may go counts one try more, and gets its attempt ---------------------------------------

_WANTED: dict[str, Kind] = {
    "id": BigInteger,
    "n": Integer,
    "fence": BigInteger,
    "segments": Integer,
    "free": Boolean,
    "token": Text,
    "account": Text,
    "body_sha256": Text,
    "possible_duplicate_of": BigInteger,
}
#: what an attempt has of its delivery, and of what is told of it
_COPIED = ("municipality_id", "alert_id", "recipient_id", "sender_id", "channel", "fence", "segments")
_OWN = ("n", "token", "account", "body_sha256", "possible_duplicate_of")


def _counting(n: ColumnElement[int], fence: ColumnElement[int], segments: ColumnElement[int], free: ColumnElement[bool]) -> Update:
    """Count the try. The last look: `_may_go` in the words of the database.

    What is on trial is looked up by itself, and comes again if it is listed. `free`: it reaches nobody.
    """
    # an empty word behind the state keeps PostgreSQL off the index of what is claimed: it would go through all of it for each batch
    ours = (delivery.c.state + "" == DeliveryState.CLAIMED, delivery.c.fence == fence, delivery.c.attempts == n - 1)
    in_time = or_(delivery.c.expires_at.is_(None), delivery.c.expires_at > bindparam("now", type_=Moment))
    sender_goes = exists().where(Sender.id == delivery.c.sender_id, Sender.stopped == "")
    in_force = exists().where(alert.c.id == delivery.c.alert_id, alert.c.state == AlertState.RELEASED, not_(alert.c.paused))
    usable = exists().where(Address.id == delivery.c.address_id, Address.state == AddressState.ACTIVE)
    may = and_(or_(delivery.c.alert_id.is_(None), in_force), or_(delivery.c.address_id.is_(None), usable))
    on_trial = exists().where(Municipality.id == delivery.c.municipality_id, Municipality.mode == trial.TRIAL)
    going = (*ours, in_time, sender_goes, or_(free, not_(on_trial)), or_(delivery.c.part == Part.NOTICE, may))
    return update(delivery).where(*going).values(attempts=n, segments=segments)


def _count(conn: AsyncConnection) -> Executable:
    kind = given({name: _WANTED[name] for name in ("n", "fence", "segments", "free")})
    return _counting(**kind).where(among(conn, delivery.c.id, "those"))


def _write(conn: AsyncConnection) -> Executable:
    """Write an attempt for each that was counted. One that was counted by somebody else, or is under way, has its attempt already."""
    wanted = rows_from_json(conn, "wanted", _WANTED)
    counted = and_(delivery.c.id == wanted.c.id, delivery.c.attempts == wanted.c.n)
    values = {"delivery_id": delivery.c.id, **{name: delivery.c[name] for name in _COPIED}, **{name: wanted.c[name] for name in _OWN}}
    return _writing(values, wanted.join(delivery, counted)).on_conflict_do_nothing()


def _written(conn: AsyncConnection) -> Executable:
    return select(attempt.c.id, attempt.c.token).where(among(conn, attempt.c.delivery_id, "ids"), ATTEMPT_OPEN)


def _count_and_write(conn: AsyncConnection) -> Executable:
    """All three in one: PostgreSQL can, and each turn to it costs as much as a dozen rows."""
    wanted = rows_from_json(conn, "wanted", _WANTED)
    mine = wanted.c
    going = _counting(mine.n, mine.fence, mine.segments, mine.free).where(by_key(conn, delivery.c.id, mine.id, "ids"))
    found = (delivery.c.id.label("delivery_id"), *(delivery.c[name] for name in _COPIED), *(mine[name] for name in _OWN))
    counted = going.returning(*found).cte("counted")
    written = _writing({column.name: column for column in counted.c}, counted)
    # each constraint that is named costs a look of its own: what we have just counted can meet no other one
    alone = written.on_conflict_do_nothing(index_elements=[attempt.c.delivery_id], index_where=ATTEMPT_OPEN)
    return alone.returning(attempt.c.id, attempt.c.token)


def _writing(values: Mapping[str, ColumnElement[Any]], of: FromClause) -> Insert:
    values = {**values, "evidence": literal(int(Evidence.INTENT)), "started_at": bindparam("now", type_=Moment)}
    return insert(attempt).from_select(list(values), select(*values.values()).select_from(of))


_COUNT, _WRITE, _WRITTEN, _COUNT_AND_WRITE = Hot(_count), Hot(_write), Hot(_written), Hot(_count_and_write)


# --- what may not go ----------------------------------------------------------------------------------------------------------


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
    return verdicts | dict.fromkeys(await trial.kept_back(conn, real, now), "trial")


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
    return _BY_ADDRESS.get(row.address_state, "address")


_BY_ADDRESS: Mapping[str | None, str] = {None: "go", AddressState.ACTIVE: "go", AddressState.OPTED_OUT: "opted_out"}
_PUT_BACK: dict[str, dict[str, Any]] = {
    "expired": {"state": DeliveryState.EXPIRED},
    "wait": {"state": DeliveryState.WAITING},
    "trial": {"state": DeliveryState.WAITING, "hold": Hold.TRIAL},
    "cancelled": {"state": DeliveryState.SPARED, "spared_by": SparedBy.CANCELLED},
    "address": {"state": DeliveryState.FAILED, "reason": "ADDRESS_INVALID"},
    "opted_out": {"state": DeliveryState.FAILED, "reason": "OPTED_OUT"},
}


async def _put_back(conn: AsyncConnection, intents: Sequence[Intent], now: datetime) -> list[Intent]:
    """Put each where it belongs that the last look has held back; return those that may go, since they are on the list of a trial."""
    verdicts = await _last_look(conn, intents, now)
    for verdict, values in _PUT_BACK.items():
        ids = [intent.work.delivery_id for intent in intents if verdicts.get(intent.work.delivery_id) == verdict]
        if not ids:
            continue
        ended = None if values["state"] is DeliveryState.WAITING else now
        await conn.execute(update(delivery).where(delivery.c.id.in_(ids)).values(lease_until=None, ended_at=ended, **values))
        rows = (await conn.execute(select(delivery).where(delivery.c.id.in_(ids), delivery.c.recipient_id.is_not(None)))).all()
        if verdict in ("address", "opted_out"):
            await troubles.ask_no_more(conn, rows, now, values["reason"])
            await troubles.pull_next(conn, rows, now, for_good=True)
            await troubles.fail_behind(conn, rows, now, values["reason"])
        await recipients.refresh(conn, {row.recipient_id for row in rows}, now)
    return [intent for intent in intents if verdicts.get(intent.work.delivery_id) == "go"]


async def _doubted(conn: AsyncConnection, ids: Sequence[int]) -> dict[int, int]:
    """Earlier attempts of these deliveries that were given up without proof: this one may be a second copy."""
    doubted = select(attempt.c.delivery_id, attempt.c.id).where(attempt.c.delivery_id.in_(ids), attempt.c.reason == "NOT_FOUND")
    return {row.delivery_id: row.id for row in (await conn.execute(doubted.order_by(attempt.c.id))).all()}


async def _flag_duplicates(conn: AsyncConnection, going: Sequence[Intent], doubts: dict[int, int]) -> None:
    people = [intent.work.recipient_id for intent in going if intent.work.delivery_id in doubts and intent.work.recipient_id]
    if people:
        await conn.execute(update(recipient).where(recipient.c.id.in_(people)).values(possible_duplicate=True))
