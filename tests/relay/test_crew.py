"""The crew: every call that is let go comes back as a fact, whoever looks meanwhile."""

import asyncio
from typing import Any

from channels.base import Evidence
from relay.dispatch.crew import Crew
from relay.store.evidence import Fact
from relay.store.intent import Intended, Intent

WINDOW = 5


class Provider:
    """Answers a call when it is told to, and sees who calls."""

    def __init__(self) -> None:
        self.doors: dict[int, asyncio.Event] = {}
        self.callers: set[asyncio.Task[Any] | None] = set()
        self.breaks: set[int] = set()

    async def call(self, one: Intended, _shared: Any, _begun: float) -> Fact:
        self.callers.add(asyncio.current_task())
        await self.doors.setdefault(one.attempt_id, asyncio.Event()).wait()
        if one.attempt_id in self.breaks:
            raise ZeroDivisionError
        return Fact(attempt_id=one.attempt_id, evidence=Evidence.ACCEPTED)

    def answer(self, *attempts: int) -> None:
        for attempt in attempts:
            self.doors.setdefault(attempt, asyncio.Event()).set()


def crew_of(provider: Provider) -> Crew:
    caller: Any = provider
    return Crew(caller)


def send(crew: Crew, attempts: range) -> None:
    work: Any = type("Work", (), {"delivery_id": 1, "to": "+4740000000"})
    words: Any = object()
    intended = [Intended(one, "", Intent(work, "twilio", "", 1)) for one in attempts]
    crew.send(intended, {1: words}, 0.0)


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_what_lands_while_the_list_is_taken_away_is_not_lost() -> None:
    provider = Provider()
    crew = crew_of(provider)
    send(crew, range(WINDOW))
    await settled()
    taken, crew.landed = crew.landed, []
    provider.answer(*range(WINDOW))
    await settled()
    assert taken == []
    assert {fact.attempt_id for _, fact in crew.landed} == set(range(WINDOW))
    assert not crew.flying
    await crew.finish()


async def test_whoever_has_come_back_makes_the_next_call() -> None:
    provider = Provider()
    crew = crew_of(provider)
    for first in range(0, 10 * WINDOW, WINDOW):
        send(crew, range(first, first + WINDOW))
        await settled()
        assert set(crew.flying) == set(range(first, first + WINDOW)), "all are under way at once"
        provider.answer(*range(first, first + WINDOW))
        await settled()
    assert len(crew.landed) == 10 * WINDOW
    assert len(provider.callers) == WINDOW, "the same few make all the calls"
    await crew.finish()


async def test_one_that_breaks_takes_nobody_with_it() -> None:
    provider = Provider()
    crew = crew_of(provider)
    provider.breaks = {0}
    send(crew, range(WINDOW))
    await settled()
    provider.answer(*range(2 * WINDOW))
    send(crew, range(WINDOW, 2 * WINDOW))
    await settled()
    assert {fact.attempt_id for _, fact in crew.landed} == set(range(1, 2 * WINDOW))
    assert not crew.flying, "what nobody knows anything of is not under way either"
    await crew.finish()
    assert any(task.done() and task.exception() for task in provider.callers if task)


async def test_who_is_dismissed_ends_the_call_first_and_others_come_when_there_is_more() -> None:
    provider = Provider()
    crew = crew_of(provider)
    send(crew, range(WINDOW))
    await settled()
    crew.dismiss()
    await settled()
    assert len(crew.flying) == WINDOW
    provider.answer(*range(2 * WINDOW))
    await settled()
    assert asyncio.all_tasks() == {asyncio.current_task()}
    send(crew, range(WINDOW, 2 * WINDOW))
    await settled()
    assert len(crew.landed) == 2 * WINDOW
    await crew.finish()


async def test_the_end_waits_for_every_call_under_way() -> None:
    provider = Provider()
    crew = crew_of(provider)
    send(crew, range(WINDOW))
    ending = asyncio.create_task(crew.finish())
    await settled()
    assert not ending.done()
    provider.answer(*range(WINDOW))
    await ending
    assert len(crew.landed) == WINDOW
    assert asyncio.all_tasks() == {asyncio.current_task()}
