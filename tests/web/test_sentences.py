"""Every state, reason, step and task has a word on the pages: one that lacks it would bring the whole page down."""

from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from channels.base import Evidence
from relay.model import Action, AlertState, DeliveryState, LeftOut, Rung, SparedBy, TaskKind
from relay.web import sentences
from relay.web.pages import alert_of, tasks, waits

TABLES: Mapping[str, tuple[Mapping[Any, Any], Iterable[Any]]] = {
    "tasks": (sentences.TASKS, TaskKind),
    "what a task asks": (tasks.ASKS, TaskKind),
    "what comes of a task": (tasks.OUTCOMES, TaskKind),
    "evidence": (sentences.EVIDENCE, Evidence),
    "states of a delivery": (sentences.STATES, DeliveryState),
    "what spares": (sentences.SPARED, SparedBy),
    "left out": (sentences.LEFT_OUT, LeftOut),
    "left out, in the review": (waits.LEFT_OUT, LeftOut),
    "steps": (sentences.ACTIONS, Action),
    "rungs": (sentences.RUNGS, Rung),
    "states of an alert": (alert_of.STATES, AlertState),
}


@pytest.mark.parametrize("name", TABLES)
def test_every_value_has_its_word(name: str) -> None:
    table, values = TABLES[name]
    assert [one for one in values if one not in table and str(one) not in table] == []
