"""A piece of work is made of its row by place: each value must come into its own field."""

from datetime import UTC, datetime, time
from types import SimpleNamespace
from typing import Any

from messages.alert import Gravity
from messages.form import Medium, Part
from relay.model import Hours
from relay.store import claim, sealing

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
#: what stands in a row under the name of its column, and in the work made of it
IDS = ("municipality_id", "alert_id", "recipient_id", "person_id", "sender_id", "address_id", "group_id")
NUMBERS = (*IDS, "step", "legend", "revision", "fence")


def test_each_column_comes_into_its_field() -> None:
    asked: Any = claim._work_of(SimpleNamespace(dialect=SimpleNamespace(name="sqlite")))  # type: ignore[arg-type]
    names = [column.name for column in asked.selected_columns]
    seal = sealing.keyring().seal
    row: dict[str, Any] = {name: 100 + place for place, name in enumerate(names)}
    row |= {"channel": "sms", "part": "ask", "language": "so", "frame_language": "nb", "gravity": 2, "expires_at": NOON}
    row |= {"address": seal("+4741000001", "address.value"), "to": None, "text": seal("Hei", "delivery.text")}
    row |= {"last_inbound_at": NOON, "stands_for_id": None, "had_passed_on": True, "pierced": False}
    row |= {"quiet_from": time(21), "quiet_to": time(7), "work_from": time(8), "work_to": time(16)}
    (work,) = claim.works([tuple(row[name] for name in names)], NOON)  # type: ignore[list-item]
    assert {name: getattr(work, name) for name in NUMBERS} == {name: row[name] for name in NUMBERS}
    assert (work.delivery_id, work.attempt_n) == (row["id"], row["attempts"] + 1)
    assert (work.medium, work.part, work.gravity, work.expires_at) == (Medium.SMS, Part.ASK, Gravity.ROUTINE, NOON)
    assert (work.language, work.reader_language, work.to, work.text) == ("so", "nb", "+4741000001", "Hei")
    assert (work.window_open, work.is_deputy, work.had_passed_on, work.may_wake) == (True, False, True, False)
    assert (work.quiet, work.working) == (Hours(time(21), time(7)), Hours(time(8), time(16)))
