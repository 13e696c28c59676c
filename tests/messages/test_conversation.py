"""Both sides of the conversation agree: every word that a frame prints as an answer is understood as that answer."""

import pytest

from messages.form import Medium, Part
from messages.frames import frame_languages, say
from messages.render import render
from messages.reply import Meaning, understand
from tests.messages.night import alert, facts, water

PRINTED = {"read": Meaning.RECEIVED, "will_pass": Meaning.WILL_PASS, "cannot": Meaning.CANNOT}
DIGITS = {"1": Meaning.RECEIVED, "2": Meaning.WILL_PASS, "4": Meaning.CANNOT}


@pytest.mark.parametrize("tag", frame_languages())
@pytest.mark.parametrize("name", list(PRINTED))
def test_printed_words_are_understood(tag: str, name: str) -> None:
    for msgid in (f"legend.{name}", f"button.{name}"):
        assert understand(say(tag, msgid), languages=[tag]).meaning is PRINTED[name], say(tag, msgid)


@pytest.mark.parametrize("tag", frame_languages())
def test_a_line_of_the_legend_sent_back_is_that_answer(tag: str) -> None:
    for medium in (Medium.SMS, Medium.EMAIL):
        ask = next(copy for copy in render(alert(), water(), facts(tag), medium) if copy.part in (Part.ASK, Part.LETTER))
        lines = [line for line in ask.text.splitlines() if line[:2] in ("1 ", "2 ", "4 ")]
        assert len(lines) == 3
        for line in lines:
            # where the Norwegian word stands beside, people copy the one or the other
            for word in line[2:].split("/"):
                assert understand(f"{line[0]} {word}", languages=[tag]).meaning is DIGITS[line[0]], line
