"""The reach board of an alert with a million deliveries, over a real HTTP server.

    python -m tests.web.board_speed [--deliveries 1000000] [--requests 400] [--database sqlite|postgres]

Prints how long the board takes (p50 and p95 in ms, from asking to the last byte), and how many SQL statements one event costs with 1 and
with 200 viewers of its stream. The alert is one that was really written, sent and answered; its rows are then copied by SQL until there
are enough, with counters, events and quorums in proportion. Server and asker share a process, so the asker's own work is in the figures.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from relay.store import schema, sealing
from relay.store.engine import Store
from tests.pg import running_postgres
from tests.web.duty_town import Duty, duty_town
from tests.web.viewers import cost_of_one_change

#: the groups of the town, so many people really live in each; and what they wrote back
LANGUAGES = (
    "so",
    "ti",
    "ar",
    "uk",
    "fa",
    "ps",
    "pl",
    "lt",
    "ro",
    "ru",
    "th",
    "vi",
    "tr",
    "sw",
    "es",
    "fr",
    "am",
    "ckb",
    "ku",
    "my",
    "ur",
    "nb",
)
PEOPLE = 3
SAID = ("2", "3 40", "")
#: columns of a copied row that are its own
OWN = {
    "resource_person": {"id": "{base} + {step} * n + id"},
    "recipient": {"id": "{base} + {step} * n + id", "person_id": "{base} + {step} * n + person_id"},
    "recipient_group": {"recipient_id": "{base} + {step} * n + recipient_id"},
    "delivery": {
        "id": "{base} + {step} * n + id",
        "recipient_id": "{base} + {step} * n + recipient_id",
        "person_id": "{base} + {step} * n + person_id",
    },
    "event": {"number": "number - {step} * (n + 1)"},
}
#: ids of copies begin here, each round apart from the next by so much; events that are copied lie before those that happened
BASE, STEP = 1_000_000, 10_000
#: one of so many may have had a message twice
RARE = 50_000


async def grow(conn: AsyncConnection, wanted: int) -> int:
    """Copy the alert's rows until there are `wanted` deliveries; return how many there are."""
    has = (await conn.execute(text("SELECT count(*) FROM delivery WHERE action <> ''"))).scalar_one()
    rounds = max(0, -(-wanted // has) - 1)
    for table, own in OWN.items():
        names = (await conn.execute(text(f"SELECT * FROM {table} LIMIT 1"))).keys()
        made = {name: own.get(name, f'"{name}"').format(base=BASE, step=STEP) for name in names}
        where = (
            "WHERE deputy_of_id IS NULL"
            if table == "resource_person"
            else "WHERE recipient_id IS NOT NULL AND action <> ''"
            if table == "delivery"
            else ""
        )
        columns = ", ".join(f'"{name}"' for name in made)
        many = f"WITH RECURSIVE round(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM round WHERE n + 1 < {rounds}) "
        copied = f"INSERT INTO {table} ({columns}) {many} SELECT {', '.join(made.values())} FROM {table}, round {where}"
        if rounds:
            await conn.execute(text(copied))
    await _in_proportion(conn, rounds + 1)
    return int((await conn.execute(text("SELECT count(*) FROM delivery"))).scalar_one())


async def _in_proportion(conn: AsyncConnection, times: int) -> None:
    await conn.execute(text(f"UPDATE counter SET value = value * {times}"))
    await conn.execute(text(f"UPDATE recipient SET possible_duplicate = TRUE WHERE id % {RARE} = 7"))
    await conn.execute(text(f"UPDATE alert_group SET quorum = quorum * {times}, counted = counted * {times}"))


@contextmanager
def database(kind: str, folder: Path) -> Iterator[str]:
    """An empty database."""
    if kind == "sqlite":
        yield f"sqlite+aiosqlite:///{folder}/board.db"
        return
    with running_postgres() as server, server.database() as url:
        yield url


async def sent(duty: Duty) -> None:
    """Write the alert, send it, and let people answer."""
    folk = [(await duty.town.person(f"P{tag}{n}", tag), said) for tag in LANGUAGES for n, said in zip(range(PEOPLE), SAID, strict=True)]
    await duty.issue()
    for somebody, said in folk:
        if said:
            await somebody.phone.says(said)
    await duty.town.settle()


async def timed(duty: Duty, requests: int) -> list[float]:
    """Return how many milliseconds each board took, in order of size."""
    took = []
    for number in range(requests + 20):
        begun = time.perf_counter()
        answer = await duty.viewer.get("/alerts/1/board")
        took.append((time.perf_counter() - begun) * 1000)
        assert answer.status == 200
        assert number or len(answer.text) > 20_000
    return sorted(took[20:])


async def _main(url: str, folder: Path, given: argparse.Namespace) -> int:
    sealing.use(sealing.build(*(sealing.make_key() for _ in range(3))))
    store = await Store.open(url)
    await schema.upgrade(store)
    await store.close()
    async with duty_town(url, folder) as duty:
        await sent(duty)
        async with duty.town.store.remodel() as conn:
            deliveries = await grow(conn, given.deliveries)
            await conn.execute(text("ANALYZE"))
        took = await timed(duty, given.requests)
        costs = [await cost_of_one_change(duty, viewers) for viewers in (1, 200)]
    p50, p95 = took[len(took) // 2], took[int(len(took) * 0.95)]
    size = f"{given.database}: {deliveries} deliveries, {len(LANGUAGES)} groups, {given.requests} boards"
    sys.stdout.write(f"{size}: p50 {p50:.1f} ms, p95 {p95:.1f} ms, longest {took[-1]:.1f} ms\n")
    sys.stdout.write(f"{given.database}: SQL statements of one event: 1 viewer {len(costs[0])}, 200 viewers {len(costs[1])}\n")
    return 0 if Counter(costs[0]) == Counter(costs[1]) else 1


def main() -> int:
    """Read the arguments, and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--deliveries", type=int, default=1_000_000)
    parser.add_argument("--requests", type=int, default=400)
    parser.add_argument("--database", choices=("sqlite", "postgres"), default="sqlite")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, database(given.database, Path(name)) as url:
        return asyncio.run(_main(url, Path(name), given))


if __name__ == "__main__":
    sys.exit(main())
