"""Reads the file that describes an HTTP SMS provider. Whatever is wrong with it is told with its line and what to do.

Secrets stand in the environment: the file names them as ${NAME}, in any of its strings.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from channels.http_settings import HttpSmsSettings
from channels.settings import BadSettings, safe_base_url

Where = tuple[str | int, ...]

_SLOT = re.compile(r"\{([a-z_]+)\}")
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")

#: what a message puts into its request
_MESSAGE = frozenset({"to", "from", "from_kind", "text", "token", "status_url", "valid_for", "valid_minutes"})
#: where placeholders are filled -> which there are
SLOTS: Mapping[Where, frozenset[str]] = {
    ("request", "endpoint"): _MESSAGE,
    ("request", "headers"): frozenset({"token"}),
    ("request", "body"): _MESSAGE,
    ("callbacks", "hmac", "over"): frozenset({"body", "url", "timestamp"}),
    ("outbox", "endpoint"): frozenset({"to", "from", "since"}),
    ("inbox", "endpoint"): frozenset({"to", "since"}),
    ("lookup", "endpoint"): frozenset({"id"}),
}
#: without these in its request a message would go nowhere, or say nothing
_NEEDED = frozenset({"to", "text"})
_URLS: tuple[Where, ...] = (
    ("request", "endpoint"),
    ("outbox", "endpoint"),
    ("inbox", "endpoint"),
    ("lookup", "endpoint"),
    ("check_endpoint",),
)
#: what must never stand in the file itself
_SECRETS: tuple[Where, ...] = (
    ("request", "auth", "password"),
    ("callbacks", "basic", "password"),
    ("callbacks", "hmac", "secret"),
    ("callbacks", "hmac", "other_secret"),
    ("callbacks", "path_secret"),
)

#: names of headers that carry one
_LIKE_A_KEY = re.compile(r"authorization|api-?key|secret|password|token", re.IGNORECASE)

#: pydantic's kind of fault -> our words; others speak for themselves
_WORDS: Mapping[str, str] = {
    "missing": "is missing; see deploy/providers/example.toml",
    "unexpected_keyword_argument": "is no setting here; see deploy/providers/example.toml for those there are",
    "literal_error": "must be {expected}",
    "string_type": "must be a text in quotes",
    "string_pattern_mismatch": "does not match {pattern}",
    "dataclass_type": 'must be a table, as in { json = "id" }',
    "dict_type": "must be a table",
    "mapping_type": "must be a table",
    "tuple_type": "must be a list in [ ]",
}

_ADAPTER = TypeAdapter(HttpSmsSettings)


def load(path: Path | str, environment: Mapping[str, str]) -> HttpSmsSettings:
    """Return the provider that the file describes. Raises BadSettings."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, ValueError) as why:
        raise BadSettings(f"{path} cannot be read ({type(why).__name__}). Is the path right, and may this user read it?") from None
    return read(text, environment, str(path))


