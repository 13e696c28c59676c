"""The unknown, resolved: by a callback, by an answer, by the provider's list; sent again only after its class's silence, and flagged."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from channels.base import Evidence, Outbound, Reason, SendFailed, Sent
from channels.email import Email
from channels.sandbox.faults import Fault
from channels.sandbox.ledger import Entry, Event
from messages.alert import Act, Kind
from messages.form import Medium, Part
from relay.model import DeliveryState, NotAllowed, NotFound, Rung
from relay.store import doubts, evidence
from relay.store.tables import recipient, task
from tests.relay.witness import WATER, accepted, attempts, copies, planned, reconcile, released
from tests.stories.arrange import rows, sends, texts
from tests.stories.town import ON_SQLITE, Somebody, Town, new


def forwards(town: Town) -> list[Entry]:
    """Return the copies of the forward, in order."""
    return [entry for entry in accepted(town) if "KOK VANNET" in entry.body]


async def silent(town: Town, fault: Fault, **more: Any) -> tuple[int, datetime]:
    """Release an alert whose first call is in doubt, and of which no callback comes; return it and when."""
    town.sandbox.change(callbacks=False)
    town.sandbox.order(fault)
    alert_id = await released(town, **more)
    began = town.clock.now()
    await town.settle()
    return alert_id, began


async def test_it_is_found_in_the_providers_list(town: Town) -> None:
    """The message is there: its id is adopted, and no second one is sent."""
    await town.person("Ayan", "nb")
    alert_id, _ = await silent(town, Fault(kind="reset_accepted", times=1))
    await town.passes(seconds=3)
    [found] = [row for row in await attempts(town) if row.found_by == "list"]
    assert found.provider_id in {entry.id for entry in accepted(town)}
    assert (await town.reach(alert_id)).possible_duplicates == 0
    await reconcile(town, alert_id)


async def test_a_list_that_lags_is_looked_at_again(town: Town) -> None:
    """The provider lists a message some seconds late: the next look finds it, before anything is sent again."""
    town.sandbox.change(list_lag=(12, 12))
    await town.person("Ayan", "nb")
    await silent(town, Fault(kind="reset_accepted", times=1))
    await town.passes(minutes=2)
    assert set(copies(town).values()) == {1}
    assert [row.looks for row in await attempts(town) if row.found_by == "list"] == [3]


async def test_it_is_found_by_its_token(town: Town) -> None:
    """A callback names the attempt: nobody needs to look."""
    town.sandbox.order(Fault(kind="reset_accepted", times=1), Fault(kind="error", on="list"))
    await town.person("Ayan", "nb")
    alert_id = await released(town)
    await town.settle()
    assert {row.found_by for row in await attempts(town)} == {"callback"}
    assert town.sandbox.ledger.entries(Event.FAULT)[1:] == []
    await reconcile(town, alert_id)


async def test_an_answer_proves_that_it_arrived(town: Town) -> None:
    """Whoever answers has got the question, whatever the provider could not tell us."""
    ayan = await town.person("Ayan", "nb")
    alert_id, _ = await silent(town, Fault(kind="reset_accepted", nth=[2]))
    assert Evidence.UNKNOWN in {row.evidence for row in await attempts(town)}
    await ayan.phone.says("1")
    await town.settle()
    [proved] = [row for row in await attempts(town) if row.found_by == "reply"]
    assert proved.evidence == Evidence.DELIVERED
    assert (await town.recipient(alert_id, ayan)).rung == Rung.RECEIVED
    await town.passes(minutes=2)
    assert copies(town).most_common(1)[0][1] == 1


@pytest.mark.parametrize(("grave", "seconds"), [(True, 30), (False, 60)], ids=["life", "standard"])
async def test_what_never_arrived_is_sent_again_after_its_silence(town: Town, *, grave: bool, seconds: int) -> None:
    """Not a second before, and whoever may have two copies is listed."""
    await town.person("Ayan", "nb")
    alert_id, began = await silent(town, Fault(kind="error", times=1), grave=grave)
    await town.passes(minutes=3)
    [copy] = forwards(town)
    assert timedelta(seconds=seconds) <= copy.at - began <= timedelta(seconds=seconds + 60)
    first, second = [row for row in await attempts(town) if row.delivery_id == 1]
    assert (first.reason, second.possible_duplicate_of) == ("NOT_FOUND", first.id)
    assert (await town.reach(alert_id)).possible_duplicates == 1
    await reconcile(town, alert_id)


async def test_a_routine_message_is_asked_about_and_never_doubled(town: Town) -> None:
    """An exercise that is in doubt stays in doubt until a person decides; there is one task and no second copy."""
    await town.person("Ayan", "nb")
    alert_id, _ = await silent(town, Fault(kind="error", times=1), kind=Kind.EXERCISE)
    await town.passes(hours=2)
    assert forwards(town) == []
    assert [row.cause for row in await rows(town, select(task.c.cause))] == ["unknown:1"]
    assert [row.evidence for row in await attempts(town) if row.delivery_id == 1] == [Evidence.UNKNOWN]
    assert (await town.reach(alert_id)).totals.sent == 0


async def test_a_routine_message_is_sent_again_at_a_persons_word(town: Town) -> None:
    """Who asked for it is written down, its reader is flagged, and the question is closed; a second yes is refused."""
    await town.person("Ayan", "nb")
    alert_id, _ = await silent(town, Fault(kind="error", times=1), kind=Kind.EXERCISE)
    await town.passes(minutes=2)
    [asked] = await rows(town, select(task))
    async with town.store.write() as conn:
        await doubts.send_again_on_request(conn, town.municipality_id, asked.id, "Kari", town.clock.now())
    await town.settle()
    assert len(forwards(town)) == 1
    assert (await town.reach(alert_id)).possible_duplicates == 1
    assert [(row.done_by, row.outcome) for row in await rows(town, select(task))] == [("Kari", "sent again")]
    with pytest.raises(NotAllowed):
        async with town.store.write() as conn:
            await doubts.send_again_on_request(conn, town.municipality_id, asked.id, "Ola", town.clock.now())
    with pytest.raises(NotFound):
        async with town.store.write() as conn:
            await doubts.send_again_on_request(conn, town.municipality_id + 1, asked.id, "Ola", town.clock.now())


async def test_a_question_that_has_answered_itself_is_closed(town: Town) -> None:
    """The callback comes after all, late: nobody needs to decide any more."""
    town.sandbox.change(callback_delay=(300, 300), list_lag=(900, 900))
    town.sandbox.order(Fault(kind="reset_accepted", times=1))
    await town.person("Ayan", "nb")
    await released(town, kind=Kind.EXERCISE)
    await town.passes(minutes=2)
    assert await town.tasks() == ["unreachable"]
    await town.passes(minutes=10)
    assert await town.tasks() == []
    assert len(forwards(town)) == 1


async def test_refusals_are_no_copies(town: Town) -> None:
    """The provider asked us thrice to wait, then fell silent: that one call may be repeated as often as any other."""
    await town.person("Ayan", "nb")
    town.sandbox.change(callbacks=False)
    town.sandbox.order(Fault(kind="throttle", times=6, retry_after=1), Fault(kind="error", times=2))
    alert_id = await released(town)
    await town.passes(minutes=4)
    assert len(forwards(town)) == 1
    await reconcile(town, alert_id)


async def test_a_copy_that_shows_up_late_is_kept_and_stays_flagged(town: Town) -> None:
    """We gave it up and sent again; then both arrive. Both are in the record, and the list of doubles holds."""
    town.sandbox.change(list_lag=(600, 600))
    ayan = await town.person("Ayan", "nb")
    alert_id, _ = await silent(town, Fault(kind="reset_accepted", times=1))
    await town.passes(minutes=3)
    assert len(forwards(town)) == 2
    assert "KOK VANNET" in "".join(texts(new(ayan.phone)))
    assert (await town.reach(alert_id)).possible_duplicates == 1
    await reconcile(town, alert_id)


# --- when the provider cannot be asked --------------------------------------------------------------------------------


async def test_danger_does_not_wait_for_a_list_that_cannot_be_read(town: Town) -> None:
    """The next channel comes at once, the message itself after its silence; nobody else is troubled by each look in vain."""
    ayan = await town.person("Ayan", "nb", by=(Medium.SMS, Medium.EMAIL))
    deputy = await town.person("Bilan", "nb", deputy_of=ayan)
    town.sandbox.order(Fault(kind="error", on="list"))
    alert_id, began = await silent(town, Fault(kind="error", times=1))
    await town.passes(seconds=25)
    assert ayan.mailbox is not None
    assert len(new(ayan.mailbox)) == 1
    assert forwards(town)[1:] == []
    await town.passes(minutes=2)
    assert new(deputy.phone) == []
    again = [entry for entry in forwards(town) if entry.channel == "sms"]
    assert [entry.at - began >= timedelta(seconds=30) for entry in again] == [True]
    assert (await town.reach(alert_id)).possible_duplicates == 1
    assert "call" not in await town.tasks()


async def test_an_ordinary_message_waits_until_the_list_can_be_read(town: Town) -> None:
    """Nothing is sent blindly; as soon as the provider answers again, the search goes on where it was."""
    await town.person("Ayan", "nb")
    town.sandbox.order(Fault(kind="error", on="list"))
    await silent(town, Fault(kind="error", times=1), grave=False)
    await town.passes(seconds=58)
    assert await town.tasks() == []
    await town.passes(minutes=9)
    assert forwards(town) == []
    assert await town.tasks() == ["unreachable"], "a person hears of it when its silence is over"
    town.sandbox.faults.clear()
    await town.passes(minutes=3)
    assert len(forwards(town)) == 1
    assert await town.tasks() == []


async def test_a_search_has_an_end(town: Town) -> None:
    """A provider that swallows every call: three copies at most leave of the gravest, and the person goes onto the call list."""
    await town.person("Ayan", "nb")
    alert_id, _ = await silent(town, Fault(kind="error"))
    await town.passes(minutes=30)
    per_delivery = [row.delivery_id for row in await attempts(town)]
    assert max(per_delivery.count(one) for one in per_delivery) == 3
    assert {"call", "unreachable"} <= set(await town.tasks()), "a person is asked as soon as the copies are used up"
    totals = (await town.reach(alert_id)).totals
    assert (totals.sent, totals.unknown + totals.failed) == (0, 1)


# --- what must not be sent again ----------------------------------------------------------------------------------------


async def test_what_was_withdrawn_meanwhile_is_not_sent_again(town: Town) -> None:
    """Whoever may have it hears of the withdrawal instead."""
    ayan = await town.person("Ayan", "nb")
    alert_id, _ = await silent(town, Fault(kind="error", times=1))
    new(ayan.phone)
    await town.relay.correct(town.municipality_id, alert_id, Act.WITHDRAW, "Kari")
    await town.passes(minutes=3)
    assert "TRUKKET TILBAKE" in "".join(texts(new(ayan.phone)))
    assert [row for row in accepted(town) if "kl. 21" in row.body and "KOK VANNET" in row.body and "TRUKKET" not in row.body] == []


async def test_who_is_being_sent_to_again_hears_of_a_withdrawal_too(town: Town) -> None:
    """Given up and waiting for its second try, the first may still have arrived."""
    await town.person("Ayan", "nb")
    alert_id, _ = await silent(town, Fault(kind="error", nth=[1, 2]))
    town.clock.advance(seconds=3)
    await town.relay.look()
    town.clock.advance(seconds=31)
    await town.relay.look()
    assert "NOT_FOUND" in {row.reason for row in await attempts(town)}
    withdrawal = await town.relay.correct(town.municipality_id, alert_id, Act.WITHDRAW, "Kari")
    assert [row.left_out for row in await planned_people(town, withdrawal)] == [""]


async def planned_people(town: Town, alert_id: int) -> Any:
    """Return the people of an alert."""
    return await rows(town, select(recipient).where(recipient.c.alert_id == alert_id))


@ON_SQLITE
async def test_what_expired_meanwhile_is_not_sent_again(town: Town) -> None:
    """The search finds nothing, and the alert is over: it ends as expired."""
    await town.person("Ayan", "nb")
    alert_id, _ = await silent(town, Fault(kind="error", times=1), expires_at=town.clock.now() + timedelta(seconds=20))
    await town.passes(minutes=3)
    assert forwards(town) == []
    assert "EXPIRED" in {row.state for row in await planned(town, alert_id)}


# --- whose is it --------------------------------------------------------------------------------------------------------


async def test_two_in_doubt_to_one_number_each_find_their_own(town: Town) -> None:
    """A shared phone, the same text twice: two messages at the provider, two attempts, and the callbacks that come later count."""
    town.sandbox.change(callback_delay=(20, 20), delivered_after=(5, 5))
    for name in ("Ayan", "Bilan"):
        await town.person(name, "nb", number="+4741999999")
    town.sandbox.order(Fault(kind="reset_accepted"))
    alert_id = await released(town)
    await town.passes(minutes=2)
    found = await attempts(town)
    assert len({row.provider_id for row in found}) == len(found) == 4
    assert {row.evidence for row in found} == {Evidence.DELIVERED}
    assert len(accepted(town)) == 4
    assert (await town.reach(alert_id)).totals.delivered == 2


async def test_an_older_message_of_the_same_words_is_not_taken_for_it(town: Town) -> None:
    """Last week's alert had the same text to the same number: what was there before the call is not what the call made."""
    sms = town.relay.desk.channels["twilio_sms", "twilio"]
    await town.person("Ayan", "nb")
    twin = await released(town)
    await town.settle()
    [first, _] = accepted(town)
    await sms.send(
        Outbound(token="a" * 32, to=first.to, sender="+4759440000", text=first.body.replace("nr. 1", "nr. 2").replace("Nr. 1", "Nr. 2"))
    )
    await town.settle()
    town.clock.advance(minutes=1)
    await town.relay.correct(town.municipality_id, twin, Act.OVER, "Kari")
    await town.settle()
    before = len(accepted(town))
    alert_id, _ = await silent(town, Fault(kind="error", times=1))
    await town.passes(minutes=2)
    assert len(accepted(town)) == before + 2
    assert (await town.reach(alert_id)).possible_duplicates == 1


