"""Routing: who gets what, when, and why not. Pure: an alert, a class of like people, a policy and `now` in, a plan out.

`area` asks whether the alert concerns the municipality, `hours` when somebody may be disturbed, `policy` how hard the house
tries, and `plan` puts the three together. The store expands a class's plan to rows.
"""

from relay.routing.area import How, Inside, inside
from relay.routing.hours import Moment, first_moment
from relay.routing.plan import deputy_turn, earliest, plan_class, plan_deputy
from relay.routing.policy import (
    CORRECTIONS,
    DEFAULT_POLICY,
    INSTEAD,
    PULLS_FORWARD,
    QUORUM_SPARES,
    SPARES,
    describe,
    steps_for,
)

__all__ = [
    "CORRECTIONS",
    "DEFAULT_POLICY",
    "INSTEAD",
    "PULLS_FORWARD",
    "QUORUM_SPARES",
    "SPARES",
    "How",
    "Inside",
    "Moment",
    "deputy_turn",
    "describe",
    "earliest",
    "first_moment",
    "inside",
    "plan_class",
    "plan_deputy",
    "steps_for",
]
