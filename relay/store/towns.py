"""Puts the demo's town into the register, like any municipality's."""

from collections.abc import Mapping, Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from relay.store.register import (
    NewContact,
    NewGroup,
    NewPerson,
    NewSender,
    Stamp,
    add_contact_point,
    add_group,
    add_municipality,
    add_people,
    add_sender,
    set_deputies,
)
from relay.town import Group, Person, Town


async def load_town(conn: AsyncConnection, town: Town, senders: Sequence[NewSender], stamp: Stamp) -> int:
    """Put a whole town into the register and return its id; BadInput when it is there already."""
    municipality_id = await add_municipality(conn, town.place, stamp)
    for sender in senders:
        await add_sender(conn, municipality_id, sender, stamp)
    contacts: dict[NewContact, int] = {}
    groups: dict[str, int] = {}
    for group in town.groups:
        contact = NewContact(name=group.contact.name, phone=group.contact.phone, hours=group.contact.hours)
        if contact not in contacts:
            contacts[contact] = await add_contact_point(conn, municipality_id, contact, stamp)
        groups[group.language] = await add_group(conn, municipality_id, _group(group, contacts[contact]), stamp)
    ids = await add_people(conn, municipality_id, [_person(person, groups, stamp) for person in town.people], stamp)
    by_key = {person.key: person_id for person, person_id in zip(town.people, ids, strict=True)}
    deputies = {by_key[person.key]: by_key[person.deputy_of] for person in town.people if person.deputy_of is not None}
    await set_deputies(conn, deputies, stamp)
    return municipality_id


def _group(group: Group, contact_point_id: int) -> NewGroup:
    return NewGroup(
        language=group.language,
        name=group.name,
        quorum=group.quorum,
        estimate=group.estimate,
        estimate_source=group.estimate_source,
        estimate_on=group.estimate_on,
        contact_point_id=contact_point_id,
    )


def _person(person: Person, groups: Mapping[str, int], stamp: Stamp) -> NewPerson:
    return NewPerson(
        name=person.name,
        languages=person.languages,
        groups=tuple(groups[language] for language in person.groups),
        ways=tuple((way.medium, way.value) for way in person.ways),
        kind="employee" if person.working else "volunteer",
        agreed_on=person.agreed_on,
        agreed_until=person.agreed_until,
        adult_confirmed_on=stamp.at.date() if person.adult_confirmed else None,
        paused=person.paused,
        quiet=person.quiet,
        working=person.working,
    )
