"""A town with people and senders behind the pages, and what one does on them."""

from collections.abc import Mapping
from datetime import date
from html import unescape

from sqlalchemy import func, select, update

from messages.alert import Kind
from messages.form import Medium
from relay.model import Role
from relay.store import users
from relay.store.columns import AnyRow
from relay.store.register import NewContact, NewGroup, NewPerson, NewSender, Stamp, add_contact_point, add_group, add_people, add_sender
from relay.store.tables import Membership, ResourcePerson, alert, delivery, recipient
from relay.web import words
from tests.web.house import Answer, Browser, Open, password_hash

NORWEGIAN, SOMALI = "KOK VANNET", "KARKARI BIYAHA"


async def furnish(web: Open, people: int = 3) -> dict[str, int]:
    """Put Norwegian and Somali people with telephones into the register; return the groups by language."""
    stamp = Stamp(by="test", at=web.clock.now())
    async with web.house.store.write() as conn:
        sms = NewSender(medium=Medium.SMS, address="+4759440000", provider="twilio_sms", account="twilio", price=0.5)
        await add_sender(conn, web.town, sms, stamp)
        await add_contact_point(conn, web.town, NewContact(name="Kari", phone="91234567", hours="08-22"), stamp)
        groups = {tag: await add_group(conn, web.town, NewGroup(language=tag, name=tag), stamp) for tag in ("nb", "so")}
        everybody = [_person(tag, groups[tag], n) for tag in groups for n in range(people)]
        await add_people(conn, web.town, everybody, stamp)
    return groups


def _person(tag: str, group: int, n: int) -> NewPerson:
    number = f"+4741{'0' if tag == 'nb' else '1'}{n:05}"
    day = date(2026, 1, 1)
    return NewPerson(
        name=f"{tag} {n}", languages=(tag,), groups=(group,), ways=((Medium.SMS, number),), agreed_on=day, adult_confirmed_on=day
    )


async def colleague(web: Open, login: str, *roles: Role) -> None:
    """Let one more user in."""
    async with web.house.store.write() as conn:
        new = users.NewUser(name=login.capitalize(), roles=frozenset(roles), login=login)
        await users.add(conn, web.town, new, Stamp(by="", at=web.clock.now()), password_hash=password_hash())


async def draft(browser: Browser, kind: Kind = Kind.ACTUAL, fields: Mapping[str, str] | None = None) -> int:
    """Begin an alert on the pages and write it in two languages; return its number."""
    await browser.get("/alerts/new")
    begun = await browser.post("/alerts/new", kind=kind, start="blank", event="Kokevarsel")
    assert begun.status == 303, text_of(begun)
    number = int(begun.location.split("/")[2])
    await browser.get(begun.location)
    saved = await browser.post(f"/alerts/{number}/edit", **form(**(fields or {})))
    assert saved.status == 303, text_of(saved)
    return number


def form(**fields: str) -> dict[str, str]:
    """Return a filled-in form of a draft."""
    texts = {"headline.nb": NORWEGIAN, "forward.nb": "Kok det i 3 minutter.", "headline.so": SOMALI, "forward.so": "Karkari 3 daqiiqo."}
    return {"event": "Kokevarsel", "gravity": "0", "concerns": "yes", "do": "save"} | texts | fields


async def row(web: Open, number: int) -> AnyRow:
    """Return an alert's row."""
    async with web.house.store.read() as conn:
        mine = (alert.c.municipality_id == web.town, alert.c.number == number)
        return (await conn.execute(select(alert).where(*mine))).one()


async def planned(web: Open, number: int) -> tuple[int, int]:
    """Return how many people and how many first messages the written plan holds."""
    found = await row(web, number)
    async with web.house.store.read() as conn:
        people = select(func.count()).select_from(recipient).where(recipient.c.alert_id == found.id, recipient.c.left_out == "")
        first = (delivery.c.alert_id == found.id, delivery.c.action == "message")
        messages = select(func.count()).select_from(delivery).where(*first)
        return (await conn.execute(people)).scalar_one(), (await conn.execute(messages)).scalar_one()


async def without_agreement(web: Open, group: int) -> None:
    """Take the role agreement from everybody in a group."""
    members = select(Membership.person_id).where(Membership.group_id == group)
    async with web.house.store.write() as conn:
        await conn.execute(update(ResourcePerson).where(ResourcePerson.id.in_(members)).values(agreed_on=None))


def nb(sentence: str, **values: object) -> str:
    """Return a sentence of the pages in the language that the tests' browsers get."""
    return words.say("nb", sentence, **values)


def text_of(answer: Answer) -> str:
    """Return a page's text with its entities read."""
    return unescape(answer.text)
