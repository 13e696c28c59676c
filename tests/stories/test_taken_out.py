"""A story that cannot fail proves nothing: each is told once more in a house from which the behaviour that it names has been taken out.

A row is a story, what is taken out in words, and how. The story must then fail by what it asserts, not by stumbling.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from inspect import getmembers, isfunction
from typing import Any

import pytest
from sqlalchemy import select

from channels.base import Evidence
from messages.reply import Reply, understand
from relay import receipts, talk
from relay.dispatch.texts import Texts
from relay.routing import plan as routing_plan
from relay.store import alerts, answers, plan, reach, recipients, threads, troubles
from relay.store.tables import recipient
from tests.stories import test_a_night as night
from tests.stories.town import ON_SQLITE, Town

Take = Callable[[pytest.MonkeyPatch], None]


@dataclass(frozen=True)
class Without:
    """A story, and a house in which it must not come true."""

    story: Callable[..., Awaitable[None]]
    #: what is taken out
    words: str
    take: Take


def put(module: object, name: str, value: Any) -> Take:
    """Replace one function or table of the house."""
    return lambda patch: patch.setattr(module, name, value)


async def nothing(*_: object, **__: object) -> None:
    """Do not do it."""


async def no_legend(*_: object) -> int:
    """Give every alert the first one's digits."""
    return 0


async def nobody(*_: object) -> dict[int, bool]:
    """Follow no one."""
    return {}


async def everybody(conn: Any, issue: Any) -> dict[int, bool]:
    """Follow who was planned, whether or not anything came to them."""
    rows = await conn.execute(select(recipient.c.person_id).where(recipient.c.alert_id != issue.alert_id))
    return dict.fromkeys(rows.scalars(), False)


async def who_read_it(conn: Any, issue: Any, found: Any = plan._followers) -> dict[int, bool]:
    """Follow all, and forget who passed it on."""
    return dict.fromkeys(await found(conn, issue), False)


def first_digit(text: str, **known: Any) -> Any:
    """Read the digit at the beginning of a sentence as an answer."""
    return understand(text[:1] if text[:1].isdigit() else text, **known)


def no_danger(text: str, **known: Any) -> Any:
    """Hear no danger words."""
    return Reply(meaning=understand(text, **known).meaning, text=text)


def unmarked(patch: pytest.MonkeyPatch) -> None:
    """Leave the mark out, and the check that finds it missing. What the story itself expects, it looks up elsewhere."""
    patch.setattr("messages.voice.Voice.mark", lambda *_: "")
    patch.setattr("messages.render.sealed", lambda _kind, copy, _facts: copy)


def at_any_hour(patch: pytest.MonkeyPatch) -> None:
    """Disturb people when they sleep: the plan and the last look both forget the hours."""
    patch.setattr(routing_plan, "_pierces", lambda *_: True)
    patch.setattr(Texts, "_not_before", lambda *_: None)


def gravest_wins(opened: Any, reply: Any) -> Any:
    """Take a bare digit for an answer to the gravest alert."""
    return talk._bound(reply, [min(opened, key=lambda asked: (asked.gravity, asked.number))], "guess", {})


def each_counts(reply: Any, asked: Any, by: str, **_: object) -> talk.Bound:
    """Count the people reached once for everybody who shares a phone."""
    return talk.Bound(asked=asked, meaning=reply.meaning, count=reply.count, means=reply.means, by=by)


TAKEN_OUT = (
    Without(night.test_a_message_goes_out_is_confirmed_and_counted, "an answer spares the reminder", put(answers, "SPARES", {})),
    Without(
        night.test_a_message_goes_out_is_confirmed_and_counted,
        "an answer moves a person on the ladder",
        put(answers, "bind", nothing),
    ),
    Without(
        night.test_a_quiet_one_is_reminded_and_then_the_deputy_is_asked,
        "a quiet person's deputy is asked",
        put(plan, "deputy_turn", lambda *_: None),
    ),
    Without(
        night.test_a_quiet_one_is_reminded_and_then_the_deputy_is_asked,
        "a deputy waits for their turn",
        put(plan, "deputy_turn", lambda _plan, now: now),
    ),
    Without(
        night.test_a_quiet_one_is_reminded_and_then_the_deputy_is_asked,
        "the deputy's yes spares the call list",
        put(answers, "_spare_by_quorum", nothing),
    ),
    Without(
        night.test_a_met_quorum_spares_the_steps_of_the_group,
        "a met quorum spares deputies and calls",
        put(answers, "QUORUM_SPARES", frozenset()),
    ),
    Without(
        night.test_a_switched_off_phone_brings_the_next_channel_forward,
        "a failed way brings the next one forward",
        put(troubles, "pull_next", nothing),
    ),
    Without(
        night.test_who_cannot_be_reached_at_all_is_named,
        "used-up ways count as failed",
        put(recipients, "HOPEFUL", frozenset(Evidence)),
    ),
    Without(night.test_who_cannot_be_reached_at_all_is_named, "the reason is said in words", put(reach, "words", str)),
    Without(
        night.test_two_open_alerts_and_a_bare_digit,
        "a bare digit acknowledges neither of two open alerts",
        put(talk, "_which", gravest_wins),
    ),
    Without(night.test_two_open_alerts_and_a_bare_digit, "the second alert has digits of its own", put(alerts, "free_legend", no_legend)),
    Without(night.test_stop_is_obeyed_and_becomes_a_task, "STOP takes the address out of use", put(threads, "opt", nothing)),
    Without(
        night.test_four_children_missing_is_no_answer,
        "a digit is an answer only when it stands alone",
        put(receipts, "understand", first_digit),
    ),
    Without(night.test_four_children_missing_is_no_answer, "danger words are heard", put(receipts, "understand", no_danger)),
    Without(
        night.test_a_withdrawal_follows_the_message_and_nobody_else,
        "who was only waiting hears nothing",
        put(plan, "_followers", everybody),
    ),
    Without(
        night.test_a_withdrawal_follows_the_message_and_nobody_else,
        "whoever passed it on is asked to say so",
        put(plan, "_followers", who_read_it),
    ),
    Without(night.test_a_withdrawal_follows_the_message_and_nobody_else, "whoever got it is told", put(plan, "_followers", nobody)),
    Without(night.test_a_shared_number_answers_for_both_and_counts_once, "the people reached count once", put(talk, "_one", each_counts)),
    Without(night.test_an_exercise_cannot_look_real, "the mark is the first and last word", unmarked),
    Without(night.test_an_exercise_cannot_look_real, "an exercise keeps quiet hours", at_any_hour),
)
STORIES = {name: story for name, story in getmembers(night, isfunction) if name.startswith("test_")}


def test_no_story_is_left_out() -> None:
    assert {without.story for without in TAKEN_OUT} == set(STORIES.values())


@ON_SQLITE
@pytest.mark.parametrize("without", TAKEN_OUT, ids=lambda without: without.words)
async def test_the_story_fails(without: Without, town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    without.take(monkeypatch)
    parameters = {"language": "so"} if without.story is night.test_an_exercise_cannot_look_real else {}
    with pytest.raises(AssertionError):
        await without.story(town, **parameters)
