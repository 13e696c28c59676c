"""From a mail as it came to what the person wrote: without the quoted letter, without markup, and not from a machine.

Every scan is one pass over lines; there is no pattern that a hostile mail could make slow.
"""

import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from html.parser import HTMLParser
from importlib.resources import files

from messages.reply.fold import spaced

#: characters and lines looked at; what people write above a quoted letter is far shorter
LOOKED_AT = 50_000
LINES_LOOKED_AT = 500
#: characters of markup looked at: a mail programme's style sheets may come before the first word
MARKUP_LOOKED_AT = 200_000
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
    """Return what the person wrote: lines above the quoted letter, or below it where lines begin with ">"."""
    return "\n".join(_own_lines(text[:LOOKED_AT].splitlines()[:LINES_LOOKED_AT])).strip()


def _own_lines(lines: list[str]) -> Iterator[str]:
    at, said = 0, False
    while at < len(lines):
        line = lines[at].strip(_INVISIBLE)
        attribution = _attribution(lines, at)
        if _ends_the_letter(line) or _is_head(lines, at) or (attribution and (said or not _quoted_next(lines, at + attribution))):
            return
        if not attribution and not line.startswith(">") and not _is_signature(line):
            said = said or bool(line)
            yield lines[at].rstrip()
        at += max(attribution, 1)


def _ends_the_letter(line: str) -> bool:
    return line == "--" or line.startswith(_RULES) or (len(line) >= 5 and set(line) in ({"_"}, {"="}))


def _is_signature(line: str) -> bool:
    return len(line) < 100 and spaced(line).startswith(_words("signed"))


def _attribution(lines: list[str], at: int) -> int:
    """Return how many lines "On Monday … wrote:" takes here (mail programmes wrap it); 0 if there is none."""
    joined = ""
    for size in (1, 2, 3):
        line = lines[at + size - 1].strip(_INVISIBLE) if at + size <= len(lines) else ""
        if not line or len(line) > 300 or (size > 1 and not _begins_attribution(lines[at])):
            return 0
        joined = f"{joined} {line}"
        if _is_attribution(joined):
            return size
    return 0


def _begins_attribution(line: str) -> bool:
    return "@" in line or _digits(line) >= 6


def _is_attribution(line: str) -> bool:
    if not line.endswith((":", "：", "-", "၊", "።")) or _digits(line) < 4:
        return False
    return "@" in line or any(verb in spaced(line) for verb in _words("wrote"))


def _digits(line: str) -> int:
    return sum(character.isdecimal() for character in line)


def _quoted_next(lines: list[str], at: int) -> bool:
    following = (line.strip(_INVISIBLE) for line in lines[at : at + 5])
    return next((line.startswith(">") for line in following if line), False)


def _is_head(lines: list[str], at: int) -> bool:
    """Say whether three fields in a row begin here ("From: … Sent: … To: …"), with a sender or a mail address among them."""
    fields = [_label(line) for line in lines[at : at + 3]]
    return len(fields) == 3 and all(fields) and (fields[0] in _words("from") or any("@" in line for line in lines[at : at + 3]))


def _label(line: str) -> str:
    """Return the folded name of a field, "" if the line is none."""
    name, colon, _ = line[:40].partition(":")
    label = spaced(name).rstrip()
    return label if colon and len(label.split()) in (1, 2, 3) and not _digits(label) else ""


def is_automatic(headers: Mapping[str, str], subject: str) -> bool:
    """Say whether a machine wrote this mail: its headers (RFC 3834 and older habits), a null sender, or its subject."""
    fields = {name.lower(): value.strip().lower() for name, value in headers.items()}
    submitted = fields.get("auto-submitted", "no").partition(";")[0].strip()
    return (
        submitted != "no"
        or any(name in fields for name in _AUTOMATIC_HEADERS)
        or fields.get("precedence", "") in _AUTOMATIC_PRECEDENCE
        or fields.get("return-path", "<sender>") in ("", "<>")
        or spaced(subject[:200]).startswith(_words("automatic"))
    )


def text_of_html(html: str) -> str:
    """Return the text of a mail that came as HTML alone, without the letter it quotes."""
    reader = _Reader()
    reader.feed(html[:MARKUP_LOOKED_AT] + "<br>")  # the last tag pushes out text that the parser still holds back
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
        self._skipping = ""
        self._depth = 0
        self._ended = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Notice where a quoted letter begins."""
        named = {name: (value or "").lower() for name, value in attrs}
        self._ended = self._ended or named.get("id", "").removeprefix("x_") in self.ends
        if self._skipping:
            self._depth += tag == self._skipping
        elif tag in self.hidden or self.quoting.intersection(named.get("class", "").split()):
            self._skipping, self._depth = tag, 1
        elif tag in self.lines:
            self._say("\n")

    def handle_endtag(self, tag: str) -> None:
        """Notice where it ends."""
        if self._skipping:
            self._depth -= tag == self._skipping
            self._skipping = self._skipping if self._depth else ""
        elif tag in self.lines:
            self._say("\n")

    def handle_data(self, data: str) -> None:
        """Keep what is read; in markup a new line of source is only a space."""
        self._say(" ".join(data.splitlines()))

    def _say(self, piece: str) -> None:
        if not self._skipping and not self._ended:
            self.pieces.append(piece)
