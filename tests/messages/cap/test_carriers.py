"""CAP in Atom, RSS and EDXL-DE: alerts are read, links handed on, and one bad alert does not stop the others."""

from datetime import UTC, datetime

import pytest

from messages.alert import Identity
from messages.cap import CapFault, CapRefused, Carrier, FlagKind, Link, NeverReal, read
from messages.cap.guard import LIMITS
from tests.messages.cap.samples import alert, flags

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def bare(document: bytes) -> str:
    """An alert without its declaration, to be put inside something."""
    return document.decode().split("\n", 1)[1]


def atom(*entries: str) -> bytes:
    return f'<feed xmlns="http://www.w3.org/2005/Atom" xmlns:cap="urn:oasis:names:tc:emergency:cap:1.2">{"".join(entries)}</feed>'.encode()


def rss(*items: str) -> bytes:
    return f'<rss version="2.0"><channel><title>Varsler</title>{"".join(f"<item>{item}</item>" for item in items)}</channel></rss>'.encode()


def edxl(*alerts: str, status: str = "Actual", namespace: str = "urn:oasis:names:tc:emergency:EDXL:DE:1.0") -> bytes:
    objects = "".join(
        f"<contentObject><xmlContent><embeddedXMLContent>{one}</embeddedXMLContent></xmlContent></contentObject>" for one in alerts
    )
    return f'<EDXLDistribution xmlns="{namespace}"><distributionStatus>{status}</distributionStatus>{objects}</EDXLDistribution>'.encode()


SENDER_AND_SENT = "<cap:sender>s</cap:sender><cap:sent>2026-11-23T12:00:00+00:00</cap:sent>"
#: an Atom entry -> the link it gives
ENTRIES = {
    "<id>urn:1</id><updated>2026-11-23T12:00:00Z</updated><title>Flom</title><link href='https://a.no/1'/>": Link(
        url="https://a.no/1", updated=NOON, title="Flom"
    ),
    "<link rel='alternate' href='https://a.no/page'/><link type='application/cap+xml' href='https://a.no/cap'/>": Link(
        url="https://a.no/cap"
    ),
    "<link rel='alternate' type='text/html' href='https://a.no/p'/><link rel='alternate' type='text/xml' href='https://a.no/x'/>": Link(
        url="https://a.no/x"
    ),
    "<link rel='self' href='https://a.no/self'/><id>https://a.no/id</id>": Link(url="https://a.no/id"),
    "<content type='application/cap+xml' src='https://a.no/src'/><link href='https://a.no/other'/>": Link(url="https://a.no/src"),
    "<content type='text/html' src='https://a.no/src'/><link href='/relative'/>": Link(url="/relative"),
    "<link xml:base='https://a.no/feed/' href='1.xml'/>": Link(url="https://a.no/feed/1.xml"),
    "<cap:identifier>i</cap:identifier><link href='https://a.no/1'/>": Link(url="https://a.no/1", identifier="i"),
    f"<cap:identifier>i</cap:identifier>{SENDER_AND_SENT}<link href='https://a.no/1'/>": Link(
        url="https://a.no/1", identifier="i", identity=Identity("s", "i", NOON)
    ),
    "<link href='javascript:alert(1)'/>": None,
    "<link href='file:///etc/passwd'/>": None,
    "<link href='https://[half'/>": None,
    "<id>urn:uuid:1</id>": None,
    "": None,
}


@pytest.mark.parametrize(("entry", "link"), ENTRIES.items())
def test_an_atom_entry_leads_to_its_alert(entry: str, link: Link | None) -> None:
    document = read(atom(f"<entry>{entry}</entry>"))
    assert document.carrier is Carrier.ATOM
    assert document.links == ((link,) if link else ())


#: an RSS item -> the link it gives
ITEMS = {
    "<title>Flom</title><link>https://a.no/1</link><guid>2.49.1</guid><pubDate>Mon, 23 Nov 2026 12:00:00 +0000</pubDate>": Link(
        url="https://a.no/1", identifier="2.49.1", updated=NOON, title="Flom"
    ),
    "<link>https://a.no/1</link><guid>https://a.no/1</guid>": Link(url="https://a.no/1"),
    "<link>https://a.no/page</link><enclosure type='application/cap+xml' url='https://a.no/cap'/>": Link(url="https://a.no/cap"),
    "<link>https://a.no/page</link><enclosure type='image/png' url='https://a.no/png'/>": Link(url="https://a.no/page"),
    "<link>https://a.no/1</link><pubDate>23 Nov 2026 12:00:00</pubDate>": Link(url="https://a.no/1", updated=NOON),
    "<link>https://a.no/1</link><pubDate>Mon, 23 Nov 1600 12:00:00 +0000</pubDate>": Link(url="https://a.no/1"),
    "<link>https://a.no/1</link><pubDate>i dag</pubDate>": Link(url="https://a.no/1"),
    "<title>Ingen lenke</title>": None,
}


