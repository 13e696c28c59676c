"""/healthz: the process answers. /readyz: the database answers, and nothing that is due lies waiting."""

from aiohttp import web

from relay.model import NotReady
from relay.store.sealing import fingerprint
from relay.web.keys import WATCHDOG


async def alive(_request: web.Request) -> web.Response:
    """Say that the process is there, and of which installation it is: doctor asks at the public address."""
    return web.json_response({"alive": True, "installation": fingerprint()})


async def ready(request: web.Request) -> web.Response:
    """Say whether messages go out, and what is wrong if not (503)."""
    try:
        troubles = await request.app[WATCHDOG].troubles()
    except NotReady as error:
        troubles = [str(error)]
    return web.json_response({"ready": not troubles, "troubles": troubles}, status=503 if troubles else 200)
