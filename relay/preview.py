"""What a person looks at before release: the plan as it would be written now, and what it costs."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from messages.form import Medium, Part
from relay.model import Action, AlertState, Home, Issue, Policy
from relay.pace import seconds_to_send
from relay.store import alerts, context, plan
from relay.store.columns import AnyRow
from relay.wording import Wording, units


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What one channel's first messages cost."""

    medium: Medium
    people: int
    messages: int
    #: SMS segments, else messages
    units: int
    #: in NOK
    price: float
    #: at this sender's pace
    seconds: float
    two_way: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """Everything a person looks at before release; the numbers are those of the plan that release writes."""

    row: AnyRow
    issue: Issue
    full: plan.FullPlan
    loads: tuple[Load, ...]
    #: what the frame says to most readers, to show the texts with
    home: Home

    @property
    def seconds(self) -> float:
        """Time to finish the first messages, in seconds: the channels go side by side."""
        return max((load.seconds for load in self.loads), default=0.0)

    @property
    def too_slow(self) -> bool:
        """Whether the first messages cannot all leave before the alert expires."""
        expires = self.issue.alert.expires_at
        return expires is not None and self.seconds > (expires - self.full.at).total_seconds()


async def review(
    conn: AsyncConnection,
    municipality_id: int,
    alert_id: int,
    policy: Policy,
    now: datetime,
    *,
    inside: bool = False,
    wake: Collection[int] = (),
    page: str = "",
) -> Review:
    """Draw the plan as it would be written now, and count what it costs; `page` is where message pages are, since links cost too."""
    row = await alerts.row_of(conn, municipality_id, alert_id)
    issue = await alerts.issue(conn, municipality_id, alert_id, approved_only=row.state != AlertState.DRAFT)
    full = await plan.draw(conn, issue, policy, now, inside=inside, wake=wake)
    known = await context.load(conn, [municipality_id], page=page)
    loads = tuple(_load(full, medium, known) for medium in full.senders if _first(full, medium))
    sender = full.senders.get(Medium.SMS)
    home = known.home(municipality_id, None, sender.id if sender else None)
    return Review(row=row, issue=issue, full=full, loads=loads, home=home)


def _first(full: plan.FullPlan, medium: Medium) -> list[tuple[plan.Planned, Part, str]]:
    """The first messages by one medium: what leaves if everybody answers."""
    return [
        (one, send.part, send.language)
        for one in full.people
        for send in one.plan.sends
        if send.action is Action.MESSAGE and one.people.media[send.way] is medium
    ]


def _load(full: plan.FullPlan, medium: Medium, known: context.Context) -> Load:
    sends = _first(full, medium)
    sender = full.senders[medium]
    wording = Wording()
    total = sum(
        units(
            wording.first(
                full.issue,
                medium,
                part,
                language,
                known.home(full.issue.municipality_id, next((group for group, _ in one.people.groups), None), sender.id),
            )
        )
        for one, part, language in sends
    )
    return Load(
        medium=medium,
        people=len({one.person.person_id for one, _, _ in sends}),
        messages=len(sends),
        units=total,
        price=total * sender.price,
        seconds=seconds_to_send(total, sender.pace_per_second, sender.pace_burst),
        two_way=sender.two_way,
    )
