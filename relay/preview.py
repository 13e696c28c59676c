"""What a person looks at before release: the plan as it would be written now, and what it costs."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from messages.alert import Alert
from messages.form import Copy, Medium, Part
from relay import sense
from relay.model import Action, AlertState, Home, Issue, Policy
from relay.pace import seconds_to_send
from relay.store import alerts, context, plan, plan_rows
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
class Reading:
    """A text with the words of its frame in a reader's own language: one of the things that phones will show."""

    language: str
    #: of the frame: another one where the reader has no text of their own
    reads: str
    forward: Copy
    ask: Copy
    #: who get it as their first message, by any way, and those of them by SMS
    people: int
    by_sms: int

    @property
    def fallback(self) -> bool:
        """Whether it says that it is not yet in their language."""
        return self.reads != self.language

    @property
    def parts(self) -> int:
        """SMS parts that one person gets."""
        return units(self.forward) + units(self.ask)


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """Everything a person looks at before release; the numbers are those of the plan that release writes."""

    row: AnyRow
    issue: Issue
    full: plan.FullPlan
    loads: tuple[Load, ...]
    #: what the frame says to most readers, to show the texts with
    home: Home
    #: the digits of the answers, as release would choose them now
    legend: int
    readings: tuple[Reading, ...]

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
    site: str = "",
) -> Review:
    """Draw the plan as it would be written now, and count what it costs; `site` is where the pages are, since links cost too."""
    row = await alerts.row_of(conn, municipality_id, alert_id)
    issue = _as_it_leaves(row, await alerts.issue(conn, municipality_id, alert_id, approved_only=row.state != AlertState.DRAFT), now)
    full = await plan.draw(conn, issue, policy, now, inside=inside, wake=wake)
    known = await context.load(conn, [municipality_id], site=site)
    digits = await legend(conn, municipality_id, issue.alert, row.legend)
    loads = tuple(load for medium in full.senders if (load := _load(full, medium, known, digits)))
    sender = full.senders.get(Medium.SMS)
    home = known.home(municipality_id, None, sender.id if sender else None)
    return Review(row=row, issue=issue, full=full, loads=loads, home=home, legend=digits, readings=readings(full, home, digits))


def _as_it_leaves(row: AnyRow, issue: Issue, now: datetime) -> Issue:
    """What is not out yet leaves without the lines whose moment has passed; what is out stands as it left."""
    return issue if row.released_at else replace(issue, alert=sense.timely(issue.alert, now))


async def legend(conn: AsyncConnection, municipality_id: int, alert: Alert, given: int = 0) -> int:
    """Return the digits of the answers as release would choose them now; `given`: those of an alert that is out.

    An update keeps the digits of what it replaces; everything else gets free ones.
    """
    if given:
        return given
    in_force = await alerts.in_force(conn, municipality_id)
    kept = next((int(one.legend) for one in in_force if one.number == alert.replaces), None)
    return kept if kept is not None else await alerts.free_legend(conn, municipality_id) or 0


def readings(full: plan.FullPlan, home: Home, digits: int, only: str = "") -> tuple[Reading, ...]:
    """Return everything that phones will show: each text (or one) to its own readers, then to those who have none.

    Raises RenderError as `render` does.
    """
    people: Counter[tuple[str, str]] = Counter()
    by_sms: Counter[tuple[str, str]] = Counter()
    for lot in full.lots:
        sends = [send for send in lot.plan.sends if send.action is Action.MESSAGE and send.way >= 0]
        for found, counted in ((sends, people), ([send for send in sends if lot.people.media[send.way] is Medium.SMS], by_sms)):
            for pair in {(send.language, plan_rows.frame_language(lot.people, send.language)) for send in found}:
                counted[pair] += len(lot)
    texts = (only,) if only else tuple(sorted(full.issue.variants))
    pairs = dict.fromkeys((*((tag, tag) for tag in texts), *sorted(pair for pair in people if pair[0] in texts)))
    wording = Wording()
    return tuple(
        Reading(
            language=text,
            reads=reads,
            forward=wording.first(full.issue, Medium.SMS, Part.FORWARD, text, home, reads=reads, legend=digits),
            ask=wording.first(full.issue, Medium.SMS, Part.ASK, text, home, reads=reads, legend=digits),
            people=people[text, reads],
            by_sms=by_sms[text, reads],
        )
        for text, reads in pairs
    )


def _first(lot: plan.Lot, medium: Medium) -> list[tuple[Part, str]]:
    """The first messages by one medium to each of like people: what leaves if everybody answers."""
    return [(send.part, send.language) for send in lot.plan.sends if send.action is Action.MESSAGE and lot.people.media[send.way] is medium]


def _load(full: plan.FullPlan, medium: Medium, known: context.Context, digits: int) -> Load | None:
    """Return what a channel has to send; None: nothing."""
    sender, wording = full.senders[medium], Wording()
    first = [(lot, sends) for lot in full.lots if (sends := _first(lot, medium))]
    total = sum(
        len(lot)
        * units(
            wording.first(
                full.issue,
                medium,
                part,
                language,
                known.home(full.issue.municipality_id, next((group for group, _ in lot.people.groups), None), sender.id),
                reads=plan_rows.frame_language(lot.people, language),
                legend=digits,
                again=lot.had_passed_on,
            )
        )
        for lot, sends in first
        for part, language in sends
    )
    if not first:
        return None
    return Load(
        medium=medium,
        people=sum(len(lot) for lot, _ in first),
        messages=sum(len(lot) * len(sends) for lot, sends in first),
        units=total,
        price=total * sender.price,
        seconds=seconds_to_send(total, sender.pace_per_second, sender.pace_burst),
        two_way=sender.two_way,
    )
