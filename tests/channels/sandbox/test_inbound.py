"""What people write: it comes with every field, the provider acts on STOP, and WhatsApp has its window, templates and buttons."""

import json
from typing import Any

import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from channels.clock import ManualClock
from channels.sandbox.handset import NothingToAnswer
from channels.sandbox.house import ACCOUNT
from channels.sandbox.inbound import CannotAnswer
from channels.sandbox.ledger import Event
from channels.sandbox.people import Person
from channels.sandbox.phones import Silence
from channels.sandbox.sandbox import Sandbox
from tests.channels.sandbox.product import AYAN, OURS, Product, blocking, callback

WA_OURS, WA_AYAN = f"whatsapp:{OURS}", f"whatsapp:{AYAN}"


async def send(client: Client, **fields: Any) -> str:
    made = await blocking(lambda: client.messages.create(**{"to": AYAN, "from_": OURS, "body": "hei", **fields}))
    return str(made.sid)


async def test_an_answer_comes_with_every_field(client: Client, sandbox: Sandbox, product: Product) -> None:
    await send(client)
    await sandbox.settle()
    assert (await sandbox.phone(AYAN).says("  2 ")).http == 204
    (heard,) = product.inbound()
    assert set(heard) >= {f"{side}{what}" for side in ("To", "From") for what in ("Country", "State", "City", "Zip")}
    assert heard["MessageSid"] == heard["SmsSid"] == heard["SmsMessageSid"]
    assert (heard["From"], heard["To"], heard["Body"], heard["SmsStatus"]) == (AYAN, OURS, "  2 ", "received")
    assert (heard["AccountSid"], heard["NumMedia"], heard["NumSegments"]) == (ACCOUNT, "0", "1")
    listed = await blocking(lambda: client.messages.list(to=OURS))
    assert [(str(each.direction), each.sid, each.body) for each in listed] == [("inbound", heard["MessageSid"], "  2 ")]


async def test_an_answer_that_nobody_took_can_still_be_listed(client: Client, sandbox: Sandbox, product: Product) -> None:
    product.status = 500
    assert (await sandbox.phone(AYAN).says("1", to=OURS, channel="sms")).http == 500
    assert [entry.http for entry in sandbox.ledger.entries(Event.HANDED)] == [500]
    assert len(await blocking(lambda: client.messages.list(to=OURS))) == 1


@pytest.mark.parametrize("word", ["STOP", " stop\n", "Unsubscribe"])
async def test_after_stop_nothing_more_until_start(client: Client, sandbox: Sandbox, product: Product, word: str) -> None:
    await send(client)
    await sandbox.settle()
    await sandbox.phone(AYAN).says(word)
    with pytest.raises(TwilioRestException) as refused:
        await send(client)
    assert refused.value.code == 21610
    await send(client, from_="+4759440001")  # another sender was not meant
    await sandbox.phone(AYAN).says("START", to=OURS, channel="sms")
    await send(client)
    assert [each["Body"] for each in product.inbound()] == [word, "START"]
    assert not any("OptOutType" in each for each in product.inbound())


@pytest.mark.parametrize("said", ["STOP that, please", "STOPP", "I will not stop"])
async def test_stop_is_a_word_of_its_own(client: Client, sandbox: Sandbox, product: Product, said: str) -> None:
    await sandbox.phone(AYAN).says(said, to=OURS, channel="sms")
    assert [each["Body"] for each in product.inbound()] == [said]
    sid = await send(client)
    await sandbox.settle()
    assert (await blocking(lambda: client.messages(sid).fetch())).status == "delivered"
    assert [each.text for each in sandbox.phone(AYAN).messages] == ["hei"]


async def test_advanced_opt_out_tells_us(sandbox: Sandbox, product: Product) -> None:
    sandbox.change(advanced_opt_out=True)
    for word in ("STOP", "START", "HELP", "hei"):
        await sandbox.phone(AYAN).says(word, to=OURS, channel="sms")
    assert [each.get("OptOutType") for each in product.inbound()] == ["STOP", "START", "HELP", None]


async def test_nobody_can_answer_a_name(client: Client, sandbox: Sandbox) -> None:
    await send(client, from_="SorbyKomm")
    await sandbox.settle()
    with pytest.raises(CannotAnswer):
        await sandbox.phone(AYAN).says("1")


async def test_an_empty_phone_answers_nothing(sandbox: Sandbox) -> None:
    with pytest.raises(NothingToAnswer):
        await sandbox.phone(AYAN).says("1")
    with pytest.raises(NothingToAnswer):
        await sandbox.phone(AYAN).press("12.1")
    with pytest.raises(Silence):
        await sandbox.phone(AYAN).next(seconds=0.01)


async def test_whatsapp_outside_its_window(client: Client, sandbox: Sandbox, clock: ManualClock, product: Product) -> None:
    async def free(token: str) -> list[str]:
        sid = await send(client, to=WA_AYAN, from_=WA_OURS, status_callback=callback(product, token))
        await sandbox.settle()
        return product.statuses(sid)

    assert await free("a") == ["failed"]
    assert product.heard[-1].fields["ErrorCode"] == "63016"
    await sandbox.phone(AYAN).says("hei", to=OURS, channel="whatsapp")
    assert await free("b") == ["sent", "delivered", "read"]
    clock.advance(hours=24, seconds=1)
    assert await free("c") == ["failed"]


