"""Twilio's HTTP, as far as a message needs it: create, fetch, list, cancel, redact, delete, media, feedback."""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from urllib.parse import parse_qs

from aiohttp import web

from channels.sandbox.codes import Refused
from channels.sandbox.contents import Contents
from channels.sandbox.door import Door
from channels.sandbox.faults import Fault, Faults, Kind
from channels.sandbox.inbound import Inbox
from channels.sandbox.intake import Form, check, one, token_of
from channels.sandbox.ledger import Event
from channels.sandbox.network import Network
from channels.sandbox.resource import API, WHATSAPP, Message, Query, list_json, rfc2822
from channels.sandbox.wire import json_answer, play
from channels.sandbox.world import World

#: the parameters of a list
FILTERS = frozenset({"To", "From", "DateSent", "DateSent<", "DateSent>", "PageSize", "Page", "PageToken"})
MOST = 1000


@dataclass(slots=True)
class Server:
    """The provider's front desk."""

    world: World
    network: Network
    inbox: Inbox
    contents: Contents
    faults: Faults
    door: Door
    #: body of the last honest 201, for answers that repeat themselves
    _former: bytes = b"{}"

    def routes(self) -> list[web.RouteDef]:
        """Return the route table."""
        messages = API + "/{account}/Messages"
        return [
            web.post(messages + ".json", self.door.opens(self.create)),
            web.get(messages + ".json", self.door.opens(self.list)),
            web.get(messages + "/{sid}.json", self.door.opens(self.fetch)),
            web.post(messages + "/{sid}.json", self.door.opens(self.update)),
            web.delete(messages + "/{sid}.json", self.door.opens(self.delete)),
            web.post(messages + "/{sid}/Feedback.json", self.door.opens(self.feedback)),
            web.get(messages + "/{sid}/Media.json", self.door.opens(self.list_media)),
            web.get(messages + "/{sid}/Media/{media}", self.door.opens(self.fetch_media)),
            web.get(API + "/{account}.json", self.door.opens(self.account)),
            web.route("*", API + "/{path:.*}", self.door.opens(self.nothing)),
        ]

    async def create(self, request: web.Request) -> web.StreamResponse:
        """Take a message. The ledger's line is on disk before the answer leaves."""
        form = await _form(request)
        fault = self.faults.pick("create", one(form, "To"))
        if fault and not fault.what.accepts:
            self._note_fault(fault, form)
            return await play(request, fault)
        try:
            message = self.network.accept(check(form, self.world, self.contents, self.network.is_out))
        except Refused as why:
            self._note_refusal(why, form)
            raise
        if fault:
            self._note_fault(fault, form, message.sid)
        await self.world.ledger.commit()
        honest = json.dumps(message.as_json(self.world.account)).encode()
        self.network.launch(message)
        return await self._answer(request, fault, honest)

    async def _answer(self, request: web.Request, fault: Fault | None, honest: bytes) -> web.StreamResponse:
        if fault:
            return await play(request, fault, self._former if fault.what is Kind.REPEATED_SID else honest)
        self._former = honest
        return web.Response(body=honest, status=201, content_type="application/json")

    async def list(self, request: web.Request) -> web.StreamResponse:
        """Return a page of messages, newest first."""
        query = _query(request)
        if fault := self.faults.pick("list", query.to):
            self._note_fault(fault, {"To": [query.to]})
            return await play(request, fault)
        messages, more = self.network.shelf.page(query, self.world.agenda.now())
        return json_answer(list_json(self.world.account, query, messages, more=more))

    def _message(self, request: web.Request) -> Message:
        return self.network.shelf.get(request.match_info["sid"])

    async def fetch(self, request: web.Request) -> web.StreamResponse:
        """Return one message."""
        message = self._message(request)
        if fault := self.faults.pick("fetch", message.to):
            self._note_fault(fault, {"To": [message.to]})
            return await play(request, fault)
        return json_answer(message.as_json(self.world.account))

    async def update(self, request: web.Request) -> web.StreamResponse:
        """Cancel a message that has not left, or redact one that has ended."""
        message = self._message(request)
        form = await _form(request)
        match {name: values[0] for name, values in form.items()}:
            case {"Status": "canceled", **rest} if not rest:
                self.network.cancel(message)
            case {"Body": "", **rest} if not rest:
                self.network.redact(message)
            case _:
                raise Refused(20422, "either Status=canceled or an empty Body")
        await self.world.ledger.commit()
        return json_answer(message.as_json(self.world.account))

    async def delete(self, request: web.Request) -> web.StreamResponse:
        """Forget a message."""
        self.network.delete(self._message(request))
        await self.world.ledger.commit()
        return web.Response(status=204)

    async def feedback(self, request: web.Request) -> web.StreamResponse:
        """Say thank you for feedback."""
        message = self._message(request)
        form = await _form(request)
        now = rfc2822(self.world.agenda.now())
        uri = f"{API}/{self.world.account}/Messages/{message.sid}/Feedback.json"
        body = {"account_sid": self.world.account, "message_sid": message.sid, "outcome": one(form, "Outcome") or "confirmed"}
        return json_answer({**body, "date_created": now, "date_updated": now, "uri": uri}, 201)

    async def list_media(self, request: web.Request) -> web.StreamResponse:
        """Return what hangs on an incoming message."""
        message = self._message(request)
        uri = f"{API}/{self.world.account}/Messages/{message.sid}/Media"
        now = rfc2822(message.created)
        found = [
            {
                "sid": sid,
                "account_sid": self.world.account,
                "parent_sid": message.sid,
                "content_type": kind,
                "date_created": now,
                "date_updated": now,
                "uri": f"{uri}/{sid}.json",
            }
            for (owner, sid), (kind, _) in self.inbox.media.items()
            if owner == message.sid
        ]
        page = {"page": 0, "page_size": 50, "start": 0, "end": max(len(found) - 1, 0), "uri": f"{uri}.json"}
        pages = {"first_page_uri": f"{uri}.json", "next_page_uri": None, "previous_page_uri": None}
        return json_answer({"media_list": found, **page, **pages})

    async def fetch_media(self, request: web.Request) -> web.StreamResponse:
        """Return the bytes of a picture or voice note."""
        found = self.inbox.media.get((request.match_info["sid"], request.match_info["media"]))
        if found is None:
            raise Refused(20404, request.path)
        return web.Response(body=found[1], content_type=found[0])

    async def account(self, request: web.Request) -> web.StreamResponse:
        """Return the account, so that credentials can be tried."""
        sid = self.world.account
        return json_answer({"sid": sid, "friendly_name": "Sandbox", "status": "active", "type": "Full", "uri": f"{API}/{sid}.json"})

    async def nothing(self, request: web.Request) -> web.StreamResponse:
        """Say that there is nothing here. Raises Refused (20404)."""
        raise Refused(20404, f"{request.method} {request.path}")

    def _note_refusal(self, why: Refused, form: Form) -> None:
        to = one(form, "To")
        self.world.ledger.write(
            Event.REFUSED,
            channel="whatsapp" if to.startswith(WHATSAPP) else "sms",
            to=to.removeprefix(WHATSAPP),
            sender=one(form, "From").removeprefix(WHATSAPP),
            body=one(form, "Body"),
            token=token_of(one(form, "StatusCallback")),
            code=why.code,
            http=why.http,
            note=str(why),
        )

    def _note_fault(self, fault: Fault, form: Form, sid: str = "") -> None:
        to, token = one(form, "To").removeprefix(WHATSAPP), token_of(one(form, "StatusCallback"))
        self.world.ledger.write(Event.FAULT, note=fault.kind, id=sid, to=to, token=token, status=fault.on)


