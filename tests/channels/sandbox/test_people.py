"""People with characters, end to end: a message appears, its time comes, and the product hears of it."""

from datetime import timedelta

import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from channels.clock import ManualClock
from channels.sandbox.ledger import Event
from channels.sandbox.people import Person
from channels.sandbox.sandbox import Sandbox
from tests.channels.sandbox.product import AYAN, OURS, Product, blocking
from tests.channels.sandbox.test_reading import ASK, COUNT


def person(character: str, number: str = AYAN, **more: object) -> Person:
    return Person.model_validate({"number": number, "character": character, "delay": (60, 60), **more})


async def send(client: Client, body: str, to: str = AYAN) -> None:
    await blocking(lambda: client.messages.create(to=to, from_=OURS, body=body))


async def passes(sandbox: Sandbox, clock: ManualClock, seconds: float) -> None:
    clock.advance(seconds=seconds)
    await sandbox.settle()


async def test_a_helper_answers_in_time_and_reports_when_asked(
    client: Client, sandbox: Sandbox, clock: ManualClock, product: Product
) -> None:
    sandbox.add(person("helper", reaches=40))
    await send(client, ASK)
    await passes(sandbox, clock, 59)
    assert product.inbound() == []
    await passes(sandbox, clock, 1)
    assert [each["Body"] for each in product.inbound()] == ["2"]
    await send(client, COUNT)
    await passes(sandbox, clock, 60)
    assert [each["Body"] for each in product.inbound()] == ["2", "40"]
    asked, answered = sandbox.ledger.entries(Event.SHOWN)[0], sandbox.ledger.entries(Event.INBOUND)[0]
    assert answered.at - asked.at == timedelta(seconds=60)


async def test_nobody_answers_while_answers_are_held_back(client: Client, sandbox: Sandbox, clock: ManualClock, product: Product) -> None:
    sandbox.add(person("reader"))
    sandbox.change(answering=False)
    await send(client, ASK)
    await passes(sandbox, clock, 3600)
    assert product.inbound() == []
    sandbox.change(answering=True)
    await sandbox.settle()
    assert [each["Body"] for each in product.inbound()] == ["1"]


async def test_a_phone_that_is_off_reads_nothing_and_answers_nothing(
    client: Client, sandbox: Sandbox, clock: ManualClock, product: Product
) -> None:
    sandbox.add(person("reader"))
    await send(client, ASK)
    await sandbox.settle()
    sandbox.phone(AYAN).off()
    await passes(sandbox, clock, 3600)
    assert product.inbound() == []


async def test_characters_whom_nothing_reaches(client: Client, sandbox: Sandbox) -> None:
    numbers = {"switched_off": "+4790000011", "undelivered": "+4790000012", "unknown": "+4790000013", "no_receipt": "+4790000014"}
    sandbox.add(*(person(character, number) for character, number in numbers.items()))
    for number in numbers.values():
        await send(client, ASK, number)
    await sandbox.settle()
    last = {entry.to: (entry.status, entry.code) for entry in sandbox.ledger.entries(Event.STATUS)}
    assert last == {
        numbers["switched_off"]: ("undelivered", 30003),
        numbers["undelivered"]: ("undelivered", 30008),
        numbers["unknown"]: ("undelivered", 30005),
        numbers["no_receipt"]: ("sent", 0),
    }
    assert [entry.to for entry in sandbox.ledger.entries(Event.SHOWN)] == [numbers["no_receipt"]]


async def test_a_picture_arrives_with_its_bytes(client: Client, sandbox: Sandbox, clock: ManualClock, product: Product) -> None:
    sandbox.add(person("photographer"))
    await send(client, ASK)
    await passes(sandbox, clock, 60)
    (heard,) = product.inbound()
    assert (heard["NumMedia"], heard["MediaContentType0"], heard["Body"]) == ("1", "image/png", "")
    picture = await blocking(lambda: client.http_client.request("GET", heard["MediaUrl0"], auth=(sandbox.world.account, "sandbox")))
    assert picture.status_code == 200


async def test_who_left_long_ago_is_refused_and_who_leaves_now_is_refused_next(
    client: Client, sandbox: Sandbox, clock: ManualClock, product: Product
) -> None:
    sandbox.add(person("opted_out"), person("leaver", "+4790000002"))
    await send(client, ASK, "+4790000002")
    await passes(sandbox, clock, 60)
    assert [each["Body"] for each in product.inbound()] == ["STOP"]
    for to in (AYAN, "+4790000002"):
        with pytest.raises(TwilioRestException) as refused:
            await send(client, ASK, to)
        assert refused.value.code == 21610


async def test_the_same_seed_lives_the_same_night(client: Client, sandbox: Sandbox, clock: ManualClock) -> None:
    people = [Person(number=f"+479000{n:04}", character="helper") for n in range(20)]
    sandbox.add(*people)
    for someone in people:
        await send(client, ASK, someone.number)
    await passes(sandbox, clock, 60)
    first = {entry.to: entry.at for entry in sandbox.ledger.entries(Event.SHOWN)}
    answered = {entry.sender: (entry.at - first[entry.sender]).total_seconds() for entry in sandbox.ledger.entries(Event.INBOUND)}
    expected = {each.number: sandbox.world.dice.between((5, 40), each.number, "sms", ASK, "delay") for each in people}
    assert answered == {number: round(seconds, 6) for number, seconds in expected.items()}
