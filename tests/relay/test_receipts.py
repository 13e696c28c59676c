"""Messages that people write are handled in turns: whoever else has something to write down waits for a few of them, not for all."""

import asyncio

import pytest
from sqlalchemy import func, select

from channels.base import Inbound
from messages.form import Medium
from relay import receipts
from relay.store.tables import inbound
from tests.stories.town import SMS_SENDER, Town

MANY = 12


async def test_a_crowd_that_answers_keeps_nobody_from_writing(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of it waits at once, as after a fetch: whoever writes beside it gets a turn after one message, and all are handled."""
    monkeypatch.setattr(receipts, "AT_A_TIME", 0.0)
    heard = town.relay.receipts
    for n in range(MANY):
        message = Inbound(provider_id=f"SM{n:032}", sender=f"+47410{n:05}", to=SMS_SENDER, text="Hva skjer?", received_at=town.clock.now())
        await heard.inbox.put(("twilio", Medium.SMS, message, "sweep"))
    heard.handle_soon()
    handling, seen = asyncio.create_task(heard.caught_up()), list[int]()
    while not handling.done():
        async with town.store.write() as conn:
            done = select(func.count(inbound.c.id)).where(inbound.c.handled_at.is_not(None))
            seen.append((await conn.execute(done)).scalar_one())
    assert max(seen) == MANY
    assert set(seen) & set(range(1, MANY)), "nobody else came by before all were handled"
