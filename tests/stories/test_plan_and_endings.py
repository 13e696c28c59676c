"""Plans that grow after the release, updates that are taken back, senders that stand still: nobody is forgotten, and nobody is chased."""

from datetime import date, time
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from channels.base import Pace, Reason
from channels.sandbox.faults import Fault
from messages.alert import Act
from messages.form import Medium
from messages.frames import say
from relay import running
from relay.model import AlertState, BadInput, NotAllowed, NotFound, Rung, SparedBy, TaskKind
from relay.store import register, tasks
from relay.store.alerts import issue
from relay.store.person import stories
from relay.store.tables import ResourcePerson, Sender, alert as alerts, task
from tests.stories.arrange import change, rows, sender, sends, texts
from tests.stories.town import FAST, ON_SQLITE, SMS_SENDER, Town, new

pytestmark = ON_SQLITE
WATER = {"so": "KARI BIYAHA", "nb": "KOK VANNET"}
NEWS = {"so": "BIYAHA WAA NADIIF", "nb": "NYTT"}


async def approved(town: Town, before: int | None = None, *, act: Act = Act.UPDATE, **more: Any) -> int:
    """Write a draft, or one that follows `before`, and let a second person approve it."""
    alert = await town.draft(WATER if before is None else NEWS, act=Act.ISSUE if before is None else act, **more)
    await change(town, update(alerts).where(alerts.c.id == alert).values(replaces_id=before))
    await town.relay.approve(town.municipality_id, alert, "Ola")
    return alert


async def follow_up(town: Town, before: int, **more: Any) -> int:
    """Release an update of `before`, and let what is due leave."""
    alert = await approved(town, before, **more)
    await town.relay.release(town.municipality_id, alert, "Ola")
    await town.settle()
    return alert


async def release_again(town: Town, alert: int) -> None:
    """Release an alert once more, and let what is due leave."""
    await town.relay.release(town.municipality_id, alert, "Ola")
    await town.settle()


def official(status: str, scope: str = "Public") -> str:
    """Return a CAP message of that status."""
    addresses = "<addresses>a</addresses>" if scope == "Private" else ""
    return f"""<?xml version="1.0" encoding="UTF-8"?><alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">
<identifier>1</identifier><sender>vakt@etat.test</sender><sent>2026-11-23T17:50:00+01:00</sent><status>{status}</status>
<msgType>Alert</msgType><scope>{scope}</scope>{addresses}<info><language>no</language><category>Health</category><event>Kok vannet</event>
<urgency>Immediate</urgency><severity>Severe</severity><certainty>Observed</certainty><expires>2026-11-24T17:50:00+01:00</expires>
<headline>Kok vannet</headline><description>Vannet er forurenset.</description><instruction>Kok vannet.</instruction>
<area><areaDesc>Sentrum</areaDesc></area></info></alert>"""


async def states(town: Town) -> list[tuple[int, str]]:
    """Return every alert's number and state."""
    return [(row.number, row.state) for row in await rows(town, select(alerts).order_by(alerts.c.number))]


async def open_sender(town: Town, address: str) -> None:
    """Give the municipality one more SMS sender."""
    values = {"municipality_id": town.municipality_id, "channel": Medium.SMS, "provider": "twilio_sms", "account": "twilio"}
    await change(town, insert(Sender).values(values | {"address": address, "contents": {}} | FAST | town._audit()))


# --- updates and withdrawals ------------------------------------------------------------------------------------------


async def test_whoever_holds_the_first_alert_hears_that_its_update_is_withdrawn(town: Town) -> None:
    ayan = await town.person("Ayan", "so")
    first = await town.issue(WATER, grave=False)
    await town.passes(hours=3, minutes=30)
    second = await follow_up(town, first, grave=False)
    assert len(texts(new(ayan.phone))) == 3  # the first, its question and one reminder: the update waits for the morning
    await town.relay.correct(town.municipality_id, second, Act.WITHDRAW, "Kari")
    await town.passes(hours=14)
    assert texts(new(ayan.phone)) != []


async def to_ring_about(town: Town) -> set[int]:
    """Return which alerts somebody is asked to get to people."""
    asked = (task.c.kind.in_(tasks.OF_ALERT), task.c.done_at.is_(None))
    return {row.alert_id for row in await rows(town, select(task.c.alert_id).where(*asked))}


