"""The plan of an alert: drawn in memory from the register, shown for review, and written down at release.

Drawing and writing are one thing seen twice: what review shows is what release writes. Writing adds only rows that are missing,
so releasing again extends: people added since, texts approved late.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from messages.form import Medium
from relay.counting import difference, person_adds
from relay.model import Action, ClassPlan, DeliveryState, Issue, LeftOut, PersonClass, Place, PlannedSend, Policy, Rung
from relay.routing import deputy_turn, plan_class, plan_deputy
from relay.store import alerts, answers, counters, ending, people, recipients, senders
from relay.store.columns import AnyRow
from relay.store.sql import insert_ignore
from relay.store.tables import LanguageGroup, alert_group, delivery, recipient, recipient_group


@dataclass(frozen=True, slots=True, kw_only=True)
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
    """Plan an alert for everybody; nothing is written. `inside`: take the municipality to lie in the alert's area (demo).

    `wake`: groups whose quiet and working hours are disregarded, this time.
    """
    place = await people.place(conn, issue.municipality_id)
    by_medium = await senders.in_use(conn, issue.municipality_id)
    classes = await people.classes(conn, issue.municipality_id, frozenset(by_medium))
    followers = await _followers(conn, issue)
    planned = _Drawing(issue, place, policy, now, followers, inside=inside, wake=frozenset(wake)).all(classes)
    return FullPlan(
        issue=issue,
        place=place,
        at=now,
        policy=policy,
        groups=await _groups(conn, issue.municipality_id),
        senders=by_medium,
        people=planned,
        left_out=Counter(one.plan.left_out for one in planned if one.plan.left_out),
    )


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
        self.plans: dict[tuple[PersonClass, bool], ClassPlan] = {}
        self.deputies: dict[tuple[PersonClass, datetime], ClassPlan] = {}

    def all(self, classes: Mapping[PersonClass, Sequence[people.PersonRow]]) -> list[Planned]:
        """Plan principals first: their plans say when the deputies' turn comes."""
        pairs = [(person, kind) for kind, members in classes.items() for person in members]
        own = {person.person_id: self._own(person, kind) for person, kind in pairs if not self._stands_by(person, kind)}
        standing_by = [self._deputy(person, kind, own) for person, kind in pairs if self._stands_by(person, kind)]
        return sorted([*own.values(), *standing_by], key=lambda one: one.person.person_id)

    def _stands_by(self, person: people.PersonRow, kind: PersonClass) -> bool:
        return kind.is_deputy and person.person_id not in self.followers

    def _own(self, person: people.PersonRow, kind: PersonClass) -> Planned:
        follows = person.person_id in self.followers
        if (kind, follows) not in self.plans:
            plan = plan_class(self.alert, kind, self._policy(kind), self.place, self.available, self.now, follows=follows)
            self.plans[kind, follows] = plan
        return Planned(
            person=person,
            people=kind,
            plan=self.plans[kind, follows],
            had_passed_on=self.followers.get(person.person_id, False),
        )

    def _policy(self, kind: PersonClass) -> Policy:
        return self.woken if any(group in self.wake for group, _ in kind.groups) else self.policy

    def _deputy(self, person: people.PersonRow, kind: PersonClass, own: Mapping[int, Planned]) -> Planned:
        principal = own.get(person.deputy_of_id or 0)
        asked_at = deputy_turn(principal.plan, self.now) if principal else None
        if principal is None or asked_at is None:
            return Planned(person=person, people=kind, plan=ClassPlan(left_out=LeftOut.NOT_ASKED))
        if (kind, asked_at) not in self.deputies:
            plan = plan_deputy(self.alert, kind, self._policy(kind), self.place, self.available, asked_at=asked_at)
            self.deputies[kind, asked_at] = plan
        return Planned(person=person, people=kind, plan=self.deputies[kind, asked_at], stands_for=principal.person.person_id)


async def _groups(conn: AsyncConnection, municipality_id: int) -> dict[int, AnyRow]:
    mine = select(LanguageGroup.__table__).where(LanguageGroup.municipality_id == municipality_id)
    return {row.id: row for row in (await conn.execute(mine)).all()}


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


# --- writing ----------------------------------------------------------------------------------------------------------


