"""A municipality's own policy as a file: read with clear errors, and written out as it would be read."""

import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

from messages.alert import Gravity
from relay.model import Action, BadInput, Policy, Step
from relay.routing.policy import DEFAULT_POLICY, steps_for

#: what a file calls the gravities
NAMES: Mapping[str, Gravity] = {"life": Gravity.LIFE, "standard": Gravity.STANDARD, "routine": Gravity.ROUTINE}
#: minutes; a week: later than this nobody needs an alert
LATEST = 7 * 24 * 60

HEAD = """\
# How hard the house tries, step by step. Minutes count from the person's own first message, by how grave the alert is;
# what is left out is not done. The message comes first, at 0. What is graver is never tried later.
"""


def read(text: str, name: str) -> Policy:
    """Return the policy that a file describes. Raises BadInput that says what is wrong and where."""
    try:
        told = tomllib.loads(text)
    except tomllib.TOMLDecodeError as why:
        raise BadInput(f"This is no TOML: {why}.") from why
    unknown = told.keys() - {"count_after_minutes", "step"}
    if unknown:
        raise BadInput(f"{', '.join(sorted(unknown))}: not known here. Known are count_after_minutes and [[step]].")
    steps = told.get("step", [])
    if not isinstance(steps, list) or not steps:
        raise BadInput("There is no [[step]]. `budstikke policy --as-file` prints an example.")
    policy = Policy(
        name=name,
        steps=tuple(_step(place, one) for place, one in enumerate(steps)),
        count_after_minutes=_minutes(told.get("count_after_minutes", DEFAULT_POLICY.count_after_minutes), "count_after_minutes", 1),
    )
    for gravity in Gravity:
        steps_for(policy, gravity)
    _not_twice(policy.steps)
    return policy


def written(policy: Policy) -> str:
    """Return the policy as a file."""
    lines = [HEAD, "# from “will pass on” to the question about how many", f"count_after_minutes = {policy.count_after_minutes}"]
    for step in policy.steps:
        minutes = [f"{name} = {step.after_minutes[gravity]}" for name, gravity in NAMES.items() if gravity in step.after_minutes]
        lines += ["", "[[step]]", f'action = "{step.action}"', *minutes]
    return "\n".join(lines) + "\n"


def _step(place: int, told: Any) -> Step:
    where = f"Step {place + 1}"
    if not isinstance(told, dict):
        raise BadInput(f"{where} is no table. Write [[step]] above it.")
    unknown = told.keys() - {"action", *NAMES}
    if unknown:
        raise BadInput(f"{where}: {', '.join(sorted(unknown))} is not known. Known are action, {', '.join(NAMES)}.")
    if told.get("action") not in set(Action):
        raise BadInput(f"{where}: {told.get('action')!r} is no action. It is one of {', '.join(Action)}.")
    after = {gravity: _minutes(told[name], f"{where}, {name}", 0) for name, gravity in NAMES.items() if name in told}
    if not after:
        raise BadInput(f"{where} is never done: give its minutes for {', '.join(NAMES)}.")
    in_order = [after[gravity] for gravity in sorted(after)]
    if in_order != sorted(in_order):
        raise BadInput(f"{where}: what is graver would be tried later than what is less grave.")
    return Step(position=place, action=Action(told["action"]), after_minutes=after)


def _minutes(value: Any, where: str, least: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= LATEST:
        raise BadInput(f"{where}: {value!r} is no number of minutes from {least} to {LATEST}.")
    return value


def _not_twice(steps: Sequence[Step]) -> None:
    """Each action once: a second reminder is one that nobody asked for."""
    actions = [step.action for step in steps]
    twice = sorted({action for action in actions if actions.count(action) > 1})
    if twice:
        raise BadInput(f"{', '.join(twice)}: twice. Nobody is chased: each action stands once.")
