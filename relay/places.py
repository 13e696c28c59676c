"""The municipalities of Norway: numbers, names in every official language, and a point on the map (data/kommuner.tsv says its sources)."""

from csv import DictReader
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import NamedTuple

from messages.alert import Point
from relay.model import BadInput, NotFound, Place


class Municipality(NamedTuple):
    """One line of the table."""

    place: Place
    #: every name it goes by, the first as printed
    names: tuple[str, ...]
    county: str


def find(number_or_name: str) -> Place:
    """Return the municipality of this number or name, in any of its languages; raises NotFound, or BadInput where two share a name."""
    wanted = _folded(number_or_name)
    numbers = _by_name().get(wanted, (wanted,))
    if len(numbers) > 1:
        which = " or ".join(f"{number} ({table()[number].county})" for number in numbers)
        raise BadInput(f"There is more than one {number_or_name.strip()}: say {which}.")
    if numbers[0] not in table():
        raise NotFound(_not_found(number_or_name.strip(), wanted))
    return table()[numbers[0]].place


@cache
def table() -> MappingProxyType[str, Municipality]:
    """Return every municipality by its number, in the order of numbers."""
    text = files("relay").joinpath("data/kommuner.tsv").read_text(encoding="utf-8")
    rows = DictReader((line for line in text.splitlines() if not line.startswith("#")), delimiter="\t")
    return MappingProxyType({row["number"]: _municipality(row) for row in rows})


def _municipality(row: dict[str, str]) -> Municipality:
    point = Point(float(row["latitude"]), float(row["longitude"])) if row["latitude"] else None
    names = tuple(row[column] for column in ("name", "name_2", "name_3") if row[column])
    return Municipality(Place(number=row["number"], name=names[0], point=point), names, row["county"])


@cache
def _by_name() -> MappingProxyType[str, tuple[str, ...]]:
    """Map every name to its numbers; «Herøy (Nordland)» is found as «Herøy» too, as are all names at once: «Hamarøy - Hábmer»."""
    found: dict[str, tuple[str, ...]] = {}
    for number, municipality in table().items():
        for name in {*municipality.names, municipality.names[0].split(" (")[0], " - ".join(municipality.names)}:
            found[_folded(name)] = (*found.get(_folded(name), ()), number)
    return MappingProxyType(found)


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())


def _not_found(given: str, wanted: str) -> str:
    if wanted.isdigit():
        return f"No municipality has the number {given}. Numbers from before 2020 and 2024 are not in use any more: give the name."
    close = get_close_matches(wanted, _by_name(), n=3)
    names = (table()[number].place.name for name in close for number in _by_name()[name])
    hint = f" Did you mean {' or '.join(dict.fromkeys(names))}?" if close else " Give its name, or its number of four digits."
    return f"No municipality is called {given or '«»'}.{hint}"
