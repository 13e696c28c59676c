"""Nights in Sørvik about time: who is let sleep, what comes too late, what is stopped, corrected and extended."""

import asyncio
from datetime import datetime, time, timedelta

import pytest
from sqlalchemy import select, update

from channels.sandbox.faults import Fault
from channels.sandbox.ledger import Event
from messages.alert import Act, Variant
from messages.form import Medium, Part
from messages.frames import say
from relay.model import AddressState, AlertState, DeliveryState, LeftOut, NotAllowed, Rung, SparedBy, TaskKind
from relay.store import alerts, keep
from relay.store.register import Stamp
from relay.store.tables import Address, alert as alert_table, task
from tests.stories.arrange import change, rows, sender, sends, texts
from tests.stories.town import ON_SQLITE, Town, new

pytestmark = ON_SQLITE

WATER = {"so": "KARI BIYAHA", "nb": "KOK VANNET", "ti": "ማይ ኣፍልሑ"}
SLIDE = {"so": "KA BAX", "nb": "GÅ UT", "ti": "ውጹ"}
SEVEN = datetime.fromisoformat("2026-11-24T07:00:00+01:00")


async def later(town: Town, **delta: float) -> None:
    """Let time pass before anything has begun."""
    town.clock.advance(**delta)
    await town.settle()


async def under_way(town: Town) -> None:
    """Return as soon as the provider has accepted something."""
    async with asyncio.timeout(5):
        while not town.sandbox.ledger.counts[Event.ACCEPTED]:  # noqa: ASYNC110 - the ledger rings no bell
            await asyncio.sleep(0.01)


# --- hours ------------------------------------------------------------------------------------------------------------


async def test_an_ordinary_alert_at_ten_waits_until_seven(town: Town) -> None:
    """Quiet hours are from nine to seven; the steps after the first message move along."""
    await later(town, hours=4)
    ayan = await town.person("Ayan", "so")
    await town.issue(WATER, grave=False)
    assert new(ayan.phone) == []
    await town.passes(hours=8, minutes=59)
    assert new(ayan.phone) == []
    await town.passes(minutes=1)
    assert [shown.at for shown in new(ayan.phone)] == [SEVEN, SEVEN]
    await town.passes(minutes=29)
    assert new(ayan.phone) == []
    await town.passes(minutes=1)
    assert len(new(ayan.phone)) == 1, "the reminder, thirty minutes after the message and not after the release"


async def test_danger_to_life_wakes_people(town: Town) -> None:
    """It goes at any hour."""
    await later(town, hours=4)
    ayan = await town.person("Ayan", "so")
    await town.issue(WATER)
    assert len(new(ayan.phone)) == 2


async def test_a_deputy_who_sleeps_is_not_woken_by_a_cannot(town: Town) -> None:
    """An ordinary alert's deputy is asked in the morning, also where the principal's 4 brings the turn forward."""
    await later(town, hours=2)
    ayan = await town.person("Ayan", "so")
    bilan = await town.person("Bilan", "so", deputy_of=ayan, quiet_from=time(19), quiet_to=time(7))
    await town.issue(WATER, grave=False)
    await ayan.phone.says("4")
    await town.passes(hours=1)
    assert new(bilan.phone) == []
    await town.passes(hours=10, minutes=1)
    assert len(new(bilan.phone)) == 2


async def test_a_question_about_numbers_wakes_nobody(town: Town) -> None:
    """Whoever says at half past eight that they will pass it on is asked about how many in the morning."""
    await later(town, hours=2, minutes=30)
    ayan = await town.person("Ayan", "so")
    await town.issue(WATER, grave=False)
    await ayan.phone.says("2")
    await town.settle()
    new(ayan.phone)
    await town.passes(hours=10)
    assert new(ayan.phone) == []
    await town.passes(minutes=31)
    assert [shown.at for shown in new(ayan.phone)] == [SEVEN]


# --- one way fails, and another ---------------------------------------------------------------------------------------


async def test_a_switched_off_phone_brings_the_letter_and_not_yet_the_deputy(town: Town) -> None:
    """Forward and ask both fail, and that is one failed way: what comes forward is the next step, not the one after it."""
    ayan = await town.person("Ayan", "so", by=(Medium.SMS, Medium.EMAIL))
    bilan = await town.person("Bilan", "so", deputy_of=ayan)
    ayan.phone.off()
    await town.issue(WATER)
    assert ayan.mailbox is not None
    assert len(new(ayan.mailbox)) == 1
    assert new(bilan.phone) == []
    await town.passes(minutes=9)
    assert new(bilan.phone) == []
    await town.passes(minutes=7)
    assert len(new(bilan.phone)) == 2


