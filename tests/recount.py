"""Recounts a demo by the provider's ledger, without a look at the product's database, and compares it with what `demo --json` printed.

    python -m tests.recount LEDGER PRINTED [--people 60] [--seed 1]

Who is in which group, and who is left out, follows from the made-up town; what was sent and what arrived stands in the ledger; what an
emulated person meant is known from their character. The words are those of relay/counting.py: a person has been *sent* the alert when a
provider took all its bodies by one way, and it is *delivered* when the phone has them, or when the person answered, which proves the
same. People are counted once, in each group they answer for. A message that was given up and tried again is one message.
"""

import argparse
import json
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import Enum, auto
from functools import cached_property
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from channels.sandbox.ledger import Entry, Event, read
from channels.sandbox.people import CHARACTERS, Act, Character
from channels.sandbox.reading import legend_of, plain
from channels.sandbox.recount import DELIVERED, FAILED, Copy, copies
from relay.town import Person, Phone, Town, Way, demo_alert, town

CHANNELS = ("sms", "whatsapp", "email")
#: the duty officer's telephone of the demo: what goes there is nobody's alert
DUTY_PHONE = "+4740000112"


class Said(Enum):
    """What an emulated person meant by writing."""

    NOTHING = auto()  # a machine wrote it, or it opens a door, or it is STOP
    QUESTION = auto()  # something for a person to read
    ANSWER = auto()
    COUNT = auto()  # an answer that says to how many it was passed on


@dataclass(frozen=True)
class Book:
    """The ledger, sorted: what was sent, what became of it, and what was written back."""

    entries: Sequence[Entry]
    phones: Mapping[str, Phone]

    @cached_property
    def copies(self) -> dict[str, Copy]:
        """Every copy by id; a letter that came back has failed."""
        found = copies(self.entries)
        returned = {entry.reply_to for entry in self.entries if entry.event is Event.INBOUND and entry.note == Act.BOUNCE}
        for copy in found.values():
            copy.status = "undelivered" if copy.entry.id in returned else copy.status
        return found

    @cached_property
    def texts(self) -> "Texts":
        """The approved texts."""
        return approved(self)

    @cached_property
    def refused(self) -> list[Entry]:
        """What the provider turned down."""
        return [entry for entry in self.entries if entry.event is Event.REFUSED and entry.to in self.phones]

    @cached_property
    def copies_of(self) -> Mapping[str, list[Copy]]:
        """The copies that went to each address."""
        found: dict[str, list[Copy]] = defaultdict(list)
        for copy in self.copies.values():
            found[copy.entry.to].append(copy)
        return found

    @cached_property
    def said_by(self) -> Mapping[Phone, list[Said]]:
        """What each phone's holder has said, as far as the product took it, or must have fetched it: it answered too late to be seen."""
        taken = {entry.id for entry in self.entries if entry.event is Event.HANDED and (200 <= entry.http < 300 or not entry.http)}
        found: dict[Phone, list[Said]] = defaultdict(list)
        for entry in self.entries:
            if entry.event is Event.INBOUND and entry.id in taken and entry.sender in self.phones:
                found[self.phones[entry.sender]].append(self._meant(self.phones[entry.sender], entry))
        return found

    def _meant(self, phone: Phone, entry: Entry) -> Said:
        nature, answered = CHARACTERS[phone.character], self.copies.get(entry.reply_to)
        opens = entry.payload and answered is not None and len(answered.entry.buttons) == 1
        if opens or nature.act in (Act.AWAY, Act.BOUNCE) or nature.text == "STOP":
            return Said.NOTHING
        if nature.act is Act.PICTURE or nature.text in ("{question}", "{danger}"):
            return Said.QUESTION
        counts = _counts(nature) and str(phone.reaches) in re.findall(r"\d+", plain(entry.body))
        return Said.COUNT if counts else Said.ANSWER