@ON_SQLITE
async def test_a_letter_in_doubt_is_sent_again_under_the_same_id(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mail relay has no list to look in. The receiver knows the second copy by its Message-ID, and the person is flagged."""
    honest, losses = Email.send, [True]

    async def send(self: Email, out: Outbound) -> Sent:
        sent = await honest(self, out)
        if losses:
            losses.pop()
            raise SendFailed(Reason.UNCERTAIN, detail="ConnectionResetError")
        return sent

    monkeypatch.setattr(Email, "send", send)
    ayan = await town.person("Ayan", "so", by=(Medium.EMAIL,))
    alert_id = await released(town)
    await town.passes(minutes=2)
    first, second = accepted(town)
    assert first.id == second.id
    assert first.token != second.token
    assert (await town.reach(alert_id)).possible_duplicates == 1
    assert len(await sends(town, ayan, Part.LETTER)) == 1
    assert WATER["so"] in first.body


# --- what nobody misses any more --------------------------------------------------------------------------------------------


async def delivered_again(town: Town, person: Somebody, part: Part) -> list[tuple[str, str, int]]:
    """Return state, what made it needless, and tries of a person's sends of one part."""
    return [(row.state, row.spared_by, row.attempts) for row in await sends(town, person, part)]


async def test_a_reminder_in_doubt_is_not_sent_again_to_whoever_has_answered_meanwhile(town: Town) -> None:
    """The answer came while it was looked for: it is given up without a second try, and nobody is asked about it."""
    ayan = await town.person("Ayan", "nb")
    await released(town, grave=False)
    await town.settle()
    town.sandbox.change(callbacks=False)
    town.sandbox.order(Fault(kind="error", times=1))
    while Evidence.UNKNOWN not in {row.evidence for row in await attempts(town)}:
        await town.passes(minutes=1)
    assert await delivered_again(town, ayan, Part.REMINDER) == [(DeliveryState.CLAIMED, "", 1)]
    await ayan.phone.says("1")
    await town.settle()
    await town.passes(minutes=5)
    assert await delivered_again(town, ayan, Part.REMINDER) == [(DeliveryState.SPARED, "own_answer", 1)]
    assert await town.tasks() == []


@pytest.mark.parametrize("changes_their_mind", [False, True])
async def test_a_deputy_is_not_asked_again_once_the_principal_has_passed_it_on_unless_they_cannot_after_all(
    town: Town, *, changes_their_mind: bool
) -> None:
    """What is marked as needless while it is in doubt is wanted again where the last answer says so."""
    ayan = await town.person("Ayan", "nb")
    bilan = await town.person("Bilan", "nb", deputy_of=ayan)
    await released(town, grave=False)
    await town.settle()
    town.sandbox.change(callbacks=False)
    town.sandbox.order(Fault(kind="error", suffix=bilan.phone.address[-4:], times=1))
    while not (doubted := [row.delivery_id for row in await attempts(town) if row.evidence == Evidence.UNKNOWN]):
        await town.passes(minutes=1)
    await ayan.phone.says("2")
    if changes_their_mind:
        await ayan.phone.says("4")
    await town.settle()
    await town.passes(minutes=5)
    [became] = [(row.state, row.spared_by, row.attempts) for row in await sends(town, bilan) if row.id in doubted]
    assert became == (("DONE", "", 2) if changes_their_mind else ("SPARED", "principal", 1))


@pytest.mark.parametrize("grave", [True, False])
async def test_a_second_copy_in_doubt_is_given_up_once_the_first_has_arrived(town: Town, *, grave: bool) -> None:
    """No third copy leaves, and nobody is asked about a message that is known to have arrived."""
    ayan = await town.person("Ayan", "nb")
    town.sandbox.change(callbacks=False, list_lag=(900, 900))
    number = ayan.phone.address[-4:]
    town.sandbox.order(Fault(kind="reset_accepted", suffix=number, nth=[1]), Fault(kind="error", suffix=number, nth=[2]))
    await released(town, grave=grave)
    while [row.n for row in await attempts(town) if row.evidence == Evidence.UNKNOWN] != [2]:
        await town.passes(seconds=10)
    first = next(row for row in await attempts(town) if row.n == 1 and row.reason == "NOT_FOUND")
    async with town.store.write() as conn:
        arrived = evidence.Fact(attempt_id=first.id, evidence=Evidence.DELIVERED, found_by="callback", provider_id="SM1")
        await evidence.learn(conn, [arrived], town.clock.now())
    await town.passes(minutes=5)
    tried = [row for row in await attempts(town) if row.delivery_id == first.delivery_id]
    assert [(row.n, row.evidence, row.reason) for row in tried][1:] == [(2, Evidence.REFUSED, "NOT_FOUND")]
    assert [row.state for row in await sends(town, ayan) if row.id == first.delivery_id] == [DeliveryState.DONE]
    assert "unreachable" not in await town.tasks()
