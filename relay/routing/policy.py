"""How hard the house tries: the policy that ships, what spares what, and both in words.

The first message asks; everything after it stands by until an answer makes it needless. Nobody is chased: one reminder a person,
then another way to the same person, then another person, then a voice on the telephone.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Literal

from messages.alert import Act, Gravity
from messages.reply import Meaning
from relay.model import Action, BadInput, Policy, Step

#: (minutes after the first message, step), in order of time
Timeline = tuple[tuple[int, Step], ...]

#: acts that take back or end an alert: they go at once to everyone who got it, and ask no one anew
CORRECTIONS = frozenset({Act.WITHDRAW, Act.OVER})

#: what a correction does; nobody is reminded of it, and a deputy who got the alert is told directly
CORRECTION_ACTIONS = frozenset({Action.MESSAGE, Action.OTHER_CHANNEL})


def _minutes(life: int | None, standard: int | None, routine: int | None) -> Mapping[Gravity, int]:
    given = zip(Gravity, (life, standard, routine), strict=True)
    return {gravity: minutes for gravity, minutes in given if minutes is not None}


#: minutes after the person's own first message          action                           LIFE  STANDARD  ROUTINE
DEFAULT_POLICY = Policy(
    name="default",
    steps=(
        Step(position=0, action=Action.MESSAGE, after_minutes=_minutes(0, 0, 0)),
        # danger to life: a phone that is off costs five minutes, not the night; otherwise a friendly reminder comes first
        Step(position=1, action=Action.OTHER_CHANNEL, after_minutes=_minutes(5, 60, 480)),
        Step(position=2, action=Action.REMIND, after_minutes=_minutes(10, 30, 240)),
        Step(position=3, action=Action.DEPUTY, after_minutes=_minutes(15, 120, None)),
        Step(position=4, action=Action.CALL, after_minutes=_minutes(20, 180, None)),
    ),
)

_HEARD_FROM = frozenset({Meaning.RECEIVED, Meaning.WILL_PASS, Meaning.PASSED_ON, Meaning.CANNOT, Meaning.RING_ME, Meaning.PAUSE})
_FOR_THE_GROUP = frozenset({Meaning.WILL_PASS, Meaning.PASSED_ON})

#: the answers that make a waiting row needless: the person's own, and for DEPUTY the principal's.
#: Any other message spares the reminder only: it is read by a person, but has not said that the alert was understood.
#: STOP holds for its channel alone, so another channel stays open
SPARES: Mapping[Action, frozenset[Meaning]] = MappingProxyType(
    {
        # only by other channels than the answer came: where it was written, the rest of the message is still wanted
        Action.MESSAGE: _HEARD_FROM - {Meaning.PAUSE},
        Action.REMIND: _HEARD_FROM | {Meaning.MESSAGE, Meaning.STOP},
        Action.OTHER_CHANNEL: _HEARD_FROM,
        Action.DEPUTY: _FOR_THE_GROUP,
        Action.CALL: _HEARD_FROM,
    }
)

#: the steps of the group: needless when the quorum of every group that the person answers for is met
QUORUM_SPARES = frozenset({Action.DEPUTY, Action.CALL})

#: answers that bring a waiting row forward to now (to `earliest` for the person who gets it)
PULLS_FORWARD: Mapping[Action, frozenset[Meaning]] = MappingProxyType({Action.DEPUTY: frozenset({Meaning.CANNOT})})

#: what comes forward, the first that is still waiting, when a way to a person has failed for good: never a reminder by the same way
INSTEAD = (Action.OTHER_CHANNEL, Action.DEPUTY, Action.CALL)


def steps_for(policy: Policy, gravity: Gravity, act: Act = Act.ISSUE) -> Timeline:
    """List the steps that hold at this gravity for this act; raises BadInput for a policy that does not begin with the message."""
    chosen = sorted(
        (
            (step.after_minutes[gravity], step)
            for step in policy.steps
            if gravity in step.after_minutes and (act not in CORRECTIONS or step.action in CORRECTION_ACTIONS)
        ),
        key=lambda timed: (timed[0], timed[1].position),
    )
    if not chosen or chosen[0][0] != 0 or chosen[0][1].action is not Action.MESSAGE:
        raise BadInput(f"Policy «{policy.name}» does not begin with the message at {gravity.name}. Add it as the first step, at 0 minutes.")
    return tuple(chosen)


# --- in words -----------------------------------------------------------------------------------------------------------

Language = Literal["nb", "en"]

_GRAVITIES = {
    "nb": {
        Gravity.LIFE: "Fare for liv og helse",
        Gravity.STANDARD: "Vanlig varsel",
        Gravity.ROUTINE: "Mindre varsel, øvelse og prøve",
    },
    "en": {
        Gravity.LIFE: "Danger to life and health",
        Gravity.STANDARD: "Ordinary alert",
        Gravity.ROUTINE: "Minor alert, exercise and test",
    },
}
_ACTIONS = {
    "nb": {
        Action.MESSAGE: "melding på personens første kanal",
        Action.REMIND: "påminnelse på første kanal",
        Action.OTHER_CHANNEL: "meldingen på neste kanal",
        Action.DEPUTY: "meldingen til stedfortrederen",
        Action.CALL: "oppgave til vakten: ring",
    },
    "en": {
        Action.MESSAGE: "message by the person's first channel",
        Action.REMIND: "reminder by the first channel",
        Action.OTHER_CHANNEL: "the message by the next channel",
        Action.DEPUTY: "the message to the deputy",
        Action.CALL: "a task for the duty officer: ring",
    },
}
_WORDS = {
    "nb": {
        "now": "Straks",
        "after": "Etter {time}",
        "minutes": "{n} min",
        "hours": "{n} t",
        "pierces": "Går ut også i stille tid og utenfor arbeidstid",
        "waits": "Venter til stille tid er over og arbeidstiden begynner",
        "count": "{time} etter «bringer videre»: spørsmål om omtrent hvor mange",
    },
    "en": {
        "now": "At once",
        "after": "After {time}",
        "minutes": "{n} min",
        "hours": "{n} h",
        "pierces": "Goes out in quiet hours and outside working hours too",
        "waits": "Waits until quiet hours are over and working hours begin",
        "count": "{time} after “will pass on”: the question about how many",
    },
}


def describe(policy: Policy, language: Language = "nb", gravity: Gravity | None = None) -> list[str]:
    """Print the policy as lines to read: a heading for each gravity (or only the one given), its steps with their times, its hours."""
    wanted = Gravity if gravity is None else (gravity,)
    lines = [line for one in wanted for line in _section(policy, language, one)]
    count = _WORDS[language]["count"].format(time=_duration(policy.count_after_minutes, language))
    return [*lines, count]


def _section(policy: Policy, language: Language, gravity: Gravity) -> Iterator[str]:
    words = _WORDS[language]
    yield f"{_GRAVITIES[language][gravity]}:"
    for minutes, step in steps_for(policy, gravity):
        when = words["after"].format(time=_duration(minutes, language)) if minutes else words["now"]
        yield f"  {when}: {_ACTIONS[language][step.action]}"
    yield f"  {words['pierces' if gravity in policy.pierces else 'waits']}"


def _duration(minutes: int, language: Language) -> str:
    unit, n = ("hours", minutes // 60) if minutes >= 120 and minutes % 60 == 0 else ("minutes", minutes)
    return _WORDS[language][unit].format(n=n)