def _counts(nature: Character) -> bool:
    return "{count}" in nature.count + nature.text


def book_of(ledger: Path, people: Town) -> Book:
    """Read a demo's ledger; of two people with one number the first answers."""
    phones: dict[str, Phone] = {}
    for phone in people.phones():
        phones |= {address: phone for address in (phone.number, phone.mail) if address}
    return Book(read(ledger), phones)


def recount(book: Book, people: Town) -> dict[str, Any]:
    """Return what `demo --json` should have printed, as far as a ledger can tell."""
    evening = book.entries[0].at.date()
    counted = {person.key: _person(person, book, evening) for person in people.people}
    lost = [person.name for person in people.people if counted[person.key]["failed"]]
    return {
        "groups": {
            group.language: dict(_sum(counted[person.key] for person in people.people if group.language in person.groups))
            for group in people.groups
        },
        "totals": dict(_sum(counted.values())),
        "channels": {name: dict(_channel(book, name)) for name in CHANNELS},
        "questions": sum(Said.QUESTION in said for said in book.said_by.values()),
        "unreachable": sorted(lost),
    }


def _sum(rows: Iterable[Counter[str]]) -> Counter[str]:
    return sum(rows, Counter())


def left_out(person: Person, evening: date) -> bool:
    """Whether somebody gets nothing: no agreement any more, not known to be adult, resting, or without an address."""
    ended = person.agreed_until is not None and person.agreed_until < evening
    return ended or not person.adult_confirmed or person.paused or not person.ways


def _person(person: Person, book: Book, evening: date) -> Counter[str]:
    if left_out(person, evening):
        return Counter(people=1, skipped=1)
    addresses = {way.value for way in person.ways}
    said = [each for phone in {book.phones[address] for address in addresses} for each in book.said_by.get(phone, ())]
    answered, relayed = Said.ANSWER in said or Said.COUNT in said, Said.COUNT in said
    ways = [_bodies(book, way) for way in person.ways]
    tried = any(entry.to in addresses for entry in book.refused) or any(body for way in ways for body in way)
    hopeful = any(all(any(copy.status not in FAILED for copy in body) for body in way) for way in ways)
    return Counter(
        people=1,
        planned=1,
        sent=int(answered or any(all(way) for way in ways)),
        delivered=int(answered or any(all(any(copy.status in DELIVERED for copy in body) for body in way) for way in ways)),
        acknowledged=int(answered),
        relayed=int(relayed),
        reported_reach=_reached(person, book) if relayed else 0,
        failed=int(tried and not hopeful and not answered),
    )


def _bodies(book: Book, way: Way) -> list[list[Copy]]:
    """Return the copies that went one way, by the bodies that make up the message: what to pass on, and the ask; a letter holds both."""
    sent = [copy for copy in book.copies_of.get(way.value, ()) if copy.entry.channel == way.medium]
    forwards = [copy for copy in sent if any(forward in one_line(copy.entry.body) for _, forward in book.texts.values())]
    asks = [copy for copy in sent if len(copy.entry.buttons) > 1 or legend_of(copy.entry.body)]
    return [forwards] if way.medium == "email" else [forwards, asks]


def _reached(person: Person, book: Book) -> int:
    """How many somebody says to have reached; what two on one phone say is counted once."""
    held = {book.phones[way.value] for way in person.ways}
    return sum(phone.reaches for phone in held if phone.name == person.name)


def _channel(book: Book, name: str) -> Counter[str]:
    sent = [copy for copy in book.copies.values() if copy.entry.channel == name and copy.entry.to != DUTY_PHONE]
    once = list(messages(sent))
    return Counter(
        sent=len(once),
        delivered=sum(copy.status in DELIVERED for copy in once),
        failed=sum(copy.status in FAILED for copy in once) + sum(entry.channel == name for entry in book.refused),
    )


