"""A town for a night: real store, real dispatcher, real channels over HTTP and SMTP to the sandbox, and a clock that a story moves."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from sqlalchemy import insert, select

from channels.base import Callback, Pace
from channels.clock import ManualClock
from channels.listener import MailListener
from channels.registry import Lines, build
from channels.sandbox.handset import Handset
from channels.sandbox.house import ACCOUNT, AUTH_TOKEN, House as ProviderHouse
from channels.sandbox.ledger import read
from channels.sandbox.phones import Shown
from channels.sandbox.sandbox import Sandbox
from channels.settings import EmailSettings, Security, SmsSettings, TwilioAccount, WhatsAppSettings
from messages.alert import Alert, Kind, Severity, Urgency, Variant
from messages.form import Medium
from relay.desk import Desk
from relay.dispatch import Dispatcher
from relay.feeds import Poller
from relay.flow import Relay
from relay.model import Reach
from relay.pulse import Pulse
from relay.receipts import Receipts
from relay.reconcile import Reconciler
from relay.resolve import Resolver
from relay.routing import DEFAULT_POLICY
from relay.store import alerts, inbox, queue, tasks
from relay.store.columns import AnyRow
from relay.store.engine import Store
from relay.store.tables import (
    Address,
    ContactPoint,
    LanguageGroup,
    Membership,
    Municipality,
    ResourcePerson,
    Sender,
    recipient as recipients,
)
from relay.store.workers import Lease
from relay.sweep import Sweeper
from relay.web.server import make_app
from relay.web.watchdog import Watchdog

SMS_SENDER, WHATSAPP_SENDER, DOMAIN = "+4759440000", "+4759440001", "svar.sorvik.test"
#: a Monday evening in November, 18:00 in Norway
EVENING = datetime.fromisoformat("2026-11-23T18:00:00+01:00")
FAST = {"pace_per_second": 1000.0, "pace_burst": 1000.0}
#: what tells of people and words, and not of databases, is told once; what tells of several workers, where there can be any
ON_SQLITE = pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)
ON_POSTGRES = pytest.mark.parametrize("migrated_url", ["postgres"], indirect=True)


@dataclass
class Somebody:
    """A resource person of a story, with the phone in their hand."""

    id: int
    name: str
    phone: Handset
    mailbox: Handset | None = None


@dataclass
class Town:
    """Sørvik, for one night."""

    store: Store
    sandbox: ProviderHouse
    relay: Relay
    clock: ManualClock
    municipality_id: int
    groups: dict[str, int] = field(default_factory=dict)
    numbers: int = 0

    # --- who lives here ------------------------------------------------------------------------------------------------

    async def group(self, language: str, quorum: int = 2) -> int:
        """Return the group of a language, made when it is first asked for."""
        if language not in self.groups:
            async with self.store.write() as conn:
                row = {"municipality_id": self.municipality_id, "language": language, "name": language, "quorum": quorum} | self._audit()
                made = await conn.execute(insert(LanguageGroup).values(row).returning(LanguageGroup.id))
                self.groups[language] = made.scalar_one()
        return self.groups[language]

    async def person(
        self,
        name: str,
        language: str,
        *,
        by: Sequence[Medium] = (Medium.SMS,),
        number: str = "",
        deputy_of: "Somebody | None" = None,
        groups: Sequence[str] = (),
        **more: Any,
    ) -> Somebody:
        """Let somebody live here who speaks `language` and is reached by these media in this order."""
        self.numbers += 1
        number = number or f"+474100{self.numbers:04d}"
        mail = f"{name.lower()}@folk.test"
        ids = [await self.group(one) for one in (language, *groups)]
        values: dict[str, Any] = {
            "municipality_id": self.municipality_id,
            "name": name,
            "languages": [language],
            "agreed_on": date(2026, 1, 1),
            "adult_confirmed_on": date(2026, 1, 1),
            "deputy_of_id": deputy_of.id if deputy_of else None,
        }
        async with self.store.write() as conn:
            made = await conn.execute(insert(ResourcePerson).values(values | more | self._audit()).returning(ResourcePerson.id))
            person: int = made.scalar_one()
            for position, group in enumerate(ids):
                row = {"person_id": person, "group_id": group, "municipality_id": self.municipality_id, "position": position}
                await conn.execute(insert(Membership).values(row))
            for position, medium in enumerate(by):
                value = mail if medium is Medium.EMAIL else number
                row = self._address(person, medium, value, position)
                await conn.execute(insert(Address).values(row | self._audit()))
        return Somebody(person, name, self.sandbox.phone(number), self.sandbox.phone(mail) if Medium.EMAIL in by else None)

    def _address(self, person: int, medium: Medium, value: str, position: int) -> dict[str, Any]:
        return {
            "municipality_id": self.municipality_id,
            "person_id": person,
            "channel": medium,
            "value": value,
            "lookup": inbox.lookup(medium, value),
            "position": position,
        }

    def _audit(self) -> dict[str, Any]:
        now = self.clock.now()
        return {"created_at": now, "created_by": "story", "updated_at": now, "updated_by": "story"}

    # --- what happens ----------------------------------------------------------------------------------------------------

    async def draft(
        self, texts: Mapping[str, str], *, topic: str = "vann", kind: Kind = Kind.ACTUAL, grave: bool = True, **more: Any
    ) -> int:
        """Write a draft with one headline a language; return its id."""
        value = Alert(
            number=0,
            kind=kind,
            severity=Severity.SEVERE if grave else Severity.MODERATE,
            urgency=Urgency.IMMEDIATE if grave else Urgency.EXPECTED,
            event=topic,
            sent_at=self.clock.now(),
            expires_at=self.clock.now() + timedelta(hours=24),
            act_by_at=self.clock.now() + timedelta(hours=3),
        )
        variants = [Variant(language=tag, headline=text, forward=f"({tag})", topic=topic, place="Sentrum") for tag, text in texts.items()]
        new = alerts.NewAlert(alert=replace(value, **more), variants=variants, author="Kari", source="form")
        async with self.store.write() as conn:
            return await alerts.save(conn, self.municipality_id, new, self.clock.now())

    async def issue(self, texts: Mapping[str, str], **more: Any) -> int:
        """Write, approve and release an alert, and let what is due leave."""
        alert_id = await self.draft(texts, **more)
        await self.relay.approve(self.municipality_id, alert_id, "Ola")
        await self.relay.release(self.municipality_id, alert_id, "Ola")
        await self.settle()
        return alert_id

    async def settle(self) -> None:
        """Let everything that is due be sent, delivered and answered."""
        while await self.relay.tick() or self.sandbox.under_way > 0:
            await self._heard()
        await self._heard()

    async def _heard(self) -> None:
        await self.sandbox.settle()
        await self.relay.receipts.caught_up()

    async def passes(self, **delta: float) -> None:
        """Let time pass, from one due thing to the next."""
        await self._heard()
        end = self.clock.now() + timedelta(**delta)
        while self.clock.now() < end:
            async with self.store.read() as conn:
                due = await queue.next_due(conn)
            step = min(end, due) if due and due > self.clock.now() else min(end, self.clock.now() + timedelta(minutes=1)) if due else end
            self.clock.advance(seconds=(step - self.clock.now()).total_seconds())
            await self.settle()

    # --- what can be seen -----------------------------------------------------------------------------------------------

    async def reach(self, alert_id: int) -> Reach:
        """Return the numbers of an alert."""
        return await self.relay.reach(self.municipality_id, alert_id)

    async def tasks(self) -> list[str]:
        """Return the kinds of open tasks, gravest and oldest first."""
        async with self.store.read() as conn:
            return [row.kind for row in await tasks.listed(conn, self.municipality_id)]

    async def recipient(self, alert_id: int, person: Somebody) -> AnyRow:
        """Return one person's row of an alert."""
        async with self.store.read() as conn:
            mine = (recipients.c.alert_id == alert_id, recipients.c.person_id == person.id)
            return (await conn.execute(select(recipients).where(*mine))).one()

    @property
    def ledger(self) -> list[Any]:
        """Everything the provider has seen."""
        return read(self.sandbox.ledger.path)


