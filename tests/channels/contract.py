"""The contract: what every channel keeps, whoever the provider. Collected by test_contract.py, once for each channel."""

import asyncio
import logging
import socket
from dataclasses import replace
from datetime import timedelta

import pytest

from channels.base import Callback, Evidence, Inbound, NotGenuine, Reason, SendFailed, Status, Sweepable, Traceable
from channels.clock import monotonic
from channels.sandbox.faults import Fault
from channels.sandbox.ledger import Event
from tests.channels.aggregator import ENVIRONMENT
from tests.channels.rigs import CLOCK, RIGS, TEXT, UNTRACED, Rig, nowhere, troubled

TRACED = pytest.mark.parametrize("rig", [name for name in RIGS if name not in UNTRACED], indirect=True)


async def test_what_is_accepted_is_known_to_the_provider_by_the_id_we_got(rig: Rig) -> None:
    out = rig.out()
    sent = await rig.channel.send(out)
    copy = rig.copy_of(sent.provider_id)
    assert sent.evidence is Evidence.ACCEPTED
    assert (copy.to, copy.token) == (out.to, out.token)


async def test_the_text_arrives_to_the_last_character(rig: Rig) -> None:
    sent = await rig.channel.send(rig.out())
    body = rig.copy_of(sent.provider_id).body
    # a mail's lines end as mail's lines do, and the last one ends, too
    assert body.replace("\r\n", "\n").removesuffix("\n") == TEXT


async def test_every_refused_address_has_its_reason(rig: Rig) -> None:
    for address, reason in rig.refused:
        with pytest.raises(SendFailed) as refusal:
            await rig.channel.send(rig.out(to=address))
        assert refusal.value.reason is reason, address
        assert reason.kills_address
    assert rig.accepted() == []


async def test_half_a_character_is_refused_before_it_leaves(rig: Rig) -> None:
    with pytest.raises(SendFailed) as refusal:
        await rig.channel.send(rig.out(text="half \ud83d"))
    assert refusal.value.reason is Reason.BAD_CONTENT
    assert rig.accepted() == []


async def test_a_provider_that_is_not_there_has_been_sent_nothing(rig: Rig) -> None:
    with socket.socket() as taken:  # bound, and nobody listens
        taken.bind(("127.0.0.1", 0))
        channel = nowhere(rig, taken.getsockname()[1])
        with pytest.raises(SendFailed) as failure:
            await channel.send(rig.out())
        await channel.close()
    assert failure.value.reason is Reason.NOT_CONNECTED


async def test_a_connection_cut_after_the_request_leaves_us_in_doubt(rig: Rig) -> None:
    async with troubled(rig, "cut") as channel:
        with pytest.raises(SendFailed) as failure:
            await channel.send(rig.out())
    assert failure.value.reason is Reason.UNCERTAIN


async def test_the_deadline_holds_and_leaves_us_in_doubt(rig: Rig) -> None:
    async with troubled(rig, "silence") as channel:
        begun = monotonic()
        with pytest.raises(SendFailed) as failure:
            await channel.send(rig.out(deadline=0.4))
        took = monotonic() - begun
    assert failure.value.reason is Reason.UNCERTAIN
    assert 0.35 < took < 3


async def test_after_trouble_the_channel_works_again(rig: Rig) -> None:
    async with troubled(rig, "cut") as channel:
        with pytest.raises(SendFailed):
            await channel.send(rig.out())
    rig.sandbox.faults.clear()
    sent = await rig.channel.send(rig.out())
    assert rig.copy_of(sent.provider_id).to == rig.people(1)


async def test_nothing_is_ever_sent_twice(rig: Rig) -> None:
    for person in range(1, 21):
        await rig.channel.send(rig.out(person))
    assert sorted(entry.to for entry in rig.accepted()) == sorted(rig.people(n) for n in range(1, 21))


async def test_a_thousand_at_once_get_a_thousand_right_ids(rig: Rig) -> None:
    messages = [rig.out(person, deadline=60) for person in range(1000)]
    sent = await asyncio.gather(*(rig.channel.send(out) for out in messages))
    by_id = {each: entry for entry in rig.accepted() for each in (entry.id, entry.token)}
    assert len({each.provider_id for each in sent}) == 1000
    assert [by_id[each.provider_id].to for each in sent] == [out.to for out in messages]


async def test_an_answer_comes_back_as_it_was_written(rig: Rig) -> None:
    await rig.channel.send(rig.out(7))
    person = rig.sandbox.phone(rig.people(7))
    await person.next()
    rig.callbacks.clear()
    answer = await person.says("2 عاجل æøå\nog meir")
    (inbound,) = [each for call in await rig.said(1) for each in rig.channel.parse(call) if isinstance(each, Inbound)]
    assert answer.http in {204, 250}
    assert inbound.sender == rig.people(7)
    assert inbound.text == "2 عاجل æøå\nog meir"
    assert not inbound.automatic
    assert inbound.provider_id


async def test_the_same_answer_handed_in_twice_has_the_same_id(rig: Rig) -> None:
    await rig.channel.send(rig.out(7))
    person = rig.sandbox.phone(rig.people(7))
    await person.next()
    await person.says("1")
    (call,) = [each for each in await rig.said(1) if "status" not in each.url]
    first, again = rig.channel.parse(call), rig.channel.parse(replace(call, received_at=CLOCK.now()))
    assert isinstance(first[0], Inbound)
    assert isinstance(again[0], Inbound)
    assert first[0].provider_id == again[0].provider_id