def messages(sent: Iterable[Copy]) -> Iterator[Copy]:
    """Yield the last copy of each message: what follows a copy that was given up, with the same text to the same address, is that again."""
    standing: dict[tuple[str, str], list[Copy]] = defaultdict(list)
    for copy in sent:
        same = standing[copy.entry.to, copy.entry.body]
        given_up = next((each for each in same if each.status in FAILED), None)
        if given_up is not None:
            same.remove(given_up)
        same.append(copy)
    for same in standing.values():
        yield from same


# --- the words ----------------------------------------------------------------------------------------------------------

#: language -> headline and forward sentence, each on one line
Texts = Mapping[str, tuple[str, str]]
_CAP = "{urn:oasis:names:tc:emergency:cap:1.2}"


def approved(book: Book) -> Texts:
    """Return the texts of the official message that the demo sends."""
    infos = ET.fromstring(demo_alert(book.entries[0].at)).findall(f"{_CAP}info")
    return {str(info.findtext(f"{_CAP}language")): (_own(info, "headline"), _own(info, "forward")) for info in infos}


def _own(info: ET.Element, name: str) -> str:
    pairs = {pair.findtext(f"{_CAP}valueName"): pair.findtext(f"{_CAP}value") for pair in info.findall(f"{_CAP}parameter")}
    return one_line(pairs[f"budstikke:{name}"] or "")


def one_line(text: str) -> str:
    """Return `text` without its line breaks."""
    return " ".join(text.split())


# --- side by side -------------------------------------------------------------------------------------------------------

#: (what is counted, what the product printed, what the ledger says)
Row = tuple[str, Any, Any]


def compare(printed: Mapping[str, Any], counted: Mapping[str, Any]) -> list[Row]:
    """Return every figure with both accounts of it."""
    rows: list[Row] = []
    groups = {group["language"]: group for group in printed["groups"]}
    for language in sorted(groups.keys() | counted["groups"].keys()):
        rows += _numbers(language, groups.get(language, {}), counted["groups"].get(language, {}))
    rows += _numbers("totals", printed["totals"], counted["totals"])
    for name in CHANNELS:
        rows += _numbers(name, printed["channels"][name], counted["channels"][name])
    rows.append(("questions", printed["questions"], counted["questions"]))
    rows.append(("unreachable", sorted(one["person"] for one in printed["unreachable"]), counted["unreachable"]))
    return rows


def _numbers(where: str, printed: Mapping[str, Any], counted: Mapping[str, int]) -> Iterator[Row]:
    for name in dict.fromkeys([*printed, *counted]):
        if name not in ("language", "name"):
            yield f"{where} {name}", printed.get(name), counted.get(name, 0)


def differences(rows: Iterable[Row]) -> list[Row]:
    """Return where the two accounts differ."""
    return [row for row in rows if row[1] != row[2]]


def main(arguments: list[str] | None = None) -> int:
    """Print both accounts; return 1 if they differ anywhere."""
    parser = argparse.ArgumentParser(prog="recount", description="Recount a demo's ledger and compare it with what the demo printed.")
    parser.add_argument("ledger", type=Path)
    parser.add_argument("printed", type=Path, help="what `budstikke demo --exit --json` printed")
    parser.add_argument("--people", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args(arguments)
    people = town(asked.people, asked.seed)
    rows = compare(json.loads(asked.printed.read_text()), recount(book_of(asked.ledger, people), people))
    for what, printed, counted in [("", "printed", "ledger"), *rows]:
        sys.stdout.write(f"{what:<24} {_cell(printed):>9} {_cell(counted):>9}{'' if printed == counted or not what else '   <<<'}\n")
    wrong = differences(rows)
    sys.stdout.write(f"{len(rows)} figures, {len(wrong)} differ\n")
    return int(bool(wrong))


def _cell(value: Any) -> str:
    return ", ".join(value) if isinstance(value, list) else str(value)


if __name__ == "__main__":
    sys.exit(main())
