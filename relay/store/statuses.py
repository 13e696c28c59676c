"""Statuses that providers tell us, each kept once, and what they prove about our attempts."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Executable, Text, and_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from channels.base import Evidence, Status
from relay.store import evidence
from relay.store.sql import Kind, insert_ignore, rows_as_json, rows_from_json
from relay.store.tables import attempt, status
from relay.store.together import Hot, together


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One status, who told it and how we heard."""

    account: str
    status: Status
    at: datetime
    #: "callback" | "sweep" | "mail"
    heard_by: str = "callback"


async def apply(conn: AsyncConnection, told: Sequence[Told]) -> list[bool]:
    """Keep statuses and let our attempts learn from them; true for each that was of an attempt of ours."""
    owners = await _owners(conn, told)
    whose = [owners.get(one.status.token) or owners.get(f"{one.account}:{one.status.provider_id}") for one in told]
    rows = [_row(one, foreign=owner is None) for one, owner in zip(told, whose, strict=True)]
    await together(conn, (_KEEP, {"told": rows_as_json(conn, rows)}))
    pairs = zip(told, whose, strict=True)
    facts = [_fact(one, owner) for one, owner in pairs if owner is not None and one.status.evidence > Evidence.UNKNOWN]
    if facts:
        await evidence.learn(conn, facts, max(one.at for one in told))
    return [owner is not None for owner in whose]


async def _owners(conn: AsyncConnection, told: Sequence[Told]) -> dict[str, int]:
    """Attempts by token, and by account and provider id. The token comes back even before the answer to our POST has arrived."""
    tokens = {one.status.token for one in told if one.status.token}
    (rows,) = await together(conn, (_BY_TOKEN, {"names": _names(conn, tokens)}))
    found = {row.token for row in rows}
    untold = {(one.account, one.status.provider_id) for one in told if one.status.provider_id and one.status.token not in found}
    if untold:
        named = rows_as_json(conn, ({"account": account, "name": provider_id} for account, provider_id in untold))
        rows += (await together(conn, (_BY_ID, {"names": named})))[0]
    by_id = {f"{row.account}:{row.provider_id}": row.id for row in rows if row.provider_id}
    return by_id | {row.token: row.id for row in rows}


def _names(conn: AsyncConnection, names: Iterable[str]) -> str:
    return rows_as_json(conn, ({"name": name} for name in sorted(names)))


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
        "token": said.token[:64],
        "evidence": int(said.evidence),
        "received_at": one.at,
        "heard_by": one.heard_by,
        "foreign": foreign,
    }


# --- statements -------------------------------------------------------------------------------------------------------------

_columns = (attempt.c.id, attempt.c.token, attempt.c.account, attempt.c.provider_id)
_KEPT: dict[str, Kind] = {column.name: column.type for column in status.c if column.name != "id"}


def _keep(conn: AsyncConnection) -> Executable:
    told = rows_from_json(conn, "told", _KEPT)
    return insert_ignore(status).from_select(list(_KEPT), select(told).order_by(told.c.provider_id))


def _by_token(conn: AsyncConnection) -> Executable:
    names = rows_from_json(conn, "names", {"name": Text})
    return select(*_columns).join(names, names.c.name == attempt.c.token)


def _by_id(conn: AsyncConnection) -> Executable:
    names = rows_from_json(conn, "names", {"account": Text, "name": Text})
    return select(*_columns).join(names, and_(names.c.account == attempt.c.account, names.c.name == attempt.c.provider_id))


_KEEP, _BY_TOKEN, _BY_ID = Hot(_keep), Hot(_by_token), Hot(_by_id)
