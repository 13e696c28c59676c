"""Links of resource persons: random, revocable, kept as a fingerprint; and how often pages were opened, hour by hour.

A token is made of a row's random seed and the installation's key, so that a copy of the database opens no page, and a reminder can carry
the same link as the message before it.
"""

import secrets
from base64 import b32encode
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from re import compile as pattern
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from relay.model import AlertState
from relay.store import alerts, counters, sealing
from relay.store.columns import AnyRow
from relay.store.sql import insert_ignore, upsert
from relay.store.tables import ResourcePerson, alert, link_open, recipient, recipient_group, share_link

#: of a token: 128 bits, in letters that survive being typed from a poster and cut by no phone
TOKEN_BYTES = 16
TOKEN = pattern(r"[a-z2-7]{26}\Z")
#: a link to the person's own page is asked for, used, and then of no use to whoever finds it
OWN_PAGE_FOR = timedelta(days=3)


class LinkKind(StrEnum):
    """What a link opens."""

    MESSAGE = "message"  # one alert, for one person, who may answer there
    SHARE = "share"  # one alert as one person passes it on, for everybody
    OWN = "own"  # the person's own page


class OpenedBy(StrEnum):
    """Who opened a page that everybody may read, as far as is counted."""

    PERSON = "person"
    PREVIEW = "preview"  # a messenger that draws a picture of the link
    SCANNER = "scanner"  # a machine, or a look at the headers alone


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """One opening of a shared page."""

    link_id: int
    by: OpenedBy
    at: datetime


def token_of(kind: str, seed: str) -> str:
    """Return the token that belongs to a seed."""
    return b32encode(bytes.fromhex(sealing.keyring().lookup(f"link:{kind}:{seed}"))[:TOKEN_BYTES]).decode().rstrip("=").lower()


def _fingerprint(token: str) -> str:
    return sealing.keyring().lookup(f"token:{token}")


def _row(kind: LinkKind, now: datetime, **whose: Any) -> dict[str, Any]:
    seed = secrets.token_hex(TOKEN_BYTES)
    return {"kind": kind, "seed": seed, "lookup": _fingerprint(token_of(kind, seed)), "made_at": now, **whose}


async def of_recipients(conn: AsyncConnection, recipients: Collection[int], now: datetime) -> dict[int, str]:
    """Return the message page's token of each recipient; whoever has none gets one, and one to share."""
    known = await _live(conn, recipients, LinkKind.MESSAGE)
    lacking = set(recipients) - set(known)
    if lacking:
        await _make(conn, lacking, now)
        known |= await _live(conn, lacking, LinkKind.MESSAGE)
    return known


async def _live(conn: AsyncConnection, recipients: Collection[int], kind: LinkKind) -> dict[int, str]:
    live = (share_link.c.recipient_id.in_(recipients), share_link.c.kind == kind, share_link.c.revoked_at.is_(None))
    rows = (await conn.execute(select(share_link.c.recipient_id, share_link.c.seed).where(*live))).all()
    return {row.recipient_id: token_of(kind, row.seed) for row in rows}


async def _make(conn: AsyncConnection, recipients: Collection[int], now: datetime) -> None:
    columns = (recipient.c.id, recipient.c.municipality_id, recipient.c.alert_id, recipient.c.person_id)
    rows = (await conn.execute(select(*columns).where(recipient.c.id.in_(recipients)))).all()
    made = [
        _row(kind, now, municipality_id=row.municipality_id, alert_id=row.alert_id, recipient_id=row.id, person_id=row.person_id)
        for row in rows
        for kind in (LinkKind.MESSAGE, LinkKind.SHARE)
    ]
    await conn.execute(insert_ignore(share_link), made)


async def newest(conn: AsyncConnection, municipality_id: int, alert_id: int) -> AnyRow:
    """Return the row of what holds of an alert: itself, or the update, withdrawal or end that came last. Locks nothing."""
    row = await alerts.row_of(conn, municipality_id, alert_id)
    while row.state != AlertState.RELEASED:
        later = (alert.c.municipality_id == municipality_id, alert.c.replaces_id == row.id, alert.c.released_at.is_not(None))
        found = (await conn.execute(select(alert).where(*later).order_by(alert.c.number.desc()))).first()
        if found is None:
            break
        row = found
    return row