def read(text: str, environment: Mapping[str, str], name: str) -> HttpSmsSettings:
    """Return the provider that `text` describes; `name` is the file's, for errors. Raises BadSettings."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as why:
        raise BadSettings(f"{name} is no TOML: {why}.") from None
    try:
        for check in (_check_slots, _check_secrets):
            check(document)
        filled = _filled(document, environment, ())
        _check_filled(filled)
        return _ADAPTER.validate_python(filled)
    except _Wrong as wrong:
        raise BadSettings(_sentence(text, name, wrong.where, str(wrong))) from None
    except ValidationError as wrong:
        first = wrong.errors(include_input=False, include_url=False)[0]
        raise BadSettings(_sentence(text, name, first["loc"], _words(first))) from None


class _Wrong(Exception):
    def __init__(self, where: Where, words: str) -> None:
        super().__init__(words)
        self.where = where


# --- what is wrong with it, and where -----------------------------------------------------------------------------------


def _sentence(text: str, name: str, where: Where, words: str) -> str:
    shown = ".".join(f"[{step}]" if isinstance(step, int) else step for step in where if step != "[key]").replace(".[", "[")
    return f"{name}, line {line_of(text, where)}: {shown or 'the file'} {words}."


def _words(fault: Any) -> str:
    context = fault.get("ctx", {})
    known = _WORDS.get(fault["type"])
    if known is not None:
        return known.format(**context) if "{expected}" in known or "{pattern}" in known else known
    return str(fault["msg"]).removeprefix("Value error, ")


def line_of(text: str, where: Where) -> int:
    """Return the line on which the setting `where` begins, or the innermost table around it: the first by which a reader has met it."""
    lines, before = text.splitlines(), 0
    document = tomllib.loads(text)
    while where and not _has(document, where):
        where = where[:-1]
    for number in range(1, len(lines) + 1):
        try:
            so_far = tomllib.loads("\n".join(lines[:number]))
        except tomllib.TOMLDecodeError:
            continue  # in the middle of a list or text of several lines
        if _has(so_far, where):
            return before + 1
        before = number
    return 1


def _has(document: Any, where: Where) -> bool:
    for step in where:
        in_table = isinstance(document, dict) and step in document
        in_list = isinstance(document, list) and isinstance(step, int) and step < len(document)
        if not (in_table or in_list):
            return False
        document = document[step]
    return True


# --- placeholders and secrets -------------------------------------------------------------------------------------------


def _strings(value: object, where: Where = ()) -> Iterator[tuple[Where, str]]:
    """Yield every string of a document with its place."""
    if isinstance(value, str):
        yield where, value
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from _strings(each, (*where, key))
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _strings(each, (*where, index))


def _check_slots(document: Mapping[str, Any]) -> None:
    """Raise _Wrong for a placeholder that nobody fills, or a request that does not say whom and what."""
    used: set[str] = set()
    for where, text in _strings(document):
        known = next((slots for place, slots in SLOTS.items() if where[: len(place)] == place), None)
        if known is None:
            continue
        found = set(_SLOT.findall(text))
        if unknown := sorted(found - known):
            there_are = ", ".join(f"{{{name}}}" for name in sorted(known))
            raise _Wrong(where, f"holds {{{unknown[0]}}}, which is no placeholder here; there are {there_are}")
        used |= found if where[0] == "request" else set()
    if missing := sorted(_NEEDED - used):
        raise _Wrong(("request",), f"never says {{{missing[0]}}}; put it where the provider wants it")


def _check_secrets(document: Mapping[str, Any]) -> None:
    """Raise _Wrong for a secret in the file itself: files are copied, shown and kept in version control."""
    for where, text in _strings(document):
        key = where[:2] == ("request", "headers") and _LIKE_A_KEY.search(str(where[-1])) and not _SLOT.search(text)
        if (key or where in _SECRETS) and not _VARIABLE.search(text):
            raise _Wrong(where, "is a secret; set it in the environment and write ${NAME_OF_THE_VARIABLE} here")


def _filled(value: Any, environment: Mapping[str, str], where: Where) -> Any:
    """Return `value` with every ${NAME} replaced. Raises _Wrong for one that is not set."""
    if isinstance(value, dict):
        return {key: _filled(each, environment, (*where, key)) for key, each in value.items()}
    if isinstance(value, list):
        return [_filled(each, environment, (*where, index)) for index, each in enumerate(value)]
    if not isinstance(value, str):
        return value

    def variable(found: re.Match[str]) -> str:
        name = found[1]
        if not environment.get(name):
            raise _Wrong(where, f"needs the environment variable {name}, which is not set; set it, or put it into .env")
        return environment[name]

    return _VARIABLE.sub(variable, value)


def _check_filled(document: Mapping[str, Any]) -> None:
    """Raise _Wrong for addresses that would show our credentials to the network, and headers that are none."""
    for where, text in _strings(document):
        if where in _URLS and not _is_safe(text):
            raise _Wrong(where, "must be an address that begins with https:// (http:// only on this machine)")
        if where[:2] == ("request", "headers") and _CONTROL.search(text):
            raise _Wrong(where, "holds a line break or another control character; was the secret copied with its line end?")
    _check_body(document)


def _check_body(document: Mapping[str, Any]) -> None:
    """Raise _Wrong for what no request can carry."""
    request = document.get("request", {})
    body = request.get("body", {})
    for where, value in _leaves(body, ("request", "body")):
        if not isinstance(value, str | int | float):
            raise _Wrong(where, f"is a {type(value).__name__}, which no request can carry; write it as a text in quotes")
        if request.get("format") == "form" and len(where) > 3:
            raise _Wrong(where[:3], "is a table or a list, which a form cannot carry; a form has fields only")


def _is_safe(url: str) -> bool:
    try:
        return safe_base_url(url)
    except ValueError:
        return False


def _leaves(value: object, where: Where) -> Iterator[tuple[Where, object]]:
    """Yield what is neither a table nor a list, with its place."""
    if isinstance(value, dict | list):
        pairs: Any = value.items() if isinstance(value, dict) else enumerate(value)
        for key, each in pairs:
            yield from _leaves(each, (*where, key))
    else:
        yield where, value
