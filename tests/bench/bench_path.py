"""The whole durable path against a bare loop: what does certainty cost?

Both send the same forms to the same provider process with the same number in flight, in turns, in the same run. The loop is aiohttp alone
and records nothing. The path is the product: leases, intents on disk before each call, outcomes, two signed callbacks a message
checked and on disk, evidence of deliveries and people, counters. Its clock runs from the first turn of the dispatcher until the last
receipt is on disk. A ratio of 1 would mean that certainty is free.

    ./run bench                               2,000 people (4,000 messages), three rounds, SQLite and PostgreSQL
    BUDSTIKKE_BENCH_PEOPLE=10000 ./run bench
"""

import asyncio
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from urllib.parse import urlencode

import aiohttp
import pytest
from aiohttp import web
from sqlalchemy import func, insert, select

from channels.base import Evidence, Pace
from channels.clock import SystemClock, monotonic
from channels.registry import build
from channels.settings import SmsSettings, TwilioAccount
from messages.alert import Alert, Kind, Severity, Urgency, Variant
from messages.form import Medium
from relay.desk import Desk
from relay.dispatch import Dispatcher
from relay.flow import Relay
from relay.pulse import Pulse
from relay.receipts import Receipts
from relay.resolve import Resolver
from relay.routing import DEFAULT_POLICY
from relay.store import alerts, inbox, schema, sealing
from relay.store.engine import Store
from relay.store.tables import Address, LanguageGroup, Membership, Municipality, ResourcePerson, Sender, attempt
from relay.store.workers import Lease
from relay.sweep import Sweeper
from relay.web.server import make_app
from relay.web.watchdog import Watchdog
from tests.pg import Postgres

PEOPLE = int(os.environ.get("BUDSTIKKE_BENCH_PEOPLE", "2000"))
ROUNDS = int(os.environ.get("BUDSTIKKE_BENCH_ROUNDS", "3"))
IN_FLIGHT = 100
ACCOUNT = "AC" + "0" * 32
SENDER = "+4759440000"
#: what is asked of the whole path, receipts on, on both databases
LEAST = 0.35


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    """Start the provider and yield its address."""
    process = subprocess.Popen([sys.executable, "-m", "tests.bench.provider"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
    process.terminate()
    process.wait()


async def bare(provider: str, messages: int) -> float:
    """Messages a second of a loop that only posts."""
    url = f"{provider}/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Authorization": aiohttp.encode_basic_auth(ACCOUNT, "sandbox")}
    numbers = iter(range(messages))
    text = "Bydal: KOK VANNET\nKok det i 3 minutter før du drikker, lager mat eller pusser tenner.\nNr. 1"

    async def one(session: aiohttp.ClientSession) -> None:
        for number in numbers:
            form = {"To": f"+474{number:07d}", "From": SENDER, "Body": text, "ValidityPeriod": "36000", "SmartEncoded": "false"}
            async with session.post(url, data=urlencode(form), headers=headers) as answer:
                await answer.read()

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=IN_FLIGHT)) as session:
        start = monotonic()
        await asyncio.gather(*(one(session) for _ in range(IN_FLIGHT)))
        return messages / (monotonic() - start)


async def path(provider: str, url: str) -> float:
    """Messages a second of the product, from the first turn to the last receipt on disk."""
    async with _house(provider, url) as (relay, alert_id, municipality_id):
        await relay.release(municipality_id, alert_id, "Ola")
        start = monotonic()
        working = asyncio.create_task(relay.dispatcher.run())
        messages = await _delivered(relay, 2 * PEOPLE)
        seconds = monotonic() - start
        relay.dispatcher.stop()
        await working
        reach = await relay.reach(municipality_id, alert_id)
        assert (reach.totals.sent, reach.totals.delivered) == (PEOPLE, PEOPLE)
        return messages / seconds


async def _delivered(relay: Relay, wanted: int) -> int:
    count = 0
    while count < wanted:
        await asyncio.sleep(0.05)
        async with relay.store.read() as conn:
            arrived = select(func.count(attempt.c.id)).where(attempt.c.evidence == int(Evidence.DELIVERED))
            count = (await conn.execute(arrived)).scalar_one()
    return count


