"""The plan of a class: who, what, when, and why not."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from messages.alert import Act, Alert, Area, Gravity, Kind, Severity, Urgency
from messages.form import Medium, Part
from messages.languages import Why
from relay.model import Action, BadInput, Hours, LeftOut, PersonClass, Place, PlannedSend, Policy, Step, WaitFor
from relay.routing import DEFAULT_POLICY, deputy_turn, earliest, plan_class, plan_deputy

OSLO = ZoneInfo("Europe/Oslo")
SMS, WHATSAPP, EMAIL = Medium.SMS, Medium.WHATSAPP, Medium.EMAIL
HERE = Place(number="9901", name="Fjordvik", point=None)
NOON = datetime(2026, 11, 23, 12, tzinfo=OSLO)
EVENING = datetime(2026, 11, 23, 22, tzinfo=OSLO)
ALERT = Alert(number=12, kind=Kind.ACTUAL, severity=Severity.MODERATE, sent_at=NOON)
GRAVE = replace(ALERT, severity=Severity.SEVERE, urgency=Urgency.IMMEDIATE)
PERSON = PersonClass(
    groups=((1, "ti"),),
    languages=("ti",),
    media=(SMS, EMAIL),
    agreed_on=date(2026, 1, 1),
    adult_confirmed=True,
)
DEPUTY = replace(PERSON, is_deputy=True)
ALL = ("nb", "en", "ti", "ar")


def sends(
    alert: Alert = ALERT, people: PersonClass = PERSON, now: datetime = NOON, available: tuple[str, ...] = ALL
) -> tuple[PlannedSend, ...]:
    return plan_class(alert, people, DEFAULT_POLICY, HERE, available, now).sends


def minutes(planned: tuple[PlannedSend, ...], start: datetime = NOON) -> list[tuple[str, int, str, int]]:
    return [(s.action.value, s.way, s.part.value, round((s.due_at - start) / timedelta(minutes=1))) for s in planned]


# --- who ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({"agreed_on": None}, LeftOut.NO_AGREEMENT),
        ({"agreed_on": date(2026, 11, 24)}, LeftOut.AGREEMENT_LATER),
        ({"agreed_on": date(2026, 11, 23), "agreed_until": date(2026, 11, 23)}, None),
        ({"agreed_until": date(2026, 11, 22)}, LeftOut.AGREEMENT_ENDED),
        ({"adult_confirmed": False}, LeftOut.AGE_NOT_CONFIRMED),
        ({"paused": True}, LeftOut.PAUSED),
        ({"paused_until": NOON + timedelta(seconds=1)}, LeftOut.PAUSED),
        ({"paused_until": NOON}, None),
        ({"paused": True, "paused_until": NOON - timedelta(days=1)}, None),
        ({"media": ()}, LeftOut.NO_USABLE_ADDRESS),
        ({"media": (), "has_address": False}, LeftOut.NO_ADDRESS),
    ],
)
def test_who_is_left_out_and_why(changes: dict[str, object], reason: LeftOut | None) -> None:
    for people in (PERSON, DEPUTY):
        plan = plan_class(ALERT, replace(people, **changes), DEFAULT_POLICY, HERE, ALL, NOON - timedelta(hours=2 * people.is_deputy))  # type: ignore[arg-type]
        assert plan.left_out is reason
        assert bool(plan.sends) is (reason is None)


@pytest.mark.parametrize(
    ("alert", "available", "reason"),
    [
        (replace(ALERT, areas=(Area(municipalities=("0301",)),)), ALL, LeftOut.OUTSIDE_AREA),
        (replace(ALERT, areas=(Area(municipalities=("9901",)),)), ALL, None),
        (ALERT, (), LeftOut.NO_TEXT),
        (replace(ALERT, expires_at=NOON), ALL, LeftOut.ENDS_FIRST),
        (replace(ALERT, expires_at=NOON + timedelta(seconds=1)), ALL, None),
    ],
)
def test_an_alert_can_leave_everybody_out(alert: Alert, available: tuple[str, ...], reason: LeftOut | None) -> None:
    assert plan_class(alert, PERSON, DEFAULT_POLICY, HERE, available, NOON).left_out is reason


def test_who_waits_past_the_end_is_left_out_and_said_so() -> None:
    tonight = replace(ALERT, expires_at=EVENING + timedelta(hours=3))
    assert plan_class(tonight, PERSON, DEFAULT_POLICY, HERE, ALL, EVENING).left_out is LeftOut.ENDS_FIRST


def test_an_agreement_must_hold_when_the_message_goes_not_when_it_is_planned() -> None:
    ends_tonight = replace(PERSON, agreed_until=date(2026, 11, 23))
    begins_tomorrow = replace(PERSON, agreed_on=date(2026, 11, 24))
    assert plan_class(ALERT, ends_tonight, DEFAULT_POLICY, HERE, ALL, EVENING).left_out is LeftOut.AGREEMENT_ENDED
    assert plan_class(ALERT, begins_tomorrow, DEFAULT_POLICY, HERE, ALL, EVENING).left_out is None


# --- updates, withdrawal, end -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("act", [Act.WITHDRAW, Act.OVER])
@pytest.mark.parametrize("people", [PERSON, DEPUTY, replace(PERSON, paused=True), replace(PERSON, agreed_until=date(2026, 11, 1))])
def test_a_correction_goes_at_once_to_who_got_the_original_and_to_no_one_else(act: Act, people: PersonClass) -> None:
    correction = replace(ALERT, act=act, areas=(Area(municipalities=("0301",)),))
    plan = plan_class(correction, people, DEFAULT_POLICY, HERE, ALL, EVENING, follows=True)
    assert minutes(plan.sends, EVENING) == [
        ("message", 0, "forward", 0),
        ("message", 0, "ask", 0),
        ("other_channel", 1, "letter", 5),
    ]
    assert plan.pierced is WaitFor.QUIET_HOURS
    assert plan_class(correction, people, DEFAULT_POLICY, HERE, ALL, EVENING).left_out is LeftOut.NEVER_GOT_ORIGINAL


def test_an_update_goes_to_the_new_ones_too_and_out_of_its_area_to_who_got_the_original() -> None:
    elsewhere = replace(ALERT, act=Act.UPDATE, areas=(Area(municipalities=("0301",)),))
    assert plan_class(elsewhere, PERSON, DEFAULT_POLICY, HERE, ALL, NOON, follows=True).left_out is None
    assert plan_class(elsewhere, PERSON, DEFAULT_POLICY, HERE, ALL, NOON).left_out is LeftOut.OUTSIDE_AREA
    assert plan_class(replace(elsewhere, areas=()), PERSON, DEFAULT_POLICY, HERE, ALL, NOON).left_out is None
    assert plan_class(elsewhere, DEPUTY, DEFAULT_POLICY, HERE, ALL, NOON, follows=True).sends[0].action is Action.MESSAGE


def test_an_exercise_wakes_nobody_not_even_to_be_taken_back() -> None:
    for act in (Act.ISSUE, Act.WITHDRAW):
        exercise = replace(GRAVE, kind=Kind.EXERCISE, act=act)
        plan = plan_class(exercise, PERSON, DEFAULT_POLICY, HERE, ALL, EVENING, follows=act is Act.WITHDRAW)
        assert plan.waits_until == datetime(2026, 11, 24, 7, tzinfo=OSLO)
        assert plan.pierced is None


# --- what, in which language --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("media", "groups", "languages", "available", "bodies"),
    [
        ((SMS,), ["ti"], ["ti"], ALL, ["forward ti", "ask ti"]),
        ((WHATSAPP,), ["ti"], ["ti"], ALL, ["forward ti", "ask ti"]),
        ((EMAIL,), ["ti"], ["ti"], ALL, ["letter ti"]),
        ((SMS,), ["ti", "ar"], ["ti"], ALL, ["forward ti", "forward ar", "ask ti"]),
        ((SMS,), ["ti", "ar"], ["ar"], ALL, ["forward ti", "forward ar", "ask ar"]),
        ((EMAIL,), ["ti", "ar"], ["ti"], ALL, ["letter ti", "letter ar"]),
        # two groups of one language, or with one text between them, are told once
        ((SMS,), ["ti", "ti"], ["ti"], ALL, ["forward ti", "ask ti"]),
        ((SMS,), ["ps", "ckb"], ["ps"], ALL, ["forward nb", "ask nb"]),
        # who passes on to a group in another language than their own
        ((SMS,), ["ar"], ["nb"], ALL, ["forward ar", "ask nb"]),
        ((SMS,), ["ckb"], ["ckb", "ar"], ALL, ["forward ar", "ask ar"]),
        ((SMS,), ["ckb"], ["ckb"], ("en", "ar"), ["forward en", "ask en"]),
        ((SMS,), ["ckb"], ["ckb"], ("ar",), ["forward ar", "ask ar"]),
        # a register with gaps
        ((SMS,), ["ti"], [], ALL, ["forward ti", "ask ti"]),
        ((EMAIL,), [], ["ti"], ALL, ["letter ti"]),
    ],
)
def test_each_medium_carries_a_text_for_each_group_and_one_ask(
    media: tuple[Medium, ...], groups: list[str], languages: list[str], available: tuple[str, ...], bodies: list[str]
) -> None:
    people = replace(PERSON, media=media, groups=tuple(enumerate(groups, 1)), languages=tuple(languages))
    first = [s for s in sends(people=people, available=available) if s.action is Action.MESSAGE]
    assert [f"{s.part} {s.language}" for s in first] == bodies
    reminder = [s for s in sends(people=people, available=available) if s.action is Action.REMIND]
    assert len(reminder) == 1


def test_the_choice_and_its_reason_stand_beside_each_group() -> None:
    people = replace(PERSON, groups=((7, "ti"), (9, "ckb")), languages=("ti", "en"))
    choices = plan_class(ALERT, people, DEFAULT_POLICY, HERE, ("nb", "ti", "en"), NOON).choices
    assert [(group, choice.language, choice.why) for group, choice in choices] == [(7, "ti", Why.OWN), (9, "ti", Why.ACCEPTED)]
    no_tigrinya = plan_class(ALERT, people, DEFAULT_POLICY, HERE, ("nb", "en"), NOON).choices
    assert [(choice.language, choice.why) for _, choice in no_tigrinya] == [("en", Why.ACCEPTED)] * 2


def test_norwegian_is_the_municipalitys_own() -> None:
    people = replace(PERSON, groups=((1, "ps"),), languages=("ps",))
    west = replace(HERE, norwegian="nn")
    plan = plan_class(ALERT, people, DEFAULT_POLICY, west, ("nb", "nn"), NOON)
    assert {s.language for s in plan.sends} == {"nn"}


# --- when ---------------------------------------------------------------------------------------------------------------


def test_the_ladder_of_an_ordinary_alert() -> None:
    people = replace(PERSON, media=(SMS, WHATSAPP, EMAIL), has_deputy=True)
    assert minutes(sends(people=people)) == [
        ("message", 0, "forward", 0),
        ("message", 0, "ask", 0),
        ("remind", 0, "reminder", 30),
        ("other_channel", 1, "forward", 60),
        ("other_channel", 1, "ask", 60),
        ("deputy", -1, "ask", 120),
        ("call", -1, "ask", 180),
    ]


def test_danger_to_life_tries_another_channel_before_it_reminds_and_pierces_the_night() -> None:
    plan = plan_class(GRAVE, PERSON, DEFAULT_POLICY, HERE, ALL, EVENING)
    assert [(action, after) for action, _, _, after in minutes(plan.sends, EVENING)] == [
        ("message", 0),
        ("message", 0),
        ("other_channel", 5),
        ("remind", 10),
        ("call", 20),
    ]
    assert plan.pierced is WaitFor.QUIET_HOURS
    assert plan.wait is None
    assert {s.pierced for s in plan.sends} == {WaitFor.QUIET_HOURS}


def test_the_minutes_of_a_plan_are_real_ones_when_the_clocks_are_turned() -> None:
    for text in ("2026-10-25 02:50", "2027-03-28 01:50"):
        night = datetime.fromisoformat(text).replace(tzinfo=OSLO)
        planned = sends(GRAVE, now=night)
        assert [(s.due_at - night.astimezone(UTC)) // timedelta(minutes=1) for s in planned] == [0, 0, 5, 10, 20]


def test_without_a_second_channel_there_is_none() -> None:
    assert Action.OTHER_CHANNEL not in {s.action for s in sends(people=replace(PERSON, media=(EMAIL,)))}


def test_each_further_step_takes_the_next_channel() -> None:
    again = Step(position=9, action=Action.OTHER_CHANNEL, after_minutes={Gravity.STANDARD: 90})
    policy = replace(DEFAULT_POLICY, steps=(*DEFAULT_POLICY.steps, again))
    plan = plan_class(ALERT, replace(PERSON, media=(SMS, WHATSAPP, EMAIL)), policy, HERE, ALL, NOON)
    assert [s.way for s in plan.sends if s.part in (Part.FORWARD, Part.LETTER)] == [0, 1, 2]


def test_after_the_night_the_steps_keep_their_distance() -> None:
    planned = sends(now=datetime(2026, 11, 23, 20, 45, tzinfo=OSLO))
    seven = datetime(2026, 11, 24, 7, tzinfo=OSLO)
    assert [(s.action, s.due_at, s.wait) for s in planned][2:] == [
        (Action.REMIND, seven, WaitFor.QUIET_HOURS),
        (Action.OTHER_CHANNEL, seven + timedelta(minutes=30), None),
        (Action.CALL, seven + timedelta(minutes=150), None),
    ]


def test_who_waits_is_listed_with_the_time_and_the_reason() -> None:
    employee = replace(PERSON, working=Hours(time(8), time(16)))
    early = replace(PERSON, quiet=Hours(time(20), time(9)))
    for people, until, why in [
        (PERSON, 7, WaitFor.QUIET_HOURS),
        (employee, 8, WaitFor.WORKING_HOURS),
        (early, 9, WaitFor.QUIET_HOURS),
    ]:
        plan = plan_class(ALERT, people, DEFAULT_POLICY, HERE, ALL, EVENING)
        assert (plan.waits_until, plan.wait) == (datetime(2026, 11, 24, until, tzinfo=OSLO), why)
        assert plan.sends[0].due_at == plan.waits_until
        assert plan.sends[0].wait is why


def test_no_step_at_or_after_the_end() -> None:
    ends = replace(ALERT, expires_at=NOON + timedelta(minutes=60))
    assert [s.action for s in sends(ends)] == [Action.MESSAGE, Action.MESSAGE, Action.REMIND]


# --- deputies -----------------------------------------------------------------------------------------------------------


def test_a_principal_says_when_and_the_deputys_own_class_says_how() -> None:
    late = datetime(2026, 11, 23, 18, 30, tzinfo=OSLO)
    principal = replace(PERSON, has_deputy=True, quiet=Hours(time(23), time(6)))
    [turn] = [s for s in sends(people=principal, now=late) if s.action is Action.DEPUTY]
    assert (turn.way, turn.due_at) == (-1, late + timedelta(hours=2))
    early_to_bed = replace(DEPUTY, media=(EMAIL, SMS), quiet=Hours(time(20), time(8)))
    plan = plan_deputy(ALERT, early_to_bed, DEFAULT_POLICY, HERE, ALL, asked_at=turn.due_at)
    assert [(s.action, s.way, s.part, s.due_at) for s in plan.sends] == [
        (Action.DEPUTY, 0, Part.LETTER, datetime(2026, 11, 24, 8, tzinfo=OSLO)),
    ]
    assert plan.wait is WaitFor.QUIET_HOURS


def test_a_deputy_class_alone_is_asked_as_if_its_principal_got_the_message_now() -> None:
    assert minutes(sends(people=DEPUTY)) == [("deputy", 0, "forward", 120), ("deputy", 0, "ask", 120)]
    minor = replace(ALERT, severity=Severity.MINOR)
    assert plan_class(minor, DEPUTY, DEFAULT_POLICY, HERE, ALL, NOON).left_out is LeftOut.NOT_ASKED


@pytest.mark.parametrize(
    ("changes", "turn"),
    [
        ({}, NOON + timedelta(hours=2)),
        ({"has_deputy": False}, None),
        ({"paused": True}, NOON),
        ({"agreed_until": date(2026, 11, 1)}, NOON),
        ({"media": ()}, NOON),
        ({"quiet": Hours(time(8), time(20))}, NOON),
        ({"agreed_on": None}, None),
        ({"adult_confirmed": False}, None),
    ],
)
def test_the_deputy_of_somebody_absent_is_asked_at_once(changes: dict[str, object], turn: datetime | None) -> None:
    today = replace(ALERT, expires_at=NOON + timedelta(hours=6))
    principal = replace(PERSON, **{"has_deputy": True, **changes})  # type: ignore[arg-type]
    assert deputy_turn(plan_class(today, principal, DEFAULT_POLICY, HERE, ALL, NOON), NOON) == turn


def test_a_row_pulled_forward_at_night_waits_for_the_morning_unless_lives_are_at_stake() -> None:
    moment = earliest(ALERT, DEPUTY, DEFAULT_POLICY, HERE, EVENING)
    assert (moment.at, moment.wait) == (datetime(2026, 11, 24, 7, tzinfo=OSLO), WaitFor.QUIET_HOURS)
    grave = earliest(GRAVE, DEPUTY, DEFAULT_POLICY, HERE, EVENING)
    assert (grave.at, grave.wait, grave.pierced) == (EVENING.astimezone(UTC), None, WaitFor.QUIET_HOURS)


@pytest.mark.parametrize(
    "steps",
    [(), (Step(position=0, action=Action.MESSAGE, after_minutes={Gravity.STANDARD: 5}),), DEFAULT_POLICY.steps[1:]],
)
def test_a_policy_that_does_not_begin_with_the_message_is_refused(steps: tuple[Step, ...]) -> None:
    with pytest.raises(BadInput, match="«odd» does not begin with the message at STANDARD"):
        plan_class(ALERT, PERSON, Policy(name="odd", steps=steps), HERE, ALL, NOON)
