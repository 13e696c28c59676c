"""What is stored about one person: written out for whoever they ask, and erased for good."""

import json

from aiohttp import web

from relay.store import erase as erasing, own_page, tasks
from relay.store.register import Stamp
from relay.web.keys import RELAY
from relay.web.who import who


async def write_out(request: web.Request) -> web.Response:
    """Give everything that is stored about a person, as JSON. That it was done is written down."""
    me, relay, person_id = who(request), request.app[RELAY], int(request.match_info["person"])
    async with relay.store.write() as conn:
        told = await own_page.everything(conn, me.municipality_id, person_id, left=True)
        now = relay.clock.now()
        await tasks.acted(conn, me.name, "person.export", now, municipality_id=me.municipality_id, subject=f"person:{person_id}")
    headers = {"Content-Disposition": f'attachment; filename="person-{person_id}.json"', "Cache-Control": "no-store"}
    return web.Response(text=json.dumps(told, ensure_ascii=False, indent=1), content_type="application/json", headers=headers)


async def erase(request: web.Request) -> web.StreamResponse:
    """Erase a person for good."""
    me, relay = who(request), request.app[RELAY]
    async with relay.store.write() as conn:
        stamp = Stamp(by=me.name, at=relay.clock.now())
        await erasing.erase(conn, me.municipality_id, int(request.match_info["person"]), stamp)
    raise web.HTTPSeeOther("/people")