async def test_nobody_is_asked_to_ring_about_what_has_been_replaced_or_withdrawn(town: Town) -> None:
    """What asks for it ends with the alert. Who cannot be written to is rung about no. 2, as they were about no. 1, until it ends."""
    await town.person("Ayan", "so")
    town.sandbox.order(Fault(kind="refuse", code=21211))
    first = await town.issue(WATER)
    await town.passes(minutes=25)
    assert set(await town.tasks()) >= tasks.OF_ALERT
    second = await follow_up(town, first)
    ended = select(task.c.outcome).where(task.c.alert_id == first, task.c.kind.in_(tasks.OF_ALERT))
    assert {row.outcome for row in await rows(town, ended)} == {tasks.OVER}
    await town.passes(minutes=25)
    assert await to_ring_about(town) == {second}
    await town.relay.correct(town.municipality_id, second, Act.WITHDRAW, "Kari")
    await town.passes(minutes=25)
    assert await to_ring_about(town) == set()


async def test_a_call_that_an_update_had_ended_is_asked_for_again_when_the_update_is_cancelled(town: Town) -> None:
    """Nothing had left of the update: whom nobody has heard from is to be rung after all."""
    await town.person("Ayan", "so")
    first = await town.issue(WATER)
    await town.passes(minutes=25)
    assert await town.tasks() == [TaskKind.CALL]
    second = await approved(town, first)
    await town.relay.release(town.municipality_id, second, "Ola")
    assert await town.tasks() == []
    assert await town.relay.cancel(town.municipality_id, second, "Kari") is None
    assert await town.tasks() == [TaskKind.CALL]


async def test_whom_an_update_was_to_be_rung_about_is_rung_about_the_first_alert_when_it_is_undone(town: Town) -> None:
    await town.person("Ayan", "so")
    town.sandbox.order(Fault(kind="refuse", code=21211))
    first = await town.issue(WATER)
    second = await approved(town, first)
    await town.relay.release(town.municipality_id, second, "Ola")
    assert await to_ring_about(town) == {second}
    async with town.store.write() as conn:
        await running.undo(conn, town.municipality_id, second, "Ola", town.clock.now())
    assert await to_ring_about(town) == {first}


async def test_an_update_of_which_nothing_left_is_cancelled_and_the_first_alert_is_in_force_again(town: Town) -> None:
    ayan = await town.person("Ayan", "so", quiet_from=time(17), quiet_to=time(7))
    bilan = await town.person("Bilan", "so")
    first = await town.issue(WATER, grave=False)
    await bilan.phone.says("2")
    await town.settle()
    second = await approved(town, first, grave=False)
    await town.passes(hours=3, minutes=30)
    await release_again(town, second)
    assert await states(town) == [(1, AlertState.REPLACED), (2, AlertState.RELEASED)]
    assert await town.relay.cancel(town.municipality_id, second, "Kari") is None
    assert await states(town) == [(1, AlertState.RELEASED), (2, AlertState.WITHDRAWN)]
    new(bilan.phone)
    await town.passes(hours=14)
    assert "KARI BIYAHA" in "\n".join(texts(new(ayan.phone)))
    assert texts(new(bilan.phone)) == []


async def test_of_two_updates_of_the_same_alert_the_second_replaces_the_first(town: Town) -> None:
    await town.person("Ayan", "so")
    first = await town.issue(WATER)
    second, third = [await approved(town, first) for _ in range(2)]
    await release_again(town, second)
    await release_again(town, third)
    assert await states(town) == [(1, AlertState.REPLACED), (2, AlertState.REPLACED), (3, AlertState.RELEASED)]
    async with town.store.read() as conn:
        assert (await issue(conn, town.municipality_id, third)).alert.replaces == 2


async def test_a_sixth_open_alert_is_refused_and_one_that_is_over_makes_room(town: Town) -> None:
    ayan = await town.person("Ayan", "so")
    open_ones = [await town.issue(WATER) for _ in range(5)]
    sixth = await approved(town)
    with pytest.raises(NotAllowed, match=r"no\. 1, no\. 2, no\. 3, no\. 4, no\. 5 are open, .* End one of them"):
        await town.relay.release(town.municipality_id, sixth, "Ola")
    await follow_up(town, open_ones[4])  # an update goes on with its digits
    await town.relay.correct(town.municipality_id, open_ones[1], Act.OVER, "Kari")
    await town.settle()
    await release_again(town, sixth)
    await ayan.phone.says("61")
    await town.settle()
    assert (await town.recipient(sixth, ayan)).rung == Rung.RECEIVED


