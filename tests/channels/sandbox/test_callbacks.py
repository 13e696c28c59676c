"""What the provider says about a message afterwards: in order, late, lost, twice, out of order, again and again, or only to us."""

from collections import Counter
from typing import Any

import pytest
from twilio.rest import Client

from channels.clock import ManualClock
from channels.sandbox.ledger import Event
from channels.sandbox.postman import Answer, Persistence
from channels.sandbox.sandbox import Sandbox
from channels.sandbox.world import Dice
from tests.channels.sandbox.product import AYAN, OURS, Product, blocking, callback


async def create(client: Client, product: Product, to: str = AYAN, token: str = "t0ken", **fields: Any) -> str:
    """Send one message; return its sid."""
    url = callback(product, token)
    made = await blocking(lambda: client.messages.create(**{"to": to, "from_": OURS, "body": "hei", "status_callback": url, **fields}))
    return str(made.sid)


async def test_statuses_come_when_their_time_has_come(client: Client, sandbox: Sandbox, clock: ManualClock, product: Product) -> None:
    sandbox.change(sent_after=(1, 1), delivered_after=(10, 10))
    await create(client, product)
    await sandbox.settle()
    assert product.statuses() == []
    clock.advance(seconds=1)
    await sandbox.settle()
    assert product.statuses() == ["sent"]
    clock.advance(seconds=10)
    await sandbox.settle()
    assert product.statuses() == ["sent", "delivered"]


async def test_a_clock_that_jumps_plays_what_lay_between(client: Client, sandbox: Sandbox, clock: ManualClock, product: Product) -> None:
    sandbox.change(sent_after=(1, 1), delivered_after=(10, 10))
    await create(client, product)
    start = clock.now()
    clock.advance(hours=1)
    await sandbox.settle()
    statuses = sandbox.ledger.entries(Event.STATUS)
    assert [(entry.status, (entry.at - start).total_seconds()) for entry in statuses] == [("sent", 1), ("delivered", 11)]


async def test_the_switched_off_phone(client: Client, sandbox: Sandbox, product: Product) -> None:
    sandbox.phone(AYAN).off()
    await create(client, product)
    await sandbox.settle()
    assert product.statuses() == ["sent", "undelivered"]
    assert product.heard[-1].fields["ErrorCode"] == "30003"
    assert sandbox.phone(AYAN).messages == []
    sandbox.phone(AYAN).on()
    await create(client, product)
    assert (await sandbox.phone(AYAN).next()).text == "hei"


async def test_some_are_lost_and_the_ledger_knows_which(client: Client, sandbox: Sandbox, product: Product) -> None:
    sandbox.change(callback_loss=0.3)
    sent = [await create(client, product, to=f"+479000{n:04}") for n in range(50)]
    await sandbox.settle()
    dropped = sandbox.ledger.entries(Event.DROPPED)
    assert 15 <= len(dropped) <= 45
    assert len(product.heard) == 2 * len(sent) - len(dropped)
    told = {(each.fields["MessageSid"], each.fields["MessageStatus"]) for each in product.heard}
    assert not told & {(entry.id, entry.status) for entry in dropped}


async def test_the_same_seed_loses_the_same_whatever_the_order(client: Client, sandbox: Sandbox, product: Product) -> None:
    sandbox.change(callback_loss=0.5)
    people = [f"+479000{n:04}" for n in range(20)]
    for to in [*people, *people[::-1]]:
        await create(client, product, to=to)
    await sandbox.settle()
    dropped = {(entry.to, entry.status) for entry in sandbox.ledger.entries(Event.DROPPED)}
    dice = Dice(1)  # the seed of this sandbox
    rolled = [(to, nth, status) for to in people for nth in (0, 1) for status in ("sent", "delivered")]
    assert dropped == {(to, status) for to, nth, status in rolled if dice.happens(0.5, to, nth, status, "loss")}


async def test_some_come_twice(client: Client, sandbox: Sandbox, product: Product) -> None:
    sandbox.change(callback_repeat=1)
    sid = await create(client, product)
    await sandbox.settle()
    assert Counter(product.statuses(sid)) == {"sent": 2, "delivered": 2}


async def test_they_are_shuffled(client: Client, sandbox: Sandbox, clock: ManualClock, product: Product) -> None:
    sandbox.change(callback_shuffle=60)
    sids = [await create(client, product, to=f"+479000{n:04}") for n in range(20)]
    for _ in range(60):
        clock.advance(seconds=1)
        await sandbox.settle()
    orders = Counter(tuple(product.statuses(sid)) for sid in sids)
    assert set(orders) == {("sent", "delivered"), ("delivered", "sent")}


