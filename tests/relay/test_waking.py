"""A grave official message that comes in while nobody looks wakes whoever is on duty, once; what is less grave or not real wakes nobody."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import update

from messages.alert import Severity
from relay import staff
from relay.model import Role
from relay.store import users
from relay.store.register import Stamp
from relay.store.tables import User, act_log
from tests.relay.test_feeds import THEIRS, message
from tests.stories.arrange import rows
from tests.stories.town import Town, new, town

PHONES = {"nora": "+4791200001", "odd": "+4791200002", "kari": "+4791200003", "per": "+4791200004"}
ROLES = {"nora": Role.DUTY_OFFICER, "odd": Role.DUTY_OFFICER, "kari": Role.COORDINATOR, "per": Role.VIEWER}
LANGUAGES = {"odd": "nn", "kari": "en"}


@pytest.fixture(name="town")
async def _town(migrated_sqlite_url: str, tmp_path: Path) -> AsyncIterator[Town]:
    async with town(migrated_sqlite_url, tmp_path) as opened:
        stamp = Stamp(by="test", at=opened.clock.now())
        async with opened.store.write() as conn:
            for name, phone in PHONES.items():
                one = users.NewUser(name=name, roles=frozenset({ROLES[name]}), login=name, phone=phone, language=LANGUAGES.get(name, "nb"))
                await users.add(conn, opened.municipality_id, one, stamp)
        yield opened


async def comes_in(town: Town, document: bytes) -> int:
    """Let a document come in as a program hands it over; return the draft's number."""
    [taken] = await town.relay.take(town.municipality_id, document, "Sentralen", unattended=True)
    await town.settle()
    return taken.number


def woken(town: Town) -> dict[str, str]:
    """Take the new messages off everybody's telephone."""
    heard = {name: [shown.text for shown in new(town.sandbox.phone(phone))] for name, phone in PHONES.items()}
    assert all(len(texts) <= 1 for texts in heard.values()), heard
    return {name: texts[0] for name, texts in heard.items() if texts}


async def test_whoever_is_on_duty_is_told_what_came_from_whom_and_where_it_is(town: Town) -> None:
    number = await comes_in(town, message(town.clock.now(), "one"))
    told = woken(town)
    assert set(told) == {"nora", "odd"}
    site = town.relay.desk.public_url
    assert told["nora"] == (
        f"Inn kom (alvorlig): Kokevarsel. Fra Varslingssentralen. Ingenting er sendt; utkast nr. 1 venter: {site}/alerts/{number}/review"
    )
    assert told["odd"].startswith("Inn kom (alvorleg): Kokevarsel. Frå")
    [act] = await rows(town, act_log.select().where(act_log.c.act == "alert.wake"))
    assert act.data["reached"] == 2


async def test_it_wakes_once_however_often_it_comes(town: Town) -> None:
    document = message(town.clock.now(), "one")
    await comes_in(town, document)
    assert woken(town)
    await comes_in(town, document)
    assert woken(town) == {}


@pytest.mark.parametrize("severity", [Severity.MODERATE, Severity.MINOR, Severity.UNKNOWN])
async def test_what_is_less_than_severe_lets_people_sleep(town: Town, severity: Severity) -> None:
    await comes_in(town, message(town.clock.now(), "one", severity=severity))
    assert woken(town) == {}


async def test_an_update_wakes_only_when_it_is_graver_than_all_before(town: Town) -> None:
    now = town.clock.now()
    await comes_in(town, message(now, "one", severity=Severity.MODERATE))
    assert woken(town) == {}
    await comes_in(town, message(now, "two", severity=Severity.SEVERE, updates="one"))
    assert set(woken(town)) == {"nora", "odd"}
    await comes_in(town, message(now, "three", severity=Severity.SEVERE, updates="two"))
    assert woken(town) == {}
    await comes_in(town, message(now, "four", severity=Severity.EXTREME, updates="three"))
    assert "ekstremt" in woken(town)["nora"]
    await comes_in(town, message(now, "five", severity=Severity.MODERATE, updates="four"))
    await comes_in(town, message(now, "six", severity=Severity.EXTREME, updates="five"))
    assert woken(town) == {}, "it was known to be so grave, before it was milder for a while"


async def test_what_is_not_real_not_ours_or_past_wakes_nobody(town: Town) -> None:
    now = town.clock.now()
    await comes_in(town, message(now, "drill").replace(b"<status>Actual", b"<status>Exercise"))
    await comes_in(town, message(now, "theirs", THEIRS))
    await comes_in(town, message(now, "old", hours=-1))
    assert woken(town) == {}


async def test_a_drill_before_it_keeps_no_real_message_quiet(town: Town) -> None:
    now = town.clock.now()
    await comes_in(town, message(now, "drill", severity=Severity.EXTREME).replace(b"<status>Actual", b"<status>Exercise"))
    assert woken(town) == {}
    await comes_in(town, message(now, "real", severity=Severity.EXTREME, updates="drill"))
    assert set(woken(town)) == {"nora", "odd"}


async def test_without_a_telephone_on_duty_the_coordinators_are_woken(town: Town) -> None:
    async with town.store.write() as conn:
        await conn.execute(update(User).where(User.name.in_(["nora", "odd"])).values(phone=None))
    await comes_in(town, message(town.clock.now(), "one"))
    told = woken(town)
    assert set(told) == {"kari"}
    assert told["kari"].startswith("Came in (severe)")


async def test_who_takes_it_in_by_hand_wakes_nobody(town: Town) -> None:
    await town.relay.take(town.municipality_id, message(town.clock.now(), "one"), "kari")
    await town.settle()
    assert woken(town) == {}


def test_everything_that_is_said_is_said_in_all_three_languages() -> None:
    assert all(set(told) == {"nb", "nn", "en"} for told in (*staff.WORDS.values(), *staff.GRADES.values()))
