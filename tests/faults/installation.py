"""An installation under a fault: the whole house on the machine's own clock, its provider in a process of its own, and many people.

The provider's ledger is the judge: what it has taken, for which attempt, and when. The house's own rows are what is judged.
"""

import asyncio
import json
import logging
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import aiohttp
from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from channels.base import Evidence
from channels.clock import SystemClock
from channels.sandbox.ledger import Entry, Event, read
from messages.alert import Alert, Kind, Severity, Urgency, Variant
from messages.form import Medium
from relay import log
from relay.app import House, open_house
from relay.settings import Settings
from relay.store import alerts, inbox, schema, sealing
from relay.store.engine import Store
from relay.store.tables import (
    Address,
    ContactPoint,
    LanguageGroup,
    Membership,
    Municipality,
    ResourcePerson,
    Sender,
    attempt,
    delivery,
    recipient,
)

SMS_SENDER = "+4759440000"
TOKEN = "sandbox"
ACCOUNT = "AC" + "0" * 32
KEYS = sealing.make_key(), sealing.make_key()


# --- the provider -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Provider:
    """A sandbox that outlives whatever happens to us."""

    url: str
    ledger: Path

    async def tell(self, method: str, path: str, body: object = None) -> Any:
        """Order a fault, change a setting, let somebody write."""
        async with aiohttp.ClientSession() as session, session.request(method, f"{self.url}/sandbox/{path}", json=body) as answer:
            answer.raise_for_status()
            return await answer.json()

    def accepted(self) -> list[Entry]:
        """Return every copy that it has taken."""
        return [entry for entry in read(self.ledger) if entry.event is Event.ACCEPTED]

    def count(self) -> int:
        """Return how many copies it has taken, without reading them: for whoever asks often, in the house's own process."""
        return self.ledger.read_bytes().count(b'"event":"accepted"')


