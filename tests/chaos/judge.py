"""Who has how many copies, by the provider's ledger; and whether the product says so itself.

Two copies with the same words are two of the same message, unless the plan holds a reminder beside it that one of them was sent for: on
WhatsApp the reminder is the template again. Which planned send a copy belongs to is told by the token that it carries, never by its time.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from channels.sandbox.ledger import Event
from channels.sandbox.reading import legend_of
from channels.sandbox.recount import FAILED, Copy
from messages.form import Part
from relay.store.engine import Store
from relay.store.tables import attempt, delivery
from relay.town import Person, Town
from tests.recount import Book, Texts, approved, left_out, messages, one_line

#: those who have one telephone or mailbox
Holders = tuple[Person, ...]


@dataclass(frozen=True, slots=True)
class Planned:
    """The planned send that a copy belongs to."""

    delivery_id: int
    part: str


#: the product's own record: by an attempt's token, and by the id that the provider gave it
Record = Mapping[str, Planned]


async def record_of(database: str) -> Record:
    """Read the record of a database at a SQLAlchemy URL; what of it tells a copy's send needs no key."""
    store = await Store.open(database)
    try:
        async with store.read() as conn:
            rows = select(attempt.c.token, attempt.c.provider_id, delivery.c.id, delivery.c.part)
            found = (await conn.execute(rows.join(delivery, delivery.c.id == attempt.c.delivery_id))).all()
    finally:
        await store.close()
    return {name: Planned(row.id, row.part) for row in found for name in (row.token, row.provider_id) if name}


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """What became of an alert whose sender was killed."""

    #: people who should have a copy
    people: int
    #: names of those who have none, and of whom the product does not say so
    lost: tuple[str, ...]
    #: names of those who have two of the same
    doubled: tuple[str, ...]
    #: names of those who have two of the same, and of whom the product does not say that it may be so
    unflagged: tuple[str, ...]
    #: how many people the product says may have two
    flagged: int

    @property
    def good(self) -> bool:
        """Whether nobody was lost, and nobody was sent two in silence."""
        return not (self.lost or self.unflagged)


def judge(book: Book, people: Town, printed: Mapping[str, Any], record: Record) -> Judgement:
    """Judge a finished alert; `printed` is the product's own account (`demo --json`, as `reach --json`), `record` what it was sent for."""
    evening, texts = book.entries[0].at.date(), approved(book)
    wanted = [person for person in people.people if not left_out(person, evening) and person.deputy_of is None and not _left(person, book)]
    without = Counter(person.name for person in wanted if not _has_a_copy(person, book, texts))
    doubled = {tuple(person.key for person in holders): holders for holders in _with_two(book, people, texts, record)}
    return Judgement(
        people=len(wanted),
        lost=tuple((without - Counter(one["person"] for one in printed["unreachable"])).elements()),
        doubled=tuple(holders[0].name for holders in doubled.values()),
        unflagged=tuple(_not_among(printed["perhaps_twice"], doubled.values())),
        flagged=len(printed["perhaps_twice"]),
    )


def _not_among(flagged: Sequence[str], doubled: Iterable[Holders]) -> Iterator[str]:
    """Yield whom the product does not list; of two people with one phone it is enough to list one."""
    left = Counter(flagged)
    for holders in doubled:
        named = next((person.name for person in holders if left[person.name]), None)
        if named is None:
            yield holders[0].name
        else:
            left[named] -= 1


def _left(person: Person, book: Book) -> bool:
    """Whether somebody wrote STOP tonight: what had not reached them by then must not."""
    addresses = {way.value for way in person.ways}
    return any(entry.event is Event.OPTED_OUT and entry.to in addresses for entry in book.entries)


def _has_a_copy(person: Person, book: Book, texts: Texts) -> bool:
    got = [one_line(copy.entry.body) for way in person.ways for copy in book.copies_of.get(way.value, ())]
    return any(headline in body and forward in body for body in got for headline, forward in texts.values())


def _with_two(book: Book, people: Town, texts: Texts, record: Record) -> Iterator[Holders]:
    """Yield those to whom the same message went twice; one that was given up and tried again is once."""
    holders = _holders(people)
    written = Counter(entry.sender for entry in book.entries if entry.event is Event.INBOUND)
    sent: dict[tuple[str, str], list[Copy]] = defaultdict(list)
    for copy in messages(book.copies.values()):
        sent[copy.entry.to, _what(copy)].append(copy)
    for (address, _), same in sent.items():
        theirs = holders.get(address, ())
        # each of two people on one number gets a copy of the alert, and each message of theirs an echo
        most = len(theirs) if _is_the_alerts(same[0], texts) else max(len(theirs), written[address])
        if theirs and len(same) - _reminders(same, record) > most:
            yield theirs
    yield from (holders[address] for address in _twice_for_one_send(book, record) if address in holders)


def _reminders(same: Sequence[Copy], record: Record) -> int:
    """How many planned reminders are among copies with the same words."""
    sends = {send.delivery_id for copy in same if (send := _send_of(copy, record)) is not None and send.part == Part.REMINDER}
    return len(sends)


def _twice_for_one_send(book: Book, record: Record) -> Iterator[str]:
    """Yield addresses that got two copies for one planned send, in whatever words, of which none was given up."""
    sends: Counter[tuple[str, int]] = Counter()
    for copy in book.copies.values():
        send = _send_of(copy, record)
        if send is not None and copy.status not in FAILED:
            sends[copy.entry.to, send.delivery_id] += 1
    yield from (address for (address, _), copies in sends.items() if copies > 1)


def _send_of(copy: Copy, record: Record) -> Planned | None:
    """The send that a copy was made for; None where the product knows of none, and then it is no reminder."""
    return record.get(copy.entry.token) or record.get(copy.entry.id)


def _holders(people: Town) -> Mapping[str, Holders]:
    found: dict[str, Holders] = defaultdict(tuple)
    for person in people.people:
        for value in {way.value for way in person.ways}:
            found[value] += (person,)
    return found


def _what(copy: Copy) -> str:
    """What makes two copies the same: a letter's own id, else channel and text."""
    return copy.entry.id if copy.entry.channel == "email" else f"{copy.entry.channel} {copy.entry.body}"


def _is_the_alerts(copy: Copy, texts: Texts) -> bool:
    """Whether a copy says what is to be passed on, or asks, and is no echo of what somebody wrote."""
    entry = copy.entry
    asks = bool(entry.buttons) or legend_of(entry.body) is not None
    return asks or any(headline in one_line(entry.body) for headline, _ in texts.values())
