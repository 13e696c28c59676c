"""Trial mode: until an administrator says that it is in earnest, only sandboxes and the allow-list are sent to.

Checked at the last look, in the transaction that writes the intent. What may not leave is held, and shown as held.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, exists, func, insert, select, text, union_all, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from messages.form import Medium
from relay.model import AlertState, BadInput, DeliveryState, Hold, NotAllowed, NotFound, Role, SparedBy, Work
from relay.store import sealing, tasks
from relay.store.columns import AnyRow
from relay.store.normal import checked_address, normal_address
from relay.store.register import Stamp
from relay.store.tables import Address, Municipality, ResourcePerson, User, alert, attempt, delivery, invitation, trial_allowed, user_role

TRIAL, REAL = "TRIAL", "REAL"
#: what may still leave
_LEFT = (DeliveryState.WAITING, DeliveryState.CLAIMED)


# --- the last look ------------------------------------------------------------------------------------------------------


async def kept_back(conn: AsyncConnection, works: Sequence[Work], now: datetime) -> set[int]:
    """Return the ids of those deliveries that must not leave: their town is on trial, and where they go is on no list."""
    if not works:
        return set()
    towns = select(Municipality.id).where(Municipality.mode == TRIAL, Municipality.id.in_({work.municipality_id for work in works}))
    trying = set((await conn.execute(towns)).scalars())
    look = sealing.keyring().lookup
    going = {
        one.delivery_id: (one.municipality_id, look(normal_address(one.medium, one.to))) for one in works if one.municipality_id in trying
    }
    if not going:
        return set()
    listed = _listed(trying, now).subquery()
    wanted = select(listed).where(listed.c.lookup.in_({lookup for _, lookup in going.values()}))
    allowed = {(row.municipality_id, row.lookup) for row in (await conn.execute(wanted)).all()}
    return {delivery_id for delivery_id, place in going.items() if place not in allowed}


def _listed(towns: set[int], now: datetime) -> Select[tuple[int, str]]:
    """The fingerprints that may be sent to: written down, of a person on the list, of a user, of somebody who is sent an invitation."""
    mine = User.municipality_id.in_(towns) & User.active
    rows = union_all(
        select(trial_allowed.c.municipality_id, trial_allowed.c.lookup).where(trial_allowed.c.municipality_id.in_(towns)),
        select(Address.municipality_id, Address.lookup).join(trial_allowed, trial_allowed.c.person_id == Address.person_id),
        select(User.municipality_id, User.phone_lookup).where(mine),
        select(User.municipality_id, User.email_lookup).where(mine),
        select(invitation.c.municipality_id, invitation.c.email_lookup).where(
            invitation.c.ended_at.is_(None), invitation.c.expires_at > now
        ),
    ).subquery()
    return select(rows.c.municipality_id, rows.c.lookup).where(rows.c.lookup != "", rows.c.municipality_id.in_(towns))


# --- what is shown ------------------------------------------------------------------------------------------------------


async def is_on(conn: AsyncConnection, municipality_id: int) -> bool:
    """Whether a municipality is on trial."""
    return (await conn.execute(select(Municipality.mode).where(Municipality.id == municipality_id))).scalar_one() == TRIAL


async def on_trial(conn: AsyncConnection) -> list[str]:
    """Return the names of the municipalities of this installation that are on trial."""
    return list((await conn.execute(select(Municipality.name).where(Municipality.mode == TRIAL).order_by(Municipality.name))).scalars())


async def in_earnest(conn: AsyncConnection) -> bool:
    """Return whether any municipality of this installation sends in earnest."""
    return bool((await conn.execute(select(func.count(Municipality.id)).where(Municipality.mode == REAL))).scalar_one())


async def without_second_factor(conn: AsyncConnection) -> list[str]:
    """Return the municipalities in earnest that have users, but no administrator with a second factor."""
    strong = (
        select(User.municipality_id)
        .join(user_role, (user_role.c.user_id == User.id) & (user_role.c.role == Role.ADMINISTRATOR))
        .where(User.active, User.totp_secret.is_not(None))
    )
    peopled = select(User.municipality_id).where(User.active, User.login != "")
    bare = (Municipality.mode == REAL, Municipality.id.in_(peopled), Municipality.id.not_in(strong))
    return list((await conn.execute(select(Municipality.name).where(*bare).order_by(Municipality.name))).scalars())


async def held(conn: AsyncConnection, municipality_id: int, alert_id: int | None = None) -> int:
    """Return how many messages of a municipality, or of one of its alerts, trial mode keeps back."""
    mine = [delivery.c.municipality_id == municipality_id, delivery.c.state == DeliveryState.WAITING, delivery.c.hold == Hold.TRIAL]
    if alert_id is not None:
        mine.append(delivery.c.alert_id == alert_id)
    return int((await conn.execute(select(func.count()).select_from(delivery).where(*mine))).scalar_one())


async def people_held(conn: AsyncConnection, municipality_id: int, alert_id: int) -> int:
    """Return how many people of an alert have something that trial mode keeps back. In earnest: nobody, without a look."""
    if not await is_on(conn, municipality_id):
        return 0
    # by the index of what is held, word for word as it is asked, and never by those of a million rows ("+")
    mine = (
        text("hold <> ''"),
        delivery.c.alert_id + 0 == alert_id,
        delivery.c.hold == Hold.TRIAL,
        delivery.c.state + "" == DeliveryState.WAITING,
    )
    return int((await conn.execute(select(func.count(func.distinct(delivery.c.recipient_id))).where(*mine))).scalar_one())


async def people_allowed(conn: AsyncConnection, municipality_id: int, now: datetime) -> set[int]:
    """Return the persons of the register of whom some address would be sent to in trial mode."""
    listed = _listed({municipality_id}, now).subquery()
    mine = select(Address.person_id).join(listed, listed.c.lookup == Address.lookup).where(Address.municipality_id == municipality_id)
    return set((await conn.execute(mine)).scalars())


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """A row of the allow-list: a person of the register, or a number or mailbox."""

    entry_id: int
    person_id: int | None
    person: str
    value: str
    added_by: str
    added_at: datetime


async def listed(conn: AsyncConnection, municipality_id: int) -> list[Allowed]:
    """Return the allow-list, the newest first. Users are on it without being listed."""
    rows = (
        select(trial_allowed, ResourcePerson.name)
        .join(ResourcePerson, ResourcePerson.id == trial_allowed.c.person_id, isouter=True)
        .where(trial_allowed.c.municipality_id == municipality_id)
        .order_by(trial_allowed.c.id.desc())
    )
    return [_allowed(row) for row in (await conn.execute(rows)).all()]


def _allowed(row: AnyRow) -> Allowed:
    return Allowed(
        entry_id=row.id,
        person_id=row.person_id,
        person=row.name or "",
        value=row.value or "",
        added_by=row.added_by,
        added_at=row.added_at,
    )


# --- the allow-list -----------------------------------------------------------------------------------------------------


async def allow_person(conn: AsyncConnection, municipality_id: int, person_id: int, stamp: Stamp) -> None:
    """Let everything to a person of the register leave in trial mode. NotFound in any other municipality."""
    mine = (ResourcePerson.id == person_id, ResourcePerson.municipality_id == municipality_id)
    if (await conn.execute(select(ResourcePerson.id).where(*mine))).scalar() is None:
        raise NotFound("There is no such person in this municipality.")
    await _allow(conn, municipality_id, stamp, {"person_id": person_id}, f"person:{person_id}")


async def allow_address(conn: AsyncConnection, municipality_id: int, value: str, stamp: Stamp) -> None:
    """Let everything to a number or mailbox leave in trial mode. BadInput when it is neither."""
    medium = Medium.EMAIL if "@" in value else Medium.SMS
    checked = checked_address(medium, value)
    lookup = sealing.keyring().lookup(normal_address(medium, checked))
    await _allow(conn, municipality_id, stamp, {"value": checked, "lookup": lookup}, "")


async def _allow(conn: AsyncConnection, municipality_id: int, stamp: Stamp, values: dict[str, object], subject: str) -> None:
    row = {"municipality_id": municipality_id, "added_by": stamp.by[:120], "added_at": stamp.at, **values}
    try:
        async with conn.begin_nested():
            entry = (await conn.execute(insert(trial_allowed).values(row).returning(trial_allowed.c.id))).scalar_one()
    except IntegrityError as error:
        raise BadInput("That is on the allow-list already.") from error
    await _look_again(conn, municipality_id)
    await tasks.acted(conn, stamp.by, "trial.allow", stamp.at, municipality_id=municipality_id, subject=subject or f"allowed:{entry}")


async def _look_again(conn: AsyncConnection, municipality_id: int) -> None:
    """Let what was held come to the last look once more: somebody is on the list who was not."""
    mine = (delivery.c.municipality_id == municipality_id, delivery.c.state == DeliveryState.WAITING, delivery.c.hold == Hold.TRIAL)
    await conn.execute(update(delivery).where(*mine).values(hold=Hold.NOTHING))


async def disallow(conn: AsyncConnection, municipality_id: int, entry_id: int, stamp: Stamp) -> None:
    """Take a row off the allow-list. NotFound in any other municipality."""
    mine = (trial_allowed.c.id == entry_id, trial_allowed.c.municipality_id == municipality_id)
    if not (await conn.execute(trial_allowed.delete().where(*mine))).rowcount:
        raise NotFound("There is no such row on the allow-list.")
    await tasks.acted(conn, stamp.by, "trial.disallow", stamp.at, municipality_id=municipality_id, subject=f"allowed:{entry_id}")


# --- in earnest ---------------------------------------------------------------------------------------------------------


async def go_real(conn: AsyncConnection, municipality_id: int, stamp: Stamp) -> None:
    """End the trial: from now on everything leaves.

    NotAllowed while an alert of the trial has messages left: held now, or about to be held when their hour comes, they would leave too.
    """
    left = select(delivery.c.alert_id).where(delivery.c.municipality_id == municipality_id, delivery.c.state.in_(_LEFT))
    open_ones = (alert.c.municipality_id == municipality_id, alert.c.state == AlertState.RELEASED, alert.c.id.in_(left))
    if numbers := (await conn.execute(select(alert.c.number).where(*open_ones).order_by(alert.c.number))).scalars().all():
        named = ", ".join(f"no. {number}" for number in numbers)
        raise NotAllowed("Messages of the trial would now leave to everybody: %(numbers)s. End those alerts first.", numbers=named)
    await _spare_the_rest(conn, municipality_id, stamp.at)
    await _switch(conn, municipality_id, REAL, stamp)


async def _spare_the_rest(conn: AsyncConnection, municipality_id: int, now: datetime) -> None:
    """Let nothing of the trial wait any longer, notices included; what is at the provider at this moment was allowed to be."""
    tried = exists().where(attempt.c.delivery_id == delivery.c.id)
    taken = (delivery.c.state == DeliveryState.CLAIMED) & ~tried
    mine = (delivery.c.municipality_id == municipality_id, (delivery.c.state == DeliveryState.WAITING) | taken)
    spared = {"state": DeliveryState.SPARED, "spared_by": SparedBy.CANCELLED, "ended_at": now}
    await conn.execute(update(delivery).where(*mine).values(spared))


async def go_trial(conn: AsyncConnection, municipality_id: int, stamp: Stamp) -> None:
    """Go back to trial mode. NotAllowed while a real alert is open: people wait for the rest of it."""
    open_ones = (alert.c.municipality_id == municipality_id, alert.c.state == AlertState.RELEASED, alert.c.kind == "ACTUAL")
    if numbers := (await conn.execute(select(alert.c.number).where(*open_ones).order_by(alert.c.number))).scalars().all():
        named = ", ".join(f"no. {number}" for number in numbers)
        raise NotAllowed("Real alerts are open: %(numbers)s. End them first.", numbers=named)
    await _switch(conn, municipality_id, TRIAL, stamp)


async def _switch(conn: AsyncConnection, municipality_id: int, mode: str, stamp: Stamp) -> None:
    switched = update(Municipality).where(Municipality.id == municipality_id, Municipality.mode != mode)
    if not (await conn.execute(switched.values(mode=mode, mode_at=stamp.at, **stamp.changed))).rowcount:
        raise NotAllowed("The municipality is in that mode already.")
    await tasks.acted(conn, stamp.by, "trial.off" if mode == REAL else "trial.on", stamp.at, municipality_id=municipality_id)
