"""Nights in Sørvik by WhatsApp and by letter: windows, templates, buttons, quotes, bounces, and the way out."""

import re

import aiohttp
import pytest
from sqlalchemy import select

from channels.sandbox.faults import Fault
from channels.sandbox.inbound import Written
from channels.sandbox.ledger import Event
from channels.sandbox.people import Act
from messages.form import Medium, Part
from messages.frames import Notice, say
from relay.model import AddressState, Rung, TaskKind
from relay.store.tables import answer, attempt, inbound
from relay.wording import LEAVING
from tests.stories.arrange import address, house_says, post, rows, sender, sends, templates, texts
from tests.stories.town import ON_SQLITE, WHATSAPP_SENDER, Somebody, Town, new

pytestmark = ON_SQLITE

WATER = {"so": "KARI BIYAHA", "nb": "KOK VANNET", "ti": "ማይ ኣፍልሑ", "ps": "اوبه وخوټوئ", "ckb": "ئاوەکە بکوڵێنن"}
SLIDE = {"so": "KA BAX", "nb": "GÅ UT", "ti": "ውጹ"}
WHATSAPP = (Medium.WHATSAPP,)


async def opens_window(town: Town, person: Somebody) -> None:
    """Let somebody write by WhatsApp, so that we may write freely for a day."""
    await person.phone.says("Hei", to=WHATSAPP_SENDER, channel="whatsapp")
    await town.settle()
    new(person.phone)


def used_templates(town: Town) -> list[str]:
    """Return the template of each WhatsApp message that the provider took; "" for free text."""
    return [entry.template for entry in town.sandbox.ledger.entries(Event.ACCEPTED) if entry.channel == "whatsapp"]


# --- WhatsApp ---------------------------------------------------------------------------------------------------------


async def test_inside_the_window_the_bubbles_are_free_text(town: Town) -> None:
    """Whoever wrote a while ago gets the text as it is, in two bubbles."""
    ayan = await town.person("Ayan", "so", by=WHATSAPP)
    await opens_window(town, ayan)
    before = len(used_templates(town))
    alert = await town.issue(WATER)
    forward, ask = texts(new(ayan.phone))
    assert "KARI BIYAHA" in forward
    assert "KARI BIYAHA" not in ask
    assert used_templates(town)[before:] == ["", ""]
    await ayan.phone.says("2")
    await town.settle()
    assert (await town.recipient(alert, ayan)).rung == Rung.WILL_PASS


async def test_outside_the_window_the_approved_template_goes(town: Town) -> None:
    """Text and buttons come as they were approved; a press binds."""
    await templates(town, {Part.FORWARD: ["nb"], Part.ASK: ["nb"]})
    kari = await town.person("Kari", "nb", by=WHATSAPP)
    alert = await town.issue(WATER)
    forward, ask = new(kari.phone)
    assert "KOK VANNET" in forward.text
    assert all(used_templates(town))
    assert [payload for _, payload in ask.buttons] == ["1.1", "1.2", "1.4"]
    await kari.phone.press("1.2")
    await town.settle()
    assert (await town.recipient(alert, kari)).rung == Rung.WILL_PASS


async def test_a_press_binds_exactly_while_two_alerts_are_open(town: Town) -> None:
    """The button of the older alert answers the older alert, and nobody is asked which one was meant."""
    await templates(town, {Part.FORWARD: ["nb"], Part.ASK: ["nb"]})
    kari = await town.person("Kari", "nb", by=WHATSAPP)
    water, slide = await town.issue(WATER), await town.issue(SLIDE)
    new(kari.phone)
    await kari.phone.press("1.1")
    await kari.phone.press("2.4")
    await town.settle()
    assert [(await town.recipient(one, kari)).rung for one in (water, slide)] == [Rung.RECEIVED, Rung.CANNOT]
    echoes = [house_says(Notice.ECHO_RECEIVED, "nb", number=1), house_says(Notice.ECHO_CANNOT, "nb", legend=6, number=2)]
    assert texts(new(kari.phone)) == echoes, "each says which one it is about"
    assert {row.bound_by for row in await rows(town, select(answer.c.bound_by))} <= {"exact", "number"}


