"""Decides what follows from what a person wrote: what is bound to which alert, sent back, opened as a task, stopped. Pure.

`decide` takes the understood reply and what is known of its writer, and says what is bound, said, opened and stopped.
The store does it, in one transaction.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from messages.alert import Kind
from messages.frames import Notice
from messages.reply import Meaning, Reply
from relay.model import Rung, TaskKind

#: automatic replies an hour to one number: two robots must not talk all night
MOST_REPLIES = 5
#: danger is answered beyond that, but not for ever
MOST_DANGER_REPLIES = 20

#: answers that move a person on the ladder
LADDER: Mapping[Meaning, Rung] = {
    Meaning.RECEIVED: Rung.RECEIVED,
    Meaning.WILL_PASS: Rung.WILL_PASS,
    Meaning.PASSED_ON: Rung.PASSED_ON,
    Meaning.CANNOT: Rung.CANNOT,
    Meaning.RING_ME: Rung.RING_ME,
}
#: answers that say more than that it was read
_MORE_THAN_READ = frozenset(LADDER.values()) - {Rung.RECEIVED}
_ECHO: Mapping[Meaning, Notice] = {
    Meaning.RECEIVED: Notice.ECHO_RECEIVED,
    Meaning.WILL_PASS: Notice.ECHO_WILL_PASS,
    Meaning.PASSED_ON: Notice.ECHO_PASSED_ON,
    Meaning.CANNOT: Notice.ECHO_CANNOT,
    Meaning.RING_ME: Notice.ECHO_RING_ME,
}
_ASKED: Mapping[Meaning, Notice] = {
    Meaning.MENU: Notice.MENU,
    Meaning.IN_FORCE: Notice.IN_FORCE,
    Meaning.VERIFY: Notice.VERIFY,
}
#: replies about no one alert that belong to an exercise when nothing real is open; leaving and resting are always real
_IN_THE_EXERCISE = frozenset({Notice.MENU, Notice.IN_FORCE, Notice.VERIFY, Notice.WHICH_ALERT, Notice.ECHO_MESSAGE, Notice.MEDIA_RECEIVED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """An alert that this writer has, or had, in front of them."""

    alert_id: int
    number: int
    legend: int
    gravity: int
    kind: Kind
    topic: str
    recipient_id: int
    person_id: int
    open: bool
    #: the number of the update that holds in its place and is theirs too; 0: there is none
    newer: int = 0
    #: "about how many?" was asked and is not answered
    count_open: bool = False
    #: they have told how many: another number corrects it, as the echo said
    counted: bool = False
    #: the implausible count that was asked back
    doubted: int | None = None
    #: it says that another one was wrong, and asks for nothing but to say so
    withdraws: bool = False
    #: where they stand
    rung: Rung = Rung.NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """Who wrote, as far as the number tells: a number may be two people's, and a person may be in two municipalities."""

    person_ids: tuple[int, ...] = ()
    alerts: tuple[Asked, ...] = ()
    #: the alert that a button, a quoted message or a mail token names beyond doubt
    exact_recipient_id: int | None = None
    replies_last_hour: int = 0
    has_media: bool = False
    #: the provider has answered the opt-out itself
    provider_answered: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """An answer bound to one recipient."""

    asked: Asked
    meaning: Meaning
    count: int | None = None
    means: str = ""
    by: str = "only_open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Say:
    """One automatic reply, and the alert it is about."""

    notice: Notice
    about: Asked | None = None
    values: Mapping[str, str | int] = field(default_factory=dict)
    #: which alert was meant? each that it may be, with the digit to write behind its legend
    offers: tuple[tuple[Asked, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Everything that follows from one inbound message."""

    name: str
    bound: tuple[Bound, ...] = ()
    say: tuple[Say, ...] = ()
    #: a person must read it
    thread: bool = False
    tasks: tuple[TaskKind, ...] = ()
    opts_out: bool = False
    opts_in: bool = False
    pauses: bool = False
    #: alerts whose reminders a message spares
    spares_reminders: tuple[Asked, ...] = ()
    doubts: tuple[Asked, ...] = ()


def decide(reply: Reply, writer: Writer) -> Verdict:
    """Say what follows from `reply`. Danger is answered in any state, and never hides what else was said."""
    verdict = _meaning(reply, writer)
    if ("more-text" in reply.guessed or writer.has_media) and reply.meaning is not Meaning.AUTO_REPLY:
        verdict = _with_more(verdict)
    if "means-unknown" in reply.guessed:
        verdict = replace(verdict, thread=True)
    if reply.danger:
        verdict = _with_danger(verdict, writer)
    if reply.meaning is Meaning.AUTO_REPLY:
        # danger in a machine's mail is before a person, but a machine is never written to
        verdict = replace(verdict, say=())
    return _within_cap(verdict, writer, danger=reply.danger)


def _meaning(reply: Reply, writer: Writer) -> Verdict:
    if reply.meaning in (Meaning.AUTO_REPLY, Meaning.EMPTY):
        return _media(writer) if writer.has_media and reply.meaning is Meaning.EMPTY else Verdict(name=reply.meaning)
    if reply.meaning in (Meaning.STOP, Meaning.START, Meaning.PAUSE):
        return _opting(reply.meaning, writer)
    if not writer.person_ids:
        return Verdict(name="unknown_sender", say=(Say(notice=Notice.NOT_REGISTERED),), thread=True, tasks=(TaskKind.UNKNOWN_SENDER,))
    if reply.meaning in _ASKED:
        return Verdict(name=reply.meaning, say=(Say(notice=_asked_for(reply.meaning, writer)),))
    if reply.meaning in LADDER:
        return _answer(reply, writer)
    return _message(writer)


def _asked_for(meaning: Meaning, writer: Writer) -> Notice:
    nothing = meaning is Meaning.IN_FORCE and not any(asked.open for asked in writer.alerts)
    return Notice.NOTHING_IN_FORCE if nothing else _ASKED[meaning]


def shown_as(say: Say, writer: Writer) -> Kind:
    """Say which kind of alert an automatic reply is marked as: whoever has nothing but exercises open is in one, whatever they ask."""
    if say.about:
        return say.about.kind
    opened = {asked.kind for asked in writer.alerts if asked.open}
    if not opened or Kind.ACTUAL in opened or say.notice not in _IN_THE_EXERCISE:
        return Kind.ACTUAL
    return Kind.EXERCISE if Kind.EXERCISE in opened else Kind.TEST


# --- not answers -------------------------------------------------------------------------------------------------------


def _opting(meaning: Meaning, writer: Writer) -> Verdict:
    silent = writer.provider_answered
    if not writer.person_ids:
        say = () if silent else (Say(notice=Notice.NOT_REGISTERED),)
        return Verdict(
            name="unknown_sender",
            say=say,
            thread=True,
            tasks=(TaskKind.UNKNOWN_SENDER,),
            opts_out=meaning is Meaning.STOP,
            opts_in=meaning is Meaning.START,
            pauses=meaning is Meaning.PAUSE,
        )
    if meaning is Meaning.STOP:
        say = () if silent else (Say(notice=Notice.STOPPED),)
        return Verdict(name="stop", say=say, opts_out=True, tasks=(TaskKind.OPTED_OUT,))
    if meaning is Meaning.START:
        return Verdict(name="start", say=() if silent else (Say(notice=Notice.STARTED),), opts_in=True)
    return Verdict(name="pause", say=(Say(notice=Notice.PAUSED),), pauses=True)


def _media(writer: Writer) -> Verdict:
    return Verdict(
        name="media",
        say=(Say(notice=Notice.MEDIA_RECEIVED),),
        thread=True,
        tasks=(TaskKind.QUESTION,),
        spares_reminders=_the_only_open(writer),
    )


def _message(writer: Writer) -> Verdict:
    """For a person to read. It spares the reminder of the alert it can only be about, and no step of the group."""
    return Verdict(
        name="message",
        say=(Say(notice=Notice.ECHO_MESSAGE),),
        thread=True,
        tasks=(TaskKind.QUESTION,),
        spares_reminders=_the_only_open(writer),
    )


def _the_only_open(writer: Writer) -> tuple[Asked, ...]:
    exact = tuple(asked for asked in writer.alerts if asked.recipient_id == writer.exact_recipient_id)
    opened = [asked for asked in writer.alerts if asked.open]
    one = len({asked.alert_id for asked in opened}) == 1
    return exact or (tuple(opened) if one else ())


# --- answers -----------------------------------------------------------------------------------------------------------


def _answer(reply: Reply, writer: Writer) -> Verdict:
    found, by = _alerts_meant(reply, writer)
    opened = [asked for asked in found if asked.open]
    if len({asked.alert_id for asked in opened}) > 1:
        return _which(opened, reply)
    if "sign" in reply.guessed and any(asked.rung in _MORE_THAN_READ for asked in opened or found):
        # a thumb is a thank-you here, and takes nothing back
        return Verdict(name="thanks")
    if opened:
        return _bound(reply, opened, by, _which_one(opened[0], writer))
    if found:
        closed = max(found, key=lambda asked: asked.number)
        bound = _one(reply, closed, by)
        return Verdict(name="closed", bound=(bound,), say=(_ended(closed),))
    return _message(writer)


def _ended(closed: Asked) -> Say:
    """Nothing more is asked of them, unless an update holds now that has not reached them yet: then it is that one that counts."""
    if closed.newer:
        return Say(notice=Notice.ALERT_REPLACED, about=closed, values={"number": closed.number, "newer": closed.newer})
    return Say(notice=Notice.ALERT_CLOSED, about=closed, values={"number": closed.number})


def _alerts_meant(reply: Reply, writer: Writer) -> tuple[list[Asked], str]:
    """Buttons, quoted messages and numbers name an alert exactly; a digit names it by its legend."""
    if writer.exact_recipient_id is not None:
        return [asked for asked in writer.alerts if asked.recipient_id == writer.exact_recipient_id], "exact"
    if reply.alert_number is not None:
        return [asked for asked in writer.alerts if asked.number == reply.alert_number], "number"
    if reply.legend or reply.legend_named:
        return [asked for asked in writer.alerts if asked.legend == reply.legend], "legend"
    counting = [asked for asked in writer.alerts if asked.count_open] or [asked for asked in writer.alerts if asked.counted]
    if "count-without-3" in reply.guessed and len({asked.alert_id for asked in counting}) == 1:
        return counting, "count_question"
    return list(writer.alerts), "only_open"


def _which(opened: Sequence[Asked], reply: Reply) -> Verdict:
    """Two are open and the answer fits both: it counts for neither, and we ask once, gravest first. "01" names the first alert."""
    digit = {Meaning.RECEIVED: "1", Meaning.WILL_PASS: "2", Meaning.PASSED_ON: "3", Meaning.CANNOT: "4", Meaning.RING_ME: "5"}[
        reply.meaning
    ]
    first = {asked.alert_id: asked for asked in sorted(opened, key=lambda asked: (asked.gravity, asked.number))}
    return Verdict(name="which_alert", say=(Say(notice=Notice.WHICH_ALERT, offers=tuple((asked, digit) for asked in first.values())),))


def _which_one(meant: Asked, writer: Writer) -> Mapping[str, int]:
    """Return what an echo says of its alert: which one it is, where the writer has several open and may have meant another."""
    several = len({asked.alert_id for asked in writer.alerts if asked.open}) > 1
    return {"number": meant.number} if several else {}


def _bound(reply: Reply, opened: Sequence[Asked], by: str, which: Mapping[str, int]) -> Verdict:
    if reply.meaning is Meaning.WILL_PASS and opened[0].withdraws:
        # they mean what was withdrawn, whose digits it has: they read once more that it was wrong, and promise nothing
        return Verdict(name=Meaning.IN_FORCE, say=(Say(notice=Notice.IN_FORCE),))
    if "count-implausible" in reply.guessed and reply.count != opened[0].doubted:
        doubt = Say(notice=Notice.COUNT_UNLIKELY, about=opened[0], values={"count": reply.count or 0, **which})
        return Verdict(name="count_unlikely", say=(doubt,), doubts=tuple(opened))
    bound = tuple(_one(reply, asked, by, first=index == 0) for index, asked in enumerate(opened))
    values: dict[str, str | int] = {**which} if reply.count is None else {"count": reply.count, **which}
    say = Say(notice=_ECHO[reply.meaning], about=opened[0], values=values)
    tasks = (TaskKind.RING,) if reply.meaning is Meaning.RING_ME else ()
    return Verdict(name=reply.meaning, bound=bound, say=(say,), tasks=tasks)


def _one(reply: Reply, asked: Asked, by: str, *, first: bool = True) -> Bound:
    """On a shared number everybody has answered, but the people reached are counted once."""
    return Bound(asked=asked, meaning=reply.meaning, count=reply.count if first else None, means=reply.means, by=by)


# --- more, danger and the cap --------------------------------------------------------------------------------------------------


def _with_more(verdict: Verdict) -> Verdict:
    """What was written, or shown, beside what we understood is for a person to read, whatever became of the rest."""
    read = {TaskKind.QUESTION, TaskKind.UNKNOWN_SENDER} & set(verdict.tasks)
    return replace(verdict, thread=True, tasks=verdict.tasks if read else (*verdict.tasks, TaskKind.QUESTION))


def _with_danger(verdict: Verdict, writer: Writer) -> Verdict:
    kept = tuple(say for say in verdict.say if say.notice not in (Notice.ECHO_MESSAGE, Notice.NOT_REGISTERED))
    about = next((asked for asked in sorted(writer.alerts, key=lambda asked: asked.gravity) if asked.open), None)
    tasks = (TaskKind.DANGER, *(task for task in verdict.tasks if task is not TaskKind.QUESTION))
    return replace(verdict, say=(Say(notice=Notice.DANGER, about=about), *kept), thread=True, tasks=tasks)


def _within_cap(verdict: Verdict, writer: Writer, *, danger: bool) -> Verdict:
    if writer.replies_last_hour < MOST_REPLIES:
        return verdict
    kept = tuple(say for say in verdict.say if say.notice is Notice.DANGER and writer.replies_last_hour < MOST_DANGER_REPLIES)
    return replace(verdict, say=kept if danger else ())
