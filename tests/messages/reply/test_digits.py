"""Answers in digits, shape by shape: what is an answer, what was guessed, and what is left for a person to read."""

from typing import Any

import pytest

from messages.reply import GUESSES, Meaning, Reply, understand

RECEIVED, WILL_PASS, PASSED_ON, CANNOT, RING_ME, MESSAGE = (
    Meaning.RECEIVED,
    Meaning.WILL_PASS,
    Meaning.PASSED_ON,
    Meaning.CANNOT,
    Meaning.RING_ME,
    Meaning.MESSAGE,
)


def read(text: str, **known: Any) -> Reply:
    reply = understand(text, **known)
    assert set(reply.guessed) <= set(GUESSES)
    return reply


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("1", RECEIVED),
        ("2", WILL_PASS),
        ("3", PASSED_ON),
        ("4", CANNOT),
        ("5", RING_ME),
        ("0", Meaning.MENU),
        ("8", Meaning.IN_FORCE),
        ("9", Meaning.VERIFY),
    ],
)
def test_a_digit_alone(text: str, meaning: Meaning) -> None:
    for written in (text, f" {text}. ", f"({text})", f"\u202b{text}\u202c", f"«{text}»", f"hei {text} takk", f"Svar: {text}"):
        assert read(written) == Reply(meaning=meaning, legend=0, text=written.strip())


@pytest.mark.parametrize(
    "text", ["6", "7", "00", "06", "001", "10", "11", "44", "66", "60", "68", "111", "1.000.000.000", "9" * 5000, "12"]
)
def test_other_numbers_are_for_a_person(text: str) -> None:
    assert read(text) == Reply(meaning=MESSAGE, text=text)


@pytest.mark.parametrize("text", ["1", "١", "۱", "१", "১", "၁", "๑", "１", "1️⃣", "፩", "¹", "①", "𝟏", "១", "༡"])
def test_one_in_every_script(text: str) -> None:
    assert read(text).meaning is RECEIVED
    assert read(text).legend == 0


@pytest.mark.parametrize(
    "text",
    [
        "3 40",
        "3: 40",
        "3, 40",
        "3. 40",
        "3 (40)",
        "3=40",
        "3/40",
        "3 - 40",
        "3–40",
        "3\n40",
        "3\n\n40",
        "٣ ٤٠",
        "۳ ۴۰",
        "፫ ፵",
        "3 ፵",
        "３　４０",
        "၃ ၄ဝ",
    ],
)
def test_three_and_a_count(text: str) -> None:
    assert read(text) == Reply(meaning=PASSED_ON, count=40, legend=0, text=text)


@pytest.mark.parametrize("text", ["40 3", "40: 3", "40 personer 3", "40 folk, 3", "ca. 40 3", "٤٠ ٣"])
def test_the_count_may_come_first(text: str) -> None:
    assert read(text) == Reply(meaning=PASSED_ON, count=40, legend=0, guessed=("count-first",), text=text)


@pytest.mark.parametrize(
    ("text", "means", "guessed"),
    [
        ("3 40 whatsapp", "whatsapp", ()),
        ("3 about 40 whatsapp", "whatsapp", ()),
        ("3 whatsapp 40", "whatsapp", ()),
        ("3 ca 40 på WhatsApp og i moskeen", "WhatsApp og i moskeen", ()),
        ("3 40 personer", "", ()),
        ("3 40 til naboer på SMS!", "SMS", ()),
        ("3 40 på facebook for somaliske mødre", "facebook for somaliske mødre", ()),
        ("3 40 Løten idrettslag", "Løten idrettslag", ("means-unknown",)),
        ("3 40 naboene", "naboene", ("means-unknown",)),
    ],
)
def test_the_means_beside_a_count(text: str, means: str, guessed: tuple[str, ...]) -> None:
    assert read(text) == Reply(meaning=PASSED_ON, count=40, means=means, legend=0, guessed=guessed, text=text)


@pytest.mark.parametrize(
    "text",
    [
        "3 40 hus uten strøm",
        "3 40 personer uten vann",
        "3 personer",
        "3 whatsapp",
        "3-4 hus ødelagt",
        "3–4 timer til",
        "40 3 hus ødelagt",
        "3 40 12",
        "3 40 og 50 til i morgen",
        "3 14:30",
        "3 +47 98765432",
        "3 førti",
        "3 40 " + "whatsapp " * 13,
        "3 hus og 40 biler",
        "40 hus 3",
        "klokka 3 40",
        "3 40 hos " + "x" * 300,
        *("3.5", "3,5", "٣٫٥", "3.5 whatsapp", "12,3", "ga videre til 3,5"),
    ],
)
def test_what_only_looks_like_a_count_is_for_a_person(text: str) -> None:
    assert read(text).meaning is MESSAGE