async def test_none_at_all(client: Client, sandbox: Sandbox, product: Product) -> None:
    sandbox.change(callbacks=False)
    await create(client, product)
    await sandbox.settle()
    assert product.heard == []
    assert len(sandbox.phone(AYAN).messages) == 1


async def test_a_refused_call_is_repeated_as_the_url_asks(client: Client, sandbox: Sandbox, product: Product) -> None:
    product.status = 503
    await create(client, product)
    await sandbox.settle()
    assert product.statuses() == ["sent"] * 3 + ["delivered"] * 3, "rc=2: once, and twice more; each before the next"
    assert len({each.token for each in product.heard}) == 2, "a repeat carries the token of the first"
    assert all(each.genuine for each in product.heard)
    assert [entry.http for entry in sandbox.ledger.entries(Event.CALLBACK)] == [503, 503]


async def test_nobody_at_home(client: Client, sandbox: Sandbox) -> None:
    nobody = "http://127.0.0.1:1/hooks/a/status/t0ken#rc=1"
    await blocking(lambda: client.messages.create(to=AYAN, from_=OURS, body="hei", status_callback=nobody))
    await sandbox.settle()
    assert [(entry.http, entry.note) for entry in sandbox.ledger.entries(Event.CALLBACK)] == [(0, "ct"), (0, "ct")]


@pytest.mark.parametrize(
    ("fragment", "answer", "tries"),
    [
        ("", Answer(0, "ct"), 2),
        ("", Answer(503), 1),
        ("rc=4&rp=5xx,ct,rt", Answer(503), 5),
        ("rc=4&rp=5xx,ct,rt", Answer(0, "rt"), 5),
        ("rc=4&rp=5xx,ct,rt", Answer(404), 1),
        ("rc=3&rp=all", Answer(404), 4),
        ("rc=99&rp=all", Answer(500), 6),
        ("rc=3&rp=all", Answer(204), 1),
        ("rc=x", Answer(0, "ct"), 2),
    ],
)
def test_how_often_a_call_is_tried(fragment: str, answer: Answer, tries: int) -> None:
    persistence = Persistence.of(fragment)
    made = 1
    while persistence.again(made, answer):
        made += 1
    assert made == tries


async def test_the_sandbox_never_calls_the_world(sandbox: Sandbox) -> None:
    allowed = ["http://127.0.0.1:80/a", "http://localhost/a", "https://[::1]:8443/a", "http://127.9.9.9"]
    refused = [
        "http://example.org/",
        "http://127.0.0.1@example.org/",
        "http://127.0.0.1.example.org/",
        "file:///etc/passwd",
        "http://",
        "x",
    ]
    assert all(sandbox.world.may_call(url) for url in allowed)
    assert not any(sandbox.world.may_call(url) for url in refused)
    sandbox.change(may_call=["https://test.example.org"])
    assert sandbox.world.may_call("https://test.example.org/hooks")
    assert not sandbox.world.may_call("http://test.example.org/hooks")


async def test_the_sender_keeps_its_pace_in_segments(client: Client, sandbox: Sandbox, clock: ManualClock, product: Product) -> None:
    sandbox.change(pace=1)
    two_parts = "ش" * 100
    sids = [await create(client, product, body=two_parts) for _ in range(3)]
    await sandbox.settle()
    assert product.statuses(sids[1]) == []
    clock.advance(seconds=2)
    await sandbox.settle()
    assert product.statuses(sids[1]) == ["sent", "delivered"]
    assert product.statuses(sids[2]) == []


async def test_what_waits_too_long_is_dropped(client: Client, sandbox: Sandbox, clock: ManualClock, product: Product) -> None:
    sandbox.change(pace=0.01)
    await create(client, product)
    sid = await create(client, product, validity_period=60)
    clock.advance(seconds=60)
    await sandbox.settle()
    assert product.statuses(sid) == ["failed"]
    assert product.heard[-1].fields["ErrorCode"] == "30001"


async def test_a_messaging_service_tells_more(client: Client, sandbox: Sandbox, product: Product) -> None:
    service = "MG" + "1" * 32
    sandbox.change(services={service: [OURS]})
    sid = await create(client, product, from_=None, messaging_service_sid=service)
    await sandbox.settle()
    assert product.statuses(sid) == ["queued", "sent", "delivered"]
    assert {each.fields["MessagingServiceSid"] for each in product.heard} == {service}
