"""Polygons and circles: what is wrong with them is seen, and never stops a message."""

import pytest

from messages.alert import Circle, Point
from messages.cap import FlagKind, geometry
from tests.messages.cap.samples import alert, flags, info, one

SQUARE = "0,0 0,4 4,4 4,0 0,0"


def area(*shapes: str) -> bytes:
    return alert(info(area=f"<area><areaDesc>a</areaDesc>{''.join(shapes)}</area>"))


#: polygon as written -> what is odd about it
POLYGONS = {
    SQUARE: None,
    f"  {SQUARE.replace(' ', chr(10))}  ": None,
    "": None,
    "0,0 0,4 4,4 4,0": FlagKind.POLYGON_UNCLOSED,
    "0,0 4,4 0,4 4,0 0,0": FlagKind.POLYGON_CROSSES_ITSELF,
    "0,0 4,4 0,4 4,0": FlagKind.POLYGON_UNCLOSED,
    "0,0 4,0 4,4 2,4 2,-1 0,-1 0,0": FlagKind.POLYGON_CROSSES_ITSELF,
    "0,0 0,2 0,4 4,4 4,0 0,0": None,
    "0,0 0,0 0,4 4,4 4,4 4,0 0,0": None,
    "0,0 2,2 0,4 4,4 2,2 4,0 0,0": None,
    "1,1 2,2 1,1": FlagKind.POLYGON_TOO_SHORT,
    "1,1 1,1 1,1 1,1": FlagKind.POLYGON_TOO_SHORT,
    "0,0 0,4 95,4 0,0": FlagKind.POINT_OUT_OF_RANGE,
    "0,0 0,181 4,4 0,0": FlagKind.POINT_OUT_OF_RANGE,
    "5,60 6,60 6,61 5,60": FlagKind.SWAPPED,
    "5,60 6,60 60,6 5,60": None,
    "north": FlagKind.POLYGON_UNREADABLE,
    "0,0 0,4 4": FlagKind.POLYGON_UNREADABLE,
    "0 0 0 4 4 4": FlagKind.POLYGON_UNREADABLE,
    "0,0 nan,4 4,4 0,0": FlagKind.POLYGON_UNREADABLE,
    "0,0 1e999,4 4,4 0,0": FlagKind.POLYGON_UNREADABLE,
    "0,0 1_0,4 4,4 0,0": FlagKind.POLYGON_UNREADABLE,
    "0,0 ١,4 4,4 0,0": FlagKind.POLYGON_UNREADABLE,
    "0,0 1.2.3,4 4,4 0,0": FlagKind.POLYGON_UNREADABLE,
}


@pytest.mark.parametrize(("text", "odd"), POLYGONS.items())
def test_a_polygon_is_kept_and_judged(text: str, odd: FlagKind | None) -> None:
    message = one(area(f"<polygon>{text}</polygon>"))
    assert (odd in flags(message)) if odd else not flags(message)
    (found,) = message.infos[0].areas
    assert len(found.polygons) + len(found.unreadable) == (1 if text.strip() else 0)
    assert found.unreadable == ((text,) if odd is FlagKind.POLYGON_UNREADABLE else ())


CIRCLES = {
    "59.9,5.1 12.5": None,
    "59.9,5.1 0": None,
    " ": None,
    "59.9,5.1": FlagKind.CIRCLE_UNREADABLE,
    "59.9,5.1 -1": FlagKind.CIRCLE_UNREADABLE,
    "59.9,5.1,7": FlagKind.CIRCLE_UNREADABLE,
    "here": FlagKind.CIRCLE_UNREADABLE,
    "99,5.1 1": FlagKind.POINT_OUT_OF_RANGE,
    "5.1,59.9 12.5": FlagKind.SWAPPED,
    "4,57 1": FlagKind.SWAPPED,
    "32,72 1": FlagKind.SWAPPED,
    "3.9,57 1": None,
    "32,72.1 1": None,
}


@pytest.mark.parametrize(("text", "odd"), CIRCLES.items())
def test_a_circle_is_kept_and_judged(text: str, odd: FlagKind | None) -> None:
    message = one(area(f"<circle>{text}</circle>"))
    assert flags(message) == ({odd} if odd else set())


def test_numbers_are_degrees_and_kilometres() -> None:
    assert geometry.ring("1.5,-2 3,4e0") == (Point(1.5, -2.0), Point(3.0, 4.0))
    assert geometry.circle("1.5,-2 0.25") == Circle(Point(1.5, -2.0), 0.25)


def comb(points: int) -> tuple[Point, ...]:
    """A ring without crossing whose edges all lie over the same meridians: the dearest kind to look at."""
    teeth = [Point(float(step), 0.0 if step % 2 else 100.0) for step in range(points)]
    return (*teeth, Point(float(points), -1.0), Point(0.0, -1.0), teeth[0])


def test_looking_for_crossings_ends_when_its_budget_does() -> None:
    ring = comb(200)
    assert geometry.crosses_itself(ring, [1_000_000]) is False
    budget = [500]
    assert geometry.crosses_itself(ring, budget) is None
    assert budget[0] < 0


def test_a_ring_too_long_to_look_at_is_said_to_be_so() -> None:
    long = " ".join(f"{step / 100_000},{step % 2}" for step in range(geometry.RING_BUDGET + 2))
    assert FlagKind.POLYGON_UNCHECKED in flags(one(area(f"<polygon>{long}</polygon>")))


def test_nothing_crosses_nothing() -> None:
    assert geometry.crosses_itself((), [10]) is False
