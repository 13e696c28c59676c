"""An operation of the API: its address, what it takes and gives, and what a token needs for it. A row of operations.OPERATIONS."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from aiohttp import web
from pydantic import BaseModel

from relay.flow import Relay
from relay.model import NotAllowed, NotFound, Role
from relay.web.who import Who

ROOT = "/api/v1"
JSON = "application/json"
PROBLEM = "application/problem+json"
#: of an alert's number
MOST_DIGITS = 9
ROLE = "The user whom this token stands for does not have the role for this: %(roles)s."
CAP = ("application/cap+xml", "application/xml", "text/xml")


class Scope(StrEnum):
    """What a token may be used for; the user whom it stands for needs the role besides."""

    READ = "read"  # alerts, plans, reach, events: no names of people
    PEOPLE = "people"  # the register, with names and addresses
    WRITE = "write"  # drafts and their texts
    APPROVE = "approve"  # stand for what another wrote
    RELEASE = "release"  # send, withdraw, end


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request, understood: who asks, for what, with what."""

    who: Who
    relay: Relay
    now: datetime
    #: parts of the path, and the query as it was declared
    path: dict[str, str]
    query: BaseModel | None
    body: BaseModel | None
    #: a document that came instead of JSON
    document: bytes = b""
    request: web.Request

    def need(self, roles: frozenset[Role]) -> None:
        """Ask for a role of the token's user; NotAllowed names the roles that would do."""
        if not self.who.may(roles):
            raise NotAllowed(ROLE, roles=", ".join(sorted(roles)))

    @property
    def number(self) -> int:
        """The alert's number, from the path; NotFound for what no number can be."""
        return self._figure("number", "An alert has a number: /alerts/12.")

    def id_of(self, name: str) -> int:
        """Return an id of the path; NotFound for what no id can be."""
        return self._figure(name, f"A {name} has a number.")

    def _figure(self, name: str, otherwise: str) -> int:
        told = self.path[name]
        if not (told.isascii() and told.isdecimal() and len(told) <= MOST_DIGITS):
            raise NotFound(otherwise)
        return int(told)


@dataclass(frozen=True, slots=True)
class Raw:
    """An answer that is no JSON."""

    body: bytes
    content_type: str


Answer = BaseModel | Raw
Act = Callable[[Call], Awaitable[Answer]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method of one path. Its `does` has the sentence that the description shows."""

    name: str
    method: str
    path: str
    does: Act
    scope: Scope
    #: which users' tokens may: one of these roles is asked for before anything is read
    roles: frozenset[Role]
    summary: str
    gives: type[BaseModel] | None
    takes: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    #: content types that are taken as a document instead of JSON
    documents: tuple[str, ...] = ()
    #: content type of an answer that is no JSON
    raw: str = ""
    status: int = 200
    #: changes something: an Idempotency-Key makes a repetition harmless
    changes: bool = False
    tags: tuple[str, ...] = field(default=())

    @property
    def address(self) -> str:
        """The whole path."""
        return ROOT + self.path
