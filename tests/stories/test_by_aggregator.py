"""Nights on which the municipality's SMS goes by its own aggregator, described by a file: the same people, phones and promises."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from sqlalchemy import Select, select, update

from channels.base import Callback, Evidence, Outbound, Sent
from channels.http_settings import Basic
from channels.http_sms import HttpSms
from channels.registry import build
from channels.sandbox.faults import Fault
from channels.sandbox.ledger import Event
from messages.form import Medium
from relay.model import AlertState, Rung
from relay.store import alerts
from relay.store.tables import Address, Sender, answer, attempt, counter, status
from relay.store.tables.sending import FOREIGN
from tests.channels.aggregator import PASSWORD, Aggregator, FormStyle, JsonStyle, Style, basic
from tests.channels.rigs import described
from tests.stories.town import SMS_SENDER, Somebody, Town, new

WATER = {"so": "KARI BIYAHA", "nb": "KOK VANNET"}
STYLES: dict[str, Callable[[], Style]] = {"example": FormStyle, "nordisk": JsonStyle}


@pytest.fixture(params=list(STYLES))
async def by_aggregator(request: pytest.FixtureRequest, town: Town, tmp_path: Path) -> AsyncIterator[Town]:
    """The town, with its SMS sender moved to another provider; its phones hang on that provider's network."""
    name = request.param
    async with Aggregator(tmp_path / "aggregator.jsonl", STYLES[name](), clock=town.clock) as provider:
        provider.change(inbound_url=f"{town.relay.desk.public_url}/hooks/{name}/inbound")
        async with town.store.write() as conn:
            await conn.execute(update(Sender).where(Sender.channel == Medium.SMS).values(provider="http_sms", account=name))
        town.relay.desk.channels["http_sms", name] = build("http_sms", described(name, provider.url), clock=town.clock)
        town.sandbox = provider
        yield town


async def evidence(town: Town) -> list[tuple[str, str]]:
    """Return how each attempt was found, and its provider id."""
    async with town.store.read() as conn:
        rows = await conn.execute(select(attempt.c.found_by, attempt.c.provider_id).order_by(attempt.c.id))
        return [(row.found_by, row.provider_id) for row in rows]


async def test_a_message_goes_out_is_delivered_and_answered(by_aggregator: Town) -> None:
    """Both bodies come; delivery is believed, since it is signed; a 1 is echoed and counted."""
    town = by_aggregator
    ayan = await town.person("Ayan", "so")
    alert = await town.issue(WATER)
    assert ["KARI BIYAHA" in shown.text for shown in new(ayan.phone)] == [True, False]
    answer = await ayan.phone.says("1")
    await town.settle()
    assert answer.http == 204
    assert len(new(ayan.phone)) == 1
    assert (await town.recipient(alert, ayan)).rung == Rung.RECEIVED
    totals = (await town.reach(alert)).totals
    assert (totals.planned, totals.sent, totals.delivered, totals.acknowledged) == (1, 1, 1, 1)


async def test_a_cut_line_is_resolved_by_the_callback_with_our_token(by_aggregator: Town) -> None:
    """The provider takes both messages and the line is cut before it says so: its statuses name them, and nothing goes twice."""
    town = by_aggregator
    ayan = await town.person("Ayan", "so")
    town.sandbox.order(Fault(kind="reset_accepted", times=2))
    alert = await town.issue(WATER)
    await town.passes(minutes=5)
    assert len(new(ayan.phone)) == 2
    copies = town.sandbox.ledger.entries(Event.ACCEPTED)
    assert sorted(await evidence(town)) == sorted(("callback", copy.id) for copy in copies)
    assert (await town.reach(alert)).totals.delivered == 1


async def test_a_cut_line_is_resolved_by_the_list_when_no_callback_comes(by_aggregator: Town) -> None:
    """As above, and the provider's callbacks are lost: its list names them."""
    town = by_aggregator
    ayan = await town.person("Ayan", "so")
    town.sandbox.change(callbacks=False)
    town.sandbox.order(Fault(kind="reset_accepted", times=2))
    await town.issue(WATER)
    await town.passes(minutes=1)
    assert len(new(ayan.phone)) == 2
    copies = town.sandbox.ledger.entries(Event.ACCEPTED)
    assert sorted(await evidence(town)) == sorted(("list", copy.id) for copy in copies)


async def test_what_came_while_we_were_away_is_swept_up(by_aggregator: Town) -> None:
    """Her answer reached the provider, whose call was lost: the sweep brings it, and it is answered once."""
    town = by_aggregator
    ayan = await town.person("Ayan", "so")
    alert = await town.issue(WATER)
    assert len(new(ayan.phone)) == 2
    hook = town.sandbox.world.settings.inbound_url
    town.sandbox.change(inbound_url="")
    await ayan.phone.says("2", to=SMS_SENDER, channel="sms")
    assert (await town.recipient(alert, ayan)).rung < Rung.RECEIVED
    await town.relay.sweep()
    assert (await town.recipient(alert, ayan)).rung == Rung.WILL_PASS
    town.sandbox.change(inbound_url=hook)
    for _ in range(2):
        await town.relay.sweep()
        await town.settle()
    assert len(new(ayan.phone)) == 1


# --- a provider that gives messages no ids --------------------------------------------------------------------------------


