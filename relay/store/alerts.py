"""Alerts and their texts as rows: drafts, approval, and what is open."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from messages.alert import Act, Alert, Area, Certainty, Circle, Identity, Kind, Point, Review, Severity, Urgency, Variant
from relay.model import AlertState, Issue, NotFound
from relay.store.columns import AnyRow
from relay.store.identity import identity
from relay.store.tables import Municipality, alert, variant

#: first digits of the legends of open alerts: bare digits, then 61 62 64, 71 72 74 …
LEGENDS = (0, 6, 7, 8, 9)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAlert:
    """A draft as it is first written down."""

    alert: Alert
    variants: Sequence[Variant]
    author: str
    #: "cap" | "form" | "api" | "house" (made by the house itself: withdrawals)
    source: str
    document: bytes = b""
    document_sha256: str = ""
    references: Sequence[Identity] = ()
    #: sentences for the author: what was guessed, kept or flagged
    notes: Sequence[str] = ()
    #: why it can never be released as real
    never_real: str = ""
    replaces_id: int | None = None
    approved: bool = False
    values: Mapping[str, Any] = field(default_factory=dict)


async def save(conn: AsyncConnection, municipality_id: int, new: NewAlert, now: datetime) -> int:
    """Write a draft under the municipality's next number; return its id."""
    counted = update(Municipality).where(Municipality.id == municipality_id).values(last_number=Municipality.last_number + 1)
    number = (await conn.execute(counted.returning(Municipality.last_number))).scalar_one()
    row = columns_of(new.alert) | _source(new) | {"municipality_id": municipality_id, "number": number, "state": AlertState.DRAFT}
    author_id = await identity(conn, municipality_id, new.author, now)
    people: dict[str, Any] = {"author": new.author[:120], "editor": new.author[:120], "author_id": author_id, "editor_id": author_id}
    people |= {"created_at": now, "updated_at": now}
    saved = await conn.execute(insert(alert).values(row | people | dict(new.values)).returning(alert.c.id))
    alert_id: int = saved.scalar_one()
    await put_variants(conn, municipality_id, alert_id, new.variants, new.author, now, approved=new.approved)
    return alert_id


def columns_of(value: Alert) -> dict[str, Any]:
    """Return what of an alert stands in columns of its row."""
    return {
        "kind": value.kind,
        "act": value.act,
        "severity": value.severity,
        "urgency": value.urgency,
        "certainty": value.certainty,
        "gravity": int(value.gravity),
        "event": value.event[:300],
        "areas": [asdict(area) for area in value.areas],
        "sent_at": value.sent_at,
        "onset_at": value.onset_at,
        "expires_at": value.expires_at,
        "next_news_at": value.next_news_at,
        "act_by_at": value.act_by_at,
    }


def _source(new: NewAlert) -> dict[str, Any]:
    identity = new.alert.identity
    return {
        "source": new.source,
        "cap_sender": identity.sender if identity else None,
        "cap_identifier": identity.identifier if identity else None,
        "cap_sent_at": identity.sent if identity else None,
        "cap_references": [[one.sender, one.identifier, one.sent.isoformat()] for one in new.references],
        "document": new.document or None,
        "document_sha256": new.document_sha256 or None,
        "notes": list(new.notes),
        "never_real": new.never_real,
        "replaces_id": new.replaces_id,
    }


async def put_variants(
    conn: AsyncConnection,
    municipality_id: int,
    alert_id: int,
    variants: Sequence[Variant],
    editor: str,
    now: datetime,
    *,
    approved: bool = False,
) -> None:
    """Write texts of an alert."""
    rows = [
        {
            "municipality_id": municipality_id,
            "alert_id": alert_id,
            "language": text.language,
            "headline": text.headline,
            "forward": text.forward,
            "ask": text.ask,
            "topic": text.topic,
            "place": text.place,
            "detail": text.detail,
            "review": text.review,
            "source": text.source,
            "extra": dict(text.extra),
            "approved": approved,
            "updated_at": now,
            "updated_by": editor[:120],
        }
        for text in variants
    ]
    if rows:
        await conn.execute(insert(variant), rows)


# --- reading ----------------------------------------------------------------------------------------------------------


