"""Drafts as they are worked on: what a form changes, whether its texts still follow the source, and texts added after release."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from messages.alert import Alert, Kind, Variant
from relay import sense
from relay.model import AlertState, NotAllowed
from relay.store import alerts
from relay.store.columns import AnyRow
from relay.store.identity import identity
from relay.store.tables import alert, recipient, variant

#: the parts of a text that a reader hears: a change of one of them makes translations old
HEARD = ("headline", "forward", "ask", "place", "detail")
#: in a text's `extra`: the fingerprint of the source text that it was written after
FOLLOWS = "follows"
#: in these words the pages' catalogues find them
TEXTS_ARE_OUT = "The texts of this alert are out. Write an update instead."
TEXT_IS_OUT = "The text in this language is out already. Write an update instead."
NOT_OUT = "A language is added here only to an alert that is out. Edit the draft instead."
#: what an approval leaves behind, taken back
UNAPPROVED: Mapping[str, Any] = {"approver": "", "approved_at": None, "override_reason": "", "approver_id": None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A text of an alert as a page sees it."""

    variant: Variant
    approved: bool
    updated_by: str
    updated_at: datetime
    #: the source text has been changed since this one was written
    stale: bool = False


def fingerprint(source: Variant) -> str:
    """Return what tells one wording of the source text from the next."""
    heard = "\x1f".join(getattr(source, name) for name in HEARD)
    return sha256(heard.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def source_of(texts: Sequence[Variant], norwegian: str) -> Variant | None:
    """Return the text that the others are translations of: the municipality's Norwegian, else any Norwegian, English, the first."""
    by_tag = {text.language: text for text in texts}
    order = (norwegian, "nb", "nn", "en", *by_tag)
    return next((by_tag[tag] for tag in order if tag in by_tag), None)


def follow(texts: Sequence[Variant], norwegian: str) -> list[Variant]:
    """Note in every text that says nothing else that it follows the source as it stands now."""
    source = source_of(texts, norwegian)
    mark = fingerprint(source) if source else ""
    return [text if FOLLOWS in text.extra or text is source else _following(text, mark) for text in texts]


def _following(text: Variant, mark: str) -> Variant:
    return replace(text, extra={**text.extra, FOLLOWS: mark})


async def texts(conn: AsyncConnection, alert_id: int, norwegian: str) -> list[Text]:
    """Return the texts of an alert, the source first."""
    rows = (await conn.execute(select(variant).where(variant.c.alert_id == alert_id).order_by(variant.c.language))).all()
    found = [(alerts.variant_of(row), row) for row in rows]
    source = source_of([text for text, _ in found], norwegian)
    mark = fingerprint(source) if source else ""
    made = [_text(text, row, mark, is_source=text is source) for text, row in found]
    return sorted(made, key=lambda text: text.variant is not source)


def _text(text: Variant, row: AnyRow, mark: str, *, is_source: bool) -> Text:
    return Text(
        variant=text,
        approved=row.approved,
        updated_by=row.updated_by,
        updated_at=row.updated_at,
        stale=not is_source and text.extra.get(FOLLOWS, mark) != mark,
    )


# --- writing ----------------------------------------------------------------------------------------------------------


async def change(
    conn: AsyncConnection,
    municipality_id: int,
    alert_id: int,
    value: Alert,
    wanted: Sequence[Variant],
    by: str,
    now: datetime,
    *,
    groups: frozenset[int] | None = None,
) -> None:
    """Write a draft anew; whoever had approved it must do so again. Its kind and its number stay. NotAllowed once it is released.
    BadInput when a text is not for an alert of its kind.

    `groups`: those that it goes to, none of them meaning all; None leaves them as they are.
    """
    row = await alerts.row_of(conn, municipality_id, alert_id, to_change=True)
    if row.state not in (AlertState.DRAFT, AlertState.APPROVED):
        raise NotAllowed(TEXTS_ARE_OUT)
    sense.fits(wanted, Kind(row.kind))
    told = alerts.columns_of(value)
    del told["kind"], told["sent_at"], told["act"]
    if groups is not None:
        told["groups"] = sorted(groups) or None
    kept = {
        "editor": by,
        "editor_id": await identity(conn, municipality_id, by, now),
        "state": AlertState.DRAFT,
        "updated_at": now,
        "revision": alert.c.revision + 1,
    }
    await conn.execute(update(alert).where(alert.c.id == alert_id).values(told | kept | dict(UNAPPROVED)))
    await _put(conn, municipality_id, alert_id, wanted, by, now)


async def _put(conn: AsyncConnection, municipality_id: int, alert_id: int, wanted: Sequence[Variant], by: str, now: datetime) -> None:
    """Bring the texts in line; who wrote an unchanged one stays its writer."""
    rows = (await conn.execute(select(variant).where(variant.c.alert_id == alert_id))).all()
    before = {row.language: alerts.variant_of(row) for row in rows}
    gone = set(before) - {text.language for text in wanted}
    fresh = [text for text in wanted if before.get(text.language) != text]
    out = gone | {text.language for text in fresh if text.language in before}
    await conn.execute(delete(variant).where(variant.c.alert_id == alert_id, variant.c.language.in_(out)))
    await alerts.put_variants(conn, municipality_id, alert_id, fresh, by, now)
    await conn.execute(update(variant).where(variant.c.alert_id == alert_id).values(approved=False))


async def put_late(conn: AsyncConnection, municipality_id: int, alert_id: int, text: Variant, by: str, now: datetime) -> None:
    """Add a text to an alert that is out, or write it anew until somebody has approved it."""
    row = await alerts.row_of(conn, municipality_id, alert_id, to_change=True)
    if row.state != AlertState.RELEASED:
        raise NotAllowed(NOT_OUT)
    sense.fits((text,), Kind(row.kind))
    same = (variant.c.alert_id == alert_id, variant.c.language == text.language)
    if (await conn.execute(select(variant.c.id).where(*same, variant.c.approved))).scalar() is not None:
        raise NotAllowed(TEXT_IS_OUT)
    await conn.execute(delete(variant).where(*same))
    await alerts.put_variants(conn, municipality_id, alert_id, [text], by, now)
    await conn.execute(update(alert).where(alert.c.id == alert_id).values(revision=alert.c.revision + 1, updated_at=now))


async def late_text(conn: AsyncConnection, alert_id: int, language: str) -> AnyRow | None:
    """Return the row of a text that waits for its approval."""
    mine = (variant.c.alert_id == alert_id, variant.c.language == language, variant.c.approved.is_(False))
    return (await conn.execute(select(variant).where(*mine))).one_or_none()


async def approve_text(conn: AsyncConnection, alert_id: int, language: str) -> None:
    """Approve one text."""
    await conn.execute(update(variant).where(variant.c.alert_id == alert_id, variant.c.language == language).values(approved=True))


async def fallbacks(conn: AsyncConnection, alert_id: int) -> dict[str, int]:
    """Return how many people of an alert got another language than their own, by their own language."""
    lacking = select(recipient.c.reader_language, recipient.c.language).where(recipient.c.alert_id == alert_id, recipient.c.left_out == "")
    found: dict[str, int] = {}
    for row in (await conn.execute(lacking)).all():
        if row.language != row.reader_language:
            found[row.reader_language] = found.get(row.reader_language, 0) + 1
    return found


async def send_back(conn: AsyncConnection, alert_id: int, now: datetime) -> None:
    """Make an approved alert a draft again."""
    await conn.execute(update(variant).where(variant.c.alert_id == alert_id).values(approved=False))
    await alerts.move(conn, alert_id, AlertState.DRAFT, now, **UNAPPROVED)
