"""The Content API over HTTP: templates, and what WhatsApp thinks of them."""

import json
import uuid
from dataclasses import dataclass

from aiohttp import web

from channels.sandbox.codes import Refused
from channels.sandbox.contents import Contents
from channels.sandbox.door import Door
from channels.sandbox.ledger import Event
from channels.sandbox.wire import json_answer
from channels.sandbox.world import World


@dataclass(slots=True)
class ContentServer:
    """The provider's desk for templates."""

    world: World
    contents: Contents
    door: Door

    def routes(self) -> list[web.RouteDef]:
        """Return the route table."""
        content = "/v1/Content"
        return [
            web.post(content, self.door.opens(self.create_content)),
            web.get(content, self.door.opens(self.list_contents)),
            web.get(content + "/{sid}", self.door.opens(self.fetch_content)),
            web.delete(content + "/{sid}", self.door.opens(self.delete_content)),
            web.post(content + "/{sid}/ApprovalRequests/whatsapp", self.door.opens(self.hand_in)),
            web.get(content + "/{sid}/ApprovalRequests", self.door.opens(self.fetch_approval)),
            web.get("/v1/ContentAndApprovals", self.door.opens(self.list_approvals)),
        ]

    async def create_content(self, request: web.Request) -> web.StreamResponse:
        """Keep a template."""
        content = self.contents.create(await _json(request), _new_sid(), self.world.agenda.now())
        body = content.as_json(self.world.account, _origin(request))
        self.world.ledger.write(Event.TEMPLATE, id=content.sid, body=json.dumps(body, ensure_ascii=False), status=content.approval)
        await self.world.ledger.commit()
        return json_answer(body, 201)

    async def fetch_content(self, request: web.Request) -> web.StreamResponse:
        """Return one template."""
        return json_answer(self.contents.get(request.match_info["sid"]).as_json(self.world.account, _origin(request)))

    async def delete_content(self, request: web.Request) -> web.StreamResponse:
        """Forget a template."""
        del self.contents.by_sid[self.contents.get(request.match_info["sid"]).sid]
        return web.Response(status=204)

    async def list_contents(self, request: web.Request) -> web.StreamResponse:
        """Return all templates on one page."""
        items = [content.as_json(self.world.account, _origin(request)) for content in self.contents.by_sid.values()]
        return json_answer({"contents": items, "meta": _meta(request, "contents", len(items))})

    async def list_approvals(self, request: web.Request) -> web.StreamResponse:
        """Return all templates with what WhatsApp thinks of them."""
        items = [
            content.as_json(self.world.account, _origin(request)) | {"approval_requests": content.approval_json()}
            for content in self.contents.by_sid.values()
        ]
        return json_answer({"contents": items, "meta": _meta(request, "contents", len(items))})

    async def hand_in(self, request: web.Request) -> web.StreamResponse:
        """Hand a template in for approval; the settings say how that ends."""
        content = self.contents.get(request.match_info["sid"])
        self.contents.hand_in(content, await _json(request))
        answer = json_answer(content.approval_json(), 201)
        settings = self.world.settings

        def decide() -> None:
            content.approval = settings.approval
            self.world.ledger.write(Event.TEMPLATE, id=content.sid, status=content.approval, note=content.approval_name)

        if settings.approve_after:
            self.world.agenda.after(settings.approve_after, decide)
        else:
            decide()
        return answer

    async def fetch_approval(self, request: web.Request) -> web.StreamResponse:
        """Return what WhatsApp thinks of a template."""
        content = self.contents.get(request.match_info["sid"])
        url = f"{_origin(request)}/v1/Content/{content.sid}/ApprovalRequests"
        return json_answer({"sid": content.sid, "account_sid": self.world.account, "whatsapp": content.approval_json(), "url": url})


def _new_sid() -> str:
    return "HX" + uuid.uuid4().hex


def _origin(request: web.Request) -> str:
    return f"{request.scheme}://{request.host}"


def _meta(request: web.Request, key: str, count: int) -> dict[str, object]:
    url = f"{_origin(request)}{request.path}?PageSize=50&Page=0"
    pages = {"first_page_url": url, "previous_page_url": None, "url": url, "next_page_url": None}
    return {"page": 0, "page_size": max(count, 50), **pages, "key": key}


async def _json(request: web.Request) -> object:
    try:
        return json.loads(await request.read())
    except ValueError:
        raise Refused(20422, "the body must be JSON") from None
