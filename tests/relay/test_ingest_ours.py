"""Of a message for several places the municipality reads its own part; and from a feed comes what changes an alert that went out here."""

from datetime import timedelta
from functools import partial

from messages.alert import Act
from relay import ingest
from relay.store import alerts
from tests.stories.town import ON_SQLITE, Town

pytestmark = ON_SQLITE

_INFO = """<info><language>nb</language><category>Safety</category><event>Flom</event><urgency>Immediate</urgency>
<severity>{severity}</severity><certainty>Likely</certainty><expires>{expires}</expires><headline>{headline}</headline>
<area><areaDesc>{where}</areaDesc><geocode><valueName>MunicipalityId</valueName><value>{number}</value></geocode></area></info>"""
_ALERT = """<?xml version="1.0" encoding="UTF-8"?><alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">
<identifier>{id}</identifier><sender>varsel@sentral.test</sender><sent>{sent}</sent><status>Actual</status><msgType>{kind}</msgType>
<scope>Public</scope>{references}{infos}</alert>"""


def _cap(town: Town, name: str, infos: list[tuple[str, str, str]], *, updates: str = "") -> bytes:
    """Write a message of parts (severity, headline, municipality's number); the times are round the town's own."""
    sent, expires = town.clock.now(), town.clock.now() + timedelta(hours=12)
    parts = [
        _INFO.format(severity=severity, headline=headline, where=f"K{number}", number=number, expires=f"{expires:%Y-%m-%dT%H:%M:%S}+00:00")
        for severity, headline, number in infos
    ]
    at = f"{sent:%Y-%m-%dT%H:%M:%S}+00:00"
    references = f"<references>varsel@sentral.test,{updates},{at}</references>" if updates else ""
    kind = "Update" if updates else "Alert"
    return _ALERT.format(id=name, sent=at, kind=kind, references=references, infos="".join(parts)).encode()


async def test_a_municipality_reads_its_own_part(town: Town) -> None:
    """The neighbours must leave, we must stay in: the graver order is not ours."""
    document = _cap(town, "one", [("Extreme", "Evakuer", "1111"), ("Moderate", "Hold deg inne", "9901")])
    [taken] = await town.relay.take(town.municipality_id, document, "Kari")
    async with town.store.read() as conn:
        issue = await alerts.issue(conn, town.municipality_id, taken.alert_id, approved_only=False)
    assert [text.headline.upper() for text in issue.variants.values()] == ["HOLD DEG INNE"]


async def test_an_update_that_moves_away_from_us_comes_in_all_the_same(town: Town) -> None:
    """Whoever got the first from us must hear of it; a stranger's message for elsewhere is passed over."""
    first = _cap(town, "one", [("Severe", "Hold deg inne", "9901")])
    [taken] = await town.relay.take(town.municipality_id, first, "Kari")
    await town.relay.approve(town.municipality_id, taken.alert_id, "Ola")
    await town.relay.release(town.municipality_id, taken.alert_id, "Ola")
    moved = _cap(town, "two", [("Severe", "Hold deg inne", "1111")], updates="one")
    strange = _cap(town, "three", [("Severe", "Hold deg inne", "1111")])
    async with town.store.write() as conn:
        come = partial(ingest.take_cap, conn, town.municipality_id, author="feed", now=town.clock.now(), only_ours=True)
        came = [await come(document=each) for each in (moved, strange)]
    assert [len(one) for one in came] == [1, 0]
    async with town.store.read() as conn:
        row = await alerts.row_of(conn, town.municipality_id, came[0][0].alert_id)
    assert (row.replaces_id, row.act) == (taken.alert_id, Act.UPDATE)


async def test_an_official_message_that_tests_the_alerts_is_kept_and_can_never_be_released_as_real(town: Town) -> None:
    """It keeps nothing else of a feed out, and can be played."""
    document = _cap(town, "one", [("Minor", "Vi prøver varslingen", "9901")])
    [taken] = await town.relay.take(town.municipality_id, document, "Kari")
    assert "made for testing the alerts" in taken.never_real
    async with town.store.write() as conn:
        [played] = await ingest.take_cap(conn, town.municipality_id, document, "Kari", town.clock.now(), as_exercise=True)
    assert not played.never_real
