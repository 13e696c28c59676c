"""Nights in Sørvik, told by what people see on their phones. Each must fail when the behaviour it names is taken out (test_taken_out)."""

from datetime import time

import pytest

from channels.sandbox.phones import Shown
from messages.alert import Act, Kind
from messages.form import Medium
from messages.frames import say
from relay.model import LeftOut, Rung
from tests.stories.town import SMS_SENDER, Town, new

WATER = {"so": "KARI BIYAHA", "nb": "KOK VANNET", "ti": "ማይ ኣፍልሑ"}


def heads(messages: list[Shown]) -> str:
    """Everything that stands on a screen."""
    return "\n".join(message.text for message in messages)


async def test_a_message_goes_out_is_confirmed_and_counted(town: Town) -> None:
    """Two bodies come, never mixed; a 1 is echoed once and spares the reminder; the numbers say so."""
    ayan = await town.person("Ayan", "so")
    alert = await town.issue(WATER)
    forward, ask = new(ayan.phone)
    assert "KARI BIYAHA" in forward.text
    assert "KARI BIYAHA" not in ask.text
    await ayan.phone.says("1")
    await town.settle()
    assert len(new(ayan.phone)) == 1
    await town.passes(hours=3)
    assert new(ayan.phone) == []
    totals = (await town.reach(alert)).totals
    assert (totals.planned, totals.sent, totals.delivered, totals.acknowledged, totals.relayed) == (1, 1, 1, 1, 0)


async def test_a_quiet_one_is_reminded_and_then_the_deputy_is_asked(town: Town) -> None:
    """Nobody answers: a reminder, then the deputy, and the deputy's yes spares the call list where one is enough."""
    await town.group("so", quorum=1)
    ayan = await town.person("Ayan", "so")
    bilan = await town.person("Bilan", "so", deputy_of=ayan)
    alert = await town.issue(WATER)
    assert len(new(ayan.phone)) == 2
    assert new(bilan.phone) == []
    await town.passes(minutes=11)
    assert len(new(ayan.phone)) == 1
    assert new(bilan.phone) == []
    await town.passes(minutes=5)
    assert "KARI BIYAHA" in heads(new(bilan.phone))
    await bilan.phone.says("2")
    await town.passes(hours=1)
    assert await town.tasks() == []
    assert (await town.recipient(alert, bilan)).rung == Rung.WILL_PASS


async def test_a_met_quorum_spares_the_steps_of_the_group(town: Town) -> None:
    """Two of three say that they pass it on: the third is reminded, but neither deputy nor call list is troubled."""
    ayan, bilan, cali = [await town.person(name, "so") for name in ("Ayan", "Bilan", "Cali")]
    deputy = await town.person("Dalmar", "so", deputy_of=cali)
    await town.issue(WATER)
    await ayan.phone.says("2")
    await bilan.phone.says("3 40 whatsapp")
    await town.passes(minutes=45)
    assert len(new(cali.phone)) == 3
    assert new(deputy.phone) == []
    assert await town.tasks() == []


async def test_a_switched_off_phone_brings_the_next_channel_forward(town: Town) -> None:
    """The operator says *undelivered*: the letter goes at once, not after the policy's minutes."""
    ayan = await town.person("Ayan", "so", by=(Medium.SMS, Medium.EMAIL))
    ayan.phone.off()
    alert = await town.issue(WATER)
    assert ayan.mailbox is not None
    assert "KARI BIYAHA" in heads(new(ayan.mailbox))
    reach = await town.reach(alert)
    assert (reach.totals.sent, reach.totals.failed) == (1, 0)
    assert reach.channels[Medium.SMS].failed == 2


async def test_who_cannot_be_reached_at_all_is_named(town: Town) -> None:
    """Every way is used up: that is listed with its reason, and a person has a task."""
    ayan = await town.person("Ayan", "so")
    ayan.phone.off()
    alert = await town.issue(WATER)
    await town.passes(hours=2)
    reach = await town.reach(alert)
    assert reach.totals.failed == 1
    [(name, why)] = reach.unreachable
    assert name == "Ayan"
    assert "switched off" in why
    assert "unreachable" in await town.tasks()


async def test_two_open_alerts_and_a_bare_digit(town: Town) -> None:
    """A bare digit fits both: it counts for neither, and one question comes back. The second alert's own digits bind it."""
    ayan = await town.person("Ayan", "so")
    water = await town.issue(WATER, topic="vann")
    slide = await town.issue({"so": "KA BAX", "nb": "GÅ UT"}, topic="skred")
    assert "\n61 " in heads(new(ayan.phone))
    await ayan.phone.says("1")
    await town.settle()
    question = heads(new(ayan.phone))
    assert "1 (vann): 01" in question
    assert "2 (skred): 61" in question
    assert [(await town.recipient(one, ayan)).rung for one in (water, slide)] == [Rung.NONE, Rung.NONE]
    await ayan.phone.says("62")
    await ayan.phone.says("01")
    await town.settle()
    assert [(await town.recipient(one, ayan)).rung for one in (water, slide)] == [Rung.RECEIVED, Rung.WILL_PASS]


