"""The API's description, for programs (/api/openapi.json) and for people (/api)."""

import json
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from typing import Any

from aiohttp import web

from relay.web.api.describe import describe
from relay.web.api.operation import JSON, Operation
from relay.web.api.operations import OPERATIONS
from relay.web.page import render


@cache
def _description() -> dict[str, Any]:
    return describe(OPERATIONS, version("budstikke"))


async def description(_request: web.Request) -> web.Response:
    """Return OpenAPI 3.1."""
    return web.json_response(_description(), content_type=JSON)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manual:
    """What the page shows: operations with the shapes they take and give."""

    operations: tuple[Operation, ...]
    #: a shape's name -> its fields: (name, type, needed, what it is)
    shapes: dict[str, tuple[tuple[str, str, bool, str], ...]]
    about: str


async def show(request: web.Request) -> web.Response:
    """Show the API to a person."""
    told = _description()
    schemas = told["components"]["schemas"]
    fields = {name: _fields(shape) for name, shape in sorted(schemas.items()) if "properties" in shape}
    return await render(request, "api/manual.html", Manual(operations=OPERATIONS, shapes=fields, about=told["info"]["description"]))


def _fields(shape: dict[str, Any]) -> tuple[tuple[str, str, bool, str], ...]:
    needed = shape.get("required", [])
    return tuple((name, _kind(part), name in needed, part.get("description", "")) for name, part in shape["properties"].items())


def _kind(part: dict[str, Any]) -> str:
    """Write a field's type in a few letters."""
    if "$ref" in part:
        return str(part["$ref"]).rpartition("/")[2]
    if "anyOf" in part:
        return " | ".join(_kind(one) for one in part["anyOf"])
    if "enum" in part:
        return " | ".join(json.dumps(one) for one in part["enum"])
    if part.get("type") == "array":
        return f"[{_kind(part['items'])}]"
    return str(part.get("format") or part.get("type", "any"))
