"""From a mail as it came to what the person wrote: without the quoted letter, without markup, and not from a machine.

Every scan is one pass over lines; there is no pattern that a hostile mail could make slow.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from html.parser import HTMLParser
from importlib.resources import files

from messages.reply.danger import danger_words
from messages.reply.fold import spaced

#: characters and lines looked at; what people write above a quoted letter is far shorter
LOOKED_AT = 50_000
LINES_LOOKED_AT = 500
#: a line above a quoted letter may be wrapped into so many
ATTRIBUTION_LINES = 3
LONGEST_ATTRIBUTION = 300
#: so many fields in a row are the head of a letter
HEAD_LINES = 3
LONGEST_FIELD = 40
FIELD_WORDS = 3
LONGEST_SIGNATURE = 100
LONGEST_SUBJECT = 200
#: characters of markup looked at: a mail programme's style sheets may come before the first word
MARKUP_LOOKED_AT = 200_000
#: a character named by more digits than any has: Python refuses to count beyond 4,300 of them, so that html.unescape would raise
_NO_CHARACTER = re.compile(r"&#[0-9]{20,};?")
_AUTOMATIC_HEADERS = ("x-autoreply", "x-autorespond", "x-autoresponder", "list-id")
_AUTOMATIC_PRECEDENCE = ("auto_reply", "bulk", "junk", "list")

#: what may stand before the first letter of a line and is not seen
_INVISIBLE = " \t\xa0\ufeff\u200b\u200e\u200f\u202a\u202b\u202c\u2066\u2067\u2068\u2069"
#: a rule across the page, perhaps with words in it: what is below was not written now
_RULES = ("-----", "—————")


@cache
def _words(name: str) -> tuple[str, ...]:
    """Return a list of reply_mail.toml, folded, each entry from the beginning of its first word."""
    table = tomllib.loads(files("messages").joinpath("reply_mail.toml").read_text("utf-8"))
    return tuple(spaced(entry).rstrip() for entry in table[name])


def unquoted(text: str) -> str:
    """Return what the person wrote in a mail: lines above the quoted letter, or below it where lines begin with ">"."""
    return "\n".join(_own_lines(_lines(text))).strip()


def whole(text: str) -> str:
    """Return a text as it was written, as far as it is looked at."""
    return "\n".join(_lines(text)).strip()


def says_nothing(text: str) -> bool:
    """Say whether nothing but a letter quoted by ">" and a signature stand in a mail. Danger is never a signature."""
    lines, own, signed = _lines(text), [], False
    at = 0
    while at < len(lines):
        line = lines[at].strip(_INVISIBLE)
        attribution = _attribution(lines[at : at + ATTRIBUTION_LINES])
        signed = signed or line == "--"
        if attribution and _goes_on_quoted(lines[at + attribution :]):
            at += attribution
            continue
        if line and not line.startswith(">"):
            if not signed and not _is_signature(line):
                return False
            own.append(line)
        at += 1
    return not danger_words("\n".join(own))


def _lines(text: str) -> list[str]:
    return text[:LOOKED_AT].splitlines()[:LINES_LOOKED_AT]


def _own_lines(lines: list[str]) -> Iterator[str]:
    at, said = 0, False
    while at < len(lines):
        line = lines[at].strip(_INVISIBLE)
        attribution = _attribution(lines[at : at + ATTRIBUTION_LINES])
        if _ends_the_letter(line) or _is_head(lines[at : at + HEAD_LINES], said=said):
            return
        if attribution and (said or not _goes_on_quoted(lines[at + attribution :])):
            return
        if not attribution and not line.startswith(">") and not _is_signature(line):
            said = said or bool(line)
            yield lines[at].rstrip()
        at += max(attribution, 1)


def _ends_the_letter(line: str) -> bool:
    return line == "--" or line.startswith(_RULES) or (len(line) >= 5 and set(line) in ({"_"}, {"="}))


def _is_signature(line: str) -> bool:
    return len(line) <= LONGEST_SIGNATURE and spaced(line).startswith(_words("signed"))


def _attribution(lines: list[str]) -> int:
    """Return how many of these lines "On Monday … wrote:" takes (mail programmes wrap it); 0 if there is none."""
    for size, _ in enumerate(lines, 1):
        pieces = [line.strip(_INVISIBLE) for line in lines[:size]]
        if not all(pieces) or len(pieces[-1]) > LONGEST_ATTRIBUTION or (size > 1 and not _begins_attribution(pieces[0])):
            return 0
        if _is_attribution(" ".join(pieces)):
            return size
    return 0


def _begins_attribution(line: str) -> bool:
    return "@" in line or _digits(line) >= 6  # a day, a year and an hour


def _is_attribution(line: str) -> bool:
    dated = line.endswith((":", "：", "-", "၊", "።")) and _digits(line) >= 4
    return dated and ("@" in line or any(verb in spaced(line) for verb in _words("wrote")))


def _digits(line: str) -> int:
    return sum(character.isdecimal() for character in line)


def _goes_on_quoted(lines: list[str]) -> bool:
    written = (line.strip(_INVISIBLE) for line in lines)
    return next(filter(None, written), "").startswith(">")


def _is_head(lines: list[str], *, said: bool) -> bool:
    """Say whether three fields in a row stand here ("From: … Sent: … To: …"): a head we know, or below an answer one with an address."""
    fields = [_field(line) for line in lines]
    if len(fields) < HEAD_LINES or not all(fields):
        return False
    return fields[0] in _words("from") or (said and "@" in lines[0])


def _field(line: str) -> str:
    """Return the folded name of a field ("from", "reply to"), "" if the line is none."""
    name, colon, _ = line[:LONGEST_FIELD].partition(":")
    label = spaced(name).rstrip()
    return label if colon and len(label.split()) <= FIELD_WORDS and not _digits(label) else ""


def is_automatic(headers: Mapping[str, str], subject: str) -> bool:
    """Say whether a machine wrote this mail: its headers (RFC 3834 and older habits), a null sender, or its subject."""
    fields = {name.lower(): value.strip().lower() for name, value in headers.items()}
    submitted = fields.get("auto-submitted", "no").partition(";")[0].strip()
    return (
        submitted != "no"
        or any(name in fields for name in _AUTOMATIC_HEADERS)
        or fields.get("precedence") in _AUTOMATIC_PRECEDENCE
        or fields.get("return-path") in ("", "<>")
        or spaced(subject[:LONGEST_SUBJECT]).startswith(_words("automatic"))
    )


def text_of_html(html: str) -> str:
    """Return the text of a mail that came as HTML alone, without the letter it quotes."""
    reader = _Reader()
    readable = _NO_CHARACTER.sub("\N{REPLACEMENT CHARACTER}", html[:MARKUP_LOOKED_AT])
    reader.feed(readable + "<br>")  # the last tag pushes out text that the parser still holds back
    lines = (" ".join(line.split()) for line in "".join(reader.pieces).splitlines())
    return "\n".join(lines).strip()


class _Reader(HTMLParser):
    """Gathers text; leaves out quoted letters and what no reader sees."""

    hidden = frozenset(("blockquote", "head", "script", "style", "title", "template"))
    quoting = frozenset(("gmail_quote", "gmail_extra", "gmail_attr", "yahoo_quoted", "moz-cite-prefix", "protonmail_quote", "zmail_extra"))
    #: Outlook marks where the old letter begins and puts it beside, not inside
    ends = frozenset(("divrplyfwdmsg", "appendonsend", "stopspelling", "olk_src_body_section", "mail-editor-reference-message-container"))
    lines = frozenset(("br", "p", "div", "tr", "li", "h1", "h2", "h3", "table"))

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[str] = []
        self._inside: list[str] = []
        self._ended = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Notice where a quoted letter begins."""
        named = {name: value.lower() for name, value in attrs if value}
        self._ended = self._ended or named.get("id", "").removeprefix("x_") in self.ends
        if self._inside:
            self._inside += [tag] * (tag == self._inside[0])
        elif tag in self.hidden or self.quoting.intersection(named.get("class", "").split()):
            self._inside = [tag]
        elif tag in self.lines:
            self._say("\n")

    def handle_endtag(self, tag: str) -> None:
        """Notice where it ends."""
        if tag in self._inside:
            self._inside.pop()
        elif tag in self.lines:
            self._say("\n")

    def handle_data(self, data: str) -> None:
        """Keep what is read; in markup a new line of source is only a space."""
        self._say(" ".join(data.splitlines()))

    def parse_marked_section(self, i: int, report: bool = True) -> int:  # noqa: FBT001, FBT002 - the standard library's signature
        """Pass over "<![…>" as browsers do: it is no part of HTML, and the standard library raises where it knows none of its words."""
        return self.parse_bogus_comment(i, report)

    def _say(self, piece: str) -> None:
        if not self._inside and not self._ended:
            self.pieces.append(piece)
