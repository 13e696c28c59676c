"""SMS aggregators for the tests: the sandbox's phones, ledger and faults behind two other doors, those of deploy/providers."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol, Self
from urllib.parse import parse_qsl, urlencode

from aiohttp import web

from channels.clock import Clock
from channels.sandbox.codes import Refused
from channels.sandbox.faults import Fault
from channels.sandbox.house import House
from channels.sandbox.intake import Form, check, token_of
from channels.sandbox.ledger import Event
from channels.sandbox.postman import Postman
from channels.sandbox.resource import Message, Query, http_date
from channels.sandbox.wire import json_answer, play
from channels.sandbox.world import World

PASSWORD, SIGNING_SECRET, API_KEY, CALLBACK_PASSWORD = "budvik-password", "signing-secret", "an-api-key", "callback-password"
#: what the two files in deploy/providers want from the environment
ENVIRONMENT = {
    "EXAMPLE_SMS_PASSWORD": PASSWORD,
    "EXAMPLE_SMS_SIGNING_SECRET": SIGNING_SECRET,
    "NORDISK_API_KEY": API_KEY,
    "NORDISK_CALLBACK_PASSWORD": CALLBACK_PASSWORD,
}
#: messages on a page of a list
PAGE = 50

Fields = Mapping[str, str]


class Style(Protocol):
    """How an aggregator speaks: its requests, answers, callbacks and lists."""

    #: paths: hand in, list of what was sent, list of what came in
    paths: tuple[str, str, str]
    #: its code for a phone that is off
    off: str

    def admits(self, headers: Mapping[str, str]) -> bool: ...
    def order(self, body: bytes) -> Form: ...
    def accepted(self, message: Message) -> web.Response: ...
    def refused(self, code: int) -> web.Response: ...
    def call(self, url: str, fields: Fields, now: datetime) -> tuple[bytes, dict[str, str]]: ...
    def item(self, message: Message) -> dict[str, Any]: ...
    def page(self, items: list[dict[str, Any]], following: str) -> dict[str, Any]: ...
    def asked(self, query: Mapping[str, str]) -> tuple[str, datetime]: ...


class FormStyle:
    """example.toml: a form in, a line of text back; callbacks are signed forms; lists are JSON."""

    paths = ("/v1/send", "/v1/messages", "/v1/inbox")
    off = "201"
    _codes: Mapping[int, str] = {21211: "101", 21614: "102", 21610: "103", 21611: "104", 21617: "105", 30003: "201"}
    _words: Mapping[str, str] = {"queued": "accepted", "sent": "enroute", "delivered": "delivered"}

    def admits(self, headers: Mapping[str, str]) -> bool:
        return headers.get("Authorization") == basic("budvik", PASSWORD)

    def order(self, body: bytes) -> Form:
        given = dict(parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=True))
        assert set(given) == {"to", "from", "message", "charset", "reference", "dlr_url", "ttl"}
        assert token_of(given["dlr_url"]) == given["reference"]
        return form(given["to"], given["from"], given["message"], given["dlr_url"], given["ttl"])

    def accepted(self, message: Message) -> web.Response:
        return web.Response(text=f"OK {message.sid} {message.segments}\n")

    def refused(self, code: int) -> web.Response:
        return web.Response(text=f"ERR {self._codes.get(code, '999')} no\n", status=200 if code == 21614 else 400)

    def call(self, url: str, fields: Fields, now: datetime) -> tuple[bytes, dict[str, str]]:
        said = {"id": fields["MessageSid"], "to": fields["To"]}
        if "MessageStatus" in fields:
            said |= {"status": self._words.get(fields["MessageStatus"], "failed"), "reference": token_of(url)}
            said |= {"error": self._codes.get(int(fields.get("ErrorCode", "0")), "0")}
        else:
            said |= {"from": fields["From"], "message": fields["Body"]}
        body, stamp = urlencode(said).encode(), str(int(now.timestamp()))
        signature = hmac.new(SIGNING_SECRET.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        return body, {**kind, "X-Timestamp": stamp, "X-Signature": f"sha256={signature}"}

    def item(self, message: Message) -> dict[str, Any]:
        when = message.created.isoformat()
        return {
            "id": message.sid,
            "to": message.to,
            "from": message.sender,
            "message": message.body,
            "created": when,
            "received": when,
            "status": self._words.get(message.state.value, "failed"),
            "error": self._codes.get(message.code),
            "reference": message.token,
            "segments": message.segments,
        }

    def page(self, items: list[dict[str, Any]], following: str) -> dict[str, Any]:
        return {"messages": items, "next": following or None}

    def asked(self, query: Mapping[str, str]) -> tuple[str, datetime]:
        return query["to"], datetime.fromisoformat(query["since"])


class JsonStyle:
    """nordisk.toml: JSON in and out, numbers without a plus, callbacks behind user name and password."""

    paths = ("/sms/v2/send", "/sms/v2/messages", "/sms/v2/inbound")
    off = "3001"
    _codes: Mapping[int, int] = {21211: 2101, 21614: 2102, 21610: 2103, 21617: 2301, 30003: 3001}
    _words: Mapping[str, str] = {"queued": "Queued", "sent": "Sent", "delivered": "Delivered"}

    def admits(self, headers: Mapping[str, str]) -> bool:
        return headers.get("X-Api-Key") == API_KEY

    def order(self, body: bytes) -> Form:
        given = json.loads(body)
        (one,) = given["messages"]
        assert (given["platform"], given["serviceId"], one["useDeliveryReport"]) == ("NO", 1042, True)
        assert one["originatorType"] == "MSISDN"
        assert isinstance(one["validityMinutes"], int)
        assert token_of(one["deliveryReportUrl"]) == one["clientReference"]
        seconds = str(one["validityMinutes"] * 60)
        return form("+" + one["recipient"], "+" + one["originator"], one["content"], one["deliveryReportUrl"], seconds)

    def accepted(self, message: Message) -> web.Response:
        told = {"messageId": message.sid, "recipient": message.to[1:], "clientReference": message.token, "statusCode": 1}
        return json_answer({"batchReference": "b-1", "messages": [{**told, "parts": message.segments}]})

    def refused(self, code: int) -> web.Response:
        return json_answer({"batchReference": "b-2", "messages": [{"statusCode": self._codes.get(code, 2999), "statusText": "no"}]})

    def call(self, url: str, fields: Fields, now: datetime) -> tuple[bytes, dict[str, str]]:
        said: dict[str, Any] = {"moMessageId": fields["MessageSid"], "recipient": fields["To"][1:]}
        if "MessageStatus" in fields:
            code = self._codes.get(int(fields.get("ErrorCode", "0")), 0)
            state = {"status": self._words.get(fields["MessageStatus"], "Failed"), "statusCode": code}
            said = {"messageId": fields["MessageSid"], "clientReference": token_of(url), **state}
        else:
            said |= {"originator": fields["From"][1:], "content": {"text": fields["Body"]}}
        headers = {"Content-Type": "application/json", "Authorization": basic("nordisk", CALLBACK_PASSWORD)}
        return json.dumps(said).encode(), headers

    def item(self, message: Message) -> dict[str, Any]:
        numbers = {"recipient": message.to[1:], "originator": message.sender[1:]}
        if message.direction == "inbound":
            when = int(message.created.timestamp() * 1000)
            return {"moMessageId": message.sid, **numbers, "content": {"text": message.body}, "receivedAt": when}
        state = {"status": self._words.get(message.state.value, "Failed"), "statusCode": self._codes.get(message.code, 0)}
        created = {"createdAt": http_date(message.created), "clientReference": message.token}
        return {"messageId": message.sid, **numbers, "content": message.body, **created, **state}

    def page(self, items: list[dict[str, Any]], following: str) -> dict[str, Any]:
        return {"data": {"items": items, "nextPage": following}}

    def asked(self, query: Mapping[str, str]) -> tuple[str, datetime]:
        return "+" + query["recipient"], datetime.fromisoformat(query["from"])


def form(to: str, sender: str, text: str, status_url: str, seconds: str) -> Form:
    """Return an order as the sandbox's door takes it; it knows no validity beyond ten hours."""
    given = {"To": to, "From": sender, "Body": text, "StatusCallback": status_url, "ValidityPeriod": str(min(int(seconds), 36_000))}
    return {name: [value] for name, value in given.items()}


