"""The message page of one resource person: both bodies, one big button, every other answer, and the message to pass on.

Looking changes nothing, whoever looks: mail scanners and messengers open every link. Only a form that is sent is an answer.
"""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from urllib.parse import quote

from aiohttp import web
from markupsafe import Markup

from channels.base import Inbound
from messages.page import Sheet
from messages.page_words import say_on_page
from messages.reply.danger import danger_words
from relay import links
from relay.links import Message, Standing
from relay.model import Rung
from relay.store import own_page
from relay.web.keys import RELAY
from relay.web.leaf import Band, Form, Tongue, band, form_of, leaf, stranger
from relay.web.pages.shared import ended, moment, shared_path

#: answers of the forms, as the digits people type; "q" is a question, and "done" stands for 3 after a correction
PRESSED = frozenset("1245")
WHILE_OPEN = ("1", "2", "3", "4")
#: means of passing on: the form's codes, and what staff read of them
MEANS = ("talking", "phone", "group", "place")
NONCE = re.compile(r"[\w-]{8,40}\Z")
LONGEST_TEXT, LONGEST_LINE, LONGEST_COUNT = 2000, 160, 7
#: what a page says after an answer: name in the address -> the pages' word
SAID: Mapping[str, str] = {
    "closed": "message.answered_closed",
    "changed": "message.changed",
    "count": "message.count_wanted",
    "text": "message.text_wanted",
    "link": "me.link_sent",
}
#: the same, of the words around a message
SAID_IN_FRAME: Mapping[str, str] = {
    "message": "notice.echo_message",
    "danger": "notice.danger",
    "stop": "notice.stopped",
    "start": "notice.started",
    "pause": "notice.paused",
}
#: what asks for something more, and is no success
UNDONE = frozenset({"changed", "count", "text", "count_unlikely", "danger"})


@dataclass(frozen=True, slots=True)
class Noted:
    """One thing that the page says back."""

    words: Markup
    done: bool


@dataclass(frozen=True, slots=True)
class Share:
    """Addresses that open a program with the text in it."""

    sms: str
    whatsapp: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagePage:
    """What the page shows."""

    title: str
    band: Band | None
    standing: Standing
    sheet: Sheet
    norwegian: Sheet | None
    old: Sheet | None
    moment: str
    ended: Markup | None
    marked: bool
    notes: tuple[Noted, ...]
    #: which answers have a form
    answers: tuple[str, ...]
    #: something was answered already, which may be changed
    answered: bool
    takes_answers: bool
    means: tuple[str, ...]
    reported: int
    share: Share | None
    path: str
    nonce: str
    ask_label: str


async def look(request: web.Request) -> web.Response:
    """Show the page, and do nothing else."""
    found = await _find(request)
    if found is None:
        return stranger(request)
    tongue = Tongue(found.standing.languages)
    return leaf("message.html", tongue, page=_page(request, found, tongue))


async def answer(request: web.Request) -> web.Response:
    """Take in what a form says, by the way that every answer goes, and show the page again."""
    found = await _find(request)
    if found is None:
        return stranger(request)
    form = await form_of(request)
    said = await _answer(request, found, form)
    raise web.HTTPSeeOther(f"{_path(request)}?s={said}")


async def pass_on(request: web.Request) -> web.Response:
    """Show the text to pass on, with the person's own first line above it; the line is kept nowhere."""
    found = await _find(request)
    if found is None or not found.share_token:
        return stranger(request)
    form = await form_of(request)
    own = form.get("line", "")[:LONGEST_LINE]
    tongue = Tongue(found.standing.languages)
    text = _text(request, found, own)
    page = {
        "band": band(tongue, found.standing.alert.kind),
        "back": _path(request),
        "own_line": own,
        "text": text,
        "language": found.standing.text.language,
        "share": _share(text),
        "poster": f"{shared_path(found.share_token)}/poster",
    }
    return leaf("pass_on.html", tongue, page=page)


async def send_own_page(request: web.Request) -> web.Response:
    """Send the person a link to their own page, the way they were last told: whoever was forwarded this one must not see it."""
    relay = request.app[RELAY]
    found = await _find(request)
    if found is None:
        return stranger(request)
    words = say_on_page(found.standing.languages, "me.link")
    async with relay.store.write() as conn:
        await own_page.send_link(
            conn, found.municipality_id, found.person_id, words.text, words.language, relay.desk.public_url, relay.clock.now()
        )
    relay.pulse.ring()
    raise web.HTTPSeeOther(f"{_path(request)}?s=link")


async def _find(request: web.Request) -> Message | None:
    relay = request.app[RELAY]
    async with relay.store.read() as conn:
        return await links.message(conn, request.match_info["token"], relay.clock.now())


def _path(request: web.Request) -> str:
    return f"/m/{request.match_info['token']}"


# --- what a form says ---------------------------------------------------------------------------------------------------


async def _answer(request: web.Request, found: Message, form: Form) -> str:
    """Hear one answer; return the name of what the page says of it."""
    code, alert = form.get("a", ""), found.standing.alert
    if found.recipient_id is None or form.get("n", "") != str(alert.number):
        return "changed"
    payload, text = f"{alert.number}.{code}" if code in PRESSED else "", ""
    if code == "3":
        people = _people(form.get("count", ""))
        if people is None:
            return "count"
        payload, text = f"{alert.number}.3{people and f'.{people}'}", _means(form)
    elif code == "q":
        text = form.get("text", "")[:LONGEST_TEXT]
        if not text.strip():
            return "text"
    elif not payload:
        return "changed"
    verdict = await request.app[RELAY].receipts.answered(_inbound(request, found, form, payload, text))
    unlikely = f"&c={payload.rpartition('.')[2]}" if verdict == "count_unlikely" else ""
    return ("danger" if danger_words(text) else verdict) + unlikely


