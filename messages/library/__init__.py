"""Preparedness templates, ready before the night comes: one TOML file each, with a text per language and {parameters}.

The first file says what each field is. A template becomes a Variant by `fill`; the frame is put around it later.
"""

import re
import string
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from messages.alert import Act, Certainty, Kind, Review, Severity, Urgency, Variant
from messages.languages import UnknownLanguageError, get, normalise

#: before a template's id, in the source of its texts
_SOURCE = "library:"
_FIELDS = ("headline", "forward", "topic", "ask", "detail")
_META = frozenset(
    {"id", "version", "act", "severity", "urgency", "certainty", "leave_first", "parameters", "kinds", "defaults", "alert_kinds"}
)


#: what an authority said longer ago is not what it says today
LONG_AGO = timedelta(days=366)


class FieldKind(StrEnum):
    """What a parameter takes."""

    TEXT = "text"
    NUMBER = "number"
    DATE = "date"
    #: a day on which something was read or decided: none to come, and not long ago
    PAST_DATE = "past-date"


class TemplateError(ValueError):
    """This template cannot be used as it is. Fill in what it asks for, or correct its file in messages/library."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LibraryTemplate:
    """One preparedness template: what it proposes for the alert, and its texts by language tag."""

    id: str
    version: int
    act: Act
    severity: Severity
    urgency: Urgency
    certainty: Certainty
    #: the area itself is dangerous: asks begin by telling the reader to leave it first
    leave_first: bool
    #: name -> what to fill in, for the form
    parameters: Mapping[str, str]
    kinds: Mapping[str, FieldKind]
    defaults: Mapping[str, str]
    #: the alerts that it may be used for: what is about an exercise is never told as real
    alert_kinds: frozenset[Kind] = frozenset(Kind)
    texts: Mapping[str, Mapping[str, str]] = field(repr=False)

    def languages(self) -> tuple[str, ...]:
        """Return the tags that have a text, in the order of the file."""
        return tuple(self.texts)

    def fill(self, language: str, values: Mapping[str, str]) -> Variant:
        """Return the text in one language with its parameters filled in; raise TemplateError when one is missing or unknown."""
        tag = normalise(language)
        if tag is None or tag not in self.texts:
            raise TemplateError(f"{self.id} has no text in {language}")
        texts, given = self.texts[tag], self._given(values)
        filled = {name: _fill(self.id, texts.get(name, ""), given) for name in _FIELDS}
        review = Review.REVIEWED if texts.get("review") == "reviewed" else Review.DRAFT
        extra = {"leave_first": "yes" if self.leave_first else "no"}
        return Variant(language=tag, place=given.get("place", ""), review=review, source=f"{_SOURCE}{self.id}", extra=extra, **filled)

    def kind(self, parameter: str) -> FieldKind:
        """Return what a parameter takes."""
        return self.kinds.get(parameter, FieldKind.TEXT)

    def wrong(self, values: Mapping[str, str], today: date) -> tuple[str, ...]:
        """Return which of the parameters that are given cannot be taken as their kind; `today` is the writer's."""
        return tuple(name for name, value in values.items() if not _makes_sense(self.kind(name), value, today))

    def _given(self, values: Mapping[str, str]) -> dict[str, str]:
        if unknown := sorted(set(values) - set(self.parameters)):
            raise TemplateError(f"{self.id} has no parameter {', '.join(unknown)}")
        read = {name: _read(self.kind(name), value) for name, value in values.items()}
        if wrong := [f"{name} (a {self.kind(name)})" for name, value in read.items() if value is None]:
            raise TemplateError(f"{self.id} cannot take what is given for {', '.join(wrong)}")
        return {**self.defaults, **{name: value for name, value in read.items() if value is not None}}


def _read(kind: FieldKind, value: str) -> str | None:
    """Return a value as it stands in texts, on one line; None when it is not of its kind."""
    return _READERS[kind](" ".join(value.split()))