@contextmanager
def provider(folder: Path, *, seed: int = 0, **settings: object) -> Iterator[Provider]:
    """Run a sandbox in a process of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    ledger = folder / "ledger.jsonl"
    chosen = [word for name, value in settings.items() for word in ("--set", f"{name}={json.dumps(value)}")]
    command = [sys.executable, "-m", "channels.sandbox", "--ledger", str(ledger), "--seed", str(seed), *chosen]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield Provider(url=json.loads(process.stdout.readline())["url"], ledger=ledger)
        finally:
            process.terminate()


# --- the house --------------------------------------------------------------------------------------------------------


def settings(database: str, provider_url: str, *, port: int = 0, in_flight: int = 50) -> Settings:
    """Return the settings of an installation that sends SMS by `provider_url`."""
    encryption, lookup = KEYS
    return Settings(
        _env_file=None,
        database_url=database,
        listen_host="127.0.0.1",
        listen_port=port,
        encryption_key=encryption,
        lookup_key=lookup,
        twilio_account_sid=ACCOUNT,
        twilio_auth_token=TOKEN,
        twilio_base_url=provider_url,
        public_base_url="",
        in_flight=in_flight,
        log_level="error",
    )


async def found(database: str, people: int, *, pace: float = 2000.0, named: str = "+4741") -> int:
    """Make the tables and a municipality with so many people, each with a telephone; return its id."""
    sealing.use(sealing.build(*KEYS))
    store = await Store.open(database)
    try:
        await schema.upgrade(store)
        async with store.write() as conn:
            now = SystemClock().now()
            audit = {"created_at": now, "created_by": "faults", "updated_at": now, "updated_by": "faults"}
            values = {"number": "9901", "name": "Sørvik"} | audit
            town: int = (await conn.execute(insert(Municipality).values(values).returning(Municipality.id))).scalar_one()
            home = {"municipality_id": town} | audit
            await conn.execute(insert(ContactPoint).values(home | {"name": "Kari Nordmann", "phone": "91234567", "hours": "08-22"}))
            sender = {"channel": "sms", "provider": "twilio_sms", "account": "twilio", "address": SMS_SENDER, "contents": {}}
            await conn.execute(insert(Sender).values(home | sender | {"pace_per_second": pace, "pace_burst": max(1.0, pace / 10)}))
            norwegian = insert(LanguageGroup).values(home | {"language": "nb", "name": "Norsk"})
            group = (await conn.execute(norwegian.returning(LanguageGroup.id))).scalar_one()
            await _people(conn, home, group, [f"{named}{n:06d}" for n in range(people)])
        return town
    finally:
        await store.close()


async def _people(conn: AsyncConnection, home: dict[str, Any], group: int, numbers: Sequence[str]) -> None:
    agreed = {"languages": ["nb"], "agreed_on": date(2026, 1, 1), "adult_confirmed_on": date(2026, 1, 1)}
    made = insert(ResourcePerson).returning(ResourcePerson.id, sort_by_parameter_order=True)
    ids = (await conn.execute(made, [{"name": number, **agreed, **home} for number in numbers])).scalars().all()
    town = {"group_id": group, "municipality_id": home["municipality_id"]}
    await conn.execute(insert(Membership), [{"person_id": one, **town} for one in ids])
    rows = [{"person_id": one, "channel": "sms", "value": number, **home} for one, number in zip(ids, numbers, strict=True)]
    await conn.execute(insert(Address), [row | {"lookup": inbox.lookup(Medium.SMS, str(row["value"]))} for row in rows])


@asynccontextmanager
async def running(chosen: Settings) -> AsyncIterator[House]:
    """Serve and dispatch, as `budstikke serve` does, until the end of the block; then drain."""
    log.configure("error")
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    async with open_house(chosen) as house:
        await house.listen()
        working = asyncio.create_task(house.work())
        try:
            yield house
        finally:
            house.relay.dispatcher.stop()
            with suppress(asyncio.CancelledError, TimeoutError):
                await asyncio.wait_for(working, 30)


async def draft(house: House, town: int, headline: str = "KOK VANNET", *, kind: Kind = Kind.ACTUAL, grave: bool = True) -> int:
    """Write and approve an alert; return its id."""
    now = house.relay.clock.now()
    value = Alert(
        number=0,
        kind=kind,
        severity=Severity.SEVERE if grave else Severity.MODERATE,
        urgency=Urgency.IMMEDIATE if grave else Urgency.EXPECTED,
        event="vann",
        sent_at=now,
        expires_at=now + timedelta(hours=24),
    )
    text = Variant(language="nb", headline=headline, forward="Kok det i 3 minutter før du drikker.", topic="vann", place="Sentrum")
    new = alerts.NewAlert(alert=value, variants=[text], author="Kari", source="form")
    async with house.store.write() as conn:
        alert_id = await alerts.save(conn, town, new, now)
    await house.relay.approve(town, alert_id, "Ola")
    return alert_id


# --- the judge --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What became of an alert's sends, by the ledger, and what the house says of them."""

    sends: int
    #: sends with no copy at the provider, of which the house does not say so
    lost: int
    #: sends with no copy, of which the house says so
    said: int
    #: sends with more than one copy, and those among them whose reader is not marked as perhaps having two
    twice: int
    unflagged: int
    #: sends said to be with the provider, of which the provider has no copy
    claimed: int

    @property
    def good(self) -> bool:
        """Whether nobody was lost, nobody has two in silence, and nothing is claimed that is not so."""
        return not (self.lost or self.unflagged or self.claimed)


async def judge(store: Store, alert_id: int, ledger: Sequence[Entry]) -> Verdict:
    """Hold the house's rows against the provider's ledger: copies are counted by the tokens of a send's attempts."""
    taken = Counter(entry.token for entry in ledger)
    first = (delivery.c.alert_id == alert_id, delivery.c.action == "message")
    async with store.read() as conn:
        columns = (delivery.c.id, delivery.c.evidence, delivery.c.state, recipient.c.failed, recipient.c.possible_duplicate)
        sends = (await conn.execute(select(*columns).join(recipient, recipient.c.id == delivery.c.recipient_id).where(*first))).all()
        tried = await conn.execute(select(attempt.c.delivery_id, attempt.c.token).where(attempt.c.alert_id == alert_id))
        copies: Counter[int] = Counter()
        for row in tried.all():
            copies[row.delivery_id] += taken[row.token]
    without = [one for one in sends if not copies[one.id]]
    twice = [one for one in sends if copies[one.id] > 1]
    return Verdict(
        sends=len(sends),
        lost=sum(not one.failed for one in without),
        said=sum(one.failed for one in without),
        twice=len(twice),
        unflagged=sum(not one.possible_duplicate for one in twice),
        claimed=sum(one.evidence >= Evidence.ACCEPTED for one in without),
    )


async def unsettled(store: Store, alert_id: int) -> int:
    """How many of an alert's sends are due and have not come to an end: waiting, on their way, or in doubt."""
    first = (delivery.c.alert_id == alert_id, delivery.c.action == "message")
    going = (delivery.c.state.in_(("WAITING", "CLAIMED")), delivery.c.channel != "call")
    async with store.read() as conn:
        return int((await conn.execute(select(func.count(delivery.c.id)).where(*first, *going))).scalar_one())
