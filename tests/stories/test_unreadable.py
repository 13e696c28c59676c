"""Nights in which one sealed value cannot be opened, because a key was lost or a row was spoilt: nobody else must miss anything."""

from typing import Any

from sqlalchemy import LargeBinary, Table, insert, select, type_coerce, update

from channels.base import Evidence
from channels.sandbox.faults import Fault
from relay.model import Role, TaskKind
from relay.store import sealing
from relay.store.tables import Address, Municipality, User, inbound, user_role
from tests.relay.witness import accepted, attempts, in_time, released
from tests.stories.arrange import change, neighbour, rows, texts
from tests.stories.town import ON_SQLITE, Town, new

pytestmark = ON_SQLITE

WATER = {"nb": "KOK VANNET"}


async def test_a_duty_telephone_that_cannot_be_opened_keeps_nobody_from_being_heard(town: Town) -> None:
    """Who writes of danger is answered, and so is whoever writes after them, in the neighbouring town too; one task says what is wrong."""
    other = await neighbour(town)
    ayan, bo = await town.person("Ayan", "nb"), await other.person("Bo", "nb")
    await town.issue(WATER)
    theirs = await other.issue(WATER)
    await spoil(town, Municipality.__table__, "duty_phone", Municipality.id == town.municipality_id)
    new(ayan.phone)
    await ayan.phone.says("Det brenner hos oss")
    await bo.phone.says("1")
    await town.settle()
    assert all(row.verdict for row in await rows(town, select(inbound.c.verdict)))
    assert any("112" in text for text in texts(new(ayan.phone)))
    assert (await other.reach(theirs)).totals.acknowledged == 1
    assert {TaskKind.DANGER, TaskKind.ADDRESS} <= set(await town.tasks())


async def test_a_colleague_whose_number_cannot_be_opened_keeps_nobody_from_releasing(town: Town) -> None:
    """The alert leaves, the other colleague is told, and a task says whose number it is that is missing."""
    await town.person("Ayan", "nb")
    for name, phone in (("Per", "+4790000001"), ("Kari", "+4790000002")):
        await colleague(town, name, phone)
    await spoil(town, User.__table__, "phone", User.name == "Per")
    await released(town, WATER)
    await town.settle()
    assert {"+4790000002"} == {entry.to for entry in accepted(town)} & {"+4790000001", "+4790000002"}
    assert any("KOK VANNET" in entry.body for entry in accepted(town))
    assert (await town.tasks()).count(TaskKind.ADDRESS) == 1


async def test_a_send_in_doubt_to_an_address_that_cannot_be_opened_keeps_nobody_from_being_looked_for(town: Town) -> None:
    """The other one is found in the provider's list; of this one nothing is claimed."""
    town.sandbox.change(callbacks=False)
    ayan, bo = await town.person("Ayan", "nb"), await town.person("Bo", "nb")
    town.sandbox.order(Fault(kind="error_accepted", times=4))
    await released(town, WATER)
    await town.settle()
    await spoil(town, Address.__table__, "value", Address.person_id == ayan.id)
    await in_time(town, seconds=40)
    told = [(row.recipient_id, row.evidence >= Evidence.ACCEPTED, row.found_by) for row in await attempts(town)]
    assert {found_by for _, known, found_by in told if known} == {"list"}
    assert len({who for who, known, _ in told if known}) == 1
    assert len(texts(new(bo.phone))) == 2


async def spoil(town: Town, table: Any, column: str, *where: Any) -> None:
    """Seal a value under a key that nobody has."""
    assert isinstance(table, Table)
    lost = sealing.build(sealing.make_key(), sealing.make_key()).seal("x", f"{table.name}.{column}")
    await change(town, update(table).where(*where).values({column: type_coerce(lost, LargeBinary)}))


async def colleague(town: Town, name: str, phone: str) -> None:
    """Let somebody work here who may approve, and is told of each release."""
    async with town.store.write() as conn:
        row = {"municipality_id": town.municipality_id, "name": name, "phone": phone, "active": True}
        row |= {"created_at": town.clock.now(), "created_by": "Ola", "updated_at": town.clock.now(), "updated_by": "Ola"}
        made = (await conn.execute(insert(User).values(row).returning(User.id))).scalar_one()
        role = {"municipality_id": town.municipality_id, "user_id": made, "role": Role.APPROVER}
        await conn.execute(insert(user_role).values(role))