def _inbound(request: web.Request, found: Message, form: Form, payload: str, text: str) -> Inbound:
    nonce = form.get("id", "")
    once = nonce if NONCE.match(nonce) else secrets.token_urlsafe(9)
    # the same form sent twice is one answer; another answer from a page that somebody went back to is another
    said = sha256(f"{payload}\n{text}".encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return Inbound(
        provider_id=f"{found.recipient_id}:{once}:{said}",
        sender="",
        to="",
        text=text,
        received_at=request.app[RELAY].clock.now(),
        payload=payload,
        replied_to=str(found.recipient_id),
    )


def _people(written: str) -> str | None:
    """Read a number in any script; "" where none was written, None where it is no number."""
    bare = "".join(written.split())[: LONGEST_COUNT + 1]
    if not bare:
        return ""
    return str(int(bare)) if bare.isdecimal() and len(bare) <= LONGEST_COUNT else None


def _means(form: Form) -> str:
    """What was ticked, in the words that staff read."""
    ticked = [code for code in MEANS if code in form.getall("how", [])]
    return ", ".join(say_on_page(("nb",), f"message.by_{code}").text for code in ticked)


# --- what the page shows --------------------------------------------------------------------------------------------------


def _page(request: web.Request, found: Message, tongue: Tongue) -> MessagePage:
    standing, sheet = found.standing, found.standing.sheet()
    return MessagePage(
        title=tongue.plain("page.title", municipality=standing.home.municipality),
        band=band(tongue, standing.alert.kind),
        standing=standing,
        sheet=sheet,
        norwegian=standing.norwegian(),
        old=standing.said_before(),
        moment=moment(standing, tongue),
        ended=ended(standing, tongue),
        marked=any(piece.new for line in sheet.forward for piece in line.pieces),
        notes=tuple(_notes(request, found, tongue)),
        answers=_answers(found),
        answered=found.rung is not Rung.NONE,
        takes_answers=found.recipient_id is not None,
        means=MEANS,
        reported=found.reported,
        share=_share(_text(request, found, "")) if found.share_token and standing.ended_at is None else None,
        path=_path(request),
        nonce=secrets.token_urlsafe(9),
        ask_label=tongue.plain("message.what_now"),
    )


def _answers(found: Message) -> tuple[str, ...]:
    """Which answers have a form: none where nobody asks, only what was done where it is too late for more."""
    if found.recipient_id is None:
        return ()
    if found.standing.is_correction:
        return ("done",) if found.had_passed_on and found.rung is not Rung.PASSED_ON else ()
    if found.standing.ended_at is not None:
        return ("3",)
    return tuple(code for code in WHILE_OPEN if code != _PRESSED_BY.get(found.rung))


_PRESSED_BY: Mapping[Rung, str] = {Rung.RECEIVED: "1", Rung.WILL_PASS: "2", Rung.CANNOT: "4"}


def _notes(request: web.Request, found: Message, tongue: Tongue) -> list[Noted]:
    """What is said back: of the answer just given, and of where this person stands."""
    said = request.query.get("s", "")
    just = _just_said(said, request.query.get("c", ""), found, tongue)
    stands = None if said in UNDONE else _stands(found, tongue)
    return [Noted(words, said not in UNDONE) for words in (just, stands) if words]


def _just_said(said: str, count: str, found: Message, tongue: Tongue) -> Markup | None:
    home = found.standing.home
    values = {
        "number": str(found.standing.alert.number),
        "municipality": home.municipality,
        "contact": home.contact_name or home.municipality,
    }
    if said == "count_unlikely" and count.isascii() and count.isdecimal() and len(count) <= LONGEST_COUNT:
        return tongue.counted("notice.count_unlikely", int(count))
    if said in SAID:
        return tongue.say(SAID[said], **values)
    return tongue.frame(SAID_IN_FRAME[said], **values, danger_number="112") if said in SAID_IN_FRAME else None


def _stands(found: Message, tongue: Tongue) -> Markup | None:
    home = found.standing.home
    if found.standing.is_correction:
        return tongue.frame("notice.echo_passed_on_uncounted") if found.rung is Rung.PASSED_ON else None
    if found.rung is Rung.PASSED_ON and found.reported:
        return tongue.counted("notice.echo_passed_on", found.reported)
    if found.rung is Rung.CANNOT:
        return tongue.say("message.noted_cannot")
    if found.rung is Rung.RING_ME:
        return tongue.frame("notice.echo_ring_me", contact=home.contact_name or home.municipality, danger_number="112")
    return tongue.frame(_STANDS[found.rung]) if found.rung in _STANDS else None


_STANDS: Mapping[Rung, str] = {
    Rung.RECEIVED: "notice.echo_received",
    Rung.WILL_PASS: "notice.echo_will_pass",
    Rung.PASSED_ON: "notice.echo_passed_on_uncounted",
}


def _text(request: web.Request, found: Message, own_line: str) -> str:
    return found.standing.to_pass_on(own_line, f"{request.app[RELAY].desk.public_url}{shared_path(found.share_token)}")


def _share(text: str) -> Share:
    # a browser packs letters beyond ASCII itself; packed by us, they weigh three times as much, twice a page
    body = "".join(letter if letter > "\x7f" and letter.isprintable() else quote(letter, safe="") for letter in text)
    return Share(sms=f"sms:?&body={body}", whatsapp=f"https://wa.me/?text={body}")