def new(phone: Handset) -> list[Shown]:
    """Take everything off a phone that has not been looked at."""
    taken = list(phone.untaken)
    phone._phone._taken = len(phone._phone.messages)
    return taken


@asynccontextmanager
async def town(url: str, folder: Path) -> AsyncIterator[Town]:
    """Open a town on the migrated database at `url`; everything is closed afterwards."""
    async with AsyncExitStack() as stack:
        clock = ManualClock(EVENING)
        store = await Store.open(url)
        stack.push_async_callback(store.close)
        sandbox = await stack.enter_async_context(Sandbox(folder / "ledger.jsonl", clock=clock))
        municipality_id = await _register(store, clock)
        relay, runner = await _relay(store, sandbox, clock)
        stack.push_async_callback(relay.receipts.close)
        stack.push_async_callback(relay.desk.close)
        stack.push_async_callback(runner.cleanup)

        async def mail(callback: Callback) -> None:
            await relay.hear("email", callback)

        listener = await stack.enter_async_context(MailListener(DOMAIN, mail, clock, lmtp=False))
        hooks = relay.desk.public_url + "/hooks"
        sandbox.change(
            inbound_urls={SMS_SENDER: f"{hooks}/twilio/inbound", f"whatsapp:{WHATSAPP_SENDER}": f"{hooks}/whatsapp/inbound"},
            mail_to=f"127.0.0.1:{listener.port}",
        )
        yield Town(store, sandbox, relay, clock, municipality_id)


