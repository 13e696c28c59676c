"""The product, set up for measuring: a register, an approved alert, one SMS sender without limits, callbacks served."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date

from aiohttp import web
from sqlalchemy import func, insert, literal, select

from channels.base import Pace
from channels.clock import SystemClock
from channels.registry import build
from channels.settings import SmsSettings, TwilioAccount
from messages.alert import Alert, Kind, Severity, Urgency, Variant
from messages.form import Medium
from relay.desk import Desk
from relay.dispatch import Dispatcher
from relay.feeds import Poller
from relay.flow import Relay
from relay.pulse import Pulse
from relay.receipts import Receipts
from relay.reconcile import Reconciler
from relay.resolve import Resolver
from relay.routing import DEFAULT_POLICY
from relay.store import alerts, inbox, schema, sealing
from relay.store.engine import Store
from relay.store.tables import Address, LanguageGroup, Membership, Municipality, ResourcePerson, Sender, delivery
from relay.store.workers import Lease
from relay.sweep import Sweeper
from relay.web.server import make_app
from relay.web.watchdog import Watchdog
from tests.bench.provider import ACCOUNT

SENDER = "+4759440000"
FORWARD = "Kok det i 3 minutter før du drikker, lager mat eller pusser tenner."
#: of everything that is sealed here: it holds nobody's data
KEY = "A" * 43 + "="
#: people entered in one transaction
AT_ONCE = 10_000


@asynccontextmanager
async def open_house(provider: str, url: str, people: int, window: int) -> AsyncIterator[tuple[Relay, int, int]]:
    """Yield the product with one approved alert: (relay, municipality, alert)."""
    sealing.use(sealing.build(KEY, KEY))
    clock, store = SystemClock(), await Store.open(url)
    await schema.upgrade(store)
    municipality_id = await _register(store, clock, people)
    relay = _relay(store, clock, provider, window, number=1)
    runner = web.AppRunner(make_app(relay, Watchdog(store, clock)), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    relay.desk.public_url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield relay, municipality_id, await another_alert(relay, municipality_id)
    finally:
        await relay.receipts.close()
        await runner.cleanup()
        await relay.desk.close()
        await store.close()


@asynccontextmanager
async def open_beside(provider: str, url: str, window: int) -> AsyncIterator[Relay]:
    """Yield the product in another process, at the same database: a second worker."""
    sealing.use(sealing.build(KEY, KEY))
    store = await Store.open(url)
    relay = _relay(store, SystemClock(), provider, window, number=2)
    try:
        yield relay
    finally:
        await relay.desk.close()
        await store.close()


def _relay(store: Store, clock: SystemClock, provider: str, window: int, *, number: int) -> Relay:
    account = TwilioAccount(key="twilio", sid=ACCOUNT, auth_token="sandbox", base_url=provider, connections=window)
    channel = build("twilio_sms", SmsSettings(account=account, pace=Pace(1e6, 1e6)), clock=clock)
    desk, pulse = Desk({("twilio_sms", "twilio"): channel}, "http://127.0.0.1:0", "localhost"), Pulse()
    receipts = Receipts(store, desk, clock, pulse, DEFAULT_POLICY)
    sweeper = Sweeper(store, desk, clock, receipts)
    return Relay(
        store=store,
        desk=desk,
        clock=clock,
        pulse=pulse,
        policy=DEFAULT_POLICY,
        dispatcher=Dispatcher(
            store,
            desk,
            clock,
            pulse.branch(),
            DEFAULT_POLICY,
            worker=f"bench-{number}",
            fence=number,
            window=window,
            lease=Lease(60.0, by_database=store.dialect == "postgresql"),
        ),
        resolver=Resolver(store, desk, clock, pulse),
        receipts=receipts,
        sweeper=sweeper,
        reconciler=Reconciler(store, desk, clock, pulse, sweeper.sweep),
        poller=Poller(store, clock),
    )


async def _register(store: Store, clock: SystemClock, people: int) -> int:
    now = clock.now()
    audit = {"created_at": now, "created_by": "bench", "updated_at": now, "updated_by": "bench"}
    async with store.write() as conn:
        values = {"number": "9901", "name": "Bydal", **audit}
        town: int = (await conn.execute(insert(Municipality).values(values).returning(Municipality.id))).scalar_one()
        home = {"municipality_id": town, **audit}
        sender = {"channel": "sms", "address": SENDER, "provider": "twilio_sms", "account": "twilio", "contents": {}}
        await conn.execute(insert(Sender).values(home | sender | {"pace_per_second": 1e6, "pace_burst": 1e6}))
        norwegian = insert(LanguageGroup).values(home | {"language": "nb", "name": "Norsk"})
        group = (await conn.execute(norwegian.returning(LanguageGroup.id))).scalar_one()
    agreed = {"languages": ["nb"], "agreed_on": date(2026, 1, 1), "adult_confirmed_on": date(2026, 1, 1)}
    for first in range(0, people, AT_ONCE):
        async with store.write() as conn:
            numbers = range(first, min(first + AT_ONCE, people))
            await conn.execute(insert(ResourcePerson), [{"name": f"P{n}", **agreed, **home} for n in numbers])
            new = select(ResourcePerson.id).order_by(ResourcePerson.id.desc()).limit(len(numbers))
            ids = list((await conn.execute(new)).scalars())
            await conn.execute(insert(Membership), [{"person_id": one, "group_id": group, "municipality_id": town} for one in ids])
            rows = [{"person_id": one, "channel": "sms", "value": f"+474{one:07d}", **home} for one in ids]
            await conn.execute(insert(Address), [row | {"lookup": inbox.lookup(Medium.SMS, str(row["value"]))} for row in rows])
    return town


async def another_alert(relay: Relay, municipality_id: int) -> int:
    """Write and approve an alert for everybody."""
    now = relay.clock.now()
    value = Alert(number=0, kind=Kind.ACTUAL, severity=Severity.SEVERE, urgency=Urgency.IMMEDIATE, sent_at=now)
    text = Variant(language="nb", headline="KOK VANNET", forward=FORWARD)
    new = alerts.NewAlert(alert=replace(value, event="vann"), variants=[text], author="Kari", source="form")
    async with relay.store.write() as conn:
        alert_id = await alerts.save(conn, municipality_id, new, now)
    await relay.approve(municipality_id, alert_id, "Ola")
    return alert_id


async def fill(relay: Relay, alert_id: int, wanted: int) -> None:
    """Let an alert have `wanted` deliveries that are done, as after a long night: those that it has, again and again at later steps."""
    names = [column.name for column in delivery.c if column.name not in ("id", "step", "state")]
    async with relay.store.write() as conn:
        have = (await conn.execute(select(func.count()).select_from(delivery))).scalar_one()
    for more in range(1, -(-wanted // have)):
        rows = select(*(delivery.c[name] for name in names), delivery.c.step + 10 * more, literal("DONE"))
        first = rows.where(delivery.c.alert_id == alert_id, delivery.c.step < 10).order_by(delivery.c.id).limit(wanted - more * have)
        async with relay.store.remodel() as conn:
            await conn.execute(insert(delivery).from_select([*names, "step", "state"], first))
