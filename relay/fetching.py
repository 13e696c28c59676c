"""Fetching an official message from its address: bounded in time and size, and never led on to another host than the one that was named."""

from dataclasses import dataclass
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from relay.model import BadInput

#: of one request (seconds) and of one document (bytes)
SECONDS, MOST = 10, 1024 * 1024
SCHEMES = frozenset({"http", "https"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """A document, and how its host tells this version from the next."""

    body: bytes
    etag: str = ""
    last_modified: str = ""


def checked(url: str) -> str:
    """Return an address that can be asked; BadInput with what is wrong with it."""
    try:
        parts = urlsplit(url.strip())
        bad = parts.scheme not in SCHEMES or not parts.hostname or parts.username or parts.fragment
    except ValueError:
        bad = True
    if bad or len(url) > 500:
        raise BadInput(f"{url[:80]} is no address of a message: it begins with https:// and names a host.")
    return url.strip()


def same_host(one: str, other: str) -> bool:
    """Whether two addresses are asked of the same host, by the same way and port."""
    try:
        return URL(one).origin() == URL(other).origin()
    except ValueError:
        return False


def session() -> aiohttp.ClientSession:
    """Return what asks: without cookies, and in time."""
    return aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=SECONDS), cookie_jar=aiohttp.DummyCookieJar())


async def fetch(http: aiohttp.ClientSession, url: str, *, etag: str = "", last_modified: str = "") -> Fetched | None:
    """Return the document at an address; None where it is still the version that is known. BadInput says why it cannot be had."""
    known = {"If-None-Match": etag, "If-Modified-Since": last_modified}
    headers = {name: value for name, value in known.items() if value}
    try:
        async with http.get(url, headers=headers, allow_redirects=False) as answer:
            return await _read(url, answer)
    except (aiohttp.ClientError, OSError) as error:
        raise BadInput(f"{url} cannot be fetched: {type(error).__name__}.") from error
    except (UnicodeError, ValueError) as error:
        raise BadInput(f"{url} is no address: no host can be called so.") from error


async def _read(url: str, answer: aiohttp.ClientResponse) -> Fetched | None:
    if answer.status == 304:
        return None
    if 300 <= answer.status < 400:
        raise BadInput(f"{url} sends us on to {_shown(answer.headers.get('Location', 'nowhere'))}. If that is right, give that address.")
    if answer.status != 200:
        raise BadInput(f"{url} answers {answer.status}.")
    body = await answer.content.read(MOST + 1)
    while not answer.content.at_eof() and len(body) <= MOST:
        body += await answer.content.read(MOST + 1 - len(body))
    if len(body) > MOST:
        raise BadInput(f"{url} is larger than 1 MiB.")
    etag, last_modified = answer.headers.get("ETag", ""), answer.headers.get("Last-Modified", "")
    return Fetched(body=body, etag=_returned(etag, 200), last_modified=_returned(last_modified, 60))


def _returned(mark: str, most: int) -> str:
    """Return the mark of a version, if a row holds it as it came; without it the whole is fetched again."""
    return mark if len(mark) <= most and mark.isprintable() else ""


def _shown(address: str) -> str:
    """Return a stranger's address as a row and a screen can show it: bytes that are no letters come as half characters."""
    return "".join(filter(str.isprintable, address))[:200]