async def _register(store: Store, clock: ManualClock) -> int:
    audit = {"created_at": clock.now(), "created_by": "story", "updated_at": clock.now(), "updated_by": "story"}
    async with store.write() as conn:
        values = {"number": "9901", "name": "Sørvik", "quiet_from": time(21), "quiet_to": time(7), "duty_phone": "+4799999999"} | audit
        town_id: int = (await conn.execute(insert(Municipality).values(values).returning(Municipality.id))).scalar_one()
        home = {"municipality_id": town_id} | audit
        await conn.execute(insert(ContactPoint).values(home | {"name": "Kari Nordmann", "phone": "91234567", "hours": "08-22"}))
        for channel, provider, account, address in (
            (Medium.SMS, "twilio_sms", "twilio", SMS_SENDER),
            (Medium.WHATSAPP, "twilio_whatsapp", "whatsapp", WHATSAPP_SENDER),
            (Medium.EMAIL, "email", "email", f"varsel@{DOMAIN}"),
        ):
            sender = {"channel": channel, "provider": provider, "account": account, "address": address, "contents": {}}
            await conn.execute(insert(Sender).values(home | sender | FAST))
    return town_id


async def _relay(store: Store, sandbox: Sandbox, clock: ManualClock) -> tuple[Relay, web.AppRunner]:
    lines = Lines()
    sms, whatsapp = (TwilioAccount(key=key, sid=ACCOUNT, auth_token=AUTH_TOKEN, base_url=sandbox.url) for key in ("twilio", "whatsapp"))
    mail = EmailSettings(host="127.0.0.1", port=sandbox.smtp_port, security=Security.NONE, domain=DOMAIN)
    channels = {
        ("twilio_sms", "twilio"): build("twilio_sms", SmsSettings(account=sms, pace=Pace(1000, 1000)), clock=clock, lines=lines),
        ("twilio_whatsapp", "whatsapp"): build("twilio_whatsapp", WhatsAppSettings(account=whatsapp), clock=clock, lines=lines),
        ("email", "email"): build("email", mail, clock=clock, lines=lines),
    }
    desk = Desk(channels, "http://127.0.0.1:0", DOMAIN)
    pulse = Pulse()
    receipts = Receipts(store, desk, clock, pulse, DEFAULT_POLICY)
    sweeper = Sweeper(store, desk, clock, receipts)
    relay = Relay(
        store=store,
        desk=desk,
        clock=clock,
        pulse=pulse,
        policy=DEFAULT_POLICY,
        dispatcher=Dispatcher(store, desk, clock, pulse.branch(), DEFAULT_POLICY, worker="story", fence=1, window=50, lease=Lease(30.0)),
        resolver=Resolver(store, desk, clock, pulse),
        receipts=receipts,
        sweeper=sweeper,
        reconciler=Reconciler(store, desk, clock, pulse, sweeper.sweep),
        poller=Poller(store, clock),
    )
    runner = web.AppRunner(make_app(relay, Watchdog(store, clock)))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    desk.public_url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    return relay, runner
