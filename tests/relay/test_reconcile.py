"""After a restore: what left since the backup is found at the provider and adopted, before anything is sent.

Also later, when somebody releases an alert that the backup holds: it may have been released before the database was lost.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection
from structlog.testing import capture_logs

from channels.base import Trace
from channels.sandbox.faults import Fault
from channels.sandbox.ledger import Entry
from channels.twilio_sms import TwilioSms
from messages.form import Copy, Medium
from relay.model import Hold, Home, Issue, Rung, TaskKind, Work
from relay.reconcile import Reconciler
from relay.store import archive, restored, schema
from relay.store.tables import Municipality, alert, delivery
from relay.wording import Wording
from tests.relay.witness import WATER, accepted, another, attempts, copies, reconcile, released
from tests.stories.arrange import change, neighbour, rows
from tests.stories.town import ON_SQLITE, Town

#: seconds: a little more than between two looks at a provider
STEP = 6


async def backed_up(town: Town) -> Sequence[str]:
    """Return what `budstikke backup` would write now."""
    async with town.store.read() as conn:
        return [line async for line in archive.lines(conn, schema.newest(), town.clock.now())]


async def restored_from(town: Town, backup: Sequence[str]) -> Town:
    """Lose the database and read a backup back, as `budstikke restore` does; return the town as new processes see it."""
    async with town.store.remodel() as conn:
        for table in reversed(archive.tables()):
            await conn.execute(delete(table))
        await archive.load(conn, backup, schema.newest())
        await restored.begin(conn, archive.made_at(backup[0]), town.clock.now())
    heir, old = another(town).relay, town.relay.reconciler
    fresh = Reconciler(old.store, old.desk, old.clock, old.pulse, town.relay.sweep)
    return replace(town, relay=replace(heir, reconciler=fresh))


async def approved(town: Town, **more: object) -> int:
    """Write and approve an alert; return its id."""
    alert_id = await town.draft(WATER, **more)  # type: ignore[arg-type]
    await town.relay.approve(town.municipality_id, alert_id, "Ola")
    return alert_id


async def out(town: Town, alert_id: int) -> None:
    """Release an alert, and let what is due leave."""
    await town.relay.release(town.municipality_id, alert_id, "Ola")
    await town.settle()


async def in_steps(town: Town, **delta: float) -> None:
    """Let time pass as a house does that looks again every few seconds."""
    end = town.clock.now() + timedelta(**delta)
    while town.clock.now() < end:
        town.clock.advance(seconds=STEP)
        await town.settle()


async def held(town: Town) -> set[str]:
    """What the deliveries that wait are held for."""
    return {row.hold for row in await rows(town, select(delivery.c.hold).where(delivery.c.state == "WAITING", delivery.c.hold != ""))}


def letters(town: Town) -> list[Entry]:
    """Return the letters that have left."""
    return [entry for entry in accepted(town) if entry.channel == Medium.EMAIL]


# --- released before the backup -----------------------------------------------------------------------------------------


async def test_what_left_after_the_backup_is_not_sent_again_and_its_answers_are_heard(town: Town) -> None:
    """The database knows of nothing that left; the provider does, and has what people wrote."""
    ayan, _ = await town.person("Ayan", "nb"), await town.person("Bilan", "so")
    alert_id = await released(town)
    backup = await backed_up(town)
    await town.settle()
    await ayan.phone.says("1")
    await town.settle()
    before = copies(town)
    after = await restored_from(town, backup)
    await in_steps(after, minutes=2)
    assert copies(town) == before
    reach = await after.reach(alert_id)
    assert (reach.totals.sent, reach.totals.acknowledged, reach.possible_duplicates) == (2, 1, 0)
    await reconcile(after, alert_id)


async def test_what_had_not_left_leaves_when_nothing_under_way_can_hide_any_more(town: Town) -> None:
    """Not a second before: a message may be at work at the provider for half a minute before it is listed."""
    await town.person("Ayan", "nb")
    alert_id = await released(town)
    after = await restored_from(town, await backed_up(town))
    await in_steps(after, seconds=4 * STEP)
    assert accepted(town) == []
    await in_steps(after, seconds=30)
    assert set(copies(town).values()) == {1}
    assert len(accepted(town)) == 2
    await reconcile(after, alert_id)


# --- a draft in the backup, released after it ---------------------------------------------------------------------------


async def test_a_draft_released_after_the_backup_and_again_after_the_restore_goes_once(town: Town) -> None:
    """To whoever has it already; who was not reached then is reached now."""
    await town.person("Ayan", "nb")
    alert_id = await approved(town)
    backup = await backed_up(town)
    await out(town, alert_id)
    after = await restored_from(town, backup)
    await in_steps(after, minutes=1)
    first = copies(town)
    await after.person("Bilan", "nb", number="+4741009999")
    await out(after, alert_id)
    assert copies(town) == first, "not before it has been looked for"
    await in_steps(after, seconds=30)
    fresh = copies(town) - first
    assert {number for number, _ in fresh} == {"+4741009999"}
    assert set(copies(town).values()) == {1}
    reach = await after.reach(alert_id)
    assert (reach.totals.sent, reach.possible_duplicates) == (2, 0)
    assert {row.found_by for row in await attempts(after) if row.fence == restored.ADOPTED} == {"list"}
    await reconcile(after, alert_id)


async def test_an_answer_to_what_was_a_draft_after_the_restore_counts_when_it_is_out_again(town: Town) -> None:
    """It was given to a person to read, since nothing was out that it could answer; its writer hears nothing a second time."""
    ayan, bilan = await town.person("Ayan", "nb"), await town.person("Bilan", "nb")
    alert_id = await approved(town)
    backup = await backed_up(town)
    await out(town, alert_id)
    await ayan.phone.says("1")
    await bilan.phone.says("Kan barna drikke det?")
    await town.settle()
    after = await restored_from(town, backup)
    await in_steps(after, minutes=1)
    assert await after.tasks() == ["question", "question"]
    heard = copies(town)
    await out(after, alert_id)
    await in_steps(after, seconds=30)
    assert (await after.recipient(alert_id, ayan)).rung == Rung.RECEIVED
    assert (await after.recipient(alert_id, bilan)).rung == Rung.NONE
    assert copies(town) == heard
    assert await after.tasks() == ["question", "question"]


async def test_a_draft_that_never_left_leaves_once(town: Town) -> None:
    """Two looks at the provider are enough, and nobody is marked."""
    await town.person("Ayan", "nb")
    alert_id = await approved(town)
    after = await restored_from(town, await backed_up(town))
    await in_steps(after, minutes=1)
    await out(after, alert_id)
    await in_steps(after, seconds=2 * STEP)
    assert len(accepted(town)) == 2
    assert (await after.reach(alert_id)).possible_duplicates == 0
    await reconcile(after, alert_id)


async def test_people_let_in_after_the_backup_get_it_once(town: Town) -> None:
    """The alert was out in the backup; it was extended afterwards, and is extended again."""
    await town.person("Ayan", "nb")
    alert_id = await released(town)
    backup = await backed_up(town)
    await town.person("Bilan", "nb", number="+4741008888")
    await out(town, alert_id)
    after = await restored_from(town, backup)
    await in_steps(after, minutes=1)
    await after.person("Bilan", "nb", number="+4741008888")
    await out(after, alert_id)
    await in_steps(after, seconds=30)
    assert set(copies(town).values()) == {1}
    assert len({entry.to for entry in accepted(town)}) == 2
    await reconcile(after, alert_id)


async def test_an_alert_written_after_the_restore_waits_for_nobody(town: Town) -> None:
    """Nobody can have got it."""
    await town.person("Ayan", "nb")
    after = await restored_from(town, await backed_up(town))
    await in_steps(after, minutes=1)
    await out(after, await approved(after))
    assert len(accepted(town)) == 2


async def test_the_number_of_an_alert_that_is_lost_goes_to_no_other(town: Town) -> None:
    """It is on people's phones: an answer that names it is a person's to read, also when the backup is read a second time."""
    ayan = await town.person("Ayan", "nb")
    async with town.store.write() as conn:
        await conn.execute(update(Municipality).values(last_number=11))
    backup = await backed_up(town)
    await out(town, await approved(town))
    numbers = [row.number for row in await rows(town, select(alert.c.number))]
    for _ in range(2):
        after = await restored_from(town, backup)
        await in_steps(after, minutes=2)
        new = await approved(after)
        await out(after, new)
        await ayan.phone.says(f"1 {numbers[-1]}")
        await after.settle()
        assert (await after.recipient(new, ayan)).rung == Rung.NONE
        assert set(await after.tasks()) == {"question"}
        numbers += [row.number for row in await rows(after, select(alert.c.number))]
    assert len(set(numbers)) == len(numbers) == 3


@ON_SQLITE
@pytest.mark.parametrize("grave", [True, False], ids=["life", "standard"])
async def test_where_the_list_cannot_be_read_only_danger_to_life_leaves(town: Town, *, grave: bool) -> None:
    """Flagged; all else waits until the provider answers."""
    await town.person("Ayan", "nb")
    alert_id = await approved(town, grave=grave)
    backup = await backed_up(town)
    await out(town, alert_id)
    after = await restored_from(town, backup)
    await in_steps(after, minutes=1)
    town.sandbox.order(Fault(kind="error", on="list"))
    await out(after, alert_id)
    await in_steps(after, minutes=2)
    assert set(copies(town).values()) == ({2} if grave else {1})
    assert await held(after) <= ({Hold.WINDOW} if grave else {Hold.LOOK_FIRST})
    assert (await after.reach(alert_id)).possible_duplicates == int(grave)
    await reconcile(after, alert_id)


@ON_SQLITE
async def test_a_letter_that_nobody_can_be_asked_about_waits_for_a_person_when_the_alert_was_out(town: Town) -> None:
    """The SMS are found: so the letters have left too, most likely. A person lets them go, and their readers are marked."""
    await town.person("Ayan", "nb")
    await town.person("Bilan", "nb", by=(Medium.EMAIL,))
    alert_id = await approved(town, grave=False)
    backup = await backed_up(town)
    await out(town, alert_id)
    after = await restored_from(town, backup)
    await in_steps(after, minutes=1)
    await out(after, alert_id)
    await in_steps(after, minutes=1)
    assert len(letters(town)) == 1
    assert await held(after) == {Hold.RESTORED}
    async with after.store.write() as conn:
        assert await restored.release(conn) == (2, 1), "the letter and its reminder, to one person"
    await after.settle()
    assert len(letters(town)) == 2
    assert (await after.reach(alert_id)).perhaps_twice == ("Bilan",)


@ON_SQLITE
async def test_a_letter_leaves_marked_when_nothing_tells_that_the_alert_was_out(town: Town) -> None:
    """A person has released it; that nobody can be asked is told, and stops nothing."""
    await town.person("Ayan", "nb")
    await town.person("Bilan", "nb", by=(Medium.EMAIL,))
    alert_id = await approved(town, grave=False)
    after = await restored_from(town, await backed_up(town))
    await in_steps(after, minutes=1)
    await out(after, alert_id)
    await in_steps(after, seconds=30)
    assert len(letters(town)) == 1
    assert (await after.reach(alert_id)).perhaps_twice == ("Bilan",)


async def test_what_was_planned_after_the_last_look_is_looked_for_too(town: Town) -> None:
    """A second draft is released while the first is looked for: each has its own two looks."""
    await town.person("Ayan", "nb")
    one, other = await approved(town), await approved(town, topic="strøm")
    backup = await backed_up(town)
    await out(town, one)
    await out(town, other)
    before = copies(town)
    after = await restored_from(town, backup)
    await in_steps(after, minutes=1)
    await out(after, one)
    await in_steps(after, seconds=STEP)
    await out(after, other)
    await in_steps(after, seconds=30)
    assert copies(town) == before
    assert [(await after.reach(each)).totals.sent for each in (one, other)] == [1, 1]


# --- one provider, one town, one delivery ---------------------------------------------------------------------------------


async def test_a_list_that_breaks_us_counts_as_one_that_cannot_be_read(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """Danger to life leaves, the neighbour's and its own; what else waits for that provider leaves when its list can be read."""
    other = await neighbour(town)
    ayan, bo = await town.person("Ayan", "nb"), await other.person("Bo", "nb")
    alerts = [await released(one) for one in (town, other)]
    lesser = await released(other, grave=False)
    after = await restored_from(town, await backed_up(town))
    honest = TwilioSms.trace

    async def trace(self: TwilioSms, to: str, sender: str, since: datetime) -> list[Trace]:
        if to == ayan.phone.address:
            raise TypeError("can't compare offset-naive and offset-aware datetimes")
        return await honest(self, to, sender, since)

    monkeypatch.setattr(TwilioSms, "trace", trace)
    with capture_logs():
        await in_steps(after, minutes=1)
    assert {entry.to for entry in accepted(town)} == {ayan.phone.address, bo.phone.address}
    assert [(await each.reach(alert)).possible_duplicates for each, alert in zip((town, other), alerts, strict=True)] == [1, 0]
    assert (await other.reach(lesser)).totals.sent == 0
    monkeypatch.setattr(TwilioSms, "trace", honest)
    await in_steps(after, minutes=1)
    assert (await other.reach(lesser)).totals.sent == 1
    assert set(copies(town).values()) == {1}


