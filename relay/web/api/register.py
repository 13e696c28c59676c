"""Operations on the register's people; groups are in groups.py."""

from relay.store import imports, roll
from relay.store.register import Stamp
from relay.web.api import shapes
from relay.web.api.operation import Answer, Call
from relay.web.api.problem import RefusedError


async def people(call: Call) -> Answer:
    """List resource persons by name."""
    query = call.query
    assert isinstance(query, shapes.PersonQuery)  # noqa: S101 - declared by the operation
    async with call.relay.store.read() as conn:
        found = await roll.people(conn, call.who.municipality_id, language=query.language)
    return shapes.PersonList(people=[_person(one) for one in found])


def _person(one: roll.Listed) -> shapes.Person:
    return shapes.Person(
        id=one.id,
        name=one.name,
        languages=list(one.languages),
        groups=list(one.groups),
        kind=one.kind,
        agreed_on=one.agreed_on,
        adult_confirmed=one.adult_confirmed,
        paused=one.paused,
        addresses=[shapes.Way(channel=channel, value=value, state=state) for channel, value, state in one.addresses],
    )


async def imported(call: Call) -> Answer:
    """Import a CSV file: all of it, or nothing and what to mend."""
    query = call.query
    assert isinstance(query, shapes.ImportQuery)  # noqa: S101 - declared by the operation
    stamp = Stamp(by=call.who.name, at=call.now)
    async with call.relay.store.write() as conn:
        result = await imports.import_file(conn, call.who.municipality_id, call.document, stamp, dry_run=query.dry_run)
    if result.errors:
        wrong = [{"where": f"row {one.row} {one.column}".rstrip(), "what": one.words} for one in result.errors]
        raise RefusedError(f"Nothing was imported: {len(wrong)} things to mend in the file.", wrong)
    return shapes.Imported(added=result.added, changed=result.changed, unchanged=result.same)
