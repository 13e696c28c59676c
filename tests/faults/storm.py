"""A storm of callbacks while messages leave: none is lost, none counted twice, none forged believed, and sending goes on.

    python -m tests.faults.storm [--people 3000] [--per-second 300] [--seed 1]

Three alerts leave in turn: in a calm, in the storm, in a calm. The storm brings the end of every message of an earlier alert and
questions of people; a fifth of it again, word for word; a twentieth of it signed by somebody else. Rates are compared in the same run.
"""

import argparse
import asyncio
import json
import random
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from channels.base import Evidence
from channels.sandbox.ledger import Entry
from messages.alert import Kind
from relay.app import House, run
from relay.model import AlertState
from relay.store import alerts
from relay.store.tables import attempt, inbound, status
from tests.faults.installation import ACCOUNT, SMS_SENDER, TOKEN, Provider, draft, found, provider, running, settings

#: of the genuine calls: so many again, and so many beside them forged
AGAIN, FORGED = 0.2, 0.05
#: one question for so many statuses
QUESTIONS = 10
#: sending in the storm is at least this share of sending in the calm
SLOWEST = 0.5
LOOK = 0.2


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of a storm."""

    calls: int
    per_second: float
    p50: float
    p99: float
    answers: dict[str, int]
    #: statuses and questions that were told, kept, and (statuses) taken over by their attempts
    told: int
    kept: int
    counted: int
    forged_kept: int
    #: people, and how many the board says have it
    people: int
    on_board: int
    #: messages a second: before, in the storm, after
    rates: tuple[float, float, float]
    #: whether the storm was still blowing when the second alert had left
    lasted: bool

    @property
    def ratio(self) -> float:
        """Sending in the storm to sending in the calm."""
        calm = (self.rates[0] + self.rates[2]) / 2
        return self.rates[1] / calm

    @property
    def good(self) -> bool:
        """Whether all that is wanted holds."""
        right = set(self.answers) == {"genuine 204", "forged 403"}
        kept = self.told == self.kept and not self.forged_kept and self.on_board == self.people
        return right and kept and self.lasted and self.ratio >= SLOWEST


async def play(folder: Path, people: int, per_second: float, seed: int) -> Outcome:
    """Let the storm blow over a house that is sending."""
    with provider(folder, seed=seed, callbacks=False) as there:
        database = f"sqlite+aiosqlite:///{folder / 'budstikke.db'}"
        town = await found(database, people, pace=100_000)
        async with running(settings(database, there.url)) as house:
            alert_id = await _sent(house, there, town, people)
            calls = storm(there.accepted(), house.relay.desk.public_url, random.Random(seed))
            before = await _rate(house, there, town, people)
            blowing = asyncio.create_task(_blow(folder, calls, per_second))
            await _begun(house)
            during = await _rate(house, there, town, people)
            lasted = not blowing.done()
            blown = await blowing
            await house.relay.receipts.caught_up()
            after = await _rate(house, there, town, people)
            await asyncio.sleep(1)
            return await _counted(house, town, alert_id, people, calls, blown, (before, during, after), lasted=lasted)


def storm(copies: Sequence[Entry], url: str, dice: random.Random) -> list[dict[str, Any]]:
    """Return the calls about these messages, in any order: genuine, again, forged."""
    calls = [_ended(copy) for copy in copies] + [_asks(n, copy, url) for n, copy in enumerate(copies[::QUESTIONS])]
    forged = [_forged(n, call) for n, call in enumerate(dice.sample(calls, round(FORGED * len(calls))))]
    calls += dice.sample(calls, round(AGAIN * len(calls)))
    calls += forged
    dice.shuffle(calls)
    return calls


def _ended(copy: Entry) -> dict[str, Any]:
    names = {"MessageSid": copy.id, "SmsSid": copy.id, "MessageStatus": "delivered", "SmsStatus": "delivered"}
    fields = names | {"AccountSid": ACCOUNT, "To": copy.to, "From": copy.sender, "ApiVersion": "2010-04-01"}
    return {"kind": "genuine", "url": copy.url, "fields": fields, "token": TOKEN}


def _asks(n: int, copy: Entry, url: str) -> dict[str, Any]:
    sid = f"SM{n:032x}"
    fields = {"MessageSid": sid, "SmsSid": sid, "AccountSid": ACCOUNT, "From": copy.to, "To": SMS_SENDER, "Body": f"Hvor lenge? ({n})"}
    return {"kind": "genuine", "url": f"{url}/hooks/twilio/inbound", "fields": fields | {"NumMedia": "0"}, "token": TOKEN}


def _forged(n: int, call: dict[str, Any]) -> dict[str, Any]:
    sid = f"SM{'f' * 16}{n:016x}"
    return {**call, "kind": "forged", "token": "guessed", "fields": call["fields"] | {"MessageSid": sid, "SmsSid": sid}}


async def _blow(folder: Path, calls: Sequence[dict[str, Any]], per_second: float) -> dict[str, Any]:
    file = folder / "calls.jsonl"
    file.write_text("".join(json.dumps(call) + "\n" for call in calls))
    command = (sys.executable, "-m", "tests.faults.caller", str(file), str(per_second))
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    blown: dict[str, Any] = json.loads(out)
    return blown


async def _begun(house: House) -> None:
    """Wait for the first that the storm brings: what calls is a program too, and starting it takes more than any storm."""
    heard = select(func.count(status.c.id)).where(status.c.word == "delivered")
    while True:
        async with house.store.read() as conn:
            if (await conn.execute(heard)).scalar_one():
                return
        await asyncio.sleep(LOOK)


async def _sent(house: House, there: Provider, town: int, people: int) -> int:
    """Release an alert and wait until all of it has left; return its id."""
    before = there.count()
    alert_id = await draft(house, town, "KOK VANNET", kind=Kind.EXERCISE)
    await house.relay.release(town, alert_id, "Ola")
    while there.count() < before + 2 * people:  # noqa: ASYNC110 - another process writes the ledger
        await asyncio.sleep(LOOK)
    return alert_id


async def _rate(house: House, there: Provider, town: int, people: int) -> float:
    """Messages a second of one alert, by the ledger's own times; it is ended afterwards, so that its digits are free."""
    before = there.count()
    alert_id = await _sent(house, there, town, people)
    mine = [entry.at for entry in there.accepted()[before:]]
    async with house.store.write() as conn:
        await alerts.move(conn, alert_id, AlertState.CLOSED, house.relay.clock.now())
    return len(mine) / (max(mine) - min(mine)).total_seconds()