@asynccontextmanager
async def _house(provider: str, url: str) -> AsyncIterator[tuple[Relay, int, int]]:
    """Set the product up with its register and one approved alert."""
    sealing.use(sealing.build(sealing.make_key(), sealing.make_key()))
    clock, store = SystemClock(), await Store.open(url)
    await schema.upgrade(store)
    municipality_id = await _register(store, clock)
    account = TwilioAccount(key="twilio", sid=ACCOUNT, auth_token="sandbox", base_url=provider)
    channel = build("twilio_sms", SmsSettings(account=account, pace=Pace(1e6, 1e6)), clock=clock)
    desk, pulse = Desk({("twilio_sms", "twilio"): channel}, "http://127.0.0.1:0", "localhost"), Pulse()
    receipts = Receipts(store, desk, clock, pulse, DEFAULT_POLICY)
    relay = Relay(
        store=store,
        desk=desk,
        clock=clock,
        pulse=pulse,
        policy=DEFAULT_POLICY,
        dispatcher=Dispatcher(
            store, desk, clock, pulse.branch(), DEFAULT_POLICY, worker="bench", fence=1, window=IN_FLIGHT, lease=Lease(60.0)
        ),
        resolver=Resolver(store, desk, clock, pulse),
        receipts=receipts,
        sweeper=Sweeper(store, desk, clock, receipts),
    )
    runner = web.AppRunner(make_app(relay, Watchdog(store, clock)), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    desk.public_url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield relay, await _alert(relay, municipality_id), municipality_id
    finally:
        await receipts.close()
        await runner.cleanup()
        await desk.close()
        await store.close()


async def _register(store: Store, clock: SystemClock) -> int:
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
        people = [{"name": f"P{n}", **agreed, **home} for n in range(PEOPLE)]
        await conn.execute(insert(ResourcePerson), people)
        ids = list((await conn.execute(select(ResourcePerson.id).order_by(ResourcePerson.id))).scalars())
        await conn.execute(insert(Membership), [{"person_id": one, "group_id": group, "municipality_id": town} for one in ids])
        rows = [{"person_id": one, "channel": "sms", "value": f"+474{one:07d}", **home} for one in ids]
        await conn.execute(insert(Address), [row | {"lookup": inbox.lookup(Medium.SMS, str(row["value"]))} for row in rows])
    return town


async def _alert(relay: Relay, municipality_id: int) -> int:
    now = relay.clock.now()
    value = Alert(number=0, kind=Kind.ACTUAL, severity=Severity.SEVERE, urgency=Urgency.IMMEDIATE, sent_at=now)
    text = Variant(language="nb", headline="KOK VANNET", forward="Kok det i 3 minutter før du drikker, lager mat eller pusser tenner.")
    new = alerts.NewAlert(alert=replace(value, event="vann"), variants=[text], author="Kari", source="form")
    async with relay.store.write() as conn:
        alert_id = await alerts.save(conn, municipality_id, new, now)
    await relay.approve(municipality_id, alert_id, "Ola")
    return alert_id


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_the_whole_path_against_a_bare_loop(database: str, provider: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Three rounds in turns; the ratio of each round, and their median."""
    loops, paths, ratios = [], [], []
    for number in range(ROUNDS):
        with _url(database, tmp_path, number, request) as url:
            loops.append(_run(bare, provider, 2 * PEOPLE))
            paths.append(_run(path, provider, url))
            ratios.append(paths[-1] / loops[-1])
    print(f"\n{database}: {2 * PEOPLE} messages, {IN_FLIGHT} in flight, two receipts each; {platform.machine()}, {os.cpu_count()} cores")
    print("  bare loop   " + "  ".join(f"{rate:7,.0f}/s" for rate in loops))
    print("  whole path  " + "  ".join(f"{rate:7,.0f}/s" for rate in paths))
    median = statistics.median(ratios)
    print("  ratio       " + "  ".join(f"{ratio:8.2f} " for ratio in ratios) + f"   median {median:.2f}, at least {LEAST} wanted")


def _run(work: Callable[..., Coroutine[None, None, float]], *given: object) -> float:
    import uvloop

    return uvloop.run(work(*given))


def _url(database: str, folder: Path, number: int, request: pytest.FixtureRequest):  # type: ignore[no-untyped-def]
    from contextlib import nullcontext

    if database == "sqlite":
        return nullcontext(f"sqlite+aiosqlite:///{folder / f'{number}.db'}")
    server: Postgres = request.getfixturevalue("postgres")
    return server.database()