async def test_who_has_no_whatsapp_is_turned_down_before_anything_is_sent(client: Client, sandbox: Sandbox, product: Product) -> None:
    sandbox.add(Person(number=AYAN, character="no_whatsapp"))
    await sandbox.phone(AYAN).says("hei", to=OURS, channel="whatsapp")
    sid = await send(client, to=WA_AYAN, from_=WA_OURS, status_callback=callback(product))
    await sandbox.settle()
    assert (product.statuses(sid), product.heard[-1].fields["ErrorCode"]) == (["failed"], "63003")
    await send(client)
    assert (await sandbox.phone(AYAN).next()).channel == "sms"


async def template(client: Client) -> str:
    made = await blocking(
        lambda: client.http_client.request(
            "POST",
            f"{client.content.base_url}/v1/Content",
            data={
                "friendly_name": "boil_nb",
                "language": "nb",
                "variables": {"1": "12"},
                "types": {
                    "twilio/quick-reply": {
                        "body": "Du er ressursperson. Melding {{1}}: {{2}}.",
                        "actions": [{"title": "Lest", "id": "{{1}}.1"}, {"title": "Gir videre", "id": "{{1}}.2"}],
                    }
                },
            },
            headers={"Content-Type": "application/json"},
            auth=(ACCOUNT, "sandbox"),
        )
    )
    return str(json.loads(made.text)["sid"])


async def approve(client: Client, sid: str) -> None:
    request = client.content.v1.contents(sid).approval_create
    await blocking(lambda: client.content.v1.contents.get(sid).fetch())
    await blocking(lambda: request.create(_approval()))


def _approval() -> Any:
    from twilio.rest.content.v1.content.approval_create import ApprovalCreateList

    return ApprovalCreateList.ContentApprovalRequest({"name": "boil_nb", "category": "UTILITY"})


async def test_an_approved_template_opens_the_window_by_its_button(client: Client, sandbox: Sandbox, product: Product) -> None:
    sid = await template(client)
    await approve(client, sid)
    values = json.dumps({"1": "17", "2": "KOK VANNET"})
    sent = await send(client, to=WA_AYAN, from_=WA_OURS, body=None, content_sid=sid, content_variables=values)
    shown = await sandbox.phone(AYAN).next()
    assert (shown.text, shown.buttons) == ("Du er ressursperson. Melding 17: KOK VANNET.", (("Lest", "17.1"), ("Gir videre", "17.2")))
    await sandbox.phone(AYAN).press("Gir videre")
    (heard,) = product.inbound()
    assert (heard["ButtonPayload"], heard["ButtonText"], heard["Body"], heard["MessageType"]) == (
        "17.2",
        "Gir videre",
        "Gir videre",
        "button",
    )
    assert (heard["OriginalRepliedMessageSid"], heard["WaId"]) == (sent, AYAN.removeprefix("+"))
    await send(client, to=WA_AYAN, from_=WA_OURS)
    assert (await sandbox.phone(AYAN).next()).text == "hei"
    assert [entry.body for entry in sandbox.ledger.entries(Event.ACCEPTED)] == [shown.text, "hei"]


async def test_a_template_that_is_not_approved_opens_nothing(client: Client, sandbox: Sandbox, clock: ManualClock) -> None:
    sandbox.change(approval="rejected", approve_after=60)
    sid = await template(client)
    await approve(client, sid)

    async def approval() -> str:
        fetched = await blocking(lambda: client.content.v1.contents(sid).approval_fetch().fetch())
        return str(fetched.whatsapp["status"])

    assert await approval() == "received"
    clock.advance(seconds=60)
    await sandbox.settle()
    assert await approval() == "rejected"
    await send(client, to=WA_AYAN, from_=WA_OURS, body=None, content_sid=sid, content_variables='{"2": "x"}')
    await sandbox.settle()
    assert [entry.code for entry in sandbox.ledger.entries(Event.STATUS)] == [63016]


@pytest.mark.parametrize("variables", ["x", "[]", '{"1": 2}'])
async def test_variables_must_be_strings(client: Client, variables: str) -> None:
    sid = await template(client)
    with pytest.raises(TwilioRestException) as refused:
        await send(client, to=WA_AYAN, from_=WA_OURS, body=None, content_sid=sid, content_variables=variables)
    assert refused.value.code == 21656


async def test_a_quick_reply_in_the_session_is_interactive(client: Client, sandbox: Sandbox, product: Product) -> None:
    sid = await template(client)
    await sandbox.phone(AYAN).says("hei", to=OURS, channel="whatsapp")
    await send(client, to=WA_AYAN, from_=WA_OURS, body=None, content_sid=sid, content_variables='{"1": "3", "2": "x"}')
    await sandbox.settle()
    await sandbox.phone(AYAN).press("3.1")
    assert product.inbound()[-1]["MessageType"] == "interactive"
