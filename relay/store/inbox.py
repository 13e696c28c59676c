"""What came in: kept once, whoever brings it, and told apart by who may have written it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final, Literal, TypeAlias

from sqlalchemy import LargeBinary, Select, func, select, type_coerce, update
from sqlalchemy.ext.asyncio import AsyncConnection

from channels.base import Inbound, Media
from messages.form import MESSAGE_PARTS, Medium, Part
from relay.model import Unreadable
from relay.store import sealing
from relay.store.asked import alerts_of
from relay.store.columns import AnyRow
from relay.store.normal import normal_address
from relay.store.sql import insert_ignore
from relay.store.tables import (
    Address,
    Membership,
    ResourcePerson,
    Sender,
    attempt,
    delivery,
    inbound,
    recipient,
)
from relay.talk import Asked, Writer

#: answered on the message page, where it is known beyond doubt who answers
PAGE: Final = "page"
Way: TypeAlias = Medium | Literal["page"]

#: what was made of a message for a person to read, and of one that is to be understood anew
FOR_A_PERSON, AGAIN = "message", "again"
#: and of one that none of this installation's keys opens
UNREADABLE = "unreadable"
#: a provider that had no answer from us calls again within so long, or gives up
REPEATED_WITHIN = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """An inbound message as kept: not handled yet, or handled long ago."""

    id: int
    account: str
    channel: Way
    message: Inbound
    #: it was for a person to read, and may be an answer now that more is known
    again: bool = False
    #: one of our keys opens it; else its message says only where it came to
    readable: bool = True


async def keep(conn: AsyncConnection, account: str, channel: Way, messages: Sequence[Inbound], heard_by: str) -> int:
    """Write inbound messages down, each once; return how many are new."""
    new = 0
    for message in messages:
        if message.nameless and await _is_repeated(conn, account, channel, message):
            continue
        done = await conn.execute(insert_ignore(inbound).values(_row(account, channel, message, heard_by)))
        new += done.rowcount
    return new


async def _is_repeated(conn: AsyncConnection, account: str, channel: Way, message: Inbound) -> bool:
    """Whether a message without an id came a moment ago, too. After a question of ours the same text is another answer: none is lost."""
    who = lookup(channel, message.sender)
    came = (inbound.c.account == account, inbound.c.sender_lookup == who, inbound.c.provider_id.startswith(message.provider_id))
    asked = (
        select(attempt.c.id)
        .join(delivery, delivery.c.id == attempt.c.delivery_id)
        .join(recipient, recipient.c.id == delivery.c.recipient_id)
        .join(Address, Address.person_id == recipient.c.person_id)
        .where(Address.channel == channel, Address.lookup == who, delivery.c.part != Part.NOTICE)
        .where(attempt.c.started_at > inbound.c.received_at)
    )
    same = select(inbound.c.id).where(*came, inbound.c.received_at > message.received_at - REPEATED_WITHIN, ~asked.exists())
    return (await conn.execute(same.limit(1))).scalar() is not None


def _kept_id(message: Inbound) -> str:
    """The id by which a message is kept once; one that its provider gave none has its moment in it."""
    return f"{message.provider_id}-{message.received_at:%Y%m%dT%H%M%S.%f}" if message.nameless else message.provider_id


def _row(account: str, channel: Way, message: Inbound, heard_by: str) -> dict[str, Any]:
    facts = {
        "payload": message.payload,
        "replied_to": message.replied_to,
        "reply_token": message.reply_token,
        "opt_out": message.opt_out,
        "automatic": message.automatic,
        "external_id": message.external_id,
        "media": [asdict(one) for one in message.media],
    }
    return {
        "account": account,
        "provider_id": _kept_id(message),
        "channel": channel,
        "sender": message.sender,
        "sender_lookup": lookup(channel, message.sender),
        "to": message.to,
        "text": message.text,
        "facts": json.dumps(facts),
        "received_at": message.received_at,
        "heard_by": heard_by,
    }


def lookup(channel: Way, value: str) -> str:
    """The fingerprint by which an address is found again, whatever way it is written."""
    return sealing.keyring().lookup(normal_address(Medium(channel), value)) if value else ""


async def unhandled(conn: AsyncConnection, limit: int = 100) -> list[Kept]:
    """Return what has been kept but not handled yet, oldest first; one that no key opens holds up no other, and has no message."""
    columns = [type_coerce(each, LargeBinary) if each.name in _SEALED else each for each in inbound.c]
    waiting = select(*columns).where(inbound.c.handled_at.is_(None)).order_by(inbound.c.id)
    return [_kept(row) for row in (await conn.execute(waiting.limit(limit).with_for_update(skip_locked=True))).all()]


_SEALED = ("sender", "text", "facts")


def _kept(row: AnyRow) -> Kept:
    channel: Way = PAGE if row.channel == PAGE else Medium(row.channel)
    try:
        sender, text, facts = (_opened(getattr(row, name), f"inbound.{name}") for name in _SEALED)
    except Unreadable:
        unread = Inbound(provider_id=row.provider_id, sender="", to=row.to, text="", received_at=row.received_at)
        return Kept(id=row.id, account=row.account, channel=channel, message=unread, readable=False)
    more = json.loads(facts)
    media = tuple(Media(**one) for one in more.pop("media"))
    message = Inbound(provider_id=row.provider_id, sender=sender, to=row.to, text=text, received_at=row.received_at, media=media, **more)
    return Kept(id=row.id, account=row.account, channel=channel, message=message, again=row.verdict == AGAIN)


def _opened(sealed: bytes | None, place: str) -> Any:
    return None if sealed is None else sealing.keyring().open(bytes(sealed), place)


async def try_again(conn: AsyncConnection) -> None:
    """Take up again what no key opened: it may be back."""
    unread = (inbound.c.verdict == UNREADABLE, inbound.c.handled_at.is_not(None))
    await conn.execute(update(inbound).where(*unread).values(handled_at=None))


async def handled(conn: AsyncConnection, inbound_id: int, verdict: str, now: datetime) -> None:
    """Note that a message has been dealt with, and how."""
    await conn.execute(update(inbound).where(inbound.c.id == inbound_id).values(handled_at=now, verdict=verdict[:60]))


# --- who may have written it --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody whose address the message came from."""

    person_id: int
    municipality_id: int
    address_id: int
    languages: tuple[str, ...]
    group_id: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a message came from: our sender, its municipality, and the people whose address it is."""

    municipality_id: int | None
    sender_id: int | None
    people: tuple[Person, ...]
    writer: Writer
    #: municipality -> its sender that the message came to: municipalities may share one number
    senders: Mapping[int, int] = field(default_factory=dict)
    #: the message came to a number or mailbox that is registered as a sender of ours
    to_us: bool = True

    def of(self, about: Asked | None) -> "Origin":
        """Return the same message as the municipality of this alert sees it: its sender, and its people alone, the one asked first."""
        asked = next((person for person in self.people if about and person.person_id == about.person_id), None)
        home = asked.municipality_id if asked else self.municipality_id
        theirs = sorted((person for person in self.people if person.municipality_id == home), key=lambda person: person is not asked)
        return replace(self, municipality_id=home, sender_id=self.senders.get(home or 0), people=tuple(theirs))

    def by_town(self) -> "tuple[Origin, ...]":
        """Return the message as each municipality sees it whose people's address it is."""
        firsts = {person.municipality_id: person for person in reversed(self.people)}
        return tuple(
            replace(
                self,
                municipality_id=town,
                sender_id=self.senders.get(town),
                people=tuple(person for person in self.people if person.municipality_id == town),
            )
            for town in sorted(firsts)
        ) or (self,)


