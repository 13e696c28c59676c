"""The composition root: settings become a store, channels and a clock, and those a Relay. Everything is made here and nowhere else."""

import asyncio
import gc
import os
import socket
import sys
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TypeVar

import structlog
from aiohttp import web

from channels.base import Callback, Channel, Check
from channels.clock import Clock, SystemClock
from channels.listener import MailListener
from channels.registry import Lines, build
from channels.settings import SmsSettings, WhatsAppSettings
from relay import doctor, notify
from relay.canary import Canary, Signs
from relay.desk import Desk
from relay.dispatch import Dispatcher
from relay.feeds import Poller
from relay.flow import Relay
from relay.forget import Forgetter, Periods
from relay.model import NotReady, Policy
from relay.pulse import Pulse
from relay.receipts import Receipts
from relay.reconcile import Reconciler
from relay.resolve import Resolver
from relay.routing import DEFAULT_POLICY
from relay.settings import Settings
from relay.store import doubts, schema, sealing, workers
from relay.store.address import claim_file
from relay.store.anchor import Anchor, place
from relay.store.engine import Store
from relay.store.leader import Leader
from relay.sweep import Sweeper
from relay.web.metrics import Metrics
from relay.web.phones import Phones
from relay.web.server import make_app
from relay.web.watchdog import Watchdog
from relay.worker import PASSING, Seldom, Worker, asked_to_stop, drain, listen, outgrown

log = structlog.get_logger(__name__)

T = TypeVar("T")

#: WhatsApp's callbacks come to an account of their own, since an account has one channel
WHATSAPP_SUFFIX = "-whatsapp"
#: how often, a second apart, a starting worker tries again to enter
PATIENCE = 30
#: seconds between two looks whether something is to be forgotten today
FORGET_ROUND = 600.0
#: seconds between two looks whether the canary is to be asked
CANARY_ROUND = 30.0
#: seconds between two looks at the feeds of official messages
FEEDS_EVERY = 60.0
#: new objects until the collector looks at them, and looks until the next at older ones: Python's own figures suit small programs
COLLECTED_AFTER = (20_000, 20, 50)


