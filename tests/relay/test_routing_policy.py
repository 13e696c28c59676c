"""The policy that ships, what spares what, and both in words."""

from dataclasses import asdict

import pytest

from messages.alert import Act, Gravity
from messages.reply import Meaning
from relay.model import Action
from relay.routing import DEFAULT_POLICY, INSTEAD, PULLS_FORWARD, QUORUM_SPARES, SPARES, describe, steps_for


# conversation by conversation: the answer, and the actions that it makes needless for the person who gave it
@pytest.mark.parametrize(
    ("meaning", "spared"),
    [
        (Meaning.RECEIVED, {Action.MESSAGE, Action.REMIND, Action.OTHER_CHANNEL, Action.CALL}),
        (Meaning.WILL_PASS, {Action.MESSAGE, Action.REMIND, Action.OTHER_CHANNEL, Action.CALL, Action.DEPUTY}),
        (Meaning.PASSED_ON, {Action.MESSAGE, Action.REMIND, Action.OTHER_CHANNEL, Action.CALL, Action.DEPUTY}),
        (Meaning.CANNOT, {Action.MESSAGE, Action.REMIND, Action.OTHER_CHANNEL, Action.CALL}),
        (Meaning.RING_ME, {Action.MESSAGE, Action.REMIND, Action.OTHER_CHANNEL, Action.CALL}),
        (Meaning.MESSAGE, {Action.REMIND}),
        (Meaning.STOP, {Action.REMIND}),
        (Meaning.PAUSE, {Action.REMIND, Action.OTHER_CHANNEL, Action.CALL}),
        (Meaning.MENU, set()),
        (Meaning.IN_FORCE, set()),
        (Meaning.VERIFY, set()),
        (Meaning.START, set()),
        (Meaning.AUTO_REPLY, set()),
        (Meaning.EMPTY, set()),
    ],
)
def test_what_an_answer_spares(meaning: Meaning, spared: set[Action]) -> None:
    assert {action for action in Action if meaning in SPARES[action]} == spared


def test_every_answer_and_every_action_has_its_row() -> None:
    assert set(SPARES) == set(Action)
    assert {Action.DEPUTY, Action.CALL} == QUORUM_SPARES
    assert {Action.DEPUTY: {Meaning.CANNOT}} == PULLS_FORWARD
    assert Action.REMIND not in INSTEAD


@pytest.mark.parametrize("gravity", Gravity)
def test_the_policy_begins_with_the_message_and_never_chases(gravity: Gravity) -> None:
    actions = [step.action for _, step in steps_for(DEFAULT_POLICY, gravity)]
    assert actions[0] is Action.MESSAGE
    assert actions.count(Action.REMIND) == 1
    assert (Action.CALL in actions) is (gravity is not Gravity.ROUTINE)
    times = [minutes for minutes, _ in steps_for(DEFAULT_POLICY, gravity)]
    assert len(set(times)) == len(times)


def test_the_graver_the_sooner() -> None:
    for step in DEFAULT_POLICY.steps:
        times = [step.after_minutes[gravity] for gravity in Gravity if gravity in step.after_minutes]
        assert times == sorted(times)


@pytest.mark.parametrize("act", [Act.WITHDRAW, Act.OVER])
def test_nobody_is_reminded_of_a_correction(act: Act) -> None:
    assert [step.action for _, step in steps_for(DEFAULT_POLICY, Gravity.LIFE, act)] == [Action.MESSAGE, Action.OTHER_CHANNEL]


def test_the_policy_reads_as_steps_with_minutes() -> None:
    assert describe(DEFAULT_POLICY, "nb", Gravity.LIFE) == [
        "Fare for liv og helse:",
        "  Straks: melding på personens første kanal",
        "  Etter 5 min: meldingen på neste kanal",
        "  Etter 10 min: påminnelse på første kanal",
        "  Etter 15 min: meldingen til stedfortrederen",
        "  Etter 20 min: oppgave til vakten: ring",
        "  Går ut også i stille tid og utenfor arbeidstid",
        "60 min etter «bringer videre»: spørsmål om omtrent hvor mange",
    ]
    assert "  After 2 h: the message to the deputy" in describe(DEFAULT_POLICY, "en")
    assert len(describe(DEFAULT_POLICY, "nb")) == len(describe(DEFAULT_POLICY, "en"))


def test_the_policy_can_be_stored() -> None:
    assert asdict(DEFAULT_POLICY)["steps"][0]["after_minutes"] == {Gravity.LIFE: 0, Gravity.STANDARD: 0, Gravity.ROUTINE: 0}
