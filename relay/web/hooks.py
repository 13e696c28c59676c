"""Callbacks from providers. Answered only after the commit; a forged one changes nothing and is told nothing."""

from urllib.parse import parse_qsl

import structlog
from aiohttp import web

from channels.base import Callback, NotGenuine
from channels.clock import monotonic
from relay.model import NotFound, NotReady
from relay.web.keys import RELAY
from relay.web.metrics import METRICS

log = structlog.get_logger(__name__)


async def heard(request: web.Request) -> web.Response:
    """Take a callback in. 204: it is on disk. 403: not signed by the provider. 503: come again."""
    begun = monotonic()
    answer = await _heard(request)
    request.app[METRICS].called_back(request.match_info["account"], answer.status, monotonic() - begun)
    return answer


async def _heard(request: web.Request) -> web.Response:
    relay = request.app[RELAY]
    try:
        await relay.hear(request.match_info["account"], await _callback(request))
    except NotGenuine:
        log.warning("forged callback refused", account=request.match_info["account"])
        return web.Response(status=403, text="This callback is not signed by the provider.")
    except NotFound:
        return web.Response(status=404, text="There is no such account.")
    except NotReady:
        return web.Response(status=503, text="Not taken in. Send it again.")
    return web.Response(status=204)


async def _callback(request: web.Request) -> Callback:
    """Read a request as it came. Its address is the public one from the settings: what a proxy or a stranger claims is no evidence."""
    body = await request.read()
    return Callback(
        url=request.app[RELAY].desk.public_url + request.raw_path,
        headers=request.headers,
        fields=_fields(request, body),
        body=body,
        received_at=request.app[RELAY].clock.now(),
    )


def _fields(request: web.Request, body: bytes) -> list[tuple[str, str]]:
    """Return the form's fields; none, where it is written in an alphabet that is not what it says. The channel judges it by its body."""
    if request.content_type != "application/x-www-form-urlencoded":
        return []
    alphabet = request.charset or "utf-8"
    try:
        fields = parse_qsl(body.decode(alphabet), keep_blank_values=True, encoding=alphabet)
        # some of Python's alphabets bring half characters, which no page can show
        for name, value in fields:
            f"{name}{value}".encode()
    except (LookupError, ValueError):
        return []
    return fields
