"""Faults on order: what the client sees, and what the ledger knows to be true behind it."""

import asyncio
from urllib.parse import urlencode

import aiohttp
import pytest

from channels.sandbox.faults import KINDS, Fault
from channels.sandbox.house import ACCOUNT
from channels.sandbox.ledger import Event
from channels.sandbox.sandbox import Sandbox
from channels.sandbox.wire import PLAYS
from tests.channels.sandbox.product import AYAN, OURS

AUTH = {"Authorization": aiohttp.encode_basic_auth(ACCOUNT, "sandbox")}
FORM = {**AUTH, "Content-Type": "application/x-www-form-urlencoded"}


async def create(sandbox: Sandbox, to: str = AYAN, seconds: float = 5) -> tuple[int, str, str]:
    """Send one message by hand; return status, body and Retry-After. Status 0: the connection broke; -1: no answer in time."""
    url = f"{sandbox.url}/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
    body = urlencode({"To": to, "From": OURS, "Body": "hei"})
    async with aiohttp.ClientSession(headers=FORM) as session:
        try:
            async with asyncio.timeout(seconds), session.post(url, data=body, allow_redirects=False) as answer:
                return answer.status, await answer.text(), answer.headers.get("Retry-After", "")
        except TimeoutError:
            return -1, "", ""
        except (aiohttp.ClientError, ConnectionError):
            return 0, "", ""


#: kind -> (status seen, a piece of what is seen, is it in the ledger)
SEEN = {
    "error": (503, "20500", False),
    "error_accepted": (503, "20500", True),
    "throttle": (429, "20429", False),
    "refuse": (400, "30008", False),
    "slow": (201, '"sid": "SM', True),
    "stall": (503, "20500", False),
    "reset": (0, "", False),
    "reset_accepted": (0, "", True),
    "truncated": (0, "", True),
    "html": (201, "<h1>", True),
    "empty": (201, "", True),
    "odd_json": (201, '["created"', True),
    "wrong_sid": (201, "XX-not-an-id", True),
    "repeated_sid": (201, '"sid": "SM', True),
    "foreign": (201, "+4799999999", True),
    "unauthorised": (401, "20003", False),
    "trickle": (-1, "", True),
    "huge": (201, '"sid": "SM', True),
    "redirect": (307, "", False),
}


def test_every_fault_has_a_play_and_a_case() -> None:
    assert set(KINDS) == set(SEEN)
    assert set(KINDS.values()) == set(PLAYS)


@pytest.mark.parametrize("kind", SEEN)
async def test_what_is_seen_and_what_is_true(sandbox: Sandbox, kind: str) -> None:
    await create(sandbox, "+4790000009")
    sandbox.order(Fault.model_validate({"kind": kind, "seconds": 0.05, "megabytes": 2, "times": 1}))
    status, body, retry_after = await create(sandbox, seconds=2)
    await sandbox.settle()
    seen, piece, accepted = SEEN[kind]
    assert (status, piece in body) == (seen, True)
    assert [entry.to for entry in sandbox.ledger.entries(Event.ACCEPTED)] == ["+4790000009"] + [AYAN] * accepted
    (fault,) = sandbox.ledger.entries(Event.FAULT)
    assert (fault.note, fault.to, bool(fault.id)) == (kind, AYAN, accepted)
    assert len(sandbox.phone(AYAN).messages) == accepted
    assert retry_after == ("1" if kind == "throttle" else "")
    assert (await create(sandbox))[0] == 201, "played once"


async def test_a_repeated_id_is_that_of_the_message_before(sandbox: Sandbox) -> None:
    _, before, _ = await create(sandbox)
    sandbox.order(Fault(kind="repeated_sid"))
    _, now, _ = await create(sandbox, "+4790000002")
    assert now == before


async def test_a_slow_answer_is_overtaken_by_the_message(sandbox: Sandbox) -> None:
    sandbox.order(Fault(kind="slow", seconds=30))
    assert (await create(sandbox, seconds=0.3))[0] == -1
    assert len(sandbox.phone(AYAN).messages) == 1


async def test_faults_are_aimed(sandbox: Sandbox) -> None:
    sandbox.order(Fault(kind="error", suffix="7"), Fault(kind="throttle", nth=[2], suffix="8"), Fault(kind="reset", times=2, suffix="9"))
    seen = [(await create(sandbox, f"+479000000{digit}"))[0] for digit in (1, 7, 7, 8, 8, 8, 9, 9, 9)]
    assert seen == [201, 503, 503, 201, 429, 201, 0, 0, 201]
    sandbox.faults.clear()
    assert (await create(sandbox, "+4790000007"))[0] == 201


async def test_chance_follows_the_seed_and_the_number(sandbox: Sandbox) -> None:
    sandbox.order(Fault(kind="error", chance=0.5))
    numbers = [f"+479000{n:04}" for n in range(30)]
    seen = [(await create(sandbox, to))[0] for to in numbers]
    assert seen == [503 if sandbox.world.dice.happens(0.5, "error", "create", to, 1) else 201 for to in numbers]
    assert {503, 201} == set(seen)


async def test_lists_and_fetches_fail_as_well(sandbox: Sandbox) -> None:
    await create(sandbox)
    (message,) = sandbox.network.shelf.by_sid.values()
    sandbox.order(Fault(kind="error", on="list", times=1), Fault(kind="throttle", on="fetch", times=1))
    base = f"{sandbox.url}/2010-04-01/Accounts/{ACCOUNT}/Messages"
    async with aiohttp.ClientSession(headers=AUTH) as session:
        for url, status in [(f"{base}.json", 503), (f"{base}.json", 200), (f"{base}/{message.sid}.json", 429)]:
            async with session.get(url) as answer:
                assert answer.status == status
    assert (await create(sandbox))[0] == 201


async def test_a_parameter_that_nobody_knows_is_refused(sandbox: Sandbox) -> None:
    url = f"{sandbox.url}/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
    async with aiohttp.ClientSession(headers=FORM) as session:
        async with session.post(url, data=urlencode({"To": AYAN, "From": OURS, "Boddy": "hei"})) as answer:
            assert (answer.status, (await answer.json())["code"]) == (400, 20001)
        async with session.get(f"{url}?Two=1") as answer:
            assert (answer.status, (await answer.json())["code"]) == (400, 20001)
        async with session.post(url, data=b"To=%ff%fe&Body=\xff\x00") as answer:
            assert (answer.status, (await answer.json())["code"]) == (400, 21211)


def test_an_order_that_makes_no_sense_is_refused() -> None:
    for wrong in ({"kind": "meteor"}, {"kind": "error", "status": 200}, {"kind": "error", "chance": 2}, {"kind": "error", "where": "x"}):
        with pytest.raises(ValueError, match="Fault"):
            Fault.model_validate(wrong)
