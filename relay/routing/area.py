"""Does an alert concern this municipality? By its number, or by its point in a polygon or circle."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from math import asin, cos, isfinite, radians, sin, sqrt

from messages.alert import Area, Circle, Point
from relay.model import Place

EARTH_RADIUS_KM = 6371.0088


class How(StrEnum):
    """What an alert's area says of a municipality."""

    EVERYWHERE = "everywhere"
    MUNICIPALITY = "municipality"
    POLYGON = "polygon"
    CIRCLE = "circle"
    NO = "no"


@dataclass(frozen=True, slots=True)
class Inside:
    """The answer, true or false as itself, with a sentence for the duty officer."""

    how: How
    reason: str

    def __bool__(self) -> bool:
        return self.how is not How.NO


def inside(areas: Sequence[Area], place: Place) -> Inside:
    """Say whether the union of the areas holds the place, and by what; the surest way in is named."""
    if not areas:
        return Inside(How.EVERYWHERE, "The alert names no area: it applies everywhere.")
    found = [way for area in areas if (way := _one(area, place))]
    return min(found, key=lambda way: _SUREST.index(way.how), default=Inside(How.NO, _why_not(areas, place)))


def contains(ring: Sequence[Point], point: Point) -> bool:
    """Even-odd rule on a flat map; a ring that encloses nothing holds nothing. Rings across the date line are not meant."""
    odd = False
    closed = [*ring, *ring[:1]]
    for a, b in pairwise(closed):
        if (a.latitude > point.latitude) != (b.latitude > point.latitude):
            share = (point.latitude - a.latitude) / (b.latitude - a.latitude)
            odd ^= point.longitude < a.longitude + share * (b.longitude - a.longitude)
    return odd


def distance_km(a: Point, b: Point) -> float:
    """Great-circle distance; WGS 84 as a sphere, right to half a percent."""
    lat_a, lat_b = radians(a.latitude), radians(b.latitude)
    half = sin((lat_b - lat_a) / 2) ** 2 + cos(lat_a) * cos(lat_b) * sin(radians(b.longitude - a.longitude) / 2) ** 2
    return 2 * EARTH_RADIUS_KM * asin(sqrt(min(1.0, half)))


_SUREST = (How.MUNICIPALITY, How.POLYGON, How.CIRCLE, How.EVERYWHERE)


def _one(area: Area, place: Place) -> Inside | None:
    if not (area.municipalities or area.polygons or area.circles):
        return Inside(How.EVERYWHERE, _everywhere(area))
    if place.number in area.municipalities:
        return Inside(How.MUNICIPALITY, f"The area names municipality {place.number}.")
    if place.point is None:
        return None
    at = f"{place.name}'s point ({place.point.latitude:.3f}, {place.point.longitude:.3f})"
    if any(contains(ring, place.point) for ring in area.polygons):
        return Inside(How.POLYGON, f"{at} lies in a polygon of the area{_named(area)}.")
    if any(_reaches(circle, place.point) for circle in area.circles):
        return Inside(How.CIRCLE, f"{at} lies in a circle of the area{_named(area)}.")
    return None


def _reaches(circle: Circle, point: Point) -> bool:
    given = (circle.centre.latitude, circle.centre.longitude, circle.radius_km)
    return all(map(isfinite, given)) and distance_km(circle.centre, point) <= circle.radius_km


def _named(area: Area) -> str:
    return f" «{area.description}»" if area.description else ""


def _everywhere(area: Area) -> str:
    if not area.geocodes:
        return f"The area{_named(area)} has no borders: it applies everywhere."
    codes = ", ".join(sorted({name for name, _ in area.geocodes}))
    return f"The area{_named(area)} is given only by codes that are not understood ({codes}): taken as everywhere. Check it."


def _why_not(areas: Sequence[Area], place: Place) -> str:
    said = [f"The alert does not name {place.number} {place.name}"]
    numbers = sorted({number for area in areas for number in area.municipalities})
    if numbers:
        said[0] += f" but {_few(numbers)} (numbers from before 2020 and 2024 are not translated)"
    if any(area.polygons or area.circles for area in areas):
        said.append(_why_not_by_point(place))
    return "; ".join(said) + "."


def _why_not_by_point(place: Place) -> str:
    if place.point is None:
        return f"{place.name} has no point on the map, so that polygons and circles cannot tell: only its number can"
    at = f"({place.point.latitude:.3f}, {place.point.longitude:.3f})"
    return f"its point {at} lies in no polygon or circle; where a part of it is touched, name the municipality by hand"


def _few(numbers: Sequence[str], most: int = 6) -> str:
    more = f" and {len(numbers) - most} more" if len(numbers) > most else ""
    return ", ".join(numbers[:most]) + more
