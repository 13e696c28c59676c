"""How an operation is served: token, scope, shape, key, act, answer. Whatever goes wrong becomes a problem in words."""

import json
import re
from collections.abc import Awaitable, Callable
from hashlib import sha256

import structlog
from aiohttp import web
from pydantic import BaseModel, ValidationError

from relay.model import BudstikkeError
from relay.store import tokens
from relay.store.acting import acts
from relay.web.api.operation import JSON, Answer, Call, Operation, Raw
from relay.web.api.problem import RefusedError, of_error, of_input, problem
from relay.web.keys import RELAY
from relay.web.who import Who

log = structlog.get_logger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
#: what an Idempotency-Key may be made of: printable, so that a header can carry it
KEY = re.compile(r"[\x21-\x7e]{1,200}")


def handler(operation: Operation) -> Handler:
    """Return the handler of an operation."""

    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            return await _handle(request, operation)
        except BudstikkeError as error:
            return of_error(error)
        except RefusedError as error:
            return problem(422, error.detail, errors=error.errors)
        except web.HTTPRequestEntityTooLarge:
            return problem(413, "A document has at most 1 MiB.")
        except Exception as error:
            log.exception("an operation broke", operation=operation.name, error=type(error).__name__)
            return problem(500, "Something broke here, and it is in the log. Look at what is there before you try again.")

    return handle


async def _handle(request: web.Request, operation: Operation) -> web.StreamResponse:
    bearer, key = await _bearer(request), request.headers.get("Idempotency-Key")
    if bearer is None:
        return problem(401, "Send a token of this installation: Authorization: Bearer budstikke_…")
    if operation.scope not in bearer.scopes:
        return problem(403, f"This token lacks the scope {operation.scope}.")
    if key is not None and not KEY.fullmatch(key):
        return problem(400, "An Idempotency-Key has 1 to 200 printable characters without spaces.")
    with acts("api", bearer.user_id):
        return await _done(request, operation, bearer, key if operation.changes else None)


async def _done(request: web.Request, operation: Operation, bearer: tokens.Bearer, key: str | None) -> web.StreamResponse:
    """Read the request in its shape and do it; once only, under a key."""
    raw = await request.read()
    try:
        made = _call(request, operation, bearer, raw)
    except ValidationError as error:
        return of_input(error)
    if isinstance(made, web.Response):
        return made
    made.need(operation.roles)
    if key is None:
        return _response(operation, await operation.does(made))
    return await _once(operation, made, bearer, key, raw)


async def _bearer(request: web.Request) -> tokens.Bearer | None:
    """Find whom the token stands for, and note that it is in use."""
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "bearer" or not token.strip():
        return None
    relay = request.app[RELAY]
    now = relay.clock.now()
    async with relay.store.read() as conn:
        found = await tokens.find(conn, token.strip())
    if found and (found.seen_at is None or now - found.seen_at >= tokens.SEEN_EVERY):
        async with relay.store.write() as conn:
            await tokens.seen(conn, found.token_id, now)
    return found


def _call(request: web.Request, operation: Operation, bearer: tokens.Bearer, raw: bytes) -> Call | web.Response:
    """Read a request in its declared shape; a problem where it cannot be read."""
    body: BaseModel | None = None
    document = b""
    if operation.documents and request.content_type in operation.documents:
        document = raw
    elif operation.takes is not None:
        if request.content_type != JSON:
            known = ", ".join((JSON, *operation.documents))
            return problem(415, f"{request.content_type or 'No content type'} is not taken here; send {known}.")
        try:
            body = operation.takes.model_validate(json.loads(raw))
        except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
            return problem(400, f"The body is no JSON: {error}"[:300])
    elif operation.documents:
        return problem(415, f"{request.content_type or 'No content type'} is not taken here; send {', '.join(operation.documents)}.")
    relay = request.app[RELAY]
    return Call(
        who=_who(bearer),
        relay=relay,
        now=relay.clock.now(),
        path=dict(request.match_info),
        query=operation.query.model_validate(dict(request.query)) if operation.query else None,
        body=body,
        document=document,
        request=request,
    )


def _who(bearer: tokens.Bearer) -> Who:
    return Who(
        user_id=bearer.user_id,
        municipality_id=bearer.municipality_id,
        name=bearer.name,
        roles=bearer.roles,
        session_id=0,
        csrf="",
        language="en",
    )


async def _once(operation: Operation, made: Call, bearer: tokens.Bearer, key: str, raw: bytes) -> web.StreamResponse:
    """Do what was not done yet under this key; give the first answer again where it was."""
    request = made.request
    digest = sha256(f"{operation.name} {request.path_qs} {request.content_type}\n".encode() + raw).hexdigest()
    async with made.relay.store.write() as conn:
        before = await tokens.claim(conn, bearer.token_id, key, digest, made.now)
    if before is not None:
        return _again(before.status, before.body, same=before.request_sha256 == digest)
    try:
        response = _response(operation, await operation.does(made))
    except BaseException:
        async with made.relay.store.write() as conn:
            await tokens.forget(conn, bearer.token_id, key)
        raise
    async with made.relay.store.write() as conn:
        await tokens.answered(conn, bearer.token_id, key, response.status, response.text or "")
    return response


def _again(status: int, body: str | None, *, same: bool) -> web.Response:
    if not same:
        return problem(409, "This Idempotency-Key was used for another request. Use a new key.")
    if not status:
        return problem(409, "The first request with this key is still under way, or was cut off. Look at what is there.")
    return web.Response(status=status, text=body or "", content_type=JSON, headers={"Idempotent-Replayed": "true"})


def _response(operation: Operation, answer: Answer) -> web.Response:
    if isinstance(answer, Raw):
        return web.Response(body=answer.body, content_type=answer.content_type)
    return web.Response(text=answer.model_dump_json(), status=operation.status, content_type=JSON)


async def no_operation(request: web.Request, handler: Handler) -> web.StreamResponse:
    """No operation has this address, or none with this method: a program is told so in the way that it is told everything."""
    try:
        return await handler(request)
    except web.HTTPMethodNotAllowed as error:
        known = ", ".join(sorted(error.allowed_methods))
        told = problem(405, f"This address takes {known}; look it up in /api.")
        told.headers["Allow"] = known
        return told
    except web.HTTPNotFound:
        return problem(404, "No operation has this address; look it up in /api.")