async def row_of(conn: AsyncConnection, municipality_id: int, alert_id: int, *, to_change: bool = False) -> AnyRow:
    """Return an alert's row, locked if it is to be changed; NotFound in any other municipality."""
    wanted = select(alert).where(alert.c.id == alert_id, alert.c.municipality_id == municipality_id)
    row = (await conn.execute(wanted.with_for_update() if to_change else wanted)).one_or_none()
    if row is None:
        msg = f"There is no alert with the id {alert_id} in this municipality."
        raise NotFound(msg)
    return row


async def newest(conn: AsyncConnection, municipality_id: int, limit: int = 100, *, state: AlertState | None = None) -> list[AnyRow]:
    """Return a municipality's alerts, newest first; those of one state if it is given."""
    mine = select(alert).where(alert.c.municipality_id == municipality_id)
    chosen = mine.where(alert.c.state == state) if state else mine
    return list((await conn.execute(chosen.order_by(alert.c.number.desc()).limit(limit))).all())


async def id_of_number(conn: AsyncConnection, municipality_id: int, number: int) -> int:
    """Return the id of alert no. `number`."""
    mine = (alert.c.number == number, alert.c.municipality_id == municipality_id)
    found = (await conn.execute(select(alert.c.id).where(*mine))).scalar()
    if found is None:
        raise NotFound("There is no alert no. %(number)s here.", number=number)
    return int(found)


async def numbers(conn: AsyncConnection, municipality_id: int) -> dict[int, int]:
    """Return the number by which people know each alert, by its id."""
    mine = select(alert.c.id, alert.c.number).where(alert.c.municipality_id == municipality_id)
    return {row.id: row.number for row in (await conn.execute(mine)).all()}


async def chain(conn: AsyncConnection, alert_id: int) -> list[int]:
    """Return the ids of the alerts that this one follows, newest first: what it replaces, what that had replaced, and so on."""
    ids: list[int] = []
    older = await _replaced(conn, alert_id)
    while older is not None and older not in ids:
        ids.append(older)
        older = await _replaced(conn, older)
    return ids


class Before(NamedTuple):
    """The alert that another one replaces, withdraws or ends."""

    number: int
    event: str


async def before(conn: AsyncConnection, row: AnyRow) -> Before | None:
    """Return which alert this one follows; None for one that follows none."""
    if row.replaces_id is None:
        return None
    wanted = select(alert.c.number, alert.c.event).where(alert.c.id == row.replaces_id, alert.c.municipality_id == row.municipality_id)
    return Before(*(await conn.execute(wanted)).one())


async def _replaced(conn: AsyncConnection, alert_id: int) -> int | None:
    return (await conn.execute(select(alert.c.replaces_id).where(alert.c.id == alert_id))).scalar()


async def issue(conn: AsyncConnection, municipality_id: int, alert_id: int, *, approved_only: bool = True) -> Issue:
    """Return an alert with its texts as the stages see it."""
    row = await row_of(conn, municipality_id, alert_id)
    wanted = select(variant).where(variant.c.alert_id == alert_id).order_by(variant.c.language)
    if approved_only:
        wanted = wanted.where(variant.c.approved)
    texts = (await conn.execute(wanted)).all()
    replaced = None
    if row.replaces_id is not None:
        replaced = (await conn.execute(select(alert.c.number).where(alert.c.id == row.replaces_id))).scalar()
    return Issue(
        alert_id=row.id,
        municipality_id=row.municipality_id,
        state=AlertState(row.state),
        revision=row.revision,
        alert=value_of(row, replaced),
        variants={text.language: variant_of(text) for text in texts},
        groups=frozenset(row.groups or ()),
    )


def value_of(row: AnyRow, replaced: int | None) -> Alert:
    """Read an alert out of its row."""
    identity = Identity(row.cap_sender, row.cap_identifier, row.cap_sent_at) if row.cap_identifier else None
    return Alert(
        number=row.number,
        kind=Kind(row.kind),
        act=Act(row.act),
        severity=Severity(row.severity),
        urgency=Urgency(row.urgency),
        certainty=Certainty(row.certainty),
        event=row.event,
        areas=tuple(_area(area) for area in row.areas),
        sent_at=row.sent_at,
        onset_at=row.onset_at,
        expires_at=row.expires_at,
        next_news_at=row.next_news_at,
        act_by_at=row.act_by_at,
        replaces=replaced,
        identity=identity,
    )


