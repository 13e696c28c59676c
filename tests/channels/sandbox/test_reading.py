"""How an emulated person reads: the digits that a message offers, its questions, and what one does about them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from channels.sandbox.people import CHARACTERS, Act, Deed, Mind, Person, react
from channels.sandbox.phones import Shown
from channels.sandbox.phrases import PHRASES
from channels.sandbox.reading import asks_for_number, choice, done_digit, legend_of, openings
from channels.sandbox.world import Dice
from messages.reply import Meaning, understand
from messages.reply.words import tables

NOW = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)
DICE = Dice(1)

ASK = """Til deg, ikke videresend: kan du gi videre nr. 12 (vann) før 07:00?
Svar:
1 lest
2 gir videre
4 kan ikke
Spørsmål: Kari 90000000"""
SECOND = ASK.replace("\n1 ", "\n61 ").replace("\n2 ", "\n62 ").replace("\n4 ", "\n64 ").replace("nr. 12", "nr. 13")
ARABIC = "إليك فقط\n١ قرأت\n٢ سأنقلها\n٤ لا أستطيع"
FORWARD = "Sørby: KOK VANNET i 3 minutter før du drikker.\nSted: Sørbyen\nFra 23.11 kl. 18.00\nNr. 12"
MAIL = "Svar på denne e-posten med ett tall alene på første linje: 61, 62 eller 64."
ONE_WAY = "Svar på SMS til +47 59 44 00 00: lest / gir videre / kan ikke"
COUNT = "Takk for at du gir videre nr. 12 (vann)! Omtrent hvor mange nådde du? Svar med tallet, for eksempel 40"
COUNT_SECOND = "Takk for at du gir videre nr. 13! Omtrent hvor mange nådde du? Svar med tallet, for eksempel 63 40"
CORRECTION = "Til deg, ikke videresend: si på samme sted at nr. 12 var feil.\nSvar 3 når det er gjort. Takk!"
WHICH = "Hvilken mener du? Svar: 12 (vann): 2, 13 (skred): 62"


@pytest.mark.parametrize(
    ("text", "prefix", "digits"),
    [
        (ASK, "", [1, 2, 4]),
        (SECOND, "6", [1, 2, 4]),
        (ARABIC, "", [1, 2, 4]),
        ("\u200f1 قرأت\n\u200f2 سأنقلها", "", [1, 2]),
        (MAIL, "6", [1, 2, 4]),
        (ONE_WAY, "", [1, 2, 4]),
    ],
)
def test_what_a_message_offers(text: str, prefix: str, digits: list[int]) -> None:
    legend = legend_of(text)
    assert legend is not None
    assert (legend.prefix, list(legend.words)) == (prefix, digits)


@pytest.mark.parametrize("text", [FORWARD, COUNT, CORRECTION, WHICH, "", "1", "Ring 110, 112 eller 113"])
def test_what_offers_nothing(text: str) -> None:
    assert legend_of(text) is None


def test_the_words_beside_the_digits_and_the_number_to_answer() -> None:
    legend, one_way = legend_of(ASK), legend_of(ONE_WAY)
    assert legend is not None
    assert legend.words[4] == "kan ikke"
    assert one_way is not None
    assert (one_way.to, one_way.words[2]) == ("+4759440000", "gir videre")


def test_questions_of_the_house() -> None:
    assert (asks_for_number(COUNT), asks_for_number(COUNT_SECOND), asks_for_number(FORWARD)) == ("", "63", None)
    assert asks_for_number("كم شخصا تقريبا؟ مثلا ٤٠") == ""
    assert (choice(WHICH, ""), choice(WHICH, "6"), choice(FORWARD, "")) == ("2", "62", None)
    assert choice("Hvilken? 13 (skred): 61, 12 (vann): 01", "") == "01"
    known = openings(ASK)
    assert done_digit(CORRECTION, known) == "3"
    assert done_digit(FORWARD, known) is None, "three minutes are no question"
    assert done_digit("Takk! Notert: gitt videre til 63 personer.", known) is None


def shown(text: str, channel: str = "sms", **more: object) -> Shown:
    message = Shown(id="SM1", channel=channel, sender="+4759440000", to="+4790000001", text=text, at=NOW)
    return replace(message, **more)  # type: ignore[arg-type]


def somebody(character: str, language: str = "nb", **more: object) -> Mind:
    return Mind(Person.model_validate({"number": "+4790000001", "character": character, "language": language, **more}))


def does(character: str, message: Shown, language: str = "nb") -> Deed | None:
    return react(somebody(character, language), message, DICE)


#: what each character writes when asked by SMS
WRITES = {
    "reader": "1",
    "helper": "2",
    "counter": "2",
    "promiser": "2",
    "late": "2",
    "relayer": "3 30 whatsapp",
    "asker": "Gjelder det også for skolen?",
    "worrier": "4 barn savnet",
    "unable": "4",
    "caller": "5",
    "wordy": "gir videre",
    "digits": "2",
    "thumb": "👍",
    "leaver": "STOP",
    "no_whatsapp": "2",
    "no_receipt": "1",
    "switched_off": None,
    "undelivered": None,
    "unknown": None,
    "silent": None,
    "opted_out": None,
    "away": None,
    "bouncing": None,
    "photographer": "",
}


def test_every_character_has_a_case() -> None:
    assert set(WRITES) == set(CHARACTERS)


@pytest.mark.parametrize("character", WRITES)
def test_what_each_character_does_about_a_question(character: str) -> None:
    deed = react(somebody(character, reaches=30), shown(ASK), DICE)
    assert (deed.text if deed else None) == WRITES[character]
    if deed:
        low, high = CHARACTERS[character].delay
        assert timedelta(seconds=low) <= deed.at - NOW <= timedelta(seconds=high)
        assert deed.act is (Act.PICTURE if character == "photographer" else Act.TEXT)


@pytest.mark.parametrize("character", WRITES)
def test_nobody_answers_what_is_for_everybody(character: str) -> None:
    assert does(character, shown(FORWARD)) is None


def test_the_second_alert_is_answered_by_its_own_digits() -> None:
    mind = somebody("helper")
    answers = [react(mind, shown(text), DICE) for text in (ASK, SECOND, SECOND)]
    assert [deed and deed.text for deed in answers] == ["2", "62", None], "and not twice in half an hour"
    later = replace(shown(SECOND), at=NOW + timedelta(minutes=31))
    assert (deed := react(mind, later, DICE)) is not None
    assert deed.text == "62"


def test_a_helper_reports_when_asked_and_only_then() -> None:
    mind = somebody("helper", reaches=30)
    assert react(mind, shown(COUNT), DICE) is None
    react(mind, shown(ASK), DICE)
    said = [react(mind, shown(text), DICE) for text in ("Takk! Notert: du gir den videre.", COUNT, COUNT, CORRECTION)]
    assert [deed and deed.text for deed in said] == [None, "30", None, "3"]


def test_the_count_for_the_second_alert() -> None:
    for character, text in [("helper", "63 30"), ("counter", "63 30 whatsapp")]:
        mind = somebody(character, reaches=30)
        react(mind, shown(SECOND), DICE)
        assert (deed := react(mind, shown(COUNT_SECOND), DICE)) is not None
        assert deed.text == text


def test_who_is_asked_which_one_says_it_twice_at_most() -> None:
    mind = somebody("helper")
    react(mind, shown(ASK), DICE)
    assert [(deed := react(mind, shown(WHICH), DICE)) and deed.text for _ in range(3)] == ["2", "2", None]


def test_buttons_are_pressed() -> None:
    three = shown("Kan du?", "whatsapp", buttons=(("Lest", "12.1"), ("Gir videre", "12.2"), ("Kan ikke", "12.4")))
    bell = shown("Trykk for å lese", "whatsapp", buttons=(("Vis", "12.0"),))
    pressed = {name: does(name, three) for name in ("reader", "helper", "unable", "asker", "silent")}
    assert [(deed.act, deed.payload) for deed in pressed.values() if deed and deed.payload] == [
        (Act.PRESS, "12.1"),
        (Act.PRESS, "12.2"),
        (Act.PRESS, "12.4"),
    ]
    assert pressed["silent"] is None
    mind = somebody("helper")
    assert [(deed := react(mind, each, DICE)) and deed.payload for each in (bell, three)] == ["12.0", "12.2"]


def test_whoever_cannot_answer_a_name_writes_to_the_number_in_the_text() -> None:
    deed = does("unable", shown(ONE_WAY))
    assert deed is not None
    assert (deed.text, deed.to) == ("kan ikke", "+4759440000")


def test_a_mailbox_answers_by_itself() -> None:
    assert (deed := does("away", shown(MAIL, "email"))) is not None
    assert deed.act is Act.AWAY
    assert (deed := does("bouncing", shown(MAIL, "email"))) is not None
    assert deed.act is Act.BOUNCE


@pytest.mark.parametrize("language", [each for each in PHRASES if each in tables()])
def test_what_people_write_is_understood_as_it_is_meant(language: str) -> None:
    """The house reads these by its own words; the sandbox knows none of them, so each checks the other."""
    said = {name: does(name, shown(ASK), language) for name in ("worrier", "asker", "digits", "caller")}
    read = {name: understand(deed.text, languages=[language]) for name, deed in said.items() if deed}
    assert (read["worrier"].meaning, read["worrier"].danger) == (Meaning.MESSAGE, True)
    assert (read["asker"].meaning, read["asker"].danger) == (Meaning.MESSAGE, False)
    assert read["digits"].meaning is Meaning.WILL_PASS
    assert read["caller"].meaning is Meaning.RING_ME
    mind = somebody("digits", language, reaches=30)
    react(mind, shown(ASK), DICE)
    assert (deed := react(mind, shown(COUNT), DICE)) is not None
    assert understand(deed.text, languages=[language], count_open=True).count == 30


@pytest.mark.parametrize(
    "wrong",
    [{}, {"number": "90000001"}, {"number": "+4790000001", "character": "hero"}, {"mail": "nobody"}, {"number": "+4790000001", "age": 1}],
    ids=["nobody", "no-country", "no-such-character", "no-mailbox", "unknown-key"],
)
def test_who_is_described_wrongly_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="Person"):
        Person.model_validate(wrong)