async def test_a_message_that_cannot_be_adopted_keeps_the_gate_shut_for_nobody(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everybody else's are adopted; that one leaves again and is flagged: it may be the second."""
    ayan, bo = await town.person("Ayan", "nb"), await town.person("Bo", "nb")
    alert_id = await released(town)
    backup = await backed_up(town)
    await town.settle()
    before = copies(town)
    after, honest = await restored_from(town, backup), restored.adopt

    async def adopt(conn: AsyncConnection, work: Work, *told: Any) -> None:
        if work.to == ayan.phone.address:
            await conn.execute(text("SELECT no_such_column"))
        await honest(conn, work, *told)

    monkeypatch.setattr(restored, "adopt", adopt)
    with capture_logs():
        await in_steps(after, minutes=2)
    assert {number: count for (number, _), count in copies(town).items()} == {ayan.phone.address: 2, bo.phone.address: 1}
    assert set(copies(town)) == set(before)
    assert (await after.reach(alert_id)).possible_duplicates == 1
    await reconcile(after, alert_id)


async def test_a_text_that_cannot_be_made_keeps_the_gate_shut_for_nobody(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it breaks on; that one is a person's to see to, and the neighbour's messages leave."""
    other = await neighbour(town)
    ayan, bo = await town.person("Ayan", "nb"), await other.person("Bo", "nb")
    for one in (town, other):
        await released(one)
    after, honest = await restored_from(town, await backed_up(town)), Wording.of

    def of(self: Wording, work: Work, issue: Issue, home: Home) -> Copy:
        if work.to == ayan.phone.address:
            raise KeyError("No time zone found with key Europe/Nowhere")
        return honest(self, work, issue, home)

    monkeypatch.setattr(Wording, "of", of)
    with capture_logs():
        await in_steps(after, minutes=1)
    assert {entry.to for entry in accepted(town)} == {bo.phone.address}
    assert set(await after.tasks()) == {TaskKind.TEXT, TaskKind.CALL}


async def test_an_unknown_time_zone_keeps_the_gate_shut_for_nobody(town: Town) -> None:
    """Neither for the neighbour nor for that town: what it has to say leaves in Norway's time."""
    other = await neighbour(town)
    people = [await one.person(name, "nb") for one, name in ((town, "Ayan"), (other, "Bo"))]
    for one in (town, other):
        await released(one, grave=False)
    after = await restored_from(town, await backed_up(town))
    await change(town, update(Municipality).where(Municipality.id == town.municipality_id).values(timezone="Europe/Nowhere"))
    await in_steps(after, minutes=1)
    assert {entry.to for entry in accepted(town)} == {person.phone.address for person in people}
