"""Statuses that providers tell us, each kept once, and what they prove about our attempts."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Executable, Text, and_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from channels.base import Evidence, Status
from relay.store import evidence, onward, recipients
from relay.store.columns import AnyRow
from relay.store.sql import Kind, insert_ignore, one_of, rows_as_json, rows_from_json, words_as_json, words_from_json
from relay.store.tables import attempt, delivery, status
from relay.store.together import Hot, together


class Told(NamedTuple):
    """One status, who told it and how we heard."""

    account: str
    status: Status
    at: datetime
    #: "callback" | "sweep" | "mail"
    heard_by: str = "callback"


async def apply(conn: AsyncConnection, told: Sequence[Told]) -> list[bool]:
    """Keep statuses and let our attempts learn from them; true for each that was of an attempt of ours."""
    tried = await _by_their_tokens(conn, told)
    owners = await _owners(conn, told, tried)
    whose = [owners.get(one.status.token) or owners.get(f"{one.account}:{one.status.provider_id}") for one in told]
    pairs = [(one, owner) for one, owner in zip(told, whose, strict=True) if owner is not None and one.status.evidence > Evidence.UNKNOWN]
    rows = {row.id: row for row in tried}
    plain, others = onward.parted([_fact(one, owner) for one, owner in pairs], rows)
    now = max(one.at for one in told)
    keeping = [_row(one, foreign=owner is None) for one, owner in zip(told, whose, strict=True)]
    calls, changes, people = onward.written(plain, rows, now)
    calls = [(_KEEP, {"told": rows_as_json(conn, keeping)}), *calls]
    await recipients.refresh(conn, people, now, before=calls, changes=changes)
    await evidence.learn(conn, others, now)
    return [owner is not None for owner in whose]


async def _by_their_tokens(conn: AsyncConnection, told: Sequence[Told]) -> list[AnyRow]:
    """The attempts whose tokens are told. The token comes back even before the answer to our POST has arrived."""
    (rows,) = await together(conn, (_BY_TOKEN, {"tokens": words_as_json({one.status.token for one in told if one.status.token})}))
    return rows


async def _owners(conn: AsyncConnection, told: Sequence[Told], tried: Sequence[AnyRow]) -> dict[str, int]:
    """Attempts by token, and by account and provider id: whoever looks for statuses has no token."""
    found = {row.token for row in tried}
    rows = [*tried]
    untold = {(one.account, one.status.provider_id) for one in told if one.status.provider_id and one.status.token not in found}
    if untold:
        named = rows_as_json(conn, ({"account": account, "name": provider_id} for account, provider_id in untold))
        rows += (await together(conn, (_BY_ID, {"names": named})))[0]
    by_id = {f"{row.account}:{row.provider_id}": row.id for row in rows if row.provider_id}
    return by_id | {row.token: row.id for row in rows}


def _fact(one: Told, owner: int) -> evidence.Fact:
    said = one.status
    return evidence.Fact(
        attempt_id=owner,
        evidence=said.evidence,
        provider_id=said.provider_id,
        reason=said.reason,
        code=said.code[:20],
        segments=said.segments,
        price=said.price,
        found_by=one.heard_by,
    )


def _row(one: Told, *, foreign: bool) -> dict[str, Any]:
    said = one.status
    return {
        "account": one.account,
        "provider_id": said.provider_id or said.token,
        "word": said.word or said.evidence.name.lower(),
        "code": said.code[:20],
        "reason": said.reason.name if said.reason else "",
        "token": said.token[:64],
        "evidence": int(said.evidence),
        "received_at": one.at,
        "heard_by": one.heard_by,
        "foreign": foreign,
    }


# --- statements -------------------------------------------------------------------------------------------------------------

_KEPT: dict[str, Kind] = {column.name: column.type for column in status.c if column.name != "id"}


def _keep(conn: AsyncConnection) -> Executable:
    told = rows_from_json(conn, "told", _KEPT)
    return insert_ignore(status).from_select(list(_KEPT), select(told).order_by(told.c.provider_id))


def _by_token(conn: AsyncConnection) -> Executable:
    wanted = one_of(conn, attempt.c.token, words_from_json(conn, "tokens"))
    theirs = delivery.c.id == attempt.c.delivery_id
    if conn.dialect.name != "sqlite":
        # once more by the key, as in `by_key`
        theirs = and_(theirs, one_of(conn, delivery.c.id, select(attempt.c.delivery_id).where(wanted)))
    return select(*onward.ATTEMPT, *onward.DELIVERY).select_from(attempt).join(delivery, theirs).where(wanted)


def _by_id(conn: AsyncConnection) -> Executable:
    names = rows_from_json(conn, "names", {"account": Text, "name": Text})
    columns = (attempt.c.id, attempt.c.token, attempt.c.account, attempt.c.provider_id)
    return select(*columns).join(names, and_(names.c.account == attempt.c.account, names.c.name == attempt.c.provider_id))


_KEEP, _BY_TOKEN, _BY_ID = Hot(_keep), Hot(_by_token), Hot(_by_id)