async def test_stop_is_obeyed_and_becomes_a_task(town: Town) -> None:
    """STOP ends this channel at once, also for the next alert; START opens it again."""
    ayan = await town.person("Ayan", "so")
    await town.issue(WATER)
    await ayan.phone.says("STOPP")
    await town.settle()
    new(ayan.phone)
    assert "opted_out" in await town.tasks()
    second = await town.issue({"so": "KA BAX", "nb": "GÅ UT"}, topic="skred")
    await town.passes(hours=1)
    assert new(ayan.phone) == []
    assert (await town.recipient(second, ayan)).left_out == LeftOut.NO_USABLE_ADDRESS
    await ayan.phone.says("START", to=SMS_SENDER, channel="sms")
    await town.settle()
    new(ayan.phone)
    await town.issue({"so": "SADDEX", "nb": "TRE"}, topic="strøm")
    assert "SADDEX" in heads(new(ayan.phone))


async def test_four_children_missing_is_no_answer(town: Town) -> None:
    """A digit in a sentence is no answer. Danger is answered at once, the duty officer's phone rings, and the deputy is left alone."""
    ayan = await town.person("Ayan", "so")
    bilan = await town.person("Bilan", "so", deputy_of=ayan)
    alert = await town.issue(WATER)
    new(ayan.phone)
    await ayan.phone.says("4 barn savnet")
    await town.settle()
    [reply] = new(ayan.phone)
    assert all(number in reply.text for number in ("110", "112", "113"))
    assert (await town.recipient(alert, ayan)).rung == Rung.NONE
    assert "danger" in await town.tasks()
    [alarm] = new(town.sandbox.phone("+4799999999"))
    assert "nr. 1" in alarm.text
    assert "Ayan" not in alarm.text
    assert new(bilan.phone) == []


async def test_a_withdrawal_follows_the_message_and_nobody_else(town: Town) -> None:
    """Whoever got it hears that it was wrong, whoever passed it on is asked to say so; who was only waiting hears nothing."""
    ayan, bilan = [await town.person(name, "so") for name in ("Ayan", "Bilan")]
    asleep = await town.person("Cali", "so", quiet_from=time(17), quiet_to=time(19))
    alert = await town.issue(WATER, grave=False)
    await ayan.phone.says("3 40")
    await town.settle()
    new(ayan.phone)
    new(bilan.phone)
    assert new(asleep.phone) == []
    withdrawal = await town.relay.correct(town.municipality_id, alert, Act.WITHDRAW, "Kari")
    await town.passes(hours=5)
    told = heads(new(ayan.phone))
    assert say("so", "act.withdrawn", replaces="1") in told
    assert say("so", "ask.done", answer="3") in told
    read_only = heads(new(bilan.phone))
    assert say("so", "act.withdrawn", replaces="1") in read_only
    assert say("so", "ask.done", answer="3") not in read_only
    assert new(asleep.phone) == []
    assert (await town.recipient(withdrawal, asleep)).left_out == LeftOut.NEVER_GOT_ORIGINAL


async def test_a_shared_number_answers_for_both_and_counts_once(town: Town) -> None:
    """Two people share a phone: an answer is both's, the people they reached are counted once."""
    ayan = await town.person("Ayan", "so", number="+4741999999")
    bilan = await town.person("Bilan", "so", number="+4741999999")
    alert = await town.issue(WATER)
    await ayan.phone.says("3 40")
    await town.settle()
    assert [(await town.recipient(alert, one)).rung for one in (ayan, bilan)] == [Rung.PASSED_ON, Rung.PASSED_ON]
    totals = (await town.reach(alert)).totals
    assert (totals.relayed, totals.reported_reach) == (2, 40)


@pytest.mark.parametrize("language", ["nb", "so", "ti"])
async def test_an_exercise_cannot_look_real(town: Town, language: str) -> None:
    """Its mark is the first and last word of everything, echoes too, and it never breaks quiet hours."""
    ayan = await town.person("Ayan", language, by=(Medium.SMS, Medium.EMAIL))
    asleep = await town.person("Cali", language, quiet_from=time(17), quiet_to=time(19))
    await town.issue(WATER, kind=Kind.EXERCISE)
    await ayan.phone.says("1")
    await town.settle()
    messages = new(ayan.phone)
    assert len(messages) == 3
    mark = say(language, "mark.exercise")
    assert all(message.text.startswith(mark) and message.text.endswith(mark) for message in messages), messages
    assert new(asleep.phone) == []
