"""Ordinary messages are read whole; what is loose is taken and flagged; what is broken or dangerous is refused by name."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from messages.alert import Certainty, Circle, Identity, Point, Severity, Urgency
from messages.cap import CapFault, CapRefused, Carrier, Evidence, FlagKind, MsgType, Named, Scope, Status, read
from messages.cap.guard import LIMITS, decode
from tests.messages.cap.samples import AREA, CAP, HEAD, INFO, alert, fields, flags, geocode, info, one, parameter

NORWAY = timezone(timedelta(hours=1))

RESOURCE = (
    "<resource><resourceDesc>Kart</resourceDesc><mimeType>image/png</mimeType><size>1234</size>"
    "<uri>https://eksempel.no/kart.png</uri><derefUri>aGVp</derefUri><digest>abc</digest></resource>"
)
EVERYTHING = alert(
    f"<info><language>nb</language><category>Met</category><category>Safety</category><event>Flom</event>"
    f"<responseType>Avoid</responseType><responseType>Monitor</responseType><urgency>Expected</urgency><severity>Extreme</severity>"
    f"<certainty>Observed</certainty><audience>alle</audience><eventCode><valueName>type</valueName><value>flom</value></eventCode>"
    f"<effective>2026-11-23T18:05:00+01:00</effective><onset>2026-11-23T20:00:00+01:00</onset>"
    f"<expires>2026-11-24T08:00:00+01:00</expires><senderName>Varselet</senderName><headline>Flom</headline>"
    f"<description>Elva stiger.</description><instruction>Gå opp.</instruction><web>https://eksempel.no</web><contact>12 34</contact>"
    f"{parameter('ukjent', ' 7 ')}{parameter('ukjent', '8')}{RESOURCE}"
    f"<area><areaDesc>Dalen</areaDesc><polygon>59.1,5.1 59.1,5.3 59.2,5.3 59.1,5.1</polygon><circle>59.5,5.5 2.5</circle>"
    f"{geocode('EMMA_ID', 'NO001')}<altitude>0</altitude><ceiling>300.5</ceiling></area></info>",
    msgType="Update",
    source="vakta",
    extra="<restriction>r</restriction><addresses>a</addresses><code>k1</code><code>k2</code><note>merk</note>"
    "<references>a@b.no,id-1,2026-11-22T10:00:00+01:00\n  a@b.no,id-2,2026-11-22T11:00:00-00:00</references><incidents>Gyda</incidents>",
)


def test_nothing_of_a_message_is_lost() -> None:
    message = one(EVERYTHING)
    assert message.identity == Identity("varsel@eksempel.no", "2.49.0.1.578.0.TEST.1", datetime(2026, 11, 23, 18, tzinfo=NORWAY))
    assert (message.status, message.msg_type, message.scope) == (Status.ACTUAL, MsgType.UPDATE, Scope.PUBLIC)
    assert (message.source, message.restriction, message.addresses, message.note, message.incidents) == ("vakta", "r", "a", "merk", "Gyda")
    assert message.codes == ("k1", "k2")
    assert message.references == (
        Identity("a@b.no", "id-1", datetime(2026, 11, 22, 9, tzinfo=UTC)),
        Identity("a@b.no", "id-2", datetime(2026, 11, 22, 11, tzinfo=UTC)),
    )
    assert message.signature.evidence is Evidence.NONE
    assert message.version == "1.2"
    assert len(message.raw_sha256) == 64
    # the source stands after scope here, where CAP has it before: the only thing that is odd
    assert flags(message) == {FlagKind.OUT_OF_ORDER}


def test_nothing_of_an_info_is_lost() -> None:
    (found,) = one(EVERYTHING).infos
    assert (found.language, found.categories, found.responses) == ("nb", ("Met", "Safety"), ("Avoid", "Monitor"))
    assert (found.urgency, found.severity, found.certainty) == (Urgency.EXPECTED, Severity.EXTREME, Certainty.OBSERVED)
    assert (found.effective, found.onset, found.expires) == (
        datetime(2026, 11, 23, 18, 5, tzinfo=NORWAY),
        datetime(2026, 11, 23, 20, tzinfo=NORWAY),
        datetime(2026, 11, 24, 8, tzinfo=NORWAY),
    )
    assert (found.event, found.headline, found.description, found.instruction) == ("Flom", "Flom", "Elva stiger.", "Gå opp.")
    assert (found.audience, found.sender_name, found.web, found.contact) == ("alle", "Varselet", "https://eksempel.no", "12 34")
    assert found.event_codes == (Named("type", "flom"),)
    assert found.parameters == (Named("ukjent", " 7 "), Named("ukjent", "8"))
    assert found.parameter("ukjent") == " 7 "
    assert found.parameter("fins ikke") is None


def test_nothing_of_an_area_or_resource_is_lost() -> None:
    (found,) = one(EVERYTHING).infos
    (resource,), (area,) = found.resources, found.areas
    assert (resource.description, resource.mime_type, resource.size) == ("Kart", "image/png", 1234)
    assert (resource.uri, resource.deref_uri, resource.digest) == ("https://eksempel.no/kart.png", "aGVp", "abc")
    ring = (Point(59.1, 5.1), Point(59.1, 5.3), Point(59.2, 5.3), Point(59.1, 5.1))
    assert (area.description, area.polygons, area.circles) == ("Dalen", (ring,), (Circle(Point(59.5, 5.5), 2.5),))
    assert (area.geocodes, area.altitude, area.ceiling) == ((Named("EMMA_ID", "NO001"),), 0.0, 300.5)


def test_a_cancel_may_have_no_text() -> None:
    message = one(alert("", msgType="Cancel", extra="<references>a,b,2026-11-22T10:00:00+01:00</references>"))
    assert message.infos == ()
    assert message.flags == ()


#: what a document is like -> what is odd about it; it is taken all the same
LOOSE: dict[str, tuple[bytes, set[FlagKind]]] = {
    "whole": (alert(), set()),
    "UTC as -00:00": (alert(sent="2026-11-23T17:00:00-00:00"), set()),
    "UTC as +00:00": (alert(sent="2026-11-23T17:00:00+00:00"), set()),
    "UTC as Z": (alert(sent="2026-11-23T17:00:00Z"), {FlagKind.TIME_FORM}),
    "fractions of a second": (alert(sent="2026-11-23T17:00:00.123+00:00"), {FlagKind.TIME_FORM}),
    "no offset": (alert(info(onset="2026-11-23T20:00:00")), {FlagKind.TIME_WITHOUT_OFFSET}),
    "offset of no country": (alert(info(expires="2026-11-24T08:00:00-06:50")), {FlagKind.ODD_OFFSET}),
    "offset of Nepal": (alert(info(expires="2026-11-24T08:00:00+05:45")), set()),
    "end of the calendar": (alert(info(expires="9999-12-31T23:59:59+00:00")), {FlagKind.TIME_OUT_OF_RANGE, FlagKind.NO_EXPIRES}),
    "before the calendar": (alert(info(onset="0001-01-01T00:00:00+14:00")), {FlagKind.TIME_OUT_OF_RANGE}),
    "expired when sent": (alert(info(expires="2026-11-23T17:59:59+01:00")), {FlagKind.EXPIRES_BEFORE_SENT}),
    "no end": (alert(info(expires="")), {FlagKind.NO_EXPIRES}),
    "no info": (alert(""), {FlagKind.NO_INFO}),
    "no language": (alert(info(language="")), {FlagKind.NO_LANGUAGE}),
    "language by name": (alert(info(language="norsk bokmål")), {FlagKind.LANGUAGE_TAG}),
    "language with underscore": (alert(info(language="nb_NO")), {FlagKind.LANGUAGE_TAG}),
    "other order": (alert(f"<info>{fields(dict(reversed(INFO.items())))}{AREA}</info>"), {FlagKind.OUT_OF_ORDER}),
    "foreign element": (alert(extra='<x:ny xmlns:x="http://x">1<x:to/></x:ny>'), {FlagKind.UNKNOWN_ELEMENT}),
    "unknown element of CAP": (alert(extra="<password>hemmelig</password>"), {FlagKind.UNKNOWN_ELEMENT}),
    "markup in a text": (alert(info(description="Sjøen <b>stiger</b>.")), {FlagKind.MARKUP_IN_TEXT}),
    "small letters": (alert(status="actual", msgType=" ALERT "), {FlagKind.SPELLING}),
    "small letters in info": (alert(info(severity="severe")), set()),
    "no severity": (alert(info(severity="")), {FlagKind.MISSING_VALUE}),
    "empty urgency": (alert(info(urgency=" ")), {FlagKind.MISSING_VALUE}),
    "new certainty": (alert(info(certainty="Sikkert")), {FlagKind.UNKNOWN_VALUE}),
    "new category": (alert(info(category="Cyber")), {FlagKind.UNKNOWN_VALUE}),
    "no category": (alert(info(category="")), {FlagKind.MISSING_VALUE}),
    "no event": (alert(info(event="")), {FlagKind.MISSING_VALUE}),
    "no name of the area": (alert(info(area="<area><circle>59,5 1</circle></area>")), {FlagKind.MISSING_VALUE}),
    "size in words": (
        alert(info(extra="<resource><resourceDesc>k</resourceDesc><size>stor</size></resource>")),
        {FlagKind.UNREADABLE_NUMBER},
    ),
    "endless size": (
        alert(info(extra=f"<resource><resourceDesc>k</resourceDesc><size>{'9' * 5000}</size></resource>")),
        {FlagKind.UNREADABLE_NUMBER},
    ),
    "height in words": (alert(info(area="<area><areaDesc>a</areaDesc><altitude>høyt</altitude></area>")), {FlagKind.UNREADABLE_NUMBER}),
    "endless height": (
        alert(info(area=f"<area><areaDesc>a</areaDesc><ceiling>{'9' * 400}</ceiling></area>")),
        {FlagKind.UNREADABLE_NUMBER},
    ),
    "update of nothing": (alert(msgType="Update"), {FlagKind.NO_REFERENCES}),
    "cancel of nothing": (alert("", msgType="Cancel"), {FlagKind.NO_REFERENCES}),
    "half a reference": (alert(extra="<references>a,b</references>"), {FlagKind.BAD_REFERENCE}),
    "empty references": (alert(extra="<references/>"), set()),
    "sender with spaces": (alert(sender="Varselet i Sørvik"), {FlagKind.BAD_IDENTITY}),
    "identifier with comma": (alert(identifier="a,b"), {FlagKind.BAD_IDENTITY}),
    "empty identifier": (alert(identifier=" "), {FlagKind.BAD_IDENTITY}),
    "restricted to whom": (alert(scope="Restricted"), {FlagKind.NO_RESTRICTION}),
    "private to whom": (alert(scope="Private"), {FlagKind.NO_ADDRESSES}),
    "restricted to somebody": (alert(scope="Restricted", extra="<restriction>vakt</restriction>"), set()),
    "municipality by name": (alert(info(extra=parameter("MunicipalityId", "4601;Bergen"))), {FlagKind.MUNICIPALITY_UNREADABLE}),
    "CAP 1.1": (alert(namespace="urn:oasis:names:tc:emergency:cap:1.1"), {FlagKind.OLDER_VERSION}),
    "national profile": (alert(namespace=CAP + ":profile:cap-lu:1.0"), {FlagKind.PROFILE_NAMESPACE}),
    "arabic labelled nb": (
        alert(info(event="ماء", headline="اغلوا الماء", description="اغلوا الماء ثلاث دقائق قبل الشرب", instruction="")),
        {FlagKind.SCRIPT_MISMATCH},
    ),
    "latin labelled ti": (alert(info(language="ti")), {FlagKind.SCRIPT_MISMATCH}),
    "chinese of either kind": (
        alert(info(language="zh-TW", event="洪水", headline="洪水警報發佈", description="洪水警報發佈請往高處走", instruction="")),
        set(),
    ),
    "a script named in the tag": (
        alert(info(language="ku-Arab", event="لافاو", headline="ئاگاداری لافاو", description="بڕۆن بۆ شوێنی بەرز", instruction="")),
        set(),
    ),
    "too short to tell": (alert(info(language="ti", event="A", headline="B", description="", instruction="")), set()),
    "nobody's language": (alert(info(language="tlh")), set()),
    "Burmese for an old font": (
        alert(info(language="my", event="x", headline="ေရႀကီး ေရႀကီး", description="ေအာက္ ေဒသ", instruction="")),
        {FlagKind.LIKELY_ZAWGYI},
    ),
}


@pytest.mark.parametrize(("document", "expected"), LOOSE.values(), ids=LOOSE.keys())
def test_what_is_loose_is_taken_and_flagged(document: bytes, expected: set[FlagKind]) -> None:
    assert flags(one(document)) == expected


#: what a document is like -> why it is refused, and a word of the sentence that says so
REFUSED: dict[str, tuple[bytes, CapFault, str]] = {
    "empty": (b" \n", CapFault.NOT_XML, "empty"),
    "words": (b"Flom i dalen", CapFault.NOT_XML, "line 1"),
    "cut off": (alert()[:-20], CapFault.NOT_XML, "line 2"),
    "NUL": (alert().replace(b"Sj", b"\0"), CapFault.NOT_XML, "line 2"),
    "unknown entity": (alert(info(description="&hei;")), CapFault.NOT_XML, "hei"),
    "DOCTYPE": (b"<!DOCTYPE alert><alert/>", CapFault.DOCTYPE, "line 1"),
    "DOCTYPE later": (
        b'<?xml version="1.0"?>\n<!-- <alert> -->\n<?a b?> \n<!DOCTYPE alert SYSTEM "x"><alert/>',
        CapFault.DOCTYPE,
        "line 4",
    ),
    "DOCTYPE in two-byte letters": ("<!DOCTYPE alert><alert/>".encode("utf-16"), CapFault.DOCTYPE, "line 1"),
    "entity bomb": (b'<!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;">]><alert>&c;</alert>', CapFault.DOCTYPE, "attacks"),
    "web page": (b"<!DOCTYPE html><html><body>404</body></html>", CapFault.NOT_CAP, "web page"),
    "old web page": (b"<!doctype HTML PUBLIC 'x'><html>", CapFault.NOT_CAP, "web page"),
    "web page without DOCTYPE": (b"<html><body/></html>", CapFault.NOT_CAP, "web page"),
    "other XML": (b"<note xmlns='urn:x'/>", CapFault.NOT_CAP, "root is note in namespace urn:x"),
    "alert of nobody": (b"<alert/>", CapFault.NOT_CAP, "namespace none"),
    "comment without end": (b"<!-- <alert/>", CapFault.NOT_XML, "line 1"),
    "CAP 0.9": (alert(namespace="http://www.incident.com/cap/0.9"), CapFault.OLD_VERSION, "CAP 0.9"),
    "CAP 1.3": (alert(namespace="urn:oasis:names:tc:emergency:cap:1.3"), CapFault.UNKNOWN_VERSION, "CAP 1.3"),
    "too large": (b" " * (LIMITS.document_bytes + 1), CapFault.TOO_LARGE, "8,388,609 bytes"),
    "large for an alert": (alert(info(description="x" * LIMITS.alert_bytes)), CapFault.TOO_LARGE, "an alert has at most"),
    "too much markup": (b"<a>" * (LIMITS.markup + 1), CapFault.TOO_MUCH_MARKUP, "200,001 times <"),
    "too many attributes": (b"<a " + b"a='' " * (LIMITS.markup + 1), CapFault.TOO_MUCH_MARKUP, "times ="),
    "too many elements": (alert(extra="<code/>" * LIMITS.elements), CapFault.TOO_MUCH_MARKUP, "elements"),
    "too deep": (alert("<x>" * 40 + "</x>" * 40), CapFault.TOO_DEEP, "32 levels"),
    "deeper than the parser goes": (b"<a>" * 300 + b"</a>" * 300, CapFault.TOO_DEEP, "line 1"),
    "too many infos": (alert(info() * (LIMITS.infos + 1)), CapFault.TOO_MANY_PARTS, "101 times info"),
    "too many points": (alert(info(area=f"<area><polygon>{'1,1 ' * 60_001}</polygon></area>")), CapFault.TOO_MANY_POINTS, "60,001"),
    "too many references": (alert(extra=f"<references>{'a ' * 501}</references>"), CapFault.TOO_MANY_PARTS, "501 references"),
    "long sender": (alert(sender="x" * 301), CapFault.LONG_IDENTITY, "sender: 301 characters"),
    "long identifier": (alert(identifier="x" * 301), CapFault.LONG_IDENTITY, "identifier: 301 characters"),
    "no scope": (alert(scope=""), CapFault.INVALID, "scope"),
    "no sender": (alert(sender=""), CapFault.INVALID, "sender"),
    "nothing at all": (alert("", **dict.fromkeys(HEAD, "")), CapFault.INVALID, "identifier"),
    "two times sent": (alert(extra="<sent>2026-11-23T18:00:00+01:00</sent>"), CapFault.INVALID, "line 2"),
    "status of one's own": (alert(status="Almost"), CapFault.INVALID, "Almost"),
    "no time": (alert(sent="i går"), CapFault.INVALID, "sent"),
    "no such day": (alert(info(onset="2026-02-30T00:00:00+01:00")), CapFault.INVALID, "onset"),
    "sent before the calendar": (alert(sent="0001-01-01T00:00:00+14:00"), CapFault.INVALID, "usable"),
    "UTF-7": (b'<?xml version="1.0" encoding="UTF-7"?><alert/>', CapFault.ENCODING, "utf-7"),
    "UTF-32": ("<alert/>".encode("utf-32"), CapFault.ENCODING, "UTF-32"),
    "half a letter of two bytes": ("<alert/>".encode("utf-16") + b"x", CapFault.ENCODING, "UTF-16"),
    "damaged UTF-8": (alert().replace("ø".encode(), b"\xc3", 1), CapFault.ENCODING, "not UTF-8"),
}


@pytest.mark.parametrize(("document", "why", "word"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_refused_is_refused_by_name(document: bytes, why: CapFault, word: str) -> None:
    with pytest.raises(CapRefused) as caught:
        read(document)
    assert caught.value.why is why
    assert word in caught.value.words
    assert caught.value.words.endswith(".")


def test_no_verdict_shares_its_sentence_with_another() -> None:
    for verdicts in (CapFault, FlagKind):
        sentences = [verdict.value for verdict in verdicts.__members__.values()]
        assert len(set(sentences)) == len(sentences)
        assert all(sentence.endswith(".") for sentence in sentences)


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "iso-8859-1", "iso-8859-15", "windows-1252"])
def test_every_usual_encoding_is_read_as_declared(codec: str) -> None:
    name = codec.removesuffix("-sig")
    document = alert().decode().replace('encoding="UTF-8"', f'encoding="{name}"').encode(codec)
    assert one(document).infos[0].event == "Høy vannstand"
    assert flags(one(document)) == set()


@pytest.mark.parametrize(
    ("declared", "real", "event"),
    [("UTF-8", "iso-8859-1", "Høy vannstand"), ("UTF-16", "utf-8", "Høy vannstand"), ("ISO-8859-1", "cp1252", "Høy vannstand")],
)
def test_a_wrong_declaration_is_seen_through(declared: str, real: str, event: str) -> None:
    message = one(alert().decode().replace("UTF-8", declared, 1).encode(real))
    assert message.infos[0].event == event
    assert (FlagKind.WRONG_ENCODING in flags(message)) is (declared != "ISO-8859-1")


def test_latin_1_is_read_as_its_writers_mean_it() -> None:
    text, _ = decode(b"<?xml version='1.0' encoding='latin1'?><a>\x93\x81</a>")
    assert text.endswith("<a>“\x81</a>")


def test_space_before_the_declaration_is_forgiven() -> None:
    assert one(b"\n\n" + alert()).infos


def test_prefixes_make_no_difference() -> None:
    plain = alert().decode()
    prefixed = plain.replace("<", "<c:").replace("<c:/", "</c:").replace("<c:?xml", "<?xml").replace("xmlns=", "xmlns:c=")
    assert one(prefixed.encode()).infos == one(plain.encode()).infos


def test_comments_and_instructions_do_not_cut_texts() -> None:
    message = one(alert(info(description="Sjøen <!-- to -->stiger<?x y?> nå<![CDATA[ <fort>]]>.")))
    assert message.infos[0].description == "Sjøen stiger nå <fort>."
    assert message.flags == ()


def test_an_include_is_never_followed() -> None:
    include = '<x:include xmlns:x="http://www.w3.org/2001/XInclude" href="/etc/passwd" parse="text"/>'
    message = one(alert(info(description=f"Her: {include}")))
    assert message.infos[0].description == "Her:"
    assert flags(message) == {FlagKind.MARKUP_IN_TEXT}


def test_a_schema_that_the_document_names_is_not_opened() -> None:
    document = alert().replace(
        b"<alert ", b'<alert xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="urn:x file:///nowhere.xsd" '
    )
    assert one(document).flags == ()


def test_cap_1_0_is_carried_over() -> None:
    body = (
        "<info><event>Flom</event><urgency>Immediate</urgency><severity>Severe</severity><certainty>Very Likely</certainty>"
        "<eventCode>SAME=FLW</eventCode><expires>2026-11-24T08:00:00+01:00</expires><parameter>HSAS=ORANGE</parameter>"
        "<area><areaDesc>Dalen</areaDesc><geocode>fips6=1</geocode></area></info>"
    )
    message = one(alert(body, namespace="http://www.incident.com/cap/1.0"))
    (found,) = message.infos
    assert (message.version, found.certainty) == ("1.0", Certainty.LIKELY)
    assert (found.event_codes, found.parameters) == ((Named("SAME", "FLW"),), (Named("HSAS", "ORANGE"),))
    assert found.areas[0].geocodes == (Named("fips6", "1"),)


def test_a_missing_offset_is_taken_from_the_sending_time() -> None:
    (found,) = one(alert(info(onset="2026-11-23T20:00:00"))).infos
    assert found.onset == datetime(2026, 11, 23, 20, tzinfo=NORWAY)
    message = one(alert(sent="2026-11-23T18:00:00"))
    assert message.sent == datetime(2026, 11, 23, 18, tzinfo=UTC)


def test_the_last_hour_may_be_called_24() -> None:
    (found,) = one(alert(info(onset="2026-11-23T24:00:00+01:00"))).infos
    assert found.onset == datetime(2026, 11, 24, 0, tzinfo=NORWAY)


def test_the_source_says_which_language_is_meant_by_silence() -> None:
    assert one(alert(info(language="")), default_language="en").infos[0].language == "en"


def test_flags_name_line_and_value_and_do_not_repeat_themselves_for_ever() -> None:
    message = one(alert(extra="\n<ny/>" + "<ny/>" * 50))
    assert len(message.flags) == LIMITS.flags
    assert message.flags[0].words == "Has an element that CAP does not know; it was left out. (line 3, ny)"
    assert message.flags[0].line == 3


def test_a_flag_without_a_place_is_a_plain_sentence() -> None:
    (flag,) = one(alert("")).flags
    assert flag.words == "It has no text: write one, or wait for the sender's next message."


def test_the_same_bytes_have_the_same_digest_and_others_do_not() -> None:
    assert one(alert()).raw_sha256 == one(alert()).raw_sha256 != one(alert() + b"\n").raw_sha256


def test_the_reader_reports_the_carrier() -> None:
    document = read(alert())
    assert (document.carrier, document.links, document.refused) == (Carrier.CAP, (), ())
