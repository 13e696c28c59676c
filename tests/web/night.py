"""Parts of a night, for tests that look at pages: an evening that has come some way, and a draft that waits."""

import asyncio
from datetime import timedelta

from channels.clock import DemoClock
from messages.alert import Alert, Kind, Severity, Urgency, Variant
from relay import ingest
from relay.store.alerts import NewAlert
from tests.web.conftest import Web

#: how far the evening has come when the pages are opened
STEPS = (timedelta(seconds=0), timedelta(minutes=4), timedelta(minutes=11), timedelta(minutes=25))


async def some_evening(web: Web) -> None:
    """Let the house work while the clock of house and phones moves by steps; then let it rest."""
    house, provider = web.stand.house, web.stand.provider
    clock = house.relay.clock
    assert isinstance(clock, DemoClock)
    start = clock.now()
    working = asyncio.create_task(house.work())
    for step in STEPS:
        await provider.ask("clock", {"now": (start + step).isoformat()})
        clock.jump(start + step)
        await house.relay.clockwork()
        house.relay.pulse.ring()
        await asyncio.sleep(2.5)
    await house.relay.receipts.caught_up()
    house.relay.dispatcher.stop()
    await working


async def write_draft(web: Web) -> int:
    """Write a draft of a landslide in two languages; return its number."""
    relay = web.stand.house.relay
    now = relay.clock.now()
    alert = Alert(
        number=0,
        kind=Kind.ACTUAL,
        severity=Severity.SEVERE,
        urgency=Urgency.IMMEDIATE,
        event="Jordskred",
        sent_at=now,
        expires_at=now + timedelta(hours=12),
    )
    texts = [
        Variant(
            language="nb",
            headline="FORLAT HUSENE",
            forward="Fare for skred under Storhei. Gå til skolen nå.",
            topic="skred",
            place="Storhei",
        ),
        Variant(
            language="ar",
            headline="غادروا المنازل",
            forward="خطر انهيار تحت ستورهاي. اذهبوا إلى المدرسة الآن.",
            topic="انهيار",
            place="Storhei",
        ),
    ]
    async with relay.store.write() as conn:
        new = NewAlert(alert=alert, variants=texts, author="Somebody Else", source="form")
        taken = await ingest.store(conn, web.stand.municipality_id, new, now)
    return taken.number
