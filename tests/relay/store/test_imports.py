"""All rows or none; the same file twice changes nothing; and what a file leaves empty stays as it is."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest
from sqlalchemy import func, select, update

from messages.form import Medium
from relay.model import Hours, PersonClass
from relay.people_csv import Row, read
from relay.store import people
from relay.store.engine import Store
from relay.store.identity import names
from relay.store.imports import ImportResult, import_people, known_names
from relay.store.register import NewGroup, Stamp, add_group
from relay.store.tables import Address, LanguageGroup, Membership, ResourcePerson, act_log

NOW = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)
STAMP = Stamp("kari", NOW)
SMS, EMAIL = (Medium.SMS, "+4741234567"), (Medium.EMAIL, "ayan@b.example")
AYAN = Row(number=2, name="Ayan Ali", languages=("so",), ways=(SMS, EMAIL), agreed_on=date(2026, 1, 1), adult_confirmed_on=date(2026, 1, 1))
LEYLA = replace(AYAN, number=3, name="Leyla Ali", ways=((Medium.SMS, "+4741234568"),))

FULL = replace(AYAN, working=Hours(time(8), time(16)), quiet=Hours(time(22), time(6)), paused=True, paused_until=date(2026, 12, 24))


async def bring(store: Store, municipality_id: int, *rows: Row, dry_run: bool = False, stamp: Stamp = STAMP) -> ImportResult:
    async with store.write() as conn:
        return await import_people(conn, municipality_id, rows, stamp, dry_run=dry_run)


async def register(store: Store, municipality_id: int) -> dict[str, PersonClass]:
    async with store.read() as conn:
        found = await people.classes(conn, municipality_id, frozenset(Medium))
        names = {row.id: row.name for row in (await conn.execute(select(ResourcePerson.id, ResourcePerson.name))).all()}
    return {names[person_id]: kind for kind, members in found.items() for person_id in members.ids}


async def addresses(store: Store) -> list[tuple[str, str, int]]:
    async with store.read() as conn:
        rows = await conn.execute(select(Address.value, Address.state, Address.position).order_by(Address.id))
        return [(value, state, position) for value, state, position in rows]


async def test_new_people_come_in_with_their_groups(store: Store, municipality_id: int) -> None:
    result = await bring(store, municipality_id, AYAN, LEYLA, replace(AYAN, number=4, name="Sara", languages=("ti", "ar"), ways=(EMAIL,)))
    assert (result.added, result.changed, result.same, result.errors) == (3, 0, 0, ())
    assert result.new_groups == ("Somali", "Tigrinja")
    found = await register(store, municipality_id)
    assert sorted(found) == ["Ayan Ali", "Leyla Ali", "Sara"]
    assert found["Ayan Ali"].media == (Medium.SMS, Medium.EMAIL)
    assert found["Ayan Ali"].adult_confirmed
    assert (found["Sara"].languages, found["Sara"].groups[0][1]) == (("ti", "ar"), "ti")
    async with store.read() as conn:
        assert sorted(await known_names(conn, municipality_id)) == ["Ayan Ali", "Leyla Ali", "Sara"]
        [(act, actor)] = (await conn.execute(select(act_log.c.act, act_log.c.actor))).all()
        who = {f"user:{user_id}": name for user_id, name in (await names(conn, municipality_id)).items()}
        assert (act, who[actor]) == ("people.import", "kari")
        assert (await conn.execute(select(ResourcePerson.adult_confirmed_by).distinct())).scalars().all() == ["kari"]


async def test_a_dry_run_says_the_same_and_writes_nothing(store: Store, municipality_id: int) -> None:
    dry = await bring(store, municipality_id, AYAN, LEYLA, dry_run=True)
    assert await register(store, municipality_id) == {}
    async with store.read() as conn:
        assert (await conn.execute(select(func.count()).select_from(LanguageGroup))).scalar_one() == 0
    assert dry == await bring(store, municipality_id, AYAN, LEYLA)


async def test_the_same_file_twice_changes_nothing(store: Store, municipality_id: int) -> None:
    full = replace(
        AYAN,
        groups=("Somali",),
        working=Hours(time(8), time(16)),
        quiet=Hours(time(22), time(6)),
        paused=True,
        paused_until=date(2027, 1, 1),
    )
    rows = (full, replace(LEYLA, deputy_of="Ayan Ali"))
    await bring(store, municipality_id, *rows)
    again = await bring(store, municipality_id, *rows, stamp=Stamp("ola", NOW + timedelta(days=1)))
    assert (again.added, again.changed, again.same) == (0, 0, 2)
    async with store.read() as conn:
        assert (await conn.execute(select(ResourcePerson.updated_by).distinct())).scalars().all() == ["kari"]


async def test_one_wrong_row_keeps_all_out(store: Store, municipality_id: int) -> None:
    result = await bring(store, municipality_id, AYAN, replace(LEYLA, deputy_of="Nobody"))
    assert [(error.row, error.column) for error in result.errors] == [(3, "stedfortreder for")]
    assert result.added == 0
    assert await register(store, municipality_id) == {}


async def test_a_new_number_is_a_new_address_and_the_old_one_stays_on_record(store: Store, municipality_id: int) -> None:
    await bring(store, municipality_id, AYAN)
    result = await bring(store, municipality_id, replace(AYAN, ways=(EMAIL, (Medium.SMS, "+4741234599"))))
    assert (result.added, result.changed) == (0, 1)
    assert await addresses(store) == [(SMS[1], "REPLACED", 0), (EMAIL[1], "ACTIVE", 0), ("+4741234599", "ACTIVE", 1)]
    assert (await register(store, municipality_id))["Ayan Ali"].media == (Medium.EMAIL, Medium.SMS)


async def test_an_address_that_was_closed_stays_closed(store: Store, municipality_id: int) -> None:
    await bring(store, municipality_id, AYAN)
    async with store.write() as conn:
        await conn.execute(update(Address).where(Address.channel == "sms").values(state="OPTED_OUT"))
    await bring(store, municipality_id, replace(AYAN, languages=("so", "nb")))
    assert [state for _, state, _ in await addresses(store)] == ["OPTED_OUT", "ACTIVE"]


async def test_what_a_row_leaves_empty_stays(store: Store, municipality_id: int) -> None:
    await bring(store, municipality_id, replace(FULL, groups=("Somali i sentrum",)))
    before = await register(store, municipality_id)
    bare = Row(number=2, name="AYAN  ALI", languages=("so",), ways=AYAN.ways)
    assert (await bring(store, municipality_id, bare)).same == 1
    assert await register(store, municipality_id) == before
    assert before["Ayan Ali"].paused_until == datetime(2026, 12, 23, 23, 0, tzinfo=UTC)


async def test_what_a_row_says_is_taken(store: Store, municipality_id: int) -> None:
    await bring(store, municipality_id, Row(number=2, name="Ayan Ali", languages=("so",), ways=AYAN.ways))
    assert (await bring(store, municipality_id, replace(AYAN, languages=("so", "en"), groups=("Somali", "Engelsk")))).changed == 1
    kind = (await register(store, municipality_id))["Ayan Ali"]
    assert (kind.languages, [group[1] for group in kind.groups]) == (("so", "en"), ["so", "en"])
    assert (kind.agreed_on, kind.adult_confirmed) == (date(2026, 1, 1), True)
    async with store.read() as conn:
        assert (await conn.execute(select(func.count()).select_from(Membership))).scalar_one() == 2


async def test_a_namesake_with_other_addresses_is_another_person_and_it_is_said(store: Store, municipality_id: int) -> None:
    await bring(store, municipality_id, AYAN)
    result = await bring(store, municipality_id, replace(LEYLA, name="Ayan Ali"))
    assert (result.added, [note.row for note in result.notes]) == (1, [3])
    async with store.read() as conn:
        assert await known_names(conn, municipality_id) == ["Ayan Ali", "Ayan Ali"]


async def test_two_rows_of_one_person_are_refused(store: Store, municipality_id: int) -> None:
    await bring(store, municipality_id, AYAN)
    result = await bring(store, municipality_id, replace(AYAN, ways=(SMS,)), replace(AYAN, number=3, ways=(EMAIL,)))
    assert [str(error) for error in result.errors] == [
        f"Row 3 ({AYAN.name}): the same person as row 2, by the register: put both addresses into one row."
    ]


async def test_two_people_may_share_a_number(store: Store, municipality_id: int) -> None:
    assert (await bring(store, municipality_id, AYAN, replace(LEYLA, ways=(SMS,)))).added == 2
    async with store.read() as conn:
        shared = select(func.count()).where(Address.channel == "sms").group_by(Address.lookup)
        assert (await conn.execute(shared)).scalars().all() == [2]


@pytest.mark.parametrize("first", [True, False])
async def test_a_deputy_finds_their_principal_in_the_file_or_in_the_register(store: Store, municipality_id: int, *, first: bool) -> None:
    deputy = replace(LEYLA, deputy_of="ayan ali")
    if first:
        await bring(store, municipality_id, AYAN)
        await bring(store, municipality_id, deputy)
    else:
        await bring(store, municipality_id, deputy, AYAN)
    found = await register(store, municipality_id)
    assert (found["Leyla Ali"].is_deputy, found["Ayan Ali"].has_deputy) == (True, True)


async def test_a_principal_whose_name_two_have_is_asked_for(store: Store, municipality_id: int) -> None:
    await bring(store, municipality_id, AYAN)
    await bring(store, municipality_id, replace(LEYLA, name="Ayan Ali"))
    result = await bring(store, municipality_id, replace(LEYLA, name="Sara", ways=((Medium.SMS, "+4741234500"),), deputy_of="Ayan Ali"))
    assert "2 people of this name" in str(result.errors[0])


async def test_groups_are_found_by_name_by_language_and_asked_for_when_unclear(store: Store, municipality_id: int) -> None:
    async with store.write() as conn:
        for name in ("Somali i sentrum", "Somali på Nes"):
            await add_group(conn, municipality_id, NewGroup(language="so", name=name), STAMP)
        await add_group(conn, municipality_id, NewGroup(language="ar", name="Arabisktalende"), STAMP)
    unclear = await bring(store, municipality_id, AYAN)
    assert "more than one group for Somali" in str(unclear.errors[0])
    result = await bring(store, municipality_id, replace(AYAN, groups=("somali på nes", "arabisk", "Kvinnenettverket")))
    assert result.new_groups == ("Kvinnenettverket",)
    assert [language for _, language in (await register(store, municipality_id))["Ayan Ali"].groups] == ["so", "ar", "so"]


FILE = """\
navn;språk;mobil;avtale;18+;stedfortreder for
Ayan Ali;somali;412 34 567;2026-01-01;ja;
Åse;nb|nn;+47 412 34 568;;nei;Ayan Ali
"""


async def test_a_file_goes_all_the_way(store: Store, municipality_id: int) -> None:
    file = (
        "navn;språk;mobil;avtale;18+;stedfortreder for\nAyan Ali;somali;412 34 567;2026-01-01;ja;\nÅse;nb|nn;+47 412 34 568;;nei;Ayan Ali\n"
    )
    found = read(file.encode(), today=NOW.date())
    assert found.errors == ()
    assert (await bring(store, municipality_id, *found.rows)).added == 2
    assert sorted(await register(store, municipality_id)) == ["Ayan Ali", "Åse"]
