"""Whether somebody would notice: a canary that answers, and a watch outside that gets signs of life."""

from datetime import datetime, timedelta

from channels.base import Check
from channels.told import Told
from relay.doctor.spells import spell
from relay.settings import PREFIX, Settings
from relay.store import canary, remembered, trial
from relay.store.canary import Probe
from relay.store.engine import Store

#: signs that may be missing before it is told
MISSING = 3
NAME = Told("canary")
CANARY, WATCH = f"{PREFIX}CANARY_PHONE", f"{PREFIX}WATCH_URL"


async def checks(store: Store, settings: Settings, now: datetime) -> list[Check]:
    """Look at both. Who has neither is told only where it is in earnest."""
    async with store.read() as conn:
        earnest = await trial.in_earnest(conn)
        probes = await canary.probes(conn)
        taken = bool(settings.canary_phone) and await canary.somebodys(conn, settings.canary_phone)
        sign_at = await remembered.moment(conn, remembered.LAST_SIGN)
    return [*_canary(settings, probes, now, taken=taken, earnest=earnest), _watch(settings, sign_at, now, earnest=earnest)]


def _canary(settings: Settings, probes: list[Probe], now: datetime, *, taken: bool, earnest: bool) -> list[Check]:
    if not settings.canary_phone:
        remedy = Told("Let a number of your own answer by itself, and set %(setting)s.", setting=CANARY)
        lacking = Told("none: nobody would notice that answers do not come in")
        words = lacking if earnest else Told("none, and on trial none is needed. Set %(setting)s before it is in earnest.", setting=CANARY)
        return [Check(NAME, ok=not earnest, words=words, remedy=remedy, grave=False)]
    if taken:
        remedy = Told("Give %(setting)s a number that is nobody's.", setting=CANARY)
        return [Check(NAME, ok=False, words=Told("its number is a person's in the register"), remedy=remedy, grave=False)]
    if not probes:
        return [Check(NAME, ok=True, words=Told("not asked yet: it is by whoever sends, where it is in earnest or emulated"))]
    return [_probe(one, now) for one in probes]


def _probe(one: Probe, now: datetime) -> Check:
    name, asked = Told("canary of %(sender)s", sender=one.address), spell(now - one.asked_at)
    if one.answered_at:
        return Check(
            name,
            ok=True,
            words=Told("asked %(asked)s ago, answered after %(took)s", asked=asked, took=spell(one.answered_at - one.asked_at)),
        )
    remedy = Told(
        "Write to this sender from another phone. If that comes in, look after the canary's phone; if not, at the address for "
        "incoming messages at the provider, and at the proxy: people's answers do not reach us."
    )
    return Check(name, ok=not one.lost(now), words=Told("asked %(asked)s ago, no answer yet", asked=asked), remedy=remedy)


def _watch(settings: Settings, sign_at: datetime | None, now: datetime, *, earnest: bool) -> Check:
    name = Told("watch outside")
    if not settings.watch_url.get_secret_value():
        remedy = Told("Set %(setting)s to an address that alarms somebody when it is not fetched for some minutes.", setting=WATCH)
        lacking = Told("none: nobody would be told that this machine is gone")
        words = lacking if earnest else Told("none, and on trial none is needed. Set %(setting)s before it is in earnest.", setting=WATCH)
        return Check(name, ok=not earnest, words=words, remedy=remedy, grave=False)
    late = sign_at is None or now - sign_at > timedelta(seconds=MISSING * settings.watch_seconds)
    words = Told("last sign of life %(spell)s ago", spell=spell(now - sign_at)) if sign_at else Told("no sign of life yet")
    remedy = Told("Is anything else here not well? Then none is given. Else look at the log, and at %(setting)s.", setting=WATCH)
    return Check(name, ok=not late, words=words, remedy=remedy, grave=False)
