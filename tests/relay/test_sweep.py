"""A sweep of several senders: what goes wrong with one, or with one message or status, keeps nothing else from coming in."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import insert, select

from channels.base import Evidence, Inbound, Status
from channels.twilio_sms import TwilioSms
from messages.form import Medium
from relay.model import NotReady, TaskKind
from relay.receipts import Receipts
from relay.store import inbox
from relay.store.tables import Sender, inbound, status, task
from relay.store.tables.sending import FOREIGN
from relay.sweep import SILENT
from tests.relay.witness import accepted, attempts, released
from tests.stories.arrange import NEIGHBOURS_SENDER, change, neighbour, rows
from tests.stories.town import SMS_SENDER, Somebody, Town


async def two_towns(town: Town) -> tuple[Somebody, Somebody]:
    """Let both towns alert one person each, by senders of their own; nobody's callbacks come any more."""
    other = await neighbour(town)
    ayan, bo = await town.person("Ayan", "nb"), await other.person("Bo", "nb")
    for one in (town, other):
        await released(one)
    town.sandbox.change(callbacks=False, inbound_urls={})
    await town.settle()
    return ayan, bo


async def heard(town: Town) -> set[str]:
    """Return which of our senders something has come to."""
    return {row.to for row in await rows(town, select(inbound.c.to))}


async def test_a_sender_that_breaks_the_sweep_keeps_no_other_from_being_asked(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor overdue statuses. Its own mark stays where it is: what came meanwhile is fetched when it can be."""
    honest, broken = TwilioSms.sweep, [True]

    async def sweep(self: TwilioSms, to: str, since: datetime) -> AsyncIterator[Inbound]:
        async for one in honest(self, to, since):
            yield one
        if to == SMS_SENDER and broken:
            raise TypeError("can't compare offset-naive and offset-aware datetimes")

    monkeypatch.setattr(TwilioSms, "sweep", sweep)
    for person in await two_towns(town):
        await person.phone.says("1")
    town.clock.advance(seconds=SILENT.total_seconds() + 60)
    assert await town.relay.sweep() > 0
    assert await heard(town) == {NEIGHBOURS_SENDER}
    assert {row.evidence for row in await attempts(town)} == {Evidence.DELIVERED}
    town.clock.advance(minutes=30)
    broken.clear()
    await town.relay.sweep()
    assert await heard(town) == {SMS_SENDER, NEIGHBOURS_SENDER}


async def test_a_status_that_breaks_the_sweep_keeps_no_other_from_being_fetched(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = TwilioSms.status_of
    await two_towns(town)
    [first, *others] = accepted(town)

    async def status_of(self: TwilioSms, provider_id: str) -> Status:
        if provider_id == first.id:
            raise ValueError("not a status")
        return await honest(self, provider_id)

    monkeypatch.setattr(TwilioSms, "status_of", status_of)
    town.clock.advance(seconds=SILENT.total_seconds() + 60)
    assert await town.relay.sweep() == len(others)
    by_id = {row.provider_id: row.evidence for row in await attempts(town)}
    assert by_id == {first.id: Evidence.ACCEPTED} | {one.id: Evidence.DELIVERED for one in others}


async def test_a_message_that_cannot_be_kept_is_a_persons_to_read_and_holds_up_no_other(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mark goes on, so that it is not fetched for ever, and a restored database does not wait for it."""
    honest, chen = inbox.keep, await town.person("Chen", "nb")
    ayan, bo = await two_towns(town)
    for person in (ayan, bo, chen):
        await person.phone.says("1")

    async def keep(conn: Any, account: Any, channel: Any, messages: Sequence[Inbound], heard_by: str) -> int:
        if any(one.sender == ayan.phone.address for one in messages):
            raise ValueError("no database takes this")
        return await honest(conn, account, channel, messages, heard_by)

    monkeypatch.setattr(inbox, "keep", keep)
    assert await town.relay.sweep() == 2
    assert await heard(town) == {SMS_SENDER, NEIGHBOURS_SENDER}
    asked = select(task.c.municipality_id, task.c.kind).where(task.c.cause.startswith("unkept:"))
    assert await rows(town, asked) == [(town.municipality_id, TaskKind.DANGER)]
    marks = await rows(town, select(Sender.swept_at).where(Sender.channel == Medium.SMS))
    assert {row.swept_at for row in marks} == {town.clock.now()}


async def test_an_early_status_that_breaks_us_keeps_no_other_from_being_learnt(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is tried again by the next sweeps; the others are learnt, and anything else comes in."""
    honest = Receipts.take
    for person in await two_towns(town):
        await person.phone.says("1")
    [first, *others] = accepted(town)

    async def take(self: Receipts, account: str, medium: Medium, one: Inbound | Status, heard_by: str) -> int:
        if isinstance(one, Status) and one.provider_id == first.id:
            raise ValueError("no database takes this")
        return await honest(self, account, medium, one, heard_by)

    monkeypatch.setattr(Receipts, "take", take)
    told = {"account": "twilio", "word": "delivered", "evidence": int(Evidence.DELIVERED), "foreign": True, "heard_by": "callback"}
    for entry in (first, *others):
        await change(town, insert(status).values(told | {"provider_id": entry.id, "received_at": town.clock.now()}))
    await town.relay.sweep()
    by_id = {row.provider_id: row.evidence for row in await attempts(town)}
    assert by_id == {first.id: Evidence.ACCEPTED} | {one.id: Evidence.DELIVERED for one in others}
    assert await heard(town) == {SMS_SENDER, NEIGHBOURS_SENDER}
    assert [row.provider_id for row in await rows(town, select(status.c.provider_id).where(FOREIGN))] == [first.id]


async def test_a_database_that_is_away_ends_the_sweep(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is nobody's trouble alone: no mark moves and no task is opened, and the next sweep fetches everything."""
    for person in await two_towns(town):
        await person.phone.says("1")

    async def away(_: object) -> int:
        raise NotReady("The connection to the database was lost. It is tried again.")

    with monkeypatch.context() as patched:
        patched.setattr(town.relay.receipts.inbox, "put", away)
        with pytest.raises(NotReady):
            await town.relay.sweep()
    assert await town.tasks() == []
    town.clock.advance(minutes=10)
    await town.relay.sweep()
    assert await heard(town) == {SMS_SENDER, NEIGHBOURS_SENDER}
