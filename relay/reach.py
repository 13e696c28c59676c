"""What came of an alert: the numbers as people and programs read them."""

from typing import Any

from relay.model import Reach
from relay.store.reach import MESSAGES, PEOPLE


def as_json(result: Reach) -> dict[str, Any]:
    """Return the numbers as `reach --json` and `demo --json` print them."""
    return {
        "groups": [{"language": one.language, "name": one.name} | {name: getattr(one, name) for name in PEOPLE} for one in result.groups],
        "totals": {name: getattr(result.totals, name) for name in PEOPLE},
        "channels": {str(medium): {name: getattr(one, name) for name in MESSAGES} for medium, one in result.channels.items()},
        "questions": result.questions,
        "unreachable": [{"person": name, "why": why} for name, why in result.unreachable],
        "possible_duplicates": result.possible_duplicates,
        "perhaps_twice": list(result.perhaps_twice),
    }
