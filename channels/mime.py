"""Opens a mail from anybody: every step is one pass, and nothing in the mail decides how deep or how long it takes.

The standard library's parser recurses into parts and compares every line with every open boundary: a megabyte written for
the purpose holds it for seconds, and all alerts with it.
"""

import binascii
import codecs
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.header import decode_header

#: bytes of a mail that are looked at
LARGEST = 1_000_000
_HEAD = 65_536
_FIELDS = 200
_VALUE = 2_000
_DEPTH = 6
_PARTS = 50
#: encodings of text that people's mail programmes use; some others that Python knows can be made to take minutes
_CHARSETS = re.compile(
    r"utf-?8|(us-)?ascii|iso-?8859-\d{1,2}|(windows-?|cp)125\d|koi8-[ru]|utf-?16(le|be)?|gb2312|gbk|gb18030|big5|euc-(jp|kr)"
    r"|shift_jis|iso-2022-(jp|kr)|tis-620|macintosh"
)
_FIELD = re.compile(r"([!-9;-~]{1,80}):[ \t]*(.*)", re.DOTALL)
_BLANK = re.compile(rb"\r?\n[ \t]*\r?\n|\A\r?\n")
_WORD = re.compile(r"[\w.+-]{1,80}/[\w.+-]{1,80}")


@dataclass(frozen=True, slots=True)
class Part:
    """One part that holds no other parts."""

    #: small letters, first value of each
    headers: Mapping[str, str]
    raw: bytes

    @property
    def kind(self) -> str:
        """The content type, without its parameters."""
        found = _WORD.match(self.headers.get("content-type", "").strip().lower())
        return found[0] if found else "text/plain"

    @property
    def is_attached(self) -> bool:
        """Whether it is to be saved, rather than read."""
        return self.headers.get("content-disposition", "").strip().lower().startswith("attachment")

    def data(self) -> bytes:
        """Return the content as it was before it was wrapped for the journey."""
        match self.headers.get("content-transfer-encoding", "").strip().lower():
            case "base64":
                return _base64(self.raw)
            case "quoted-printable":
                return binascii.a2b_qp(self.raw)
            case _:
                return self.raw

    def text(self) -> str:
        """Return the content as text; what cannot be read becomes the replacement character."""
        return decoded(self.data(), _parameter(self.headers.get("content-type", ""), "charset"))


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail, opened."""

    headers: Mapping[str, str]
    parts: tuple[Part, ...]

    def words(self, name: str) -> str:
        """Return a header in plain characters."""
        return plain(self.headers.get(name, ""))


def open_mail(body: bytes) -> Mail:
    """Open a mail; whatever is wrong with it, something comes out."""
    whole = _split(body[:LARGEST].lstrip(b"\r\n"))
    return Mail(whole.headers, tuple(_leaves(whole)))


def blocks(data: bytes) -> list[Mapping[str, str]]:
    """Return the groups of fields that a report is made of."""
    return [_fields(block) for block in _BLANK.split(data[:_HEAD])[:_PARTS]]


def plain(value: str) -> str:
    """Return a header's value with its encoded words read."""
    try:
        pieces = decode_header(value[:_VALUE])
    except (ValueError, HeaderParseError):
        return value
    return "".join(piece if isinstance(piece, str) else decoded(piece, charset or "") for piece, charset in pieces)


def decoded(data: bytes, charset: str) -> str:
    """Return `data` as text, in `charset` if it is one that mail is written in."""
    name = charset.strip().lower()
    return codecs.decode(data, name if _CHARSETS.fullmatch(name) else "utf-8", "replace")


def _leaves(whole: Part) -> Iterator[Part]:
    """Yield the parts that hold no parts, in order; what lies deeper or further than anybody writes stays closed."""
    waiting, opened = [(whole, 0)], 0
    while waiting and opened < _PARTS:
        part, depth = waiting.pop()
        opened += 1
        inner = _inner(part) if part.kind.startswith("multipart/") and depth < _DEPTH else []
        waiting += [(each, depth + 1) for each in reversed(inner)]
        if not inner:
            yield Part({}, part.raw) if part.kind.startswith("multipart/") else part


def _inner(part: Part) -> list[Part]:
    boundary = _parameter(part.headers.get("content-type", ""), "boundary")[:70]
    if not boundary:
        return []
    line = re.compile(rb"(?:\A|\r?\n)--" + re.escape(boundary.encode()) + rb"(?:--)?[ \t]*(?=\r?\n|\Z)")
    return [_split(re.sub(rb"\A\r?\n", b"", piece)) for piece in line.split(part.raw, _PARTS)[1:] if piece.strip()]


def _split(data: bytes) -> Part:
    """Part the headers from the rest."""
    blank = _BLANK.search(data)
    head, rest = (data[: blank.start()], data[blank.end() :]) if blank else (data, b"")
    return Part(_fields(head), rest)


def _fields(head: bytes) -> Mapping[str, str]:
    """Return what the fields say, without NUL: some of it goes into rows, and PostgreSQL keeps it in no text."""
    written = head[:_HEAD].decode("utf-8", "replace").replace("\0", "\N{REPLACEMENT CHARACTER}")
    unfolded = re.sub(r"\r?\n[ \t]+", " ", written)
    found: dict[str, str] = {}
    for line in unfolded.split("\n")[:_FIELDS]:
        if field := _FIELD.fullmatch(line[: _VALUE + 80].rstrip("\r")):
            found.setdefault(field[1].lower(), field[2].strip()[:_VALUE])
    return found


def _parameter(value: str, name: str) -> str:
    found = re.search(rf';\s*{name}\s*=\s*("[^"]*"|[^\s;"]+)', value[:_VALUE], re.IGNORECASE)
    return found[1].strip('"') if found else ""


def _base64(raw: bytes) -> bytes:
    data = re.sub(rb"[^A-Za-z0-9+/]", b"", raw)
    if len(data) % 4 == 1:
        data = data[:-1]
    return binascii.a2b_base64(data + b"=" * (-len(data) % 4))
