"""One evening in Sørvik: the values that the tests of rendering share."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from messages.alert import Alert, Kind, Review, Variant
from messages.frames import Facts
from messages.library import template

SENT = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)
VALUES = {"place": "Sentrum, Strand", "authority": "Mattilsynet", "advice": "Kok vannet.", "advice_date": "23.11.2026"}


def alert(**changes: Any) -> Alert:
    """Return no. 12: boil the water, sent at 18:00, to be passed on before 07:00."""
    whole = Alert(
        number=12,
        kind=Kind.ACTUAL,
        sent_at=SENT,
        onset_at=SENT,
        next_news_at=SENT.replace(hour=21),
        act_by_at=SENT.replace(day=24, hour=6),
    )
    return replace(whole, **changes)


def water(language: str = "nb", **changes: Any) -> Variant:
    """Return the boil-water text in one language, as if reviewed."""
    reviewed = replace(template("boil_water").fill(language, VALUES), review=Review.REVIEWED)
    return replace(reviewed, **changes)


def facts(language: str = "nb", **changes: Any) -> Facts:
    """Return what the frame needs for a reader of `language`."""
    whole = Facts(language=language, municipality="Sørvik", contact_name="Kari Nordmann", contact_phone="91234567")
    return replace(whole, **changes)