async def test_a_reply_to_one_bubble_binds_to_its_alert(town: Town) -> None:
    """A digit written as a reply to the older bubble is that alert's answer."""
    ayan = await town.person("Ayan", "so", by=WHATSAPP)
    await opens_window(town, ayan)
    water = await town.issue(WATER)
    _, ask = new(ayan.phone)
    slide = await town.issue(SLIDE)
    replied = Written(sender=ask.to, to=WHATSAPP_SENDER, text="1", channel="whatsapp", reply_to=ask.id)
    await town.sandbox.inbox.hear(replied)
    await town.settle()
    assert [(await town.recipient(one, ayan)).rung for one in (water, slide)] == [Rung.RECEIVED, Rung.NONE]


@pytest.mark.parametrize("language", ["so", "ti", "ps", "ckb"])
async def test_a_language_without_template_is_woken_in_norwegian(town: Town, language: str) -> None:
    """One template comes, with a button; a tap opens the window, and the texts follow in the reader's own language, once."""
    await templates(town, {Part.WAKE: ["nb"], Part.FORWARD: ["nb"], Part.ASK: ["nb"]})
    ayan = await town.person("Ayan", language, by=WHATSAPP)
    alert = await town.issue(WATER)
    [wake] = new(ayan.phone)
    assert wake.text == say("nb", "whatsapp.wake", municipality="Sørvik", number="1")
    await ayan.phone.press("1.8")
    await town.settle()
    forward, ask = texts(new(ayan.phone))
    assert WATER[language] in forward
    assert say(language, "ask.to_you") in ask
    await ayan.phone.says("1")
    await town.settle()
    assert (await town.recipient(alert, ayan)).rung == Rung.RECEIVED


async def test_any_word_opens_the_window_too(town: Town) -> None:
    """Whoever writes instead of tapping gets the texts all the same."""
    await templates(town, {Part.WAKE: ["nb"]})
    ayan = await town.person("Ayan", "so", by=WHATSAPP)
    await town.issue(WATER)
    new(ayan.phone)
    await ayan.phone.says("Maxaa dhacay?")
    await town.settle()
    assert "KARI BIYAHA" in "\n".join(texts(new(ayan.phone)))


async def test_without_any_template_the_next_channel_comes_at_once(town: Town) -> None:
    """A sender that has no templates cannot open a conversation: nothing waits behind a window that nobody opens."""
    ayan = await town.person("Ayan", "so", by=(Medium.WHATSAPP, Medium.SMS))
    bilan = await town.person("Bilan", "so", by=WHATSAPP)
    alert = await town.issue(WATER)
    assert "KARI BIYAHA" in "\n".join(texts(new(ayan.phone)))
    assert {row.state for row in await sends(town, bilan) if row.part != Part.REMINDER and row.channel != "call"} == {"FAILED"}
    assert TaskKind.CALL in await town.tasks(), "whoever has no other way is rung at once"
    await town.passes(minutes=11)
    [(name, why)] = (await town.reach(alert)).unreachable
    assert name == "Bilan", "whoever has no other way is named when the reminder cannot go either, and does not wait for the end"
    assert "template" in why
    assert (await town.recipient(alert, bilan)).failed


async def test_a_window_that_closed_meanwhile_brings_the_template(town: Town) -> None:
    """WhatsApp says 63016 to free text: the template follows, and nobody counts it as a second copy."""
    await templates(town, {Part.FORWARD: ["nb"], Part.ASK: ["nb"]})
    kari = await town.person("Kari", "nb", by=WHATSAPP)
    await opens_window(town, kari)
    town.sandbox.network.heard_at.clear()
    alert = await town.issue(WATER)
    await town.settle()
    assert "KOK VANNET" in "\n".join(texts(new(kari.phone)))
    assert (await town.reach(alert)).possible_duplicates == 0


# --- letters ----------------------------------------------------------------------------------------------------------


