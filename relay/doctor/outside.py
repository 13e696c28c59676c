"""The public address, looked at from this machine: its name, its port, its certificate, and whether it is we who answer there."""

import asyncio
import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from cryptography import x509

from channels.base import Check
from channels.told import Told
from relay.doctor.spells import spell
from relay.settings import PREFIX, Settings
from relay.store.sealing import fingerprint

#: seconds for each look
PATIENCE = 5.0
#: a certificate that ends sooner is told of while there is time to renew it
SOON = timedelta(days=14)

NAME, CERTIFICATE = Told("public address from here"), Told("certificate")
SETTING = f"{PREFIX}PUBLIC_BASE_URL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the public address points to."""

    url: str
    tls: bool
    host: str
    port: int


def place_of(url: str) -> Place:
    """Read an address of the settings."""
    parts = urlsplit(url)
    tls = parts.scheme == "https"
    return Place(url=url, tls=tls, host=parts.hostname or "", port=parts.port or (443 if tls else 80))


async def checks(settings: Settings, now: datetime) -> list[Check]:
    """Look at the public address as a provider would; nothing, where none is set."""
    if not settings.public_base_url:
        return []
    place = place_of(settings.public_base_url)
    closed = await _closed(place, settings)
    if closed is not None:
        return [closed]
    certificate = await _certificate(place, now) if place.tls else []
    if any(not one.ok and one.grave for one in certificate):
        return certificate
    return [*certificate, await _who_answers(place)]


async def certificate_ends(url: str) -> datetime | None:
    """Return when the certificate at an address ends; None: no TLS there, or nobody answers."""
    place = place_of(url)
    if not (place.tls and place.host):
        return None
    with suppress(OSError, TimeoutError, ValueError):
        return (await _shown(place)).not_valid_after_utc
    return None


async def _closed(place: Place, settings: Settings) -> Check | None:
    """Say why nobody can be spoken to at this address; None when somebody takes the call."""
    try:
        await asyncio.get_running_loop().getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM)
    except OSError:
        remedy = Told("Enter %(host)s in the DNS, or correct %(setting)s.", host=place.host, setting=SETTING)
        return Check(NAME, ok=False, words=Told("The name %(host)s is not known in the DNS.", host=place.host), remedy=remedy)
    if await _takes_calls(place.host, place.port):
        return None
    silent = Told("Nobody answers at %(host)s, port %(port)s.", host=place.host, port=place.port)
    other = await _our_port(place, settings)
    if other:
        words = Told("%(silent)s This installation answers at port %(port)s.", silent=silent, port=other)
        remedy = Told("The port in %(setting)s is wrong: make it the one that the proxy listens on.", setting=SETTING)
        return Check(NAME, ok=False, words=words, remedy=remedy)
    remedy = Told(
        "Start `budstikke serve` and the reverse proxy, and open the port in the firewall. Until then nobody's answer reaches us."
    )
    return Check(NAME, ok=False, words=silent, remedy=remedy)


async def _takes_calls(host: str, port: int) -> bool:
    try:
        async with asyncio.timeout(PATIENCE):
            _, writer = await asyncio.open_connection(host, port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return True


async def _our_port(place: Place, settings: Settings) -> int:
    """Find the port of the same host where we do answer: the usual one, or that of `serve` itself."""
    for port, tls in ((443, True), (80, False), (settings.listen_port, False)):
        if port not in (0, place.port) and await _takes_calls(place.host, port):
            answer = await _alive(f"{'https' if tls else 'http'}://{_bracketed(place.host)}:{port}")
            if isinstance(answer, dict) and answer.get("installation") == fingerprint():
                return port
    return 0


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


async def _certificate(place: Place, now: datetime) -> list[Check]:
    """Judge the certificate by its days, then by whether a stranger would trust it."""
    try:
        ends = (await _shown(place)).not_valid_after_utc
    except (OSError, TimeoutError, ValueError) as error:
        remedy = Told("Look at the proxy's certificate and its log. Does it speak TLS at port %(port)s?", port=place.port)
        return [Check(CERTIFICATE, ok=False, words=Told("There is none to be had (%(error)s).", error=type(error).__name__), remedy=remedy)]
    if ends <= now:
        past, day = spell(now - ends), f"{ends:%d.%m.%Y}"
        words = Told("It ended %(spell)s ago, on %(day)s: no provider and no browser comes in any more.", spell=past, day=day)
        return [Check(CERTIFICATE, ok=False, words=words, remedy=Told("Renew it now, and find out why the proxy did not."))]
    why = await _mistrust(place)
    if why:
        remedy = Told("Install one of an authority that the world trusts, with its whole chain.")
        return [Check(CERTIFICATE, ok=False, words=Told("A stranger would not trust it: %(why)s.", why=why), remedy=remedy)]
    remedy = Told("Look why the proxy does not renew it.")
    return [
        Check(CERTIFICATE, ok=ends - now > SOON, words=Told("It holds for %(spell)s.", spell=spell(ends - now)), remedy=remedy, grave=False)
    ]


async def _shown(place: Place) -> x509.Certificate:
    """Fetch the certificate that is shown, whatever it is worth."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    async with asyncio.timeout(PATIENCE):
        _, writer = await asyncio.open_connection(place.host, place.port, ssl=context, server_hostname=place.host)
    line: ssl.SSLObject = writer.get_extra_info("ssl_object")
    shown = line.getpeercert(binary_form=True) or b""
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return x509.load_der_x509_certificate(shown)


async def _mistrust(place: Place) -> str:
    """Return why the certificate is not believed; "" when it is."""
    try:
        async with asyncio.timeout(PATIENCE):
            _, writer = await asyncio.open_connection(place.host, place.port, ssl=ssl.create_default_context())
    except ssl.SSLCertVerificationError as error:
        return error.verify_message
    except (OSError, TimeoutError) as error:
        return type(error).__name__
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return ""


async def _who_answers(place: Place) -> Check:
    """Say whether it is this installation that answers, and not another or a page of the proxy's."""
    answer = await _alive(place.url)
    if not isinstance(answer, dict) or "alive" not in answer:
        other = Told("Somebody else answers at %(url)s.", url=place.url)
        words = other if answer is None or isinstance(answer, dict) else Told("The answer is %(answer)s.", answer=answer)
        remedy = Told(
            "Is the port right, and does the proxy hand everything on to `budstikke serve`? Else correct %(setting)s.", setting=SETTING
        )
        return Check(NAME, ok=False, words=words, remedy=remedy)
    if answer.get("installation") != fingerprint():
        remedy = Told("Two installations must not share an address. Correct %(setting)s, or what the proxy hands on.", setting=SETTING)
        words = Told("Another installation of Budstikke answers at %(url)s.", url=place.url)
        return Check(NAME, ok=False, words=words, remedy=remedy)
    bare = Told("%(url)s leads to us, but not encrypted.", url=place.url)
    words = Told("%(url)s leads to us.", url=place.url) if place.tls else bare
    fine = place.tls or place.host in ("127.0.0.1", "localhost", "::1")
    remedy = Told("Put a reverse proxy with TLS in front, and write https:// in %(setting)s.", setting=SETTING)
    return Check(NAME, ok=fine, words=words, remedy=remedy)


async def _alive(url: str) -> Any:
    """Ask for /healthz: its object, a status, or None when nothing of the kind comes."""
    timeout = aiohttp.ClientTimeout(total=PATIENCE)
    try:
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(f"{url}/healthz", allow_redirects=False) as answer:
            return await answer.json(content_type=None) if answer.status == 200 else f"status {answer.status}"
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError):
        return None
