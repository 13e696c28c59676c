"""A duty officer brings a step forward: remind those who have not answered, ask their deputies, make it a task to ring them.

What will happen is worked out once, shown, and then done the same way. An answer keeps its right: whoever has answered is not chased, and
whoever has written to us is written to, not reminded. Quiet hours hold, unless the alert pierces them; nobody is reminded more than twice.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Select, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from messages.form import Part
from relay.counting import TAKEN
from relay.model import Action, AddressState, DeliveryState, Hours, NotAllowed, Policy, Rung, SparedBy, TaskKind
from relay.routing import first_moment
from relay.store import tasks
from relay.store.board import Heading
from relay.store.columns import AnyRow
from relay.store.names import StepName
from relay.store.sql import insert_ignore
from relay.store.tables import (
    ALIKE,
    Address,
    Municipality,
    ResourcePerson,
    Sender,
    alert_group,
    answer,
    delivery,
    recipient,
    recipient_group,
    task,
)

#: at most so many reminders a person and alert in one night: more of them are read by fewer
MOST_REMINDERS = 2
#: between two reminders to one person
LEAST_BETWEEN = timedelta(minutes=15)
#: what may be brought forward, and what that is called where it is written down
BROUGHT: Mapping[Action, StepName] = {Action.REMIND: "steps.remind", Action.DEPUTY: "steps.deputy", Action.CALL: "steps.call"}
MAY_COME = tuple(BROUGHT)


_BEGUN = (DeliveryState.DONE, DeliveryState.CLAIMED)


class Fate(StrEnum):
    """What becomes of somebody who has not answered."""

    NOW = "now"
    LATER = "later"  # as soon as their hours allow
    REMINDED_TWICE = "reminded_twice"
    HAS_WRITTEN = "has_written"  # a message to be read: answer it
    NO_WAY = "no_way"  # every address is out of use
    NO_DEPUTY = "no_deputy"
    UNDER_WAY = "under_way"  # the same step is leaving now, or has just left
    TO_BE_RUNG = "to_be_rung"  # a call is open already


@dataclass(frozen=True, slots=True, kw_only=True)
class One:
    """One person, and what becomes of them."""

    recipient_id: int
    person: str
    fate: Fate
    #: when it happens, for NOW and LATER
    at: datetime | None = None
    #: the waiting rows that come forward; none: a new one is planned
    deliveries: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What bringing a step forward would do."""

    action: Action
    people: tuple[One, ...]

    def of(self, fate: Fate) -> tuple[One, ...]:
        """Return the people to whom this happens; templates name the fate by its word."""
        return tuple(one for one in self.people if one.fate == fate)

    @property
    def moved(self) -> tuple[One, ...]:
        """Return those for whom something happens."""
        return (*self.of(Fate.NOW), *self.of(Fate.LATER))


async def outlook(conn: AsyncConnection, which: Heading, action: Action, group_id: int, policy: Policy, now: datetime) -> Outlook:
    """Work out what bringing `action` forward would do for a group (0: for all that lack somebody). NotAllowed when nobody may be asked."""
    if not which.open:
        raise NotAllowed("Alert no. %(number)s has ended: nobody is asked any more.", number=which.number)
    if which.paused:
        raise NotAllowed("Alert no. %(number)s is paused. Let it go on first.", number=which.number)
    rows = (await conn.execute(_unanswered(which, group_id, failed_too=action is not Action.REMIND))).all()
    judge = {Action.REMIND: _remind, Action.DEPUTY: _deputies, Action.CALL: _calls}[action]
    hours = await _hours(conn, which, policy)
    people = await judge(conn, rows, hours, now)
    return Outlook(action=action, people=tuple(sorted(people, key=lambda one: one.person.casefold())))


async def bring(conn: AsyncConnection, which: Heading, group_id: int, seen: Outlook, by: str, now: datetime) -> int:
    """Do what the outlook says; return for how many people. A step that has begun since then stays as it is."""
    for one in seen.moved:
        mine = (delivery.c.id.in_(one.deliveries), delivery.c.state == DeliveryState.WAITING, delivery.c.due_at > one.at)
        await conn.execute(update(delivery).where(*mine).values(due_at=one.at))
    fresh = [one for one in seen.moved if not one.deliveries]
    if seen.action is Action.REMIND:
        await _plan_reminders(conn, fresh, now)
    if seen.action is Action.CALL:
        await _open_calls(conn, which, fresh, now)
    counts = {"people": len(seen.moved), "group": group_id}
    await tasks.acted(
        conn, by, BROUGHT[seen.action], now, municipality_id=which.municipality_id, subject=f"alert:{which.alert_id}", **counts
    )
    await tasks.happened(conn, which.municipality_id, BROUGHT[seen.action], now, alert_id=which.alert_id, **counts)
    return len(seen.moved)


# --- who it is about ------------------------------------------------------------------------------------------------------


