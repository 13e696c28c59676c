"""Where values stand in what a provider says, and how they are taken out: pure, and never surprised by what came."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Annotated, Any
from urllib.parse import parse_qsl, urlsplit

from pydantic import BeforeValidator, ConfigDict, with_config

from channels.base import Callback
from channels.one_shot import HttpAnswer

_STEP = r"[^.\[\]]+|\[[0-9]{1,6}\]"
_PATH = re.compile(rf"(?:{_STEP})(?:\.[^.\[\]]+|\[[0-9]{{1,6}}\])*")
#: fields of a form at most; a callback has a dozen
_MOST_FIELDS = 500
#: a form whose fields are more than that, or a document nested deeper than Python counts, cannot be read
_UNREADABLE = (ValueError, RecursionError)


def _as_pattern(value: object) -> object:
    try:
        return re.compile(value).pattern if isinstance(value, str) else value
    except re.error as why:
        raise ValueError(f"is no regular expression: {why}") from None


#: a regular expression, as text
Pattern = Annotated[str, BeforeValidator(_as_pattern)]


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a value stands in an answer or a callback: exactly one of these."""

    #: names and numbers of a JSON document: "messages[0].id"
    json: str = ""
    #: a field of a form, or of the query
    field: str = ""
    #: a regular expression over the body's text; its first group is the value
    regex: Pattern = ""
    header: str = ""

    def __post_init__(self) -> None:
        """Raise ValueError unless it names one place that can be looked for."""
        if sum(map(bool, (self.json, self.field, self.regex, self.header))) != 1:
            raise ValueError('needs exactly one of json, field, regex, header, as in { json = "messages[0].id" }')
        if self.json and not is_path(self.json):
            raise ValueError('is no path such as "messages[0].id"')
        if self.regex and not re.compile(self.regex).groups:
            raise ValueError(r"needs a group that holds the value, as in '^OK (\S+)'")


def is_path(text: str) -> bool:
    """Whether `text` can be followed into a JSON document."""
    return bool(_PATH.fullmatch(text))


class NoList(ValueError):
    """There is no list where one was to be."""


@dataclass(frozen=True, slots=True)
class Document:
    """What came, taken apart once."""

    text: str = ""
    #: None, where the body is no JSON
    json: object = None
    fields: Mapping[str, str] = field(default_factory=dict)
    #: by their names in small letters
    headers: Mapping[str, str] = field(default_factory=dict)

    def at(self, place: Place | None) -> str:
        """Return the value that stands there; "" if none does."""
        if place is None:
            return ""
        if place.json:
            return _plain(follow(self.json, place.json))
        if place.header:
            return _plain(self.headers.get(place.header.lower()))
        if place.field:
            return _plain(self.fields.get(place.field))
        found = re.search(place.regex, self.text)
        return _plain(found[1]) if found else ""

    def items(self, path: str) -> Iterator["Document"]:
        """Yield each thing of the list at `path`, to be looked into by itself; without a path this document. Raises NoList."""
        found = follow(self.json, path) if path else self.json
        if isinstance(found, list):
            yield from self.each_of(found)
        elif path:
            raise NoList(path)
        else:
            yield self

    def each_of(self, found: list[object]) -> Iterator["Document"]:
        """Yield the things of a list in this document, to be looked into one by one."""
        for each in found:
            yield Document(self.text, each, self.fields, self.headers)

    def digest(self) -> str:
        """Return an id made of what came, the same when it comes again."""
        try:
            whole = json.dumps([self.json, sorted(self.fields.items())], sort_keys=True)
        except _UNREADABLE:
            whole = self.text
        return "digest-" + hashlib.sha256(whole.encode()).hexdigest()[:40]


def of_answer(answer: HttpAnswer) -> Document:
    """Take an answer apart, whatever it calls itself."""
    headers = {name.lower(): value for name, value in answer.headers.items()}
    return Document(answer.text, _json(answer.text), _fields(answer.text, "utf-8"), headers)


def of_callback(callback: Callback, form: str, charset: str) -> Document:
    """Take a callback apart: "json", "form" or "query". From its own bytes and address, since those are what was signed."""
    headers = {name.lower(): value for name, value in callback.headers.items()}
    text = callback.body.decode(charset, "replace")
    if form == "json":
        return Document(text, _json(text), {}, headers)
    given = text if form == "form" else urlsplit(callback.url).query
    return Document(text, None, _fields(given, charset), headers)


def follow(document: object, path: str) -> object:
    """Return what stands at the end of `path`; None if the way breaks off."""
    for step in _steps(path):
        if isinstance(step, int):
            document = document[step] if isinstance(document, list) and step < len(document) else None
        else:
            document = document.get(step) if isinstance(document, dict) else None
    return document


@lru_cache(256)
def _steps(path: str) -> tuple[str | int, ...]:
    found = re.findall(_STEP, path)
    return tuple(int(step[1:-1]) if step.startswith("[") else step for step in found)


def _plain(value: Any) -> str:
    """Return a value as text that every database takes: a number in its digits, half a character and NUL replaced."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if not isinstance(value, str):
        return ""
    return value.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except _UNREADABLE:
        return None


def _fields(text: str, charset: str) -> dict[str, str]:
    """Return the fields of a form; the first of those with one name."""
    try:
        pairs = parse_qsl(text, keep_blank_values=True, encoding=charset, errors="replace", max_num_fields=_MOST_FIELDS)
    except _UNREADABLE:
        return {}
    return dict(reversed(pairs))