async def test_when_the_last_way_fails_the_deputy_comes_at_once(town: Town) -> None:
    """Nobody waits a quarter of an hour for a person who cannot be reached at all."""
    ayan = await town.person("Ayan", "so", by=(Medium.SMS, Medium.EMAIL))
    bilan = await town.person("Bilan", "so", deputy_of=ayan)
    ayan.phone.off()
    await change(
        town, update(Address).where(Address.person_id == ayan.id, Address.channel == Medium.EMAIL).values(value="finnesikke@folk.test")
    )
    await town.issue(WATER)
    assert len(new(bilan.phone)) == 2


async def test_whoever_is_taken_out_of_the_register_gets_nothing_more_and_their_deputy_begins(town: Town) -> None:
    """Neither the reminder nor the letter that was planned, and nobody is asked to ring them: the deputy is asked at once."""
    ayan = await town.person("Ayan", "so", by=(Medium.SMS, Medium.EMAIL))
    bilan = await town.person("Bilan", "so", deputy_of=ayan)
    await town.issue(WATER, grave=False)
    assert len(new(ayan.phone)) == 2
    async with town.store.write() as conn:
        await keep.leave(conn, town.municipality_id, ayan.id, Stamp(by="Kari", at=town.clock.now()))
    await town.settle()
    assert len(new(bilan.phone)) == 2
    await town.passes(hours=6)
    assert ayan.mailbox is not None
    assert (new(ayan.phone), new(ayan.mailbox)) == ([], [])
    assert {row.spared_by for row in await sends(town, ayan) if row.state == DeliveryState.SPARED} == {SparedBy.LEFT}
    assert {row.person_id for row in await rows(town, select(task).where(task.c.kind == TaskKind.CALL))} <= {bilan.id}


async def test_a_phone_that_comes_back_gets_the_message(town: Town) -> None:
    """A phone that was off is tried again after ten minutes."""
    ayan = await town.person("Ayan", "so")
    ayan.phone.off()
    alert = await town.issue(WATER)
    ayan.phone.on()
    await town.passes(minutes=11)
    assert "KARI BIYAHA" in "\n".join(texts(new(ayan.phone)))
    assert (await town.reach(alert)).totals.delivered == 1


async def test_an_address_that_died_in_between_is_not_written_to(town: Town) -> None:
    """Right before each send the register is looked at once more; the next way does not wait."""
    await later(town, hours=4)
    ayan = await town.person("Ayan", "so", by=(Medium.SMS, Medium.EMAIL))
    await town.issue(WATER, grave=False)
    mine = (Address.person_id == ayan.id, Address.channel == Medium.SMS)
    await change(town, update(Address).where(*mine).values(state=AddressState.INVALID))
    await town.passes(hours=9, minutes=1)
    assert new(ayan.phone) == []
    assert ayan.mailbox is not None
    assert len(new(ayan.mailbox)) == 1


# --- too late, and stopped ----------------------------------------------------------------------------------------------


async def test_what_expires_in_the_backlog_never_leaves(town: Town) -> None:
    """A slow sender: whoever's turn comes after the end gets nothing, and that is seen."""
    await sender(town, pace_per_second=0.01, pace_burst=1.0)
    people = [await town.person(f"Person{n}", "nb") for n in range(4)]
    await town.issue(WATER, expires_at=town.clock.now() + timedelta(minutes=5))
    await town.passes(minutes=30)
    came = [len(new(person.phone)) for person in people]
    assert 0 < sum(came) < 8
    states = {row.state for person in people for row in await sends(town, person) if row.part in (Part.FORWARD, Part.ASK)}
    assert states == {"DONE", "EXPIRED"}
    assert not [entry for entry in town.sandbox.ledger.entries(Event.ACCEPTED) if entry.at > town.clock.now() - timedelta(minutes=25)]


async def test_cancelled_before_anything_left(town: Town) -> None:
    """Nobody gets anything, and no withdrawal is needed."""
    await later(town, hours=4)
    ayan = await town.person("Ayan", "so")
    alert = await town.issue(WATER, grave=False)
    assert await town.relay.cancel(town.municipality_id, alert, "Kari") is None
    await town.passes(hours=12)
    assert new(ayan.phone) == []
    assert {row.state for row in await sends(town, ayan)} == {"SPARED"}
    with pytest.raises(NotAllowed, match="withdrawn"):
        await town.relay.cancel(town.municipality_id, alert, "Kari")