async def write(conn: AsyncConnection, full: FullPlan) -> int:
    """Write the rows that are missing; return how many sends are new and needed. Idempotent."""
    alert_id = full.issue.alert_id
    before, sends = await _written(conn, alert_id), await _sends(conn, alert_id)
    fresh = [one for one in full.people if one.person.person_id not in before]
    await _insert(conn, recipient, [_recipient(full, one) for one in fresh])
    ids = {person: row.id for person, row in (await _written(conn, alert_id)).items()}
    await _insert(conn, recipient_group, [row for one in fresh for row in _recipient_groups(full, one, ids)])
    await _insert(conn, alert_group, _alert_groups(full))
    await _count(conn, full, fresh)
    await _take_in(conn, full, before)
    rows = [row for one in full.people for row in _deliveries(full, one, ids)]
    await _insert(conn, delivery, await _needed(conn, alert_id, rows))
    if before:
        await answers.spare_again(conn, alert_id, full.at)
    return await _sends(conn, alert_id) - sends


async def added(conn: AsyncConnection, full: FullPlan) -> list[Planned]:
    """Return whom writing this plan would let in who gets nothing yet."""
    had = {person for person, row in (await _written(conn, full.issue.alert_id)).items() if not row.left_out}
    return [one for one in full.people if not one.plan.left_out and one.person.person_id not in had]


async def _insert(conn: AsyncConnection, table: Any, rows: Sequence[dict[str, Any]]) -> None:
    if rows:
        await conn.execute(insert_ignore(table), rows)


async def _written(conn: AsyncConnection, alert_id: int) -> dict[int, AnyRow]:
    rows = await conn.execute(select(recipient).where(recipient.c.alert_id == alert_id))
    return {row.person_id: row for row in rows}


async def _sends(conn: AsyncConnection, alert_id: int) -> int:
    """Count what is planned and not spared; a database does not always say how many rows an INSERT has left out."""
    mine = (delivery.c.alert_id == alert_id, delivery.c.action != "", delivery.c.state != DeliveryState.SPARED)
    return (await conn.execute(select(func.count()).select_from(delivery).where(*mine))).scalar_one()


async def _take_in(conn: AsyncConnection, full: FullPlan, before: Mapping[int, AnyRow]) -> None:
    """Let in whoever was left out at an earlier release and is planned now: their row, their groups' texts, the numbers."""
    late = [one for one in full.people if not one.plan.left_out and one.person.person_id in before]
    late = [one for one in late if before[one.person.person_id].left_out]
    adds = counters.Sums()
    for one in late:
        row = before[one.person.person_id]
        await conn.execute(update(recipient).where(recipient.c.id == row.id).values(_recipient(full, one)))
        theirs = (await conn.execute(select(recipient_group.c.group_id).where(recipient_group.c.recipient_id == row.id))).scalars().all()
        for group, text in one.plan.choices:
            mine = (recipient_group.c.recipient_id == row.id, recipient_group.c.group_id == group)
            await conn.execute(update(recipient_group).where(*mine).values(language=text.language))
        facts = recipients.person_facts(row)
        change = difference(person_adds(facts), person_adds(replace(facts, left_out=False)))
        for group in (0, *theirs):
            adds.add(row.municipality_id, row.alert_id, group, "", change)
    await counters.write(conn, adds)


