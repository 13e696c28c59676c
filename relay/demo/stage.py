"""Setting the stage: keys, tables, the town's register, WhatsApp's templates, and the alert."""

import json
import socket
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from sqlalchemy import select

from channels.base import Pace
from channels.clock import Clock, DemoClock
from channels.settings import TwilioAccount
from channels.twilio_client import TwilioClient
from channels.twilio_templates import Templates
from messages.form import Medium
from relay.app import WHATSAPP_SUFFIX, House
from relay.demo.provider import Provider, write_whole
from relay.model import AlertState, NotAllowed
from relay.settings import Settings
from relay.store import remembered, schema, sealing
from relay.store.engine import Store
from relay.store.register import NewSender, Stamp
from relay.store.tables import Municipality, alert
from relay.store.towns import load_town
from relay.town import Town, demo_alert

COORDINATOR, APPROVER = "Kari Koordinator", "Anders Andrehand"
DUTY_PHONE = "+4740000112"
DOMAIN = "svar.budvik.test"
HERE = "127.0.0.1"
#: what the demo's senders bear and cost
PACE = {Medium.SMS: Pace(200.0, 50.0), Medium.WHATSAPP: Pace(80.0, 80.0), Medium.EMAIL: Pace(50.0, 20.0)}
PRICE = {Medium.SMS: 0.65, Medium.WHATSAPP: 0.40, Medium.EMAIL: 0.0}
OFFSET = "demo.now"


def settings(folder: Path, provider: Provider, database: str, quick_replies: dict[int, str]) -> Settings:
    """Return the settings of a demo: its own keys, and the sandbox as provider."""
    keys = _keys(folder)
    return Settings(
        _env_file=None,
        database_url=database,
        listen_host=HERE,
        listen_port=_port(folder),
        encryption_key=keys["encryption"],
        lookup_key=keys["lookup"],
        twilio_account_sid=provider.account,
        twilio_auth_token="sandbox",
        twilio_base_url=provider.url,
        whatsapp_quick_replies=quick_replies,
        smtp_host=provider.smtp_host,
        smtp_port=provider.smtp_port,
        smtp_security="none",
        mail_domain=DOMAIN,
        mail_listen_protocol="smtp",
        public_base_url="",
        log_level="error",
    )


def _port(folder: Path) -> int:
    """Return the port of an earlier demo, so that the provider's calls about its messages find us; a free one if there was none."""
    file = folder / "port"
    before = int(file.read_text()) if file.exists() else 0
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HERE, before))
        except OSError:
            probe.bind((HERE, 0))
        port: int = probe.getsockname()[1]
    write_whole(file, str(port))
    return port


def _keys(folder: Path) -> dict[str, str]:
    file = folder / "keys.json"
    if not file.exists():
        write_whole(file, json.dumps({"encryption": sealing.make_key(), "lookup": sealing.make_key()}))
    keys: dict[str, str] = json.loads(file.read_text())
    return keys


async def upgrade(url: str, start: datetime) -> DemoClock:
    """Bring the tables up to date, and return the clock where an earlier demo of this database left it."""
    store = await Store.open(url)
    try:
        await schema.upgrade(store)
        async with store.read() as conn:
            left = await remembered.get(conn, OFFSET)
    finally:
        await store.close()
    clock = DemoClock()
    begin = datetime.fromisoformat(left) if left else start
    clock.offset = begin - clock.now()
    return clock


async def templates(provider: Provider, clock: Clock, languages: Sequence[str]) -> tuple[dict[int, str], dict[str, str]]:
    """Make WhatsApp's templates at the provider, as at set-up; return the quick replies and the approved contents."""
    account = TwilioAccount(key="set-up", sid=provider.account, auth_token="sandbox", base_url=provider.url)
    client = TwilioClient(account, clock).use()
    try:
        made = await Templates(client).make(languages)
    finally:
        await client.close()
    return dict(made.quick_replies), dict(made.contents)


async def populate(house: House, town: Town, contents: dict[str, str]) -> int:
    """Put the town into the register, unless it is there; return its id."""
    now = house.relay.clock.now()
    async with house.store.write() as conn:
        there = (await conn.execute(select(Municipality.id).where(Municipality.number == town.place.number))).scalar()
        if there is not None:
            return int(there)
        senders = [_sender(medium, address, house.settings, contents) for medium, address in town.senders.items()]
        municipality_id = await load_town(conn, town, senders, Stamp(by=COORDINATOR, at=now))
        await remembered.set_duty_phone(conn, municipality_id, DUTY_PHONE)
    return municipality_id


def _sender(medium: Medium, address: str, told: Settings, contents: dict[str, str]) -> NewSender:
    accounts = {
        Medium.SMS: ("twilio_sms", told.twilio_account),
        Medium.WHATSAPP: ("twilio_whatsapp", told.twilio_account + WHATSAPP_SUFFIX),
        Medium.EMAIL: ("email", "email"),
    }
    provider, account = accounts[medium]
    sender = NewSender(medium=medium, address=address, provider=provider, account=account, pace=PACE[medium], price=PRICE[medium])
    return replace(sender, contents=contents) if medium is Medium.WHATSAPP else sender


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """The demo's alert, and what is to be said about it."""

    alert_id: int
    number: int
    #: it was released by an earlier demo with the same state
    again: bool
    notes: tuple[str, ...] = ()


async def issue(house: House, municipality_id: int, document: bytes | None, *, replay: bool) -> Issued:
    """Take the official message, let a second person approve it, and release it; or go on with the one that is there."""
    before = await _earlier(house, municipality_id)
    if before is not None:
        return before
    relay = house.relay
    own = document is None
    [taken, *_] = await relay.take(municipality_id, demo_alert(relay.clock.now()) if own else document or b"", COORDINATOR, replay=replay)
    if taken.never_real:
        raise NotAllowed(taken.never_real)
    if not taken.again:
        await relay.approve(municipality_id, taken.alert_id, APPROVER)
    await relay.release(municipality_id, taken.alert_id, APPROVER, inside=not own)
    notes = taken.notes if own else (*taken.notes, "The demo's town counts as inside the area of this message.")
    return Issued(alert_id=taken.alert_id, number=taken.number, again=False, notes=notes)


async def _earlier(house: House, municipality_id: int) -> Issued | None:
    released = (alert.c.municipality_id == municipality_id, alert.c.state == AlertState.RELEASED)
    async with house.store.read() as conn:
        row = (await conn.execute(select(alert.c.id, alert.c.number).where(*released).order_by(alert.c.number.desc()))).first()
    return Issued(alert_id=row.id, number=row.number, again=True) if row else None
