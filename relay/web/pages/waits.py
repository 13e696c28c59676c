"""In words: why somebody would get nothing, which groups would be missed, and what an empty house needs first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from messages.languages import Why
from relay.authority import ADMINISTRATORS, WRITERS
from relay.model import LeftOut, WaitFor
from relay.store.coverage import GroupPlan
from relay.store.situation import SetUp
from relay.web.pages.ready import second_person
from relay.web.who import Who

#: who is shown the buttons that begin something
NEXT_STEPS = WRITERS

#: why a person gets nothing, and (what, where) mends it
LEFT_OUT: Mapping[LeftOut, str] = {
    LeftOut.NO_AGREEMENT: "no dated role agreement",
    LeftOut.AGREEMENT_LATER: "the role agreement begins later",
    LeftOut.AGREEMENT_ENDED: "the role agreement has ended",
    LeftOut.AGE_NOT_CONFIRMED: "age of 18 is not confirmed",
    LeftOut.PAUSED: "on pause",
    LeftOut.NO_ADDRESS: "no number and no e-mail",
    LeftOut.NO_USABLE_ADDRESS: "no way that works or may be used",
    LeftOut.NO_TEXT: "no text in any language yet",
    LeftOut.OUTSIDE_AREA: "outside the area of the alert",
    LeftOut.NEVER_GOT_ORIGINAL: "never got the alert that this one is about",
    LeftOut.ENDS_FIRST: "the alert expires before the hours allow it",
    LeftOut.NOT_ASKED: "stands by, and is asked only when the other one does not answer",
}
WAITS: Mapping[WaitFor, str] = {WaitFor.QUIET_HOURS: "quiet hours", WaitFor.WORKING_HOURS: "working hours"}
WHY: Mapping[Why, str] = {
    Why.OWN: "their own language",
    Why.ACCEPTED: "a language they have said they read",
    Why.NORWEGIAN: "none of theirs is written, so Norwegian",
    Why.ENGLISH: "no Norwegian either, so English",
    Why.ONLY: "the only text there is",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A group that an alert would miss, or nearly."""

    group: GroupPlan
    #: danger | warning | info
    color: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One of the first things to do."""

    title: str
    text: str
    to: str
    button: str
    done: bool
    #: whether the asker may do it
    theirs: bool
    #: what is missing, in words, where the title does not say it
    still: tuple[str, ...] = ()


def gaps(groups: Sequence[GroupPlan]) -> list[Gap]:
    """Return the groups that need somebody, the emptiest first: nobody, too few or one alone, then those who would wait."""
    return sorted(
        (Gap(group=group, color=_color(group)) for group in groups if _is_gap(group)),
        key=lambda gap: ("danger", "warning", "info").index(gap.color),
    )


def _is_gap(group: GroupPlan) -> bool:
    return bool(group.unreached or group.lacking or group.alone or len(group.waiting) == len(group.planned))


def _color(group: GroupPlan) -> str:
    if group.unreached:
        return "danger"
    return "warning" if group.lacking or group.alone else "info"


def steps(has: SetUp, me: Who) -> tuple[Step, ...]:
    """Return what a municipality does before its first alert; nothing once all of it is done."""
    if has.done:
        return ()
    writes, manages = me.may(WRITERS), me.may(ADMINISTRATORS)
    return (
        Step(
            title="Put people into the register",
            text="Paste a list or choose a file. You see what it would do before anything is written.",
            to="/people/import",
            button="Import people",
            done=has.people > 0,
            theirs=writes,
        ),
        Step(
            title="Choose who the messages come from",
            text="A number for SMS, one for WhatsApp, a mailbox. In trial mode nothing real is sent.",
            to="/settings",
            button="Open settings",
            done=has.senders > 0,
            theirs=manages,
        ),
        Step(
            title="Let a second person approve",
            text="A real alert is never sent by one person alone. Invite somebody, with a telephone that gets the page.",
            to="/users",
            button="Invite somebody",
            done=not second_person(has),
            still=second_person(has),
            theirs=manages,
        ),
        Step(
            title="Send the first exercise",
            text="Everybody gets a message that begins and ends with the word for exercise in their own language.",
            to="/alerts/new?kind=EXERCISE",
            button="Begin an exercise",
            done=has.exercises > 0,
            theirs=writes,
        ),
    )