@pytest.mark.parametrize("count_open", [True, False])
@pytest.mark.parametrize(("text", "count"), [("3.40", 40), ("3, 5", 5), ("3 1.000", 1000)])
def test_a_break_that_is_no_decimal_parts_the_answer_from_the_count(text: str, count: int, *, count_open: bool) -> None:
    assert read(text, count_open=count_open).count == count


@pytest.mark.parametrize("text", ["3.5", "12,5", "40.5 personer"])
def test_a_decimal_counts_nobody_while_the_question_is_open(text: str) -> None:
    assert read(text, count_open=True).meaning is MESSAGE


@pytest.mark.parametrize(
    "text", ["4 children missing", "3 persons hurt", "1 child is ill", "3 40 personer skadet", "3 40 barn savnet", "40 3 barn savnet"]
)
@pytest.mark.parametrize("count_open", [True, False])
def test_a_digit_and_words_reach_a_person_at_once(text: str, *, count_open: bool) -> None:
    reply = read(text, count_open=count_open)
    assert reply == Reply(meaning=MESSAGE, danger=True, text=text)


@pytest.mark.parametrize(
    ("text", "count", "guessed"),
    [
        ("40", 40, ()),
        ("ca 40", 40, ()),
        ("~40", 40, ()),
        ("40 personer", 40, ()),
        ("omtrent 40 på whatsapp", 40, ()),
        ("1 200", 1200, ()),
        ("1.200", 1200, ()),
        ("12 000", 12000, ("count-implausible",)),
        ("5000", 5000, ()),
        ("5001", 5001, ("count-implausible",)),
        ("0", 0, ("count-implausible", "count-or-answer")),
        ("4", 4, ("count-or-answer",)),
        ("61", 61, ("count-or-answer",)),
        ("30-40", 30, ("count-range",)),
        ("40–30", 30, ("count-range",)),
        ("30 til 40", 30, ("count-range",)),
        ("tjue", 20, ("count-word",)),
        ("twenty people", 20, ("count-word",)),
        ("፪፻፵፭", 245, ()),
        ("፻", 100, ()),
    ],
)
def test_a_count_alone_while_the_question_is_open(text: str, count: int, guessed: tuple[str, ...]) -> None:
    reply = read(text, count_open=True)
    assert (reply.meaning, reply.count, reply.legend) == (PASSED_ON, count, None)
    assert set(reply.guessed) == {*guessed, "count-without-3"}


@pytest.mark.parametrize("text", ["40 hus", "12 30 45", "40 50", "ring 40", "፵፫፻፼", "፫፵", "9999999999", "1a"])
def test_no_count_even_while_the_question_is_open(text: str) -> None:
    assert read(text, count_open=True).count is None


def test_an_answer_with_its_3_needs_no_guess_while_the_question_is_open() -> None:
    assert read("3 40", count_open=True).guessed == ()
    assert read("stopp", count_open=True).meaning is Meaning.STOP
    assert read("40").meaning is MESSAGE


def test_count_words_belong_to_the_persons_languages() -> None:
    assert read("3 twenty", languages=["so", "en"]).count == 20
    assert read("3 tên", languages=["ku"]).meaning is MESSAGE  # "come", not ten
    assert read("3 twenty houses").meaning is MESSAGE


@pytest.mark.parametrize(
    ("text", "meaning", "legend"),
    [
        ("61", RECEIVED, 6),
        ("62", WILL_PASS, 6),
        ("64", CANNOT, 6),
        ("65", RING_ME, 6),
        ("71", RECEIVED, 7),
        ("82", WILL_PASS, 8),
        ("94", CANNOT, 9),
    ],
)
def test_the_legend_of_another_open_alert(text: str, meaning: Meaning, legend: int) -> None:
    assert read(text) == Reply(meaning=meaning, legend=legend, text=text)


@pytest.mark.parametrize("text", ["63 40", "40 63", "٦٣ ٤٠", "63: ca 40"])
def test_a_count_in_another_legend(text: str) -> None:
    reply = read(text)
    assert (reply.meaning, reply.count, reply.legend) == (PASSED_ON, 40, 6)


@pytest.mark.parametrize(("text", "meaning"), [("01", RECEIVED), ("02", WILL_PASS), ("٠٤", CANNOT), ("０５", RING_ME)])
@pytest.mark.parametrize("count_open", [True, False])
def test_the_first_alert_by_name_while_two_are_open(text: str, meaning: Meaning, *, count_open: bool) -> None:
    assert read(text, count_open=count_open) == Reply(meaning=meaning, legend=0, legend_named=True, text=text)


