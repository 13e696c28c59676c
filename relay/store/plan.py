"""The plan of an alert: drawn in memory from the register, shown for review, and written down at release (`plan_rows`).

Drawing and writing are one thing seen twice: what review shows is what release writes.
"""

import heapq
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import repeat

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from messages.form import Medium
from relay.model import ClassPlan, Issue, LeftOut, PersonClass, Place, Policy, Rung
from relay.routing import deputy_turn, plan_class, plan_deputy
from relay.store import alerts, ending, people, policies, senders
from relay.store.columns import AnyRow
from relay.store.engine import unhurried
from relay.store.people import Members
from relay.store.tables import LanguageGroup, recipient

#: of deputies whose principals are never asked
NOT_ASKED = ClassPlan(left_out=LeftOut.NOT_ASKED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lot:
    """People of one class with one plan: what they get differs in ids alone."""

    people: PersonClass
    plan: ClassPlan
    members: Members
    had_passed_on: bool = False
    #: each is asked in the place of their principal
    stand_in: bool = False

    def __len__(self) -> int:
        return len(self.members)

    def only(self, wanted: Iterable[int]) -> "Lot":
        """Return it with nobody but those at these places."""
        return replace(self, members=self.members.at(wanted))


@dataclass(frozen=True, slots=True)
class Planned:
    """One person of a lot, as pages show them."""

    person_id: int
    lot: Lot

    @property
    def people(self) -> PersonClass:
        return self.lot.people

    @property
    def plan(self) -> ClassPlan:
        return self.lot.plan

    @property
    def stands_in(self) -> bool:
        return self.lot.stand_in


@dataclass(frozen=True, slots=True, kw_only=True)
class FullPlan:
    """Everybody of a municipality, planned for one alert at one moment."""

    issue: Issue
    place: Place
    at: datetime
    policy: Policy
    groups: Mapping[int, AnyRow]
    senders: Mapping[Medium, AnyRow]
    lots: Sequence[Lot]
    left_out: Mapping[LeftOut, int] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """How many people there are."""
        return sum(map(len, self.lots))

    @property
    def planned(self) -> int:
        """How many of them get something."""
        return self.size - sum(self.left_out.values())

    @property
    def waiting(self) -> int:
        """How many of those wait for the morning or for their duty."""
        return sum(len(lot) for lot in self.lots if lot.plan.waits_until)

    def people(self) -> Iterator[Planned]:
        """Yield everybody, in the register's order."""
        return (Planned(person_id, self.lots[n]) for person_id, n in in_order(self.lots))


def in_order(lots: Sequence[Lot]) -> Iterator[tuple[int, int]]:
    """Yield everybody's id with the number of their lot, in the register's order."""
    return heapq.merge(*(zip(lot.members.ids, repeat(n)) for n, lot in enumerate(lots)))


# --- drawing ----------------------------------------------------------------------------------------------------------


async def draw(
    conn: AsyncConnection, issue: Issue, policy: Policy, now: datetime, *, inside: bool = False, wake: Collection[int] = ()
) -> FullPlan:
    """Plan an alert for everybody, by `policy` where the municipality has none of its own; nothing is written.

    `inside`: take the municipality to lie in the alert's area (demo).
    `wake`: groups whose quiet and working hours are disregarded, this time.
    """
    await unhurried(conn)
    policy = await policies.of(conn, issue.municipality_id, policy)
    place = await people.place(conn, issue.municipality_id)
    by_medium = await senders.in_use(conn, issue.municipality_id)
    classes = await people.classes(conn, issue.municipality_id, frozenset(by_medium))
    followers = await _followers(conn, issue)
    chosen = list(_chosen(classes, issue.groups, followers)) if issue.groups else list(classes.items())
    lots = _Drawing(issue, place, policy, now, followers, inside=inside, wake=frozenset(wake)).all(chosen)
    return FullPlan(
        issue=issue,
        place=place,
        at=now,
        policy=policy,
        groups=await _groups(conn, issue.municipality_id, _present(issue, lots)),
        senders=by_medium,
        lots=lots,
        left_out=_left_out(lots),
    )


def _chosen(
    classes: Mapping[PersonClass, Members], groups: frozenset[int], followers: Mapping[int, bool]
) -> Iterator[tuple[PersonClass, Members]]:
    """Keep who answers for a chosen group, for those groups alone; and as they are those who hold what this alert follows."""
    for kind, members in classes.items():
        if own := tuple(one for one in kind.groups if one[0] in groups):
            yield replace(kind, groups=own), members
        elif some := [place for place, person_id in enumerate(members.ids) if person_id in followers]:
            yield kind, members.at(some)


def _present(issue: Issue, lots: Sequence[Lot]) -> frozenset[int]:
    """Return the groups that are in a plan; none = all."""
    return issue.groups and issue.groups | {group for lot in lots for group, _ in lot.people.groups}


def _left_out(lots: Sequence[Lot]) -> Counter[LeftOut]:
    numbers: Counter[LeftOut] = Counter()
    for lot in lots:
        if lot.plan.left_out:
            numbers[lot.plan.left_out] += len(lot)
    return numbers


class _Drawing:
    """One planning: routing is asked once for each class of like people, whatever their number."""

    def __init__(
        self,
        issue: Issue,
        place: Place,
        policy: Policy,
        now: datetime,
        followers: Mapping[int, bool],
        *,
        inside: bool,
        wake: frozenset[int],
    ) -> None:
        self.alert = replace(issue.alert, areas=()) if inside else issue.alert
        self.wake, self.woken = wake, replace(policy, pierces=policy.pierces | {self.alert.gravity})
        self.place, self.policy, self.now, self.followers = place, policy, now, followers
        self.available = frozenset(issue.variants)

    def all(self, classes: Sequence[tuple[PersonClass, Members]]) -> list[Lot]:
        """Plan principals first: their plans say when the deputies' turn comes."""
        own = [lot for kind, members in classes for lot in self._own(kind, members)]
        turns: dict[int, datetime | None] = {}
        for lot in own:
            if lot.people.has_deputy:
                turns |= dict.fromkeys(lot.members.ids, deputy_turn(lot.plan, self.now))
        return own + [lot for kind, members in classes if kind.is_deputy for lot in self._deputies(kind, members, turns)]

    def _own(self, kind: PersonClass, members: Members) -> Iterator[Lot]:
        """Plan for those who stand by for nobody, and for deputies who hold what this alert follows."""
        policy = self._policy(kind)
        passed_on = {place: self.followers.get(person_id) for place, person_id in enumerate(members.ids)}
        if kind.is_deputy:
            passed_on = {place: passed for place, passed in passed_on.items() if passed is not None}
        for passed, some in members.parted(passed_on):
            follows = passed is not None
            plan = plan_class(self.alert, kind, policy, self.place, self.available, self.now, follows=follows)
            yield Lot(people=kind, plan=plan, members=some, had_passed_on=bool(passed))

    def _policy(self, kind: PersonClass) -> Policy:
        return self.woken if any(group in self.wake for group, _ in kind.groups) else self.policy

    def _deputies(self, kind: PersonClass, members: Members, turns: Mapping[int, datetime | None]) -> Iterator[Lot]:
        policy = self._policy(kind)
        standing_by = {
            place: turns.get(members.principals[place]) for place, person_id in enumerate(members.ids) if person_id not in self.followers
        }
        for asked_at, some in members.parted(standing_by):
            if asked_at is None:
                yield Lot(people=kind, plan=NOT_ASKED, members=some)
            else:
                plan = plan_deputy(self.alert, kind, policy, self.place, self.available, asked_at=asked_at)
                yield Lot(people=kind, plan=plan, members=some, stand_in=True)


async def _groups(conn: AsyncConnection, municipality_id: int, only: frozenset[int]) -> dict[int, AnyRow]:
    mine = select(LanguageGroup.__table__).where(LanguageGroup.municipality_id == municipality_id)
    return {row.id: row for row in (await conn.execute(mine)).all() if not only or row.id in only}


async def _followers(conn: AsyncConnection, issue: Issue) -> dict[int, bool]:
    """People who got, or may have got, an alert that this one follows; true for those who passed it on.

    The whole chain counts: whoever holds the first alert, and not the update of it, must hear that the update is withdrawn.
    """
    replaced = await alerts.chain(conn, issue.alert_id)
    may_have = or_(recipient.c.id.in_(ending.holders(replaced)), recipient.c.rung != Rung.NONE)
    rows = await conn.execute(select(recipient.c.person_id, recipient.c.rung).where(recipient.c.alert_id.in_(replaced), may_have))
    followers: dict[int, bool] = {}
    for row in rows:
        followers[row.person_id] = followers.get(row.person_id, False) or row.rung in (Rung.PASSED_ON, Rung.WILL_PASS)
    return followers
