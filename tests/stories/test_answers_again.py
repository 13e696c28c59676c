"""Nights in Sørvik in which an answer could go astray: to the neighbours, to yesterday's question, into a letter of somebody else's."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest
from sqlalchemy import select, update

from channels.base import Callback
from messages.alert import Act, Kind
from messages.form import Medium, Part
from messages.frames import Notice, say
from relay import echo
from relay.model import AddressState, Rung
from relay.store.columns import AnyRow
from relay.store.tables import Address, ResourcePerson, alert, attempt, delivery, inbound, note, recipient, task, thread
from tests.stories.arrange import address, change, house_says, neighbour, rows, sender, sends, texts
from tests.stories.town import DOMAIN, ON_SQLITE, SMS_SENDER, Somebody, Town, new

pytestmark = ON_SQLITE

WATER = {"so": "KARI BIYAHA", "nb": "KOK VANNET"}
SLIDE = {"so": "KA BAX", "nb": "GÅ UT"}
SHARED = "+4741999999"
DANGER = "barn savnet, hjelp"


async def verdicts(town: Town) -> list[str]:
    """Return what came of each message, in order."""
    return [row.verdict for row in await rows(town, select(inbound.c.verdict).order_by(inbound.c.id))]


async def says(town: Town, person: Somebody, text: str) -> list[str]:
    """Let somebody write an SMS, and return what is answered."""
    new(person.phone)
    await person.phone.says(text, to=SMS_SENDER, channel="sms")
    await town.settle()
    return texts(new(person.phone))


# --- one number in two municipalities that share a sender ----------------------------------------------------------------


async def in_two_towns(town: Town) -> tuple[Somebody, Town, Somebody]:
    """Return somebody of Sørvik, the neighbours, and the same number's owner there."""
    nordvik = await neighbour(town, sms=SMS_SENDER)
    here = await town.person("Ayan", "so", number=SHARED)
    return here, nordvik, await nordvik.person("Ayan", "so", number=SHARED)


async def of_one_town(town: Town) -> Sequence[AnyRow]:
    """Return notices, tasks and threads; each must be of its alert's municipality, and so must its person."""
    owner = {row.id: row.municipality_id for row in await rows(town, select(alert.c.id, alert.c.municipality_id))}
    home = {row.id: row.municipality_id for row in await rows(town, select(ResourcePerson.id, ResourcePerson.municipality_id))}
    found: list[AnyRow] = []
    for table in (delivery, task, thread):
        columns = (table.c.municipality_id, table.c.alert_id, table.c.person_id)
        found.extend(await rows(town, select(*columns)))
    assert all(row.alert_id is None or owner[row.alert_id] == row.municipality_id for row in found)
    assert all(row.person_id is None or home[row.person_id] == row.municipality_id for row in found)
    return found


async def test_a_notice_about_the_neighbours_alert_is_the_neighbours(town: Town) -> None:
    """It is answered as them; a wheel that knows only its own alerts is not stopped by it."""
    here, nordvik, there = await in_two_towns(town)
    await change(town, update(ResourcePerson).where(ResourcePerson.id == here.id).values(paused=True))
    slide = await nordvik.issue(SLIDE)
    town.relay.dispatcher.texts.issues.clear()
    assert await says(town, here, "2") == [house_says(Notice.ECHO_WILL_PASS).replace("Sørvik", "Nordvik")]
    assert (await nordvik.recipient(slide, there)).rung == Rung.WILL_PASS
    await nordvik.relay.cancel(nordvik.municipality_id, slide, "Kari")
    await nordvik.settle()
    await says(town, here, "nr 1: 2")
    assert (await verdicts(town))[-1] == "closed"
    assert await of_one_town(town)


async def test_danger_is_read_where_the_alert_is(town: Town) -> None:
    """Task, thread and reply are all the neighbours', whose alert is open."""
    here, nordvik, _ = await in_two_towns(town)
    await nordvik.issue(SLIDE)
    await says(town, here, DANGER)
    assert await of_one_town(town)
    assert "danger" in await nordvik.tasks()
    assert await town.tasks() == []


