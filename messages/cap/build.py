"""From a tidy and valid alert element to a CapAlert: every value read, whatever cannot be read flagged and kept as text."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, tzinfo
from enum import StrEnum
from math import isfinite
from typing import TypeVar

from lxml import etree

from messages.alert import Certainty, Circle, Identity, Point, Severity, Urgency
from messages.cap import geometry, times
from messages.cap.faults import CapRefused
from messages.cap.guard import LIMITS
from messages.cap.model import CapAlert, CapArea, CapInfo, CapResource, Flag, Named
from messages.cap.nodes import line
from messages.cap.shape import CAP_12
from messages.cap.terms import CapFault, Category, FlagKind, MsgType, ResponseType, Scope, Status

_Word = TypeVar("_Word", bound=StrEnum)

#: fixed words that older versions of CAP or careless senders use, with ours
SYNONYMS = {"very likely": "Likely"}
#: how often a part may stand in one alert: (element, limit)
_CAPS = (
    ("info", LIMITS.infos),
    ("area", LIMITS.areas),
    ("resource", LIMITS.resources),
    ("polygon", LIMITS.polygons),
    ("circle", LIMITS.circles),
)
#: more than any file size needs, few enough for int()
_SIZE_DIGITS = 18


def build(alert: etree._Element, *, default_language: str, version: str) -> CapAlert:
    """The message of a tidy alert element that our schema has accepted. Raises CapRefused for what is too much, or no time."""
    _cap_parts(alert)
    _cap_identity(alert)
    return _Builder(alert, default_language).alert(version)


def _cap_parts(alert: etree._Element) -> None:
    """Counts before any number is read, so that refusing costs nothing."""
    for name, limit in _CAPS:
        if (count := sum(1 for _ in alert.iter(f"{{{CAP_12}}}{name}"))) > limit:
            raise CapRefused(CapFault.TOO_MANY_PARTS, f"{count:,} times {name}, at most {limit:,}")
    points = sum((polygon.text or "").count(",") for polygon in alert.iter(f"{{{CAP_12}}}polygon"))
    if points > LIMITS.points:
        raise CapRefused(CapFault.TOO_MANY_POINTS, f"{points:,}, at most {LIMITS.points:,}")


def _cap_identity(alert: etree._Element) -> None:
    for name in ("sender", "identifier"):
        if (length := len(_word(alert, name))) > LIMITS.identity:
            raise CapRefused(CapFault.LONG_IDENTITY, f"{name}: {length:,} characters, at most {LIMITS.identity:,}")


class _Builder:
    """Reads one alert; collects its flags, and the budget for looking at crossings."""

    def __init__(self, root: etree._Element, default_language: str) -> None:
        self.root = root
        self.default_language = default_language
        self.flags: list[Flag] = []
        self.pairs = [geometry.PAIR_BUDGET]
        self.zone: tzinfo = UTC

    def flag(self, kind: FlagKind, at: etree._Element, detail: str = "") -> None:
        self.flags.append(Flag(kind, line(at), detail[:100]))

    def alert(self, version: str) -> CapAlert:
        root = self.root
        sent = self._sent(root)
        return CapAlert(
            identifier=_word(root, "identifier"),
            sender=_word(root, "sender"),
            sent=sent,
            status=Status(_text(root, "status")),
            msg_type=MsgType(_text(root, "msgType")),
            scope=Scope(_text(root, "scope")),
            source=_word(root, "source"),
            restriction=_word(root, "restriction"),
            addresses=_word(root, "addresses"),
            codes=tuple(_texts(root, "code")),
            note=_word(root, "note"),
            references=tuple(self._references(root)),
            incidents=_word(root, "incidents"),
            infos=tuple(self._info(info) for info in _all(root, "info")),
            version=version,
            flags=tuple(self.flags),
        )

    def _sent(self, root: etree._Element) -> datetime:
        sent = self._time(root, "sent")
        if sent is None:
            raise CapRefused(CapFault.INVALID, f"line {line(_first(root, 'sent'))}, sent: {_text(root, 'sent')[:60]!r} is no usable time")
        self.zone = sent.tzinfo or UTC
        return sent

    def _time(self, parent: etree._Element, name: str) -> datetime | None:
        element = parent.find(f"{{{CAP_12}}}{name}")
        if element is None:
            return None
        try:
            moment, has_offset, in_form = times.parse(element.text or "", self.zone)
        except times.NotATime:
            self.flag(FlagKind.TIME_OUT_OF_RANGE, element, f"{name} {element.text}")
            return None
        if not has_offset:
            self.flag(FlagKind.TIME_WITHOUT_OFFSET, element, f"{name} read as {times.write(moment)}")
        if times.odd_offset(moment):
            self.flag(FlagKind.ODD_OFFSET, element, f"{name} {element.text}")
        if not in_form:
            self.flag(FlagKind.TIME_FORM, element, f"{name} {(element.text or '').strip()}")
        return moment

    def _references(self, root: etree._Element) -> Iterator[Identity]:
        words = _text(root, "references").split()
        if len(words) > LIMITS.references:
            raise CapRefused(CapFault.TOO_MANY_PARTS, f"{len(words):,} references, at most {LIMITS.references:,}")
        for text in words:
            sender, _, rest = text.partition(",")
            identifier, _, sent = rest.rpartition(",")
            try:
                yield Identity(sender, identifier, times.parse(sent)[0])
            except times.NotATime:
                self.flag(FlagKind.BAD_REFERENCE, _first(root, "references"), text)

    def _info(self, info: etree._Element) -> CapInfo:
        language = _word(info, "language")
        if not language:
            self.flag(FlagKind.NO_LANGUAGE, info, self.default_language)
        return CapInfo(
            language=language or self.default_language,
            language_given=bool(language),
            categories=tuple(self._several(info, "category", Category)),
            event=self._event(info),
            responses=tuple(self._several(info, "responseType", ResponseType)),
            urgency=self._one(info, "urgency", Urgency),
            severity=self._one(info, "severity", Severity),
            certainty=self._one(info, "certainty", Certainty),
            audience=_word(info, "audience"),
            event_codes=_named(info, "eventCode"),
            effective=self._time(info, "effective"),
            onset=self._time(info, "onset"),
            expires=self._time(info, "expires"),
            sender_name=_word(info, "senderName"),
            headline=_word(info, "headline"),
            description=_word(info, "description"),
            instruction=_word(info, "instruction"),
            web=_word(info, "web"),
            contact=_word(info, "contact"),
            parameters=_named(info, "parameter"),
            resources=tuple(self._resource(resource) for resource in _all(info, "resource")),
            areas=tuple(self._area(area) for area in _all(info, "area")),
        )

    def _event(self, info: etree._Element) -> str:
        event = _word(info, "event")
        if not event:
            self.flag(FlagKind.MISSING_VALUE, info, "event")
        return event

    def _one(self, info: etree._Element, name: str, words: type[_Word]) -> _Word:
        text = _word(info, name)
        word = _known(text, words)
        if word is None:
            self.flag(FlagKind.UNKNOWN_VALUE if text else FlagKind.MISSING_VALUE, info, f"{name} {text}".strip())
        return word or words("Unknown")

    def _several(self, info: etree._Element, name: str, words: type[StrEnum]) -> Iterator[str]:
        for element in _all(info, name):
            text = (element.text or "").strip()
            if (word := _known(text, words)) is None:
                self.flag(FlagKind.UNKNOWN_VALUE, element, f"{name} {text}".strip())
            yield word or text
        if name == "category" and info.find(f"{{{CAP_12}}}category") is None:
            self.flag(FlagKind.MISSING_VALUE, info, name)

    def _resource(self, resource: etree._Element) -> CapResource:
        size = _word(resource, "size")
        readable = size.isascii() and size.isdigit() and len(size) <= _SIZE_DIGITS
        if size and not readable:
            self.flag(FlagKind.UNREADABLE_NUMBER, resource, f"size {size}")
        return CapResource(
            description=_word(resource, "resourceDesc"),
            mime_type=_word(resource, "mimeType"),
            size=int(size) if readable else None,
            uri=_word(resource, "uri"),
            deref_uri=_word(resource, "derefUri"),
            digest=_word(resource, "digest"),
        )

    def _area(self, area: etree._Element) -> CapArea:
        if area.find(f"{{{CAP_12}}}areaDesc") is None:
            self.flag(FlagKind.MISSING_VALUE, area, "areaDesc")
        unreadable: list[str] = []
        return CapArea(
            description=_word(area, "areaDesc"),
            polygons=tuple(self._polygons(area, unreadable)),
            circles=tuple(self._circles(area, unreadable)),
            geocodes=_named(area, "geocode"),
            altitude=self._height(area, "altitude"),
            ceiling=self._height(area, "ceiling"),
            unreadable=tuple(unreadable),
        )

    def _polygons(self, area: etree._Element, unreadable: list[str]) -> Iterator[tuple[Point, ...]]:
        for element in _all(area, "polygon"):
            if not (text := (element.text or "").strip()):
                continue
            try:
                points = geometry.ring(text)
            except geometry.Unreadable:
                self.flag(FlagKind.POLYGON_UNREADABLE, element, text[:60])
                unreadable.append(text)
                continue
            self._look_at(points, element)
            yield points

    def _look_at(self, points: tuple[Point, ...], element: etree._Element) -> None:
        closed = points if points[0] == points[-1] else (*points, points[0])
        crossing = geometry.crosses_itself(closed, self.pairs)
        for wrong, kind in (
            (not geometry.on_earth(points), FlagKind.POINT_OUT_OF_RANGE),
            (geometry.is_swapped(points), FlagKind.SWAPPED),
            (not geometry.has_corners(points), FlagKind.POLYGON_TOO_SHORT),
            (closed is not points, FlagKind.POLYGON_UNCLOSED),
            (crossing is True, FlagKind.POLYGON_CROSSES_ITSELF),
            (crossing is None, FlagKind.POLYGON_UNCHECKED),
        ):
            if wrong:
                self.flag(kind, element)

    def _circles(self, area: etree._Element, unreadable: list[str]) -> Iterator[Circle]:
        for element in _all(area, "circle"):
            if not (text := (element.text or "").strip()):
                continue
            try:
                circle = geometry.circle(text)
            except geometry.Unreadable:
                self.flag(FlagKind.CIRCLE_UNREADABLE, element, text[:60])
                unreadable.append(text)
                continue
            if not geometry.on_earth([circle.centre]):
                self.flag(FlagKind.POINT_OUT_OF_RANGE, element)
            if geometry.is_swapped([circle.centre]):
                self.flag(FlagKind.SWAPPED, element)
            yield circle

    def _height(self, area: etree._Element, name: str) -> float | None:
        if not (text := _word(area, name)):
            return None
        try:
            height = float(text)
        except ValueError:
            height = float("nan")
        if not isfinite(height):
            self.flag(FlagKind.UNREADABLE_NUMBER, area, f"{name} {text}")
            return None
        return height


def _known(text: str, words: type[_Word]) -> _Word | None:
    """The fixed word that a text means, its case and spaces aside."""
    wanted = SYNONYMS.get(text.lower(), text).lower()
    return next((word for word in words if word.value.lower() == wanted), None)


def _all(parent: etree._Element, name: str) -> Iterable[etree._Element]:
    return parent.iterchildren(f"{{{CAP_12}}}{name}")


def _first(parent: etree._Element, name: str) -> etree._Element:
    return next(iter(_all(parent, name)))


def _text(parent: etree._Element, name: str) -> str:
    return parent.findtext(f"{{{CAP_12}}}{name}") or ""


def _word(parent: etree._Element, name: str) -> str:
    return _text(parent, name).strip()


def _texts(parent: etree._Element, name: str) -> Iterator[str]:
    return (text for element in _all(parent, name) if (text := (element.text or "").strip()))


def _named(parent: etree._Element, name: str) -> tuple[Named, ...]:
    """Pairs as they came; values keep their spaces, since our own texts travel in them."""
    return tuple(Named(_word(pair, "valueName"), _text(pair, "value")) for pair in _all(parent, name))
