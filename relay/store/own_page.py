"""A resource person's own page: what is stored about them, and what they may change themselves. A number is never changed from there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import Select, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from messages.alert import Gravity
from messages.reply import Meaning
from relay.model import AddressState, NotFound, TaskKind
from relay.store import answers, links, sealing, tasks
from relay.store.asked import alerts_of
from relay.store.columns import AnyRow, in_clear
from relay.store.links import LinkKind
from relay.store.names import ActName
from relay.store.notices import ReadyNotice, row_of
from relay.store.sql import insert_ignore
from relay.store.tables import (
    Address,
    LanguageGroup,
    Membership,
    Municipality,
    ResourcePerson,
    alert,
    answer,
    arena,
    delivery,
    inbound,
    note,
    recipient,
    redistribution_report,
    share_link,
    thread,
)

#: links to the own page that one person may ask for in a day, and arenas that one may name
MOST_LINKS, MOST_ARENAS = 5, 30
LINK_HOURS = 12
BY = "the person"


async def send_link(
    conn: AsyncConnection, municipality_id: int, person_id: int, words: str, language: str, public_url: str, now: datetime
) -> bool:
    """Plan a short message with a new link to the own page, the way this person was last told; false when there is none, or enough went."""
    today = (share_link.c.person_id == person_id, share_link.c.kind == LinkKind.OWN, share_link.c.made_at > now - timedelta(days=1))
    asked = (await conn.execute(select(func.count()).select_from(share_link).where(*today))).scalar_one()
    told = select(delivery).where(
        delivery.c.municipality_id == municipality_id,
        delivery.c.person_id == person_id,
        delivery.c.address_id.is_not(None),
        delivery.c.sender_id.is_not(None),
        delivery.c.attempts > 0,
    )
    like = (await conn.execute(told.order_by(delivery.c.due_at.desc(), delivery.c.id.desc()).limit(1))).one_or_none()
    if like is None or asked >= MOST_LINKS:
        return False
    token = await links.own_page(conn, municipality_id, person_id, now)
    text = f"{words} {public_url}/me/{token}"
    ready = ReadyNotice(name="own_page", text=text, language=language, gravity=Gravity.STANDARD)
    where = {
        "municipality_id": municipality_id,
        "person_id": person_id,
        "address_id": like.address_id,
        "sender_id": like.sender_id,
        "channel": like.channel,
        "cause": f"own:{person_id}:{asked}:{now:%Y%m%d%H%M%S%f}",
    }
    await conn.execute(insert_ignore(delivery).values(row_of(ready, now, timedelta(hours=LINK_HOURS)) | where))
    return True


# --- what is stored -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """One person as their own page shows them."""

    municipality_id: int
    municipality: str
    timezone: str
    #: the municipality's quiet hours
    quiet_usual: str
    person: AnyRow
    groups: tuple[str, ...]
    addresses: tuple[AnyRow, ...]
    arenas: tuple[AnyRow, ...]
    alerts: int
    wrote: int

    @property
    def channels(self) -> tuple[str, ...]:
        """The channels of usable addresses, in the person's order."""
        return tuple(dict.fromkeys(row.channel for row in self.addresses if row.state == AddressState.ACTIVE))


async def own(conn: AsyncConnection, municipality_id: int, person_id: int, *, left: bool = False) -> Own:
    """Return one person; NotFound when they have left, unless `left` asks for those too."""
    person, town = await _person(conn, municipality_id, person_id, left=left), await _town(conn, municipality_id)
    mine = (Address.person_id == person_id, Address.state != AddressState.REPLACED)
    addresses = await conn.execute(select(Address.__table__).where(*mine).order_by(Address.position, Address.id))
    groups = select(LanguageGroup.name).join(Membership, Membership.group_id == LanguageGroup.id).where(Membership.person_id == person_id)
    arenas = await conn.execute(select(arena).where(arena.c.person_id == person_id).order_by(arena.c.id))
    return Own(
        municipality_id=municipality_id,
        municipality=town.name,
        timezone=town.timezone,
        quiet_usual=f"{town.quiet_from:%H:%M}-{town.quiet_to:%H:%M}" if town.quiet_from and town.quiet_to else "-",
        person=person,
        groups=tuple((await conn.execute(groups.order_by(Membership.position))).scalars()),
        addresses=tuple(addresses.all()),
        arenas=tuple(arenas.all()),
        alerts=await _count(conn, select(recipient.c.id).where(recipient.c.person_id == person_id, recipient.c.left_out == "")),
        wrote=await _count(conn, select(answer.c.id).where(answer.c.person_id == person_id)),
    )