async def test_cancelled_after_some_have_it(town: Town) -> None:
    """What has not left is stopped, and whoever has it hears at once that it was wrong."""
    ayan = await town.person("Ayan", "so")
    asleep = await town.person("Cali", "so", quiet_from=time(17), quiet_to=time(20))
    alert = await town.issue(WATER, grave=False)
    new(ayan.phone)
    withdrawal = await town.relay.cancel(town.municipality_id, alert, "Kari")
    await town.passes(hours=12)
    assert withdrawal is not None
    assert len(new(ayan.phone)) == 2
    assert new(asleep.phone) == []


async def test_a_withdrawal_reaches_those_whose_message_is_on_its_way(town: Town) -> None:
    """A call that is under way at that very moment may arrive: its reader is told too, after it."""
    ayan = await town.person("Ayan", "so")
    town.sandbox.order(Fault(kind="slow", seconds=0.4, times=1))
    town.sandbox.change(callbacks=False)
    alert = await town.draft(WATER)
    await town.relay.approve(town.municipality_id, alert, "Ola")
    await town.relay.release(town.municipality_id, alert, "Ola")
    sending = asyncio.create_task(town.relay.tick())
    await under_way(town)
    await town.relay.correct(town.municipality_id, alert, Act.WITHDRAW, "Kari")
    await sending
    await town.settle()
    said = texts(new(ayan.phone))
    assert "KARI BIYAHA" in said[0]
    assert say("so", "act.withdrawn", replaces="1") in "\n".join(said[1:])
    assert say("so", "ask.to_you") not in said[1], "the ask of the withdrawn alert did not leave any more"


async def test_a_withdrawal_reaches_who_has_half_of_the_message(town: Town) -> None:
    """A slow sender: the forward is on the phone, the ask still queues. Its reader may have passed it on already."""
    await sender(town, pace_per_second=0.01, pace_burst=1.0)
    ayan = await town.person("Ayan", "nb")
    alert = await town.issue(WATER)
    assert len(new(ayan.phone)) == 1
    await sender(town, pace_per_second=1000.0, pace_burst=1000.0)
    await town.relay.correct(town.municipality_id, alert, Act.WITHDRAW, "Kari")
    await town.passes(minutes=2)
    told = "\n".join(texts(new(ayan.phone)))
    assert say("nb", "act.withdrawn", replaces="1") in told
    assert say("nb", "ask.answer") not in told, "and the ask of the withdrawn alert does not come any more"


async def test_an_answer_to_half_of_the_message_counts(town: Town) -> None:
    """Whoever knows the digits answers as soon as the forward is there, perhaps before we know ourselves that it has left."""
    await sender(town, pace_per_second=0.01, pace_burst=1.0)
    ayan = await town.person("Ayan", "nb")
    alert = await town.issue(WATER)
    await ayan.phone.says("1")
    await town.settle()
    assert (await town.recipient(alert, ayan)).rung == Rung.RECEIVED


async def test_danger_over_is_told_to_those_who_heard_of_it(town: Town) -> None:
    """It was right, and it has ended: another text than a withdrawal, to the same people."""
    ayan = await town.person("Ayan", "so")
    alert = await town.issue(WATER)
    new(ayan.phone)
    await town.relay.correct(town.municipality_id, alert, Act.OVER, "Kari")
    await town.settle()
    told = "\n".join(texts(new(ayan.phone)))
    assert say("so", "act.over", replaces="1") in told
    assert say("so", "act.withdrawn", replaces="1") not in told
    assert (await rows(town, select(alert_table.c.state).where(alert_table.c.id == alert)))[0].state == AlertState.CLOSED


async def test_an_update_takes_the_place_of_what_has_not_left(town: Town) -> None:
    """Whoever only waited gets the newest alone; whoever has the older one reads which number is replaced."""
    ayan = await town.person("Ayan", "so")
    asleep = await town.person("Cali", "so", quiet_from=time(17), quiet_to=time(20))
    alert = await town.issue(WATER, grave=False)
    new(ayan.phone)
    update_id = await _updates(town, alert)
    [told, _] = texts(new(ayan.phone))
    assert say("so", "forward.number_replaces", number="2", replaces="1") in told
    await town.passes(hours=2, minutes=1)
    heard = texts(new(asleep.phone))
    assert len(heard) == 2
    assert "KA BAX" in heard[0]
    assert {row.spared_by for row in await sends(town, asleep) if row.alert_id == alert} == {"newer_alert"}
    await ayan.phone.says("1")
    await town.settle()
    assert (await town.recipient(update_id, ayan)).rung == Rung.RECEIVED


async def _updates(town: Town, older: int) -> int:
    alert_id = await town.draft(SLIDE, grave=False, act=Act.UPDATE)
    await change(town, update(alert_table).where(alert_table.c.id == alert_id).values(replaces_id=older))
    await town.relay.approve(town.municipality_id, alert_id, "Ola")
    await town.relay.release(town.municipality_id, alert_id, "Ola")
    await town.settle()
    return alert_id