async def origin(conn: AsyncConnection, kept: Kept, now: datetime) -> Origin:
    """Find who may have written: by our sender, then its municipalities' register, then their alerts.

    What came to none of our senders is looked for with all municipalities that use the account: a number may have been changed.
    """
    account = await _senders(conn, kept)
    senders = _named(kept, account)
    people = await _people(conn, kept, [row.municipality_id for row in senders or account])
    exact = await _exact(conn, kept)
    alerts = await alerts_of(conn, [person.person_id for person in people], now)
    by_town = {row.municipality_id: row.id for row in reversed(senders or account)}
    town = await _town(conn, kept, people, [row.municipality_id for row in senders or account])
    writer = Writer(
        person_ids=tuple(person.person_id for person in people),
        alerts=tuple(alerts),
        exact_recipient_id=exact if any(asked.recipient_id == exact for asked in alerts) else None,
        replies_last_hour=await _replies(conn, kept, people, now),
        has_media=bool(kept.message.media),
        provider_answered=bool(kept.message.opt_out),
    )
    return Origin(
        municipality_id=town,
        sender_id=by_town.get(town or 0),
        people=tuple(people),
        writer=writer,
        senders=by_town,
        to_us=bool(senders),
    )


async def somewhere(conn: AsyncConnection, kept: Kept) -> Origin:
    """Return some municipality that uses the account, and nobody in it: for what can be told no better."""
    account = await _senders(conn, kept)
    first = next(iter(_named(kept, account) or account), None)
    town, sender = (first.municipality_id, first.id) if first else (None, None)
    return Origin(municipality_id=town, sender_id=sender, people=(), writer=Writer())