async def test_an_official_exercise_is_released_and_every_text_of_it_is_marked(town: Town) -> None:
    kari = await town.person("Kari", "nb")
    [taken] = await town.relay.take(town.municipality_id, official("Exercise").encode(), "Kari")
    assert (taken.never_real, "as an exercise, never as a real message" in taken.notes[0]) == ("", True)
    await town.relay.approve(town.municipality_id, taken.alert_id, "Ola")
    assert await town.relay.release(town.municipality_id, taken.alert_id, "Ola", inside=True) > 0
    await town.settle()
    mark, got = say("nb", "mark.exercise"), texts(new(kari.phone))
    assert [(text.startswith(mark), text.endswith(mark)) for text in got] == [(True, True)] * 2


@pytest.mark.parametrize(("status", "scope"), [("Test", "Public"), ("Draft", "Public"), ("System", "Public"), ("Exercise", "Private")])
async def test_what_is_neither_official_nor_an_open_exercise_is_never_released(town: Town, status: str, scope: str) -> None:
    await town.person("Kari", "nb")
    [taken] = await town.relay.take(town.municipality_id, official(status, scope).encode(), "Kari")
    await town.relay.approve(town.municipality_id, taken.alert_id, "Ola")
    with pytest.raises(NotAllowed, match=r"cannot be released"):
        await town.relay.release(town.municipality_id, taken.alert_id, "Ola", inside=True)


# --- what the duty officer asks ---------------------------------------------------------------------------------------


async def test_what_happened_with_one_person(town: Town) -> None:
    ayan = await town.person("Ayan Warsame", "so")
    await town.person("Bilan", "so", agreed_on=None)
    alert = await town.issue(WATER)
    await ayan.phone.says("3 40")
    await town.settle()
    async with town.store.read() as conn:
        [story] = await stories(conn, alert, "warsame")
        names = [(one.name, one.left_out, len(one.messages)) for one in await stories(conn, alert)]
    assert (story.group, story.rung) == ("so", "passed_on")
    assert [(meaning, people) for _, meaning, people in story.answers] == [("passed_on", 40)]
    sent = [(one.action, one.state, one.evidence, one.why) for one in story.messages]
    assert sent[:2] == [("message", "DONE", "DELIVERED", "")] * 2
    assert ("remind", "SPARED", "untried", "own answer") in sent
    assert names == [("Ayan Warsame", "", len(story.messages)), ("Bilan", "no_agreement", 0)]


async def test_why_somebody_was_not_reached(town: Town) -> None:
    ayan = await town.person("Ayan", "so")
    town.sandbox.order(Fault(kind="refuse", code=21211))
    alert = await town.issue(WATER)
    async with town.store.read() as conn:
        [story] = await stories(conn, alert, "ayan")
    assert story.messages[0].state == "FAILED"
    assert story.messages[0].why == Reason.ADDRESS_INVALID.words
    assert story.answers == ()
    assert texts(new(ayan.phone)) == []


async def test_a_task_is_done_once(town: Town) -> None:
    await town.person("Ayan", "so")
    await stopped(town)
    async with town.store.write() as conn:
        [task] = await tasks.listed(conn, town.municipality_id)
        assert (task.kind, task.number, task.person) == ("sender", None, None), "it is about the house, and about no person"
        await tasks.done(conn, town.municipality_id, task.id, "Kari", town.clock.now(), outcome="rang the provider")
        assert await tasks.listed(conn, town.municipality_id) == []
        with pytest.raises(NotAllowed, match=r"done by Kari already"):
            await tasks.done(conn, town.municipality_id, task.id, "Ola", town.clock.now())
        with pytest.raises(NotFound, match=r"no task 99"):
            await tasks.done(conn, town.municipality_id, 99, "Ola", town.clock.now())


# --- releasing again --------------------------------------------------------------------------------------------------


