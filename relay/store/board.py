"""What the reach board shows of one alert. Counters and the newest rows alone: it costs the same at ten deliveries and at a million."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from messages.alert import Act, Gravity
from relay.model import Action, AlertState, DeliveryState, GroupReach, Hold, NotFound
from relay.store import alerts, counters, pauses, progress, tasks, trial
from relay.store.columns import AnyRow
from relay.store.reach import PEOPLE
from relay.store.tables import LanguageGroup, ResourcePerson, alert, alert_group, delivery, event, recipient, task, variant
from relay.store.tables.sending import TWICE

#: events that are shown; reminders that are counted one by one, beyond that it is "more than"
LATEST = 12
MOST_COUNTED = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """Which alert it is, and where it stands."""

    alert_id: int
    municipality_id: int
    number: int
    kind: str
    act: str
    state: str
    headline: str
    #: of the headline
    language: str
    gravity: Gravity
    released_at: datetime | None
    act_by_at: datetime | None
    expires_at: datetime | None
    ended_at: datetime | None
    paused: bool
    revision: int
    #: the alert that this one replaces, withdraws or ends
    before: alerts.Before | None
    #: of one that is paused
    pause: pauses.Pause | None

    @property
    def corrects(self) -> bool:
        """Whether it only says of another one that it was wrong, or that the danger is over: it has no text of its own."""
        return self.act in (Act.WITHDRAW, Act.OVER)

    @property
    def open(self) -> bool:
        """Whether people may still be asked."""
        return self.state == AlertState.RELEASED

    @property
    def held(self) -> bool:
        """Whether it is out, and nothing of it leaves until somebody lets it go on."""
        return self.open and self.paused

    @property
    def asks(self) -> bool:
        """Whether people are asked: by the plan, or at the press of a button."""
        return self.open and not self.paused


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupLine:
    """One group's numbers, beside what is known of its size."""

    reach: GroupReach
    #: how often the pages that were passed on have been opened: nobody knows by how many people
    opened: int = 0
    estimate: int | None = None
    estimate_source: str = ""
    estimate_on: date | None = None
    met_at: datetime | None = None

    @property
    def missing(self) -> int:
        """How many more must say that they pass it on."""
        return max(0, self.reach.quorum - self.reach.counted)

    @property
    def unanswered(self) -> int:
        """Who has been sent the message and has not answered."""
        return max(0, self.reach.sent - self.reach.acknowledged)

    @property
    def underway(self) -> int:
        """For whom it is on its way, or waits for its time."""
        one = self.reach
        return max(0, one.planned - one.delivered - one.unknown - one.failed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """One event, and whom it is about."""

    number: int
    at: datetime
    kind: str
    data: Mapping[str, object]
    person: str
    #: of the person; 0: about nobody
    recipient_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Next:
    """The step that the plan takes next."""

    action: Action
    due_at: datetime
    messages: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """Everything that the reach board shows."""

    heading: Heading
    groups: tuple[GroupLine, ...]
    totals: GroupLine
    #: kind -> open tasks of this alert, gravest first
    tasks: Mapping[str, int]
    #: rows of the inbox about this alert: those that cannot wait, and all
    grave: int
    waiting: int
    perhaps_twice: int
    #: people whom trial mode keeps from being reached
    held: int
    events: tuple[Happened, ...]
    points: tuple[progress.Point, ...]
    next: Next | None

    @property
    def in_need(self) -> tuple[GroupLine, ...]:
        """The groups that lack somebody to their quorum, the one that needs us most first."""
        return tuple(one for one in self.groups if one.missing)

    @property
    def with_nothing(self) -> int:
        """How many people nothing has left to yet; not those of whom it is not known."""
        reach = self.totals.reach
        return max(0, reach.planned - reach.sent - reach.unknown)


async def heading(conn: AsyncConnection, municipality_id: int, number: int, language: str = "nb") -> Heading:
    """Return the alert that a municipality calls by this number, its headline in `language` if there is one; NotFound when it has none."""
    this = (alert.c.municipality_id == municipality_id, alert.c.number == number)
    row = (await conn.execute(select(alert).where(*this))).one_or_none()
    if row is None:
        raise NotFound("There is no alert no. %(number)s here.", number=number)
    return await _heading(conn, row, language)


async def heading_of(conn: AsyncConnection, municipality_id: int, alert_id: int, language: str = "nb") -> Heading:
    """Return an alert by its id."""
    row = (await conn.execute(select(alert).where(alert.c.municipality_id == municipality_id, alert.c.id == alert_id))).one()
    return await _heading(conn, row, language)


async def _heading(conn: AsyncConnection, row: AnyRow, language: str) -> Heading:
    wanted = (language, "nb", "nn", "en")
    texts = select(variant.c.language, variant.c.headline).where(variant.c.alert_id == row.id, variant.c.language.in_(wanted))
    found = {text.language: text.headline for text in (await conn.execute(texts)).all() if text.headline}
    tag = next((one for one in wanted if one in found), "")
    names = ("number", "kind", "act", "state", "released_at", "act_by_at", "expires_at", "ended_at", "paused", "revision")
    return Heading(
        alert_id=row.id,
        municipality_id=row.municipality_id,
        headline=found.get(tag, row.event),
        language=tag or "nb",
        gravity=Gravity(row.gravity),
        before=await alerts.before(conn, row),
        pause=await pauses.of(conn, row.municipality_id, row.id) if row.paused else None,
        **{name: getattr(row, name) for name in names},
    )


async def read(conn: AsyncConnection, which: Heading, now: datetime) -> Board:
    """Return the board of an alert."""
    numbers = await counters.read(conn, which.alert_id)
    opened = await _tasks(conn, which)
    grave, waiting = await _waiting(conn, which) if opened else (0, 0)
    return Board(
        heading=which,
        groups=await lines(conn, which, numbers),
        totals=_line(GroupReach(group_id=0, language="", name=""), numbers.get((0, ""), {})),
        tasks=opened,
        grave=grave,
        waiting=waiting,
        perhaps_twice=await _perhaps_twice(conn, which.alert_id),
        held=await trial.people_held(conn, which.municipality_id, which.alert_id),
        events=await _events(conn, which.alert_id),
        points=tuple(await progress.read(conn, which.municipality_id, which.alert_id)),
        next=await _next(conn, which, now),
    )


async def lines(conn: AsyncConnection, which: Heading, numbers: Mapping[tuple[int, str], Mapping[str, int]]) -> tuple[GroupLine, ...]:
    """Return the groups of an alert, the one that needs us most first."""
    asked = (
        select(alert_group, LanguageGroup.estimate, LanguageGroup.estimate_source, LanguageGroup.estimate_on)
        .join(LanguageGroup, LanguageGroup.id == alert_group.c.group_id)
        .where(alert_group.c.alert_id == which.alert_id, alert_group.c.municipality_id == which.municipality_id)
    )
    rows = (await conn.execute(asked)).all()
    return tuple(sorted((_group(row, numbers.get((row.group_id, ""), {})) for row in rows), key=_need))


def _group(row: AnyRow, numbers: Mapping[str, int]) -> GroupLine:
    bare = GroupReach(group_id=row.group_id, language=row.language, name=row.name, quorum=row.quorum, counted=row.counted)
    about = {name: getattr(row, name) for name in ("estimate", "estimate_source", "estimate_on", "met_at")}
    return _line(bare, numbers, **about)


def _line(bare: GroupReach, numbers: Mapping[str, int], **about: object) -> GroupLine:
    names = ("group_id", "language", "name", "quorum", "counted")
    reach = GroupReach(**{name: getattr(bare, name) for name in names} | {name: numbers.get(name, 0) for name in PEOPLE})
    return GroupLine(reach=reach, opened=numbers.get("opened", 0), **about)  # type: ignore[arg-type]


def _need(one: GroupLine) -> tuple[float, int, str]:
    """What is missing to the quorum, most first; then who has answered least."""
    reach = one.reach
    return (-(one.missing / max(1, reach.quorum)), -(one.unanswered * 1000 // max(1, reach.planned)), reach.name)


async def _waiting(conn: AsyncConnection, which: Heading) -> tuple[int, int]:
    mine = (task.c.municipality_id == which.municipality_id, task.c.done_at.is_(None), task.c.alert_id == which.alert_id)
    row = (
        await conn.execute(select(tasks.things(task.c.gravity == Gravity.LIFE).label("grave"), tasks.things().label("all")).where(*mine))
    ).one()
    return row.grave, row.all


async def _tasks(conn: AsyncConnection, which: Heading) -> dict[str, int]:
    mine = (task.c.municipality_id == which.municipality_id, task.c.done_at.is_(None), task.c.alert_id == which.alert_id)
    kinds = select(task.c.kind, func.count().label("number")).where(*mine).group_by(task.c.kind)
    rows = await conn.execute(kinds.order_by(func.min(task.c.gravity), task.c.kind))
    return {row.kind: row.number for row in rows.all()}


async def _perhaps_twice(conn: AsyncConnection, alert_id: int) -> int:
    doubtful = (recipient.c.alert_id == alert_id, TWICE)
    return int((await conn.execute(select(func.count(recipient.c.id)).where(*doubtful))).scalar_one())


async def _events(conn: AsyncConnection, alert_id: int, limit: int = LATEST) -> tuple[Happened, ...]:
    newest = select(event).where(event.c.alert_id == alert_id).order_by(event.c.number.desc()).limit(limit)
    rows = (await conn.execute(newest)).all()
    names = await _names(conn, [int(row.data.get("recipient", 0)) for row in rows])
    return tuple(_happened(row, names) for row in rows)


def _happened(row: AnyRow, names: Mapping[int, str]) -> Happened:
    whose = int(row.data.get("recipient", 0))
    return Happened(number=row.number, at=row.at, kind=row.kind, data=row.data, person=names.get(whose, ""), recipient_id=whose)


async def _names(conn: AsyncConnection, recipients: Sequence[int]) -> dict[int, str]:
    named = select(recipient.c.id, ResourcePerson.name).join(ResourcePerson, ResourcePerson.id == recipient.c.person_id)
    rows = await conn.execute(named.where(recipient.c.id.in_({one for one in recipients if one})))
    return {row.id: row.name for row in rows.all()}


async def _next(conn: AsyncConnection, which: Heading, now: datetime) -> Next | None:
    """The first step that is still to come, by the index of what is due: an alert's rows are never looked through."""
    # "+ 0" keeps the databases from choosing the index by alert, which holds every waiting row of it
    mine = (
        delivery.c.state == DeliveryState.WAITING,
        delivery.c.gravity == int(which.gravity),
        delivery.c.alert_id + 0 == which.alert_id,
        # what is held for something else does not leave at its time
        delivery.c.hold.in_((Hold.NOTHING, Hold.SENDER)),
        delivery.c.action.not_in(("", Action.MESSAGE)),
    )
    later = (*mine, delivery.c.due_at > now)
    first = select(delivery.c.action, delivery.c.due_at).where(*later).order_by(delivery.c.due_at, delivery.c.id).limit(1)
    row = (await conn.execute(first)).one_or_none()
    if row is None:
        return None
    same = select(delivery.c.id).where(*mine, delivery.c.due_at == row.due_at, delivery.c.action == row.action).limit(MOST_COUNTED + 1)
    found = (await conn.execute(select(func.count()).select_from(same.subquery()))).scalar_one()
    return Next(action=Action(row.action), due_at=row.due_at, messages=int(found))