async def _senders(conn: AsyncConnection, kept: Kept) -> Sequence[AnyRow]:
    """The senders of the account that brought the message."""
    mine = select(Sender.id, Sender.municipality_id, Sender.address, Sender.reply_to).where(
        Sender.account == kept.account, Sender.channel == kept.channel
    )
    return (await conn.execute(mine.order_by(Sender.id))).all()


def _named(kept: Kept, account: Sequence[AnyRow]) -> Sequence[AnyRow]:
    """Those that the message came to; a mail answers the token's mailbox, so there every sender of the account may be meant."""
    if kept.channel is Medium.EMAIL:
        return account
    return [row for row in account if kept.message.to in (row.address, row.reply_to)]


async def _town(conn: AsyncConnection, kept: Kept, people: Sequence[Person], towns: Sequence[int]) -> int | None:
    """The municipality that reads it: the writer's, else that of the unverified From address, else the first."""
    if people:
        return people[0].municipality_id
    hinted = (await conn.execute(_at_address(kept, towns))).first() if kept.channel is Medium.EMAIL else None
    return hinted.municipality_id if hinted else next(iter(towns), None)


async def _people(conn: AsyncConnection, kept: Kept, municipalities: Sequence[int]) -> list[Person]:
    """Whose the address is. A mail's From can be written by anybody, so there it is the one whom the token's letter went to."""
    theirs = _whom_the_letter_went_to(kept) if kept.channel is Medium.EMAIL else _at_address(kept, municipalities)
    rows = (await conn.execute(theirs)).all()
    groups = await _own_groups(conn, [row.person_id for row in rows])
    return [
        Person(
            person_id=row.person_id,
            municipality_id=row.municipality_id,
            address_id=row.id,
            languages=tuple(row.languages),
            group_id=groups.get(row.person_id),
        )
        for row in rows
    ]


def _living() -> Select[int, int, int, list[str]]:
    return (
        select(Address.id, Address.person_id, Address.municipality_id, ResourcePerson.languages)
        .join(ResourcePerson, ResourcePerson.id == Address.person_id)
        .where(Address.state != "REPLACED", ResourcePerson.left_at.is_(None))
        .order_by(Address.person_id)
    )


def _at_address(kept: Kept, municipalities: Sequence[int]) -> Select[int, int, int, list[str]]:
    return _living().where(
        Address.channel == kept.channel,
        Address.lookup == lookup(kept.channel, kept.message.sender),
        Address.municipality_id.in_(municipalities),
    )


def _whom_the_letter_went_to(kept: Kept) -> Select[int, int, int, list[str]]:
    went = select(delivery.c.address_id).join(attempt, attempt.c.delivery_id == delivery.c.id)
    return _living().where(Address.id.in_(went.where(attempt.c.token == _token(kept), attempt.c.account == kept.account)))


def _token(kept: Kept) -> str:
    """The token of the mailbox that a mail came to; a mail to a letter's return address names it as what it replies to."""
    return kept.message.reply_token or kept.message.replied_to


async def _own_groups(conn: AsyncConnection, people: Sequence[int]) -> dict[int, int]:
    rows = await conn.execute(
        select(Membership.person_id, Membership.group_id).where(Membership.person_id.in_(people)).order_by(Membership.position.desc())
    )
    return {row.person_id: row.group_id for row in rows}


async def _exact(conn: AsyncConnection, kept: Kept) -> int | None:
    """The recipient that a quoted message or a mail token names."""
    message = kept.message
    by_token = message.reply_token or kept.channel is Medium.EMAIL
    named = attempt.c.token == _token(kept) if by_token else attempt.c.provider_id == message.replied_to
    if not (message.reply_token or message.replied_to):
        return None
    found = (await conn.execute(select(attempt.c.recipient_id).where(named, attempt.c.account == kept.account))).scalar()
    return int(found) if found is not None else None


async def _replies(conn: AsyncConnection, kept: Kept, people: Sequence[Person], now: datetime) -> int:
    """How many automatic replies went to this number in the last hour, or since the last alert went there: its answers are heard anew."""
    if people:
        theirs = delivery.c.address_id.in_([person.address_id for person in people])
        alerted = select(func.max(delivery.c.planned_at)).where(theirs, delivery.c.part.in_(MESSAGE_PARTS), delivery.c.attempts > 0)
        since = func.coalesce(alerted.scalar_subquery(), now - timedelta(hours=1))
        recent = (delivery.c.part == Part.NOTICE, delivery.c.planned_at > now - timedelta(hours=1), delivery.c.planned_at >= since)
        return len((await conn.execute(select(delivery.c.id).where(*recent, theirs))).all())
    same = select(inbound.c.id).where(
        inbound.c.sender_lookup == lookup(kept.channel, kept.message.sender),
        inbound.c.received_at > now - timedelta(hours=1),
        inbound.c.handled_at.is_not(None),
    )
    return len((await conn.execute(same)).all())
