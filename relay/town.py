"""The municipality of the demo and its people, all made up (data/demo_town.toml), in any size: what the demo puts into the register,
and which emulated phones belong to it.
"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache
from importlib.resources import files
from itertools import product
from random import Random
from typing import Any
from unicodedata import normalize

from messages import library
from messages.alert import Alert, Area, Kind, Point
from messages.cap.write import write
from messages.form import Medium
from messages.languages import name as language_name
from relay.model import BadInput, Hours, Place

MOST_PEOPLE = 100_000
#: how many people somebody passes a message on to
REACHES = (3, 60)
FIRST_NUMBER = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One address of a person."""

    medium: Medium
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """The fixed person whom a group may ring."""

    name: str
    phone: str
    hours: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A language group; its language is also its key in the town."""

    language: str
    name: str
    quorum: int
    estimate: int
    estimate_source: str
    estimate_on: date
    contact: Contact


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A resource person, and the character of the phone in their hand."""

    #: counts from 1 through the town
    key: int
    name: str
    #: languages of their groups, their own first
    groups: tuple[str, ...]
    #: languages they read, their own first
    languages: tuple[str, ...]
    #: in the order in which they want to be tried
    ways: tuple[Way, ...]
    agreed_on: date
    agreed_until: date | None = None
    adult_confirmed: bool = True
    paused: bool = False
    quiet: Hours | None = None
    #: an employee's duty hours; None: a volunteer
    working: Hours | None = None
    #: key of the person they stand by for
    deputy_of: int | None = None
    #: a name of channels.sandbox.people
    character: str = "silent"
    #: how many people they pass a message on to
    reaches: int = 0

    def way(self, *media: Medium) -> str:
        """Return the first address of these media, or ""."""
        return next((way.value for way in self.ways if way.medium in media), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Phone:
    """What an emulated person holds: a number and a mailbox, with a character. A number that two share is one phone."""

    number: str
    mail: str
    character: str
    language: str
    name: str
    reaches: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Town:
    """A municipality with its senders, groups and people."""

    place: Place
    #: the address of each medium's sender; all of them can be answered
    senders: Mapping[Medium, str]
    groups: tuple[Group, ...]
    people: tuple[Person, ...]

    def phones(self) -> tuple[Phone, ...]:
        """Return the phones and mailboxes to emulate; of two people with one number the first picks up."""
        held: dict[str, Phone] = {}
        for person in self.people:
            number, mail = person.way(Medium.SMS, Medium.WHATSAPP), person.way(Medium.EMAIL)
            phone = Phone(
                number=number, mail=mail, character=person.character, language=person.languages[0], name=person.name, reaches=person.reaches
            )
            held.setdefault(number or mail, phone)
        held.pop("", None)
        return tuple(held.values())


def town(people: int = 60, seed: int = 1) -> Town:
    """Return the town with this many people, the same for the same seed; groups and their mixture keep their shares. Raises BadInput."""
    if not 1 <= people <= MOST_PEOPLE:
        raise BadInput(f"A town has between 1 and {MOST_PEOPLE} people, not {people}.")
    data = _data()
    sizes = _shares([len(group["people"]) for group in data["group"]], people)
    point = Point(data["latitude"], data["longitude"])
    return Town(
        place=Place(number=data["number"], name=data["name"], point=point),
        senders={Medium(medium): address for medium, address in data["senders"].items()},
        groups=tuple(_group(data, group, size) for group, size in zip(data["group"], sizes, strict=True)),
        people=tuple(_people(data, sizes, seed)),
    )


def demo_alert(now: datetime) -> bytes:
    """Return the demo's alert, sent at `now` (aware), as CAP 1.2: boil the water, in every language of the town that the template has."""
    data, said = _data(), _data()["alert"]
    template = library.template(said["template"])
    spoken = (group["language"] for group in data["group"])
    return write(
        Alert(
            number=0,
            kind=Kind.ACTUAL,
            act=template.act,
            severity=template.severity,
            urgency=template.urgency,
            certainty=template.certainty,
            event=said["event"],
            areas=(Area(description=said["values"]["place"], municipalities=(data["number"],)),),
            sent_at=now,
            onset_at=now,
            expires_at=now + timedelta(hours=said["expires_hours"]),
            next_news_at=now + timedelta(hours=said["next_news_hours"]),
            act_by_at=now + timedelta(hours=said["act_by_hours"]),
        ),
        [template.fill(language, said["values"]) for language in spoken if language in template.languages()],
        sender=data["senders"]["email"],
        identifier=f"budvik.{template.id}.{now:%Y%m%dT%H%M%S}",
        sent=now,
        sender_name=f"{data['name']} kommune",
    )


@cache
def _data() -> dict[str, Any]:
    return tomllib.loads(files("relay").joinpath("data/demo_town.toml").read_text(encoding="utf-8"))


def _shares(weights: list[int], people: int) -> list[int]:
    """Share people out by weight: whole parts first, then one each to the largest remainders."""
    exact = [people * weight / sum(weights) for weight in weights]
    order = sorted(range(len(weights)), key=lambda n: int(exact[n]) - exact[n])
    left = people - sum(map(int, exact))
    return [int(share) + (n in order[:left]) for n, share in enumerate(exact)]


def _group(data: dict[str, Any], group: dict[str, Any], size: int) -> Group:
    named = language_name(group["language"], "nb")
    return Group(
        language=group["language"],
        name=group.get("name") or named[:1].upper() + named[1:],
        quorum=max(1, round(size * data["quorum_share"])),
        estimate=group["estimate"],
        estimate_source=data["estimate_source"],
        estimate_on=data["estimate_on"],
        contact=Contact(**data["contact"][group.get("contact", 0)]),
    )


def _people(data: dict[str, Any], sizes: list[int], seed: int) -> Iterator[Person]:
    dice = Random(seed)  # noqa: S311 - repeatable on purpose
    key = 0
    for group, size in zip(data["group"], sizes, strict=True):
        names, lines = _names(group, dice), group["people"]
        for n in range(size):
            key += 1
            line = n % len(lines)
            drawn = {"name": names[n % len(names)], "reaches": dice.randint(*REACHES)}
            yield _person(data, {"language": group["language"], "key": key, "first": key - line, **drawn, **lines[line]})


def _names(group: dict[str, Any], dice: Random) -> list[str]:
    names = [f"{given} {family}" for given, family in product(group["given"].split(), group["family"].split())]
    dice.shuffle(names)
    return names


def _person(data: dict[str, Any], row: dict[str, Any]) -> Person:
    """Make a person of a line of the table; `first` is the key of whoever stands on the first line of the same group."""
    own = (row["language"], *row.get("also", ()))
    phone = row["first"] + row["shares"] if "shares" in row else row["key"]
    return Person(
        key=row["key"],
        name=row["name"],
        groups=own,
        languages=(*own, *row.get("reads", ())),
        ways=tuple(_way(data, Medium(medium), row, phone) for medium in row["ways"]),
        agreed_on=data["agreed_on"],
        agreed_until=data["ended_on"] if row.get("ended") else None,
        adult_confirmed=row.get("adult", True),
        paused=row.get("paused", False),
        quiet=_hours(row.get("quiet")),
        working=_hours(row.get("working")),
        deputy_of=row["first"] + row["deputy_of"] if "deputy_of" in row else None,
        character=row["character"],
        reaches=row["reaches"],
    )


def _way(data: dict[str, Any], medium: Medium, row: dict[str, Any], phone: int) -> Way:
    if medium is Medium.EMAIL:
        return Way(medium=medium, value=f"{_ascii(row['name'])}.{row['key']}@postkasse.test")
    return Way(medium=medium, value=f"{data['prefix']}{FIRST_NUMBER + phone:06}")


def _ascii(name: str) -> str:
    """Spell a name for a mailbox: marks fall away, and what is no Latin letter of English becomes a full stop."""
    plain = normalize("NFKD", name.lower().translate(str.maketrans("øæłı", "oali"))).encode("ascii", "ignore").decode()
    return ".".join("".join(letter if letter.isalnum() else " " for letter in plain).split())


def _hours(text: str | None) -> Hours | None:
    if text is None:
        return None
    start, end = text.split("-")
    return Hours(time.fromisoformat(start), time.fromisoformat(end))
