"""A number of our own that must answer, and a watch outside that must hear: whoever fails to, is told of by doctor and the monitoring."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import ClientSession, web
from sqlalchemy import func, select

from channels.base import Check
from channels.clock import DemoClock
from relay.app import open_house
from relay.canary import Signs
from relay.model import NotReady
from relay.settings import Settings
from relay.store import canary
from relay.store.tables import inbound, task
from tests.ops.house import Well, well

CANARY = "+4799000001"
#: seconds that anything may take
PATIENCE = 60.0


async def until(what: Callable[[], Awaitable[object]]) -> None:
    """Wait until something is so; nothing here is timed."""
    async with asyncio.timeout(PATIENCE):
        while not await what():  # noqa: ASYNC110 - other loops and processes bring it
            await asyncio.sleep(0.05)


@asynccontextmanager
async def watch() -> AsyncIterator[tuple[str, list[str]]]:
    """Be a watch outside: yield its address, and what it was asked."""
    asked: list[str] = []

    async def heard(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response(text="OK")

    app = web.Application()
    app.router.add_get("/{mark}", heard)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/our-own-mark", asked
    finally:
        await runner.cleanup()


@pytest.fixture
async def one(tmp_path: Path) -> AsyncIterator[Well]:
    async with well(tmp_path, canary_phone=CANARY) as made:
        made.sandbox.change(inbound_url=f"{made.settings().public_base_url}/hooks/twilio/inbound")
        yield made


async def probes(one: Well) -> list[canary.Probe]:
    async with one.house.store.read() as conn:
        return await canary.probes(conn)


async def examined(one: Well, later: timedelta = timedelta()) -> list[Check]:
    """Let doctor look, some time later."""
    async with open_house(one.settings(), clock=DemoClock(later), dispatches=False) as house:
        return await house.examine()


def about(checks: list[Check], name: str) -> Check:
    return next(each for each in checks if each.name.startswith(name))


async def test_a_canary_walks_the_whole_way_and_nobody_has_to_read_what_it_says(one: Well) -> None:
    phone = one.sandbox.phone(CANARY)
    asked = (await phone.next(PATIENCE)).text
    assert asked.startswith("TEST")
    assert asked.endswith("TEST")
    await phone.says("Jeg er en maskin")
    await until(lambda: _answered(one))
    async with one.house.store.read() as conn:
        verdicts = set((await conn.execute(select(inbound.c.verdict))).scalars())
        tasks = (await conn.execute(select(func.count()).select_from(task))).scalar_one()
    assert (verdicts, tasks) == ({"canary"}, 0)
    assert len(phone.messages) == 1, "the machine gets no answer"
    found = about(await examined(one, timedelta(hours=1)), "canary")
    assert found.ok
    assert "answered after" in found.words


async def _answered(one: Well) -> bool:
    return (await probes(one))[0].answered_at is not None


async def test_a_canary_that_falls_silent_is_grave_and_ends_the_signs_of_life(one: Well) -> None:
    await one.sandbox.phone(CANARY).next(PATIENCE)
    assert about(await examined(one), "canary").ok, "it has its time"
    late = timedelta(minutes=11)
    found = about(await examined(one, late), "canary")
    assert (found.ok, found.grave) == (False, True)
    assert "no answer yet" in found.words
    assert "another phone" in found.remedy
    async with open_house(one.settings(), clock=DemoClock(late), dispatches=False) as house:
        assert await house.canary.troubles() == ["The canary has not answered +4759440000."]


async def test_a_number_of_the_register_is_no_canary(tmp_path: Path) -> None:
    async with well(tmp_path, canary_phone="+4791000001") as one:
        found = about(await one.house.examine(), "canary")
    assert (found.ok, found.grave) == (False, False)
    assert "a person's in the register" in found.words


async def test_the_watch_outside_hears_as_long_as_all_is_well(tmp_path: Path) -> None:
    async with watch() as (url, asked), well(tmp_path, watch_url=url) as one:

        async def heard() -> bool:
            return bool(asked)

        await until(heard)
        assert asked[0] == "/our-own-mark"

        async def told() -> bool:
            return about(await one.house.examine(), "watch outside").ok

        await until(told)
        found = about(await examined(one, timedelta(minutes=10)), "watch outside")
    assert (found.ok, found.grave) == (False, False)
    assert "last sign of life 10 min ago" in found.words


@pytest.mark.parametrize("ill", ["a message lies waiting", "the loop stands still", "nobody takes it"])
async def test_no_sign_is_given_when_something_is_wrong(one: Well, ill: str) -> None:
    turns = iter((1, 1) if ill == "the loop stands still" else (1, 2))

    async def troubles() -> list[str]:
        return ["A message has been due for 40 seconds and has not been tried."] if ill == "a message lies waiting" else []

    async with watch() as (url, asked):
        place = "http://127.0.0.1:9/" if ill == "nobody takes it" else url
        signs = Signs(place, one.house.store, one.house.relay.clock, troubles, lambda: next(turns))
        first, second = await signs.give(), await signs.give()
    assert (first, second) == (ill == "the loop stands still", False)
    assert len(asked) == int(first)


def test_an_address_that_is_none_is_refused_without_being_shown() -> None:
    with pytest.raises(NotReady, match="WATCH_URL") as refused:
        Settings.of({"watch_url": "our-own-mark"})
    assert "our-own-mark" not in str(refused.value)


async def test_the_monitoring_is_told_of_both(one: Well) -> None:
    await one.sandbox.phone(CANARY).next(PATIENCE)
    async with ClientSession() as http, http.get(f"{one.settings().public_base_url}/metrics") as answer:
        text = await answer.text()
    assert 'budstikke_canary_lost{channel="sms",provider="twilio_sms",sender="1"} 0.0' in text
    assert CANARY not in text
