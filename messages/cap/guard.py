"""From bytes to a tree that is safe to walk: size, letters, DOCTYPE, well-formedness and depth are judged here, before any content.

Nothing outside the document is ever opened: no network, no external entity, no XInclude, no schema that the document names.
"""

import codecs
import re
from dataclasses import dataclass

from lxml import etree

from messages.cap.faults import CapRefused
from messages.cap.model import Flag
from messages.cap.terms import CapFault, FlagKind


@dataclass(frozen=True, slots=True)
class Limits:
    """What one document may hold at most. The largest genuine alert known has 882,000 bytes and 44,000 points."""

    document_bytes: int = 8 * 2**20
    alert_bytes: int = 2**20
    #: "<" and "=" in a document: bounds the memory of the tree before it is built
    markup: int = 200_000
    depth: int = 32
    #: elements of one alert
    elements: int = 10_000
    infos: int = 100
    areas: int = 2_000
    resources: int = 200
    polygons: int = 2_000
    circles: int = 2_000
    points: int = 60_000
    references: int = 500
    #: characters of a sender, and of an identifier: both stand in rows, and what is cut would be taken for another message
    identity: int = 300
    #: whole alerts, and links, in one feed
    alerts: int = 500
    links: int = 5_000
    #: how often one oddity of an alert is flagged; the rest would say the same
    flags: int = 20


LIMITS = Limits()

