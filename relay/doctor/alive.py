"""Whether somebody would notice: a canary that answers, and a watch outside that gets signs of life."""

from datetime import datetime, timedelta

from channels.base import Check
from relay.settings import PREFIX, Settings
from relay.store import canary, remembered, trial
from relay.store.canary import Probe
from relay.store.engine import Store

#: signs that may be missing before it is told
MISSING = 3


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
        remedy = f"Let a number of your own answer by itself, and set {PREFIX}CANARY_PHONE."
        return [Check("canary", ok=not earnest, words="none: nobody would notice that answers do not come in", remedy=remedy, grave=False)]
    if taken:
        remedy = f"Give {PREFIX}CANARY_PHONE a number that is nobody's."
        return [Check("canary", ok=False, words="its number is a person's in the register", remedy=remedy, grave=False)]
    if not probes:
        return [Check("canary", ok=True, words="not asked yet: it is by whoever sends, where it is in earnest or emulated")]
    return [_probe(one, now) for one in probes]


def _probe(one: Probe, now: datetime) -> Check:
    name, asked = f"canary of {one.address}", f"asked {_ago(now - one.asked_at)} ago"
    if one.answered_at:
        return Check(name, ok=True, words=f"{asked}, answered after {(one.answered_at - one.asked_at).total_seconds():.0f} s")
    remedy = (
        "Write to this sender from another phone. If that comes in, look after the canary's phone; if not, at the address for "
        "incoming messages at the provider, and at the proxy: people's answers do not reach us."
    )
    return Check(name, ok=not one.lost(now), words=f"{asked}, no answer yet", remedy=remedy)


def _watch(settings: Settings, sign_at: datetime | None, now: datetime, *, earnest: bool) -> Check:
    name = "watch outside"
    if not settings.watch_url.get_secret_value():
        remedy = f"Set {PREFIX}WATCH_URL to an address that alarms somebody when it is not fetched for some minutes."
        words = "none: nobody would be told that this machine is gone"
        return Check(name, ok=not earnest, words=words, remedy=remedy, grave=False)
    late = sign_at is None or now - sign_at > timedelta(seconds=MISSING * settings.watch_seconds)
    words = f"last sign of life {_ago(now - sign_at)} ago" if sign_at else "no sign of life yet"
    remedy = f"Is anything else here not well? Then none is given. Else look at the log, and at {PREFIX}WATCH_URL."
    return Check(name, ok=not late, words=words, remedy=remedy, grave=False)


def _ago(spell: timedelta) -> str:
    seconds = max(0.0, spell.total_seconds())
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"
