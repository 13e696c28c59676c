"""Who may do what: `matrix.toml` is the table that people have looked at; `python -m tests.web.matrix` prints the rows that it lacks."""

import sys
import tomllib
from pathlib import Path

from relay.authority import EVERYBODY
from relay.model import Role
from relay.web.route import Door, Route
from relay.web.server import ROUTES

FILE = Path(__file__).with_name("matrix.toml")


def row(route: Route) -> str:
    """Return a route's name in the table."""
    return f"{route.method} {route.path}"


def told(route: Route) -> str:
    """Return who may by the route table, in the words of the matrix."""
    if isinstance(route.who, Door):
        return str(route.who)
    return "everybody" if route.who == EVERYBODY else " ".join(sorted(route.who))


def written() -> dict[str, str]:
    """Return the table as it was looked at."""
    rows: dict[str, str] = tomllib.loads(FILE.read_text())
    return {name: who if who in set(Door) or who == "everybody" else " ".join(sorted(who.split())) for name, who in rows.items()}


def roles(who: str) -> frozenset[Role]:
    """Return the roles that may; none for a door."""
    if who in set(Door):
        return frozenset()
    return EVERYBODY if who == "everybody" else frozenset(map(Role, who.split()))


def lacking() -> list[str]:
    """Return the lines that the table lacks, ready to be looked at and put in."""
    known = written()
    return [f"'{row(route)}' = \"{told(route)}\"" for route in ROUTES if row(route) not in known]


if __name__ == "__main__":
    sys.stdout.write("\n".join([*lacking(), ""]))
