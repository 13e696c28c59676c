"""What an HTTP SMS provider tells us: whether a callback is its own, and the statuses and answers in it."""

import base64
import hashlib
import hmac
import re
from dataclasses import replace
from datetime import datetime
from urllib.parse import urldefrag, urlsplit

import aiohttp

from channels.base import Callback, Inbound, NotGenuine, Status
from channels.http_answers import is_id, read_status
from channels.http_places import Document, NoList, of_callback
from channels.http_request import understood
from channels.http_settings import Callbacks, Hmac, HttpSmsSettings, MessagePlaces, StatusCallback
from channels.http_times import moment

_SLOT = re.compile(rb"\{(body|url|timestamp)\}")


def parse(callback: Callback, settings: HttpSmsSettings) -> list[Inbound | Status]:
    """Read a callback. Pure. Raises NotGenuine unless every configured proof holds."""
    told = settings.callbacks
    if told is None or not told.vouched_for:
        raise NotGenuine("No proof is configured for this provider's callbacks, so none is believed.")
    what, token = _address(callback.url, settings.account, told)
    _check_proofs(callback, told)
    document = of_callback(callback, told.format, told.charset)
    try:
        if what == "status" and told.status:
            return [*_statuses(document, token, told.status, settings)]
        if what == "inbound" and told.inbound:
            return [*_messages(document, told.inbound, settings, callback.received_at)]
    except NoList:
        raise NotGenuine("The list of what it tells is missing.") from None
    raise NotGenuine(f"The settings do not say where a callback of this kind ({what}) holds what.")


# --- whose it is --------------------------------------------------------------------------------------------------------


def _address(url: str, account: str, told: Callbacks) -> tuple[str, str]:
    """Return "status" or "inbound", and the attempt's token if it stands there. Raises NotGenuine for any address that is not ours."""
    found = re.search(rf"/hooks/{account}/(status|inbound)((?:/[A-Za-z0-9_-]+)*)/?$", _path(url))
    if not found:
        raise NotGenuine("This is no address of ours.")
    what, rest = found[1], found[2].split("/")[1:]
    if told.path_secret and not _equal(rest.pop() if rest else "", told.path_secret):
        raise NotGenuine("The address lacks its secret.")
    if len(rest) > (1 if what == "status" else 0):
        raise NotGenuine("This is no address of ours.")
    return what, rest[0] if rest else ""


def _path(url: str) -> str:
    try:
        return urlsplit(url).path
    except ValueError:
        return ""


def _check_proofs(callback: Callback, told: Callbacks) -> None:
    headers = {name.lower(): value for name, value in callback.headers.items()}
    if told.basic:
        expected = aiohttp.encode_basic_auth(told.basic.user, told.basic.password)
        if not _equal(headers.get("authorization", ""), expected):
            raise NotGenuine("User name or password is missing or wrong.")
    if told.hmac and not _is_signed(callback, headers, told.hmac):
        raise NotGenuine("The signature is missing or wrong.")


def _is_signed(callback: Callback, headers: dict[str, str], how: Hmac) -> bool:
    given = headers.get(how.header.lower(), "").strip()
    stamp = headers.get(how.timestamp_header.lower(), "") if how.timestamp_header else ""
    if how.timestamp_header and not _is_fresh(stamp, callback.received_at, how.tolerance):
        return False
    parts = {b"body": callback.body, b"url": _bytes(urldefrag(callback.url).url), b"timestamp": _bytes(stamp)}
    signed = _SLOT.sub(lambda found: parts[found[1]], how.over.encode())
    secrets = [secret for secret in (how.secret, how.other_secret) if secret]
    return any(_equal(given, signature(signed, secret, how)) for secret in secrets)


def signature(signed: bytes, secret: str, how: Hmac) -> str:
    """Return what the header must hold for `signed`."""
    digest = hmac.new(secret.encode(), signed, getattr(hashlib, how.algorithm))
    return how.prefix + (digest.hexdigest() if how.encoding == "hex" else base64.b64encode(digest.digest()).decode())


def _is_fresh(stamp: str, now: datetime, tolerance: int) -> bool:
    when = moment(stamp)
    return when is not None and abs((now - when).total_seconds()) <= tolerance


def _equal(given: str, expected: str) -> bool:
    return hmac.compare_digest(_bytes(given), _bytes(expected))


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "replace")


# --- what it says -------------------------------------------------------------------------------------------------------


def _statuses(document: Document, token: str, places: StatusCallback, settings: HttpSmsSettings) -> list[Status]:
    """Return the statuses of a callback. Raises NotGenuine if none can be told whose it is."""
    items = list(document.items(places.each))
    found = [_status(each, token if len(items) == 1 else "", places, settings) for each in items]
    known = [each for each in found if each is not None]
    if items and not known:
        raise NotGenuine("There is no state in it, or nothing that says whose.")
    return known


def _status(item: Document, token: str, places: StatusCallback, settings: HttpSmsSettings) -> Status | None:
    """Return one status; None if it lacks its state, or both id and token. Raises NotGenuine if its address is another message's."""
    status = read_status(item, places, settings)
    if token and status.token and token != status.token:
        raise NotGenuine("The address is another message's.")
    whole = status._replace(token=status.token or token)
    return whole if whole.word and (whole.token or whole.provider_id) else None


def _messages(document: Document, places: MessagePlaces, settings: HttpSmsSettings, received_at: datetime) -> list[Inbound]:
    """Return what people wrote. Raises NotGenuine if nobody has written anything of it."""
    items = list(document.items(places.each))
    found = [read_message(each, places, settings, received_at) for each in items]
    if items and not any(each.sender for each in found):
        raise NotGenuine("It does not say who has written.")
    # what is listed says when it came, and a digest of that is an id as good as any; a call may say no more than who wrote what
    return [replace(each, nameless=not is_id(item.at(places.id))) for item, each in zip(items, found, strict=True) if each.sender]


def read_message(item: Document, places: MessagePlaces, settings: HttpSmsSettings, received_at: datetime) -> Inbound:
    """Return what a person wrote. Without an id of use it gets one made of what came: no answer is turned away for that."""
    provider_id = item.at(places.id)
    return Inbound(
        provider_id=provider_id if is_id(provider_id) else item.digest(),
        sender=understood(item.at(places.sender), settings.numbers),
        to=understood(item.at(places.to), settings.numbers),
        text=item.at(places.text),
        received_at=received_at,
    )
