"""What holds for every plan, whoever it is for and whenever it is made."""

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, strategies as st

from messages.alert import Act, Alert, Area, Kind, Severity, Urgency
from messages.form import Medium, Part
from relay.model import Action, ClassPlan, Hours, PersonClass, Place
from relay.routing import CORRECTIONS, DEFAULT_POLICY, plan_class, steps_for

OSLO = ZoneInfo("Europe/Oslo")
TAGS = ("nb", "nn", "en", "ti", "ar", "ckb")
#: around an ordinary night, and the two in which the clocks are turned
EVENINGS = (datetime(2026, 11, 23, 16, tzinfo=UTC), datetime(2026, 10, 24, 16, tzinfo=UTC), datetime(2027, 3, 27, 16, tzinfo=UTC))

moments = st.builds(lambda start, minutes: start + timedelta(minutes=minutes), st.sampled_from(EVENINGS), st.integers(0, 4000))
walls = st.builds(time, st.integers(0, 23), st.sampled_from([0, 30]))
#: stretches of at most half a day, so that duty and quiet hours leave some time
hours = st.builds(lambda start, length: Hours(time(start), time((start + length) % 24)), st.integers(0, 23), st.integers(1, 12))
tags = st.sampled_from(TAGS)
days = st.none() | st.dates(date(2026, 1, 1), date(2027, 12, 31))

people_classes = st.builds(
    PersonClass,
    groups=st.lists(st.tuples(st.integers(1, 9), tags), max_size=3, unique_by=lambda group: group[0]).map(tuple),
    languages=st.lists(tags, min_size=1, max_size=3, unique=True).map(tuple),
    media=st.lists(st.sampled_from(Medium), max_size=3).map(tuple),
    has_address=st.booleans(),
    agreed_on=st.sampled_from([date(2026, 1, 1), date(2026, 1, 1), None, date(2026, 10, 25)]),
    agreed_until=days,
    adult_confirmed=st.sampled_from([True, True, True, False]),
    paused=st.sampled_from([False, False, False, True]),
    paused_until=st.none() | moments,
    quiet=st.none() | hours,
    working=st.none() | st.none() | hours,
    is_deputy=st.booleans(),
    has_deputy=st.booleans(),
)
alerts = st.builds(
    Alert,
    number=st.just(12),
    kind=st.sampled_from([Kind.ACTUAL, Kind.ACTUAL, Kind.EXERCISE]),
    act=st.sampled_from(Act),
    severity=st.sampled_from(Severity),
    urgency=st.sampled_from(Urgency),
    areas=st.sampled_from([(), (), (Area(municipalities=("9901",)),), (Area(municipalities=("0301",)),)]),
    sent_at=st.just(EVENINGS[0]),
    expires_at=st.none() | moments.map(lambda at: at + timedelta(hours=12)),
)
places = st.builds(Place, number=st.just("9901"), name=st.just("Fjordvik"), point=st.none(), quiet=st.none() | hours)
texts = st.sets(tags).map(sorted)
questions = st.tuples(alerts, people_classes, places, texts, moments, st.booleans())
Question = tuple[Alert, PersonClass, Place, list[str], datetime, bool]


def ask(question: Question) -> ClassPlan:
    alert, people, place, available, now, follows = question
    return plan_class(alert, people, DEFAULT_POLICY, place, available, now, follows=follows)


def quiet_at(at: datetime, stretch: Hours) -> bool:
    """Read the clock on the wall by another rule than the house does: minutes since quiet began."""
    wall = at.astimezone(OSLO)
    since = (wall.hour * 60 + wall.minute - stretch.start.hour * 60 - stretch.start.minute) % 1440
    length = (stretch.end.hour * 60 + stretch.end.minute - stretch.start.hour * 60 - stretch.start.minute) % 1440
    return since < length


@given(questions)
def test_everybody_gets_something_or_a_reason(question: Question) -> None:
    plan = ask(question)
    assert bool(plan.sends) is (plan.left_out is None)
    assert plan == ask(question)


@given(questions)
def test_every_step_is_planned_once_for_each_way_and_text(question: Question) -> None:
    alert, people, *_ = question
    plan = ask(question)
    times = Counter((send.step, send.way, send.part, send.language) for send in plan.sends)
    assert set(times.values()) <= {1}
    assert all(-1 <= send.way < len(people.media) for send in plan.sends)
    asks = Counter(send.step for send in plan.sends if send.part is Part.ASK)
    assert set(asks.values()) <= {1}
    known = {step.position: step.action for _, step in steps_for(DEFAULT_POLICY, alert.gravity, alert.act)}
    assert all(known[send.step] is send.action for send in plan.sends)


@given(questions)
def test_what_can_be_planned_is_planned(question: Question) -> None:
    alert, people, _, _, _, follows = question
    plan = ask(question)
    if plan.left_out or alert.expires_at:
        return
    actions = {send.action for send in plan.sends}
    if people.is_deputy and not follows:
        assert actions == {Action.DEPUTY}
        return
    wanted = {step.action for _, step in steps_for(DEFAULT_POLICY, alert.gravity, alert.act)}
    impossible = {Action.OTHER_CHANNEL} if len(people.media) == 1 else set()
    impossible |= set() if people.has_deputy or people.is_deputy else {Action.DEPUTY}
    assert actions == wanted - impossible


@given(questions)
def test_nothing_falls_in_quiet_hours_unless_it_pierces_them(question: Question) -> None:
    alert, people, place, *_ = question
    plan = ask(question)
    stretch = people.quiet or place.quiet
    for send in plan.sends:
        if stretch and people.working is None and quiet_at(send.due_at, stretch):
            assert send.pierced
            assert alert.kind is Kind.ACTUAL
            assert alert.act in CORRECTIONS or alert.gravity in DEFAULT_POLICY.pierces
        assert not (send.pierced and send.wait)


@given(questions)
def test_an_employee_is_written_to_on_weekdays_alone_unless_it_pierces(question: Question) -> None:
    _, people, *_ = question
    for send in ask(question).sends:
        if people.working and people.working.start < people.working.end and not send.pierced:
            local = send.due_at.astimezone(OSLO)
            assert local.weekday() < 5
            assert people.working.start <= local.time() < people.working.end


@given(questions)
def test_the_plan_is_in_order_and_ends_with_the_alert(question: Question) -> None:
    alert, _, _, _, now, _ = question
    times = [send.due_at for send in ask(question).sends]
    assert times == sorted(times)
    assert all(now <= at for at in times)
    assert all(at < alert.expires_at for at in times if alert.expires_at)


@given(questions)
def test_every_text_is_one_that_was_approved(question: Question) -> None:
    _, people, _, available, _, _ = question
    plan = ask(question)
    assert {send.language for send in plan.sends} <= set(available)
    if not plan.left_out:
        assert [group for group, _ in plan.choices] == [group for group, _ in people.groups]
        told = {send.language for send in plan.sends if send.part in (Part.FORWARD, Part.LETTER)}
        assert {choice.language for _, choice in plan.choices} <= told | {send.language for send in plan.sends if not told}