def run(main: Coroutine[None, None, T]) -> T:
    """Run what runs for days: on uvloop where it is there, and with what is loaded by now left out of the collector's rounds."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECTED_AFTER)
    if sys.platform == "win32":
        return asyncio.run(main)
    import uvloop

    return uvloop.run(main)


@dataclass(kw_only=True)
class House:
    """An installation that is up: its parts, ready to be served, driven or asked."""

    settings: Settings
    store: Store
    relay: Relay
    watchdog: Watchdog
    #: None: nobody said where to keep one
    anchor: Anchor | None
    stack: AsyncExitStack = field(repr=False)

    async def listen(self, phones: Phones | None = None) -> str:
        """Open the web server (and the mail listener, if it is set up); return the address it listens on. Port 0 takes a free one.

        `phones`: emulated ones, to be shown on a page.
        """
        proxies = frozenset(part.strip() for part in self.settings.trusted_proxies.split(","))
        kept = Metrics(self.settings.metrics_token.get_secret_value(), self.settings.public_base_url)
        runner = web.AppRunner(
            make_app(self.relay, self.watchdog, proxies, phones, self.examine, kept), access_log=None, shutdown_timeout=2.0
        )
        await runner.setup()
        self.stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, self.settings.listen_host, self.settings.listen_port).start()
        host, port = runner.addresses[0][:2]
        if not self.relay.desk.public_url:
            self.relay.desk.public_url = f"http://{host}:{port}"
        if self.settings.mail_listen_port:
            await self.listen_for_mail(self.settings.mail_listen_port)
        return f"http://{host}:{port}"

    async def listen_for_mail(self, port: int) -> int:
        """Open the mail listener; return its port."""

        async def heard(callback: Callback) -> None:
            await self.relay.hear("email", callback)

        settings = self.settings
        lmtp = settings.mail_listen_protocol == "lmtp"
        listener = MailListener(settings.mail_domain, heard, self.relay.clock, host=settings.mail_listen_host, port=port, lmtp=lmtp)
        await self.stack.enter_async_context(listener)
        return listener.port

    @property
    def forgetter(self) -> Forgetter:
        """Return what forgets, by this installation's periods."""
        told = self.settings
        days = {name: getattr(told, name) for name in Settings.model_fields if name.startswith("keep_")}
        periods = Periods(days=days, at_provider=told.redact_at_provider, provider_after=timedelta(hours=told.redact_after_hours))
        return Forgetter(self.store, self.relay.desk, self.relay.clock, periods)

    @property
    def canary(self) -> Canary:
        """Return what asks a number of our own, as the settings say."""
        told = self.settings
        every, patience = timedelta(hours=told.canary_hours), timedelta(minutes=told.canary_minutes)
        relay = self.relay
        return Canary(
            store=self.store,
            desk=relay.desk,
            clock=relay.clock,
            pulse=relay.pulse,
            phone=told.canary_phone,
            every=every,
            patience=patience,
        )

    @property
    def signs(self) -> Signs:
        """Return what tells the watch outside that we are at work."""
        canary = self.canary

        async def troubles() -> list[str]:
            return [*await self.watchdog.troubles(), *await canary.troubles()]

        url = self.settings.watch_url.get_secret_value()
        return Signs(url, self.store, self.relay.clock, troubles, lambda: self.relay.dispatcher.turns)

    async def examine(self) -> list[Check]:
        """Let doctor look at all of it."""
        anchored = self.anchor.read() if self.anchor else None
        return await doctor.examine(self.settings, self.store, self.relay.desk, self.relay.clock.now(), anchored)

    async def work(self) -> None:
        """Dispatch and keep time until the dispatcher is stopped or this is cancelled; then finish what is in flight."""
        watched = notify.Watched(lambda: self.relay.dispatcher.turns)
        worker = Worker(relay=self.relay, leader=Leader(self.store))
        daily = Seldom(self.forgetter.daily, FORGET_ROUND, lambda: worker.leads)
        probes = Seldom(self.canary.probe, CANARY_ROUND, lambda: worker.leads and worker.known)
        signs = Seldom(self.signs.give, self.settings.watch_seconds, lambda: worker.leads)
        feeds = Seldom(self.relay.poll, FEEDS_EVERY, lambda: worker.leads)
        worker.also = (self.keep_anchor, watched.feed, daily.stroke, probes.stroke, signs.stroke, feeds.stroke)
        await worker.work()

    async def until_stopped(self, *, works: bool = True) -> None:
        """Work, or only serve, until SIGTERM or SIGINT; then say so to whoever asks for our health, and drain.

        NotReady when the tables were upgraded under us: whoever started us starts the new program then.
        """
        working = asyncio.create_task(self.work()) if works else None
        outgrows = asyncio.create_task(outgrown(self.relay))
        beside = [outgrows] if works else [outgrows, asyncio.create_task(listen(self.relay)), asyncio.create_task(notify.signs())]
        notify.ready("Sends what is due." if works else "Serves; others send.")
        await asked_to_stop(outgrows, *([working] if working else []))
        notify.stopping()
        self.watchdog.closing = True
        if working is not None:
            await drain(self.relay, working)
        for task in beside:
            task.cancel()
        if outgrows.done():
            await schema.require_current(self.store)

    async def keep_anchor(self) -> None:
        """Move the anchor of the acts on. A chain that was tampered with is told in the log, by `doctor` and by `audit verify`."""
        if self.anchor is None:
            return
        try:
            with suppress(asyncio.CancelledError):
                for bad in await self.anchor.advance():
                    log.error("the chain of acts is broken", chain=bad.chain, entry=bad.bad, why=bad.why)
        except PASSING as error:
            log.warning("the anchor of the acts waits", error=type(error).__name__)


