"""Does the door's time tell whether a login exists? python -m tests.web.door_timing --samples 1000

Real HTTP against a real house on SQLite, logins that exist and that do not in turn; prints both medians and how far they are apart.
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
from time import perf_counter

from relay.store import schema
from relay.store.engine import Store
from tests.web.house import Browser, Open, opened, settings


async def _measure(house: Open, browser: Browser, login: str, step: int) -> float:
    headers = {"X-Forwarded-For": f"2001:db8::{step:x}"}
    house.passes(minutes=2)  # never ten tries in a quarter of an hour
    begun = perf_counter()
    answer = await browser.ask("POST", "/sign-in", data={"login": login, "password": "not the password", "next": "/"}, headers=headers)
    spent = perf_counter() - begun
    assert answer.status == 403
    return spent


async def _main(samples: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite+aiosqlite:///{folder}/door.db"
        store = await Store.open(url)
        await schema.upgrade(store)
        await store.close()
        async with opened(settings(url)) as house:
            browser = await house.browser()
            spent: dict[str, list[float]] = {"viewer": [], "nobody": []}
            for step in range(samples + 10):
                for login in sorted(spent, reverse=bool(step % 2)):
                    taken = await _measure(house, browser, login, step)
                    if step >= 10:
                        spent[login].append(taken)
    exists, unknown = (statistics.median(spent[login]) for login in ("viewer", "nobody"))
    apart = abs(exists - unknown) / exists
    sys.stdout.write(
        f"{samples} samples each: exists {exists * 1000:.1f} ms, does not {unknown * 1000:.1f} ms, {apart:.2%} apart (medians)\n"
    )


def main() -> None:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=1000)
    asyncio.run(_main(parser.parse_args().samples))


if __name__ == "__main__":
    main()
