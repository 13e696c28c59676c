"""Which municipality an alert concerns, and the sentence that says why."""

import math

import pytest
from hypothesis import assume, given, strategies as st

from messages.alert import Area, Circle, Point
from relay.model import Place
from relay.routing import How, inside
from relay.routing.area import contains, distance_km

BERGEN = Place(number="4601", name="Bergen", point=Point(60.39, 5.32))
UNMAPPED = Place(number="4601", name="Bergen", point=None)


def ring(*corners: tuple[float, float]) -> tuple[Point, ...]:
    return tuple(Point(*corner) for corner in [*corners, *corners[:1]])


AROUND = ring((60, 5), (60, 6), (61, 6), (61, 5))
SWAPPED = tuple(Point(corner.longitude, corner.latitude) for corner in AROUND)
ELSEWHERE = ring((69, 18), (69, 19), (70, 19))
#: a U whose notch holds the point
NOTCHED = ring((60, 5), (60, 6), (61, 6), (61, 5.5), (60.2, 5.5), (60.2, 5.2), (61, 5.2), (61, 5))


@pytest.mark.parametrize(
    ("areas", "how"),
    [
        ([], How.EVERYWHERE),
        ([Area()], How.EVERYWHERE),
        ([Area(geocodes=(("EMMA_ID", "NO004"),))], How.UNKNOWN),
        ([Area(geocodes=(("EMMA_ID", "NO004"),)), Area(municipalities=("4601",))], How.MUNICIPALITY),
        ([Area(geocodes=(("EMMA_ID", "NO004"),), polygons=(ELSEWHERE,))], How.NO),
        ([Area(geocodes=(("EMMA_ID", "NO004"),), municipalities=("1201",))], How.NO),
        ([Area(description="Oslo", unreadable=("nord for elva",))], How.UNKNOWN),
        ([Area(polygons=(ELSEWHERE,), unreadable=("nord for elva",))], How.UNKNOWN),
        ([Area(polygons=(AROUND,), unreadable=("nord for elva",))], How.POLYGON),
        ([Area(municipalities=("1201",), unreadable=("nord for elva",))], How.NO),
        ([Area(polygons=(SWAPPED,))], How.UNKNOWN),
        ([Area(circles=(Circle(Point(5.3, 60.4), 3),))], How.UNKNOWN),
        ([Area(municipalities=("4601",))], How.MUNICIPALITY),
        ([Area(municipalities=("1201",))], How.NO),
        ([Area(municipalities=("1201",), polygons=(AROUND,))], How.POLYGON),
        ([Area(polygons=(ELSEWHERE, AROUND))], How.POLYGON),
        ([Area(polygons=(ELSEWHERE,)), Area(municipalities=("4601",))], How.MUNICIPALITY),
        ([Area(polygons=(AROUND,)), Area(municipalities=("4601",))], How.MUNICIPALITY),
        ([Area(polygons=(ELSEWHERE,))], How.NO),
        ([Area(polygons=(NOTCHED,))], How.NO),
        ([Area(circles=(Circle(Point(60.4, 5.3), 3),))], How.CIRCLE),
        ([Area(circles=(Circle(Point(61.4, 5.3), 3),))], How.NO),
        ([Area(circles=(Circle(Point(math.nan, 5.3), 3),))], How.NO),
        ([Area(circles=(Circle(Point(60.4, 5.3), math.inf),))], How.NO),
        ([Area(polygons=((), (Point(60.39, 5.32),), (Point(60, 5), Point(61, 6))))], How.NO),
    ],
)
def test_a_place_is_inside_by_the_surest_way(areas: list[Area], how: How) -> None:
    answer = inside(areas, BERGEN)
    assert answer.how is how
    assert bool(answer) is (how not in (How.UNKNOWN, How.NO))
    assert answer.reason.endswith(".")


@pytest.mark.parametrize(
    ("area", "place", "words"),
    [
        (Area(geocodes=(("EMMA_ID", "NO004"),)), BERGEN, "EMMA_ID"),
        (
            Area(description="Oslo", unreadable=("nord for elva",)),
            BERGEN,
            "The borders of the area «Oslo» could not be read (nord for elva)",
        ),
        (Area(unreadable=("nord for elva",)), UNMAPPED, "could not be read"),
        (Area(polygons=(SWAPPED,)), BERGEN, "latitude and longitude change places"),
        (Area(municipalities=("1201",)), BERGEN, "numbers from before 2020 and 2024 are not translated"),
        (Area(municipalities=tuple(f"12{n}" for n in range(10, 22))), BERGEN, "and 6 more"),
        (Area(polygons=(AROUND,)), UNMAPPED, "only its number can"),
        (Area(polygons=(ELSEWHERE,)), BERGEN, "by hand"),
        (Area(description="Hordaland", polygons=(AROUND,)), BERGEN, "«Hordaland»"),
    ],
)
def test_the_reason_says_what_to_look_at(area: Area, place: Place, words: str) -> None:
    assert words in inside([area], place).reason


def test_every_finding_is_whole_sentences_with_their_places_filled() -> None:
    areas = [Area(municipalities=tuple(f"12{n}" for n in range(10, 22)), polygons=(ELSEWHERE,))]
    assert inside(areas, BERGEN).reason == (
        "The alert does not name 4601 Bergen. "
        "It names 1210, 1211, 1212, 1213, 1214, 1215 and 6 more (numbers from before 2020 and 2024 are not translated). "
        "Its point (60.390, 5.320) lies in no polygon or circle. Where a part of it is touched, name the municipality by hand."
    )
    assert inside([Area(municipalities=("1201",) * 7)], UNMAPPED).reason == (
        "The alert does not name 4601 Bergen. It names 1201 (numbers from before 2020 and 2024 are not translated)."
    )
    assert inside([Area(description="100 %", circles=(Circle(Point(60.4, 5.3), 3),))], BERGEN).reason == (
        "The point of Bergen (60.390, 5.320) lies in a circle of the area «100 %»."
    )


def test_a_degree_of_latitude_is_60_sea_miles() -> None:
    assert distance_km(Point(60, 5), Point(61, 5)) == pytest.approx(60 * 1.852, rel=0.005)
    assert distance_km(Point(60, 5), Point(60, 5)) == 0
    assert distance_km(Point(0, 0), Point(0, 180)) == pytest.approx(20_015, rel=0.005)


numbers = st.floats(allow_nan=True, allow_infinity=True) | st.floats(-90, 90) | st.sampled_from([60.39, 5.32])
points = st.builds(Point, numbers, numbers)


@given(st.lists(points, max_size=8), points)
def test_no_ring_however_broken_raises(corners: list[Point], point: Point) -> None:
    assert contains(corners, point) in (True, False)


@given(
    st.lists(st.tuples(st.integers(50, 70), st.integers(0, 30)), min_size=3, max_size=3),
    st.lists(st.integers(1, 9), min_size=3, max_size=3),
)
def test_what_lies_between_three_corners_is_inside(corners: list[tuple[int, int]], weights: list[int]) -> None:
    (a, b), (c, d), (e, f) = corners
    assume((c - a) * (f - b) != (e - a) * (d - b))
    total = sum(weights)
    latitude = sum(w * corner[0] for w, corner in zip(weights, corners, strict=True)) / total
    longitude = sum(w * corner[1] for w, corner in zip(weights, corners, strict=True)) / total
    assert contains(ring(*corners), Point(latitude, longitude))
    assert not contains(ring(*corners), Point(latitude, longitude + 100))
