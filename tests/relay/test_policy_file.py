"""A municipality's own policy: from a file, with clear errors, into the plan."""

import pytest

from messages.alert import Gravity
from relay.model import Action, BadInput
from relay.routing import DEFAULT_POLICY
from relay.routing.policy_file import read, written

MESSAGE = '[[step]]\naction = "message"\nlife = 0\nstandard = 0\nroutine = 0\n'


def test_what_is_written_out_is_read_as_the_same() -> None:
    again = read(written(DEFAULT_POLICY), DEFAULT_POLICY.name)
    assert again == DEFAULT_POLICY


def test_a_file_of_ones_own_is_read() -> None:
    policy = read(f'count_after_minutes = 30\n{MESSAGE}[[step]]\naction = "call"\nlife = 7\n', "own")
    assert policy.count_after_minutes == 30
    assert [(step.action, dict(step.after_minutes)) for step in policy.steps][1] == (Action.CALL, {Gravity.LIFE: 7})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no \\[\\[step\\]\\]"),
        ("step = 3", "no \\[\\[step\\]\\]"),
        ("step = [1]", "Step 1 is no table"),
        ("[[step", "no TOML"),
        ("steps = []", "steps: not known"),
        ('[[step]]\naction = "shout"\nlife = 0', "'shout' is no action"),
        ('[[step]]\naction = "message"', "never done"),
        ('[[step]]\naction = "message"\nlife = 0\nsoon = 1', "soon is not known"),
        ('[[step]]\naction = "message"\nlife = 0', "does not begin with the message"),
        ('[[step]]\naction = "message"\nlife = 5\nstandard = 5\nroutine = 5', "does not begin with the message"),
        (f'{MESSAGE}[[step]]\naction = "remind"\nlife = -1', "no number of minutes"),
        (f'{MESSAGE}[[step]]\naction = "remind"\nlife = true', "no number of minutes"),
        (f'{MESSAGE}[[step]]\naction = "remind"\nlife = 99999999', "no number of minutes"),
        (f'{MESSAGE}[[step]]\naction = "remind"\nlife = 60\nstandard = 30', "tried later"),
        (f'{MESSAGE}[[step]]\naction = "remind"\nlife = 5\n[[step]]\naction = "remind"\nlife = 9', "remind: twice"),
        (f"count_after_minutes = 0\n{MESSAGE}", "count_after_minutes: 0 is no number"),
    ],
)
def test_what_is_wrong_is_said_and_where(text: str, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        read(text, "own")
