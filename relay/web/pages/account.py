"""One's own account: password, second factor, how one is reached, in which language."""

from dataclasses import dataclass, field

from aiohttp import web

from relay.model import BadInput
from relay.store import users
from relay.store.register import Stamp
from relay.web import passwords, words
from relay.web.keys import RELAY
from relay.web.page import language_of, render
from relay.web.who import who

NOT_YOUR_PASSWORD = "That is not the password that you have now."


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordPage:
    """What the page for a new password shows."""

    #: somebody else has seen the present one
    once: bool
    errors: dict[str, str] = field(default_factory=dict)


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
