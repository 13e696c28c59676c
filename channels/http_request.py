"""Writes a request from its template: numbers in the provider's spelling, placeholders filled once, each as its place needs it."""

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urldefrag, urlencode

import aiohttp

from channels.base import Outbound
from channels.http_settings import HttpSmsSettings, Numbers, Request, SenderKind
from channels.one_shot import FORM, JSON

Values = Mapping[str, str | int]

_SLOT = re.compile(r"\{([a-z_]+)\}")
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
#: four to six digits: a short number, which people can answer
_SHORT = re.compile(r"[0-9]{4,6}")
#: what stands before the country code, by how the provider writes numbers
_PREFIX: Mapping[str, str] = {"+47": "+", "47": "", "0047": "00"}

# --- numbers ------------------------------------------------------------------------------------------------------------


def written(number: str, numbers: Numbers) -> str:
    """Return a number of ours as the provider writes it; a short number or a name stays as it is."""
    return _PREFIX[numbers.style] + number[1:] if _E164.fullmatch(number) else number


def understood(number: str, numbers: Numbers) -> str:
    """Return a number of the provider's in E.164; what is none (a short number, a name) as it came, 60 characters at most."""
    plain = re.sub(r"[\s().-]", "", number)
    plain = "+" + plain[2:] if plain.startswith("00") else plain
    if numbers.country and re.fullmatch(r"[0-9]{8}", plain):
        return f"+{numbers.country}{plain}"
    if re.fullmatch(r"[1-9][0-9]{8,14}", plain):
        return f"+{plain}"
    return plain if _E164.fullmatch(plain) else number.strip()[:60]


def kind_of(sender: str) -> SenderKind:
    """Return what a sender is: a whole number, a short one, or a name."""
    if _E164.fullmatch(sender):
        return "number"
    return "short" if _SHORT.fullmatch(sender) else "name"


# --- the message --------------------------------------------------------------------------------------------------------


def values_of(out: Outbound, settings: HttpSmsSettings) -> Values:
    """Return what the placeholders stand for in the request of one message."""
    request, kind = settings.request, kind_of(out.sender)
    seconds = min(max(out.valid_for, request.valid_for[0]), request.valid_for[1])
    return {
        "to": written(out.to, settings.numbers),
        "from": written(out.sender, settings.numbers),
        "from_kind": request.from_kinds.get(kind, kind),
        "text": out.text,
        "token": out.token,
        "status_url": status_url(out.status_url, settings),
        "valid_for": seconds,
        "valid_minutes": max(seconds // 60, 1),
    }


def status_url(url: str, settings: HttpSmsSettings) -> str:
    """Return the address for statuses: with the secret that vouches for them, and without the fragment, which only Twilio reads."""
    plain = urldefrag(url).url
    secret = settings.callbacks.path_secret if settings.callbacks else ""
    return f"{plain}/{secret}" if plain and secret else plain


def body_of(request: Request, values: Values) -> bytes:
    """Return the body. Raises UnicodeEncodeError for half a character."""
    filled = _filled(request.body, values)
    if request.format == "form":
        return urlencode(_flat(filled)).encode("ascii")
    return json.dumps(filled, ensure_ascii=False).encode()


def headers_of(request: Request, values: Values) -> dict[str, str]:
    """Return the headers of a request that carries a message."""
    kind = JSON if request.format == "json" else FORM
    return {"Content-Type": f"{kind}; charset=utf-8", **reading_headers(request, values)}


def reading_headers(request: Request, values: Values) -> dict[str, str]:
    """Return the headers of a request that only reads; `values` may be empty."""
    headers = {"Accept": "*/*"}
    headers |= {name: str(fill(value, values)) for name, value in request.headers.items() if values or "{token}" not in value}
    if request.auth:
        headers["Authorization"] = aiohttp.encode_basic_auth(request.auth.user, request.auth.password)
    return headers


def filled_url(url: str, values: Values) -> str:
    """Return an address with its placeholders filled and escaped."""
    return str(fill(url, {name: quote(str(value), safe="") for name, value in values.items()}))


def fill(template: str, values: Values) -> str | int:
    """Return `template` with its placeholders filled in one pass, so that a text may hold braces.

    A placeholder that stands alone keeps its kind: {valid_for} is a number.
    """
    alone = _SLOT.fullmatch(template)
    if alone and alone[1] in values:
        return values[alone[1]]
    return _SLOT.sub(lambda found: str(values.get(found[1], found[0])), template)


def _filled(template: Any, values: Values) -> Any:
    """Return the template filled; a field that is nothing but an empty value is left out."""
    if isinstance(template, Mapping):
        found = {name: _filled(each, values) for name, each in template.items()}
        return {name: each for name, each in found.items() if each != "" or template[name] == ""}
    if isinstance(template, list):
        return [_filled(each, values) for each in template]
    return fill(template, values) if isinstance(template, str) else template


def _flat(fields: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in fields.items()}
