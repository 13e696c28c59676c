"""What sends need of towns and senders: read in two ways, with the same values."""

from datetime import UTC, datetime, time

from sqlalchemy import LargeBinary, insert, type_coerce, update

from relay.store import context, sealing
from relay.store.engine import Store
from relay.store.tables import ContactPoint, LanguageGroup, Municipality, Sender

NIGHT = datetime(2026, 11, 23, 22, 15, 7, 42, tzinfo=UTC)
BY = {"created_at": NIGHT, "created_by": "Kari", "updated_at": NIGHT, "updated_by": "Kari"}


async def two_towns(store: Store) -> list[int]:
    """Two towns that differ in everything."""
    async with store.write() as conn:
        towns = [
            {"number": "1103", "name": "Bydal", "links_in_sms": True, "quiet_from": time(22), "quiet_to": time(7, 30), **BY},
            {"number": "1104", "name": "Øvre Å", "links_in_sms": False, "quiet_from": None, "quiet_to": None, **BY},
        ]
        ids = list((await conn.execute(insert(Municipality).returning(Municipality.id), towns)).scalars())
        for town in ids:
            mine = {"municipality_id": town, **BY}
            points = [{"name": name, "phone": phone, **mine} for name, phone in (("Kari", "+4790000001"), ("Åse «😀»", ""))]
            point = list((await conn.execute(insert(ContactPoint).returning(ContactPoint.id), points)).scalars())[-1]
            for language, contact in (("nb", point), ("so", None)):
                group = {"language": language, "name": language, "contact_point_id": contact, **mine}
                await conn.execute(insert(LanguageGroup).values(group))
            sms = {"channel": "sms", "address": "+4759440000", "provider": "twilio_sms", "account": "twilio", **mine}
            mail = {"channel": "email", "address": "post@bydal.example", "provider": "smtp", "account": "post", **mine}
            ill = {"health": "DOWN", "health_since": NIGHT, "try_at": NIGHT, "two_way": False, "contents": {"forward:nb": "HX«1»"}}
            await conn.execute(insert(Sender).values(sms | {"pace_per_second": 0.1, "pace_burst": 3.0}))
            await conn.execute(insert(Sender).values(mail | ill))
    return ids


async def test_what_is_read_to_send_is_what_is_read_to_look(store: Store) -> None:
    towns = await two_towns(store)
    async with store.write() as conn:
        plain = await context.load(conn, towns, site="https://bydal.example")
        quick = await context.load_to_send(conn, towns, site="https://bydal.example")
    assert quick.of_group == plain.of_group
    assert quick.site == plain.site
    for name in ("municipalities", "senders"):
        one, other = getattr(quick, name), getattr(plain, name)
        assert one.keys() == other.keys()
        for key, row in one.items():
            same = {field: getattr(other[key], field) for field in row._fields}
            assert row._asdict() == same
            assert {field: type(value) for field, value in row._asdict().items()} == {field: type(value) for field, value in same.items()}
    assert [*map(list, quick.contacts.values())] == [*map(list, plain.contacts.values())]
    for town in towns:
        for group in [None, *plain.of_group]:
            for sender in [None, *plain.senders]:
                assert quick.home(town, group, sender) == plain.home(town, group, sender)


async def test_only_what_was_asked_for_is_read(store: Store) -> None:
    first, second = await two_towns(store)
    async with store.write() as conn:
        assert set((await context.load_to_send(conn, {second}, site="")).municipalities) == {second}
        assert set((await context.load_to_send(conn, [first, second], site="")).municipalities) == {first, second}


async def test_a_contact_point_that_no_key_opens_counts_as_absent(store: Store) -> None:
    """Its group gets the general one; a town that has no other gets none; towns beside it notice nothing."""
    first, second = await two_towns(store)
    other = sealing.build(sealing.make_key(), sealing.make_key())
    wrong = {"name": type_coerce(other.seal("Åse", "contact_point.name"), LargeBinary)}
    async with store.write() as conn:
        before = await context.load(conn, [first, second])
        own, general = {group: point for group, point in before.of_group.items() if point}, min(before.contacts[first])
        theirs = next(group for group, point in own.items() if point in before.contacts[first])
        for point, named in ((own[theirs], "Kari"), (general, "")):
            await conn.execute(update(ContactPoint).where(ContactPoint.id == point).values(wrong))
            for known in (await context.load(conn, [first, second]), await context.load_to_send(conn, [first, second], site="")):
                assert known.home(first, theirs, None).contact_name == named
                assert known.contacts[second] == before.contacts[second]
                assert (first, point) in known.unreadable
