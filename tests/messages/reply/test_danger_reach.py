"""How far the words of danger reach beyond the sentences they were made of: rates that were reached, not rates that are enough."""

from tests.messages.danger import KINDS, measured, rate

#: of all sentences held out, among them those chosen because the classes hardly have their words
FOUND_IN_HUNDRED = 75
#: of sentences held out that are no alarm: a false alarm costs a call
FALSE_IN_HUNDRED = 12


def test_three_of_four_held_out_sentences_of_danger_are_found() -> None:
    (danger, of_danger), (later, of_later) = rate("danger"), rate("later")
    assert (danger + later) * 100 >= FOUND_IN_HUNDRED * (of_danger + of_later)


def test_at_most_one_in_eight_held_out_everyday_sentences_is_taken_for_danger() -> None:
    false, of_everyday = rate("everyday")
    assert false * 100 <= FALSE_IN_HUNDRED * of_everyday


def test_ten_languages_are_measured_with_sentences_of_every_kind() -> None:
    assert len(measured()) == 10
    for one in measured():
        assert all(one.sentences[name] for name in KINDS), one.language
        assert (len(one.sentences["danger"]), len(one.sentences["everyday"])) == (10, 5)
