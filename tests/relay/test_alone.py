"""One row that spoils a batch: it keeps nobody else from being sent to, and nothing of it is lost."""

import asyncio
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import select, update
from structlog.testing import capture_logs

from channels.base import Evidence
from relay.dispatch.texts import Texts
from relay.model import DeliveryState, Hold, TaskKind, Work
from relay.store import intent, outcomes
from relay.store.columns import AnyRow
from relay.store.tables import Municipality, task
from tests.relay.witness import (
    accepted,
    another,
    attempts,
    copies,
    in_time,
    planned,
    reconcile,
    released,
)
from tests.stories.arrange import change, neighbour, rows
from tests.stories.town import Town


@pytest.mark.parametrize("even_alone", [False, True], ids=["with others", "even alone"])
async def test_an_outcome_that_cannot_be_written_holds_up_nobody(town: Town, monkeypatch: pytest.MonkeyPatch, *, even_alone: bool) -> None:
    """The others' are written down; what cannot be is in doubt, is found in the provider's list, and nothing is sent twice."""
    town.sandbox.change(callbacks=False)
    ayan = await town.person("Ayan", "nb")
    for name in ("Bao", "Chen", "Dina"):
        await town.person(name, "nb")

    def spoilt(honest: Any) -> Any:
        def write(conn: Any, landed: Any, now: Any) -> Any:
            spoils = [fact for one, fact in landed if one.intent.work.to == ayan.phone.address and fact.evidence is Evidence.ACCEPTED]
            if spoils and (even_alone or len(landed) > 1):
                raise ValueError("no database takes this")
            return honest(conn, landed, now)

        return write

    for name in ("record", "begin"):
        monkeypatch.setattr(outcomes, name, spoilt(getattr(outcomes, name)))
    alert_id = await released(town)
    town = await turned(town, alert_id)
    expected = [Evidence.ACCEPTED] * 8
    if even_alone:
        expected[:2] = [Evidence.UNKNOWN] * 2
    assert sorted(row.evidence for row in await attempts(town)) == sorted(expected)
    await in_time(town, seconds=40)
    assert min(row.evidence for row in await attempts(town)) >= Evidence.ACCEPTED
    assert set(copies(town).values()) == {1}
    await reconcile(town, alert_id)


async def test_a_delivery_that_cannot_be_tried_holds_up_nobody(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others get theirs; it is put off and shown to a person, its next channel goes meanwhile, and it leaves when it can."""
    honest, ayan = (intent.intend, intent.begin), await town.person("Ayan", "nb")
    others = [await town.person(name, "nb") for name in ("Bao", "Chen", "Dina")]

    def spoilt(honest: Any) -> Any:
        def write(conn: Any, wanted: Any, now: Any) -> Any:
            if any(one.work.to == ayan.phone.address for one in wanted.by_token.values()):
                raise ValueError("no database takes this")
            return honest(conn, wanted, now)

        return write

    for each in honest:
        monkeypatch.setattr(intent, each.__name__, spoilt(each))
    alert_id = await released(town)
    town = await turned(town, alert_id)
    assert {entry.to for entry in accepted(town)} == {person.phone.address for person in others}
    asked = await rows(town, select(task.c.cause, task.c.kind).where(task.c.person_id == ayan.id))
    assert {row.kind for row in asked} == {TaskKind.UNREACHABLE}
    for each in honest:
        monkeypatch.setattr(intent, each.__name__, each)
    await in_time(town, minutes=6)
    assert set(copies(town).values()) == {1}
    await reconcile(town, alert_id)


@pytest.mark.parametrize("grave", [True, False], ids=["life", "standard"])
async def test_a_town_in_an_unknown_time_zone_holds_up_nobody_and_is_not_held_up(town: Town, *, grave: bool) -> None:
    """It is taken for Norway's: its own messages leave too, the gravest above all."""
    other = await neighbour(town)
    people = [await each.person(name, "nb") for each, name in ((town, "Ayan"), (other, "Bo"))]
    alerts = [await released(each, grave=grave) for each in (town, other)]
    await change(town, update(Municipality).where(Municipality.id == town.municipality_id).values(timezone="Europe/Nowhere"))
    await town.settle()
    assert {entry.to for entry in accepted(town)} == {person.phone.address for person in people}
    for each, alert_id in zip((town, other), alerts, strict=True):
        await reconcile(each, alert_id)


async def test_hours_that_cannot_be_told_hold_up_nobody_else(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """That message is put off and shown to a person, and leaves when they can be."""
    honest, ayan, bo = Texts._not_before, await town.person("Ayan", "nb"), await town.person("Bo", "nb")

    def not_before(self: Texts, work: Work, now: datetime) -> datetime | None:
        if work.to == ayan.phone.address:
            raise KeyError("no such hours")
        return honest(self, work, now)

    monkeypatch.setattr(Texts, "_not_before", not_before)
    alert_id = await released(town, grave=False)
    with capture_logs():
        await town.settle()
    assert {entry.to for entry in accepted(town)} == {bo.phone.address}
    asked = await rows(town, select(task.c.kind).where(task.c.person_id == ayan.id))
    assert {row.kind for row in asked} == {TaskKind.UNREACHABLE}
    monkeypatch.setattr(Texts, "_not_before", honest)
    await in_time(town, minutes=6)
    assert set(copies(town).values()) == {1}
    await reconcile(town, alert_id)


async def turned(town: Town, alert_id: int) -> Town:
    """Let the wheel run by itself until everything planned has been taken up, or put off; return the town as another worker finds it."""
    dispatcher = town.relay.dispatcher
    running = asyncio.create_task(dispatcher.run())
    async with asyncio.timeout(20):
        while any(row.due_at <= town.clock.now() and _is_the_wheels(row) for row in await planned(town, alert_id)):
            town.relay.pulse.ring()
            await asyncio.sleep(0.02)
        dispatcher.stop()
        await running
    return another(town)


def _is_the_wheels(row: AnyRow) -> bool:
    return row.state in (DeliveryState.WAITING, DeliveryState.CLAIMED) and row.hold == Hold.NOTHING