async def test_stop_is_told_to_both(town: Town) -> None:
    """Both lose their way to the person, so both talk to them."""
    here, nordvik, there = await in_two_towns(town)
    await says(town, here, "STOPP")
    assert [(await address(town, one)).state for one in (here, there)] == [AddressState.OPTED_OUT] * 2
    assert await town.tasks() == await nordvik.tasks() == ["opted_out"]


# --- nothing is dropped ---------------------------------------------------------------------------------------------------


async def test_danger_to_a_number_that_is_no_sender_of_ours(town: Town) -> None:
    """A number was changed, or never registered: whoever uses the account hears of danger all the same, from anybody."""
    ayan = await town.person("Ayan", "so")
    stranger = Somebody(0, "Nobody", town.sandbox.phone("+4798000000"))
    await sender(town, Medium.SMS, address="+4759449998")
    await says(town, stranger, DANGER)
    assert await town.tasks() == ["danger", "unknown_sender"]
    await says(town, ayan, DANGER)
    assert (await town.tasks()).count("danger") == 2
    assert await says(town, stranger, "hei") == []
    assert (await verdicts(town))[-1] == "no_sender_of_ours"


def broken(*_given: object, **_named: object) -> Any:
    """Stand for a step that breaks."""
    raise ValueError("it breaks")