async def test_a_quoted_letter_binds_exactly(town: Town) -> None:
    """An answer by mail counts for the letter that it answers, whatever else is open, and reads above the quote alone."""
    ayan = await town.person("Ayan", "so", by=(Medium.EMAIL,))
    assert ayan.mailbox is not None
    water = await town.issue(WATER)
    [letter] = new(ayan.mailbox)
    slide = await town.issue(SLIDE)
    await post(town).back(letter, Act.TEXT, "2")
    await town.settle()
    assert [(await town.recipient(one, ayan)).rung for one in (water, slide)] == [Rung.WILL_PASS, Rung.NONE]


async def test_out_of_office_is_not_seen(town: Town) -> None:
    """A machine's note is no answer, is not echoed, and spares nothing."""
    ayan = await town.person("Ayan", "so", by=(Medium.EMAIL,))
    assert ayan.mailbox is not None
    alert = await town.issue(WATER)
    [letter] = new(ayan.mailbox)
    await post(town).back(letter, Act.AWAY, language="en")
    await town.settle()
    assert new(ayan.mailbox) == []
    assert (await town.recipient(alert, ayan)).rung == Rung.NONE
    await town.passes(minutes=11)
    assert len(new(ayan.mailbox)) == 1, "the reminder"


async def test_danger_in_a_machine_s_mail_is_before_a_person_and_the_machine_is_not_written_to(town: Town) -> None:
    """A child may be missing in an out-of-office note too: the duty officer is alarmed, but nobody answers a machine."""
    ayan = await town.person("Ayan", "so", by=(Medium.EMAIL,))
    assert ayan.mailbox is not None
    alert = await town.issue(WATER)
    [letter] = new(ayan.mailbox)
    await post(town).back(letter, Act.AWAY, "My son is missing, help")
    await town.settle()
    assert new(ayan.mailbox) == []
    assert (await town.recipient(alert, ayan)).rung == Rung.NONE
    assert TaskKind.DANGER in await town.tasks()
    [alarm] = texts(new(town.sandbox.phone("+4799999999")))
    assert "Ayan" not in alarm


async def test_a_bounce_takes_the_mailbox_out_of_use(town: Town) -> None:
    """The coordinator has a task, the next channel does not wait, and the next alert does not try the mailbox again."""
    ayan = await town.person("Ayan", "so", by=(Medium.EMAIL, Medium.SMS))
    assert ayan.mailbox is not None
    await town.issue(WATER)
    [letter] = new(ayan.mailbox)
    await post(town).back(letter, Act.BOUNCE)
    await town.settle()
    assert "KARI BIYAHA" in "\n".join(texts(new(ayan.phone)))
    assert (await address(town, ayan, Medium.EMAIL)).state == AddressState.INVALID
    assert "address" in await town.tasks()
    await town.issue(SLIDE)
    assert new(ayan.mailbox) == []


async def test_the_foot_of_a_letter_says_how_to_leave_by_the_token_of_that_letter(town: Town) -> None:
    """What the mail programme's own button does, whoever sees no such button finds in the letter, in their language."""
    ayan = await town.person("Ayan", "so", by=(Medium.EMAIL,))
    await town.issue(WATER)
    [letter] = [one for one in town.sandbox.ledger.entries(Event.ACCEPTED) if one.channel == "email"]
    [url] = re.findall(r"<(http[^>]+)>", letter.headers["List-Unsubscribe"])
    assert url.endswith(f"/avmeld/{letter.token}")
    assert f"{say('so', 'email.leave')}: {url}" in letter.body
    assert f'href="{url}"' in letter.html
    assert ayan.mailbox is not None
    [shown] = new(ayan.mailbox)
    assert LEAVING not in shown.text