async def _counted(
    house: House,
    town: int,
    alert_id: int,
    people: int,
    calls: Sequence[dict[str, Any]],
    blown: dict[str, Any],
    rates: tuple[float, float, float],
    *,
    lasted: bool,
) -> Outcome:
    told = {call["fields"]["MessageSid"] for call in calls if call["kind"] == "genuine"}
    forged = {call["fields"]["MessageSid"] for call in calls if call["kind"] == "forged"}
    arrived = (attempt.c.alert_id == alert_id, attempt.c.evidence == int(Evidence.DELIVERED))
    async with house.store.read() as conn:
        statuses = (await conn.execute(select(status.c.provider_id).where(status.c.word == "delivered"))).scalars().all()
        questions = (await conn.execute(select(inbound.c.provider_id))).scalars().all()
        counted = (await conn.execute(select(func.count(attempt.c.id)).where(*arrived))).scalar_one()
    kept = [*statuses, *questions]
    return Outcome(
        calls=len(calls),
        per_second=blown["per_second"],
        p50=blown["p50"],
        p99=blown["p99"],
        answers=blown["answers"],
        told=len(told),
        kept=len(kept),
        counted=counted,
        forged_kept=len(forged & set(kept)),
        people=people,
        on_board=(await house.relay.reach(town, alert_id)).totals.delivered,
        rates=rates,
        lasted=lasted,
    )


def main(arguments: list[str] | None = None) -> int:
    """Print what came of the storm; return 1 if anything was not as wanted."""
    asked = _parser().parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="budstikke-storm-") as folder:
        found = run(play(Path(folder), asked.people, asked.per_second, asked.seed))
    answers = ", ".join(f"{number} {what}" for what, number in sorted(found.answers.items()))
    sys.stdout.write(
        f"{found.calls} callbacks at {found.per_second:.0f}/s: {answers}; answered in {1000 * found.p50:.0f} ms (p50), "
        f"{1000 * found.p99:.0f} ms (p99)\n{found.told} things told, {found.kept} kept, {found.forged_kept} forged kept; "
        f"{found.counted} messages delivered, {found.on_board} of {found.people} people on the board\n"
        f"sending: {' / '.join(f'{rate:.0f}' for rate in found.rates)} a second before / in / after the storm, ratio {found.ratio:.2f} "
        f"(at least {SLOWEST:g})\n"
    )
    return int(not found.good)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="storm", description="Let callbacks storm in while messages leave; count both.")
    parser.add_argument("--people", type=int, default=3000)
    parser.add_argument("--per-second", type=float, default=300.0)
    parser.add_argument("--seed", type=int, default=1)
    return parser


if __name__ == "__main__":
    sys.exit(main())
