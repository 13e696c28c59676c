"""What one batch of facts about the same attempt leaves of each: a higher one says less, and keeps what a lower one told."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import select, update

from channels.base import Evidence
from relay.store import evidence
from relay.store.evidence import Fact
from relay.store.tables import attempt
from tests.stories.arrange import change, rows
from tests.stories.town import Town, town

WATER = {"so": "KARI BIYAHA", "nb": "KOK VANNET"}


@pytest.fixture(name="town")
async def _town(migrated_sqlite_url: str, tmp_path: Path) -> AsyncIterator[Town]:
    async with town(migrated_sqlite_url, tmp_path) as opened:
        opened.sandbox.change(callbacks=False)
        await opened.person("Ayan", "so")
        await opened.issue(WATER)
        await opened.settle()
        yield opened


async def learn(town: Town, *facts: Fact) -> None:
    async with town.store.write() as conn:
        await evidence.learn(conn, facts, town.clock.now())


async def test_a_delivery_report_keeps_what_the_list_told_about_price_and_parts(town: Town) -> None:
    one, other = await rows(town, select(attempt.c.id, attempt.c.provider_id).order_by(attempt.c.id))
    listed = Fact(attempt_id=one.id, evidence=Evidence.SENT, segments=2, price=0.7, found_by="sweep")
    await learn(town, listed, Fact(attempt_id=one.id, evidence=Evidence.DELIVERED, found_by="callback"))
    [row] = await rows(town, select(attempt).where(attempt.c.id == one.id))
    assert (row.evidence, row.segments, row.price, row.found_by) == (Evidence.DELIVERED, 2, 0.7, "callback")
    assert row.provider_id == one.provider_id
    [row] = await rows(town, select(attempt).where(attempt.c.id == other.id))
    assert row.evidence == Evidence.ACCEPTED, "the other one has learnt nothing"


async def test_an_id_that_is_anothers_proves_nothing_whatever_else_the_batch_holds(town: Town) -> None:
    """Told with and without an id in one batch, in either order: the owner keeps it, and the rest of the batch is written."""
    owner, mine = await rows(town, select(attempt.c.id, attempt.c.provider_id).order_by(attempt.c.id))
    await change(town, update(attempt).where(attempt.c.id == mine.id).values(provider_id=None, evidence=Evidence.INTENT))
    foreign = Fact(attempt_id=mine.id, evidence=Evidence.SENT, provider_id=owner.provider_id, found_by="callback")
    bare = Fact(attempt_id=mine.id, evidence=Evidence.SENT, found_by="callback")
    for batch in ((foreign, bare), (bare, foreign)):
        await learn(town, *batch, Fact(attempt_id=owner.id, evidence=Evidence.DELIVERED, found_by="callback"))
    found = {row.id: row for row in await rows(town, select(attempt))}
    assert (found[mine.id].provider_id, found[mine.id].evidence) == (None, Evidence.SENT)
    assert (found[owner.id].provider_id, found[owner.id].evidence) == (owner.provider_id, Evidence.DELIVERED)
