"""Users of a municipality, their roles, invitations and sessions: for its administrators; one's own sessions: for everybody."""

from collections.abc import Mapping
from dataclasses import dataclass, field as field_of, replace

from aiohttp import web

from relay.authority import ADMINISTRATORS
from relay.model import BadInput, NotAllowed, Role
from relay.store import invitations, letters, people, sessions, users
from relay.store.columns import AnyRow
from relay.web import passwords, words
from relay.web.act import back, field, number, writing
from relay.web.keys import RELAY
from relay.web.page import language_of, remember, render
from relay.web.who import who

#: what the pages call the roles, in the order in which they stand in a form
ROLES: Mapping[Role, str] = {
    Role.ADMINISTRATOR: "Administrator",
    Role.COORDINATOR: "Coordinator",
    Role.APPROVER: "Approver",
    Role.DUTY_OFFICER: "Duty officer",
    Role.VIEWER: "Viewer",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class UsersPage:
    """Everybody who may come in, and who is invited."""

    users: list[users.Known]
    invitations: list[AnyRow]
    roles: Mapping[Role, str]
    #: of the form that was refused: its ticks, its fields, and what is wrong, by field
    chosen: frozenset[Role]
    written: Mapping[str, str]
    errors: Mapping[str, str]
    languages: Mapping[str, str]
    #: from whom an invitation can be sent; "" where it must be handed over
    sender: str
    #: what became of each invitation's letter, by the invitation's hash
    posted: Mapping[str, letters.Posted]


@dataclass(frozen=True, slots=True, kw_only=True)
class UserPage:
    """One user."""

    user: users.Known
    roles: Mapping[Role, str]
    sessions: list[AnyRow]
    #: it is the reader
    own: bool
    #: why other roles were not given, and what was ticked
    refused: str = ""
    chosen: frozenset[Role] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkPage:
    """A link that is shown once, to be handed over."""

    name: str
    link: str
    new: bool
    #: to whom it is on its way by e-mail; "" where it must be handed over
    mailed: str = ""
    #: it was to be sent, and could not be
    unsent: bool = False


async def listed(request: web.Request) -> web.StreamResponse:
    """List users and invitations."""
    return await _listed(request)


async def _listed(request: web.Request, written: Mapping[str, str] | None = None, errors: Mapping[str, str] | None = None) -> web.Response:
    relay, town = request.app[RELAY], who(request).municipality_id
    async with relay.store.read() as conn:
        found = await users.listed(conn, town)
        invited = await invitations.listed(conn, town, relay.clock.now())
        sender = await letters.sender(conn, town)
        posted = await letters.posted(conn, town, invitations.LETTER)
    page = UsersPage(
        users=found,
        invitations=invited,
        roles=ROLES,
        chosen=await _roles(request) if errors else frozenset(),
        written=written or {"language": language_of(request), "send": "yes"},
        errors=errors or {},
        languages=words.LANGUAGES,
        sender=sender.address if sender else "",
        posted={cause.removeprefix(invitations.LETTER): one for cause, one in posted.items()},
    )
    return await render(request, "access/users.html", page, status=400 if errors else 200)


async def shown(request: web.Request) -> web.StreamResponse:
    """Show one user of this municipality."""
    return await _shown(request)


async def _shown(request: web.Request, refused: str = "", status: int = 200) -> web.Response:
    """`refused`: why other roles were not given; what was ticked stays ticked."""
    relay, me = request.app[RELAY], who(request)
    async with relay.store.read() as conn:
        user = await users.find(conn, me.municipality_id, number(request, "user"))
        open_ones = await sessions.listed(conn, me.municipality_id, relay.clock.now(), of_user=user.user_id)
    page = UserPage(user=user, roles=ROLES, sessions=open_ones, own=user.user_id == me.user_id, refused=refused)
    page = replace(page, chosen=await _roles(request) if refused else user.roles)
    return await render(request, "access/user.html", page, status=status)


async def _roles(request: web.Request) -> frozenset[Role]:
    form = await request.post()
    return frozenset(Role(value) for value in form.getall("role", []) if isinstance(value, str) and value in set(Role))


async def invite(request: web.Request) -> web.StreamResponse:
    """Make an invitation, send its link if that was asked for, and show it, once."""
    name, email, roles = await field(request, "name", 120), await field(request, "email", 254), await _roles(request)
    language, sends, wrong = await field(request, "language", 2), await field(request, "send", 3) if email else "", "email"
    language, mailed = language if language in words.LANGUAGES else language_of(request), False
    try:
        new = users.NewUser(name=name, roles=roles, email=users.mailbox(email), language=language)
        wrong = "name" if not name else "role"
        async with writing(request) as (conn, town, by):
            token = await invitations.invite(conn, town, new, by, invited_by=who(request).user_id, by_mail=bool(sends))
            if sends:
                letter = _letter(request, new, token, (await people.place(conn, town)).name)
                mailed = await letters.post(conn, town, letter, by.at) is not None
    except BadInput as refused:
        written = {"name": name, "email": email, "language": language, "send": sends}
        return await _listed(request, written, {wrong: words.refused(language_of(request), refused)})
    request.app[RELAY].pulse.ring()
    return await _link(request, name, token, new=True, mailed=new.email if mailed else "", unsent=bool(sends) and not mailed)


def _letter(request: web.Request, new: users.NewUser, token: str, town: str) -> letters.Letter:
    """Write the letter that carries an invitation's link, in the language of whoever gets it."""
    language, link = new.language, f"{_address(request, token)}?lang={new.language}"
    names = {"by": who(request).name, "name": new.name, "town": town}
    said = [
        words.say(language, "%(by)s invites you, %(name)s, to Budstikke, by which %(town)s warns in many languages.", **names),
        words.say(language, "Open this link within seven days, and choose a sign-in name and a password:"),
        link,
        words.say(language, "It lets one person in, once. Do you not know why you get it? Ring the municipality before you open it."),
    ]
    return letters.Letter(
        to=new.email,
        language=new.language,
        text="\n\n".join(said),
        cause=invitations.cause(sessions.hashed(token)),
        life=invitations.LIFE,
    )


async def reset(request: web.Request) -> web.StreamResponse:
    """Make a link to a new password and show it, once."""
    user_id = number(request, "user")
    async with writing(request) as (conn, town, by):
        token = await invitations.reset(conn, town, user_id, by, invited_by=who(request).user_id)
        user = await users.find(conn, town, user_id)
    return await _link(request, user.name, token, new=False)


async def _link(request: web.Request, name: str, token: str, *, new: bool, mailed: str = "", unsent: bool = False) -> web.StreamResponse:
    page = LinkPage(name=name, link=_address(request, token), new=new, mailed=mailed, unsent=unsent)
    return await render(request, "access/link.html", page)


def _address(request: web.Request, token: str) -> str:
    return f"{request.app[RELAY].desk.public_url}/invitation/{token}"


async def take_back(request: web.Request) -> web.StreamResponse:
    """Take an invitation back."""
    async with writing(request) as (conn, town, by):
        await invitations.take_back(conn, town, number(request, "invitation"), by)
    raise back("/users")


async def set_roles(request: web.Request) -> web.StreamResponse:
    """Give a user other roles."""
    user_id, roles = number(request, "user"), await _roles(request)
    try:
        async with writing(request) as (conn, town, by):
            await users.set_roles(conn, town, user_id, roles, by)
    except (BadInput, NotAllowed) as refused:
        status = 400 if isinstance(refused, BadInput) else 403
        return await _shown(request, words.refused(language_of(request), refused), status)
    raise back(f"/users/{user_id}")


async def shut_out(request: web.Request) -> web.StreamResponse:
    """Shut a user out at once."""
    return await _set_active(request, active=False)


async def let_in(request: web.Request) -> web.StreamResponse:
    """Let a user in again."""
    return await _set_active(request, active=True)


async def _set_active(request: web.Request, *, active: bool) -> web.StreamResponse:
    user_id = number(request, "user")
    async with writing(request) as (conn, town, by):
        await users.set_active(conn, town, user_id, by, active=active)
    raise back(f"/users/{user_id}")


# --- sessions -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionsPage:
    """One's own sessions; for an administrator everybody's."""

    own: list[AnyRow]
    others: list[AnyRow]
    #: the session that reads this
    here: int


async def open_sessions(request: web.Request) -> web.StreamResponse:
    """List sessions that are open."""
    relay, me = request.app[RELAY], who(request)
    async with relay.store.read() as conn:
        found = await sessions.listed(conn, me.municipality_id, relay.clock.now())
    own = [row for row in found if row.user_id == me.user_id]
    others = [row for row in found if row.user_id != me.user_id] if me.may(ADMINISTRATORS) else []
    return await render(request, "access/sessions.html", SessionsPage(own=own, others=others, here=me.session_id))


async def end_session(request: web.Request) -> web.StreamResponse:
    """End a session: one's own, or, for an administrator, any of the municipality."""
    me = who(request)
    async with writing(request) as (conn, town, by):
        of_user = None if me.may(ADMINISTRATORS) else me.user_id
        await sessions.revoke(conn, town, number(request, "session"), by, of_user=of_user)
    raise back("/sessions")


# --- the link -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitedPage:
    """What whoever holds the link sees."""

    token: str
    name: str
    #: whose password is renewed; "": they choose what they sign in with
    login: str
    #: what was written in, and what is wrong with it, by field; the password is never shown back
    written: Mapping[str, str] = field_of(default_factory=dict)
    errors: Mapping[str, str] = field_of(default_factory=dict)


async def invited(request: web.Request) -> web.StreamResponse:
    """Show the form behind an invitation. Looking uses nothing up."""
    relay, token = request.app[RELAY], request.match_info["token"]
    async with relay.store.read() as conn:
        row = await invitations.find(conn, token, relay.clock.now())
    response = await render(request, "access/invited.html", InvitedPage(token=token, name=row.name, login=row.login or ""))
    remember(request, response)  # behind this link is somebody who will work here
    return response


async def accept(request: web.Request) -> web.StreamResponse:
    """Use an invitation: a user with a password of their own, who signs in next."""
    relay, token = request.app[RELAY], request.match_info["token"]
    login, phone = await field(request, "login", 120), await field(request, "phone", 40)
    password = str((await request.post()).get("password", ""))
    async with relay.store.read() as conn:
        row = await invitations.find(conn, token, relay.clock.now())
    wrong = "password"
    try:
        passwords.check(password, names=(row.name, login, row.login or ""))
        wrong = "phone"
        users.number(phone)
        wrong = "login"
        kept = await passwords.hashed(password)
        async with relay.store.write() as conn:
            await invitations.accept(conn, row, login, kept, relay.clock.now(), phone=phone)
    except BadInput as refused:
        errors = {wrong: words.refused(language_of(request), refused)}
        page = InvitedPage(token=token, name=row.name, login=row.login or "", written={"login": login, "phone": phone}, errors=errors)
        return await render(request, "access/invited.html", page, status=400)
    raise back("/sign-in?ready=yes")
