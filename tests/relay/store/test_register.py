"""The register: what goes in, who is alike, and that nothing readable lies on the disk."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, text, update

from channels.base import Pace
from messages.form import Medium
from relay import places
from relay.model import BadInput, Hours, NotFound, PersonClass
from relay.store import groups, people, register
from relay.store.engine import Store, session
from relay.store.identity import names
from relay.store.register import NewContact, NewGroup, NewPerson, NewSender, Stamp
from relay.store.tables import Address, LanguageGroup, Municipality, ResourcePerson, Sender, act_log
from relay.store.towns import load_town
from relay.town import town

NOW = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)
STAMP = Stamp("kari", NOW)
EVERY = frozenset(Medium)
SMS = NewSender(medium=Medium.SMS, address="+4741000001", provider="twilio_sms", account="main", pace=Pace(1, 1))
AYAN = NewPerson(name="Ayan Ali", languages=("so",), groups=(), ways=((Medium.SMS, "+4741234567"), (Medium.EMAIL, "ayan@b.example")))


async def add_people(store: Store, *new: NewPerson, language: str = "so") -> tuple[int, list[int]]:
    async with store.write() as conn:
        municipality_id = await register.add_municipality(conn, places.find("Tromsø"), STAMP)
        group = await register.add_group(conn, municipality_id, NewGroup(language=language, name="Somali"), STAMP)
        return municipality_id, await register.add_people(conn, municipality_id, [replace(one, groups=(group,)) for one in new], STAMP)


async def classes(store: Store, municipality_id: int, media: frozenset[Medium] = EVERY) -> dict[PersonClass, people.Members]:
    async with store.read() as conn:
        return await people.classes(conn, municipality_id, media)


async def the_class(store: Store, municipality_id: int, media: frozenset[Medium] = EVERY) -> PersonClass:
    (found,) = await classes(store, municipality_id, media)
    return found


async def test_what_routing_cannot_tell_apart_is_one_class_and_nobody_is_lost(store: Store) -> None:
    """Adults all three, confirmed on three days; one with quiet hours that begin and do not end, which are none."""
    municipality_id, persons = await add_people(store, *(replace(AYAN, ways=((Medium.SMS, f"+474123450{n}"),)) for n in range(3)))
    async with store.write() as conn:
        for n, person in enumerate(persons):
            quiet = time(22) if n == 0 else None
            values = {"adult_confirmed_on": date(2026, 1, 1 + n), "quiet_from": quiet, "quiet_to": None}
            await conn.execute(update(ResourcePerson).where(ResourcePerson.id == person).values(values))
    ((kind, members),) = (await classes(store, municipality_id)).items()
    assert kind.adult_confirmed
    assert kind.quiet is None
    assert members.ids.tolist() == sorted(persons)


async def test_a_municipality_is_found_by_number_by_name_and_when_it_is_the_only_one(store: Store) -> None:
    async with store.write() as conn:
        with pytest.raises(NotFound, match="municipality add"):
            await register.find_municipality(conn)
        hamaroy = await register.add_municipality(conn, places.find("Hamarøy"), STAMP)
        number = places.find("Hamarøy").number
        assert {await register.find_municipality(conn, wanted) for wanted in ("", number, "hamarøy", "Hábmer")} == {hamaroy}
        bodo = await register.add_municipality(conn, places.find("Bodø"), STAMP)
        assert await register.find_municipality(conn, "Bodø") == bodo
        with pytest.raises(BadInput, match=r"--municipality: Bodø \(1804\), Hábmer"):
            await register.find_municipality(conn)
        with pytest.raises(NotFound, match="Oslo is no municipality of this installation"):
            await register.find_municipality(conn, "Oslo")
        with pytest.raises(NotFound):
            await register.find_municipality(conn, "Nowhere")
        place = await people.place(conn, hamaroy)
        assert (place.number, place.quiet) == (number, Hours(time(21), time(7)))
        assert place.point is not None
        with pytest.raises(NotFound):
            await people.place(conn, 4711)


async def test_what_is_there_already_is_told(store: Store, municipality_id: int) -> None:
    somali = NewGroup(language="so", name="Somali")
    async with store.write() as conn:
        await register.add_sender(conn, municipality_id, SMS, STAMP)
        await register.add_group(conn, municipality_id, somali, STAMP)
        with pytest.raises(BadInput, match="already"):
            await register.add_sender(conn, municipality_id, replace(SMS, address="410 00 001"), STAMP)
        with pytest.raises(BadInput, match="already"):
            await register.add_group(conn, municipality_id, somali, STAMP)
        with pytest.raises(BadInput, match="no language"):
            await register.add_group(conn, municipality_id, NewGroup(language="klingonsk", name="K"), STAMP)
        with pytest.raises(BadInput, match="already"):
            await register.add_municipality(conn, replace(places.find("Bodø"), number="9999"), STAMP)
    async with store.read() as conn:
        assert len((await conn.execute(select(Sender.id))).all()) == 1


@pytest.mark.parametrize(
    ("sender", "kept"),
    [
        (SMS, "+4741000001"),
        (replace(SMS, address="Tromso kom", two_way=False), "Tromso kom"),
        (replace(SMS, medium=Medium.WHATSAPP, address="whatsapp:+47 410 00 001"), "+4741000001"),
        (replace(SMS, medium=Medium.EMAIL, address="varsel@Budvik.example"), "varsel@budvik.example"),
    ],
)
async def test_senders(store: Store, municipality_id: int, sender: NewSender, kept: str) -> None:
    async with store.write() as conn:
        sender_id = await register.add_sender(conn, municipality_id, sender, STAMP)
        row = (await conn.execute(select(Sender.__table__).where(Sender.id == sender_id))).one()
        assert (row.address, row.channel, row.created_by, row.updated_at) == (kept, sender.medium, "kari", NOW)
        acts = (await conn.execute(select(act_log.c.act, act_log.c.actor))).all()
        who = {f"user:{user_id}": name for user_id, name in (await names(conn, municipality_id)).items()}
        assert [(act.act, who[act.actor]) for act in acts] == [("sender.add", "kari")]


NAMED = replace(SMS, address="Tromso kom", two_way=False)


@pytest.mark.parametrize(
    "sender", [replace(NAMED, two_way=True), replace(NAMED, medium=Medium.WHATSAPP), replace(NAMED, address="Tromso kommune")]
)
async def test_a_name_as_sender_is_for_sms_that_nobody_answers(store: Store, municipality_id: int, sender: NewSender) -> None:
    async with store.write() as conn:
        with pytest.raises(BadInput, match="Give a number"):
            await register.add_sender(conn, municipality_id, sender, STAMP)


@pytest.mark.parametrize("hours", ["all day", "25-26", "mandag-fredag"])
async def test_hours_of_a_contact_point_are_a_stretch_of_the_day(store: Store, municipality_id: int, hours: str) -> None:
    async with store.write() as conn:
        await register.add_contact_point(conn, municipality_id, NewContact(name="Marit", phone="1", hours="08-22"), STAMP)
        with pytest.raises(BadInput, match="write them like 08:00-16:00"):
            await register.add_contact_point(conn, municipality_id, NewContact(name="Marit", phone="1", hours=hours), STAMP)


async def test_a_groups_contact_point_is_its_own_municipalitys(store: Store, municipality_id: int) -> None:
    async with store.write() as conn:
        other = await register.add_municipality(conn, places.find("Tromsø"), STAMP)
        theirs = await register.add_contact_point(conn, other, NewContact(name="Marit", phone="+4740000110"), STAMP)
        with pytest.raises(BadInput, match="no such contact point"):
            await register.add_group(conn, municipality_id, NewGroup(language="so", name="Somali", contact_point_id=theirs), STAMP)
        group_id = await register.add_group(conn, municipality_id, NewGroup(language="so", name="Somali"), STAMP)
        new = groups.Change(name="Somali", quorum=2, contact_point_id=theirs)
        with pytest.raises(BadInput, match="no such contact point"):
            await groups.change(conn, municipality_id, group_id, new, STAMP)


async def test_nothing_readable_of_people_lies_on_the_disk(migrated_sqlite_url: str, tmp_path: Path) -> None:
    store = await Store.open(migrated_sqlite_url)
    municipality_id, _ = await add_people(store, AYAN)
    async with store.write() as conn:
        await register.add_contact_point(conn, municipality_id, NewContact(name="Marit Solbakk", phone="+4740000110"), STAMP)
        person = (await conn.execute(select(ResourcePerson.name, Address.value).join(Address).order_by(Address.position))).first()
        assert person is not None
        assert tuple(person) == ("Ayan Ali", "+4741234567")
    await store.close()
    files = _everything(tmp_path)
    for secret in (b"Ayan Ali", b"41234567", b"ayan@b.example", b"Marit", b"40000110"):
        assert secret not in files


def _everything(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.iterdir())


async def test_the_same_value_looks_different_each_time_and_is_found_all_the_same(store: Store) -> None:
    await add_people(store, AYAN, replace(AYAN, name="Leyla Ali"))
    async with store.read() as conn:
        rows = (await conn.execute(text("SELECT value, lookup FROM address WHERE channel = 'sms'"))).all()
    assert len({bytes(row.value) for row in rows}) == 2
    assert len({row.lookup for row in rows}) == 1


async def test_like_people_are_one_class_and_each_keeps_their_own_addresses(store: Store) -> None:
    agreed = replace(AYAN, agreed_on=date(2026, 1, 1), adult_confirmed_on=date(2026, 1, 1))
    municipality_id, ids = await add_people(store, agreed, replace(agreed, name="Leyla"), replace(AYAN, name="Omar"))
    found = await classes(store, municipality_id)
    assert sorted(members.ids.tolist() for members in found.values()) == [ids[:2], ids[2:]]
    kind = next(kind for kind, members in found.items() if len(members) == 2)
    assert (kind.languages, kind.media, kind.agreed_on, kind.adult_confirmed) == (
        ("so",),
        (Medium.SMS, Medium.EMAIL),
        date(2026, 1, 1),
        True,
    )
    assert [group[1] for group in kind.groups] == ["so"]
    assert sorted(len(members.addresses_of(place)) for members in found.values() for place in range(len(members))) == [2, 2, 2]
    assert len({address for members in found.values() for address in members.addresses}) == 6


async def test_media_are_in_the_persons_order_and_only_those_with_a_sender(store: Store) -> None:
    municipality_id, _ = await add_people(store, replace(AYAN, ways=AYAN.ways[::-1]))
    assert (await the_class(store, municipality_id)).media == (Medium.EMAIL, Medium.SMS)
    assert (await the_class(store, municipality_id, frozenset({Medium.SMS}))).media == (Medium.SMS,)
    alone = await the_class(store, municipality_id, frozenset())
    assert (alone.media, alone.has_address) == ((), True)


@pytest.mark.parametrize("state", ["INVALID", "OPTED_OUT", "REPLACED"])
async def test_an_address_out_of_use_is_no_way(store: Store, state: str) -> None:
    municipality_id, _ = await add_people(store, replace(AYAN, ways=AYAN.ways[:1]))
    async with store.write() as conn:
        await conn.execute(update(Address).values(state=state))
    kind = await the_class(store, municipality_id)
    assert (kind.media, kind.has_address) == ((), state != "REPLACED")


async def test_a_deputy_whose_principal_has_left_is_asked_like_everybody(store: Store) -> None:
    municipality_id, (ayan, leyla) = await add_people(store, AYAN, replace(AYAN, name="Leyla"))
    async with store.write() as conn:
        await register.set_deputies(conn, {leyla: ayan}, STAMP)
    by_person = {members.ids[0]: (kind, members.principals[0]) for kind, members in (await classes(store, municipality_id)).items()}
    assert (by_person[ayan][0].has_deputy, by_person[ayan][0].is_deputy) == (True, False)
    assert (by_person[leyla][0].is_deputy, by_person[leyla][1]) == (True, ayan)
    async with store.write() as conn:
        await conn.execute(update(ResourcePerson).where(ResourcePerson.id == ayan).values(left_at=NOW))
    ((kind, members),) = (await classes(store, municipality_id)).items()
    assert (members.ids.tolist(), members.principals.tolist(), kind.is_deputy) == ([leyla], [0], False)


async def test_hours_and_pauses_come_through(store: Store) -> None:
    quiet, working, back = Hours(time(22), time(6)), Hours(time(8), time(16)), NOW + timedelta(days=3)
    municipality_id, _ = await add_people(store, replace(AYAN, quiet=quiet, working=working, paused=True, paused_until=back))
    kind = await the_class(store, municipality_id)
    assert (kind.quiet, kind.working, kind.paused, kind.paused_until) == (quiet, working, True, back)


async def test_everybody_belongs_to_a_group(store: Store, municipality_id: int) -> None:
    with pytest.raises(BadInput, match="belongs to a language group"):
        async with store.write() as conn:
            await register.add_people(conn, municipality_id, [AYAN], STAMP)
    assert await classes(store, municipality_id) == {}


async def test_a_municipality_sees_only_its_own(store: Store, municipality_id: int) -> None:
    theirs, _ = await add_people(store, AYAN)
    assert len(await classes(store, theirs)) == 1
    assert await classes(store, municipality_id) == {}


async def test_the_demos_town_stands_in_the_register(store: Store) -> None:
    budvik = town()
    async with store.write() as conn:
        municipality_id = await load_town(conn, budvik, [SMS], STAMP)
        with pytest.raises(BadInput, match="already"):
            await load_town(conn, budvik, [SMS], STAMP)
    found = await classes(store, municipality_id)
    assert sum(map(len, found.values())) == len(budvik.people)
    assert {kind.groups[0][1] for kind in found} == {group.language for group in budvik.groups}
    assert sum(principal > 0 for members in found.values() for principal in members.principals) == sum(
        person.deputy_of is not None for person in budvik.people
    )


async def test_the_register_is_orm_too_and_reads_nothing_behind_ones_back(store: Store) -> None:
    await add_people(store, AYAN)
    async with store.write() as conn, session(conn) as orm:
        person = (await orm.execute(select(ResourcePerson))).scalar_one()
        person.kind = "employee"
        with pytest.raises(Exception, match="raise_on_sql"):
            _ = person.addresses
        group = (await orm.execute(select(LanguageGroup))).scalar_one()
        group.quorum = 5
    async with store.read() as conn:
        assert (await conn.execute(select(ResourcePerson.kind))).scalar_one() == "employee"
        assert (await conn.execute(select(LanguageGroup.quorum))).scalar_one() == 5
        assert (await conn.execute(select(Municipality.created_by))).scalar_one() == "kari"