# --- extended, paused ---------------------------------------------------------------------------------------------------


async def test_releasing_again_reaches_whoever_is_new(town: Town) -> None:
    """Somebody added after the release gets the alert; the others get nothing twice."""
    ayan = await town.person("Ayan", "so")
    alert = await town.issue(WATER)
    new(ayan.phone)
    bilan = await town.person("Bilan", "so")
    assert await town.relay.release(town.municipality_id, alert, "Ola") > 0
    await town.settle()
    assert len(new(bilan.phone)) == 2
    assert new(ayan.phone) == []
    assert await town.relay.release(town.municipality_id, alert, "Ola") == 0
    assert (await town.reach(alert)).totals.people == 2


async def test_releasing_again_sends_nothing_twice_to_who_has_lost_a_way(town: Town) -> None:
    """The phone number died, so that mail is now the first channel: the letter that was on its way is no second one."""
    ayan = await town.person("Ayan", "so", by=(Medium.SMS, Medium.EMAIL))
    alert = await town.issue(WATER)
    await change(
        town, update(Address).where(Address.person_id == ayan.id, Address.channel == Medium.SMS).values(state=AddressState.INVALID)
    )
    assert await town.relay.release(town.municipality_id, alert, "Ola") == 0
    await town.passes(minutes=30)
    assert ayan.mailbox is not None
    letters = new(ayan.mailbox)
    assert len(letters) == len({letter.text for letter in letters})
    assert await town.tasks() == ["call"]


async def test_a_text_that_is_approved_late_reaches_its_readers(town: Town) -> None:
    """They had the Norwegian text in the meantime; now they get their own, and are not asked twice about the same."""
    await town.person("Ayan", "so")
    filmon = await town.person("Filmon", "ti")
    alert = await town.issue({"so": "KARI BIYAHA", "nb": "KOK VANNET"})
    assert "KOK VANNET" in "\n".join(texts(new(filmon.phone)))
    text = Variant(language="ti", headline="ማይ ኣፍልሑ", forward="(ti)", topic="vann", place="Sentrum")
    async with town.store.write() as conn:
        await alerts.put_variants(conn, town.municipality_id, alert, [text], "Ola", town.clock.now(), approved=True)
    await town.relay.release(town.municipality_id, alert, "Ola")
    await town.settle()
    assert "ማይ ኣፍልሑ" in "\n".join(texts(new(filmon.phone)))
    await town.passes(minutes=15)
    assert len(new(filmon.phone)) == 1, "one reminder, whatever the languages"


async def test_a_paused_alert_waits_and_goes_on(town: Town) -> None:
    """Nothing of it leaves while it is paused, not even what is already in hand; afterwards all of it does."""
    await sender(town, pace_per_second=0.02, pace_burst=1.0)
    ayan = await town.person("Ayan", "nb")
    alert = await town.issue(WATER)
    before = len(new(ayan.phone))
    mine = update(alert_table).where(alert_table.c.id == alert)
    await change(town, mine.values(paused=True))
    await town.passes(minutes=20)
    assert (before, len(new(ayan.phone))) == (1, 0)
    await change(town, mine.values(paused=False))
    await town.passes(minutes=5)
    assert len(new(ayan.phone)) >= 1


async def test_an_answer_spares_a_reminder_that_is_already_in_hand(town: Town) -> None:
    """At a slow pace a reminder is claimed long before it leaves."""
    await sender(town, pace_per_second=0.02, pace_burst=3.0)
    ayan = await town.person("Ayan", "nb")
    await town.issue(WATER)
    await town.passes(minutes=5)
    new(ayan.phone)
    await sender(town, pace_per_second=0.0005, pace_burst=1.0)
    await town.passes(minutes=6)
    [reminder] = await sends(town, ayan, Part.REMINDER)
    assert reminder.state == "CLAIMED"
    await ayan.phone.says("1")
    await town.passes(hours=2)
    [reminder] = await sends(town, ayan, Part.REMINDER)
    assert reminder.state == "SPARED"


async def test_whoever_may_not_be_asked_is_left_out_with_the_reason(town: Town) -> None:
    """Nobody without agreement or proof of age is planned, and the plan says why."""
    none = await town.person("Ayan", "so", agreed_on=None)
    young = await town.person("Bilan", "so", adult_confirmed_on=None)
    alert = await town.issue(WATER)
    assert (await town.recipient(alert, none)).left_out == LeftOut.NO_AGREEMENT
    assert (await town.recipient(alert, young)).left_out == LeftOut.AGE_NOT_CONFIRMED
    assert new(none.phone) == new(young.phone) == []
    assert (await town.reach(alert)).totals.skipped == 2
