"""Charts as shapes: where each stroke stands, worked out here, drawn by templates/parts/charts.html. Pure.

Places are percentages of the chart's width, or thousandths of its drawing field, so that letters keep their size on every screen.
Where text runs from the right, time and bars do too.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from relay.store.board import GroupLine
from relay.store.progress import Point

#: the parts of a group's bar in their order: class of the shape, what it is called, how many
PARTS: tuple[tuple[str, str, Callable[[GroupLine], int]], ...] = (
    ("passed", "Passed on", lambda one: one.reach.relayed),
    ("answered", "Answered", lambda one: max(0, one.reach.acknowledged - one.reach.relayed)),
    ("delivered", "Delivered, no answer", lambda one: max(0, one.reach.delivered - one.reach.acknowledged)),
    ("underway", "On its way or waiting", lambda one: one.underway),
    ("unknown", "Not known", lambda one: one.reach.unknown),
    ("failed", "Failed", lambda one: one.reach.failed),
)
#: minutes between two marks of the time axis, the first that gives few enough
STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880, 10080)
MOST_TICKS = 6
#: corners of a curve; rows of its table
MOST_CORNERS, MOST_ROWS = 300, 24
FIELD = 1000


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a bar: `start` and `width` are percentages."""

    name: str
    words: str
    count: int
    start: float
    width: float


def ladder(line: GroupLine, *, mirrored: bool) -> tuple[Piece, ...]:
    """Return the parts of a group's bar that are not empty; together they are everybody who is planned."""
    counts = [(name, words, of(line)) for name, words, of in PARTS]
    whole = max(1, sum(count for _, _, count in counts))
    pieces: list[Piece] = []
    begun = 0
    for name, words, count in counts:
        start, width = 100 * begun / whole, 100 * count / whole
        begun += count
        if count:
            pieces.append(Piece(name, words, count, round(100 - start - width if mirrored else start, 3), round(width, 3)))
    return tuple(pieces)


@dataclass(frozen=True, slots=True)
class Mark:
    """A place on the time axis (percent), with its moment; `count`: how many reminders left."""

    at: datetime
    place: float
    count: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table twin: where the numbers stood at `at`, and the reminders since the row before."""

    at: datetime
    acknowledged: int
    relayed: int
    reminded: int


@dataclass(frozen=True, slots=True)
class Curve:
    """Answers over time."""

    #: SVG points of the two lines, in thousandths of the field
    acknowledged: str
    relayed: str
    ticks: tuple[Mark, ...]
    reminders: tuple[Mark, ...]
    #: (percent from the top, people)
    levels: tuple[tuple[float, int], ...]
    rows: tuple[Row, ...]
    end: Point | None


def curve(points: Sequence[Point], people: int, begun: datetime, until: datetime, *, mirrored: bool) -> Curve:
    """Return the curve from the release until now, or until the alert ended."""
    until = max(until, begun + timedelta(minutes=10), *(point.minute + timedelta(minutes=1) for point in points))
    axis = _Axis(begun, until, mirrored)
    top = max(1, people)
    return Curve(
        acknowledged=_line(axis, [(point.minute, point.acknowledged) for point in points], top),
        relayed=_line(axis, [(point.minute, point.relayed) for point in points], top),
        ticks=tuple(Mark(at, axis.percent(at)) for at in axis.ticks()),
        reminders=tuple(_reminders(axis, points)),
        levels=tuple((100 - share * 100, round(top * share)) for share in ((0, 0.5, 1) if top > 1 else (0, 1))),
        rows=tuple(_rows(points, begun, until)),
        end=points[-1] if points else None,
    )


@dataclass(frozen=True, slots=True)
class _Axis:
    begun: datetime
    until: datetime
    mirrored: bool

    def share(self, at: datetime) -> float:
        gone = min(1.0, max(0.0, (at - self.begun) / (self.until - self.begun)))
        return 1 - gone if self.mirrored else gone

    def percent(self, at: datetime) -> float:
        return round(100 * self.share(at), 2)

    def ticks(self) -> list[datetime]:
        """Whole steps after the release, few enough to be read."""
        minutes = (self.until - self.begun) / timedelta(minutes=1)
        step = next((step for step in STEPS if minutes / step < MOST_TICKS), STEPS[-1])
        return [self.begun + timedelta(minutes=step * n) for n in range(int(minutes // step) + 1)]


def _line(axis: _Axis, values: Sequence[tuple[datetime, int]], top: int) -> str:
    """A staircase: numbers jump when somebody answers, and stand still in between."""
    corners = [(axis.begun, 0)]
    for at, value in values[:: max(1, len(values) // MOST_CORNERS)]:
        corners += [(at, corners[-1][1]), (at, value)]
    if values:
        corners.append((values[-1][0], values[-1][1]))
    corners.append((axis.until, corners[-1][1]))
    return " ".join(f"{axis.share(at) * FIELD:.1f},{FIELD - FIELD * min(1.0, value / top):.1f}" for at, value in corners)


def _reminders(axis: _Axis, points: Sequence[Point]) -> list[Mark]:
    """Reminders that leave within few minutes of one another are one mark."""
    marks: list[Mark] = []
    near = (axis.until - axis.begun) / 20
    for point in points:
        if not point.reminded:
            continue
        if marks and point.minute - marks[-1].at < near:
            marks[-1] = Mark(marks[-1].at, marks[-1].place, marks[-1].count + point.reminded)
        else:
            marks.append(Mark(point.minute, axis.percent(point.minute), point.reminded))
    return marks


def _rows(points: Sequence[Point], begun: datetime, until: datetime) -> list[Row]:
    """The minutes in which something happened, drawn together where they are many."""
    minutes = (until - begun) / timedelta(minutes=1)
    step = next((step for step in STEPS if minutes / step < MOST_ROWS), STEPS[-1])
    rows: dict[int, Row] = {}
    for point in points:
        slot = max(0, int((point.minute - begun) / timedelta(minutes=step)))
        before = rows[slot].reminded if slot in rows else 0
        rows[slot] = Row(point.minute, point.acknowledged, point.relayed, before + point.reminded)
    return list(rows.values())
