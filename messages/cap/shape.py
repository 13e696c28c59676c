"""An alert put in CAP's own order, in one namespace, with nothing in it but CAP: what the schema and the reader then see.

What is moved, left out or respelled on the way is flagged, so that the loose hand of a real sender costs nobody a warning.
"""

from functools import cache
from importlib.resources import files
from operator import itemgetter

from lxml import etree

from messages.cap.faults import CapRefused
from messages.cap.guard import LIMITS
from messages.cap.model import Flag
from messages.cap.nodes import line, local_name, namespace, whole_text
from messages.cap.terms import CapFault, FlagKind, MsgType, Scope, Status

CAP_12 = "urn:oasis:names:tc:emergency:cap:1.2"
#: namespaces we read, with the version each stands for
VERSIONS = {CAP_12: "1.2", "urn:oasis:names:tc:emergency:cap:1.1": "1.1", "http://www.incident.com/cap/1.0": "1.0"}
#: national profiles put their name behind the namespace ("…cap:1.2:profile:cap-lu:1.0")
PROFILE = CAP_12 + ":"
#: how namespaces of CAP begin that we do not read; the first are older than 1.0
OLD = "http://www.incident.com/cap/"
ANY_CAP = "urn:oasis:names:tc:emergency:cap:"
DSIG = "http://www.w3.org/2000/09/xmldsig#"

_NAMED = ("valueName", "value")
#: CAP's elements with their children in CAP's order; an element not named here holds text
ORDER: dict[str, tuple[str, ...]] = {
    "alert": (
        *("identifier", "sender", "sent", "status", "msgType", "source", "scope", "restriction", "addresses", "code", "note"),
        *("references", "incidents", "info"),
    ),
    "info": (
        *("language", "category", "event", "responseType", "urgency", "severity", "certainty", "audience", "eventCode"),
        *("effective", "onset", "expires", "senderName", "headline", "description", "instruction", "web", "contact"),
        *("parameter", "resource", "area"),
    ),
    "eventCode": _NAMED,
    "parameter": _NAMED,
    "resource": ("resourceDesc", "mimeType", "size", "uri", "derefUri", "digest"),
    "area": ("areaDesc", "polygon", "circle", "geocode", "altitude", "ceiling"),
    "geocode": _NAMED,
}
_RANK = {name: {child: rank for rank, child in enumerate(children)} for name, children in ORDER.items()}
#: the fixed words that decide whether a message is real: their spelling may be loose, their meaning never guessed
_WORDS = {
    "status": {word.lower(): word.value for word in Status},
    "msgType": {word.lower(): word.value for word in MsgType},
    "scope": {word.lower(): word.value for word in Scope},
}


def version_of(element: etree._Element) -> str | None:
    """The CAP version of an alert element ("1.2"); None if it is no alert. Raises CapRefused for versions we do not read."""
    if local_name(element) != "alert":
        return None
    space = namespace(element)
    if space in VERSIONS or space.startswith(PROFILE):
        return VERSIONS.get(space, "1.2")
    if space.startswith(OLD):
        raise CapRefused(CapFault.OLD_VERSION, "CAP " + space.removeprefix(OLD)[:20])
    if space.startswith(ANY_CAP):
        raise CapRefused(CapFault.UNKNOWN_VERSION, "CAP " + space.removeprefix(ANY_CAP)[:60])
    return None


def tidy(alert: etree._Element) -> tuple[etree._Element, list[Flag]]:
    """A clean copy of an alert element, and what was odd about it. Raises CapRefused when it has too many elements."""
    if (count := sum(1 for _ in alert.iterdescendants())) > LIMITS.elements:
        raise CapRefused(CapFault.TOO_MUCH_MARKUP, f"{count:,} elements, at most {LIMITS.elements:,}")
    space = namespace(alert)
    flags: list[Flag] = []
    if VERSIONS.get(space) != "1.2":
        kind = FlagKind.PROFILE_NAMESPACE if space.startswith(PROFILE) else FlagKind.OLDER_VERSION
        flags.append(Flag(kind, line(alert), space[:100]))
    return _Copy(space, flags).branch(alert, "alert", None), flags


class _Copy:
    """One walk over one alert; holds what every step needs."""

    def __init__(self, space: str, flags: list[Flag]) -> None:
        self.ours = {space, CAP_12}
        self.flags = flags

    def branch(self, source: etree._Element, name: str, parent: etree._Element | None) -> etree._Element:
        """Copies an element that has children."""
        copy = _new(parent, name, source)
        known = [(rank, child) for child in source if (rank := self._rank(child, name)) is not None]
        ordered = sorted(known, key=itemgetter(0))
        if ordered != known:
            self.flags.append(Flag(FlagKind.OUT_OF_ORDER, line(source), name))
        for rank, child in ordered:
            self._child(child, ORDER[name][rank], copy)
        return copy

    def _rank(self, child: etree._Element, parent: str) -> int | None:
        rank = _RANK[parent].get(local_name(child)) if namespace(child) in self.ours else None
        if rank is None and namespace(child) != DSIG:
            self.flags.append(Flag(FlagKind.UNKNOWN_ELEMENT, line(child), local_name(child)[:60]))
        return rank

    def _child(self, source: etree._Element, name: str, parent: etree._Element) -> None:
        if name in ORDER and not (ORDER[name] is _NAMED and len(source) == 0):
            self.branch(source, name, parent)
        elif name in ORDER:
            _split_pair(source, name, parent)
        else:
            _new(parent, name, source).text = self._text(source, name)

    def _text(self, source: etree._Element, name: str) -> str:
        text = whole_text(source)
        if len(source):
            self.flags.append(Flag(FlagKind.MARKUP_IN_TEXT, line(source), name))
        word = _WORDS.get(name, {}).get(text.strip().lower(), text)
        if word != text:
            self.flags.append(Flag(FlagKind.SPELLING, line(source), f"{name} {text.strip()}"))
        return word


def _split_pair(source: etree._Element, name: str, parent: etree._Element) -> None:
    """CAP 1.0 wrote "name=value" where later versions have two elements."""
    copy = _new(parent, name, source)
    first, _, second = (source.text or "").strip().partition("=")
    for child, text in zip(_NAMED, (first, second), strict=True):
        _new(copy, child, source).text = text


def _new(parent: etree._Element | None, name: str, source: etree._Element) -> etree._Element:
    tag = f"{{{CAP_12}}}{name}"
    element = etree.Element(tag) if parent is None else etree.SubElement(parent, tag)
    element.sourceline = source.sourceline
    return element


def check(alert: etree._Element) -> None:
    """Holds a tidy alert against our schema. Raises CapRefused that names the first line and element at fault."""
    try:
        _schema().assertValid(alert)
    except etree.DocumentInvalid as error:
        message, _, number = str(error).replace(f"{{{CAP_12}}}", "").removeprefix("Element ").rpartition(", line ")
        raise CapRefused(CapFault.INVALID, f"line {number}, {message.rstrip('.')}"[:300]) from None


@cache
def _schema() -> etree.XMLSchema:
    return etree.XMLSchema(etree.fromstring(files(__package__).joinpath("alert.xsd").read_bytes()))
