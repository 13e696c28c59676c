"""From empty to ready: what a municipality has, what comes next, and who does it, by what its rows and doctor's checks show."""

from collections.abc import Sequence
from dataclasses import dataclass

from aiohttp import web

from channels.base import Check
from messages.frames import frame_languages
from relay.desk import Desk
from relay.store import readiness
from relay.store.readiness import Ready, Way
from relay.store.situation import SetUp
from relay.web.keys import EXAMINED, RELAY
from relay.web.page import render
from relay.web.who import who

#: what a provider in the house can never show
EMULATED = "The provider is an emulated one: good for trying, and it reaches nobody."
NO_SENDER = "There is no sender yet."
STOPPED = "A sender has stopped: see Settings."
NO_TELEPHONE = "An approver has no telephone here, and is asked by nobody: they enter it under My account."
ONE_WAY = "Nobody can answer this sender. Give it a number to answer, or take a number that can be answered."
NOTHING_ARRIVED = "No message is known to have arrived yet: send an exercise to yourselves."
NO_ANSWER = "No answer has come in yet: answer an exercise. If nothing comes, the provider does not know our address."


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing on the way. `still`: what is missing, in words; none when it is done."""

    title: str
    text: str
    to: str
    button: str
    still: tuple[str, ...]
    #: languages that are meant, by their tags
    languages: tuple[str, ...] = ()
    #: the municipality can do without
    optional: bool = False

    @property
    def done(self) -> bool:
        """Nothing is missing."""
        return not self.still


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadyPage:
    """The way, step by step."""

    steps: tuple[Step, ...]

    @property
    def done(self) -> int:
        """How many are done."""
        return sum(step.done for step in self.steps)

    @property
    def next(self) -> Step | None:
        """The first that is missing and needed."""
        return next((step for step in self.steps if not step.done and not step.optional), None)


async def show(request: web.Request) -> web.StreamResponse:
    """Show an administrator what is done and what comes next."""
    relay = request.app[RELAY]
    async with relay.store.read() as conn:
        ready = await readiness.read(conn, who(request).municipality_id)
    checks = await request.app[EXAMINED]()
    return await render(request, "settings/ready.html", ReadyPage(steps=steps(ready, relay.desk, checks)))


def steps(ready: Ready, desk: Desk, checks: Sequence[Check]) -> tuple[Step, ...]:
    """Return the way from empty to ready."""
    return (*_people_who_run_it(ready), *_ways(ready, desk), *_register(ready), *_at_last(ready, checks))


def _still(*missing: tuple[bool, str]) -> tuple[str, ...]:
    """Return the words of what is missing."""
    return tuple(words for there, words in missing if not there)


def second_person(has: SetUp) -> tuple[str, ...]:
    """Return what is missing until a second person can approve whenever it is needed; the front page says the same."""
    return _still(
        (has.approvers > 0, "Nobody can approve."),
        (has.approvers != 1, "Only one can approve: nobody does while they sleep."),
        (has.paged >= has.approvers, NO_TELEPHONE),
        (has.duty_officers > 0, "There is no duty officer."),
    )


def _people_who_run_it(ready: Ready) -> tuple[Step, ...]:
    return (
        Step(
            title="Let a second person approve",
            text="A real alert is never sent by one person alone. Invite somebody, with a telephone that gets the page.",
            to="/users",
            button="Invite somebody",
            still=second_person(ready.has),
        ),
        Step(
            title="Turn on the second factor",
            text="A password alone does not protect the button that wakes a town.",
            to="/me/second-factor",
            button="Turn it on",
            still=_still((ready.guarded > 0, "No administrator has a second factor.")),
        ),
    )


def _ways(ready: Ready, desk: Desk) -> tuple[Step, ...]:
    sms, whatsapp, email = (ready.ways[medium] for medium in ("sms", "whatsapp", "email"))
    return (
        Step(
            title="A number for SMS",
            text="One that can be answered, at a provider that knows where to bring answers. Numbers and names need papers: begin early.",
            to="/settings",
            button="Open settings",
            still=_proven(sms, desk),
        ),
        Step(
            title="Templates for WhatsApp",
            text="Outside 24 hours only approved templates get through, one for each language, or one that wakes and lets the rest follow.",
            to="/settings",
            button="Open settings",
            still=(*_proven(whatsapp, desk), *_still((whatsapp.templates > 0, "No approved template is known."))),
            optional=True,
        ),
        Step(
            title="A domain for e-mail",
            text="SPF, DKIM and DMARC at the sender's domain, and a domain of our own to which answers and bounces come.",
            to="/doctor",
            button="Open doctor",
            still=_proven(email, desk),
            optional=True,
        ),
    )


def _proven(way: Way, desk: Desk) -> tuple[str, ...]:
    """Return what is not yet shown of a channel: one after the other, since each needs the one before."""
    if not way.senders:
        return (NO_SENDER,)
    real = [one for one in way.senders if not desk.emulates(one.account)]
    if not real:
        return (EMULATED,)
    open_ = all(not one.stopped for one in way.senders)
    found = _still((open_, STOPPED), (way.two_way, ONE_WAY), (way.arrived > 0, NOTHING_ARRIVED), (way.answered > 0, NO_ANSWER))
    return found[:1]


def _register(ready: Ready) -> tuple[Step, ...]:
    wordless = tuple(sorted(ready.languages - set(frame_languages())))
    return (
        Step(
            title="A fixed contact point",
            text="A person whom groups may ring, with hours. The number stands in every message.",
            to="/people/groups",
            button="Open groups",
            still=_still((ready.contact_points > 0, "There is no contact point.")),
        ),
        Step(
            title="Language groups",
            text="A language and a community, with how many must pass a message on before it has come far enough.",
            to="/people/groups",
            button="Open groups",
            still=_still((ready.has.groups > 0, "There is no group.")),
        ),
        Step(
            title="Words for a withdrawal in every language",
            text="Whoever can be warned must be able to hear that it was wrong. Budstikke has these words, and those around every message.",
            to="/people/groups",
            button="Open groups",
            still=_still((not wordless, "These languages have no words of their own, and get Norwegian ones:")),
            languages=wordless,
        ),
        Step(
            title="Put people into the register",
            text="Each with a dated role agreement and the confirmation that they are 18 or older: without these nobody is written to.",
            to="/people/import",
            button="Import people",
            still=_still(
                (ready.has.people > 0, "Nobody is in the register."),
                (ready.agreed >= ready.has.people, "Somebody lacks the agreement or the confirmation of age."),
            ),
        ),
    )


def _at_last(ready: Ready, checks: Sequence[Check]) -> tuple[Step, ...]:
    return (
        Step(
            title="Let doctor look",
            text="Address, certificate, clock, disk, backup, senders: whatever would stop a message tonight.",
            to="/doctor",
            button="Open doctor",
            still=_still((all(one.ok or not one.grave for one in checks), "Something would stop a message.")),
        ),
        Step(
            title="Send the first exercise",
            text="Everybody gets a message that begins and ends with the word for exercise in their own language.",
            to="/alerts/new?kind=EXERCISE",
            button="Begin an exercise",
            still=_still((ready.has.exercises > 0, "No exercise has been out.")),
        ),
        Step(
            title="Say that it is in earnest",
            text="Until then real messages go only to users and to those on the allow-list.",
            to="/trial",
            button="Open trial mode",
            still=_still((ready.in_earnest, "The municipality is on trial.")),
        ),
    )