#: encodings we read, by the names in use; latin-1 is read as Windows-1252, which is what its writers mean
CODECS = {
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "us-ascii": "utf-8",
    "ascii": "utf-8",
    "iso-8859-1": "cp1252",
    "iso8859-1": "cp1252",
    "latin1": "cp1252",
    "latin-1": "cp1252",
    "windows-1252": "cp1252",
    "cp1252": "cp1252",
    "iso-8859-15": "iso-8859-15",
    "utf-16": "utf-16",
    "utf-16le": "utf-16",
    "utf-16be": "utf-16",
}
#: how a document in two-byte letters begins: (first bytes, codec, bytes to skip)
_WIDE = (
    (codecs.BOM_UTF16_LE, "utf-16-le", 2),
    (codecs.BOM_UTF16_BE, "utf-16-be", 2),
    (b"<\0", "utf-16-le", 0),
    (b"\0<", "utf-16-be", 0),
)
_FOUR_BYTES = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE, b"<\0\0\0", b"\0\0\0<")
_DECLARED = re.compile(rb"""\s*<\?xml[^>]{0,100}?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")
#: what may stand before the root element, and how each ends
_SPACE = re.compile(r"\s*")
_ASIDE = re.compile(r"\s*(<\?|<!--)")
_CLOSING = {"<?": "?>", "<!--": "-->"}
_TOO_DEEP = etree.XPath("boolean(" + "/*" * (LIMITS.depth + 1) + ")")


def parse(document: bytes) -> tuple[etree._Element, list[Flag]]:
    """The root element of a document, and what was odd about its letters. Raises CapRefused."""
    _weigh(document)
    text, flags = decode(document)
    _refuse_doctype(text)
    data = text.encode()
    _count_markup(data)
    return _tree(data), flags


def _weigh(document: bytes) -> None:
    if len(document) > LIMITS.document_bytes:
        raise CapRefused(CapFault.TOO_LARGE, f"{len(document):,} bytes, at most {LIMITS.document_bytes:,}")
    if not document.strip():
        raise CapRefused(CapFault.NOT_XML, "it is empty")


def _count_markup(data: bytes) -> None:
    for mark in (b"<", b"="):
        if (count := data.count(mark)) > LIMITS.markup:
            raise CapRefused(CapFault.TOO_MUCH_MARKUP, f"{count:,} times {mark.decode()}, at most {LIMITS.markup:,}")


def decode(document: bytes) -> tuple[str, list[Flag]]:
    """The text of a document by its byte order mark, its declaration, or the second-best guess, which is flagged."""
    if document.startswith(_FOUR_BYTES):
        raise CapRefused(CapFault.ENCODING, "UTF-32 is not read")
    for start, codec, skip in _WIDE:
        if document.startswith(start):
            return _strictly(document[skip:], codec), []
    return _decode_narrow(document.removeprefix(codecs.BOM_UTF8))


def _decode_narrow(document: bytes) -> tuple[str, list[Flag]]:
    found = _DECLARED.match(document)
    declared = found[1].decode().lower() if found else "utf-8"
    codec = CODECS.get(declared)
    if codec is None:
        raise CapRefused(CapFault.ENCODING, f"it is declared as {declared}")
    if codec == "utf-16":
        return _strictly(document, "utf-8"), [Flag(FlagKind.WRONG_ENCODING, 1, "declared as UTF-16, read as UTF-8")]
    if codec != "utf-8":
        return document.decode(codec, "latin1_holes").lstrip(), []
    try:
        return document.decode().lstrip(), []
    except UnicodeDecodeError as error:
        return _decode_misdeclared(document, error)


def _decode_misdeclared(document: bytes, error: UnicodeDecodeError) -> tuple[str, list[Flag]]:
    """Says UTF-8 and is not. With no proper UTF-8 letter in it, it is Latin-1 by mistake; otherwise it is damaged."""
    if any(ord(letter) > 127 for letter in document.decode(errors="ignore")):
        raise CapRefused(CapFault.ENCODING, f"byte {error.start + 1:,} is not UTF-8")
    return document.decode("cp1252", "latin1_holes").lstrip(), [Flag(FlagKind.WRONG_ENCODING, 1, "declared as UTF-8, read as Windows-1252")]


def _strictly(document: bytes, codec: str) -> str:
    try:
        return document.decode(codec).lstrip()
    except UnicodeDecodeError as error:
        raise CapRefused(CapFault.ENCODING, f"byte {error.start + 1:,} is not {codec.upper()}") from None


def _latin1_holes(error: UnicodeError) -> tuple[str, int]:
    """Windows-1252 leaves five bytes undefined; Latin-1 has control characters there."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode("latin-1"), error.end


codecs.register_error("latin1_holes", _latin1_holes)


def _refuse_doctype(text: str) -> None:
    """Looks before parsing, so that no declaration inside a DOCTYPE is ever acted on."""
    position = _prolog_end(text)
    start = text[position : position + 30].lower()
    if re.match(r"<!doctype\s+html\b|<html\b", start):
        raise CapRefused(CapFault.NOT_CAP, "it is a web page")
    if start.startswith("<!doctype"):
        raise CapRefused(CapFault.DOCTYPE, f"line {text.count(chr(10), 0, position) + 1}")


def _prolog_end(text: str) -> int:
    """Where the first thing stands that is neither space, comment nor processing instruction."""
    position = 0
    while found := _ASIDE.match(text, position):
        end = text.find(_CLOSING[found[1]], found.end())
        if end < 0:
            return len(text)
        position = end + len(_CLOSING[found[1]])
    space = _SPACE.match(text, position)
    return space.end() if space else position


def _tree(data: bytes) -> etree._Element:
    parser = etree.XMLParser(
        encoding="utf-8",  # the text was decoded above: whatever the declaration says is past
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        attribute_defaults=False,
        huge_tree=False,
        collect_ids=False,
        remove_comments=True,  # so that a comment inside a text does not cut it in two
        remove_pis=True,
    )
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise _syntax(error) from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise CapRefused(CapFault.DOCTYPE, "found while parsing")
    if _TOO_DEEP(root):
        raise CapRefused(CapFault.TOO_DEEP, f"more than {LIMITS.depth} levels")
    return root


def _syntax(error: etree.XMLSyntaxError) -> CapRefused:
    message = str(error.msg or "no reason given")
    if "depth" in message.lower():
        return CapRefused(CapFault.TOO_DEEP, f"line {error.lineno}")
    return CapRefused(CapFault.NOT_XML, f"line {error.lineno}: {message.partition(', line')[0]}")
