"""Nights in Sørvik in which something that is owed to somebody could be dropped in silence."""

from datetime import timedelta

from sqlalchemy import LargeBinary, select, type_coerce, update

from channels.base import Evidence, Inbound, Reason
from channels.sandbox.faults import Fault
from messages.form import Medium, Part
from relay.model import Action, AddressState, DeliveryState, TaskKind
from relay.receipts import Receipts
from relay.store import evidence, sealing
from relay.store.tables import Address, ContactPoint, attempt, delivery, inbound, note
from relay.talk import MOST_REPLIES
from tests.stories.arrange import change, rows, templates, texts
from tests.stories.town import ON_SQLITE, SMS_SENDER, Town, new

pytestmark = ON_SQLITE

WATER = {"nb": "KOK VANNET"}
BUSY = Fault(kind="throttle", times=1, retry_after=20)


async def test_the_number_to_ring_arrives_though_its_first_try_is_refused(town: Town) -> None:
    """Somebody who has answered writes danger words: what we write back is tried until the provider takes it."""
    ayan = await town.person("Ayan", "nb")
    await town.issue(WATER)
    await ayan.phone.says("2")
    await town.settle()
    new(ayan.phone)
    town.sandbox.order(BUSY)
    await ayan.phone.says("Det brenner hos oss")
    await town.passes(minutes=2)
    assert any("112" in text for text in texts(new(ayan.phone)))


async def test_the_text_to_pass_on_arrives_after_the_answer(town: Town) -> None:
    """The question came through and was answered, the text itself was refused twice: it follows all the same."""
    ayan = await town.person("Ayan", "nb")
    town.sandbox.order(BUSY)
    await town.issue(WATER)
    await ayan.phone.says("2")
    await town.settle()
    assert not any("KOK VANNET" in text for text in texts(new(ayan.phone)))
    town.sandbox.order(BUSY)
    await town.passes(minutes=5)
    assert any("KOK VANNET" in text for text in texts(new(ayan.phone)))


async def test_who_has_one_dead_number_is_rung_at_once(town: Town) -> None:
    """No reminder to a number that does not exist keeps the duty officer from knowing it."""
    town.sandbox.order(Fault(kind="refuse", code=21211))
    await town.person("Ayan", "nb")
    await town.issue(WATER)
    await town.passes(seconds=2)
    assert {TaskKind.CALL, TaskKind.UNREACHABLE} <= set(await town.tasks())
    [reminder] = await rows(town, select(delivery).where(delivery.c.action == Action.REMIND))
    assert (reminder.state, reminder.reason) == (DeliveryState.FAILED, "ADDRESS_INVALID")


async def test_what_is_written_beside_an_answer_is_read_whatever_becomes_of_the_answer(town: Town) -> None:
    """Two alerts are open; each answer raises a question of ours, and holds one of theirs."""
    ayan = await town.person("Ayan", "nb")
    await town.issue(WATER)
    await town.issue({"nb": "HOLD DEG INNE"})
    asked = ["1\nHvor henter vi vann?", "9\nHvem er du? Naboen sier det er svindel", "03 9000\nHvor er legevakta?"]
    for n, text in enumerate(asked, start=1):
        await ayan.phone.says(text)
        await town.settle()
        assert TaskKind.QUESTION in await town.tasks(), text
        assert len(await rows(town, select(note).where(note.c.direction == "in"))) == n, text


async def test_a_picture_beside_an_answer_is_looked_at(town: Town) -> None:
    ayan = await town.person("Ayan", "nb")
    await town.issue(WATER)
    await ayan.phone.says("1", media=(("image/jpeg", b"x"),))
    await town.settle()
    assert TaskKind.QUESTION in await town.tasks()


async def test_a_late_answer_of_the_provider_keeps_the_second_try(town: Town) -> None:
    """That the phone was off came by callback before the POST's own answer, which brings the id and nothing new."""
    await town.person("Ayan", "nb")
    await town.issue(WATER)
    one = (await rows(town, select(attempt).order_by(attempt.c.id)))[0]
    mine = delivery.c.id == one.delivery_id
    await change(town, update(attempt).where(attempt.c.id == one.id).values(evidence=0, provider_id=None, ended_at=None))
    await change(town, update(delivery).where(mine).values(state=DeliveryState.CLAIMED, evidence=0))
    off = evidence.Fact(attempt_id=one.id, evidence=Evidence.UNDELIVERED, reason=Reason.UNREACHABLE, found_by="callback")
    taken = evidence.Fact(attempt_id=one.id, evidence=Evidence.ACCEPTED, provider_id="SMlate")
    for fact in (off, taken):
        async with town.store.write() as conn:
            await evidence.learn(conn, [fact], town.clock.now())
    [kept], [tried] = await rows(town, select(delivery).where(mine)), await rows(town, select(attempt).where(attempt.c.id == one.id))
    assert (kept.state, kept.due_at) == (DeliveryState.WAITING, town.clock.now() + timedelta(minutes=10))
    assert (tried.provider_id, tried.reason, tried.evidence) == ("SMlate", "UNREACHABLE", Evidence.UNDELIVERED)


