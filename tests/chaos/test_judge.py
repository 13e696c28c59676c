"""The judge tells an intended reminder from a second copy by what each copy was sent for, however long after the first it left."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from channels.sandbox.ledger import Entry, Event
from messages.form import Medium, Part
from relay.town import Person, Town, town
from tests.chaos.judge import Judgement, Planned, Record, judge
from tests.recount import Book

EVENING = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)
ASK, REMINDER = Planned(1, Part.ASK), Planned(2, Part.REMINDER)
SAID: dict[str, Any] = {"unreachable": [], "perhaps_twice": []}


@pytest.fixture(scope="module")
def place() -> Town:
    """One person lives here, with WhatsApp."""
    everybody = town(60)
    one = next(person for person in everybody.people if person.way(Medium.WHATSAPP) and not person.paused and person.deputy_of is None)
    return replace(everybody, people=(one,))


def copies(person: Person, *minutes: float) -> Sequence[Entry]:
    """The same template, so many minutes after the release; each with a token of its own."""
    given: dict[str, Any] = {
        "event": Event.ACCEPTED,
        "channel": "whatsapp",
        "to": person.way(Medium.WHATSAPP),
        "body": "Les!",
        "status": "delivered",
    }
    given |= {"template": "HX1", "buttons": (("Lest", "1"), ("Kan ikke", "4"))}
    return [
        Entry(n=n, at=EVENING + timedelta(minutes=after), id=f"MM{n}", token=f"token {n}", **given) for n, after in enumerate(minutes, 1)
    ]


def judged(place: Town, sent: Sequence[Entry], *sends: Planned | None, **more: list[str]) -> Judgement:
    """Judge these copies, sent for these planned sends; None: the product knows nothing of it."""
    started = Entry(n=0, at=EVENING, event=Event.STARTED)
    record: Record = {f"token {n}": send for n, send in enumerate(sends, 1) if send is not None}
    return judge(Book([started, *sent], {}), place, SAID | more, record)


def test_a_reminder_in_the_words_of_the_ask_is_no_second_copy(place: Town) -> None:
    """Also one that comes soon after an ask that was late itself."""
    [person] = place.people
    assert judged(place, copies(person, 0, 10), ASK, REMINDER).doubled == ()
    assert judged(place, copies(person, 9.8, 10), ASK, REMINDER).doubled == ()


@pytest.mark.parametrize("minutes", [0.5, 10, 30])
def test_a_second_copy_of_the_ask_is_seen_whenever_it_came(place: Town, minutes: float) -> None:
    """By its time it could be the reminder; by its token it is the ask again."""
    [person] = place.people
    found = judged(place, copies(person, 0, minutes), ASK, ASK)
    assert (found.doubled, found.unflagged) == ((person.name,), (person.name,))
    assert judged(place, copies(person, 0, minutes), ASK, ASK, perhaps_twice=[person.name]).unflagged == ()


def test_a_copy_that_the_product_does_not_know_of_is_a_second_one(place: Town) -> None:
    """No reminder is assumed where none is written down."""
    [person] = place.people
    assert judged(place, copies(person, 0, 10), ASK, None).unflagged == (person.name,)


def test_a_reminder_that_came_twice_is_seen(place: Town) -> None:
    """One planned reminder is one copy."""
    [person] = place.people
    assert judged(place, copies(person, 0, 10, 11), ASK, REMINDER, REMINDER).unflagged == (person.name,)


def test_two_copies_for_one_send_are_two_in_other_words_as_well(place: Town) -> None:
    """The record says that both were the ask."""
    [person] = place.people
    first, second = copies(person, 0, 1)
    assert judged(place, [first, replace(second, body="Les nå!")], ASK, ASK).unflagged == (person.name,)


def test_a_copy_that_was_given_up_and_sent_again_is_one(place: Town) -> None:
    """The provider said that the first did not arrive."""
    [person] = place.people
    first, second = copies(person, 0, 10)
    assert judged(place, [replace(first, status="undelivered"), second], ASK, ASK).doubled == ()