def _unanswered(which: Heading, group_id: int, *, failed_too: bool) -> Select[Any]:
    """Everybody who has been sent the message and has not answered, once each; with those whom no way has reached."""
    groups = select(recipient_group.c.recipient_id).where(recipient_group.c.alert_id == which.alert_id)
    if group_id:
        groups = groups.where(recipient_group.c.group_id == group_id)
    else:
        lacking = select(alert_group.c.group_id).where(alert_group.c.alert_id == which.alert_id, alert_group.c.met_at.is_(None))
        groups = groups.where(recipient_group.c.group_id.in_(lacking))
    sent = recipient.c.evidence.in_([int(one) for one in TAKEN])
    return (
        select(
            recipient.c.id,
            recipient.c.municipality_id,
            recipient.c.alert_id,
            recipient.c.person_id,
            recipient.c.failed,
            ResourcePerson.name,
            ResourcePerson.quiet_from,
            ResourcePerson.quiet_to,
            ResourcePerson.work_from,
            ResourcePerson.work_to,
        )
        .join(ResourcePerson, ResourcePerson.id == recipient.c.person_id)
        .where(
            recipient.c.alert_id == which.alert_id,
            recipient.c.municipality_id == which.municipality_id,
            recipient.c.left_out == "",
            recipient.c.rung == Rung.NONE,
            or_(sent, recipient.c.failed) if failed_too else sent,
            recipient.c.id.in_(groups),
        )
    )


@dataclass(frozen=True, slots=True)
class _Town:
    """The hours of a municipality; `pierces`: the alert disregards them, and everybody's own."""

    timezone: str
    quiet: Hours | None
    pierces: bool

    def allow(self, row: AnyRow, now: datetime) -> datetime:
        """Return when this person may be disturbed."""
        if self.pierces:
            return now
        own = Hours.of(row.quiet_from, row.quiet_to)
        return first_moment(now, quiet=own or self.quiet, working=Hours.of(row.work_from, row.work_to), timezone=self.timezone).at


async def _hours(conn: AsyncConnection, which: Heading, policy: Policy) -> _Town:
    asked = select(Municipality.timezone, Municipality.quiet_from, Municipality.quiet_to).where(Municipality.id == which.municipality_id)
    row = (await conn.execute(asked)).one()
    return _Town(row.timezone, Hours.of(row.quiet_from, row.quiet_to), which.gravity in policy.pierces)


def _one(row: AnyRow, fate: Fate, **more: Any) -> One:
    return One(recipient_id=row.id, person=row.name, fate=fate, **more)


def _timed(row: AnyRow, at: datetime, now: datetime, waiting: Sequence[AnyRow] = ()) -> One:
    return _one(row, Fate.NOW if at <= now else Fate.LATER, at=at, deliveries=tuple(one.id for one in waiting))


# --- reminders ----------------------------------------------------------------------------------------------------------


async def _remind(conn: AsyncConnection, rows: Sequence[AnyRow], hours: _Town, now: datetime) -> list[One]:
    ids = [row.id for row in rows]
    planned = await _steps(conn, delivery.c.recipient_id, ids, Action.REMIND)
    wrote = set((await conn.execute(select(answer.c.recipient_id).where(answer.c.recipient_id.in_(ids)))).scalars())
    usable = await _usable(conn, ids)
    return [_reminder(row, planned[row.id], hours, now, wrote=row.id in wrote, usable=row.id in usable) for row in rows]


def _reminder(row: AnyRow, planned: Sequence[AnyRow], hours: _Town, now: datetime, *, wrote: bool, usable: bool) -> One:
    sent = [one for one in planned if one.state in _BEGUN or one.attempts > 0]
    waiting = [one for one in planned if one.state == DeliveryState.WAITING][:1]
    if wrote:
        return _one(row, Fate.HAS_WRITTEN)
    if len(sent) >= MOST_REMINDERS:
        return _one(row, Fate.REMINDED_TWICE)
    if any(one.due_at <= now for one in waiting) or any(one.due_at > now - LEAST_BETWEEN for one in sent):
        return _one(row, Fate.UNDER_WAY)
    if row.failed or not (waiting or usable):
        return _one(row, Fate.NO_WAY)
    return _timed(row, hours.allow(row, now), now, waiting)


async def _usable(conn: AsyncConnection, recipients: Sequence[int]) -> set[int]:
    """Those who were sent the question by an address that is still in use, over a sender that is open: a reminder can go the same way."""
    return {row.recipient_id for row in (await conn.execute(_ways(recipients))).all()}


def _ways(recipients: Sequence[int]) -> Select[Any]:
    """The messages that a reminder of these people can be like, the first way first."""
    return (
        select(delivery)
        .join(Address, Address.id == delivery.c.address_id)
        .join(Sender, Sender.id == delivery.c.sender_id)
        .where(
            delivery.c.recipient_id.in_(recipients),
            delivery.c.action.in_((Action.MESSAGE, Action.OTHER_CHANNEL, Action.DEPUTY)),
            delivery.c.evidence.in_([int(one) for one in TAKEN]),
            Address.state == AddressState.ACTIVE,
            Sender.stopped == "",
        )
        .order_by(delivery.c.recipient_id, delivery.c.step, delivery.c.id)
    )


