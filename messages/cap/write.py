"""Our own alerts as valid CAP 1.2. What CAP has no element for travels as parameters of ours (own.py), so that nothing is lost."""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal

from lxml import etree

from messages.alert import Act, Alert, Area, Identity, Kind, Point, Variant
from messages.cap import norway, own, times
from messages.cap.faults import CapUnwritable
from messages.cap.own import Own
from messages.cap.shape import CAP_12
from messages.cap.terms import Category, MsgType, ResponseType, Scope, Status
from messages.cap.wording import ELEMENTS

_STATUS = {Kind.ACTUAL: Status.ACTUAL, Kind.EXERCISE: Status.EXERCISE, Kind.TEST: Status.TEST}
_TYPE = {Act.ISSUE: MsgType.ALERT, Act.UPDATE: MsgType.UPDATE, Act.OVER: MsgType.UPDATE, Act.WITHDRAW: MsgType.CANCEL}
#: as MET Norway does it: over is an Update with AllClear, withdrawn a Cancel with None
_RESPONSE = {Act.OVER: ResponseType.ALL_CLEAR, Act.WITHDRAW: ResponseType.NONE}
_FORBIDDEN = re.compile(r"[\s,<&]")
#: what XML cannot carry
_NOT_XML = re.compile(r"[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write(
    alert: Alert,
    variants: Sequence[Variant],
    *,
    sender: str,
    identifier: str,
    sent: datetime,
    references: Sequence[Identity] = (),
    sender_name: str = "",
    category: Category = Category.SAFETY,
) -> bytes:
    """An alert and its texts as a CAP 1.2 document in UTF-8; times in whole seconds.

    Raises CapUnwritable if CAP's rules cannot be kept: a sender or identifier with spaces, commas, < or &; a time
    without an offset; an update, withdrawal or end that refers to nothing.
    """
    _check(alert, sender, identifier, references)
    root = etree.Element(f"{{{CAP_12}}}alert", nsmap={None: CAP_12})  # type: ignore[dict-item]  # None: the default namespace
    _put(root, "identifier", identifier)
    _put(root, "sender", sender)
    _put(root, "sent", _time(sent))
    _put(root, "status", _STATUS[alert.kind])
    _put(root, "msgType", _TYPE[alert.act])
    _put(root, "scope", Scope.PUBLIC)
    if alert.kind is not Kind.ACTUAL:
        _put(root, "note", alert.kind.value.title())  # CAP wants a note on what is not Actual
    if references:
        _put(root, "references", " ".join(f"{one.sender},{one.identifier},{_time(one.sent)}" for one in references))
    for variant in variants:
        _info(root, alert, variant, sender_name, category)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)


def _check(alert: Alert, sender: str, identifier: str, references: Sequence[Identity]) -> None:
    for name, value in (("sender", sender), ("identifier", identifier)):
        if not value or _FORBIDDEN.search(value):
            raise CapUnwritable(f"The {name} {value!r} must not be empty, nor have spaces, commas, < or &.")
    if alert.act is not Act.ISSUE and not references:
        raise CapUnwritable(f"An alert with act {alert.act} must refer to the message that it follows.")


def _info(root: etree._Element, alert: Alert, variant: Variant, sender_name: str, category: Category) -> None:
    info = etree.SubElement(root, f"{{{CAP_12}}}info")
    _put(info, "language", variant.language)
    _put(info, "category", category)
    _put(info, "event", alert.event or variant.headline)
    if response := _RESPONSE.get(alert.act):
        _put(info, "responseType", response)
    _put(info, "urgency", alert.urgency)
    _put(info, "severity", alert.severity)
    _put(info, "certainty", alert.certainty)
    for name, moment in (("onset", alert.onset_at), ("expires", alert.expires_at)):
        if moment:
            _put(info, name, _time(moment))
    for name, text in _texts(variant, sender_name):
        if text:
            _put(info, name, text)
    for name, text in _parameters(alert, variant):
        _pair(info, "parameter", name, text)
    for area in alert.areas:
        _area(info, area)


def _texts(variant: Variant, sender_name: str) -> Iterator[tuple[str, str]]:
    """What every reader of CAP understands. The ask is not there: it is for resource persons, not for the public."""
    yield "senderName", sender_name
    yield "headline", variant.headline
    yield "description", variant.detail or variant.forward
    for name, element in ELEMENTS.items():
        yield element, variant.extra.get(name, "")


def _parameters(alert: Alert, variant: Variant) -> Iterator[tuple[str, str]]:
    yield Own.HEADLINE, variant.headline
    yield Own.FORWARD, variant.forward
    yield Own.ASK, variant.ask
    yield Own.TOPIC, variant.topic
    yield Own.PLACE, variant.place
    yield Own.DETAIL, variant.detail
    yield Own.REVIEW, variant.review
    for name, moment in ((Own.NEXT_NEWS, alert.next_news_at), (Own.ACT_BY, alert.act_by_at)):
        if moment:
            yield name, _time(moment)
    for key, text in variant.extra.items():
        if key not in ELEMENTS and key != norway.MUNICIPALITY and not key.startswith(own.PREFIX):
            yield key, text


def _area(info: etree._Element, area: Area) -> None:
    element = etree.SubElement(info, f"{{{CAP_12}}}area")
    _put(element, "areaDesc", area.description)
    for ring in area.polygons:
        _put(element, "polygon", " ".join(map(_point, ring)))
    for text in area.unreadable:  # nobody may take the area for one without borders
        _put(element, "polygon", text)
    for circle in area.circles:
        _put(element, "circle", f"{_point(circle.centre)} {_plain(circle.radius_km)}")
    if area.municipalities:
        _pair(element, "geocode", norway.MUNICIPALITY, ";".join(area.municipalities))
    for name, text in area.geocodes:
        _pair(element, "geocode", name, text)


def _pair(parent: etree._Element, element: str, name: str, text: str) -> None:
    pair = etree.SubElement(parent, f"{{{CAP_12}}}{element}")
    _put(pair, "valueName", name)
    _put(pair, "value", text)


def _put(parent: etree._Element, name: str, text: str) -> None:
    etree.SubElement(parent, f"{{{CAP_12}}}{name}").text = _NOT_XML.sub("", text)


def _time(moment: datetime) -> str:
    try:
        return times.write(moment)
    except times.NotATime as error:
        raise CapUnwritable(f"The time {moment} needs an offset from UTC.") from error


def _point(point: Point) -> str:
    return f"{_plain(point.latitude)},{_plain(point.longitude)}"


def _plain(number: float) -> str:
    """A number without an exponent, and exactly the one that it was."""
    return format(Decimal(repr(number)), "f")
