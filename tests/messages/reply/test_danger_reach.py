"""The rates that the words of danger reach with our own sentences: a floor against loss, no proof (danger_held_out.toml says why)."""

from tests.messages.danger import KINDS, measured, rate

#: of all the sentences: those that the classes were written after, and those of kinds of danger that the classes do not have
FOUND_IN_HUNDRED = 75
#: of everyday sentences that are no alarm: a false alarm costs a call
FALSE_IN_HUNDRED = 12


def test_as_many_of_our_own_sentences_of_danger_are_found_as_were() -> None:
    (danger, of_danger), (later, of_later) = rate("danger"), rate("later")
    assert (danger + later) * 100 >= FOUND_IN_HUNDRED * (of_danger + of_later)


def test_at_most_one_in_eight_of_our_own_everyday_sentences_is_taken_for_danger() -> None:
    false, of_everyday = rate("everyday")
    assert false * 100 <= FALSE_IN_HUNDRED * of_everyday


def test_ten_languages_are_measured_with_sentences_of_every_kind() -> None:
    assert len(measured()) == 10
    for one in measured():
        assert all(one.sentences[name] for name in KINDS), one.language
        assert (len(one.sentences["danger"]), len(one.sentences["everyday"])) == (10, 5)