async def _plan_reminders(conn: AsyncConnection, people: Sequence[One], now: datetime) -> None:
    """Plan one reminder more, the way the message went."""
    if not people:
        return
    like: dict[int, AnyRow] = {}
    for row in (await conn.execute(_ways([one.recipient_id for one in people]))).all():
        like.setdefault(row.recipient_id, row)
    rows = [
        {name: getattr(like[one.recipient_id], name) for name in ALIKE}
        | {
            "step": like[one.recipient_id].step,
            "action": Action.REMIND,
            "part": Part.REMINDER,
            # a person's word: whoever presses twice in the same minute means one reminder
            "cause": f"reminder:{now:%Y%m%d%H%M}",
            "planned_at": one.at,
            "due_at": one.at,
            "state": DeliveryState.WAITING,
        }
        for one in people
        if one.recipient_id in like
    ]
    if rows:
        await conn.execute(insert_ignore(delivery), rows)


# --- deputies and calls ---------------------------------------------------------------------------------------------------


async def _deputies(conn: AsyncConnection, rows: Sequence[AnyRow], hours: _Town, now: datetime) -> list[One]:
    standing_by = await _steps(conn, delivery.c.stands_for_id, [row.id for row in rows], Action.DEPUTY)
    own = await _own_hours(conn, [one.person_id for many in standing_by.values() for one in many])
    return [_deputy(row, standing_by[row.id], own, hours, now) for row in rows]


def _deputy(row: AnyRow, planned: Sequence[AnyRow], own: Mapping[int, AnyRow], hours: _Town, now: datetime) -> One:
    waiting = [one for one in planned if one.state == DeliveryState.WAITING]
    if not waiting:
        begun = any(one.state in _BEGUN for one in planned)
        return _one(row, Fate.UNDER_WAY if begun else Fate.NO_DEPUTY)
    if all(one.due_at <= now for one in waiting):
        return _one(row, Fate.UNDER_WAY)
    turn = [one for one in waiting if one.due_at == waiting[0].due_at]
    return _timed(row, hours.allow(own[turn[0].person_id], now), now, turn)


async def _own_hours(conn: AsyncConnection, people: Sequence[int]) -> dict[int, AnyRow]:
    columns = (
        ResourcePerson.id,
        ResourcePerson.quiet_from,
        ResourcePerson.quiet_to,
        ResourcePerson.work_from,
        ResourcePerson.work_to,
    )
    return {row.id: row for row in (await conn.execute(select(*columns).where(ResourcePerson.id.in_(people)))).all()}


async def _calls(conn: AsyncConnection, rows: Sequence[AnyRow], _: _Town, now: datetime) -> list[One]:
    """A call is a person's own decision: it waits for no hours."""
    ids = [row.id for row in rows]
    planned = await _steps(conn, delivery.c.recipient_id, ids, Action.CALL)
    opened = select(task.c.recipient_id).where(task.c.recipient_id.in_(ids), task.c.kind == TaskKind.CALL, task.c.done_at.is_(None))
    listed = set((await conn.execute(opened)).scalars())
    return [_call(row, planned[row.id], now, listed=row.id in listed) for row in rows]


def _call(row: AnyRow, planned: Sequence[AnyRow], now: datetime, *, listed: bool) -> One:
    if listed:
        return _one(row, Fate.TO_BE_RUNG)
    return _timed(row, now, now, [one for one in planned if one.state == DeliveryState.WAITING])


async def _open_calls(conn: AsyncConnection, which: Heading, people: Sequence[One], now: datetime) -> None:
    """Open calls that the plan does not hold, or that a met quorum had spared."""
    ids = {one.recipient_id for one in people}
    rows = (
        await conn.execute(select(recipient).where(recipient.c.id.in_(ids), recipient.c.municipality_id == which.municipality_id))
    ).all()
    for row in rows:
        await tasks.open_task(conn, tasks.of_person(row, TaskKind.CALL, f"call:{row.id}"), now)


async def _steps(conn: AsyncConnection, key: Any, ids: Sequence[int], action: Action) -> defaultdict[int, list[AnyRow]]:
    """The steps of one kind of these people, by person. Those that a message of theirs has spared are theirs no more."""
    columns = (delivery.c.id, delivery.c.state, delivery.c.due_at, delivery.c.attempts, delivery.c.person_id, delivery.c.spared_by)
    rows = await conn.execute(
        select(key.label("owner"), *columns).where(key.in_(ids), delivery.c.action == action).order_by(delivery.c.due_at, delivery.c.id)
    )
    found: defaultdict[int, list[AnyRow]] = defaultdict(list)
    for row in rows.all():
        if row.state != DeliveryState.SPARED or row.spared_by != SparedBy.CANCELLED:
            found[row.owner].append(row)
    return found