async def _form(request: web.Request) -> dict[str, list[str]]:
    return parse_qs((await request.read()).decode("utf-8", "replace"), keep_blank_values=True)


def _query(request: web.Request) -> Query:
    given = request.query
    if unknown := sorted(set(given) - FILTERS):
        raise Refused(20001, ", ".join(unknown))
    size = _number(given.get("PageSize", "50"), "PageSize")
    if size > MOST:
        raise Refused(20007, str(size))
    exactly, before, after = (_day(given.get(name, "")) for name in ("DateSent", "DateSent<", "DateSent>"))
    return Query(
        to=given.get("To", ""),
        sender=given.get("From", ""),
        since=max((when[0] for when in (exactly, after) if when), default=None),
        until=min((when[1] for when in (exactly, before) if when), default=None),
        asked={name: value for name, value in given.items() if name not in {"PageSize", "Page", "PageToken"}},
        size=size or 1,
        page=_number(given.get("Page", "0"), "Page"),
        token=given.get("PageToken", "").removeprefix("PA"),
    )


def _number(text: str, name: str) -> int:
    if not re.fullmatch(r"\d{1,6}", text):
        raise Refused(20422, name)
    return int(text)


def _day(text: str) -> tuple[datetime, datetime] | None:
    """Return the first and last moment that `text` means: a whole day in UTC, or one moment. Raises Refused.

    Midnight stands for its day, since the official client writes a date so.
    """
    if not text:
        return None
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise Refused(20422, "DateSent") from None
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return (when, when) if when.time() != time.min else (when, when + timedelta(days=1, microseconds=-1))
