"""How grave an alert is decides what goes first: corrections with the gravest, exercises last of all."""

import pytest

from messages.alert import Act, Gravity, Kind, Severity, Urgency
from tests.messages.night import alert

LIFE, STANDARD, ROUTINE = Gravity.LIFE, Gravity.STANDARD, Gravity.ROUTINE
CASES = [
    ({"severity": Severity.EXTREME, "urgency": Urgency.IMMEDIATE}, LIFE),
    ({"severity": Severity.SEVERE, "urgency": Urgency.IMMEDIATE}, LIFE),
    ({"severity": Severity.SEVERE, "urgency": Urgency.EXPECTED}, STANDARD),
    ({"severity": Severity.MODERATE, "urgency": Urgency.IMMEDIATE}, STANDARD),
    ({"severity": Severity.UNKNOWN}, STANDARD),
    ({"severity": Severity.MINOR}, ROUTINE),
    ({"severity": Severity.MINOR, "act": Act.WITHDRAW}, LIFE),
    ({"act": Act.OVER}, LIFE),
    ({"act": Act.UPDATE}, STANDARD),
    ({"kind": Kind.EXERCISE, "severity": Severity.EXTREME, "urgency": Urgency.IMMEDIATE}, ROUTINE),
    ({"kind": Kind.TEST, "act": Act.WITHDRAW}, ROUTINE),
]


@pytest.mark.parametrize(("changes", "expected"), CASES)
def test_gravity(changes: dict[str, object], expected: Gravity) -> None:
    assert alert(**changes).gravity is expected