async def test_what_nobody_vouches_for_is_not_believed(rig: Rig) -> None:
    await rig.channel.send(rig.out(7))
    person = rig.sandbox.phone(rig.people(7))
    await person.next()
    await person.says("1")
    (call,) = [each for each in await rig.said(1) if "status" not in each.url]
    others = [(name, value) for name, value in call.fields if name not in {"rcpt_to", "Body"}]
    changed = replace(call, fields=[*others, ("Body", "4")], body=call.body.replace(b"1", b"4"))
    forgeries = [
        replace(call, headers={}, fields=[]),
        replace(call, url=call.url.replace("lmtp:", "https://x/") + "x"),
        Callback(url="", received_at=CLOCK.now()),
        *([changed] if rig.signs_contents else []),
    ]
    for forgery in forgeries:
        with pytest.raises(NotGenuine):
            rig.channel.parse(forgery)


async def test_logs_hold_no_secret_no_number_and_no_text(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    out = rig.out(9)
    await rig.channel.send(out)
    async with troubled(rig, "cut") as channel:
        with pytest.raises(SendFailed) as failure:
            await channel.send(rig.out(9))
    if isinstance(rig.channel, Traceable):
        await rig.channel.trace(out.to, out.sender, CLOCK.now())
    everything = caplog.text + str(failure.value) + repr(failure.value) + repr(rig.settings)
    for secret in (out.to, out.to[1:], "Kok vatnet", "sandbox'", *ENVIRONMENT.values()):
        assert secret not in everything


# --- channels with receipts ---------------------------------------------------------------------------------------------


@TRACED
async def test_statuses_come_with_our_token_and_only_rise(rig: Rig) -> None:
    out = rig.out()
    sent = await rig.channel.send(out)
    statuses = [each for call in await rig.said(2) for each in rig.channel.parse(call)]
    assert all(isinstance(each, Status) and (each.token, each.provider_id) == (out.token, sent.provider_id) for each in statuses)
    evidence = [each.evidence for each in statuses if isinstance(each, Status)]
    assert evidence == sorted(evidence)
    assert evidence[-1] >= Evidence.DELIVERED


@TRACED
async def test_a_phone_that_is_off_says_so(rig: Rig) -> None:
    rig.sandbox.phone(rig.people(3)).off()
    sent = await rig.channel.send(rig.out(3))
    last = rig.channel.parse((await rig.said(2))[-1])[0]
    assert isinstance(last, Status)
    assert (last.evidence, last.provider_id) == (Evidence.UNDELIVERED, sent.provider_id)
    assert (last.code, last.reason) == (rig.off, Reason.UNREACHABLE)
    assert isinstance(rig.channel, Sweepable)
    assert (await rig.channel.status_of(sent.provider_id)).evidence is Evidence.UNDELIVERED


@TRACED
async def test_what_was_accepted_before_the_cut_is_found_again(rig: Rig) -> None:
    assert isinstance(rig.channel, Traceable)
    begun = CLOCK.now()
    rig.sandbox.order(Fault(kind="reset_accepted"))
    with pytest.raises(SendFailed) as failure:
        await rig.channel.send(rig.out(5))
    assert failure.value.reason is Reason.UNCERTAIN
    (trace,) = await rig.channel.trace(rig.people(5), rig.sender, begun)
    assert (trace.to, trace.sender, trace.text) == (rig.people(5), rig.sender, TEXT)
    assert trace.provider_id == rig.accepted()[0].id
    assert abs(trace.created_at - begun) < timedelta(seconds=5)


@TRACED
async def test_a_trace_looks_at_every_page_and_no_further_back_than_asked(rig: Rig) -> None:
    assert isinstance(rig.channel, Traceable)
    begun = CLOCK.now()
    await asyncio.gather(*(rig.channel.send(rig.out(5)) for _ in range(120)))
    await rig.channel.send(rig.out(6))
    assert len(await rig.channel.trace(rig.people(5), rig.sender, begun)) == 120
    assert await rig.channel.trace(rig.people(5), rig.sender, begun + timedelta(minutes=1)) == []
    assert await rig.channel.trace(rig.people(5), "+4759440001", begun) == []


@TRACED
async def test_what_came_while_we_were_away_is_swept_up(rig: Rig) -> None:
    assert isinstance(rig.channel, Sweepable)
    begun = CLOCK.now()
    await rig.channel.send(rig.out(5))
    rig.sandbox.change(inbound_url="")
    for n in range(60):
        await rig.sandbox.phone(rig.people(n)).says(f"2 nr {n}", to=rig.sender, channel=rig.channel.form.medium)
    found = [each async for each in rig.channel.sweep(rig.sender, begun)]
    assert {(each.sender, each.to, each.text) for each in found} == {(rig.people(n), rig.sender, f"2 nr {n}") for n in range(60)}
    assert {each.provider_id for each in found} == {entry.id for entry in rig.sandbox.ledger.entries(Event.INBOUND)}
    assert [each async for each in rig.channel.sweep(rig.sender, begun + timedelta(minutes=1))] == []


@TRACED
async def test_a_provider_that_cannot_be_read_is_not_an_empty_list(rig: Rig) -> None:
    assert isinstance(rig.channel, Traceable)
    for fault in (Fault(kind="error", on="list"), Fault(kind="reset", on="list"), Fault(kind="html", on="list")):
        rig.sandbox.faults.clear()
        rig.sandbox.order(fault)
        with pytest.raises(SendFailed) as failure:
            await rig.channel.trace(rig.people(5), rig.sender, CLOCK.now())
        assert failure.value.reason is Reason.NOT_CONNECTED, fault.kind
