"""The description of the API, OpenAPI 3.1, made from the table of operations and the shapes: it cannot say what the code does not do."""

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from relay.web.api.operation import JSON, MOST_DIGITS, PROBLEM, Operation
from relay.web.api.problem import Problem

REFERENCE = "#/components/schemas/{model}"
#: what any operation may answer besides its own
ALWAYS = {
    401: "no token",
    403: "not for this token, its user, or this alert",
    404: "no such thing here",
    422: "bad input",
    503: "not ready",
}
KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Any text of your own. For a day the same key with the same request gives the first answer again, and does nothing.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200},
}
#: what every part of a path is so far: an alert's number, a group's id
FIGURE = {"type": "integer", "minimum": 1, "maximum": 10**MOST_DIGITS - 1}
ABOUT = """Budstikke for machines. A token belongs to a user: whoever it stands for needs the role, and two different persons are two
different users here too. Errors are application/problem+json. Times are RFC 3339 with an offset. Alerts are addressed by their number."""


def describe(operations: Sequence[Operation], version: str) -> dict[str, Any]:
    """Return the description."""
    used: set[type[BaseModel]] = {model for one in operations for model in (one.gives, one.takes, one.query) if model}
    models = sorted(used | {Problem}, key=lambda one: one.__name__)
    _, schemas = models_json_schema([(model, "validation") for model in models], ref_template=REFERENCE)
    paths: dict[str, dict[str, Any]] = {}
    for one in operations:
        paths.setdefault(one.address, {})[one.method.lower()] = _operation(one)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Budstikke", "version": version, "description": " ".join(ABOUT.split()), "license": _LICENCE},
        "servers": [{"url": "/"}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {"schemas": schemas["$defs"], "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
    }


_LICENCE = {"name": "Apache-2.0", "identifier": "Apache-2.0"}


def _operation(one: Operation) -> dict[str, Any]:
    told: dict[str, Any] = {
        "operationId": one.name,
        "summary": one.summary,
        "description": f"Scope: `{one.scope}`.",
        "tags": list(one.tags),
        "parameters": [*_path(one), *_query(one.query), *([KEY] if one.changes else [])],
        "responses": _responses(one),
    }
    if one.takes or one.documents:
        told["requestBody"] = {"required": True, "content": _content(one)}
    return told


def _path(one: Operation) -> list[dict[str, Any]]:
    names = [part[1:-1] for part in one.path.split("/") if part.startswith("{")]
    return [{"name": name, "in": "path", "required": True, "schema": FIGURE} for name in names]


def _query(model: type[BaseModel] | None) -> list[dict[str, Any]]:
    if model is None:
        return []
    shape = model.model_json_schema(ref_template=REFERENCE)
    needed = shape.get("required", [])
    return [
        {"name": name, "in": "query", "required": name in needed, "description": part.get("description", ""), "schema": part}
        for name, part in shape["properties"].items()
    ]


def _content(one: Operation) -> dict[str, Any]:
    documents = {kind: {"schema": {"type": "string"}} for kind in one.documents}
    return (documents | {JSON: {"schema": _reference(one.takes)}}) if one.takes else documents


def _responses(one: Operation) -> dict[str, Any]:
    if one.raw:
        good: dict[str, Any] = {one.raw: {"schema": {"type": "string"}}}
    else:
        good = {JSON: {"schema": _reference(one.gives)}}
    extra = {409: "this Idempotency-Key belongs to another request"} if one.changes else {}
    body = {400: "cannot be read", 413: "too large", 415: "of another form"} if one.takes or one.documents else {}
    failed = {str(code): {"description": why, "content": {PROBLEM: {"schema": _reference(Problem)}}} for code, why in _sorted(extra | body)}
    return {str(one.status): {"description": one.summary, "content": good}} | failed


def _sorted(more: dict[int, str]) -> list[tuple[int, str]]:
    return sorted((ALWAYS | more).items())


def _reference(model: type[BaseModel] | None) -> dict[str, str]:
    return {"$ref": REFERENCE.format(model=model.__name__)} if model else {}
