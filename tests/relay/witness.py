"""The provider's ledger as a witness: who has which texts how often, against what the house says of itself; and a second dispatcher."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import insert, select, update

from channels.sandbox.ledger import Entry, Event
from messages.form import Medium
from relay.dispatch import Dispatcher
from relay.routing import DEFAULT_POLICY
from relay.store import doubts
from relay.store.columns import AnyRow
from relay.store.tables import Address, Sender, attempt, delivery, recipient
from relay.store.workers import Lease
from tests.stories.arrange import change, rows
from tests.stories.town import FAST, Town

WATER = {"so": "KARI BIYAHA", "nb": "KOK VANNET"}


def accepted(town: Town) -> list[Entry]:
    """Return every copy that the provider has taken."""
    return town.sandbox.ledger.entries(Event.ACCEPTED)


def copies(town: Town) -> Counter[tuple[str, str]]:
    """Count the provider's copies by (number, text)."""
    return Counter((entry.to, entry.body) for entry in accepted(town))


async def attempts(town: Town) -> Sequence[AnyRow]:
    """Return every attempt, in order."""
    return await rows(town, select(attempt).order_by(attempt.c.id))


async def planned(town: Town, alert_id: int) -> Sequence[AnyRow]:
    """Return every delivery of an alert, in order."""
    return await rows(town, select(delivery).where(delivery.c.alert_id == alert_id).order_by(delivery.c.id))


async def reconcile(town: Town, alert_id: int) -> None:
    """Nobody is lost, nobody has two in silence, and nothing is claimed that the ledger does not bear out."""
    wanted = (recipient.c.alert_id == alert_id, recipient.c.left_out == "")
    people = await rows(town, select(recipient.c.person_id, recipient.c.possible_duplicate, recipient.c.failed).where(*wanted))
    values = {row.person_id: row.value for row in await rows(town, select(Address.person_id, Address.value))}
    took = copies(town)
    flagged = {values[row.person_id] for row in people if row.possible_duplicate}
    lost = {values[row.person_id] for row in people if not row.failed} - {number for number, _ in took}
    doubled = {number for (number, _), count in took.items() if count > 1}
    assert lost == set(), "lost"
    assert doubled <= flagged, "doubled in silence"
    by_id = {entry.id for entry in accepted(town)}
    claimed = {row.provider_id for row in await attempts(town) if row.provider_id and row.channel != Medium.EMAIL}
    assert claimed <= by_id, "claimed without evidence"


async def ask_and_forward(town: Town, name: str = "Ayan") -> None:
    """Let somebody live here who gets two SMS."""
    await town.person(name, "nb")


def another(town: Town, fence: int = 2, *, window: int = 50, lease: float = 30.0) -> Town:
    """Return the town as a second process sees it: the same rows, another dispatcher."""
    relay = town.relay
    dispatcher = Dispatcher(
        town.store,
        relay.desk,
        town.clock,
        relay.pulse.branch(),
        DEFAULT_POLICY,
        worker=f"worker {fence}",
        fence=fence,
        window=window,
        lease=Lease(lease),
    )
    return replace(town, relay=replace(relay, dispatcher=dispatcher))


async def restart(town: Town, fence: int = 2) -> Town:
    """Return the town after its process was killed and started again: what was in hand or in the air is looked for."""
    async with town.store.write() as conn:
        await doubts.recover(conn, town.clock.now(), over=None)
    return another(town, fence)


async def released(town: Town, texts: dict[str, str] = WATER, **more: object) -> int:
    """Write, approve and release an alert; nothing leaves yet."""
    alert_id = await town.draft(texts, **more)  # type: ignore[arg-type]
    await town.relay.approve(town.municipality_id, alert_id, "Ola")
    await town.relay.release(town.municipality_id, alert_id, "Ola")
    return alert_id


async def slow_sender(town: Town, per_second: float, burst: float = 1.0) -> None:
    """Slow the SMS sender down: segments a second."""
    mine = (Sender.municipality_id == town.municipality_id, Sender.channel == Medium.SMS)
    await change(town, update(Sender).where(*mine).values(pace_per_second=per_second, pace_burst=burst))


async def second_sms_sender(town: Town, number: str) -> None:
    """Add a newer SMS sender: what is planned from now on goes by it."""
    values = {"municipality_id": town.municipality_id, "channel": Medium.SMS, "provider": "twilio_sms", "account": "twilio"}
    await change(town, insert(Sender).values(values | {"address": number, "contents": {}} | FAST | town._audit()))


async def in_time(town: Town, **delta: float) -> None:
    """Let time pass in steps of a few seconds, as a house does that runs."""
    end = town.clock.now() + timedelta(**delta)
    while town.clock.now() < end:
        town.clock.advance(seconds=2)
        await town.settle()
