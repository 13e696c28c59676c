"""Emulated time: things are done in the order of their times, whatever the clock does, and one that fails stops no other."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from channels.clock import ManualClock
from channels.sandbox.agenda import Agenda, EmulatedClock
from channels.sandbox.sandbox import Sandbox

START = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)


async def test_a_jump_plays_everything_in_order_and_in_its_own_time(clock: ManualClock) -> None:
    agenda, done = Agenda(clock), list[tuple[str, float]]()

    def note(name: str) -> None:
        done.append((name, (agenda.now() - START).total_seconds()))

    def first() -> None:
        note("first")
        agenda.after(25, lambda: note("third"))

    agenda.after(30, lambda: note("second"))
    agenda.after(10, first)
    agenda.after(3600, lambda: note("too late"))
    clock.advance(minutes=5)
    agenda.run_due()
    assert done == [("first", 10), ("second", 30), ("third", 35)]
    assert agenda.pending == 1
    assert agenda.next_due_at == START + timedelta(hours=1)
    assert agenda.now() == clock.now()


async def test_it_notices_a_clock_that_was_moved_behind_its_back(clock: ManualClock) -> None:
    agenda, done = Agenda(clock), asyncio.Event()
    running = asyncio.create_task(agenda.run())
    agenda.after(3600, done.set)
    await asyncio.sleep(0.05)
    assert not done.is_set()
    clock.advance(hours=1)
    await asyncio.wait_for(done.wait(), 5)
    running.cancel()


def test_a_fast_clock_that_jumps() -> None:
    wall = ManualClock(datetime(2030, 1, 1, tzinfo=UTC))
    clock = EmulatedClock(wall, speed=60, start=START)
    wall.advance(seconds=1)
    assert clock.now() == START + timedelta(minutes=1)
    clock.jump(START + timedelta(hours=1))
    clock.jump(START)  # back is no way to go
    wall.advance(seconds=1)
    assert clock.now() == START + timedelta(hours=1, minutes=1)


async def test_what_fails_is_told_and_stops_nothing_else(sandbox: Sandbox) -> None:
    done = asyncio.Event()
    nothing: list[None] = []
    sandbox.world.agenda.after(0, lambda: nothing[0])
    sandbox.world.agenda.after(0, done.set)
    with pytest.raises(IndexError):
        await sandbox.settle()
    assert done.is_set()
    await sandbox.settle()