@pytest.mark.parametrize(("item", "link"), ITEMS.items())
def test_an_rss_item_leads_to_its_alert(item: str, link: Link | None) -> None:
    document = read(rss(item))
    assert document.carrier is Carrier.RSS
    assert document.links == ((link,) if link else ())


def test_an_empty_feed_is_good_news() -> None:
    assert read(rss()).links == read(atom()).links == ()


def test_one_alert_listed_for_every_area_is_one_link_and_keeps_its_place() -> None:
    links = read(rss(*(f"<link>https://a.no/{name}</link>" for name in "abacb"))).links
    assert [link.url[-1] for link in links] == ["a", "c", "b"]


@pytest.mark.parametrize(
    ("document", "carrier"),
    [
        (atom(f"<entry><content type='text/xml'>{bare(alert())}</content></entry>"), Carrier.ATOM),
        (rss(f"<link>https://a.no/1</link>{bare(alert())}"), Carrier.RSS),
        (edxl(bare(alert())), Carrier.EDXL_DE),
        (edxl(bare(alert()), namespace="urn:oasis:names:tc:emergency:EDXL:DE:2.0"), Carrier.EDXL_DE),
    ],
)
def test_an_alert_inside_is_read_and_makes_its_link_needless(document: bytes, carrier: Carrier) -> None:
    found = read(document)
    (inside,), (alone,) = found.alerts, read(alert()).alerts
    assert (found.carrier, found.links, inside.infos) == (carrier, (), alone.infos)


def test_the_digest_of_an_alert_inside_does_not_change_with_its_surroundings() -> None:
    one, other = (read(edxl(*alerts)).alerts[0] for alerts in ((bare(alert()),), (bare(alert()), bare(alert(identifier="b")))))
    assert one.raw_sha256 == other.raw_sha256


def test_a_bad_alert_does_not_stop_the_good_one() -> None:
    document = read(edxl(bare(alert()), bare(alert(scope=""))))
    (refused,) = document.refused
    assert len(document.alerts) == 1
    assert refused.why is CapFault.INVALID


def test_a_feed_of_nothing_but_bad_alerts_is_refused() -> None:
    with pytest.raises(CapRefused, match="scope"):
        read(edxl(bare(alert(scope="")), bare(alert(sent="x"))))


def test_an_alert_of_nobody_inside_is_refused() -> None:
    with pytest.raises(CapRefused, match="no namespace of CAP"):
        read(edxl("<alert xmlns=''/>"))


def test_an_alert_hidden_inside_an_alert_is_not_read() -> None:
    document = read(edxl(bare(alert(extra=bare(alert(identifier="hidden"))))))
    (found,) = document.alerts
    assert (found.identifier, document.refused) == ("2.49.0.1.578.0.TEST.1", ())


def test_an_alert_inside_may_be_too_large_as_well() -> None:
    with pytest.raises(CapRefused, match="an alert has at most"):
        read(edxl(bare(alert(note="x" * LIMITS.alert_bytes))))


def test_a_feed_may_be_larger_than_an_alert() -> None:
    assert read(rss("<link>https://a.no/1</link>", f"<title>{'x' * (2 * LIMITS.alert_bytes)}</title>")).links


def test_a_feed_has_its_limits() -> None:
    with pytest.raises(CapRefused, match="more than 5,000 links"):
        read(rss(*(f"<link>https://a.no/{number}</link>" for number in range(LIMITS.links + 1))))
    with pytest.raises(CapRefused, match="more than 500 alerts"):
        read(atom("<alert/>" * (LIMITS.alerts + 1)))


@pytest.mark.parametrize(
    ("status", "why"), [("Exercise", NeverReal.CARRIER_NOT_ACTUAL), ("Øving", NeverReal.CARRIER_NOT_ACTUAL), ("actual", None)]
)
def test_an_envelope_that_is_not_actual_stops_a_real_release(status: str, why: NeverReal | None) -> None:
    (found,) = read(edxl(bare(alert()), status=status)).alerts
    assert found.why_never_real(found.sent) is why
    assert (FlagKind.CARRIER_NOT_ACTUAL in flags(found)) is (why is not None)