@pytest.fixture
async def without_ids(town: Town, tmp_path: Path) -> AsyncIterator[Town]:
    """The town, with an aggregator that tells who wrote what, and nothing else: no id and no time; no status comes by itself."""
    async with Aggregator(tmp_path / "aggregator.jsonl", FormStyle(), clock=town.clock) as provider:
        async with town.store.write() as conn:
            await conn.execute(update(Sender).where(Sender.channel == Medium.SMS).values(provider="http_sms", account="example"))
        settings = described("example", provider.url)
        told = settings.callbacks
        assert told
        assert told.inbound
        bare = replace(told, hmac=None, basic=Basic(user="example", password=PASSWORD), inbound=replace(told.inbound, id=None))
        town.relay.desk.channels["http_sms", "example"] = HttpSms(replace(settings, callbacks=bare), town.clock)
        town.sandbox = provider
        provider.change(callbacks=False)
        yield town


async def writes(town: Town, person: Somebody, text: str) -> None:
    """Let the provider call, as it does for every such text."""
    body = urlencode({"from": person.phone._phone.addresses[0], "to": SMS_SENDER, "message": text}).encode()
    url, headers = f"{town.relay.desk.public_url}/hooks/example/inbound", {"Authorization": basic("example", PASSWORD)}
    await town.relay.hear("example", Callback(url=url, headers=headers, body=body, received_at=town.clock.now()))
    await town.settle()


async def answers(town: Town) -> int:
    async with town.store.read() as conn:
        return len((await conn.execute(select(answer.c.id))).all())


async def test_the_same_words_about_a_later_alert_are_a_new_answer(without_ids: Town) -> None:
    """Her 1 of an hour ago is no reason to overlook today's, and neither is her 1 of two minutes ago: she was asked anew in between."""
    town = without_ids
    ayan = await town.person("Ayan", "so")
    for minutes in (60, 2, 0):
        alert = await town.issue(WATER)
        town.clock.advance(seconds=60)
        await writes(town, ayan, "1")
        assert (await town.recipient(alert, ayan)).rung == Rung.RECEIVED
        town.clock.advance(minutes=minutes)
        async with town.store.write() as conn:
            await alerts.move(conn, alert, AlertState.CLOSED, town.clock.now())


async def test_a_call_that_is_repeated_within_minutes_is_known_without_an_id(without_ids: Town) -> None:
    """It counts once, across the full hour as elsewhere; other words, another's words and what comes much later count anew."""
    town = without_ids
    ayan, eli = await town.person("Ayan", "so"), await town.person("Eli", "nb")
    await town.issue(WATER)
    town.clock.advance(minutes=59)
    counted = []
    for who, text, minutes in ((ayan, "1", 2), (ayan, "1", 5), (ayan, "2", 0), (eli, "1", 0), (ayan, "1", 30), (ayan, "1", 0)):
        await writes(town, who, text)
        counted.append(await answers(town))
        town.clock.advance(minutes=minutes)
    assert counted == [1, 1, 2, 3, 3, 4]


# --- a status that is faster than the answer to our call ------------------------------------------------------------------


class Hasty(HttpSms):
    """Its provider reports what became of a message before we have written down that it has it, by its own id alone, and once."""

    def __init__(self, like: HttpSms, town: Town, said: dict[str, str]) -> None:
        super().__init__(like._settings, town.clock)
        self._town, self._said = town, said

    async def send(self, out: Outbound) -> Sent:
        sent = await super().send(out)
        await self._town.relay.hear("example", status_of(sent.provider_id, self._said, self._town))
        return sent


FAST = [
    pytest.param({"status": "failed", "error": "102"}, Evidence.UNDELIVERED, "NOT_A_MOBILE", id="undelivered"),
    pytest.param({"status": "delivered"}, Evidence.DELIVERED, "", id="delivered"),
]


@pytest.mark.parametrize(("said", "evidence", "reason"), FAST)
async def test_a_status_that_comes_before_we_know_its_id_is_learnt_by_the_next_sweep(
    without_ids: Town, said: dict[str, str], evidence: Evidence, reason: str
) -> None:
    """Kept as nobody's, never repeated: the minute's sweep finds whose it is, once, and the next channel begins. Others' stay others'."""
    town = without_ids
    channels = town.relay.desk.channels
    plain = channels["http_sms", "example"]
    assert isinstance(plain, HttpSms)
    channels["http_sms", "example"] = Hasty(plain, town, said)
    await town.person("Ayan", "so", by=[Medium.SMS, Medium.EMAIL])
    alert = await town.issue(WATER)
    tried = select(attempt.c.evidence, attempt.c.reason).where(attempt.c.channel == Medium.SMS)
    sent = await found(town, tried)
    assert set(sent) == {(Evidence.ACCEPTED, "")}
    await town.relay.hear("example", status_of("another-house", said, town))
    assert await town.relay.sweep() == len(sent)
    await town.settle()
    assert await found(town, tried) == [(evidence, reason)] * len(sent)
    dead = evidence is Evidence.UNDELIVERED
    assert (await town.reach(alert)).totals.delivered == (not dead)
    assert await found(town, select(Address.state).where(Address.channel == Medium.SMS)) == [("INVALID" if dead else "ACTIVE",)]
    assert bool(await found(town, select(attempt.c.id).where(attempt.c.channel == Medium.EMAIL))) == dead
    before = await found(town, select(counter))
    assert await town.relay.sweep() == 0
    assert await found(town, select(counter)) == before
    assert await found(town, select(status.c.provider_id).where(FOREIGN)) == [("another-house",)]


def status_of(provider_id: str, said: dict[str, str], town: Town) -> Callback:
    url, headers = f"{town.relay.desk.public_url}/hooks/example/status", {"Authorization": basic("example", PASSWORD)}
    body = urlencode({"id": provider_id, **said}).encode()
    return Callback(url=url, headers=headers, body=body, received_at=town.clock.now())


async def found(town: Town, wanted: Select[Any]) -> list[tuple[Any, ...]]:
    async with town.store.read() as conn:
        return [tuple(row) for row in (await conn.execute(wanted)).all()]
