"""Who acts under a name: two persons are two users, whatever they call themselves."""

from datetime import datetime

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from relay.store.acting import acting
from relay.store.tables import User, name_key

#: names under which the house itself acts: nobody's
HOUSE = frozenset({"", "budstikke", "house"})


async def identity(conn: AsyncConnection, municipality_id: int, by: str, now: datetime) -> int | None:
    """Return who acts under the name `by`, by id; None for the house itself.

    The session's user goes before any name. A name of a command line is the user of that name, or becomes somebody known by name only.
    """
    if (user_id := acting().user_id) is not None:
        return user_id
    if name_key(by) in HOUSE:
        return None
    mine = (User.municipality_id == municipality_id, User.name_key == name_key(by))
    found = (await conn.execute(select(User.id).where(*mine))).scalar()
    return found if found is not None else await _note(conn, municipality_id, by, now)


async def _note(conn: AsyncConnection, municipality_id: int, by: str, now: datetime) -> int:
    name = " ".join(by.split())[:120]
    stamp = {"created_at": now, "created_by": name, "updated_at": now, "updated_by": name}
    values = {"municipality_id": municipality_id, "name": name, "name_key": name_key(by), "active": True, **stamp}
    made: int = (await conn.execute(insert(User).values(values).returning(User.id))).scalar_one()
    return made


async def names(conn: AsyncConnection, municipality_id: int) -> dict[int, str]:
    """Return the names of everybody who has ever acted for a municipality."""
    mine = select(User.id, User.name).where(User.municipality_id == municipality_id)
    return {row.id: row.name for row in (await conn.execute(mine)).all()}
