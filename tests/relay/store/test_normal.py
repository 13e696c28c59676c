"""However a number or mailbox is written, it is found again."""

import pytest
from hypothesis import example, given, strategies as st

from messages.form import Medium
from relay.model import BadInput
from relay.store.normal import checked_address, normal_address

SAME = [
    (Medium.SMS, "+4741234567", ["+4741234567", "41234567", "412 34 567", "0047 412 34 567", "+47 412 34 567", " +47-412-34-567 "]),
    (Medium.WHATSAPP, "+4741234567", ["whatsapp:+4741234567", "+47 41 23 45 67", "WhatsApp:+4741234567"]),
    (Medium.EMAIL, "ayan@xn--bdvik-mra.example", ["Ayan@bådvik.example", "ayan@xn--bdvik-mra.example", " AYAN@BÅDVIK.EXAMPLE "]),
    (Medium.EMAIL, "a@b.example", ["A@b.Example"]),
]


@pytest.mark.parametrize(("medium", "normal", "written"), [(medium, normal, one) for medium, normal, many in SAME for one in many])
def test_one_spelling_for_all(medium: Medium, normal: str, written: str) -> None:
    assert normal_address(medium, written) == normal


@pytest.mark.parametrize("sender", ["2440", "Kommune", "MET", "+4740000001", "26112"])
def test_short_numbers_and_names_are_no_mistakes(sender: str) -> None:
    assert normal_address(Medium.SMS, sender) == normal_address(Medium.SMS, normal_address(Medium.SMS, sender))


def test_different_people_stay_different() -> None:
    values = ["41234567", "41234568", "2440", "Kommune", "", "+46701234567"]
    assert len({normal_address(Medium.SMS, value) for value in values}) == len(values)


@given(st.text(max_size=60), st.sampled_from(list(Medium)))
@example("0:1", Medium.SMS)
def test_nothing_that_comes_in_is_too_strange(value: str, medium: Medium) -> None:
    normal = normal_address(medium, value)
    assert normal_address(medium, normal) == normal


@pytest.mark.parametrize(
    ("medium", "value", "words"),
    [
        (Medium.SMS, "22 86 40 00", "no mobile"),
        (Medium.SMS, "41234", "no number in use"),
        (Medium.SMS, "ring Ola", "no telephone number"),
        (Medium.EMAIL, "ola@", "no e-mail address"),
        (Medium.EMAIL, "ola@b.no\nBcc: x@y.no", "no e-mail address"),
    ],
)
def test_what_cannot_be_reached_is_refused_in_words(medium: Medium, value: str, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        checked_address(medium, value)


def test_what_can_be_reached_is_spelt_as_it_is_sent_to() -> None:
    assert checked_address(Medium.SMS, " 412 34 567") == "+4741234567"
    assert checked_address(Medium.WHATSAPP, "whatsapp:+4741234567") == "+4741234567"
    assert checked_address(Medium.EMAIL, "Ola.Normann@Bådvik.no") == "Ola.Normann@xn--bdvik-mra.no"