def test_a_count_for_the_first_alert_by_name() -> None:
    said = read("03 40")
    assert (said.count, said.legend, said.legend_named) == (40, 0, True)
    assert not read("3 40").legend_named
    assert not read("63 40").legend_named
    assert read("01\n62").guessed == ("several-answers",)


def test_where_two_threes_stand_the_first_is_the_digit() -> None:
    assert (read("63 3").count, read("63 3").legend) == (3, 6)
    assert (read("3 63").count, read("3 63").legend) == (63, 0)


@pytest.mark.parametrize(
    ("text", "meaning"),
    [("1 2", WILL_PASS), ("1 og 2", WILL_PASS), ("1, 4", CANNOT), ("2+5", RING_ME), ("1\n5", RING_ME), ("62 61", WILL_PASS)],
)
def test_two_answers_that_go_together(text: str, meaning: Meaning) -> None:
    assert read(text).meaning is meaning
    assert read(text).guessed == ("two-answers",)


@pytest.mark.parametrize("text", ["2 4", "61\n71", "61 72", "1 72", "1 lest\n2 gir videre\n4 kan ikke", "mottatt\n2\nkan ikke"])
def test_answers_that_do_not_go_together_are_for_a_person(text: str) -> None:
    assert read(text).meaning is MESSAGE
    assert read(text).guessed == ("several-answers",)


@pytest.mark.parametrize("text", ["1 2 4", "1\n2\n4", "1 2 3", "2 40", "1 40", "1 barn 2 voksne"])
def test_more_than_two_numbers_or_none_of_ours(text: str) -> None:
    assert read(text).meaning is MESSAGE


def test_the_same_answer_twice_is_one_answer() -> None:
    assert read("1\n1") == Reply(meaning=RECEIVED, legend=0, text="1\n1")
    assert read("1 1").meaning is RECEIVED
    assert read("1\nmottatt").legend == 0
    assert read("delt\nsendt videre til 40").count == 40


@pytest.mark.parametrize("text", ["1a", "1A", "1 a", "1а", "1б", "1أ", "1ب", "1አ", "1b)"])
def test_a_letter_behind_the_digit(text: str) -> None:
    assert read(text) == Reply(meaning=RECEIVED, legend=0, guessed=("trailing-letter",), text=text)


@pytest.mark.parametrize("text", ["3m", "2h", "4 x", "1ab", "1 b c", "a1", "5人"])
def test_a_unit_behind_the_digit_is_no_letter(text: str) -> None:
    assert read(text).meaning is MESSAGE


@pytest.mark.parametrize("text", ["1 mottatt", "mottatt 1", "1 = lest", "1: lest", "1 read", "1 ok"])
def test_a_digit_beside_its_own_word(text: str) -> None:
    assert (read(text).meaning, read(text).legend) == (RECEIVED, 0)


@pytest.mark.parametrize("text", ["1 kan ikke", "2 mottatt", "4 gir videre", "4 barn", "1 lest av mange"])
def test_a_digit_beside_another_word_is_for_a_person(text: str) -> None:
    assert read(text).meaning is MESSAGE


@pytest.mark.parametrize(
    ("text", "count", "means"),
    [
        ("3 123 456", 123_456, ""),
        ("3 1 person", 1, ""),
        ("3 30-40 whatsapp", 30, "whatsapp"),
        ("3 40 " + " ".join(["whatsapp"] * 12), 40, " ".join(["whatsapp"] * 12)),
    ],
)
def test_how_much_may_stand_beside_a_three(text: str, count: int, means: str) -> None:
    said = read(text)
    assert (said.meaning, said.count, said.means) == (PASSED_ON, count, means)
    assert ("count-implausible" in said.guessed) == (count > 5_000)


@pytest.mark.parametrize(
    "text",
    [
        "3 1234 567",
        "3 ፵ 100",
        "40 3 blabla",
        "40 3 whatsapp blabla",
        "3 40 " + " ".join(["whatsapp"] * 13),
    ],
)
def test_what_is_more_than_a_count_is_for_a_person(text: str) -> None:
    assert read(text).meaning is MESSAGE


# --- binding to an alert --------------------------------------------------------------------------------------------------


def test_a_button_binds_exactly() -> None:
    assert read("Lest", payload="12.1") == Reply(meaning=RECEIVED, alert_number=12, text="Lest")
    assert read("", payload=" 7.4 ") == Reply(meaning=CANNOT, alert_number=7)
    assert read("4 barn savnet", payload="12.2") == Reply(meaning=WILL_PASS, alert_number=12, danger=True, text="4 barn savnet")