def _makes_sense(kind: FieldKind, value: str, today: date) -> bool:
    if kind is not FieldKind.PAST_DATE:
        return _read(kind, value) is not None
    day = _day(value.strip())
    return day is not None and timedelta() <= today - day <= LONG_AGO


def _number(value: str) -> str | None:
    return value if re.fullmatch(r"[1-9][0-9]{0,3}", value) else None


def _date(value: str) -> str | None:
    """Day, month and year in the Norwegian order, in every language, as all our dates."""
    day = _day(value)
    return f"{day:%d.%m.%Y}" if day else None


def _day(value: str) -> date | None:
    for form in ("%d.%m.%Y", "%Y-%m-%d"):
        try:
            return datetime.strptime(value, form).date()  # noqa: DTZ007 - a day has no time zone
        except ValueError:
            continue
    return None


_READERS: Mapping[FieldKind, Callable[[str], str | None]] = {
    FieldKind.TEXT: str,
    FieldKind.NUMBER: _number,
    FieldKind.DATE: _date,
    FieldKind.PAST_DATE: _date,
}


def placeholders(text: str) -> frozenset[str]:
    """Return the names in braces in `text`; raise TemplateError when its braces do not match."""
    try:
        return frozenset(name for _, name, _, _ in string.Formatter().parse(text) if name is not None)
    except ValueError as why:
        raise TemplateError(f"braces do not match in {text!r}: {why}") from why


def templates() -> Mapping[str, LibraryTemplate]:
    """Return every template of the house by its id."""
    return _library()


def template(name: str) -> LibraryTemplate:
    """Return one template by its id, with hyphens or underscores; raise TemplateError when there is none."""
    found = _library().get(name.replace("_", "-"))
    if found is None:
        raise TemplateError(f"no template {name!r}; there are: {', '.join(_library())}")
    return found


def unfit(text: Variant, kind: Kind) -> bool:
    """Say whether a text is of a template that is not for an alert of this kind: by its source, or by its headline as it stands."""
    others = (one for one in _library().values() if kind not in one.alert_kinds)
    return any(text.source == f"{_SOURCE}{one.id}" or _headed(one, text) for one in others)


def _headed(one: LibraryTemplate, text: Variant) -> bool:
    own = one.texts.get(text.language, {}).get("headline", "")
    return bool(own) and " ".join(text.headline.split()).casefold() == own.casefold()


def parse(source: str) -> LibraryTemplate:
    """Read one template file; raise TemplateError when it is not as the first file says."""
    try:
        data = tomllib.loads(source)
        texts = {get(tag).tag: data[tag] for tag in data if tag not in _META}
        return LibraryTemplate(texts=MappingProxyType(texts), **_meta(data))
    except (tomllib.TOMLDecodeError, UnknownLanguageError, KeyError, TypeError, ValueError) as why:
        raise TemplateError(f"a template cannot be read: {why}") from why


def _meta(data: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": data["id"],
        "version": int(data["version"]),
        "act": Act(data["act"]),
        "severity": Severity(data["severity"]),
        "urgency": Urgency(data["urgency"]),
        "certainty": Certainty(data["certainty"]),
        "leave_first": bool(data["leave_first"]),
        "parameters": MappingProxyType(data["parameters"]),
        "kinds": MappingProxyType({name: FieldKind(kind) for name, kind in data.get("kinds", {}).items()}),
        "defaults": MappingProxyType(data.get("defaults", {})),
        "alert_kinds": frozenset(map(Kind, data.get("alert_kinds", Kind))),
    }


def _fill(template_id: str, text: str, given: Mapping[str, str]) -> str:
    if missing := sorted(placeholders(text) - set(given)):
        raise TemplateError(f"{template_id} needs {', '.join(missing)}")
    return text.format_map(given).strip()


@cache
def _library() -> Mapping[str, LibraryTemplate]:
    sources = sorted((file.name, file) for file in files(__package__).iterdir() if file.name.endswith(".toml"))
    found = [parse(file.read_text(encoding="utf-8")) for _, file in sources]
    return MappingProxyType({item.id: item for item in found})
