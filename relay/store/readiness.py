"""How far a municipality is from ready, by what its rows prove: not what somebody meant to do, but what has been seen to work."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from channels.base import Evidence
from relay.model import Role
from relay.store import situation, trial
from relay.store.columns import AnyRow
from relay.store.tables import ContactPoint, LanguageGroup, ResourcePerson, Sender, User, answer, attempt, inbound, user_role

#: evidence that a channel's messages get there
ARRIVED = (Evidence.DELIVERED, Evidence.READ)
#: a mail server says no more than that it has taken a letter
TAKEN = (Evidence.ACCEPTED, Evidence.SENT, *ARRIVED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """What is known of one channel."""

    senders: tuple[AnyRow, ...]
    #: how many messages are known to have come through, and how many answers have come back
    arrived: int
    answered: int

    @property
    def two_way(self) -> bool:
        """Whether a sender can be answered, itself or by another number."""
        return any(one.two_way or one.reply_to for one in self.senders)

    @property
    def templates(self) -> int:
        """How many of the provider's approved templates are known."""
        return sum(len(one.contents) for one in self.senders)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """What a municipality has, of what it needs."""

    has: situation.SetUp
    #: sms, whatsapp, email
    ways: Mapping[str, Way]
    #: role -> how many active users have it
    roles: Mapping[str, int]
    #: administrators with a second factor
    guarded: int
    contact_points: int
    #: languages of the groups
    languages: frozenset[str]
    #: people with a dated role agreement who are confirmed to be of age
    agreed: int
    in_earnest: bool


async def read(conn: AsyncConnection, municipality_id: int) -> Ready:
    """Count what a municipality has."""
    languages = (await conn.execute(select(LanguageGroup.language).where(LanguageGroup.municipality_id == municipality_id))).scalars()
    return Ready(
        has=await situation.set_up(conn, municipality_id),
        ways={medium: await _way(conn, municipality_id, medium) for medium in ("sms", "whatsapp", "email")},
        roles=await _roles(conn, municipality_id),
        guarded=await _one(conn, _with_role(municipality_id, Role.ADMINISTRATOR).where(User.totp_secret.is_not(None))),
        contact_points=await _one(conn, select(func.count(ContactPoint.id)).where(ContactPoint.municipality_id == municipality_id)),
        languages=frozenset(languages),
        agreed=await _one(conn, _agreed(municipality_id)),
        in_earnest=not await trial.is_on(conn, municipality_id),
    )


async def _one(conn: AsyncConnection, statement: Select[Any]) -> int:
    return int((await conn.execute(statement)).scalar_one())


async def _way(conn: AsyncConnection, municipality_id: int, medium: str) -> Way:
    mine = (Sender.municipality_id == municipality_id, Sender.channel == medium)
    columns = (Sender.id, Sender.address, Sender.account, Sender.two_way, Sender.reply_to, Sender.contents, Sender.stopped)
    senders = (await conn.execute(select(*columns).where(*mine).order_by(Sender.id))).all()
    known = TAKEN if medium == "email" else ARRIVED
    sent = (attempt.c.municipality_id == municipality_id, attempt.c.channel == medium, attempt.c.evidence.in_(known))
    heard = select(func.count(answer.c.id)).join(inbound, inbound.c.id == answer.c.inbound_id)
    return Way(
        senders=tuple(senders),
        arrived=await _one(conn, select(func.count(attempt.c.id)).where(*sent)),
        answered=await _one(conn, heard.where(answer.c.municipality_id == municipality_id, inbound.c.channel == medium)),
    )


async def _roles(conn: AsyncConnection, municipality_id: int) -> dict[str, int]:
    return {role: await _one(conn, _with_role(municipality_id, role)) for role in Role}


def _with_role(municipality_id: int, role: Role) -> Select[Any]:
    mine = (user_role.c.municipality_id == municipality_id, user_role.c.role == role, User.active)
    return select(func.count(func.distinct(User.id))).join(user_role, user_role.c.user_id == User.id).where(*mine)


def _agreed(municipality_id: int) -> Select[Any]:
    person = ResourcePerson
    there = (person.municipality_id == municipality_id, person.left_at.is_(None))
    return select(func.count(person.id)).where(*there, person.agreed_on.is_not(None), person.adult_confirmed_on.is_not(None))
