"""The composition root: settings become a store, channels and a clock, and those a Relay. Everything is made here and nowhere else."""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace

import structlog
from aiohttp import web
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from sqlalchemy.exc import DBAPIError

from channels.base import Callback, Channel
from channels.clock import Clock, SystemClock
from channels.listener import MailListener
from channels.registry import Lines, build
from channels.settings import SmsSettings, WhatsAppSettings
from relay.desk import Desk
from relay.dispatch import Dispatcher
from relay.flow import Relay
from relay.model import BudstikkeError, NotReady, Policy
from relay.pulse import Pulse
from relay.receipts import Receipts
from relay.resolve import Resolver
from relay.routing import DEFAULT_POLICY
from relay.settings import Settings
from relay.store import doubts, schema, sealing, watch, workers
from relay.store.address import claim_file
from relay.store.anchor import Anchor, place
from relay.store.engine import Store
from relay.sweep import Sweeper
from relay.web.server import make_app
from relay.web.watchdog import Watchdog

log = structlog.get_logger(__name__)

#: the metronome: seconds between two strokes of the clock's work
TICK = 1.0
#: seconds between two sweeps of the providers
SWEEP = 60.0
#: WhatsApp's callbacks come to an account of their own, since an account has one channel
WHATSAPP_SUFFIX = "-whatsapp"
#: seconds that a stopping process gives its last calls
DRAIN = 20.0


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

    async def listen(self) -> str:
        """Open the web server (and the mail listener, if it is set up); return the address it listens on. Port 0 takes a free one."""
        proxies = frozenset(part.strip() for part in self.settings.trusted_proxies.split(","))
        runner = web.AppRunner(make_app(self.relay, self.watchdog, proxies), access_log=None, shutdown_timeout=2.0)
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

    async def work(self) -> None:
        """Dispatch and keep time until cancelled; then finish what is in flight."""
        metronome = AsyncIOScheduler(timezone="UTC")
        metronome.add_job(self._stroke, "interval", seconds=TICK, max_instances=1, coalesce=True)
        metronome.add_job(self._look, "interval", seconds=TICK, max_instances=1, coalesce=True)
        metronome.add_job(self.keep_anchor, "interval", seconds=TICK, max_instances=1, coalesce=True)
        metronome.add_job(self._sweep, "interval", seconds=SWEEP, max_instances=1, coalesce=True, next_run_time=SystemClock().now())
        metronome.start()
        listening = asyncio.create_task(self.relay.pulse.across(watch.changes(self.store)))
        try:
            await self.relay.dispatcher.run()
        finally:
            listening.cancel()
            metronome.shutdown(wait=False)

    async def keep_anchor(self) -> None:
        """Move the anchor of the acts on. A chain that was tampered with is told in the log, by `doctor` and by `audit verify`."""
        if self.anchor is None:
            return
        try:
            with suppress(asyncio.CancelledError):
                for bad in await self.anchor.advance():
                    log.error("the chain of acts is broken", chain=bad.chain, entry=bad.bad, why=bad.why)
        except (BudstikkeError, DBAPIError, OSError) as error:
            log.warning("the anchor of the acts waits", error=type(error).__name__)

    async def _sweep(self) -> None:
        """Ask the providers what we have missed: at the start, and every minute. Cut short when the house closes."""
        try:
            with suppress(asyncio.CancelledError):
                await self.relay.sweep()
        except (BudstikkeError, DBAPIError, OSError) as error:
            log.warning("the sweep waits", error=type(error).__name__)

    async def _look(self) -> None:
        """Look for sends in doubt. Cut short when the house closes."""
        try:
            with suppress(asyncio.CancelledError):
                await self.relay.look()
        except (BudstikkeError, DBAPIError, OSError) as error:
            log.warning("the search waits", error=type(error).__name__)

    async def _stroke(self) -> None:
        """One stroke of the metronome. What goes wrong is logged, and the next stroke tries again. Cut short when the house closes."""
        try:
            with suppress(asyncio.CancelledError):
                await self.relay.clockwork()
                await workers.seen(self.store, self.relay.dispatcher.worker, self.relay.clock.now())
        except (BudstikkeError, DBAPIError, OSError) as error:
            log.exception("the clock's work waits", error=type(error).__name__)
            return
        self.watchdog.ticked()


@asynccontextmanager
async def open_house(
    settings: Settings, *, clock: Clock | None = None, policy: Policy = DEFAULT_POLICY, dispatches: bool = True
) -> AsyncIterator[House]:
    """Put an installation together. `dispatches`: it sends, and so takes over what a dead predecessor left."""
    clock = clock or SystemClock()
    async with AsyncExitStack() as stack:
        url = settings.database_url.get_secret_value()
        keys = (settings.encryption_key, settings.lookup_key, settings.audit_key)
        sealing.use(sealing.build(*(key.get_secret_value() for key in keys)))
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
    fence = 0
    if dispatches:
        fence = await workers.register(store, name, clock.now())
        async with store.write() as conn:
            unknown = await doubts.recover(conn, clock.now(), alone=store.dialect == "sqlite")
        if unknown:
            log.warning("a predecessor left sends in doubt; they are looked for at the provider", count=unknown)
    pulse = Pulse()
    receipts = Receipts(store, desk, clock, pulse, policy)
    dispatcher = Dispatcher(
        store, desk, clock, pulse.branch(), policy, worker=name, fence=fence, window=settings.in_flight, lease=settings.lease_seconds
    )
    return Relay(
        store=store,
        desk=desk,
        clock=clock,
        pulse=pulse,
        policy=policy,
        dispatcher=dispatcher,
        resolver=Resolver(store, desk, clock, pulse),
        receipts=receipts,
        sweeper=Sweeper(store, desk, clock, receipts),
    )


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


async def until_stopped(house: House) -> None:
    """Work until SIGTERM or SIGINT, then drain."""
    loop = asyncio.get_running_loop()
    for stop in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(stop, house.relay.dispatcher.stop)
    working = asyncio.create_task(house.work())
    while not house.relay.dispatcher.stopping and not working.done():
        await asyncio.wait([working], timeout=0.5)
    with suppress(TimeoutError):
        await asyncio.wait_for(working, DRAIN)
