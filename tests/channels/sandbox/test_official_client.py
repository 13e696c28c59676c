"""The official client, with only its base address set, finds in the sandbox the provider that it knows."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.rest import Client

from channels.clock import ManualClock
from channels.sandbox.house import ACCOUNT, AUTH_TOKEN
from channels.sandbox.ledger import Event
from channels.sandbox.sandbox import Sandbox
from tests.channels.sandbox.product import AYAN, OURS, Product, blocking, callback

BODY = "Sørby: KOK VANNET. Nr. 12"


async def create(client: Client, **fields: Any) -> Any:
    return await blocking(lambda: client.messages.create(**{"to": AYAN, "from_": OURS, "body": BODY, **fields}))


async def test_a_message_is_created_fetched_and_listed(client: Client, sandbox: Sandbox, clock: ManualClock) -> None:
    made = await create(client)
    assert (made.status, made.direction, made.num_segments, made.num_media) == ("queued", "outbound-api", "1", "0")
    assert (made.body, made.to, made.from_, made.account_sid) == (BODY, AYAN, OURS, ACCOUNT)
    assert made.date_created == clock.now()
    assert made.error_code is None
    assert made.price is None
    await sandbox.settle()
    fetched = await blocking(lambda: client.messages(made.sid).fetch())
    assert (fetched.status, fetched.date_sent) == ("delivered", clock.now())
    assert float(fetched.price) < 0
    assert [each.sid for each in await blocking(client.messages.list)] == [made.sid]


async def test_the_resource_has_twenty_keys_and_no_others(client: Client, sandbox: Sandbox) -> None:
    made = await create(client)
    keys = (
        "account_sid api_version body date_created date_sent date_updated direction error_code error_message from "
        "messaging_service_sid num_media num_segments price price_unit sid status subresource_uris to uri"
    )
    assert sorted(sandbox.network.shelf.get(made.sid).as_json(ACCOUNT)) == keys.split()
    assert made.uri == f"/2010-04-01/Accounts/{ACCOUNT}/Messages/{made.sid}.json"


async def test_lists_come_in_pages_newest_first(client: Client) -> None:
    made = [(await create(client, to=f"+479000000{n}")).sid for n in range(7)]
    assert [each.sid for each in await blocking(lambda: client.messages.list(page_size=3))] == made[::-1]
    page = await blocking(lambda: client.messages.page(page_size=3))
    assert len(list(page)) == 3
    second = await blocking(page.next_page)
    assert second is not None
    assert [each.sid for each in second] == made[1:4][::-1]


async def test_a_page_stays_the_same_while_new_messages_come(client: Client) -> None:
    made = [(await create(client, to=f"+479000000{n}")).sid for n in range(4)]
    page = await blocking(lambda: client.messages.page(page_size=2))
    await create(client, to="+4790000009")
    second = await blocking(page.next_page)
    assert second is not None
    assert [each.sid for each in second] == made[:2][::-1]


async def test_lists_are_filtered(client: Client, sandbox: Sandbox, clock: ManualClock) -> None:
    first = await create(client)
    await sandbox.settle()
    clock.advance(days=1)
    second = await create(client, to="+4790000002", from_="SorbyKomm")
    await sandbox.settle()
    today, yesterday = clock.now(), clock.now() - timedelta(days=1)

    async def sids(**asked: Any) -> list[str]:
        return [str(each.sid) for each in await blocking(lambda: client.messages.list(**asked))]

    assert await sids(to=AYAN) == [first.sid]
    assert await sids(from_="SorbyKomm") == [second.sid]
    assert await sids(date_sent=yesterday.date()) == [first.sid]
    assert await sids(date_sent_before=yesterday.date()) == [first.sid]
    assert await sids(date_sent_after=today.date()) == [second.sid]
    assert await sids(date_sent_after=datetime(2026, 11, 23, 16, 0, tzinfo=UTC), to=AYAN) == [first.sid]
    assert await sids(date_sent_after=today + timedelta(seconds=1)) == []


async def test_what_is_not_sent_yet_has_no_date_to_be_found_by(client: Client, sandbox: Sandbox) -> None:
    sandbox.change(sent_after=(60, 60))
    made = await create(client)
    assert await blocking(lambda: client.messages.list(date_sent=date(2026, 11, 23))) == []
    assert [each.sid for each in await blocking(lambda: client.messages.list(to=AYAN))] == [made.sid]


async def test_a_page_of_more_than_a_thousand_is_refused(client: Client) -> None:
    with pytest.raises(TwilioException) as refused:
        await blocking(lambda: client.messages.list(page_size=1001))
    assert refused.value.args[1].status_code == 400
    assert await blocking(lambda: client.messages.list(page_size=1000)) == []


async def test_a_list_lags(client: Client, sandbox: Sandbox, clock: ManualClock) -> None:
    sandbox.change(list_lag=(2, 2))
    made = await create(client)
    assert await blocking(lambda: client.messages.list(to=AYAN)) == []
    assert (await blocking(lambda: client.messages(made.sid).fetch())).sid == made.sid
    clock.advance(seconds=2)
    assert len(await blocking(lambda: client.messages.list(to=AYAN))) == 1


async def test_a_waiting_message_can_be_cancelled_and_never_arrives(client: Client, sandbox: Sandbox, clock: ManualClock) -> None:
    sandbox.change(pace=0.1)
    first, second = await create(client), await create(client)
    await sandbox.settle()
    assert (await blocking(lambda: client.messages(second.sid).update(status="canceled"))).status == "canceled"
    clock.advance(hours=1)
    await sandbox.settle()
    assert [each.id for each in sandbox.phone(AYAN).messages] == [first.sid]
    with pytest.raises(TwilioRestException) as refused:
        await blocking(lambda: client.messages(first.sid).update(status="canceled"))
    assert refused.value.code == 30409


async def test_a_text_is_redacted(client: Client, sandbox: Sandbox) -> None:
    made = await create(client)
    await sandbox.settle()
    assert (await blocking(lambda: client.messages(made.sid).update(body=""))).body == ""
    assert (await blocking(lambda: client.messages(made.sid).fetch())).body == ""
    assert [entry.body for entry in sandbox.ledger.entries(Event.ACCEPTED)] == [BODY], "the ledger forgets nothing"


async def test_a_message_is_deleted(client: Client, sandbox: Sandbox) -> None:
    made = await create(client)
    await sandbox.settle()
    sandbox.change(sent_after=(60, 60))
    waiting = await create(client)
    with pytest.raises(TwilioRestException) as early:
        await blocking(lambda: client.messages(waiting.sid).delete())
    assert early.value.code == 20009
    assert await blocking(lambda: client.messages(made.sid).delete())
    with pytest.raises(TwilioRestException) as gone:
        await blocking(lambda: client.messages(made.sid).fetch())
    assert (gone.value.status, gone.value.code) == (404, 20404)


async def test_a_scheduled_message_waits_and_says_nothing(client: Client, sandbox: Sandbox, clock: ManualClock, product: Product) -> None:
    service = "MG" + "0" * 32
    sandbox.change(services={service: [OURS]})
    made = await create(
        client,
        from_=None,
        messaging_service_sid=service,
        schedule_type="fixed",
        send_at=clock.now() + timedelta(hours=1),
        status_callback=callback(product),
    )
    assert (made.status, made.num_segments, made.from_) == ("scheduled", "0", None)
    clock.advance(minutes=59)
    await sandbox.settle()
    assert product.heard == []
    clock.advance(minutes=1)
    await sandbox.settle()
    assert product.statuses(made.sid) == ["queued", "sent", "delivered"]
    assert (await blocking(lambda: client.messages(made.sid).fetch())).from_ == OURS


LONG = "x" * 1601
NOBODY = "MG" + "f" * 32
HX = "HX" + "f" * 32

REFUSED: list[tuple[dict[str, Any], int]] = [
    ({"to": "90000001"}, 21211),
    ({"to": "+479000000"}, 21211),
    ({"to": "+4722000000"}, 21614),
    ({"to": "+4751000000"}, 21614),
    ({"to": ""}, 21604),
    ({"from_": None}, 21603),
    ({"from_": "a name too long"}, 21212),
    ({"from_": "123"}, 21212),
    ({"from_": "whatsapp:+4759440000"}, 63007),
    ({"from_": None, "messaging_service_sid": NOBODY}, 21701),
    ({"body": None}, 21602),
    ({"body": LONG}, 21617),
    ({"content_sid": HX, "body": None}, 21655),
    ({"content_variables": "{}"}, 21654),
    ({"validity_period": 0}, 21624),
    ({"validity_period": 36001}, 21624),
    ({"status_callback": "https://example.org/hook"}, 21609),
    ({"status_callback": "ftp://127.0.0.1/hook"}, 21609),
    ({"media_url": ["https://127.0.0.1/a.png"] * 11}, 21623),
    ({"media_url": ["a.png"]}, 21620),
    ({"schedule_type": "fixed", "send_at": datetime(2026, 11, 23, 18, 0, tzinfo=UTC)}, 35118),
]


@pytest.mark.parametrize(("fields", "code"), REFUSED, ids=[f"{code}-{n}" for n, (_, code) in enumerate(REFUSED)])
async def test_a_bad_order_is_refused_with_its_code(client: Client, sandbox: Sandbox, fields: dict[str, Any], code: int) -> None:
    with pytest.raises(TwilioRestException) as refused:
        await create(client, **fields)
    assert (refused.value.status, refused.value.code) == (400, code)
    assert sandbox.ledger.entries(Event.ACCEPTED) == []
    assert [entry.code for entry in sandbox.ledger.entries(Event.REFUSED)] == [code]


async def test_senders_and_countries_can_be_limited(client: Client, sandbox: Sandbox) -> None:
    sandbox.change(senders=[OURS], countries=["47"])
    await create(client)
    for fields, code in [({"from_": "+4759449999"}, 21606), ({"to": "+46701234567"}, 21408)]:
        with pytest.raises(TwilioRestException) as refused:
            await create(client, **fields)
        assert refused.value.code == code


async def test_a_queue_fills_up_and_empties(client: Client, sandbox: Sandbox, clock: ManualClock) -> None:
    sandbox.change(pace=1, queue=2)
    for _ in range(2):
        await create(client)
    with pytest.raises(TwilioRestException) as refused:
        await create(client)
    assert refused.value.code == 21611
    await create(client, from_="+4759440001")  # another sender has a queue of its own
    clock.advance(seconds=2)
    await create(client)


async def test_a_wrong_token_and_a_wrong_account_are_turned_away(client: Client, sandbox: Sandbox) -> None:
    for stranger in (Client(ACCOUNT, "wrong"), Client("AC" + "1" * 32, AUTH_TOKEN, ACCOUNT), Client(ACCOUNT, "é")):
        stranger.api.base_url = sandbox.url
        with pytest.raises(TwilioRestException) as unknown:
            await create(stranger)
        assert (unknown.value.status, unknown.value.code) == (401, 20003)
    with pytest.raises(TwilioRestException) as elsewhere:
        await blocking(lambda: client.api.v2010.accounts("AC" + "1" * 32).messages.create(to=AYAN, from_=OURS, body=BODY))
    assert (elsewhere.value.status, elsewhere.value.code) == (404, 20404)
    assert sandbox.ledger.entries(Event.ACCEPTED) == []


async def test_what_the_sandbox_does_not_have_is_not_found(client: Client) -> None:
    with pytest.raises(TwilioRestException) as nothing:
        await blocking(lambda: client.calls.create(to=AYAN, from_=OURS, url="http://127.0.0.1/"))
    assert (nothing.value.status, nothing.value.code) == (404, 20404)


async def test_credentials_can_be_tried_without_sending(client: Client) -> None:
    assert (await blocking(lambda: client.api.v2010.accounts(ACCOUNT).fetch())).status == "active"


async def test_the_validator_accepts_every_callback_and_every_answer(client: Client, sandbox: Sandbox, product: Product) -> None:
    made = await create(client, status_callback=callback(product))
    await sandbox.settle()
    await sandbox.phone(AYAN).says("1\n og  æøå & 你好 + =", media=(("image/png", b"png"),))
    assert product.statuses(made.sid) == ["sent", "delivered"], "never the first status, then in the order of life"
    assert [each.genuine for each in product.heard] == [True, True, True]
    assert product.heard[0].path == "/hooks/a/status/t0ken"


async def test_media_and_feedback(client: Client, sandbox: Sandbox, product: Product) -> None:
    made = await create(client, media_url=["https://127.0.0.1/a.png", "https://127.0.0.1/b.png"])
    assert (made.sid[:2], made.num_media) == ("MM", "2")
    await sandbox.settle()
    assert (await blocking(lambda: client.messages(made.sid).feedback.create(outcome="confirmed"))).message_sid == made.sid
    await sandbox.phone(AYAN).says("", media=(("image/png", b"png bytes"),))
    heard = product.inbound()[-1]
    assert (heard["NumMedia"], heard["MediaContentType0"]) == ("1", "image/png")
    media = await blocking(client.messages(heard["MessageSid"]).media.list)
    assert [each.content_type for each in media] == ["image/png"]
    response = await blocking(lambda: client.http_client.request("GET", heard["MediaUrl0"], auth=(ACCOUNT, "sandbox")))
    assert response.text == "png bytes"
