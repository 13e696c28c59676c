"""The plan of an alert: drawn in memory from the register, shown for review, and written down at release (`plan_rows`).

Drawing and writing are one thing seen twice: what review shows is what release writes.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from messages.form import Medium
from relay.model import ClassPlan, Issue, LeftOut, PersonClass, Place, Policy, Rung
from relay.routing import deputy_turn, plan_class, plan_deputy
from relay.store import alerts, ending, people, policies, senders
from relay.store.columns import AnyRow
from relay.store.engine import unhurried
from relay.store.tables import LanguageGroup, recipient

#: of deputies whose principals are never asked
NOT_ASKED = ClassPlan(left_out=LeftOut.NOT_ASKED)


@dataclass(frozen=True, slots=True)
class Planned:
    """One person and what they get."""

    person: people.PersonRow
    people: PersonClass
    plan: ClassPlan
    had_passed_on: bool = False
    #: the principal they stand by for
    stands_for: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FullPlan:
    """Everybody of a municipality, planned for one alert at one moment."""

    issue: Issue
    place: Place
    at: datetime
    policy: Policy
    groups: Mapping[int, AnyRow]
    senders: Mapping[Medium, AnyRow]
    people: Sequence[Planned]
    left_out: Mapping[LeftOut, int] = field(default_factory=dict)


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
    if issue.groups:
        classes = _chosen(classes, issue.groups, followers)
    planned = _Drawing(issue, place, policy, now, followers, inside=inside, wake=frozenset(wake)).all(classes)
    return FullPlan(
        issue=issue,
        place=place,
        at=now,
        policy=policy,
        groups=await _groups(conn, issue.municipality_id, _present(issue, planned)),
        senders=by_medium,
        people=planned,
        left_out=Counter(one.plan.left_out for one in planned if one.plan.left_out),
    )


def _chosen(
    classes: Mapping[PersonClass, Sequence[people.PersonRow]], groups: frozenset[int], followers: Mapping[int, bool]
) -> dict[PersonClass, list[people.PersonRow]]:
    """Keep who answers for a chosen group, for those groups alone; and as they are those who hold what this alert follows."""
    kept: dict[PersonClass, list[people.PersonRow]] = {}
    for kind, members in classes.items():
        own = tuple(one for one in kind.groups if one[0] in groups)
        narrowed = replace(kind, groups=own) if own else kind
        if some := [person for person in members if own or person.person_id in followers]:
            kept.setdefault(narrowed, []).extend(some)
    return kept


def _present(issue: Issue, planned: Sequence[Planned]) -> frozenset[int]:
    """Return the groups that are in a plan; none = all."""
    return issue.groups and issue.groups | {group for one in planned for group, _ in one.people.groups}


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

    def all(self, classes: Mapping[PersonClass, Sequence[people.PersonRow]]) -> list[Planned]:
        """Plan principals first: their plans say when the deputies' turn comes."""
        own = {one.person.person_id: one for kind, members in classes.items() for one in self._own(kind, members)}
        standing_by = [one for kind, members in classes.items() for one in self._deputies(kind, members, own)]
        return sorted([*own.values(), *standing_by], key=lambda one: one.person.person_id)

    def _stands_by(self, person: people.PersonRow, kind: PersonClass) -> bool:
        return kind.is_deputy and person.person_id not in self.followers

    def _own(self, kind: PersonClass, members: Sequence[people.PersonRow]) -> Iterator[Planned]:
        policy, plans = self._policy(kind), dict[bool, ClassPlan]()
        for person in members:
            if self._stands_by(person, kind):
                continue
            follows = person.person_id in self.followers
            if follows not in plans:
                plans[follows] = plan_class(self.alert, kind, policy, self.place, self.available, self.now, follows=follows)
            yield Planned(person, kind, plans[follows], self.followers.get(person.person_id, False))

    def _policy(self, kind: PersonClass) -> Policy:
        return self.woken if any(group in self.wake for group, _ in kind.groups) else self.policy

    def _deputies(self, kind: PersonClass, members: Sequence[people.PersonRow], own: Mapping[int, Planned]) -> Iterator[Planned]:
        policy, plans = self._policy(kind), dict[datetime, ClassPlan]()
        for person in members:
            if not self._stands_by(person, kind):
                continue
            principal = own.get(person.deputy_of_id or 0)
            asked_at = deputy_turn(principal.plan, self.now) if principal else None
            if principal is None or asked_at is None:
                yield Planned(person, kind, NOT_ASKED)
                continue
            if asked_at not in plans:
                plans[asked_at] = plan_deputy(self.alert, kind, policy, self.place, self.available, asked_at=asked_at)
            yield Planned(person, kind, plans[asked_at], stands_for=principal.person.person_id)


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
