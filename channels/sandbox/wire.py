"""What a client sees of a fault: answers that lie, break off or never come. One method for each row of the table of faults."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

from aiohttp import web

from channels.sandbox.codes import REFUSALS, Refused
from channels.sandbox.faults import Fault, Kind

MEGABYTE = 1 << 20
PAGE = "<!doctype html><title>502</title><h1>Bad gateway</h1>"


def json_answer(body: object, status: int = 200) -> web.Response:
    """Return `body` as the API would."""
    return web.Response(body=json.dumps(body).encode(), status=status, content_type="application/json")


async def play(request: web.Request, fault: Fault, honest: bytes = b"{}") -> web.StreamResponse:
    """Answer `request` as `fault` has it, where `honest` would have been the body."""
    return await PLAYS[fault.what](Scene(request, fault, honest))


@dataclass(frozen=True, slots=True)
class Scene:
    """One request that meets one fault."""

    request: web.Request
    fault: Fault
    #: the body of the answer that the client would have got
    honest: bytes

    async def error(self) -> web.StreamResponse:
        status = self.fault.status
        return json_answer({"code": 20500, "message": REFUSALS[20500], "more_info": "", "status": status}, status)

    async def throttle(self) -> web.StreamResponse:
        answer = json_answer(Refused(20429).as_json(), 429)
        if self.fault.retry_after is not None:
            asked = self.fault.retry_after
            answer.headers["Retry-After"] = asked if isinstance(asked, str) else f"{asked:g}"
        return answer

    async def refuse(self) -> web.StreamResponse:
        code = self.fault.code
        return json_answer({"code": code, "message": REFUSALS.get(code, "Refused by order"), "more_info": "", "status": 400}, 400)

    async def slow(self) -> web.StreamResponse:
        await asyncio.sleep(self.fault.seconds)
        return self._created(self.honest)

    async def stall(self) -> web.StreamResponse:
        await asyncio.sleep(self.fault.seconds)
        return await self.error()

    async def reset(self) -> web.StreamResponse:
        if self.request.transport is not None:
            self.request.transport.abort()
        return web.Response(status=500)  # nobody is left to read it

    async def truncated(self) -> web.StreamResponse:
        answer = await self._begun(len(self.honest))
        await answer.write(self.honest[: len(self.honest) // 2])
        if self.request.transport is not None:
            self.request.transport.close()  # what was written still goes out
        return answer

    async def html(self) -> web.StreamResponse:
        return web.Response(text=PAGE, status=201, content_type="text/html")

    async def empty(self) -> web.StreamResponse:
        return web.Response(status=201)

    async def odd_json(self) -> web.StreamResponse:
        return json_answer(["created", None, {"sid": 7}], 201)

    async def wrong_sid(self) -> web.StreamResponse:
        return json_answer(json.loads(self.honest) | {"sid": "XX-not-an-id"}, 201)

    async def repeated_sid(self) -> web.StreamResponse:
        return self._created(self.honest)  # the server hands in the former message's body

    async def foreign(self) -> web.StreamResponse:
        return json_answer(json.loads(self.honest) | {"to": "+4799999999"}, 201)

    async def unauthorised(self) -> web.StreamResponse:
        refused = Refused(20003)
        return json_answer(refused.as_json(), refused.http)

    async def trickle(self) -> web.StreamResponse:
        answer = await self._begun(len(self.honest))
        with suppress(ConnectionError):  # the client need not wait
            for n in range(len(self.honest)):
                await answer.write(self.honest[n : n + 1])
                await asyncio.sleep(self.fault.seconds)
        return answer

    async def huge(self) -> web.StreamResponse:
        blanks = b" " * MEGABYTE
        answer = await self._begun(len(self.honest) + self.fault.megabytes * MEGABYTE)
        with suppress(ConnectionError):  # the client need not read
            for _ in range(self.fault.megabytes):
                await answer.write(blanks)
            await answer.write(self.honest)
        return answer

    async def _begun(self, length: int) -> web.StreamResponse:
        answer = web.StreamResponse(status=201, headers={"Content-Type": "application/json", "Content-Length": str(length)})
        await answer.prepare(self.request)
        return answer

    async def redirect(self) -> web.StreamResponse:
        return web.Response(status=307, headers={"Location": self.request.raw_path})

    @staticmethod
    def _created(body: bytes) -> web.Response:
        return web.Response(body=body, status=201, content_type="application/json")


PLAYS: dict[Kind, Callable[[Scene], Awaitable[web.StreamResponse]]] = {
    Kind.ERROR: Scene.error,
    Kind.ERROR_ACCEPTED: Scene.error,
    Kind.THROTTLE: Scene.throttle,
    Kind.REFUSE: Scene.refuse,
    Kind.SLOW: Scene.slow,
    Kind.STALL: Scene.stall,
    Kind.RESET: Scene.reset,
    Kind.RESET_ACCEPTED: Scene.reset,
    Kind.TRUNCATED: Scene.truncated,
    Kind.HTML: Scene.html,
    Kind.EMPTY: Scene.empty,
    Kind.ODD_JSON: Scene.odd_json,
    Kind.WRONG_SID: Scene.wrong_sid,
    Kind.REPEATED_SID: Scene.repeated_sid,
    Kind.FOREIGN: Scene.foreign,
    Kind.UNAUTHORISED: Scene.unauthorised,
    Kind.TRICKLE: Scene.trickle,
    Kind.HUGE: Scene.huge,
    Kind.REDIRECT: Scene.redirect,
}
