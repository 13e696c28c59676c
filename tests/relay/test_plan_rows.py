"""The rows of a plan stand in the register's order, whatever lots its people are in, and each goes to its own address."""

import pytest
from sqlalchemy import select

from messages.form import Medium
from relay.store import plan_rows
from relay.store.tables import Address, delivery
from tests.stories.town import Town

TEXTS = {"nb": "KOK VANNET", "so": "KARKARI BIYAHA", "uk": "КИП'ЯТІТЬ ВОДУ"}
WAYS = ((Medium.SMS,), (Medium.SMS, Medium.EMAIL), (Medium.EMAIL,))


async def test_no_lot_waits_until_another_has_all_of_its_rows(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """Seven people in turns of three lots, two written at a time."""
    monkeypatch.setattr(plan_rows, "AT_ONCE", 2)
    for n in range(7):
        await town.person(f"Person {n}", ("nb", "so", "uk")[n % 3], by=WAYS[n % 3])
    alert_id = await town.draft(TEXTS)
    await town.relay.approve(town.municipality_id, alert_id, "Ola")
    await town.relay.release(town.municipality_id, alert_id, "Ola")
    async with town.store.read() as conn:
        rows = (await conn.execute(select(delivery).where(delivery.c.alert_id == alert_id).order_by(delivery.c.id))).all()
        found = (await conn.execute(select(Address.id, Address.person_id, Address.channel))).all()
    owners = {row.id: (row.person_id, row.channel) for row in found}
    told = list(dict.fromkeys(row.person_id for row in rows))
    assert told == sorted(told)
    assert len(told) == 7
    sent = [row for row in rows if row.channel != "call"]
    assert {owners[row.address_id] for row in sent} == set(owners.values()), "each way of everybody is used"
    assert [owners[row.address_id] for row in sent] == [(row.person_id, row.channel) for row in sent]
