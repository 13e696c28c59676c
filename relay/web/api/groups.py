"""Operations on language groups and on whom they may ring: by the same rules as their pages."""

from typing import Any

from relay.store import groups as kept
from relay.store.columns import AnyRow
from relay.store.register import NewContact, Stamp
from relay.web.api import shapes
from relay.web.api.operation import Answer, Call


async def listed(call: Call) -> Answer:
    """List language groups by name."""
    return shapes.GroupList(groups=await _groups(call))


async def read(call: Call) -> Answer:
    """Return one group."""
    return await _one(call, call.id_of("group"))


async def added(call: Call) -> Answer:
    """Add a group."""
    body = call.body
    assert isinstance(body, shapes.NewGroup)  # noqa: S101 - declared by the operation
    async with call.relay.store.write() as conn:
        group_id = await kept.add(conn, call.who.municipality_id, body.language, _change(body), _stamp(call))
    return await _one(call, group_id)


async def changed(call: Call) -> Answer:
    """Write a group anew; its language stays what it is."""
    body, group_id = call.body, call.id_of("group")
    assert isinstance(body, shapes.GroupChange)  # noqa: S101 - declared by the operation
    async with call.relay.store.write() as conn:
        await kept.change(conn, call.who.municipality_id, group_id, _change(body), _stamp(call))
    return await _one(call, group_id)


async def contacts(call: Call) -> Answer:
    """List whom groups may ring; the first is everybody's who has no other."""
    async with call.relay.store.read() as conn:
        found = await kept.contact_points(conn, call.who.municipality_id)
    return shapes.ContactList(contacts=[_contact(row) for row in found])


async def contact_added(call: Call) -> Answer:
    """Add somebody whom groups may ring."""
    body = call.body
    assert isinstance(body, shapes.NewContact)  # noqa: S101 - declared by the operation
    async with call.relay.store.write() as conn:
        made = await kept.add_contact(conn, call.who.municipality_id, NewContact(**body.model_dump()), _stamp(call))
    return shapes.Contact(id=made, **body.model_dump())


async def _groups(call: Call) -> list[shapes.Group]:
    async with call.relay.store.read() as conn:
        found = await kept.listed(conn, call.who.municipality_id)
    return [_group(one) for one in found]


async def _one(call: Call, group_id: int) -> shapes.Group:
    async with call.relay.store.read() as conn:
        await kept.find(conn, call.who.municipality_id, group_id)
    return next(one for one in await _groups(call) if one.id == group_id)


def _group(one: kept.Group) -> shapes.Group:
    taken: dict[str, Any] = {name: getattr(one.row, name) for name in shapes.GROUP_COLUMNS}
    return shapes.Group.model_construct(people=one.people, contact=one.row.contact_point_id, **taken)


def _contact(row: AnyRow) -> shapes.Contact:
    return shapes.Contact.model_construct(id=row.id, name=row.name, phone=row.phone, hours=row.hours)


def _change(body: shapes.GroupChange) -> kept.Change:
    told = body.model_dump(exclude={"language", "contact"})
    return kept.Change(contact_point_id=body.contact, **told)


def _stamp(call: Call) -> Stamp:
    return Stamp(by=call.who.name, at=call.now)
