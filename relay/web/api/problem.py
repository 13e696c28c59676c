"""What went wrong, as application/problem+json (RFC 9457): a sentence for people, a type for programs."""

from typing import Any

from aiohttp import web
from pydantic import BaseModel, Field, ValidationError

from relay.model import BadInput, BudstikkeError, NotAllowed, NotFound, NotReady, Unreadable
from relay.web.api.operation import PROBLEM


class Problem(BaseModel):
    """What went wrong, and what to do."""

    type: str = Field(description="Tells programs which kind it is; no address to open.", examples=["urn:budstikke:not-found"])
    title: str = Field(description="The kind, in words.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What happened and what to do about it.")
    errors: list[dict[str, Any]] = Field(default=[], description="Where input is wrong: `where` and `what`.")


#: kind, title and status of each of the house's errors
KINDS: dict[type[BudstikkeError], tuple[str, str, int]] = {
    BadInput: ("bad-input", "The input cannot be used as it is", 422),
    NotFound: ("not-found", "There is no such thing in this municipality", 404),
    NotAllowed: ("not-allowed", "This act is not allowed", 403),
    NotReady: ("not-ready", "The installation is not ready", 503),
    Unreadable: ("not-ready", "The installation is not ready", 503),
}
OTHERS = {
    400: ("bad-request", "The request cannot be read"),
    401: ("no-token", "A token is needed"),
    403: ("wrong-scope", "The token does not reach so far"),
    404: ("not-found", "There is no such address"),
    405: ("wrong-method", "The address knows other methods"),
    406: ("not-acceptable", "The answer exists in another form only"),
    409: ("key-used", "This Idempotency-Key belongs to another request"),
    413: ("too-large", "The body is too large"),
    415: ("wrong-type", "The body is in a form that is not taken here"),
    422: ("bad-input", "The input cannot be used as it is"),
    500: ("fault", "Something broke here; nothing was changed"),
}


class RefusedError(Exception):
    """Input that has the declared shape, and cannot be used all the same: what is wrong, where."""

    def __init__(self, detail: str, errors: list[dict[str, Any]]) -> None:
        super().__init__(detail)
        self.detail, self.errors = detail, errors


def problem(status: int, detail: str, *, errors: list[dict[str, Any]] | None = None) -> web.Response:
    """Return the answer for a status that is no error of the house."""
    kind, title = OTHERS[status]
    return _answer(Problem(type=f"urn:budstikke:{kind}", title=title, status=status, detail=detail, errors=errors or []))


def of_error(error: BudstikkeError) -> web.Response:
    """Return the answer for an error of the house."""
    kind, title, status = next(row for one, row in KINDS.items() if isinstance(error, one))
    return _answer(Problem(type=f"urn:budstikke:{kind}", title=title, status=status, detail=str(error)))


def of_input(error: ValidationError) -> web.Response:
    """Return the answer for input that does not have the declared shape."""
    wrong = [{"where": ".".join(str(part) for part in one["loc"]), "what": one["msg"]} for one in error.errors(include_url=False)]
    return problem(422, "; ".join(f"{one['where']}: {one['what']}" for one in wrong)[:1000], errors=wrong)


def _answer(told: Problem) -> web.Response:
    headers = {"WWW-Authenticate": "Bearer"} if told.status == web.HTTPUnauthorized.status_code else {}
    return web.Response(text=told.model_dump_json(), status=told.status, content_type=PROBLEM, headers=headers)
