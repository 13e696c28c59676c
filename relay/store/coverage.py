"""Who would get what, group by group: of a plan that is drawn, and of an alert that nobody has written yet."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from messages.alert import Alert, Kind, Severity, Urgency, Variant
from messages.form import Medium
from messages.languages import Choice
from relay.model import Action, AlertState, Issue, LeftOut, Policy, WaitFor
from relay.store import plan
from relay.store.columns import AnyRow

#: one is not enough: a phone may be off
ALONE = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupPlan:
    """What a plan holds for one group: people, not messages."""

    #: of the register: id, language, name, quorum, estimate …
    row: AnyRow
    people: tuple[plan.Planned, ...] = ()
    #: of those who are planned: the text's language and why, and the medium of the first message
    texts: Counter[Choice] = field(default_factory=Counter)
    media: Counter[Medium] = field(default_factory=Counter)
    left_out: Counter[LeftOut] = field(default_factory=Counter)

    @property
    def planned(self) -> tuple[plan.Planned, ...]:
        """Those who get something."""
        return tuple(one for one in self.people if not one.plan.left_out)

    @property
    def waiting(self) -> tuple[plan.Planned, ...]:
        """Those of them whose first message waits for the morning or for their duty."""
        return tuple(one for one in self.planned if one.plan.waits_until)

    @property
    def waits_until(self) -> tuple[datetime, datetime] | None:
        """When the first and the last of those who wait get it."""
        times = [one.plan.waits_until for one in self.waiting if one.plan.waits_until]
        return (min(times), max(times)) if times else None

    @property
    def waits_for(self) -> frozenset[WaitFor]:
        """What they wait for."""
        return frozenset(one.plan.wait for one in self.waiting if one.plan.wait)

    @property
    def lacking(self) -> int:
        """How many are missing to the quorum, even if everybody passes it on."""
        return max(0, int(self.row.quorum) - len(self.planned))

    @property
    def unreached(self) -> bool:
        """Nobody of this group would get anything."""
        return not self.planned

    @property
    def alone(self) -> bool:
        """It hangs on a single person."""
        return len(self.planned) == ALONE


def by_group(full: plan.FullPlan) -> list[GroupPlan]:
    """Return every group of the register with its part of a plan; a person in two groups is in both. Who would be missed comes first."""
    made = [_group(full, group_id, row) for group_id, row in full.groups.items()]
    return sorted(made, key=lambda group: (-group.lacking, len(group.planned), group.row.name))


def _group(full: plan.FullPlan, group_id: int, row: AnyRow) -> GroupPlan:
    mine = [lot for lot in full.lots if any(group == group_id for group, _ in lot.people.groups)]
    people = tuple(plan.Planned(person_id, lot) for lot in mine for person_id in lot.members.ids)
    planned = [one for one in people if not one.plan.left_out]
    return GroupPlan(
        row=row,
        people=people,
        texts=Counter(choice for one in planned for group, choice in one.plan.choices if group == group_id),
        media=Counter(medium for one in planned if (medium := first_medium(one))),
        left_out=Counter(one.plan.left_out for one in people if one.plan.left_out),
    )


def first_medium(one: plan.Planned) -> Medium | None:
    """Return the medium of a person's first message."""
    ways: Sequence[int] = [send.way for send in one.plan.sends if send.action in (Action.MESSAGE, Action.DEPUTY) and send.way >= 0]
    return one.people.media[ways[0]] if ways else None


async def tonight(conn: AsyncConnection, municipality_id: int, policy: Policy, now: datetime) -> list[GroupPlan]:
    """Say whom an ordinary alert would reach if it were sent now, with a text in every language of the register."""
    alert = Alert(number=0, kind=Kind.ACTUAL, severity=Severity.MODERATE, urgency=Urgency.EXPECTED, sent_at=now)
    texts = {"nb": Variant(language="nb", headline="", forward="")}
    issue = Issue(alert_id=0, municipality_id=municipality_id, state=AlertState.DRAFT, revision=0, alert=alert, variants=texts)
    full = await plan.draw(conn, issue, policy, now)
    return by_group(full)