def _area(kept: Mapping[str, Any]) -> Area:
    return Area(
        description=kept["description"],
        municipalities=tuple(kept["municipalities"]),
        polygons=tuple(tuple(Point(*point) for point in ring) for ring in kept["polygons"]),
        circles=tuple(Circle(Point(*circle["centre"]), circle["radius_km"]) for circle in kept["circles"]),
        geocodes=tuple((name, code) for name, code in kept["geocodes"]),
        unreadable=tuple(kept.get("unreadable", ())),  # no key in rows written before it was kept
    )


def variant_of(row: AnyRow) -> Variant:
    """Read a text out of its row."""
    return Variant(
        language=row.language,
        headline=row.headline,
        forward=row.forward,
        ask=row.ask,
        topic=row.topic,
        place=row.place,
        detail=row.detail,
        review=Review(row.review),
        source=row.source,
        extra=row.extra,
    )


async def by_identity(conn: AsyncConnection, municipality_id: int, identity: Identity) -> AnyRow | None:
    """Return the alert made of this CAP message, if it has come before."""
    same = (
        alert.c.municipality_id == municipality_id,
        alert.c.cap_sender == identity.sender,
        alert.c.cap_identifier == identity.identifier,
        alert.c.cap_sent_at == identity.sent,
    )
    return (await conn.execute(select(alert).where(*same))).one_or_none()


async def own_identity(conn: AsyncConnection, municipality_id: int, alert_id: int) -> Identity:
    """Return what makes an alert one message among all others: as it came, or under the municipality's number and our own."""
    row = await row_of(conn, municipality_id, alert_id)
    if row.cap_identifier:
        return Identity(row.cap_sender, row.cap_identifier, row.cap_sent_at)
    number = (await conn.execute(select(Municipality.number).where(Municipality.id == municipality_id))).scalar_one()
    return Identity(f"budstikke.{number}", f"no.{row.number}", row.sent_at)


async def in_force(conn: AsyncConnection, municipality_id: int) -> list[AnyRow]:
    """Return the alerts that are open now, oldest first."""
    open_ones = (alert.c.municipality_id == municipality_id, alert.c.state == AlertState.RELEASED)
    return list((await conn.execute(select(alert).where(*open_ones).order_by(alert.c.number))).all())


async def newest_of(conn: AsyncConnection, municipality_id: int, alert_id: int) -> AnyRow:
    """Return what is in force of an alert, locked: itself, or the update that has replaced it, and so on."""
    row = await row_of(conn, municipality_id, alert_id, to_change=True)
    while row.state == AlertState.REPLACED:
        later = (alert.c.replaces_id == row.id, alert.c.id != row.id, alert.c.state.in_((AlertState.RELEASED, AlertState.REPLACED)))
        found = (await conn.execute(select(alert.c.id).where(*later).order_by(alert.c.number.desc()))).scalars().first()
        if found is None:
            break
        row = await row_of(conn, municipality_id, found, to_change=True)
    return row


async def free_legend(conn: AsyncConnection, municipality_id: int) -> int | None:
    """Return the first digit for a new alert's answers: none of an open alert's, whose text is already out. None: all are in use."""
    used = {row.legend for row in await in_force(conn, municipality_id)}
    return next((legend for legend in LEGENDS if legend not in used), None)


async def move(conn: AsyncConnection, alert_id: int, state: AlertState, now: datetime, **values: Any) -> None:
    """Put an alert in another state and give it a new revision."""
    ended = {"ended_at": now} if state in (AlertState.CLOSED, AlertState.REPLACED, AlertState.WITHDRAWN) else {}
    changed = values | ended | {"state": state, "updated_at": now, "revision": alert.c.revision + 1}
    await conn.execute(update(alert).where(alert.c.id == alert_id).values(changed))


async def approve(conn: AsyncConnection, alert_id: int, by: str, now: datetime, override: str, *, approver_id: int | None = None) -> None:
    """Approve an alert with all its texts as they stand."""
    await conn.execute(update(variant).where(variant.c.alert_id == alert_id).values(approved=True))
    approved = {"approver": by, "approver_id": approver_id, "approved_at": now, "override_reason": override[:500]}
    await move(conn, alert_id, AlertState.APPROVED, now, **approved)
