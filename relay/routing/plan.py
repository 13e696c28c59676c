"""The plan of a class of like people: every send with its own time, or the reason why there is none.

Steps count from the person's own first message. When a step has to wait for quiet or duty hours, the ones after it move along:
at seven in the morning there is a reminder, not a reminder, another channel and a telephone call at once.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from messages.alert import Alert, Kind
from messages.form import Medium, Part
from messages.languages import Choice, choose
from messages.zones import zone_of
from relay.model import Action, ClassPlan, LeftOut, PersonClass, Place, PlannedSend, Policy, Step
from relay.routing.area import inside
from relay.routing.hours import Moment, first_moment
from relay.routing.policy import CORRECTIONS, Timeline, steps_for

#: the way of a send that has no address of the class: a CALL, and a principal's DEPUTY
NO_WAY = -1

#: principals who cannot be asked at all this time: their deputy's turn comes with the alert itself
ABSENT = frozenset({LeftOut.PAUSED, LeftOut.AGREEMENT_ENDED, LeftOut.NO_ADDRESS, LeftOut.NO_USABLE_ADDRESS, LeftOut.ENDS_FIRST})

#: one of a step's messages, and the text it takes
Body = tuple[Part, str]


@dataclass(frozen=True, slots=True)
class _Case:
    """What is asked: this alert, for these people, by this policy, here, in the languages that are approved."""

    alert: Alert
    people: PersonClass
    policy: Policy
    place: Place
    available: Collection[str]

    def steps(self) -> Timeline:
        return steps_for(self.policy, self.alert.gravity, self.alert.act)


@dataclass(frozen=True, slots=True)
class _Texts:
    """Which text each group gets and why, and in which one the person is asked."""

    groups: tuple[tuple[int, Choice], ...]
    own: str

    @property
    def languages(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(choice.language for _, choice in self.groups)) or (self.own,)


def plan_class(
    alert: Alert,
    people: PersonClass,
    policy: Policy,
    place: Place,
    available: Collection[str],
    now: datetime,
    *,
    follows: bool = False,
) -> ClassPlan:
    """Plan everything for a class from `now` on; `available` are the languages of the approved variants.

    `follows` says that they got, or may have got, the alert that this one replaces, withdraws or ends. Then the area no longer
    matters, a deputy is told directly (the store writes them no row of the principal's step), and a correction comes whatever has
    become of the agreement.

    Deputies: a principal's plan holds one DEPUTY send, way -1, which says when the deputy's turn comes (`deputy_turn`). The rows are the
    deputy's own, since only the deputy's class knows the media and the hours: `plan_deputy(..., asked_at=that turn).sends`. For an
    `is_deputy` class this function answers as if its principal's first message went now.
    """
    case = _Case(alert, people, policy, place, available)
    start = now.astimezone(UTC)  # in local time, adding an hour on the night the clocks are turned adds two or none
    steps = case.steps()
    if people.is_deputy and not follows and alert.act not in CORRECTIONS:
        minutes = next((minutes for minutes, step in steps if step.action is Action.DEPUTY), 0)
        return _plan_deputy(case, start + timedelta(minutes=minutes))
    return _plan(case, steps, start, follows=follows)


def plan_deputy(
    alert: Alert, deputy: PersonClass, policy: Policy, place: Place, available: Collection[str], *, asked_at: datetime
) -> ClassPlan:
    """Plan what a deputy gets when the principal's DEPUTY step is due at `asked_at`: the message alone, when the deputy's hours allow."""
    return _plan_deputy(_Case(alert, deputy, policy, place, available), asked_at.astimezone(UTC))


def deputy_turn(principal: ClassPlan, now: datetime) -> datetime | None:
    """Say when a principal's deputy is to be asked: at the DEPUTY step, at once for a principal who is absent, otherwise never."""
    if principal.left_out:
        return now if principal.left_out in ABSENT else None
    return next((send.due_at for send in principal.sends if send.action is Action.DEPUTY), None)


def earliest(alert: Alert, people: PersonClass, policy: Policy, place: Place, wanted: datetime) -> Moment:
    """Find the first time from `wanted` on at which this alert may disturb these people; also for a row that an answer pulls forward."""
    moment = first_moment(wanted, quiet=people.quiet or place.quiet, working=people.working, timezone=place.timezone)
    return Moment(wanted.astimezone(UTC), pierced=moment.wait) if moment.wait and _pierces(alert, policy) else moment


def _pierces(alert: Alert, policy: Policy) -> bool:
    """Exercises and tests never do, not even to take one back."""
    return alert.kind is Kind.ACTUAL and (alert.act in CORRECTIONS or alert.gravity in policy.pierces)


def _plan_deputy(case: _Case, asked_at: datetime) -> ClassPlan:
    own = tuple((0, step) for _, step in case.steps() if step.action is Action.DEPUTY)
    return _plan(case, own, asked_at) if own else ClassPlan(left_out=LeftOut.NOT_ASKED)


def _plan(case: _Case, steps: Timeline, now: datetime, *, follows: bool = False) -> ClassPlan:
    first = earliest(case.alert, case.people, case.policy, case.place, now)
    if reason := _left_out(case, first.at, follows=follows):
        return ClassPlan(left_out=reason)
    texts = _texts(case)
    return ClassPlan(
        choices=texts.groups,
        sends=tuple(_sends(case, steps, texts, now)),
        waits_until=first.at if first.wait else None,
        wait=first.wait,
        pierced=first.pierced,
    )


# --- who ----------------------------------------------------------------------------------------------------------------


def _left_out(case: _Case, at: datetime, *, follows: bool) -> LeftOut | None:
    """Give the first reason why they get nothing when their message would go, or None."""
    alert, people = case.alert, case.people
    correction = alert.act in CORRECTIONS
    if correction and not follows:
        return LeftOut.NEVER_GOT_ORIGINAL
    if not (follows or inside(alert.areas, case.place)):
        return LeftOut.OUTSIDE_AREA
    if not correction and (reason := _not_in_role(people, at, zone_of(case.place.timezone))):
        return reason
    if not people.media:
        return LeftOut.NO_USABLE_ADDRESS if people.has_address else LeftOut.NO_ADDRESS
    if not case.available:
        return LeftOut.NO_TEXT
    return LeftOut.ENDS_FIRST if _is_over(alert, at) else None


def _not_in_role(people: PersonClass, at: datetime, zone: ZoneInfo) -> LeftOut | None:
    today = at.astimezone(zone).date()
    if people.agreed_on is None:
        return LeftOut.NO_AGREEMENT
    if people.agreed_on > today:
        return LeftOut.AGREEMENT_LATER
    if people.agreed_until is not None and people.agreed_until < today:
        return LeftOut.AGREEMENT_ENDED
    if not people.adult_confirmed:
        return LeftOut.AGE_NOT_CONFIRMED
    paused = people.paused if people.paused_until is None else people.paused_until > at
    return LeftOut.PAUSED if paused else None


def _is_over(alert: Alert, at: datetime) -> bool:
    return alert.expires_at is not None and at >= alert.expires_at


# --- what, and in which language ----------------------------------------------------------------------------------------


def _texts(case: _Case) -> _Texts:
    """Choose a text per group: the group's language first, then what the person reads; the ask follows the person's own."""
    people, norwegian = case.people, case.place.norwegian
    groups = tuple((group, choose((language, *people.languages), case.available, norwegian=norwegian)) for group, language in people.groups)
    own = people.languages or tuple(language for _, language in people.groups)
    return _Texts(groups, choose(own, case.available, norwegian=norwegian).language)


def _bodies(people: PersonClass, action: Action, way: int, texts: _Texts) -> tuple[Body, ...]:
    """What a step says: the message, one reminder in their own language, or, where there is no way, only what it is about."""
    if action is Action.REMIND:
        return ((Part.REMINDER, texts.own),)
    if way == NO_WAY:
        return ((Part.ASK, texts.own if action is Action.CALL else texts.languages[0]),)
    return _message(people.media[way], texts)


def _message(medium: Medium, texts: _Texts) -> tuple[Body, ...]:
    """A forward for each text of their groups and one ask; a letter holds both."""
    if medium is Medium.EMAIL:
        return tuple((Part.LETTER, language) for language in texts.languages)
    return (*((Part.FORWARD, language) for language in texts.languages), (Part.ASK, texts.own))


# --- when ---------------------------------------------------------------------------------------------------------------


def _sends(case: _Case, steps: Timeline, texts: _Texts, start: datetime) -> Iterator[PlannedSend]:
    """Lay the steps out in time, the waiting of one (the first as well) moving those after it, until the alert is over."""
    moved = timedelta()
    for minutes, step, way, bodies in _laid(case.people, steps, texts):
        wanted = start + timedelta(minutes=minutes) + moved
        moment = earliest(case.alert, case.people, case.policy, case.place, wanted)
        moved += moment.at - wanted
        if _is_over(case.alert, moment.at):
            return
        for part, language in bodies:
            yield PlannedSend(
                step=step.position,
                action=step.action,
                part=part,
                way=way,
                language=language,
                due_at=moment.at,
                wait=moment.wait,
                pierced=moment.pierced,
            )


def _laid(people: PersonClass, steps: Timeline, texts: _Texts) -> Iterator[tuple[int, Step, int, tuple[Body, ...]]]:
    """Give each step its way and bodies; one that has none (no further channel, no deputy) is not in the plan."""
    others = iter(range(1, len(people.media)))
    for minutes, step in steps:
        way = next(others, None) if step.action is Action.OTHER_CHANNEL else _way(people, step.action)
        if way is not None:
            yield minutes, step, way, _bodies(people, step.action, way, texts)


def _way(people: PersonClass, action: Action) -> int | None:
    if action is Action.DEPUTY and not people.is_deputy:
        return NO_WAY if people.has_deputy else None
    return NO_WAY if action is Action.CALL else 0
