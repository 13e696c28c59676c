"""The house's short answers: one for every Notice, in every language, at once and in few words."""

import pytest

from messages.alert import Kind
from messages.form import Medium, Part
from messages.frames import FrameError, Notice, frame_languages
from messages.render import notice
from messages.segments import Coding, alphabet, count
from tests.messages.night import facts

VALUES: dict[str, str | int] = {
    "count": 40,
    "number": 12,
    "newer": 13,
    "choices": "12 (vann): 2, 13 (skred): 62",
    "alerts": "12 KOK VANNET",
}

SAID = [
    (Notice.ECHO_RECEIVED, {}, "Takk! Notert: du har lest den. Vil du endre svaret, send et nytt."),
    (Notice.ECHO_WILL_PASS, {}, "Takk! Notert: du gir den videre. Vil du endre svaret, send et nytt."),
    (Notice.ECHO_PASSED_ON, {"count": 1}, "Takk! Notert: gitt videre til 1 person. Vil du endre, send et nytt tall."),
    (Notice.ECHO_PASSED_ON, {"count": "40"}, "Takk! Notert: gitt videre til 40 personer. Vil du endre, send et nytt tall."),
    (Notice.ECHO_PASSED_ON, {"count": 0}, "Takk! Notert: gitt videre til 0 personer. Vil du endre, send et nytt tall."),
    (Notice.ECHO_PASSED_ON, {}, "Takk! Notert: gitt videre. Vil du endre svaret, send et nytt."),
    (Notice.ECHO_CANNOT, {}, "Det er greit, takk for at du sa fra. Vi spør en annen. Kan du likevel, svar 2."),
    (Notice.COUNT_UNLIKELY, {"count": 90_000}, "Mente du 90 000 personer? Send tallet en gang til."),
    (Notice.ECHO_RECEIVED, {"number": 12}, "Takk! Notert: du har lest den. Vil du endre svaret, send et nytt.\nNr. 12"),
    (Notice.COUNT_UNLIKELY, {"count": 90_000, "number": 12}, "Mente du 90 000 personer? Send tallet en gang til.\nNr. 12"),
    (Notice.WHICH_ALERT, {"choices": "12 (vann): 2, 13 (skred): 62"}, "Hvilken mener du? Svar: 12 (vann): 2, 13 (skred): 62"),
    (Notice.IN_FORCE, {"alerts": "12 KOK VANNET\n13 SKRED"}, "Dette gjelder nå fra Sørvik:\n12 KOK VANNET\n13 SKRED"),
    (Notice.IN_FORCE, {"alerts": ""}, "Ingenting gjelder nå fra Sørvik."),
    (Notice.NOTHING_IN_FORCE, {}, "Ingenting gjelder nå fra Sørvik."),
    (Notice.ALERT_CLOSED, {"number": 12}, "Nr. 12 er avsluttet. Takk, svaret er tatt vare på. Du trenger ikke gjøre mer."),
    (
        Notice.ALERT_REPLACED,
        {"number": 12, "newer": 13},
        "Takk! Nr. 12 er erstattet av nr. 13, som gjelder nå. Gi heller nr. 13 videre, og svar på den.",
    ),
    (Notice.THANKS, {"count": 40}, "Det er over nå. Tusen takk! Du nådde 40 personer. Hilsen Sørvik."),
    (Notice.THANKS, {}, "Det er over nå. Tusen takk for at du stilte opp! Hilsen Sørvik."),
]


@pytest.mark.parametrize(("kind", "values", "expected"), SAID)
def test_said(kind: Notice, values: dict[str, str | int], expected: str) -> None:
    copy = notice(kind, facts(values=values), Medium.SMS)
    assert (copy.part, copy.text) == (Part.NOTICE, expected)


@pytest.mark.parametrize("tag", frame_languages())
@pytest.mark.parametrize("kind", list(Notice))
def test_every_notice_is_said_in_every_language(tag: str, kind: Notice) -> None:
    told = facts(tag, values=VALUES)
    copies = {medium: notice(kind, told, medium) for medium in Medium}
    assert all(copy.text for copy in copies.values())
    assert "{" not in copies[Medium.SMS].text
    assert copies[Medium.EMAIL].subject
    assert copies[Medium.EMAIL].html
    parts = count(copies[Medium.SMS].text).segments
    # the menu lists ten answers: it may take as many parts as it needs
    assert parts <= (3 if alphabet(copies[Medium.SMS].text) is Coding.UCS2 else 2) or kind is Notice.MENU, copies[Medium.SMS].text


def test_danger_says_whom_to_ring_and_who_reads_it() -> None:
    copy = notice(Notice.DANGER, facts(contact_hours="08-22"), Medium.SMS)
    assert all(number in copy.text for number in ("110", "112", "113"))
    assert "Kari Nordmann leser dette" in copy.text
    assert "08-22" not in copy.text, "who watches is alarmed at night too"
    assert "Sørvik leser dette" in notice(Notice.DANGER, facts(contact_name=""), Medium.SMS).text


def test_danger_is_never_marked_as_an_exercise() -> None:
    assert not notice(Notice.DANGER, facts(), Medium.SMS, of=Kind.EXERCISE).text.startswith("ØVELSE")
    thanks = notice(Notice.THANKS, facts(), Medium.SMS, of=Kind.EXERCISE).text
    assert thanks.startswith("ØVELSE")
    assert thanks.endswith("ØVELSE")


def test_the_menu_shows_every_answer_digit_first() -> None:
    menu = notice(Notice.MENU, facts(), Medium.SMS).text.splitlines()
    assert [line.split()[0] for line in menu[1:]] == ["1", "2", "3", "4", "5", "8", "9", "STOP", "PAUSE", "START"]
    second = notice(Notice.MENU, facts(legend=6), Medium.SMS).text.splitlines()
    assert [line.split()[0] for line in second[1:8]] == ["61", "62", "63", "64", "65", "68", "69"]


def test_ring_me_names_who_and_when() -> None:
    text = notice(Notice.ECHO_RING_ME, facts(contact_hours="08-22"), Medium.SMS).text
    assert text == "Kari Nordmann ringer deg så snart som mulig. Ved fare: ring 112 nå.\nVi er her 08-22."


def test_verify_says_how_to_be_sure() -> None:
    real = notice(Notice.VERIFY, facts(values=VALUES), Medium.SMS).text
    assert real.startswith("Disse er fra Sørvik og gjelder:\n12 KOK VANNET\nVil du være sikker, ring 91234567")
    none = notice(Notice.VERIFY, facts(), Medium.SMS).text
    assert none.startswith("Ingenting fra Sørvik gjelder nå.")
    assert "ring" not in notice(Notice.VERIFY, facts(contact_phone=""), Medium.SMS).text


@pytest.mark.parametrize("kind", [Notice.COUNT_UNLIKELY, Notice.WHICH_ALERT, Notice.ALERT_CLOSED, Notice.ALERT_REPLACED])
def test_a_missing_value_is_said(kind: Notice) -> None:
    with pytest.raises(FrameError):
        notice(kind, facts(), Medium.SMS)
