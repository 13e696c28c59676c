"""Does an alert concern this municipality? By its number, or by its point in a polygon or circle."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from math import asin, cos, isfinite, radians, sin, sqrt
from typing import NamedTuple

from messages.alert import Area, Circle, Point
from relay.model import Place

EARTH_RADIUS_KM = 6371.0088
#: numbers that are listed before the rest is only counted
NUMBERS_LISTED = 6


class How(StrEnum):
    """What an alert's area says of a municipality."""

    EVERYWHERE = "everywhere"
    MUNICIPALITY = "municipality"
    POLYGON = "polygon"
    CIRCLE = "circle"
    #: its borders cannot be read, or not as they are written: a person must say
    UNKNOWN = "unknown"
    NO = "no"


class Said(NamedTuple):
    """An English sentence, and what its %(places)s are filled with: a page says it in its reader's language."""

    sentence: str
    values: dict[str, str]


@dataclass(frozen=True, slots=True)
class Inside:
    """The answer, true or false as itself, with sentences for the duty officer."""

    how: How
    said: tuple[Said, ...]

    @property
    def reason(self) -> str:
        """The sentences in English."""
        return " ".join(one.sentence % one.values for one in self.said)

    def __bool__(self) -> bool:
        return self.how not in (How.UNKNOWN, How.NO)


def inside(areas: Sequence[Area], place: Place) -> Inside:
    """Say whether the union of the areas holds the place, and by what; the surest way in is named."""
    if not areas:
        return Inside(How.EVERYWHERE, (Said("The alert names no area: it applies everywhere.", {}),))
    found = [way for area in areas if (way := _one(area, place)) is not None]
    return min(found, key=lambda way: _SUREST.index(way.how), default=Inside(How.NO, tuple(_why_not(areas, place))))


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


_SUREST = (How.MUNICIPALITY, How.POLYGON, How.CIRCLE, How.EVERYWHERE, How.UNKNOWN)
#: characters of a border shown that cannot be read
BORDER_SHOWN = 60

_IF_SWAPPED = (
    "The point of %(name)s (%(at)s) lies in the area%(area)s only if latitude and longitude change places: "
    "look at the map, and say whether it concerns us."
)
_NOT_READ = "The borders of the area%(area)s could not be read (%(borders)s): find out where it is, and say whether it concerns us."
_ONLY_CODES = (
    "The area%(area)s is given only by codes that are not understood (%(codes)s): find out where it is, and say whether it concerns us."
)


def _one(area: Area, place: Place) -> Inside | None:
    if not (area.municipalities or area.polygons or area.circles or area.unreadable or area.geocodes):
        said = Said("The area%(area)s has no borders: it applies everywhere.", {"area": _named(area)})
        return Inside(How.EVERYWHERE, (said,))
    if place.number in area.municipalities:
        return Inside(How.MUNICIPALITY, (Said("The area names municipality %(number)s.", {"number": place.number}),))
    found = _by_point(area, place, place.point) if place.point else None
    if found is None and (why := _unknown(area)):
        return Inside(How.UNKNOWN, (why,))
    return found


def _by_point(area: Area, place: Place, point: Point) -> Inside | None:
    values = {"name": place.name, "at": _at(point), "area": _named(area)}
    if any(contains(ring, point) for ring in area.polygons):
        return Inside(How.POLYGON, (Said("The point of %(name)s (%(at)s) lies in a polygon of the area%(area)s.", values),))
    if any(_reaches(circle, point) for circle in area.circles):
        return Inside(How.CIRCLE, (Said("The point of %(name)s (%(at)s) lies in a circle of the area%(area)s.", values),))
    swapped = Point(point.longitude, point.latitude)
    if any(contains(ring, swapped) for ring in area.polygons) or any(_reaches(circle, swapped) for circle in area.circles):
        return Inside(How.UNKNOWN, (Said(_IF_SWAPPED, values),))
    return None


def _at(point: Point) -> str:
    return f"{point.latitude:.3f}, {point.longitude:.3f}"


def _reaches(circle: Circle, point: Point) -> bool:
    given = (circle.centre.latitude, circle.centre.longitude, circle.radius_km)
    return all(map(isfinite, given)) and distance_km(circle.centre, point) <= circle.radius_km


def _named(area: Area) -> str:
    return f" «{area.description}»" if area.description else ""


def _unknown(area: Area) -> Said | None:
    """Say why nobody can tell where an area is; None: it can be told."""
    if area.municipalities:
        return None
    if area.unreadable:
        borders = ", ".join(text[:BORDER_SHOWN] for text in area.unreadable[:NUMBERS_LISTED])
        return Said(_NOT_READ, {"area": _named(area), "borders": borders})
    if area.geocodes and not (area.polygons or area.circles):
        codes = ", ".join(sorted({name for name, _ in area.geocodes}))
        return Said(_ONLY_CODES, {"area": _named(area), "codes": codes})
    return None


def _why_not(areas: Sequence[Area], place: Place) -> Iterator[Said]:
    yield Said("The alert does not name %(number)s %(name)s.", {"number": place.number, "name": place.name})
    if numbers := sorted({number for area in areas for number in area.municipalities}):
        yield _named_instead(numbers)
    if any(area.polygons or area.circles for area in areas):
        yield _why_not_by_point(place)


def _named_instead(numbers: Sequence[str]) -> Said:
    listed, more = ", ".join(numbers[:NUMBERS_LISTED]), len(numbers) - NUMBERS_LISTED
    if more <= 0:
        return Said("It names %(numbers)s (numbers from before 2020 and 2024 are not translated).", {"numbers": listed})
    return Said(
        "It names %(numbers)s and %(more)s more (numbers from before 2020 and 2024 are not translated).",
        {"numbers": listed, "more": str(more)},
    )


def _why_not_by_point(place: Place) -> Said:
    if place.point is None:
        return Said(
            "%(name)s has no point on the map, so that polygons and circles cannot tell: only its number can.", {"name": place.name}
        )
    return Said(
        "Its point (%(at)s) lies in no polygon or circle. Where a part of it is touched, name the municipality by hand.",
        {"at": _at(place.point)},
    )