@pytest.mark.parametrize(
    ("people", "guessed"),
    [(0, ("count-implausible",)), (1, ()), (40, ()), (5_000, ()), (5_001, ("count-implausible",))],
)
def test_a_form_brings_its_count_and_its_means(people: int, guessed: tuple[str, ...]) -> None:
    said = Reply(meaning=PASSED_ON, alert_number=12, count=people, means="SMS", guessed=guessed, text="SMS")
    assert read("SMS", payload=f"12.3.{people}") == said


@pytest.mark.parametrize(
    "payload",
    ["", "12", "12.", "12.1.40", "12.3.x", "12.3.40.1", "12.7", ".1", "x.1", "12.1.1", "-1.1", "12.11", "²².1", "١٢.1", "9999999999.1"],
)
def test_a_payload_that_is_not_ours_leaves_the_text(payload: str) -> None:
    assert read("Gir videre", payload=payload) == Reply(meaning=WILL_PASS, guessed=("language-word",), text="Gir videre")


@pytest.mark.parametrize("text", ["1 no. 12", "No. 12: 1", "nr 12 1", "#12 1", "№12 1", "1 رقم ١٢", "varsel 12: 1"])
def test_a_marked_number_names_the_alert(text: str) -> None:
    assert (read(text).meaning, read(text).alert_number) == (RECEIVED, 12)


def test_a_marked_number_beside_a_count() -> None:
    assert (read("no. 12: 3 40").count, read("no. 12: 3 40").alert_number) == (40, 12)
    assert read("nr. 12") == Reply(meaning=MESSAGE, alert_number=12, guessed=("alert-only",), text="nr. 12")
    assert read("nr. 12 er feil").meaning is MESSAGE


@pytest.mark.parametrize("text", ["1 12", "12 1", "12: 1", "1, 12"])
def test_an_unmarked_number_names_an_open_alert_only(text: str) -> None:
    assert read(text, open_alerts=[12, 13]) == Reply(meaning=RECEIVED, legend=0, alert_number=12, text=text)
    assert read(text, open_alerts=[13]).meaning is MESSAGE
    assert read(text).meaning is MESSAGE


def test_two_numbers_that_can_be_read_both_ways_bind_nothing() -> None:
    assert read("1 2", open_alerts=[1, 2]).meaning is MESSAGE
    assert read("1 2", open_alerts=[2]) == Reply(meaning=RECEIVED, legend=0, alert_number=2, text="1 2")
    assert read("1 2", open_alerts=[7]).meaning is WILL_PASS


def test_an_open_alerts_number_alone_answers_nothing() -> None:
    assert read("12", open_alerts=[12]) == Reply(meaning=MESSAGE, alert_number=12, guessed=("alert-only",), text="12")
    assert read("12", open_alerts=[12], count_open=True).count == 12
    assert read("1", open_alerts=[1]).meaning is RECEIVED


def test_3_and_the_number_of_an_open_alert() -> None:
    one = read("3 12", open_alerts=[12])
    assert (one.count, one.alert_number, one.guessed) == (12, None, ("count-or-alert",))
    two = read("3 12", open_alerts=[12, 13])
    assert (two.meaning, two.count, two.alert_number, two.guessed) == (PASSED_ON, None, 12, ("alert-or-count",))
    assert read("3 40", open_alerts=[12, 13]).count == 40


# --- what would guess too much ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        *("1.5", "1,4", "4.5", "3 7 mangler", "3 4 fanget", "3 6 syke", "3 40 ikke", "ikke 3 40", "3 40%", "3 €40", "3 40 %"),
        *("-5 c", "-5c", "4 3", "5 3", "0 3", "3 40 not", "3 40 нет", "3 40 değil", "3 40 لا"),
    ],
)
def test_a_number_that_may_be_something_else_is_for_a_person(text: str) -> None:
    said = read(text, languages=("nb",))
    assert (said.meaning, said.count) == (MESSAGE, None)


def test_two_answers_side_by_side_are_no_count() -> None:
    assert read("1 3") == Reply(meaning=PASSED_ON, legend=0, guessed=("two-answers",), text="1 3")
    assert read("2 3").count is None
    assert read("3 4").count == 4
    assert read("4 personer 3").count == 4
    assert read("1, 2").meaning is WILL_PASS


def test_what_is_beside_a_count_and_unknown_is_named_so_that_a_person_reads_it() -> None:
    assert "means-unknown" in read("3 40 Løten idrettslag").guessed