@asynccontextmanager
async def open_house(
    settings: Settings, *, clock: Clock | None = None, policy: Policy = DEFAULT_POLICY, dispatches: bool = True
) -> AsyncIterator[House]:
    """Put an installation together. `dispatches`: it sends, and so takes over what a dead predecessor left."""
    clock = clock or SystemClock()
    async with AsyncExitStack() as stack:
        url = settings.database_url.get_secret_value()
        sealing.use(sealing.build(*settings.require_keys()))
        if dispatches:
            stack.callback(claim_file(url).release)
        store = await Store.open(url)
        stack.push_async_callback(store.close)
        await schema.require_current(store)
        desk = Desk(channels_of(settings, clock), settings.public_base_url, settings.mail_domain or "localhost")
        stack.push_async_callback(desk.close)
        relay = await _relay(settings, store, desk, clock, policy, dispatches=dispatches)
        stack.push_async_callback(relay.receipts.close)
        file = place(settings.audit_anchor, store)
        anchor = Anchor(store, file) if file else None
        house = House(settings=settings, store=store, relay=relay, watchdog=Watchdog(store, clock), anchor=anchor, stack=stack)
        stack.push_async_callback(house.keep_anchor)
        yield house


async def _relay(settings: Settings, store: Store, desk: Desk, clock: Clock, policy: Policy, *, dispatches: bool) -> Relay:
    name = f"{socket.gethostname()}-{os.getpid()}"
    shared = store.dialect == "postgresql" and isinstance(clock, SystemClock)
    lease = workers.Lease(settings.lease_seconds, by_database=shared)
    fence = 0
    if dispatches:
        fence = await _enter(store, name, clock, lease if shared else None)
    pulse = Pulse()
    receipts = Receipts(store, desk, clock, pulse, policy)
    receipts.canary = settings.canary_phone
    sweeper = Sweeper(store, desk, clock, receipts)
    dispatcher = Dispatcher(store, desk, clock, pulse.branch(), policy, worker=name, fence=fence, window=settings.in_flight, lease=lease)
    return Relay(
        store=store,
        desk=desk,
        clock=clock,
        pulse=pulse,
        policy=policy,
        dispatcher=dispatcher,
        resolver=Resolver(store, desk, clock, pulse),
        receipts=receipts,
        sweeper=sweeper,
        reconciler=Reconciler(store, desk, clock, pulse, sweeper.sweep),
        poller=Poller(store, clock),
    )


async def _enter(store: Store, name: str, clock: Clock, lease: workers.Lease | None) -> int:
    """Enter a worker and take back what dead ones held (`lease`: how long others hold; None: it is alone). Waits for a busy database."""
    for _ in range(PATIENCE):
        try:
            return await _enter_now(store, name, clock, lease)
        except NotReady as error:
            log.warning("the database does not let this worker in yet", error=str(error))
        await asyncio.sleep(1)
    return await _enter_now(store, name, clock, lease)


async def _enter_now(store: Store, name: str, clock: Clock, lease: workers.Lease | None) -> int:
    fence = await workers.register(store, name, clock.now())
    async with store.write() as conn:
        unknown = await doubts.recover(conn, clock.now(), over=lease.now(clock.now()) if lease else None)
    if unknown:
        log.warning("a predecessor left sends in doubt; they are looked for at the provider", count=unknown)
    return fence


def channels_of(settings: Settings, clock: Clock) -> Mapping[tuple[str, str], Channel]:
    """Build the channels that the settings name."""
    lines = Lines()
    channels: dict[tuple[str, str], Channel] = {}
    if settings.has_twilio():
        account = settings.require_twilio()
        channels["twilio_sms", account.key] = build("twilio_sms", SmsSettings(account=account), clock=clock, lines=lines)
        second = replace(account, key=account.key + WHATSAPP_SUFFIX)
        whatsapp = WhatsAppSettings(account=second, quick_replies=settings.whatsapp_quick_replies)
        channels["twilio_whatsapp", second.key] = build("twilio_whatsapp", whatsapp, clock=clock, lines=lines)
    if settings.has_email():
        email = settings.require_email()
        channels["email", email.key] = build("email", email, clock=clock, lines=lines)
    if settings.has_http_sms():
        described = settings.require_http_sms()
        if any(described.account == account for _, account in channels):
            raise NotReady(f"Two channels are called {described.account}. Give the account in {settings.http_sms_file} a name of its own.")
        channels["http_sms", described.account] = build("http_sms", described, clock=clock, lines=lines)
    return channels