async def _needed(conn: AsyncConnection, alert_id: int, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Leave out what would only chase: whoever has answered gets nothing more but a text in a language that they had none in."""
    answered = (delivery.c.alert_id == alert_id, recipient.c.rung != Rung.NONE)
    found = select(delivery.c.recipient_id, delivery.c.language).join(recipient, recipient.c.id == delivery.c.recipient_id)
    had: defaultdict[int, set[str]] = defaultdict(set)
    for owner, language in (await conn.execute(found.where(*answered).distinct())).all():
        had[owner].add(language)
    return [
        row
        for row in await _not_planned(conn, alert_id, rows)
        if row["recipient_id"] not in had or (row["action"] == Action.MESSAGE and row["language"] not in had[row["recipient_id"]])
    ]


async def _not_planned(conn: AsyncConnection, alert_id: int, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Leave out what is planned at another step: a way that has died since the first release lets the others move up."""
    what = (delivery.c.recipient_id, delivery.c.action, delivery.c.address_id, delivery.c.part, delivery.c.language)
    found = (await conn.execute(select(*what).where(delivery.c.alert_id == alert_id, delivery.c.action != ""))).mappings()
    planned = {_same_send(row) for row in found}
    return [row for row in rows if _same_send(row) not in planned]


def _same_send(row: Mapping[Any, Any]) -> tuple[Any, ...]:
    """What makes two rows one send to a person: nobody is reminded or rung twice, by whatever way."""
    once = row["action"] in (Action.REMIND, Action.CALL)
    return tuple(row[name] for name in ("recipient_id", *(("action",) if once else ("address_id", "part", "language"))))


def _recipient(full: FullPlan, one: Planned) -> dict[str, Any]:
    plan = one.plan
    text = plan.choices[0][1] if plan.choices else None
    return {
        "municipality_id": full.issue.municipality_id,
        "alert_id": full.issue.alert_id,
        "person_id": one.person.person_id,
        "group_id": one.people.groups[0][0] if one.people.groups else None,
        "reader_language": _own_language(one.people),
        "language": text.language if text else "",
        "language_why": text.why if text else "",
        "left_out": plan.left_out or "",
        "wait": plan.wait or "",
        "waits_until": plan.waits_until,
        # one send that may wake is leave to wake
        "pierced": plan.pierced or next((send.pierced for send in plan.sends if send.pierced), ""),
        "deputy": one.stands_for is not None,
        "had_passed_on": one.had_passed_on,
    }


def _own_language(people_class: PersonClass) -> str:
    return next(iter((*people_class.languages, *(language for _, language in people_class.groups))), "nb")


def _recipient_groups(full: FullPlan, one: Planned, ids: Mapping[int, int]) -> list[dict[str, Any]]:
    chosen = {group: choice.language for group, choice in one.plan.choices}
    return [
        {
            "recipient_id": ids[one.person.person_id],
            "group_id": group,
            "municipality_id": full.issue.municipality_id,
            "alert_id": full.issue.alert_id,
            "language": chosen.get(group, ""),
        }
        for group, _ in one.people.groups
    ]


def _alert_groups(full: FullPlan) -> list[dict[str, Any]]:
    reached: Counter[int] = Counter(group for one in full.people for group, _ in one.people.groups)
    return [
        {
            "alert_id": full.issue.alert_id,
            "group_id": group,
            "municipality_id": full.issue.municipality_id,
            "language": full.groups[group].language,
            "name": full.groups[group].name,
            "quorum": full.groups[group].quorum,
            "people": count,
        }
        for group, count in sorted(reached.items())
    ]


def _deliveries(full: FullPlan, one: Planned, ids: Mapping[int, int]) -> list[dict[str, Any]]:
    principal = ids.get(one.stands_for) if one.stands_for is not None else None
    return [
        _delivery(full, one, send, ids[one.person.person_id], principal)
        for send in one.plan.sends
        if send.action is not Action.DEPUTY or principal is not None
    ]


def _delivery(full: FullPlan, one: Planned, send: PlannedSend, recipient_id: int, principal: int | None) -> dict[str, Any]:
    called = send.action is Action.CALL
    medium = None if called else one.people.media[send.way]
    return {
        "municipality_id": full.issue.municipality_id,
        "alert_id": full.issue.alert_id,
        "recipient_id": recipient_id,
        "person_id": one.person.person_id,
        "address_id": one.person.address_ids[max(send.way, 0)],
        "sender_id": full.senders[medium].id if medium else None,
        "channel": medium or "call",
        "step": send.step,
        "action": send.action,
        "part": send.part,
        "language": send.language,
        "frame_language": _frame_language(one.people, send.language),
        "cause": f"for:{principal}" if principal else "",
        "gravity": int(full.issue.alert.gravity),
        "planned_at": send.due_at,
        "due_at": send.due_at,
        "expires_at": full.issue.alert.expires_at,
        "state": DeliveryState.WAITING,
        "stands_for_id": principal,
    }


def _frame_language(people_class: PersonClass, text: str) -> str:
    """The words around a text are in its language where the person reads it, in the person's own where it is a fallback."""
    reads = {*people_class.languages, *(language for _, language in people_class.groups)}
    return text if text in reads else _own_language(people_class)


async def _count(conn: AsyncConnection, full: FullPlan, fresh: Sequence[Planned]) -> None:
    adds = counters.Sums()
    for one in fresh:
        change = {"people": 1, "skipped" if one.plan.left_out else "planned": 1}
        for group in (0, *(group for group, _ in one.people.groups)):
            adds.add(full.issue.municipality_id, full.issue.alert_id, group, "", change)
    await counters.write(conn, adds)
