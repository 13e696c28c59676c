"""A resource person's own page: pause, languages, channels, quiet hours, arenas, everything that is stored, and the way out.

It opens by a link that was sent to the person's own phone, for three days. Nothing here changes a number or a mailbox.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from aiohttp import web
from markupsafe import Markup
from sqlalchemy.ext.asyncio import AsyncConnection

from messages.form import Medium
from messages.languages import all_languages, normalise
from messages.page_words import page_languages
from messages.zones import zone_of
from relay.model import BadInput, NotFound
from relay.store import links, own_page
from relay.store.links import LinkKind
from relay.store.normal import checked_address
from relay.store.own_page import Own
from relay.web.keys import RELAY
from relay.web.leaf import Form, Tongue, form_of, leaf, stranger

LANGUAGES_ASKED = 3
LONGEST_NAME, LONGEST_ADDRESS, MOST_PEOPLE = 80, 254, 100_000
LONGEST_PAUSE = timedelta(days=2 * 365)
CHANNELS: Mapping[str, str] = {"sms": "SMS", "whatsapp": "WhatsApp", "email": "E-post · E-mail"}
#: what the page says after an act: name in the address -> word
SAID: Mapping[str, str] = {"saved": "me.saved", "asked": "me.change_asked"}


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnPage:
    """What the page shows."""

    own: Own
    path: str
    noted: Markup | None
    wrong: Markup | None
    paused: Markup | None
    #: (tag, own name) to choose from
    choices: tuple[tuple[str, str], ...]
    languages: tuple[str, ...]
    channel_names: Mapping[str, str]
    today: str
    agreed: str


async def look(request: web.Request) -> web.Response:
    """Show the page."""
    known = await _find(request)
    return stranger(request) if known is None else _shown(request, known)


async def download(request: web.Request) -> web.Response:
    """Give everything that is stored about the person, as JSON."""
    known = await _find(request)
    if known is None:
        return stranger(request)
    async with request.app[RELAY].store.read() as conn:
        told = await own_page.everything(conn, known.municipality_id, known.person.id)
    headers = {"Content-Disposition": 'attachment; filename="budstikke.json"', "Cache-Control": "no-store"}
    text = json.dumps(told, ensure_ascii=False, indent=1)
    return web.Response(text=text, content_type="application/json", headers=headers)


async def change(request: web.Request) -> web.Response:
    """Do what one form of the page asks for."""
    known = await _find(request)
    if known is None:
        return stranger(request)
    form = await form_of(request)
    act = _ACTS.get(_text(form, "do"))
    if act is None:
        return _shown(request, known)
    try:
        async with request.app[RELAY].store.write() as conn:
            said = await act(conn, known, form, request.app[RELAY].clock.now())
    except BadInput as wrong:
        return _shown(request, known, str(wrong))
    if said == "left":
        return leaf("left.html", _tongue(known))
    raise web.HTTPSeeOther(f"/me/{request.match_info['token']}?s={said}")


async def _find(request: web.Request) -> Own | None:
    relay = request.app[RELAY]
    async with relay.store.read() as conn:
        link = await links.find(conn, LinkKind.OWN, request.match_info["token"], relay.clock.now())
        if link is None:
            return None
        try:
            return await own_page.own(conn, link.municipality_id, link.person_id)
        except NotFound:
            return None


# --- what a form asks for ---------------------------------------------------------------------------------------------------

Act = Callable[[AsyncConnection, Own, Form, datetime], Awaitable[str]]


async def _pause(conn: AsyncConnection, known: Own, form: Form, now: datetime) -> str:
    written = _text(form, "until")
    until = _end_of_day(written, known.timezone) if written else None
    if until is not None and not now < until < now + LONGEST_PAUSE:
        raise BadInput(written)
    await own_page.rest(conn, known, until, now)
    return "saved"


async def _resume(conn: AsyncConnection, known: Own, _form: Form, now: datetime) -> str:
    await own_page.resume(conn, known, now)
    return "saved"


async def _languages(conn: AsyncConnection, known: Own, form: Form, now: datetime) -> str:
    chosen = [tag for tag in map(normalise, form.getall("language", [])) if tag]
    if not chosen:
        raise BadInput("-")
    # a language that the page does not offer and the person has all the same stays behind those that were chosen
    kept = [tag for tag in known.person.languages[LANGUAGES_ASKED:] if tag not in chosen]
    await own_page.change(conn, known, now, languages=list(dict.fromkeys((*chosen, *kept))))
    return "saved"


async def _channels(conn: AsyncConnection, known: Own, form: Form, now: datetime) -> str:
    wanted = [channel for channel in form.getall("channel", []) if channel in known.channels]
    await own_page.order_channels(conn, known, wanted, now)
    return "saved"


async def _quiet(conn: AsyncConnection, known: Own, form: Form, now: datetime) -> str:
    start, end = _text(form, "from"), _text(form, "to")
    quiet_from, quiet_to = _time(start), _time(end)
    # hours that end where they begin are none at all, as the municipality may have agreed; who writes them may mean the whole day
    kept = (quiet_from, quiet_to) == (known.person.quiet_from, known.person.quiet_to)
    if bool(start) != bool(end) or (start and quiet_from == quiet_to and not kept):
        raise BadInput(f"{start}-{end}")
    await own_page.change(conn, known, now, quiet_from=quiet_from, quiet_to=quiet_to)
    return "saved"


async def _arena(conn: AsyncConnection, known: Own, form: Form, now: datetime) -> str:
    name, size = _text(form, "name")[:LONGEST_NAME], "".join(_text(form, "size").split())
    if not name or (size and not (size.isdecimal() and int(size[:9]) <= MOST_PEOPLE)):
        raise BadInput(size or "-")
    await own_page.add_arena(conn, known, name, int(size) if size else None, now)
    return "saved"


async def _no_arena(conn: AsyncConnection, known: Own, form: Form, _now: datetime) -> str:
    number = _text(form, "id")
    if number.isascii() and number.isdecimal():
        await own_page.remove_arena(conn, known, int(number[:15]))
    return "saved"


async def _new_address(conn: AsyncConnection, known: Own, form: Form, now: datetime) -> str:
    value = _text(form, "value")[:LONGEST_ADDRESS]
    try:
        checked_address(Medium.EMAIL if "@" in value else Medium.WHATSAPP, value)
    except BadInput as why:
        raise BadInput(value or "-") from why
    await own_page.wish_address(conn, known, value, now)
    return "asked"


async def _leave(conn: AsyncConnection, known: Own, form: Form, now: datetime) -> str:
    if _text(form, "sure") != "yes":
        raise BadInput("-")
    await own_page.leave(conn, known, now)
    return "left"


_ACTS: Mapping[str, Act] = {
    "pause": _pause,
    "resume": _resume,
    "languages": _languages,
    "channels": _channels,
    "quiet": _quiet,
    "arena": _arena,
    "no_arena": _no_arena,
    "address": _new_address,
    "leave": _leave,
}


def _text(form: Form, name: str) -> str:
    return " ".join(form.get(name, "").split())


def _end_of_day(written: str, timezone: str) -> datetime:
    try:
        day = date.fromisoformat(written)
        return datetime.combine(day + timedelta(days=1), time(), zone_of(timezone))
    except (ValueError, OverflowError) as why:
        raise BadInput(written) from why


def _time(written: str) -> time | None:
    try:
        return time.fromisoformat(written).replace(tzinfo=None) if written else None
    except ValueError as why:
        raise BadInput(written) from why


# --- what the page shows ----------------------------------------------------------------------------------------------------


def _tongue(known: Own) -> Tongue:
    return Tongue((*known.person.languages, "nb"))


def _shown(request: web.Request, known: Own, wrong: str = "") -> web.Response:
    tongue, said, now = _tongue(known), request.query.get("s", ""), request.app[RELAY].clock.now()
    offered = {tag: tongue.own_name(tag) for tag in (*page_languages(), *known.person.languages) if tag in _KNOWN}
    page = OwnPage(
        own=known,
        path=f"/me/{request.match_info['token']}",
        noted=tongue.say(SAID[said]) if said in SAID and not wrong else None,
        wrong=tongue.say("me.wrong", value=wrong) if wrong else None,
        paused=_paused(known, tongue, now),
        choices=tuple(sorted(offered.items(), key=lambda one: one[1].casefold())),
        languages=(*known.person.languages, *[""] * LANGUAGES_ASKED)[:LANGUAGES_ASKED],
        channel_names=CHANNELS,
        today=f"{now.astimezone(zone_of(known.timezone)):%Y-%m-%d}",
        agreed=" – ".join(f"{day:%d.%m.%Y}" for day in (known.person.agreed_on, known.person.agreed_until) if day),
    )
    return leaf("me.html", tongue, page=page, status=400 if wrong else 200)


_KNOWN = frozenset(language.tag for language in all_languages())


def _paused(known: Own, tongue: Tongue, now: datetime) -> Markup | None:
    until = known.person.paused_until
    if until is not None and until > now:
        # the pause ends when the day after begins
        last = (until - timedelta(minutes=1)).astimezone(zone_of(known.timezone))
        return tongue.say("me.paused_until", time=f"{last.day}.{last.month}.{last.year}")
    return tongue.say("me.paused") if known.person.paused else None
