"""The house's own short messages: answers, alarms, pages to colleagues, tests. Deliveries like any other, with a text of their own."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from messages.alert import Gravity
from messages.form import Part
from relay.model import DeliveryState

#: a notice that could not leave for so long is none any more
LIFE = timedelta(hours=12)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadyNotice:
    """A notice with its text."""

    name: str
    text: str
    language: str
    gravity: Gravity
    alert_id: int | None = None
    recipient_id: int | None = None


def row_of(ready: ReadyNotice, due_at: datetime, life: timedelta = LIFE) -> dict[str, Any]:
    """Return the delivery row of a notice, still without whom it goes to and why."""
    return {
        "alert_id": ready.alert_id,
        "recipient_id": ready.recipient_id,
        "step": 0,
        "part": Part.NOTICE,
        "language": ready.language,
        "frame_language": ready.language,
        "text": ready.text,
        "gravity": int(ready.gravity),
        "planned_at": due_at,
        "due_at": due_at,
        "expires_at": due_at + life,
        "state": DeliveryState.WAITING,
    }