async def test_whoever_was_left_out_and_may_be_reached_now_is_written_to_heard_and_counted(town: Town) -> None:
    ayan = await town.person("Ayan", "so", adult_confirmed_on=None)
    await town.person("Bilan", "so")
    alert = await town.issue(WATER)
    before = (await town.reach(alert)).totals
    assert (before.people, before.planned, before.skipped, texts(new(ayan.phone))) == (2, 1, 1, [])
    await change(town, update(ResourcePerson).where(ResourcePerson.id == ayan.id).values(adult_confirmed_on=date(2026, 11, 1)))
    await release_again(town, alert)
    assert len(new(ayan.phone)) == 2
    await ayan.phone.says("2")
    await town.settle()
    row = await town.recipient(alert, ayan)
    assert (row.rung, row.left_out, row.language) == (Rung.WILL_PASS, "", "so")
    reach = await town.reach(alert)
    for numbers in (reach.totals, reach.groups[0]):
        assert (numbers.people, numbers.planned, numbers.skipped, numbers.delivered, numbers.acknowledged) == (2, 2, 0, 2, 1)


async def test_releasing_again_does_not_chase_whoever_has_answered(town: Town) -> None:
    ayan = await town.person("Ayan", "so", by=(Medium.SMS, Medium.EMAIL))
    alert = await town.issue(WATER)
    await ayan.phone.says("2")
    await ayan.phone.says("STOPP")
    await town.settle()
    new(ayan.phone)
    await release_again(town, alert)
    await town.passes(hours=1)
    assert ayan.mailbox is not None
    assert texts(new(ayan.mailbox)) == []
    assert "call" not in await town.tasks()


async def test_releasing_again_leaves_a_met_quorum_in_peace(town: Town) -> None:
    await town.group("so", quorum=1)
    ayan, bilan = [await town.person(name, "so") for name in ("Ayan", "Bilan")]
    alert = await town.issue(WATER)
    await ayan.phone.says("2")
    await town.settle()
    dalmar = await town.person("Dalmar", "so", deputy_of=bilan)
    await release_again(town, alert)
    await town.passes(hours=1)
    assert texts(new(dalmar.phone)) == []
    assert [row.spared_by for row in await sends(town, dalmar)] == [SparedBy.QUORUM] * 2


async def test_a_release_says_how_many_sends_are_new(town: Town) -> None:
    await town.person("Ayan", "so")
    alert = await approved(town)
    assert await town.relay.release(town.municipality_id, alert, "Ola") == 4  # text, question, reminder, call
    assert await town.relay.release(town.municipality_id, alert, "Ola") == 0
    await town.person("Bilan", "so")
    assert await town.relay.release(town.municipality_id, alert, "Ola") == 4


# --- senders ----------------------------------------------------------------------------------------------------------


async def test_a_release_leaves_by_the_newest_sender_that_is_open(town: Town) -> None:
    ayan = await town.person("Ayan", "so")
    await sender(town, Medium.SMS, stopped="NOT_AUTHORISED", stopped_at=town.clock.now())
    await open_sender(town, "+4759449998")
    await open_sender(town, "+4759449999")
    await change(town, update(Sender).where(Sender.address == "+4759449998").values(stopped="NO_CREDIT", stopped_at=town.clock.now()))
    await town.issue(WATER)
    assert {message.sender for message in new(ayan.phone)} == {"+4759449999"}


async def stopped(town: Town) -> None:
    """Let the provider refuse our sender for the next message."""
    town.sandbox.order(Fault(kind="refuse", code=21606, times=1))
    await town.issue(WATER)


async def test_a_second_stop_of_a_sender_that_was_started_again_is_a_task_again(town: Town) -> None:
    await town.person("Ayan", "so")
    await stopped(town)
    assert await town.tasks() == ["sender"]
    async with town.store.write() as conn:
        await register.start_sender(conn, town.municipality_id, SMS_SENDER, register.Stamp("Kari", town.clock.now()))
    assert await town.tasks() == []
    await stopped(town)
    assert await town.tasks() == ["sender"]


@pytest.mark.parametrize("pace", [0.0, -1.0, float("nan"), float("inf")])
async def test_a_sender_without_a_pace_is_refused(town: Town, pace: float) -> None:
    wanted = register.NewSender(medium=Medium.SMS, address="+4759449999", provider="twilio_sms", account="twilio", pace=Pace(pace, 1.0))
    async with town.store.write() as conn:
        with pytest.raises(BadInput, match="The pace is a number above 0"):
            await register.add_sender(conn, town.municipality_id, wanted, register.Stamp("Kari", town.clock.now()))