def basic(user: str, password: str) -> str:
    """Return the header that knows this password."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


class _Caller(Postman):
    """Calls as the aggregator calls."""

    def __init__(self, world: World, style: Style) -> None:
        super().__init__(world)
        self._style = style

    def _sign(self, url: str, fields: Fields) -> tuple[bytes, dict[str, str]]:
        return self._style.call(url, fields, self._world.agenda.now())


class Aggregator(House):
    """A provider that is not Twilio: `async with Aggregator(ledger, FormStyle()) as provider: …`"""

    def __init__(self, ledger: Path, style: Style, clock: Clock | None = None) -> None:
        super().__init__(ledger, clock=clock)
        self.style = style

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def __aenter__(self) -> Self:
        self.open()
        self.postman = self.network.postman = _Caller(self.world, self.style)
        send, sent, came = self.style.paths
        app = web.Application(middlewares=[self._admit])
        app.add_routes([web.post(send, self._create), web.get(sent, self._list), web.get(came, self._list)])
        app.add_routes([web.get(sent + "/{id}", self._fetch), web.get("/v1/balance", self._balance)])
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()
        for task in list(self.world.tasks):
            task.cancel()
        self.postman.close()
        await self.ledger.close()

    @web.middleware
    async def _admit(self, request: web.Request, handler: Any) -> web.StreamResponse:
        if not self.style.admits(request.headers):
            return web.Response(status=401, text="who are you?")
        answer: web.StreamResponse = await handler(request)
        if not answer.prepared:
            answer.headers["Date"] = http_date(self.now())
        return answer

    async def _create(self, request: web.Request) -> web.StreamResponse:
        order = self.style.order(await request.read())
        fault = self.faults.pick("create", order["To"][0])
        if fault and not fault.what.accepts:
            return await self._play(request, fault)
        try:
            message = self.network.accept(check(order, self.world, self.contents, self.network.is_out))
        except Refused as why:
            self.ledger.write(Event.REFUSED, to=order["To"][0], code=why.code)
            return self.style.refused(why.code)
        await self.ledger.commit()
        honest = self.style.accepted(message)
        self.network.launch(message)
        return await self._play(request, fault, bytes(honest.body)) if fault else honest  # type: ignore[arg-type]

    async def _play(self, request: web.Request, fault: Fault, honest: bytes = b"{}") -> web.StreamResponse:
        self.ledger.write(Event.FAULT, note=fault.kind, status=fault.on)
        return await play(request, fault, honest)

    async def _list(self, request: web.Request) -> web.StreamResponse:
        to, since = self.style.asked(request.query)
        if fault := self.faults.pick("list", to):
            return await self._play(request, fault)
        found, more = self.network.shelf.page(Query(to=to, size=PAGE, token=request.query.get("after", "")), self.now())
        following = str(request.rel_url.update_query(after=found[-1].sid)) if more else ""
        return json_answer(self.style.page([self.style.item(each) for each in found if each.created >= since], following))

    async def _fetch(self, request: web.Request) -> web.StreamResponse:
        try:
            return json_answer(self.style.item(self.network.shelf.get(request.match_info["id"])))
        except Refused:
            return web.Response(status=404)

    async def _balance(self, _request: web.Request) -> web.StreamResponse:
        return web.Response(text="17 kr")
