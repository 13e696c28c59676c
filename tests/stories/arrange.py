"""What some stories need beyond a town: a neighbouring municipality, approved templates, a look at rows."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Executable, insert, select, update

from channels.sandbox.mail import Post
from channels.sandbox.phones import Shown
from messages.alert import Kind
from messages.form import Medium, Part
from messages.frames import Facts, Notice
from messages.languages import get
from messages.render import notice
from messages.whatsapp import approval, template_name
from relay.store.columns import AnyRow
from relay.store.tables import Address, ContactPoint, LanguageGroup, Municipality, Sender, delivery
from tests.stories.town import FAST, SMS_SENDER, Somebody, Town

NEIGHBOURS_SENDER = "+4759440002"


async def rows(town: Town, statement: Executable) -> Sequence[AnyRow]:
    """Return what a query finds."""
    async with town.store.read() as conn:
        return (await conn.execute(statement)).all()


async def change(town: Town, statement: Executable) -> None:
    """Change rows behind the house's back, as a coordinator's page would."""
    async with town.store.write() as conn:
        await conn.execute(statement)


async def address(town: Town, person: Somebody, medium: Medium = Medium.SMS) -> AnyRow:
    """Return somebody's address as the register has it."""
    [found] = await rows(town, select(Address.__table__).where(Address.person_id == person.id, Address.channel == medium))
    return found


async def sends(town: Town, person: Somebody, part: Part | None = None) -> Sequence[AnyRow]:
    """Return what is or was planned for somebody, in the order of its times."""
    mine = select(delivery).where(delivery.c.person_id == person.id).order_by(delivery.c.due_at, delivery.c.id)
    return await rows(town, mine if part is None else mine.where(delivery.c.part == part))


async def sender(town: Town, medium: Medium = Medium.SMS, **values: Any) -> None:
    """Change the municipality's sender for a medium."""
    mine = (Sender.municipality_id == town.municipality_id, Sender.channel == medium)
    await change(town, update(Sender).where(*mine).values(**values))


async def quorum(town: Town, language: str) -> AnyRow:
    """Return a language group's row of the register."""
    [found] = await rows(town, select(LanguageGroup.__table__).where(LanguageGroup.id == town.groups[language]))
    return found


async def neighbour(town: Town, sms: str = NEIGHBOURS_SENDER) -> Town:
    """Found a second municipality in the same house, with this SMS sender."""
    audit = town._audit()
    async with town.store.write() as conn:
        made = await conn.execute(insert(Municipality).values({"number": "9902", "name": "Nordvik"} | audit).returning(Municipality.id))
        home = {"municipality_id": made.scalar_one()} | audit
        await conn.execute(insert(ContactPoint).values(home | {"name": "Per Hansen", "phone": "98765432"}))
        values = {"channel": Medium.SMS, "provider": "twilio_sms", "account": "twilio", "address": sms, "contents": {}}
        await conn.execute(insert(Sender).values(home | values | FAST))
    urls = town.sandbox.world.settings.inbound_urls
    town.sandbox.change(inbound_urls=urls | {sms: urls[SMS_SENDER]})
    return replace(town, municipality_id=home["municipality_id"], groups={}, numbers=500)


async def templates(town: Town, parts: Mapping[Part, Sequence[str]]) -> None:
    """Let WhatsApp approve our templates of these parts in these languages, and tell the sender their ids."""
    contents: dict[str, str] = {}
    for part, languages in parts.items():
        for tag in languages:
            text, buttons = approval(part, tag, Kind.ACTUAL)
            name, code = template_name(part, Kind.ACTUAL), get(tag).whatsapp
            body: dict[str, Any] = {"body": text} | (
                {"actions": [{"title": one.title, "id": one.payload} for one in buttons]} if buttons else {}
            )
            sid = f"HX{len(town.sandbox.contents.by_sid):032x}"
            raw = {"friendly_name": name, "language": code, "types": {"twilio/quick-reply" if buttons else "twilio/text": body}}
            town.sandbox.contents.create(raw, sid, town.clock.now()).approval = "approved"
            contents[f"{name}:{code}"] = sid
    await sender(town, Medium.WHATSAPP, contents=contents)


def post(town: Town) -> Post:
    """Return who carries answers and bounces of letters back."""
    return town.sandbox.crowd.post


def house_says(kind: Notice, language: str = "so", *, legend: int = 0, **values: str | int) -> str:
    """Return one of the house's short answers as it stands on a phone in Sørvik."""
    facts = Facts(
        language=language,
        municipality="Sørvik",
        contact_name="Kari Nordmann",
        contact_phone="91234567",
        contact_hours="08-22",
        legend=legend,
        values=values,
    )
    return notice(kind, facts, Medium.SMS).text


def texts(messages: Sequence[Shown]) -> list[str]:
    """Return what stands on a screen, message by message."""
    return [message.text for message in messages]
