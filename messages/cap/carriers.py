"""What CAP travels in: alone, in Atom or RSS (whole, or as links), or in EDXL-DE. Finds the alerts and links; reads neither."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from itertools import islice
from urllib.parse import urljoin, urlsplit

from lxml import etree

from messages.alert import Identity
from messages.cap import times
from messages.cap.faults import CapRefused
from messages.cap.guard import LIMITS
from messages.cap.model import Link
from messages.cap.nodes import any_inside, local_name, named, namespace, whole_text
from messages.cap.terms import CapFault, Carrier, Status

ATOM = "http://www.w3.org/2005/Atom"
CAP_MEDIA_TYPE = "application/cap+xml"

#: how a document's root tells what it is: (namespace it begins with, local name) -> carrier
ROOTS = {
    (ATOM, "feed"): Carrier.ATOM,
    (ATOM, "entry"): Carrier.ATOM,
    ("", "rss"): Carrier.RSS,
    ("http://www.w3.org/1999/02/22-rdf-syntax-ns#", "RDF"): Carrier.RSS,
    ("urn:oasis:names:tc:emergency:EDXL:DE:1.0", "EDXLDistribution"): Carrier.EDXL_DE,
    ("urn:oasis:names:tc:emergency:EDXL:DE:2.0", "edxlDistribution"): Carrier.EDXL_DE,
    ("urn:oasis:names:tc:emergency:EDXL:DE:2.0", "EDXLDistribution"): Carrier.EDXL_DE,
}
#: which Atom links lead to the alert, best first: (rel, media type); None: whatever it says
_ATOM_LINKS = (
    (None, CAP_MEDIA_TYPE),
    ("alternate", "application/xml"),
    ("alternate", "text/xml"),
    ("alternate", None),
)


@dataclass(frozen=True, slots=True)
class Load:
    """What a carrier holds: alert elements to be read, links to be fetched by others, and the envelope's status."""

    carrier: Carrier
    alerts: tuple[etree._Element, ...]
    links: tuple[Link, ...] = ()
    status: str = ""


def unload(root: etree._Element) -> Load:
    """The alerts and links of a feed or envelope. Raises CapRefused if it is neither, or holds too many."""
    carrier = ROOTS.get((namespace(root), local_name(root)))
    if carrier is None:
        space = namespace(root)[:100] or "none"
        raise CapRefused(CapFault.NOT_CAP, f"its root is {local_name(root)[:60]} in namespace {space}")
    alerts = tuple(element for element in root.iter("{*}alert") if next(element.iterancestors("{*}alert"), None) is None)
    _cap("alerts", len(alerts), LIMITS.alerts)
    links = tuple(islice(_LINKS[carrier](root), LIMITS.links + 1)) if carrier in _LINKS else ()
    _cap("links", len(links), LIMITS.links)
    return Load(carrier, alerts, _once_each(links), _status(root) if carrier is Carrier.EDXL_DE else "")


def _cap(what: str, count: int, limit: int) -> None:
    if count > limit:
        raise CapRefused(CapFault.TOO_MANY_PARTS, f"more than {limit:,} {what}")


def _once_each(links: tuple[Link, ...]) -> tuple[Link, ...]:
    """MeteoAlarm lists one alert once per area and language: one link each is enough."""
    return tuple({link.url: link for link in reversed(links)}.values())[::-1]


def _status(root: etree._Element) -> str:
    """The envelope's status in CAP's spelling; a word that CAP does not have stays as it is, and stops a real release."""
    found = next((whole_text(element).strip() for element in root.iter("{*}distributionStatus")), "")
    return found.title() if found.title() in set(Status) else found


def _atom(root: etree._Element) -> Iterator[Link]:
    for entry in root.iter(f"{{{ATOM}}}entry"):
        if not any_inside(entry, "alert") and (url := _atom_url(entry)):
            yield _link(entry, url, _find(entry, "identifier"), _find(entry, "updated", "published"))


def _atom_url(entry: etree._Element) -> str:
    sources = (element.get("src", "") for element in entry.iterchildren(f"{{{ATOM}}}content") if element.get("type") == CAP_MEDIA_TYPE)
    if source := next(filter(None, sources), ""):
        return _web(source, entry)
    found = [(link.get("rel", "alternate"), link.get("type"), link) for link in entry.iterchildren(f"{{{ATOM}}}link")]
    for rel, media_type in _ATOM_LINKS:
        for its_rel, its_type, link in found:
            if rel in (None, its_rel) and media_type in (None, its_type):
                return _web(link.get("href", ""), link)
    return _web(_find(entry, "id"), entry) if "://" in _find(entry, "id") else ""


def _rss(root: etree._Element) -> Iterator[Link]:
    for item in root.iter("{*}item"):
        if not any_inside(item, "alert") and (url := _rss_url(item)):
            identifier = _find(item, "identifier") or _find(item, "guid")
            yield _link(item, url, identifier if "://" not in identifier else "", _find(item, "pubDate", "date"))


def _rss_url(item: etree._Element) -> str:
    enclosures = (e.get("url", "") for e in item.iterchildren("{*}enclosure") if e.get("type") == CAP_MEDIA_TYPE)
    return _web(next(enclosures, "") or _find(item, "link"), item)


_LINKS = {Carrier.ATOM: _atom, Carrier.RSS: _rss}


def _link(entry: etree._Element, url: str, identifier: str, updated: str) -> Link:
    sender, sent = _find(entry, "sender"), times.maybe(_find(entry, "sent"))
    identity = Identity(sender, identifier, sent) if sender and identifier and sent else None
    return Link(url=url, identifier=identifier, identity=identity, updated=_moment(updated), title=_find(entry, "title")[:300])


def _web(url: str, element: etree._Element) -> str:
    """An absolute or relative web address; "" for any other scheme, which nobody shall fetch."""
    try:
        whole = urljoin(element.base or "", url.strip())
        return whole if urlsplit(whole).scheme in ("http", "https", "") else ""
    except ValueError:
        return ""


def _moment(text: str) -> datetime | None:
    """A feed's time: Atom's, or RSS's by RFC 822."""
    if moment := times.maybe(text):
        return moment
    try:
        moment = parsedate_to_datetime(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) if moment.year in times.YEARS else None
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _find(parent: etree._Element, *names: str) -> str:
    """The text of the first child of one of these local names, in any namespace."""
    return next((text for child in named(parent, *names) if (text := whole_text(child).strip())), "")
