"""What the contract suite stands on: each channel, wired to the sandbox, with our end of the callbacks wired back."""

import re
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from aiohttp import web

from channels.base import Callback, Channel, Outbound, Reason
from channels.clock import SystemClock
from channels.http_file import read
from channels.http_settings import HttpSmsSettings
from channels.listener import MailListener
from channels.registry import Lines, build
from channels.sandbox.faults import Fault
from channels.sandbox.house import House
from channels.sandbox.ledger import Entry, Event
from channels.sandbox.sandbox import Sandbox
from channels.settings import SANDBOX_SID, ChannelSettings, EmailSettings, Security, SmsSettings, TwilioAccount, WhatsAppSettings
from tests.channels.aggregator import ENVIRONMENT, Aggregator, FormStyle, JsonStyle, Style
from tests.channels.relays import FaultyRelay

DOMAIN = "svar.sorby.example"
CLOCK = SystemClock()
PROVIDERS = Path(__file__).parents[2] / "deploy" / "providers"
#: æøå, a second script, an emoji outside the first plane, signs that forms and mails escape
TEXT = "Kok vatnet i 3 minutt! Nr. 12 & æøå = 100 %\nاغلوا الماء 💧 <ቁጽሪ 12> +47"


def account(base_url: str, **changes: Any) -> TwilioAccount:
    """Return the sandbox's account."""
    return TwilioAccount(**{"key": "sorby", "sid": SANDBOX_SID, "auth_token": "sandbox", "base_url": base_url, **changes})


@dataclass
class Rig:
    """One channel on the bench."""

    channel: Channel
    sandbox: House
    #: what came in at our end, as the web server or the listener hands it to `parse`
    callbacks: list[Callback]
    settings: ChannelSettings
    status_base: str
    sender: str
    people: Callable[[int], str]
    #: (address, reason) of those the provider turns down
    refused: tuple[tuple[str, Reason], ...]
    #: the provider's code for a phone that is off
    off: str = "30003"
    #: a callback is signed as a whole, so that no word of it can be changed
    signs_contents: bool = True
    lines: Lines = field(default_factory=Lines)

    def out(self, person: int = 1, **changes: Any) -> Outbound:
        """Return a message to the person of that number, as a fresh attempt."""
        token = secrets.token_hex(16)
        url = f"{self.status_base}/hooks/{self.channel.account}/status/{token}#rc=4&rp=5xx,ct,rt" if self.status_base else ""
        message = Outbound(
            token=token,
            to=self.people(person),
            sender=self.sender,
            text=TEXT,
            status_url=url,
            subject="Kok vatnet – nr. 12",
            language="nn",
            message_id=f"<{token}@{DOMAIN}>",
            reply_token=secrets.token_hex(16),
        )
        return message._replace(**changes)

    def rebuilt(self, **changes: Any) -> Channel:
        """Return the channel once more, with other settings."""
        return build(self.channel.name, replace(self.settings, **changes))

    def accepted(self) -> list[Entry]:
        """Return the copies that the provider has taken, by its own ledger."""
        return self.sandbox.ledger.entries(Event.ACCEPTED)

    def copy_of(self, provider_id: str) -> Entry:
        """Return the one copy with this id; for mail the id is the attempt's token."""
        (entry,) = [each for each in self.accepted() if provider_id in (each.id, each.token)]
        return entry

    async def said(self, count: int) -> list[Callback]:
        """Return the callbacks when at least `count` have come."""
        await self.sandbox.settle()
        assert len(self.callbacks) >= count
        return self.callbacks


