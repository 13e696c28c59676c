"""A sandbox that ends in the middle and starts again on its ledger goes on: nothing is lost, nothing is sent twice."""

from collections import Counter
from email.message import EmailMessage
from pathlib import Path

import aiosmtplib
import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from channels.clock import ManualClock
from channels.sandbox.house import ACCOUNT, AUTH_TOKEN
from channels.sandbox.ledger import Event, read
from channels.sandbox.people import Person
from channels.sandbox.sandbox import Sandbox
from channels.sandbox.world import Settings
from tests.channels.sandbox.product import AYAN, OURS, Product, blocking, callback
from tests.channels.sandbox.test_inbound import approve, template
from tests.channels.sandbox.test_reading import ASK

MAILBOX = "ayan@example.org"


def client_of(sandbox: Sandbox) -> Client:
    client = Client(ACCOUNT, AUTH_TOKEN)
    client.api.base_url = client.content.base_url = sandbox.url
    return client


async def send(client: Client, to: str, url: str, body: str) -> str:
    made = await blocking(lambda: client.messages.create(to=to, from_=OURS, body=body, status_callback=url))
    return str(made.sid)


async def test_messages_on_their_way_arrive_and_promised_answers_come(tmp_path: Path, clock: ManualClock, product: Product) -> None:
    settings = Settings(sent_after=(1, 1), delivered_after=(10, 10), inbound_url=f"{product.url}/hooks/a/inbound")
    ledger = tmp_path / "ledger"
    async with Sandbox(ledger, clock=clock, settings=settings) as first:
        first.add(Person(number=AYAN, character="reader", delay=(60, 60)), Person(number="+4790000002", character="reader", delay=(5, 5)))
        client = client_of(first)
        early = [await send(client, to, callback(product, to), ASK) for to in (AYAN, "+4790000002")]
        clock.advance(seconds=20)
        await first.settle()
        late = await send(client, AYAN, callback(product, "late"), "hei")
        clock.advance(seconds=1)
        await first.settle()
    assert [each["From"] for each in product.inbound()] == ["+4790000002"]
    async with Sandbox(ledger, clock=clock, settings=settings) as second:
        clock.advance(minutes=5)
        await second.settle()
        client = client_of(second)
        assert product.statuses(late) == ["sent", "delivered"]
        assert (await blocking(lambda: client.messages(early[0]).fetch())).status == "delivered"
        assert len(await blocking(client.messages.list)) == 5
        assert [shown.text for shown in second.phone(AYAN).messages] == [ASK, "hei"]
    assert [each["From"] for each in product.inbound()] == ["+4790000002", AYAN]
    entries = read(ledger)
    assert Counter(entry.event for entry in entries if entry.event in (Event.ACCEPTED, Event.SHOWN)) == {Event.ACCEPTED: 3, Event.SHOWN: 3}
    assert [entry.n for entry in entries] == list(range(1, len(entries) + 1))


async def test_stop_and_the_window_are_remembered(tmp_path: Path, clock: ManualClock) -> None:
    ledger = tmp_path / "ledger"
    async with Sandbox(ledger, clock=clock) as first:
        await first.phone(AYAN).says("STOP", to=OURS, channel="sms")
        await first.phone(AYAN).says("hei", to=OURS, channel="whatsapp")
    async with Sandbox(ledger, clock=clock) as second:
        client = client_of(second)
        with pytest.raises(TwilioRestException) as refused:
            await blocking(lambda: client.messages.create(to=AYAN, from_=OURS, body="hei"))
        assert refused.value.code == 21610
        await blocking(lambda: client.messages.create(to=f"whatsapp:{AYAN}", from_=f"whatsapp:{OURS}", body="hei"))
        assert (await second.phone(AYAN).next()).text == "hei"


async def test_what_was_read_without_a_receipt_is_not_read_again(tmp_path: Path, clock: ManualClock) -> None:
    ledger = tmp_path / "ledger"
    async with Sandbox(ledger, clock=clock) as first:
        first.add(Person(number=AYAN, character="no_receipt"))
        await send(client_of(first), AYAN, "", ASK)
        await first.settle()
    async with Sandbox(ledger, clock=clock) as second:
        clock.advance(hours=1)
        await second.settle()
        assert [shown.text for shown in second.phone(AYAN).messages] == [ASK]
    counts = Counter(entry.event for entry in read(ledger))
    assert (counts[Event.SHOWN], counts[Event.STATUS], counts[Event.INBOUND]) == (1, 1, 1)


async def test_letters_and_templates_are_remembered(tmp_path: Path, clock: ManualClock) -> None:
    ledger = tmp_path / "ledger"
    mail = EmailMessage()
    mail["From"], mail["Message-ID"] = "varsel@example.org", "<1@example.org>"
    mail.set_content(ASK)
    async with Sandbox(ledger, clock=clock, settings=Settings(delivered_after=(60, 60))) as first:
        port = first.smtp_port
        await aiosmtplib.send(mail, recipients=[MAILBOX], sender="retur+x@example.org", hostname=first.host, port=port, start_tls=False)
        content = await template(client_of(first))
        await approve(client_of(first), content)
    async with Sandbox(ledger, clock=clock) as second:
        assert (await second.phone(MAILBOX).next()).text.strip() == ASK
        restored = second.contents.get(content)
        assert (restored.approval, restored.language) == ("approved", "nb")
        assert restored.render({"1": "17", "2": "x"}) == (
            "Du er ressursperson. Melding 17: x.",
            (("Lest", "17.1"), ("Gir videre", "17.2")),
        )