async def test_a_reply_that_cannot_be_made_takes_nothing_with_it(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer counts, and danger is alarmed; only the echo is missing."""
    ayan = await town.person("Ayan", "so")
    water = await town.issue(WATER)
    monkeypatch.setattr(echo, "say", broken)
    await says(town, ayan, "1")
    await says(town, ayan, DANGER)
    assert await verdicts(town) == ["received", "message"]
    assert (await town.recipient(water, ayan)).rung == Rung.RECEIVED
    assert "danger" in await town.tasks()
    assert len(texts(new(town.sandbox.phone("+4799999999")))) == 1


@pytest.mark.parametrize("step", ["decide", "inbox.origin"])
async def test_a_message_that_breaks_us_keeps_its_danger(town: Town, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    """Its text stands in a thread, and danger is danger, even if nobody can tell who wrote."""
    ayan = await town.person("Ayan", "so")
    monkeypatch.setattr(f"relay.receipts.{step}", broken)
    await says(town, ayan, DANGER)
    await says(town, ayan, "hei")
    assert await verdicts(town) == ["broke_us", "broke_us"]
    assert await town.tasks() == ["danger", "question"]
    assert [row.text for row in await rows(town, select(note.c.text).order_by(note.c.id))] == [DANGER, "hei"]


# --- about how many -------------------------------------------------------------------------------------------------------


async def test_yesterdays_question_does_not_take_todays_answer(town: Town) -> None:
    """The alert is closed, so its count is asked no more."""
    ayan = await town.person("Ayan", "so")
    await town.issue(WATER)
    await says(town, ayan, "2")
    await town.passes(hours=37)
    slide = await town.issue(SLIDE)
    await says(town, ayan, "1")
    assert (await town.recipient(slide, ayan)).rung == Rung.RECEIVED


async def test_an_answer_to_a_withdrawal_is_one(town: Town) -> None:
    """3 says that the withdrawal was passed on, not that three people heard the alert."""
    ayan = await town.person("Ayan", "so")
    water = await town.issue(WATER)
    await says(town, ayan, "2")
    await town.passes(hours=2)
    withdrawal = await town.relay.correct(town.municipality_id, water, Act.WITHDRAW, "Kari")
    assert withdrawal is not None
    await town.settle()
    [listed] = await says(town, ayan, "2")
    assert say("so", "act.withdrawn", replaces=1) in listed
    assert len(await says(town, ayan, "3")) == 1, "and nobody asks how many"
    assert (await town.recipient(withdrawal, ayan)).rung == Rung.PASSED_ON
    assert (await town.recipient(water, ayan)).reported == 0


async def test_a_digit_is_asked_back_while_two_are_open_and_one_counts(town: Town) -> None:
    """4 may be *cannot* for the other alert; 40 can only be a count."""
    ayan = await town.person("Ayan", "so")
    water = await town.issue(WATER)
    await says(town, ayan, "2")
    await town.passes(hours=2)
    await town.issue(SLIDE)
    await says(town, ayan, "4")
    assert (await verdicts(town))[-1] == "which_alert"
    await says(town, ayan, "40")
    assert (await town.recipient(water, ayan)).reported == 40


async def test_a_doubt_ends_with_the_next_answer(town: Town) -> None:
    """9000 was asked back, 40 it was; 4 then means *cannot*."""
    ayan = await town.person("Ayan", "so")
    water = await town.issue(WATER)
    for text in ("3 9000", "3 40", "4"):
        await says(town, ayan, text)
    assert (await town.recipient(water, ayan)).rung == Rung.CANNOT


async def test_passed_on_without_a_number_is_asked_even_if_a_question_was_spared(town: Town) -> None:
    """2, then 3: the question that waited an hour comes at once, once."""
    ayan = await town.person("Ayan", "so")
    await town.issue(WATER)
    await says(town, ayan, "2")
    await town.passes(minutes=10)
    assert len(await says(town, ayan, "3")) == 2
    await town.passes(hours=3)
    assert [row.state for row in await sends(town, ayan, Part.COUNT)] == ["DONE"]
    assert new(ayan.phone) == []


@pytest.mark.parametrize(("text", "questions"), [("3 40", 0), ("3", 1)])
async def test_a_shared_telephone_is_asked_no_more_than_once(town: Town, text: str, questions: int) -> None:
    """What one of them told is told."""
    ayan = await town.person("Ayan", "so", number=SHARED)
    await town.person("Bilan", "so", number=SHARED)
    await town.issue(WATER)
    assert len(await says(town, ayan, text)) == 1 + questions


# --- what an answer spares ------------------------------------------------------------------------------------------------


async def test_a_lost_quorum_wakes_nobody_for_who_has_answered(town: Town) -> None:
    """Cali answered while her deputy stood spared by the quorum; when the others fall away, her own answer still stands."""
    ayan, bilan, cali = [await town.person(name, "so") for name in ("Ayan", "Bilan", "Cali")]
    dalmar = await town.person("Dalmar", "so", deputy_of=cali)
    await town.issue(WATER)
    for person, text in ((ayan, "2"), (bilan, "2"), (cali, "2"), (ayan, "4"), (bilan, "4")):
        await says(town, person, text)
    await town.passes(hours=1)
    assert texts(new(dalmar.phone)) == []
    called = await rows(town, select(task.c.person_id).where(task.c.kind == "call"))
    assert cali.id not in [row.person_id for row in called]


async def test_whoever_answered_by_mail_gets_no_second_try_by_sms(town: Town) -> None:
    """The telephone was off; the letter was answered."""
    ayan = await town.person("Ayan", "so", by=(Medium.SMS, Medium.EMAIL))
    ayan.phone.off()
    water = await town.issue(WATER)
    assert ayan.mailbox is not None
    await ayan.mailbox.says("2", channel="email")
    await town.settle()
    assert (await town.recipient(water, ayan)).rung == Rung.WILL_PASS
    ayan.phone.on()
    await town.passes(minutes=30)
    assert texts(new(ayan.phone)) == []


# --- exercises, and nothing at all ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["8", "9", "0", "Gjelder det skolen?"])
async def test_whatever_is_asked_in_an_exercise_is_answered_as_one(town: Town, text: str) -> None:
    """No reply can be taken for a real one; with a real alert open beside it, only the exercise's own line is marked."""
    mark = say("nb", "mark.exercise")
    ayan = await town.person("Ayan", "nb")
    await town.issue({"nb": "KOK VANNET"}, kind=Kind.EXERCISE)
    [answered] = await says(town, ayan, text)
    assert answered.startswith(mark)
    assert answered.endswith(mark)
    await town.issue({"nb": "GÅ UT"})
    [answered] = await says(town, ayan, text)
    assert not answered.startswith(mark)
    assert (f"{mark} 1: KOK VANNET {mark}" in answered) == (text in ("8", "9"))


async def test_of_two_alerts_that_an_answer_may_mean_the_exercise_says_that_it_is_one(town: Town) -> None:
    """And the real one does not."""
    mark = say("nb", "mark.exercise")
    ayan = await town.person("Ayan", "nb")
    await town.issue({"nb": "KOK VANNET"}, topic="vann", kind=Kind.EXERCISE)
    await town.issue({"nb": "GÅ UT"}, topic="skred")
    [question] = await says(town, ayan, "1")
    assert f"1 ({mark} vann): 01" in question
    assert "2 (skred): 61" in question


async def test_the_subject_of_a_mail_in_an_exercise_is_marked(town: Town) -> None:
    """A list of mails shows subjects alone."""
    mark = say("nb", "mark.exercise")
    ayan = await town.person("Ayan", "nb", by=(Medium.EMAIL,))
    await town.issue({"nb": "KOK VANNET"}, kind=Kind.EXERCISE)
    assert ayan.mailbox is not None
    new(ayan.mailbox)
    await ayan.mailbox.says("1", channel="email")
    await town.settle()
    [echo] = new(ayan.mailbox)
    assert echo.subject == f"{mark} {say('nb', 'email.subject_notice', municipality='Sørvik')} {mark}"


async def test_nothing_in_force_is_said(town: Town) -> None:
    """And a number that is nobody's is told so in two languages."""
    ayan = await town.person("Ayan", "so")
    stranger = Somebody(0, "Nobody", town.sandbox.phone("+4798000000"))
    assert await says(town, ayan, "8") == [house_says(Notice.NOTHING_IN_FORCE)]
    both = "\n".join(house_says(Notice.NOT_REGISTERED, language) for language in ("nb", "en"))
    assert await says(town, stranger, "hei") == [both]


# --- letters: the token proves, From does not -------------------------------------------------------------------------------


async def lettered(town: Town) -> tuple[Somebody, int, str]:
    """Return somebody with an alert by mail, and the token of their letter."""
    ayan = await town.person("Ayan", "so", by=(Medium.EMAIL,))
    await town.person("Bilan", "so", by=(Medium.EMAIL,))
    water = await town.issue(WATER)
    mine = select(attempt.c.token).join(delivery, delivery.c.id == attempt.c.delivery_id).where(delivery.c.person_id == ayan.id)
    return ayan, water, (await rows(town, mine))[0].token


async def posts(town: Town, to: str, sent_by: str, text: str, headers: str = "MIME-Version: 1.0") -> None:
    """Hand in a mail."""
    head = f"From: {sent_by}\r\nTo: {to}\r\nMessage-ID: <1@folk.test>\r\nSubject: Re\r\n{headers}\r\n\r\n"
    fields = (("mail_from", sent_by), ("rcpt_to", to))
    await town.relay.hear("email", Callback(url="lmtp:", fields=fields, body=f"{head}{text}".encode(), received_at=town.clock.now()))
    await town.settle()


async def test_from_without_a_token_stops_nobodys_letters(town: Town) -> None:
    """Anybody can write a name into From."""
    ayan, water, _ = await lettered(town)
    await posts(town, f"avmeld+AAAAAAAAAAAA@{DOMAIN}", "ayan@folk.test", "x")
    await posts(town, f"svar+AAAAAAAAAAAA@{DOMAIN}", "ayan@folk.test", "2")
    assert (await address(town, ayan, Medium.EMAIL)).state == AddressState.ACTIVE
    assert (await town.recipient(water, ayan)).rung == Rung.NONE
    assert set(await verdicts(town)) == {"unknown_sender"}


async def test_a_token_binds_from_whatever_mailbox(town: Town) -> None:
    """The letter was forwarded to work, and answered from there."""
    ayan, water, token = await lettered(town)
    await posts(town, f"svar+{token}@{DOMAIN}", "ayan.warsame@jobb.test", "2")
    assert (await town.recipient(water, ayan)).rung == Rung.WILL_PASS


async def leaves(town: Town, token: str) -> None:
    """Press *unsubscribe*, in the name of somebody else."""
    await posts(town, f"avmeld+{token}@{DOMAIN}", "bilan@folk.test", "")


async def complains(town: Town, token: str) -> None:
    """Press *spam*: the provider reports it (RFC 5965)."""
    parts = (
        "Content-Type: text/plain\r\n\r\nspam",
        "Content-Type: message/feedback-report\r\n\r\nFeedback-Type: abuse\r\nUser-Agent: x\r\nVersion: 1\r\n",
        f"Content-Type: message/rfc822\r\n\r\nFrom: varsel@{DOMAIN}\r\nReply-To: svar+{token}@{DOMAIN}\r\nSubject: x\r\n\r\nhei",
    )
    body = "".join(f"--B\r\n{part}\r\n" for part in parts) + "--B--\r\n"
    kind = "MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=feedback-report; boundary=B"
    await posts(town, f"retur+{token}@{DOMAIN}", "fbl@provider.test", body, kind)


async def test_what_somebody_writes_while_leaving_is_read_by_a_person(town: Town) -> None:
    """They leave, and what they say of it stays; danger is alarm even then."""
    ayan, _, token = await lettered(town)
    await posts(town, f"avmeld+{token}@{DOMAIN}", "ayan@folk.test", "I have moved to Bergen.\r\nThere is a fire in my house!")
    assert (await address(town, ayan, Medium.EMAIL)).state == AddressState.OPTED_OUT
    assert [row.text for row in await rows(town, select(note.c.text))] == ["I have moved to Bergen.\nThere is a fire in my house!"]
    assert {"opted_out", "danger"} <= set(await town.tasks())


async def test_an_empty_farewell_opens_no_thread(town: Town) -> None:
    """Nor does one that says nothing but the word."""
    _, _, token = await lettered(town)
    for text in ("", "STOPP"):
        await posts(town, f"avmeld+{token}@{DOMAIN}", "ayan@folk.test", text)
    assert await rows(town, select(thread.c.id)) == []


@pytest.mark.parametrize("way", [leaves, complains])
async def test_a_farewell_is_of_the_address_that_the_letter_went_to(town: Town, way: Callable[[Town, str], Awaitable[None]]) -> None:
    """Nobody else's letters stop, whoever sent it."""
    ayan, _, token = await lettered(town)
    await way(town, token)
    states = await rows(town, select(Address.person_id, Address.state))
    assert {row.person_id for row in states if row.state == AddressState.OPTED_OUT} == {ayan.id}
    assert "opted_out" in await town.tasks()


# --- a number, and another one --------------------------------------------------------------------------------------------


async def test_another_number_corrects_the_first_and_an_answer_stays_an_answer(town: Town) -> None:
    """The echo says "to change it, send a new number": then that must be enough."""
    ayan = await town.person("Ayan", "so")
    await town.issue(WATER)
    told = select(recipient.c.rung, recipient.c.reported)
    for written, rung, count in (("3 60", Rung.PASSED_ON, 60), ("40", Rung.PASSED_ON, 40), ("4", Rung.CANNOT, 0)):
        await says(town, ayan, written)
        (row,) = await rows(town, told)
        assert (row.rung, row.reported) == (rung, count), written
