"""Who works in the demo's town: one user for each thing that somebody does at night, all with the same password. It opens nothing real."""

from dataclasses import dataclass
from datetime import timedelta

from relay.app import House
from relay.demo.stage import APPROVER, COORDINATOR
from relay.model import Role
from relay.store import sessions, users, workers
from relay.store.register import Stamp
from relay.web import passwords

PASSWORD = "fire ord i budvik"


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """One of them."""

    login: str
    name: str
    roles: frozenset[Role]
    #: by which somebody who is asked to approve is paged; "" = not at all
    phone: str = ""


STAFF = (
    Worker(login="kari", name=COORDINATOR, roles=frozenset({Role.COORDINATOR})),
    Worker(login="anders", name=APPROVER, roles=frozenset({Role.APPROVER}), phone="+4740000113"),
    Worker(login="vera", name="Vera Vakt", roles=frozenset({Role.DUTY_OFFICER})),
    Worker(login="admin", name="Ada Administrator", roles=frozenset({Role.ADMINISTRATOR, Role.VIEWER})),
)


async def let_in(house: House, municipality_id: int) -> None:
    """Let them in, unless an earlier demo with the same state has."""
    now = house.relay.clock.now()
    kept = await passwords.hashed(PASSWORD)
    async with house.store.write() as conn:
        if await users.by_login(conn, STAFF[0].login) is not None:
            return
        for one in STAFF:
            new = users.NewUser(name=one.name, roles=one.roles, login=one.login, phone=one.phone, language="nb")
            await users.add(conn, municipality_id, new, Stamp(by="budstikke", at=now), password_hash=kept)


async def carry_along(house: House, by: timedelta) -> None:
    """Take whoever is signed in, and the worker, along when the demo's time jumps: for them no time has passed."""
    async with house.store.write() as conn:
        await sessions.carry(conn, by)
        await workers.carry(conn, by)