async def test_one_press_leaves_the_list_and_a_look_does_not(town: Town) -> None:
    """Mail scanners look at every link (GET); mail programs leave by POST (RFC 8058). Other channels stay."""
    ayan = await town.person("Ayan", "so", by=(Medium.EMAIL, Medium.SMS))
    assert ayan.mailbox is not None
    await town.issue(WATER)
    [letter] = town.sandbox.ledger.entries(Event.ACCEPTED)
    assert letter.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    [url] = re.findall(r"<(http[^>]+)>", letter.headers["List-Unsubscribe"])
    async with aiohttp.ClientSession() as session:
        async with session.get(url) as shown:
            assert shown.status == 200
        assert (await address(town, ayan, Medium.EMAIL)).state == AddressState.ACTIVE
        async with session.post(url, data={"List-Unsubscribe": "One-Click"}) as left:
            assert left.status == 200
        async with session.post(url + "x") as unknown:
            assert unknown.status == 404
    assert (await address(town, ayan, Medium.EMAIL)).state == AddressState.OPTED_OUT
    assert (await address(town, ayan, Medium.SMS)).state == AddressState.ACTIVE
    assert await town.tasks() == ["opted_out"]


async def test_a_letter_that_is_put_off_comes_all_the_same(town: Town) -> None:
    """A greylisting server says *later*: we come back, and the reader gets one letter."""
    senere = await town.person("senere", "so", by=(Medium.EMAIL,))
    assert senere.mailbox is not None
    await town.issue(WATER)
    assert new(senere.mailbox) == []
    await town.passes(minutes=2)
    assert len(new(senere.mailbox)) == 1


# --- one way ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reply_to", ["", "+4759449999"])
async def test_a_sender_that_nobody_can_answer_prints_no_digits(town: Town, reply_to: str) -> None:
    """It offers the number to answer or the contact's telephone instead."""
    await sender(town, two_way=False, address="SORVIK", reply_to=reply_to)
    ayan = await town.person("Ayan", "so")
    await town.issue(WATER)
    _, ask = texts(new(ayan.phone))
    assert not re.search(r"^[1-9] ", ask, re.MULTILINE)
    assert (reply_to or "91234567") in ask
    await town.passes(minutes=11)
    [reminder] = texts(new(ayan.phone))
    assert not re.search(r"^[1-9] ", reminder, re.MULTILINE)


# --- what the provider tells, in any order ----------------------------------------------------------------------------


async def test_a_callback_before_the_answer_to_our_call(town: Town) -> None:
    """The token in it tells which attempt it is about, also while that call is under way."""
    town.sandbox.order(Fault(kind="slow", seconds=0.3))
    ayan = await town.person("Ayan", "so")
    alert = await town.issue(WATER)
    reach = await town.reach(alert)
    assert (reach.totals.delivered, reach.channels[Medium.SMS].delivered) == (1, 2)
    assert {row.found_by for row in await rows(town, select(attempt.c.found_by))} == {"callback"}
    assert len(new(ayan.phone)) == 2


async def test_late_repeated_and_shuffled_callbacks_change_nothing(town: Town) -> None:
    """Evidence only rises, and everything is counted once."""
    town.sandbox.change(callback_repeat=1, callback_shuffle=60, delivered_after=(5, 5))
    people = [await town.person(f"Person{n}", "so") for n in range(5)]
    people[0].phone.off()
    alert = await town.issue(WATER)
    await town.passes(minutes=3)
    reach = await town.reach(alert)
    assert (reach.totals.sent, reach.totals.delivered) == (5, 4)
    sms = reach.channels[Medium.SMS]
    assert (sms.sent, sms.delivered, sms.failed) == (10, 8, 2)


async def test_the_same_answer_brought_twice_counts_once(town: Town) -> None:
    """A provider that repeats an inbound message brings no second echo."""
    ayan = await town.person("Ayan", "so")
    await town.issue(WATER)
    new(ayan.phone)
    await ayan.phone.says("2")
    await town.settle()
    before = len(new(ayan.phone))
    await town.relay.sweep()
    await town.settle()
    assert (before, len(new(ayan.phone))) == (1, 0)
    assert len(await rows(town, select(inbound))) == len(await rows(town, select(answer))) == 1
    assert len(await sends(town, ayan, Part.NOTICE)) == 1
