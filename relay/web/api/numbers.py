"""Operations that only look: reach, and what happened since."""

from relay.model import GroupReach
from relay.store import alerts as rows, happenings
from relay.store.reach import PEOPLE
from relay.web.api import shapes
from relay.web.api.operation import Answer, Call


async def reach(call: Call) -> Answer:
    """Return how far an alert has come. Reported reach is what people say, and is added to nothing."""
    async with call.relay.store.read() as conn:
        alert_id = await rows.id_of_number(conn, call.who.municipality_id, call.number)
        row = await rows.row_of(conn, call.who.municipality_id, alert_id)
    found = await call.relay.reach(call.who.municipality_id, alert_id)
    return shapes.ReachWhole(
        number=found.number,
        kind=row.kind,
        groups=[shapes.GroupNumbers(language=one.language, name=one.name, **_numbers(one)) for one in found.groups],
        totals=shapes.Numbers(**_numbers(found.totals)),
        channels={
            str(medium): shapes.ChannelNumbers(sent=one.sent, delivered=one.delivered, failed=one.failed)
            for medium, one in found.channels.items()
        },
        questions=found.questions,
        possible_duplicates=found.possible_duplicates,
    )


def _numbers(one: GroupReach) -> dict[str, int]:
    return {name: getattr(one, name) for name in PEOPLE}


async def events(call: Call) -> Answer:
    """Return what happened after a number, in order: numbers have no gaps, so nothing is missed."""
    query = call.query
    assert isinstance(query, shapes.EventQuery)  # noqa: S101 - declared by the operation
    async with call.relay.store.read() as conn:
        found = await happenings.since(conn, call.who.municipality_id, query.since, query.limit)
    told = [shapes.Event(number=row.number, kind=row.kind, alert=row.alert_number, at=row.at, data=row.data) for row in found]
    return shapes.EventList(events=told, last=told[-1].number if told else query.since)
