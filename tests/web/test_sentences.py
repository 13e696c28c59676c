"""Every state, reason, step and task has a word on the pages: one that lacks it would bring the whole page down."""

import ast
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, get_args

import pytest

from channels.base import Evidence, Reason
from relay.echo import alarm_words
from relay.model import Action, AlertState, DeliveryState, LeftOut, Rung, SparedBy, TaskKind
from relay.running import ORDINARY
from relay.store import senders
from relay.store.acting import Face
from relay.store.names import ActName, EventName
from relay.web import sentences, words
from relay.web.api.operation import Scope
from relay.web.pages import alert_of, audit_words, run_alert, settings, tasks, waits
from tests.meta.repository import ROOT
from tests.meta.ui_words import TRANSLATED, catalogue

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
    "acts": (audit_words.ACTS, get_args(ActName)),
    "through what": (audit_words.FACES, get_args(Face)),
    "events": ({**sentences.EVENTS, "answer": "said by what was answered"}, (*get_args(EventName), *(f"task.{kind}" for kind in TaskKind))),
    "scopes": (settings.SCOPES, Scope),
    "ordinary channels": (run_alert.CHANNELS, ORDINARY),
}
#: sentences that the catalogue's own test does not find: they begin with a small letter, or stand in rooms that speak to others too
OTHERS: Iterable[str] = (
    *(*audit_words.FACES.values(), *audit_words.CHOICES.values(), *(about for _, about in settings.SCOPES.values())),
    *(*(reason.words for reason in Reason), *senders.WORDS.values()),
)


@pytest.mark.parametrize("name", TABLES)
def test_every_value_has_its_word(name: str) -> None:
    table, values = TABLES[name]
    assert [one for one in values if one not in table and str(one) not in table] == []


@pytest.mark.parametrize("language", TRANSLATED)
def test_what_only_tables_hold_is_in_the_catalogues(language: str) -> None:
    known = catalogue(language)
    assert [one for one in OTHERS if one not in known] == []


@pytest.mark.parametrize("language", TRANSLATED)
def test_what_is_written_down_with_a_task_can_be_said(language: str) -> None:
    """Why it was opened and what came of it stand in the database in English."""
    rooms = (*(ROOT / "relay" / "store").glob("*.py"), *(ROOT / "relay").glob("*.py"))
    said = {one for room in rooms for one in _of_tasks(ast.parse(room.read_text(encoding="utf-8")))}
    assert {"sent again", "looked over", "erased"} <= said
    known = catalogue(language)
    assert [one for one in said if one not in known] == []


def _of_tasks(tree: ast.Module) -> Iterator[str]:
    """Yield the sentences that a room gives as `words` or `outcome` of a task, or closes one with."""
    for node in ast.walk(tree):
        found: list[ast.expr] = []
        if isinstance(node, ast.keyword) and node.arg in ("words", "outcome"):
            found = [node.value]
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "words":
            found = [node.value]
        if isinstance(node, ast.Dict):
            found = [value for key, value in zip(node.keys, node.values, strict=True) if getattr(key, "value", "") in ("words", "outcome")]
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in ("close_cause", "close_tasks"):
            found = node.args[-2:-1]
        yield from (one.value for one in found if isinstance(one, ast.Constant) and isinstance(one.value, str) and one.value)


def test_what_is_written_down_of_an_act_is_said() -> None:
    """Mypy holds the names of acts to ActName; what stands beside them is told by the calls themselves."""
    names = {name for path in (ROOT / "relay").rglob("*.py") for name in _details(ast.parse(path.read_text(encoding="utf-8")))}
    assert {"roles", "scopes", "deliveries"} <= names
    assert names - set(audit_words.DETAILS) - audit_words.SAID == set()


def _details(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        called = getattr(node.func, "attr", getattr(node.func, "id", "")) if isinstance(node, ast.Call) else ""
        if called in ("acted", "_acted"):
            yield from (one.arg for one in node.keywords if one.arg and one.arg not in ("municipality_id", "subject"))  # type: ignore[attr-defined]


def test_what_came_of_a_task_is_said_with_what_somebody_added() -> None:
    assert sentences.came_of("nb", "Rang them. They are at home. All well") == "Har ringt dem. They are at home. All well"
    assert sentences.came_of("nb", "Ble ringt") == "Ble ringt"
    assert sentences.came_of("nb", "") == ""


@pytest.mark.parametrize("language", TRANSLATED)
@pytest.mark.parametrize("kind", [TaskKind.DANGER, TaskKind.RING])
def test_the_duty_telephone_names_the_page_as_the_menu_does(kind: TaskKind, language: str) -> None:
    page = words.say(language, "Inbox").lower()
    assert f" {page}en " in alarm_words(kind, None, language)
