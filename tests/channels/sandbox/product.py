"""A product that only listens, and how a test speaks to the sandbox."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from twilio.request_validator import RequestValidator

from channels.sandbox.house import AUTH_TOKEN

OURS = "+4759440000"
AYAN = "+4790000001"


@dataclass
class Heard:
    """One request that came to the product."""

    path: str
    fields: dict[str, str]
    genuine: bool
    token: str


@dataclass
class Product:
    """Listens as the product does, and answers as it is told."""

    url: str = ""
    status: int = 204
    heard: list[Heard] = field(default_factory=list)
    #: seconds before it answers
    slow: float = 0

    async def hook(self, request: web.Request) -> web.Response:
        form = await request.post()
        fields = {name: str(value) for name, value in form.items()}
        validator = RequestValidator(AUTH_TOKEN)
        genuine = validator.validate(self.url + request.raw_path, form, request.headers.get("X-Twilio-Signature", ""))
        self.heard.append(Heard(request.path, fields, genuine, request.headers.get("I-Twilio-Idempotency-Token", "")))
        await asyncio.sleep(self.slow)
        return web.Response(status=self.status)

    def statuses(self, sid: str = "") -> list[str]:
        """Return the statuses that were told, in the order in which they came."""
        return [each.fields["MessageStatus"] for each in self.heard if each.fields.get("MessageSid") == sid or not sid]

    def inbound(self) -> list[dict[str, str]]:
        return [each.fields for each in self.heard if each.path == "/hooks/a/inbound"]


async def blocking(call: Callable[[], Any]) -> Any:
    """Run a call of the blocking client while the sandbox goes on in this loop."""
    return await asyncio.to_thread(call)


def callback(product: Product, token: str = "t0ken") -> str:
    return f"{product.url}/hooks/a/status/{token}#rc=2&rp=5xx,ct,rt"
