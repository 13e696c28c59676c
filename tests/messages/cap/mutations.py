"""Broken alerts by the thousand, each repeatable by its seed: bytes torn, and trees bent that stay well-formed."""

from random import Random

from lxml import etree

from tests.messages.cap.corpus import files
from tests.messages.cap.samples import alert, geocode, info, parameter

OWN = [
    alert(),
    alert(info() + info(language="en"), msgType="Update", extra="<references>a,b,2026-11-22T10:00:00+01:00</references>"),
    alert(info(extra=parameter("MunicipalityId", "4601;4626") + parameter("budstikke:forward", "Kok vannet."))),
    alert("", msgType="Cancel"),
    alert(info(area=f"<area><areaDesc>A</areaDesc><circle>59,5 2</circle>{geocode('a', 'b')}<altitude>0</altitude></area>")),
    b"<rss><channel><item><link>https://a.no</link><guid>1</guid><pubDate>Mon, 23 Nov 2026 12:00:00 +0000</pubDate></item></channel></rss>",
    b'<feed xmlns="http://www.w3.org/2005/Atom"><entry><link href="https://a.no"/></entry><entry><content>'
    + alert().split(b"\n")[1]
    + b"</content></entry></feed>",
]
#: what is written where something else stood
POISON = [
    *(
        "",
        " ",
        "-",
        "nan",
        "1e999",
        "9" * 5_000,
        "Actual",
        "AllClear",
        "MunicipalityId",
        ";;;,",
        "budstikke:forward",
        "\u202eabc",
        "ر" * 30,
    ),
    *(
        "2019-02-30T25:61:61+99:99",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T24:00:00-14:00",
        "2026-11-23T18:00:00",
        "2026-11-23T18:00:00.5Z",
    ),
    *(
        "0,0 0,1",
        "1,1 " * 50,
        "0,0 4,4 0,4 4,0 0,0",
        "91,181 1",
        "1_0,1",
        "a,b,c",
        ",,",
        "a. " * 400,
        "en-US",
        "x" * 300,
        "&amp;lt;b&amp;gt;",
    ),
]
#: what is put between the bytes
SHARDS = [
    *(
        b"<!DOCTYPE a>",
        b"<![CDATA[",
        b"]]>",
        b"<!-- -->",
        b"<?a?>",
        b"\xff",
        b"\0",
        b"&x;",
        b"&#0;",
        b' xmlns="x"',
        b"<info/>",
        b"<a>" * 40,
    ),
    *(b'encoding="utf-7"', b"\xef\xbb\xbf", b"\xff\xfe", b"1,1 " * 50),
]
CODECS = ("utf-16", "utf-16-le", "latin-1", "utf-8-sig", "utf-32")


def seeds() -> list[bytes]:
    """Our own documents, and the real ones where they are; those of many bytes only once."""
    return OWN + [data for path in files() if len(data := path.read_bytes()) < 120_000]


def mutant(number: int, documents: list[bytes]) -> bytes:
    """The broken document of that number."""
    random = Random(number)
    data = random.choice(documents)
    for _ in range(random.choice((1, 1, 2, 5))):
        data = _bent(data, random) if number % 2 else _torn(data, random)
    return data


def _torn(data: bytes, random: Random) -> bytes:
    start = random.randrange(len(data) + 1)
    end = min(len(data), start + random.randrange(60))
    before, middle, after = data[:start], data[start:end], data[end:]
    return random.choice(
        (
            before,
            before + after,
            before + middle * random.choice((2, 50)) + after,
            before + random.choice(SHARDS) + middle + after,
            before + bytes([random.randrange(256)]) + after,
            data.decode("utf-8", "ignore").encode(random.choice(CODECS), "ignore"),
        )
    )


def _bent(data: bytes, random: Random) -> bytes:
    try:
        root = etree.fromstring(data, etree.XMLParser(resolve_entities=False))
    except (etree.XMLSyntaxError, ValueError):
        return _torn(data, random)
    elements = [element for element in root.iter() if isinstance(element.tag, str)]
    one, other = random.choice(elements), random.choice(elements)
    _bend(one, other, random)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def _bend(one: etree._Element, other: etree._Element, random: Random) -> None:
    match random.randrange(6):
        case 0 | 1:
            one.text = random.choice(POISON)
        case 2:
            one.tag = other.tag
        case 3 if (parent := one.getparent()) is not None:
            parent.remove(one)
        case 4 if one is not other and other not in one.iterancestors():
            one.append(other)
        case 5:
            one.set(random.choice(("Id", "lang", "src", "href", "type")), random.choice(POISON))