async def recipient_of(conn: AsyncConnection, municipality_id: int, alert_id: int, person_id: int) -> AnyRow | None:
    """Return a person's row of an alert; None when they are not planned for it."""
    mine = (recipient.c.municipality_id == municipality_id, recipient.c.alert_id == alert_id, recipient.c.person_id == person_id)
    return (await conn.execute(select(recipient).where(*mine, recipient.c.left_out == ""))).one_or_none()


async def languages_of(conn: AsyncConnection, municipality_id: int, person_id: int) -> tuple[str, ...]:
    """Return the languages that a person reads, their own first."""
    theirs = (ResourcePerson.id == person_id, ResourcePerson.municipality_id == municipality_id)
    return tuple((await conn.execute(select(ResourcePerson.languages).where(*theirs))).scalar() or ())


async def share_token(conn: AsyncConnection, recipient_id: int) -> str:
    """Return the token of the page that this recipient passes on; "" when there is none, or it was revoked."""
    return (await _live(conn, [recipient_id], LinkKind.SHARE)).get(recipient_id, "")


async def own_page(conn: AsyncConnection, municipality_id: int, person_id: int, now: datetime) -> str:
    """Make a new link to a person's own page and return its token. It works for OWN_PAGE_FOR."""
    row = _row(LinkKind.OWN, now, municipality_id=municipality_id, person_id=person_id, ends_at=now + OWN_PAGE_FOR)
    await conn.execute(insert_ignore(share_link).values(row))
    return token_of(LinkKind.OWN, row["seed"])


#: what stands around an address in a text from right to left: some telephones take it for a part of the address
AROUND = "\u200e\u200f\u2066\u2067\u2068\u2069"


async def find(conn: AsyncConnection, kind: LinkKind, token: str, now: datetime) -> AnyRow | None:
    """Return the link that a token opens; None when there is none, or it has ended. What is no token costs no query."""
    token = token.rstrip(AROUND)
    if not TOKEN.match(token):
        return None
    this = (share_link.c.lookup == _fingerprint(token), share_link.c.kind == kind, share_link.c.revoked_at.is_(None))
    row = (await conn.execute(select(share_link).where(*this))).one_or_none()
    return row if row and (row.ends_at is None or row.ends_at > now) else None


async def revoke(conn: AsyncConnection, municipality_id: int, person_id: int, now: datetime, *, alert_id: int | None = None) -> int:
    """Close a person's links, of one alert if it is named; return how many. The next message makes new ones."""
    theirs = [share_link.c.municipality_id == municipality_id, share_link.c.person_id == person_id, share_link.c.revoked_at.is_(None)]
    if alert_id is not None:
        theirs.append(share_link.c.alert_id == alert_id)
    return int((await conn.execute(update(share_link).where(*theirs).values(revoked_at=now))).rowcount)


# --- opened ---------------------------------------------------------------------------------------------------------------


async def opened(conn: AsyncConnection, openings: Sequence[Opening]) -> list[None]:
    """Count openings, in hours; people's alone are numbers of the reach, apart from what is reported."""
    ids = {one.link_id for one in openings}
    rows = {row.id: row for row in (await conn.execute(select(share_link).where(share_link.c.id.in_(ids)))).all()}
    counts = Counter((one.link_id, _hour(one.at), one.by) for one in openings if one.link_id in rows)
    written = [
        {"link_id": link, "hour": hour, "by": by, "municipality_id": rows[link].municipality_id, "count": count}
        for (link, hour, by), count in sorted(counts.items())
    ]
    if written:
        await conn.execute(upsert(link_open, ("link_id", "hour", "by"), add=("count",)), written)
        await _count(conn, rows, counts)
    return [None] * len(openings)


def _hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


async def _count(conn: AsyncConnection, rows: Mapping[int, AnyRow], counts: Mapping[tuple[int, datetime, OpenedBy], int]) -> None:
    groups = select(recipient_group.c.recipient_id, recipient_group.c.group_id).where(
        recipient_group.c.recipient_id.in_([row.recipient_id for row in rows.values()])
    )
    of: dict[int, list[int]] = {row.recipient_id: [0] for row in rows.values()}
    for owner, group in (await conn.execute(groups)).all():
        of[owner].append(group)
    sums = counters.Sums()
    for (link, _, by), count in counts.items():
        row = rows[link]
        for group in of[row.recipient_id] if by is OpenedBy.PERSON else ():
            sums.add(row.municipality_id, row.alert_id, group, "", {"opened": count})
    await counters.write(conn, sums)