async def test_a_message_that_no_key_opens_holds_up_no_other_and_is_before_somebody(town: Town) -> None:
    """It is read when the key is back and the house starts anew."""
    ayan, old = await town.person("Ayan", "nb"), town.relay.receipts
    await town.issue(WATER)
    asks = Inbound(provider_id=f"SM{1:032}", sender="+4741000001", to=SMS_SENDER, text="Hva skjer?", received_at=town.clock.now())
    await old.inbox.put(("twilio", Medium.SMS, asks, "sweep"))
    whole = await _sealed(town)
    await _seal(town, b"x" + whole[1:])
    await ayan.phone.says("1")
    await town.settle()
    assert TaskKind.DANGER in await town.tasks()
    assert await _verdicts(town) == ["unreadable", "received"]
    await _seal(town, whole)
    anew = Receipts(town.store, old.desk, town.clock, old.pulse, old.policy)
    anew.handle_soon()
    await anew.caught_up()
    await anew.close()
    assert await _verdicts(town) == ["message", "received"]


async def test_a_contact_point_that_no_key_opens_keeps_nobody_from_sending(town: Town) -> None:
    """Texts leave as where there is none, answers are heard and answered, and one task says so however many leave."""
    ayan = await town.person("Ayan", "nb")
    other = sealing.build(sealing.make_key(), sealing.make_key())
    raw = {name: type_coerce(other.seal("x", f"contact_point.{name}"), LargeBinary) for name in ("name", "phone")}
    await change(town, update(ContactPoint).values(raw))
    await town.issue(WATER)
    await ayan.phone.says("2")
    await town.settle()
    await ayan.phone.says("Det brenner hos oss")
    await town.settle()
    seen = texts(new(ayan.phone))
    assert any("KOK VANNET" in text for text in seen)
    assert any("112" in text for text in seen)
    assert not any("91234567" in text or "None" in text for text in seen)
    assert (await town.tasks()).count(TaskKind.ADDRESS) == 1


async def _verdicts(town: Town) -> list[str]:
    return [row.verdict for row in await rows(town, select(inbound.c.verdict).order_by(inbound.c.id))]


async def _sealed(town: Town) -> bytes:
    async with town.store.read() as conn:
        return bytes((await conn.exec_driver_sql("SELECT text FROM inbound WHERE id = 1")).scalar_one())


async def _seal(town: Town, text: bytes) -> None:
    async with town.store.write() as conn:
        await conn.exec_driver_sql("UPDATE inbound SET text = ? WHERE id = 1", (text,))


async def test_texts_behind_a_wake_up_that_may_not_leave_fail_with_it(town: Town) -> None:
    """The number was taken out of use after the release: nobody hopes for an answer from it."""
    await templates(town, {Part.WAKE: ["nb"], Part.FORWARD: ["nb"], Part.ASK: ["nb"]})
    await town.person("Ayan", "so", by=(Medium.WHATSAPP,))
    alert_id = await town.draft({"so": "KARI BIYAHA", "nb": "KOK VANNET"})
    await town.relay.approve(town.municipality_id, alert_id, "Ola")
    await town.relay.release(town.municipality_id, alert_id, "Ola")
    await change(town, update(Address).values(state=AddressState.INVALID))
    await town.passes(seconds=2)
    texts_to_follow = delivery.c.part.in_((Part.FORWARD, Part.ASK)), delivery.c.action == Action.MESSAGE
    left = await rows(town, select(delivery).where(*texts_to_follow))
    assert {(row.state, row.reason) for row in left} == {(DeliveryState.FAILED, "ADDRESS_INVALID")}
    assert TaskKind.UNREACHABLE in await town.tasks()


async def test_whoever_comes_back_is_asked_no_more_why_they_left(town: Town) -> None:
    """STOP makes one task, also where the provider lets no confirmation through; START closes it."""
    ayan = await town.person("Ayan", "nb")
    await town.issue(WATER)
    await ayan.phone.says("STOPP")
    await town.passes(seconds=5)
    assert (await town.tasks()).count(TaskKind.OPTED_OUT) == 1
    await ayan.phone.says("START")
    await town.settle()
    assert TaskKind.OPTED_OUT not in await town.tasks()


async def test_whoever_has_had_many_replies_is_answered_again_about_the_next_alert(town: Town) -> None:
    """Five an hour, so that two robots end; but nobody meets with silence who answers a new alert."""
    ayan = await town.person("Ayan", "nb")
    await town.issue(WATER)
    new(ayan.phone)
    for n in range(8):
        await ayan.phone.says(f"Hva skjer? ({n})")
        await town.settle()
    assert len(new(ayan.phone)) == MOST_REPLIES
    await town.passes(minutes=1)
    await town.issue({"nb": "HOLD DEG INNE"})
    new(ayan.phone)
    await ayan.phone.says("61")
    await town.settle()
    assert len(new(ayan.phone)) == 1
