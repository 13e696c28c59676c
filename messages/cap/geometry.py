"""Polygons and circles of CAP: read with care for what is wrong with them, which is flagged and kept."""

import re
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import pairwise
from math import isfinite
from operator import itemgetter

from messages.alert import Circle, Point

#: how many pairs of edges one document may have compared, and how long a ring may be to be looked at: about 30 ms
PAIR_BUDGET, RING_BUDGET = 20_000, 5_000

#: a Point of a pair without a call into Python: a coastline has forty thousand of them
_POINT: Callable[[tuple[float, float]], Point] = partial(tuple.__new__, Point)

#: Norway without Svalbard, in whole degrees; the two have no degree in common, so that no place is in both readings
LATITUDES, LONGITUDES = (57, 72), (4, 32)

_NUMBERS = re.compile(r"[0-9eE+\-.,\s]*")


class Unreadable(ValueError):
    """A polygon or circle that is not made of numbers."""


def ring(text: str) -> tuple[Point, ...]:
    """The points of "lat,lon lat,lon …" in WGS 84 degrees, as written. Raises Unreadable."""
    numbers = _floats(text)
    if len(numbers) % 2 or len(numbers) != 2 * text.count(","):
        raise Unreadable(text[:60])
    return tuple(map(_POINT, zip(numbers[::2], numbers[1::2], strict=True)))


def circle(text: str) -> Circle:
    """The circle "lat,lon radius", radius in kilometres. Raises Unreadable."""
    numbers = _floats(text)
    if len(numbers) != 3 or text.count(",") != 1 or numbers[2] < 0:
        raise Unreadable(text[:60])
    return Circle(Point(numbers[0], numbers[1]), numbers[2])


def _floats(text: str) -> list[float]:
    # Only these characters: float() alone would also take "nan", "1_0" and digits of other scripts.
    if not _NUMBERS.fullmatch(text):
        raise Unreadable(text[:60])
    try:
        numbers = list(map(float, text.replace(",", " ").split()))
    except ValueError:
        raise Unreadable(text[:60]) from None
    if not all(map(isfinite, numbers)):
        raise Unreadable(text[:60])
    return numbers


def on_earth(points: Sequence[Point]) -> bool:
    """Whether all points, of which there is at least one, have latitudes and longitudes that exist."""
    return _between(points, (-90, 90), (-180, 180))


def is_swapped(points: Sequence[Point]) -> bool:
    """Whether all points, of which there is at least one, lie in Norway once latitude and longitude change places."""
    return _between(points, LONGITUDES, LATITUDES)


def _between(points: Sequence[Point], south_north: tuple[float, float], west_east: tuple[float, float]) -> bool:
    latitudes: list[float] = list(map(itemgetter(0), points))
    longitudes: list[float] = list(map(itemgetter(1), points))
    (south, north), (west, east) = south_north, west_east
    return south <= min(latitudes) <= max(latitudes) <= north and west <= min(longitudes) <= max(longitudes) <= east


def has_corners(points: Iterable[Point], wanted: int = 3) -> bool:
    """Whether a ring has that many different points."""
    found: set[Point] = set()
    for point in points:
        found.add(point)
        if len(found) >= wanted:
            return True
    return False


#: west end, east end (longitude, latitude each), and the edge's number along the ring
Edge = tuple[float, float, float, float, int]


def crosses_itself(points: Sequence[Point], budget: list[int]) -> bool | None:
    """Whether two edges of a closed ring cross properly; None when the ring is too long, or its comparisons overdraw `budget[0]`."""
    if len(points) > RING_BUDGET:
        return None
    edges = _edges(points)
    reach: list[Edge] = []
    for edge in edges:
        reach = [other for other in reach if other[2] >= edge[0]]
        budget[0] -= len(reach)
        if budget[0] < 0:
            return None
        if any(_cross(edge, other) for other in reach if 1 < abs(edge[4] - other[4]) < len(edges) - 1):
            return True
        reach.append(edge)
    return False


def _edges(points: Sequence[Point]) -> list[Edge]:
    """A ring's edges from west to east; repeated points make none."""
    distinct = [*points[:1], *(here for before, here in pairwise(points) if here != before)]
    edges: list[Edge] = []
    for number, (one, other) in enumerate(pairwise(distinct)):
        west, east = (one, other) if one.longitude <= other.longitude else (other, one)
        edges.append((west.longitude, west.latitude, east.longitude, east.latitude, number))
    return sorted(edges)


def _cross(one: Edge, two: Edge) -> bool:
    ax, ay, bx, by, _ = one
    cx, cy, dx, dy, _ = two
    if max(ay, by) < min(cy, dy) or max(cy, dy) < min(ay, by):
        return False
    c_side = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
    d_side = (bx - ax) * (dy - ay) - (by - ay) * (dx - ax)
    a_side = (dx - cx) * (ay - cy) - (dy - cy) * (ax - cx)
    b_side = (dx - cx) * (by - cy) - (dy - cy) * (bx - cx)
    return c_side * d_side < 0 and a_side * b_side < 0