async def _person(conn: AsyncConnection, municipality_id: int, person_id: int, *, left: bool) -> AnyRow:
    mine = [ResourcePerson.id == person_id, ResourcePerson.municipality_id == municipality_id]
    if not left:
        mine.append(ResourcePerson.left_at.is_(None))
    row = (await conn.execute(select(ResourcePerson.__table__).where(*mine))).one_or_none()
    if row is None:
        raise NotFound("This person is no longer in the register.")
    return row


async def _town(conn: AsyncConnection, municipality_id: int) -> AnyRow:
    return (await conn.execute(select(*in_clear(Municipality.__table__)).where(Municipality.id == municipality_id))).one()


async def _count(conn: AsyncConnection, rows: Select[Any]) -> int:
    return int((await conn.execute(select(func.count()).select_from(rows.subquery()))).scalar_one())


#: what is written out, in the words of the tables: name -> how it is found
_WRITTEN_OUT = {
    "addresses": (
        Address.__table__,
        Address.__table__.c.person_id,
        ("channel", "value", "state", "state_reason", "state_at", "verified_at", "last_inbound_at"),
    ),
    "arenas": (arena, arena.c.person_id, ("name", "size", "made_at")),
    "answers": (answer, answer.c.person_id, ("alert_id", "meaning", "count", "danger", "at")),
    "messages_planned": (
        delivery,
        delivery.c.person_id,
        ("alert_id", "channel", "part", "action", "language", "text", "planned_at", "due_at", "state", "attempts", "evidence"),
    ),
    "links": (share_link, share_link.c.person_id, ("kind", "made_at", "ends_at", "revoked_at")),
}  # fmt: skip
_PERSON = (
    "name", "kind", "languages", "agreed_on", "agreed_until", "adult_confirmed_on", "adult_confirmed_by", "paused", "paused_until",
    "quiet_from", "quiet_to", "work_from", "work_to", "created_at", "updated_at",
)  # fmt: skip


async def everything(conn: AsyncConnection, municipality_id: int, person_id: int, *, left: bool = False) -> dict[str, Any]:
    """Return all that is stored about one person, ready for JSON: the register, what they were sent, and what they wrote."""
    known = await own(conn, municipality_id, person_id, left=left)
    told: dict[str, Any] = {name: _plain(getattr(known.person, name)) for name in _PERSON}
    told |= {"municipality": known.municipality, "groups": list(known.groups)}
    for name, (table, whose, columns) in _WRITTEN_OUT.items():
        rows = (await conn.execute(select(*(table.c[column] for column in columns)).where(whose == person_id).order_by(table.c.id))).all()
        told[name] = [_as_json(row) for row in rows]
    told["alerts"] = [_as_json(row) for row in (await conn.execute(_alerts_of(person_id))).all()]
    told["reports"] = [_as_json(row) for row in (await conn.execute(_reports_of(person_id))).all()]
    told["conversation"] = [_as_json(row) for row in (await conn.execute(_notes_of(person_id))).all()]
    told["received_from_you"] = [_as_json(row) for row in (await conn.execute(_inbound_of(known))).all()]
    return told


def _alerts_of(person_id: int) -> Select[Any]:
    columns = ("language", "left_out", "rung", "answered_at", "reported", "deputy")
    mine = select(alert.c.number, alert.c.kind, *(recipient.c[name] for name in columns)).join(alert, alert.c.id == recipient.c.alert_id)
    return mine.where(recipient.c.person_id == person_id).order_by(recipient.c.id)


def _reports_of(person_id: int) -> Select[Any]:
    report = redistribution_report
    mine = select(report.c["count"], report.c.means, report.c.counts, report.c.at).join(recipient, recipient.c.id == report.c.recipient_id)
    return mine.where(recipient.c.person_id == person_id).order_by(report.c.id)


def _notes_of(person_id: int) -> Select[Any]:
    mine = select(note.c.direction, note.c.text, note.c.at).join(thread, thread.c.id == note.c.thread_id)
    return mine.where(thread.c.person_id == person_id).order_by(note.c.id)


def _inbound_of(known: Own) -> Select[Any]:
    marks = [row.lookup for row in known.addresses]
    kept = select(inbound.c.channel, inbound.c.text, inbound.c.received_at, inbound.c.verdict)
    return kept.where(inbound.c.sender_lookup.in_(marks), inbound.c.sender_lookup != "").order_by(inbound.c.id)