@asynccontextmanager
async def webhook(callbacks: list[Callback]) -> AsyncIterator[str]:
    """Listen for a provider's calls; yield our public address."""

    async def take(request: web.Request) -> web.Response:
        body, form = await request.read(), await request.post()
        url = base + request.raw_path
        fields = [(name, str(value)) for name, value in form.items()]
        callbacks.append(Callback(url=url, headers=dict(request.headers), fields=fields, body=body, received_at=CLOCK.now()))
        return web.Response(status=204)

    app = web.Application()
    app.router.add_post("/{anything:.*}", take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield base
    finally:
        await runner.cleanup()


@asynccontextmanager
async def sms_rig(ledger: Path) -> AsyncIterator[Rig]:
    """SMS against the sandbox."""
    callbacks: list[Callback] = []
    async with webhook(callbacks) as base, Sandbox(ledger) as sandbox:
        sandbox.change(inbound_url=f"{base}/hooks/sorby/inbound")
        settings = SmsSettings(account=account(sandbox.url))
        channel = build("twilio_sms", settings)
        refused = (("+4722334455", Reason.NOT_A_MOBILE), ("+47123", Reason.ADDRESS_INVALID))
        yield Rig(channel, sandbox, callbacks, settings, base, "+4759440000", lambda n: f"+4790{n:06}", refused)
        await channel.close()


@asynccontextmanager
async def whatsapp_rig(ledger: Path) -> AsyncIterator[Rig]:
    """WhatsApp against the sandbox; everybody has just written to us, so that the window is open."""
    callbacks: list[Callback] = []
    async with webhook(callbacks) as base, Sandbox(ledger) as sandbox:
        sandbox.change(inbound_url=f"{base}/hooks/sorby/inbound")
        settings = WhatsAppSettings(account=account(sandbox.url))
        channel = build("twilio_whatsapp", settings)
        refused = (("+47123", Reason.ADDRESS_INVALID),)
        rig = Rig(channel, sandbox, callbacks, settings, base, "+4759440000", lambda n: f"+4790{n:06}", refused)
        now = sandbox.now()
        sandbox.network.heard_at.update({(f"whatsapp:{rig.sender}", f"whatsapp:{rig.people(n)}"): now for n in range(1001)})
        yield rig
        await channel.close()


@asynccontextmanager
async def email_rig(ledger: Path) -> AsyncIterator[Rig]:
    """E-mail out to the sandbox's mail server, and in by our own listener."""
    callbacks: list[Callback] = []

    async def take(callback: Callback) -> None:
        callbacks.append(callback)

    async with MailListener(DOMAIN, take, CLOCK) as listener, Sandbox(ledger) as sandbox:
        sandbox.change(mail_to=f"127.0.0.1:{listener.port}", mail_protocol="lmtp")
        settings = EmailSettings(host="127.0.0.1", port=sandbox.smtp_port, security=Security.NONE, domain=DOMAIN)
        channel = build("email", settings)
        refused = (("finnesikke@example.net", Reason.ADDRESS_INVALID), ("no address", Reason.ADDRESS_INVALID))
        sender = "Sørby kommune <varsel@sorby.example>"
        yield Rig(channel, sandbox, callbacks, settings, "", sender, lambda n: f"person{n}@example.net", refused)
        await channel.close()


def described(name: str, base_url: str) -> HttpSmsSettings:
    """Return the provider that deploy/providers/`name`.toml describes, at `base_url`."""
    text = (PROVIDERS / f"{name}.toml").read_text()
    return read(re.sub(r"https://api\.[a-z-]+\.example", base_url, text), ENVIRONMENT, name)


@asynccontextmanager
async def http_rig(ledger: Path, name: str, style: Style, *, signs_contents: bool) -> AsyncIterator[Rig]:
    """SMS against an aggregator, described by its file."""
    callbacks: list[Callback] = []
    async with webhook(callbacks) as base, Aggregator(ledger, style) as provider:
        provider.change(inbound_url=f"{base}/hooks/{name}/inbound")
        settings = described(name, provider.url)
        channel = build("http_sms", settings)
        refused = (("+4722334455", Reason.NOT_A_MOBILE), ("+47123", Reason.ADDRESS_INVALID))
        yield Rig(
            channel,
            provider,
            callbacks,
            settings,
            base,
            "+4759440000",
            lambda n: f"+4790{n:06}",
            refused,
            off=style.off,
            signs_contents=signs_contents,
        )
        await channel.close()


RIGS: Mapping[str, Callable[[Path], AbstractAsyncContextManager[Rig]]] = {
    "sms": sms_rig,
    "whatsapp": whatsapp_rig,
    "email": email_rig,
    "http_form": lambda ledger: http_rig(ledger, "example", FormStyle(), signs_contents=True),
    "http_json": lambda ledger: http_rig(ledger, "nordisk", JsonStyle(), signs_contents=False),
}
#: those whose provider sends no receipts and keeps no list that we could look through
UNTRACED = {"email"}


@asynccontextmanager
async def troubled(rig: Rig, trouble: str) -> AsyncIterator[Channel]:
    """Yield the channel with a provider that takes the request and then cuts ("cut") or says nothing ("silence")."""
    if isinstance(rig.settings, EmailSettings):
        async with FaultyRelay(at="BODY", trouble=trouble) as relay:
            channel = rig.rebuilt(port=relay.port)
            yield channel
            await channel.close()
        return
    rig.sandbox.order(Fault(kind="reset") if trouble == "cut" else Fault(kind="stall", seconds=30))
    yield rig.channel


def nowhere(rig: Rig, port: int) -> Channel:
    """Return the channel with a provider where nobody listens."""
    if isinstance(rig.settings, EmailSettings):
        return rig.rebuilt(port=port)
    if isinstance(rig.settings, HttpSmsSettings):
        return build(rig.channel.name, described(rig.settings.account, f"http://127.0.0.1:{port}"))
    return rig.rebuilt(account=account(f"http://127.0.0.1:{port}"))
