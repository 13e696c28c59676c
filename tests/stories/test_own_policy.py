"""A municipality that tries in its own way: its policy decides when the next step comes, and the one that ships does again afterwards."""

from datetime import timedelta

from sqlalchemy import select

from messages.alert import Gravity
from messages.form import Medium
from relay.model import Action
from relay.routing import DEFAULT_POLICY
from relay.routing.policy_file import read, written
from relay.store import policies
from relay.store.register import Stamp
from relay.store.tables import act_log
from tests.stories.arrange import neighbour, rows, sends
from tests.stories.town import Somebody, Town

OWN = written(DEFAULT_POLICY).replace("life = 10", "life = 3").replace("life = 5\n", "life = 33\n")
WATER = {"so": "KARI BIYAHA", "nb": "KOK VANNET"}


async def set_own(town: Town, text: str) -> None:
    async with town.store.write() as conn:
        await policies.put(conn, town.municipality_id, read(text, policies.OWN), Stamp("Kari", town.clock.now()))


async def minutes(town: Town, person: Somebody) -> dict[str, float]:
    """When each step of the newest alert comes, after the first message."""
    planned = await sends(town, person)
    newest = [row for row in planned if row.alert_id == max(one.alert_id for one in planned)]
    first = min(row.due_at for row in newest)
    return {row.action: (row.due_at - first) / timedelta(minutes=1) for row in newest if row.action != Action.MESSAGE}


async def test_a_municipalitys_own_policy_plans_its_alerts_until_it_is_reset(town: Town) -> None:
    ayan = await town.person("Ayan", "so", by=(Medium.SMS, Medium.EMAIL))
    await set_own(town, OWN)
    await town.issue(WATER)
    assert await minutes(town, ayan) == {Action.REMIND: 3, Action.OTHER_CHANNEL: 33, Action.CALL: 20}
    async with town.store.write() as conn:
        await policies.reset(conn, town.municipality_id, Stamp("Kari", town.clock.now()))
    await town.issue(WATER)
    assert await minutes(town, ayan) == {Action.REMIND: 10, Action.OTHER_CHANNEL: 5, Action.CALL: 20}
    acts = await rows(town, select(act_log.c.act).where(act_log.c.act.startswith("policy")).order_by(act_log.c.id))
    assert [row.act for row in acts] == ["policy.set", "policy.reset"]


async def test_it_is_the_policy_of_this_municipality_alone(town: Town) -> None:
    next_door = await neighbour(town)
    await set_own(town, OWN)
    async with town.store.read() as conn:
        own = await policies.of(conn, town.municipality_id, DEFAULT_POLICY)
        theirs = await policies.of(conn, next_door.municipality_id, DEFAULT_POLICY)
    assert own.steps[2].after_minutes[Gravity.LIFE] == 3
    assert own.pierces == DEFAULT_POLICY.pierces
    assert theirs is DEFAULT_POLICY
