"""The house is away while people answer, and nobody repeats what it has missed; afterwards it asks for itself.

    python -m tests.faults.away [--people 500] [--seconds 60] [--seed 1]

Everybody gets an alert. Then the house is stopped; everybody answers, and the provider's calls about that are lost. The house is started
again: wanted are all answers within a minute of the start, each once, also when the same is fetched or told once more.
"""

import argparse
import asyncio
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select

from channels.clock import monotonic
from channels.sandbox.ledger import Event, read
from relay.app import House, run
from relay.model import Rung
from relay.settings import Settings
from relay.store.tables import answer, inbound, recipient
from tests.faults.installation import SMS_SENDER, Provider, draft, found, provider, running, settings

#: seconds from the start within which every answer must be in
SOON = 60.0
#: how many write at once
TOGETHER = 20
LOOK = 0.2


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What was in when the house had asked for itself."""

    people: int
    #: people whose answer counts, and seconds from the start until the last of them did
    answered: int
    seconds: float
    #: answers kept by the house, and by the provider, at the end; and how the house heard of them
    kept: int
    written: int
    heard_by: tuple[str, ...]
    #: people whose rows count an answer twice
    twice: int

    @property
    def good(self) -> bool:
        """Whether everything is in, in time, once."""
        return self.answered == self.people == self.kept == self.written and not self.twice and self.seconds <= SOON


async def play(folder: Path, people: int, seconds: float, seed: int) -> Outcome:
    """Let people answer to nobody, start the house again, and count."""
    with provider(folder, seed=seed, callbacks=False) as there:
        database = f"sqlite+aiosqlite:///{folder / 'budstikke.db'}"
        town = await found(database, people)
        chosen = settings(database, there.url)
        alert_id = await _asked(chosen, there, town, people)
        begun = monotonic()
        await _all_answer(there)
        await asyncio.sleep(max(0.0, seconds - (monotonic() - begun)))
        started = monotonic()
        async with running(chosen) as house:
            took = await _all_in(house, alert_id, people, started)
            await there.tell("POST", "settings", {"inbound_url": f"{house.relay.desk.public_url}/hooks/twilio/inbound"})
            await house.relay.sweep()
            await house.relay.sweep()
            return await _counted(house, there, alert_id, people, took)


async def _asked(chosen: Settings, there: Provider, town: int, people: int) -> int:
    async with running(chosen) as house:
        alert_id = await draft(house, town)
        await house.relay.release(town, alert_id, "Ola")
        while there.count() < 2 * people:  # noqa: ASYNC110 - another process writes the ledger
            await asyncio.sleep(LOOK)
        return alert_id


async def _all_answer(there: Provider) -> None:
    """Everybody writes; the provider has nowhere to take it, and does not try again."""
    await there.tell("POST", "settings", {"inbound_url": ""})
    numbers = sorted({entry.to for entry in there.accepted()})
    turns = asyncio.Semaphore(TOGETHER)

    async def says(number: str) -> None:
        async with turns:
            await there.tell("POST", "say", {"from": number, "to": SMS_SENDER, "channel": "sms", "text": "1"})

    await asyncio.gather(*(says(number) for number in numbers))


async def _answered(house: House, alert_id: int) -> int:
    mine = (recipient.c.alert_id == alert_id, recipient.c.rung == Rung.RECEIVED)
    async with house.store.read() as conn:
        return int((await conn.execute(select(func.count(recipient.c.id)).where(*mine))).scalar_one())


async def _all_in(house: House, alert_id: int, people: int, started: float) -> float:
    """Return how many seconds it took until everybody's answer counted; at most half as long again as it may take."""
    while monotonic() - started < 1.5 * SOON and await _answered(house, alert_id) < people:  # noqa: ASYNC110 - rows ring no bell
        await asyncio.sleep(LOOK)
    return monotonic() - started


async def _counted(house: House, there: Provider, alert_id: int, people: int, took: float) -> Outcome:
    per_person = select(func.count(answer.c.id).label("number")).where(answer.c.alert_id == alert_id).group_by(answer.c.recipient_id)
    async with house.store.read() as conn:
        kept = (await conn.execute(select(inbound.c.heard_by))).scalars().all()
        answers = (await conn.execute(per_person)).scalars().all()
    return Outcome(
        people=people,
        answered=await _answered(house, alert_id),
        seconds=took,
        kept=len(kept),
        written=sum(entry.event is Event.INBOUND for entry in read(there.ledger)),
        heard_by=tuple(sorted(set(kept))),
        twice=sum(number > 1 for number in answers),
    )


def main(arguments: list[str] | None = None) -> int:
    """Print what came in; return 1 if anything was lost, late, or counted twice."""
    asked = _parser().parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="budstikke-away-") as folder:
        outcome = run(play(Path(folder), asked.people, asked.seconds, asked.seed))
    sys.stdout.write(
        f"away for {asked.seconds:g} s while {outcome.written} people answered: {outcome.answered} of {outcome.people} in "
        f"{outcome.seconds:.1f} s after the start (at most {SOON:g}), heard by {', '.join(outcome.heard_by)}; "
        f"{outcome.kept} kept, {outcome.twice} counted twice\n"
    )
    return int(not outcome.good)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="away", description="Stop the house while people answer, and count what it finds afterwards.")
    parser.add_argument("--people", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long the house is away")
    parser.add_argument("--seed", type=int, default=1)
    return parser


if __name__ == "__main__":
    sys.exit(main())
