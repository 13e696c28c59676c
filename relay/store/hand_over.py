"""What one duty officer tells the next: a note that stands on the situation and on every board until the next one is written."""

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from relay.model import BadInput
from relay.store import tasks
from relay.store.columns import AnyRow
from relay.store.register import Stamp
from relay.store.tables import hand_over

LONGEST = 4000
#: how many the page lists
RECENT = 20

# in these words the pages' catalogues find them
NOTHING_SAID = "Say what is going on, or that nothing is."


async def write(conn: AsyncConnection, municipality_id: int, going_on: str, remains: str, stamp: Stamp) -> int:
    """Write a note and return its id; BadInput when it says nothing."""
    if not going_on.strip():
        raise BadInput(NOTHING_SAID)
    row = {
        "municipality_id": municipality_id,
        "written_by": stamp.by,
        "written_at": stamp.at,
        "going_on": going_on.strip()[:LONGEST],
        "remains": remains.strip()[:LONGEST] or None,
    }
    made = (await conn.execute(insert(hand_over).values(row).returning(hand_over.c.id))).scalar_one()
    await tasks.acted(conn, stamp.by, "hand_over.write", stamp.at, municipality_id=municipality_id, subject=f"hand_over:{made}")
    return int(made)


async def newest(conn: AsyncConnection, municipality_id: int, limit: int = RECENT) -> list[AnyRow]:
    """Return the newest notes, the newest first; one that was forgotten is not there."""
    mine = select(hand_over).where(hand_over.c.municipality_id == municipality_id)
    return list((await conn.execute(mine.order_by(hand_over.c.written_at.desc(), hand_over.c.id.desc()).limit(limit))).all())


async def standing(conn: AsyncConnection, municipality_id: int) -> AnyRow | None:
    """Return the note that holds now."""
    return next(iter(await newest(conn, municipality_id, 1)), None)
