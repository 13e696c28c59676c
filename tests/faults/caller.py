"""Makes callbacks at a steady rate, in a process of its own: `python -m tests.faults.caller FILE`, one JSON call a line.

A call is {"url", "fields", "token"}: signed with the token, so a wrong token makes a forged one. Prints {"status": count, …} and how long
the answers took, when all are answered. Nothing is repeated.
"""

import asyncio
import json
import sys
from collections import Counter
from pathlib import Path
from statistics import quantiles
from typing import Any
from urllib.parse import urldefrag

import aiohttp
from twilio.request_validator import RequestValidator

from channels.clock import monotonic

#: calls in flight at most
WIDTH = 200


async def call(calls: list[dict[str, Any]], per_second: float) -> dict[str, Any]:
    """Make the calls, one every 1/`per_second` s; return what was answered."""
    statuses: Counter[str] = Counter()
    took: list[float] = []

    async def one(session: aiohttp.ClientSession, each: dict[str, Any], headers: dict[str, str]) -> None:
        begun = monotonic()
        try:
            async with session.post(each["url"], data=each["fields"], headers=headers) as answer:
                statuses[f"{each['kind']} {answer.status}"] += 1
        except (aiohttp.ClientError, TimeoutError) as why:
            statuses[f"{each['kind']} {type(why).__name__}"] += 1
        took.append(monotonic() - begun)

    signed = [(each, _signed(each)) for each in calls]
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=WIDTH), timeout=aiohttp.ClientTimeout(15)) as session:
        start, tasks = monotonic(), []
        for n, (each, headers) in enumerate(signed):
            await asyncio.sleep(start + n / per_second - monotonic())
            tasks.append(asyncio.create_task(one(session, each, headers)))
        await asyncio.gather(*tasks)
        lasted = monotonic() - start
    cuts = quantiles(took, n=100)
    return {"answers": dict(statuses), "per_second": len(calls) / lasted, "p50": cuts[49], "p99": cuts[98]}


def _signed(each: dict[str, Any]) -> dict[str, str]:
    each["url"] = urldefrag(each["url"]).url
    return {"X-Twilio-Signature": RequestValidator(each["token"]).compute_signature(each["url"], each["fields"])}


def main() -> None:
    """Read the calls, make them, print what came of them."""
    calls = [json.loads(line) for line in Path(sys.argv[1]).read_text().splitlines()]
    sys.stdout.write(json.dumps(asyncio.run(call(calls, float(sys.argv[2])))) + "\n")


if __name__ == "__main__":
    main()
