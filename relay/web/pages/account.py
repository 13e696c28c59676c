"""One's own account: password, second factor, how one is reached, in which language."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field as also

from aiohttp import web
from markupsafe import Markup

from relay.authority import ADMINISTRATORS
from relay.model import BadInput, NotAllowed, Unreadable
from relay.store import sealing, sessions, users
from relay.store.register import Stamp
from relay.web import cookies, passwords, second_factor as factor, words
from relay.web.act import back, field, writing
from relay.web.keys import RELAY
from relay.web.page import language_of, render
from relay.web.pages.users import ROLES
from relay.web.who import who

NOT_YOUR_PASSWORD = "That is not the password that you have now."


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordPage:
    """What the page for a new password shows."""

    #: somebody else has seen the present one
    once: bool
    errors: dict[str, str] = also(default_factory=dict)


async def password(request: web.Request) -> web.StreamResponse:
    """Show the form for a new password."""
    return await render(request, "access/password.html", PasswordPage(once=who(request).password_once))


async def new_password(request: web.Request) -> web.StreamResponse:
    """Take a new password; every other session of the user ends."""
    me, form = who(request), await request.post()
    before, after = str(form.get("before", "")), str(form.get("after", ""))
    relay = request.app[RELAY]
    async with relay.store.read() as conn:
        row = await users.secrets_of(conn, me.municipality_id, me.user_id)
    if errors := await _wrong(row.password_hash, before, after, (row.name, row.login)):
        said = {name: words.say(language_of(request), sentence) for name, sentence in errors.items()}
        return await render(request, "access/password.html", PasswordPage(once=me.password_once, errors=said), status=400)
    kept, stamp = await passwords.hashed(after), Stamp(by=me.name, at=relay.clock.now())
    async with relay.store.write() as conn:
        await users.set_password(conn, me.municipality_id, me.user_id, kept, stamp, keep=me.session_id)
    raise web.HTTPSeeOther("/")


async def _wrong(kept: str, before: str, after: str, names: tuple[str, ...]) -> dict[str, str]:
    if not await passwords.right(kept, before):
        return {"before": NOT_YOUR_PASSWORD}
    try:
        passwords.check(after, names=(*names, before))
    except BadInput as error:
        return {"after": str(error)}
    return {}


# --- the account --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountPage:
    """Who one is here."""

    user: users.Known
    roles: list[str]
    languages: Mapping[str, str]
    manages: bool


async def shown(request: web.Request) -> web.StreamResponse:
    """Show the reader's account."""
    me = who(request)
    async with request.app[RELAY].store.read() as conn:
        user = await users.find(conn, me.municipality_id, me.user_id)
    roles = [words.say(language_of(request), name) for role, name in ROLES.items() if role in user.roles]
    page = AccountPage(user=user, roles=roles, languages=words.LANGUAGES, manages=me.may(ADMINISTRATORS))
    return await render(request, "access/account.html", page)


async def change(request: web.Request) -> web.StreamResponse:
    """Change how one is reached, and the language of the pages."""
    email, phone, language = [await field(request, name, 254) for name in ("email", "phone", "language")]
    async with writing(request) as (conn, town, by):
        chosen = language if language in words.LANGUAGES else ""
        await users.change(conn, town, who(request).user_id, by, email=email, phone=phone, language=chosen)
    response = web.Response(status=303, headers={"Location": "/me"})
    if chosen != who(request).language:  # whoever chooses here does not mean what the menu was told before
        cookies.drop(request, response, cookies.LANGUAGE)
    return response


# --- the second factor --------------------------------------------------------------------------------------------------

NO_PICTURE = Markup()
WRONG_CODE = "That code is not right, or was used already. Wait for the next one."


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorPage:
    """Turning the second factor on or off."""

    on: bool
    recovery_left: int
    #: of a new authenticator: as it is written in by hand, its picture, and sealed for the way back
    secret: str = ""
    picture: Markup = NO_PICTURE
    sealed: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryPage:
    """Recovery codes, shown once."""

    codes: list[str]


def _place(user_id: int) -> str:
    return f"form.totp:{user_id}"


async def second_factor(request: web.Request) -> web.StreamResponse:
    """Show whether the second factor is on; else a new secret as a picture."""
    return await _factor(request, "", "", 200)


async def _factor(request: web.Request, secret: str, error: str, status: int) -> web.StreamResponse:
    me = who(request)
    async with request.app[RELAY].store.read() as conn:
        user = await users.find(conn, me.municipality_id, me.user_id)
    said = words.say(language_of(request), error) if error else ""
    if user.second_factor:
        page = FactorPage(on=True, recovery_left=user.recovery_left, error=said)
        return await render(request, "access/second_factor.html", page, status=status)
    secret = secret or factor.new_secret()
    picture = Markup(factor.picture(factor.address(secret, user.login, "")))  # noqa: S704 - segno's own, of our own address
    sealed = base64.b64encode(sealing.keyring().seal(secret, _place(me.user_id))).decode()
    page = FactorPage(on=False, recovery_left=0, secret=secret, picture=picture, sealed=sealed, error=said)
    return await render(request, "access/second_factor.html", page, status=status)


async def factor_on(request: web.Request) -> web.StreamResponse:
    """Turn the second factor on, if the app shows the right code; show the recovery codes, once."""
    me, code = who(request), await field(request, "code", 40)
    secret = _opened(await field(request, "sealed", 500), _place(me.user_id))
    step = factor.step_of(secret, code, request.app[RELAY].clock.now())
    if step is None:
        return await _factor(request, secret, WRONG_CODE, 400)
    codes = factor.new_recovery_codes()
    async with writing(request) as (conn, town, by):
        if (await users.find(conn, town, me.user_id)).second_factor:
            raise NotAllowed("The second factor is on already.")
        await users.set_second_factor(conn, town, me.user_id, secret, [factor.kept(one) for one in codes], by)
        await users.took_step(conn, me.user_id, step)
        await sessions.showed_second_factor(conn, me.session_id, by.at)
    return await render(request, "access/recovery.html", RecoveryPage(codes=codes))


def _opened(sealed: str, place: str) -> str:
    """Return the secret that the form carried; BadInput when it is not one of ours, or another user's."""
    try:
        return sealing.keyring().open(base64.b64decode(sealed), place)
    except (Unreadable, ValueError) as error:
        raise BadInput("This form is too old. Load the page again.") from error


async def factor_off(request: web.Request) -> web.StreamResponse:
    """Turn the second factor off, if the code is right."""
    return await _with_code(request, off=True)


async def factor_shown(request: web.Request) -> web.StreamResponse:
    """Show the second factor for a grave act that follows."""
    return await _with_code(request, off=False)


async def _with_code(request: web.Request, *, off: bool) -> web.StreamResponse:
    me, code = who(request), await field(request, "code", 40)
    async with writing(request) as (conn, town, by):
        right = await factor.take(conn, await users.secrets_of(conn, town, me.user_id), code, by.at)
        if right and off:
            await users.set_second_factor(conn, town, me.user_id, None, (), by)
        elif right:
            await sessions.showed_second_factor(conn, me.session_id, by.at)
    if not right:
        return await _factor(request, "", WRONG_CODE, 400)
    raise back("/me/second-factor")
