"""What the issue asks of `budstikke demo --exit --json`: real processes, judged by the provider's ledger."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from channels.sandbox.ledger import Entry, Event
from channels.sandbox.people import CHARACTERS
from channels.sandbox.recount import copies
from messages.frames import say
from relay.town import Town
from tests.evening import PATIENCE, Evening
from tests.left import accepted, main as print_what_left
from tests.recount import CHANNELS, DUTY_PHONE, Book, approved, compare, differences, one_line, recount

LANGUAGES = {"nb", "en", "uk", "ar", "ru", "pl", "ti", "so", "fa-AF", "ps", "ckb", "tr"}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(PATIENCE + 60)]


@pytest.fixture(scope="module")
def evening(tmp_path_factory: pytest.TempPathFactory) -> Evening:
    """Return an evening that has been played to its end, on SQLite."""
    played = Evening(state=tmp_path_factory.mktemp("evening"))
    (played.state / "printed.json").write_text(json.dumps(played.play()))
    return played


@pytest.fixture(scope="module")
def printed(evening: Evening) -> dict[str, Any]:
    """Return what the demo printed at its end."""
    reach: dict[str, Any] = json.loads((evening.state / "printed.json").read_text())
    return reach


@pytest.fixture(scope="module")
def book(evening: Evening) -> Book:
    """Return the provider's account of the evening."""
    return evening.book()


# --- the figures --------------------------------------------------------------------------------------------------------


def test_the_figures_are_the_ledgers(evening: Evening, printed: dict[str, Any], book: Book) -> None:
    assert differences(compare(printed, recount(book, evening.town))) == []


def test_a_figure_too_many_would_be_noticed(evening: Evening, printed: dict[str, Any], book: Book) -> None:
    wrong = json.loads(json.dumps(printed))
    wrong["totals"]["delivered"] += 1
    wrong["groups"][0]["relayed"] -= 1
    wrong["unreachable"].pop()
    assert len(differences(compare(wrong, recount(book, evening.town)))) == 3


def _last_answer(entry: Entry) -> bool:
    return entry.event is Event.INBOUND and entry.channel == "sms"


def _a_delivery(entry: Entry) -> bool:
    return entry.event is Event.STATUS and entry.status == "delivered"


@pytest.mark.parametrize("which", [_last_answer, _a_delivery])
def test_a_line_that_is_missing_in_the_ledger_would_be_noticed(
    which: Callable[[Entry], bool], evening: Evening, printed: dict[str, Any], book: Book
) -> None:
    torn = [*book.entries]
    torn.remove([entry for entry in torn if which(entry)][-1])
    assert differences(compare(printed, recount(Book(torn, book.phones), evening.town)))


def test_somebody_is_out_of_reach_and_somebody_asks(printed: dict[str, Any]) -> None:
    assert all(one["person"] and one["why"] for one in printed["unreachable"])
    assert printed["unreachable"]
    assert printed["questions"] > 0


def test_a_finished_demo_is_printed_and_not_sent_again(evening: Evening, printed: dict[str, Any], book: Book) -> None:
    assert evening.play() == printed
    assert accepted(evening.book()) == accepted(book)


# --- the words ----------------------------------------------------------------------------------------------------------


def test_the_approved_texts_left_in_twelve_languages_over_three_channels(book: Book) -> None:
    texts = approved(book)
    assert texts.keys() == LANGUAGES
    left = {
        (language, entry.channel)
        for entry in accepted(book)
        for language, (headline, forward) in texts.items()
        if headline in one_line(entry.body) and forward in one_line(entry.body)
    }
    assert {language for language, _ in left} == LANGUAGES
    assert {channel for _, channel in left} == set(CHANNELS)


def test_what_left_is_printed_by_reader_text_and_channel(evening: Evening, capsys: pytest.CaptureFixture[str]) -> None:
    assert print_what_left([str(evening.ledger)]) == 0
    printed = capsys.readouterr().out
    assert "texts of 12 languages for readers of 12, over 3 channels" in printed
    assert "answered: None" not in printed
    assert "0 kinds of copies keep silent about their language" in printed


def test_everybody_who_got_something_got_the_text_in_a_language_they_read(evening: Evening, book: Book) -> None:
    texts = approved(book)
    for person in evening.town.people:
        got = [one_line(copy.entry.body) for way in person.ways for copy in book.copies_of.get(way.value, ())]
        wanted = [texts[language] for language in person.languages if language in texts]
        assert not got or any(headline in body and forward in body for body in got for headline, forward in wanted), person.name


def test_danger_is_answered_in_the_persons_language_and_alarmed(evening: Evening, book: Book) -> None:
    written = list(_danger_words(evening.town, book))
    assert written
    for words, language in written:
        answers = [entry for entry in accepted(book) if entry.to == words.sender and entry.n > words.n]
        said = say(language, "notice.danger", contact="|").partition("|")[0]
        assert answers
        assert said in answers[0].body
        assert all(number in answers[0].body for number in ("110", "112", "113"))
        alarms = [entry for entry in accepted(book) if entry.to == DUTY_PHONE and entry.n > words.n]
        assert "fare" in alarms[0].body
        assert words.body not in alarms[0].body


def _danger_words(people: Town, book: Book) -> Iterator[tuple[Entry, str]]:
    """Yield what people wrote of danger, with their language."""
    worried = {phone.number: phone.language for phone in people.phones() if CHARACTERS[phone.character].text == "{danger}"}
    for entry in book.entries:
        if entry.event is Event.INBOUND and entry.sender in worried:
            yield entry, worried[entry.sender]


# --- PostgreSQL ---------------------------------------------------------------------------------------------------------


def test_the_same_on_postgresql(postgres_url: str, tmp_path: Path) -> None:
    evening = Evening(state=tmp_path, people=24, seed=5, database=postgres_url)
    printed, book = evening.play(), evening.book()
    assert differences(compare(printed, recount(book, evening.town))) == []
    assert printed["totals"]["delivered"] > 0
    assert evening.play() == printed
    assert accepted(evening.book()) == accepted(book)
    assert all(copy.entry.body for copy in copies(book.entries).values())