def _as_json(row: AnyRow) -> dict[str, Any]:
    return {name: _plain(value) for name, value in row._mapping.items()}  # noqa: SLF001 - SQLAlchemy's own public name for it


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date | time | datetime) else value


# --- what a person may change ---------------------------------------------------------------------------------------------


async def change(conn: AsyncConnection, known: Own, now: datetime, **values: Any) -> None:
    """Change what is the person's own choice: pause, languages, quiet hours. What was said before stands in the log as an act."""
    stamp = {"updated_at": now, "updated_by": BY}
    await conn.execute(update(ResourcePerson).where(ResourcePerson.id == known.person.id).values(values | stamp))
    await _acted(conn, known, "person.own_change", now, what=sorted(values))


async def rest(conn: AsyncConnection, known: Own, until: datetime | None, now: datetime) -> None:
    """Pause, with an end or without: what is planned and not begun is spared, as by the word PAUSE."""
    await change(conn, known, now, paused=until is None, paused_until=until)
    await _spare(conn, known, Meaning.PAUSE, now)


async def resume(conn: AsyncConnection, known: Own, now: datetime) -> None:
    """End the pause."""
    await change(conn, known, now, paused=False, paused_until=None)


async def order_channels(conn: AsyncConnection, known: Own, wanted: Sequence[str], now: datetime) -> None:
    """Put addresses in the order of their channels; a channel that is not named keeps its place behind."""
    rank = {channel: place for place, channel in enumerate(dict.fromkeys((*wanted, *known.channels)))}
    ordered = sorted(known.addresses, key=lambda row: (rank.get(row.channel, len(rank)), row.position, row.id))
    for position, row in enumerate(ordered):
        await conn.execute(update(Address).where(Address.id == row.id).values(position=position, updated_at=now, updated_by=BY))
    await _acted(conn, known, "person.own_change", now, what=["channels"])


async def add_arena(conn: AsyncConnection, known: Own, name: str, size: int | None, now: datetime) -> None:
    """Keep a place or group in which this person passes things on."""
    if len(known.arenas) < MOST_ARENAS:
        row = {"municipality_id": known.municipality_id, "person_id": known.person.id, "name": name, "size": size, "made_at": now}
        await conn.execute(insert(arena), [row])


async def remove_arena(conn: AsyncConnection, known: Own, arena_id: int) -> None:
    """Forget one of this person's places."""
    await conn.execute(delete(arena).where(arena.c.id == arena_id, arena.c.person_id == known.person.id))


async def wish_address(conn: AsyncConnection, known: Own, value: str, now: datetime) -> None:
    """Put the wish for another number or mailbox before the coordinator; change nothing, since another may hold the link."""
    new = tasks.NewTask(
        municipality_id=known.municipality_id,
        kind=TaskKind.NEW_ADDRESS,
        # another wish is another task
        cause=f"new_address:{known.person.id}:{sealing.keyring().lookup(value)[:16]}",
        words=value,
        person_id=known.person.id,
    )
    await tasks.open_task(conn, new, now)


async def leave(conn: AsyncConnection, known: Own, now: datetime) -> None:
    """Let a person go: no more messages, no more links, their places forgotten; the coordinator is told."""
    person_id = known.person.id
    await change(conn, known, now, left_at=now)
    stopped: Mapping[str, Any] = {"state": AddressState.OPTED_OUT, "state_reason": "LEAVE", "state_at": now}
    mine = (Address.person_id == person_id, Address.state == AddressState.ACTIVE)
    await conn.execute(update(Address).where(*mine).values(dict(stopped) | {"updated_at": now, "updated_by": BY}))
    await answers.left(conn, person_id, now)
    await conn.execute(delete(arena).where(arena.c.person_id == person_id))
    await links.revoke(conn, known.municipality_id, person_id, now)
    words = "This person has left on their own page. Thank them, and find somebody else for the group."
    await tasks.open_task(
        conn,
        tasks.NewTask(
            municipality_id=known.municipality_id, kind=TaskKind.OPTED_OUT, cause=f"left:{person_id}", words=words, person_id=person_id
        ),
        now,
    )


async def _spare(conn: AsyncConnection, known: Own, meaning: Meaning, now: datetime) -> None:
    asked = await alerts_of(conn, [known.person.id], now)
    await answers.rest(conn, asked, meaning, now)


async def _acted(conn: AsyncConnection, known: Own, act: ActName, now: datetime, **data: Any) -> None:
    subject = f"person:{known.person.id}"
    await tasks.acted(conn, BY, act, now, municipality_id=known.municipality_id, subject=subject, **data)
