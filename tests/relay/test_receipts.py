"""What comes back is kept whatever stands in it; what people write is handled in turns, so that others can write down something, too."""

import asyncio

import pytest
from sqlalchemy import func, select

from channels.base import Callback, Inbound
from channels.mail_in import MAIL_FROM, RCPT_TO, URL
from messages.form import Medium
from relay import receipts
from relay.store.tables import inbound, status
from tests.relay.witness import attempts, released
from tests.stories.arrange import rows
from tests.stories.town import DOMAIN, SMS_SENDER, Town

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


async def test_a_bounce_is_taken_in_whatever_stands_in_it(town: Town) -> None:
    await town.person("Ayan", "nb", by=(Medium.EMAIL,))
    await released(town)
    await town.settle()
    [sent] = [row for row in await attempts(town) if row.channel == Medium.EMAIL]
    mail = b"Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; x\r\n\r\nAction: fai\0led\r\nStatus: 5.1.1\r\n"
    fields = ((MAIL_FROM, ""), (RCPT_TO, f"retur+{sent.token}@{DOMAIN}"))
    assert await town.relay.hear("email", Callback(url=URL, fields=fields, body=mail, received_at=town.clock.now())) == 1
    assert "fai\N{REPLACEMENT CHARACTER}led" in [row.word for row in await rows(town, select(status.c.word))]
