"""One list of checks that says whether messages can go out, and what to do about each that is not well."""

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import func, select

from channels.base import Check, Checkable
from messages.frames import frame_languages
from relay.desk import Desk
from relay.doctor import alive, machine, outside
from relay.model import BudstikkeError
from relay.settings import Settings
from relay.store import anchor, audit, feeds, queue, schema, senders, trial, workers
from relay.store.columns import AnyRow
from relay.store.engine import Store
from relay.store.tables import LanguageGroup, Municipality, ResourcePerson, Sender


def settings_checks(settings: Settings) -> list[Check]:
    """Judge what the installation was told."""
    described = settings.has_http_sms()
    return [
        _told("public address", settings.require_public_base_url, settings.public_base_url or "not set"),
        *([_told("SMS provider described by a file", settings.require_http_sms, "set")] if described else []),
        *([_told("SMS and WhatsApp account", settings.require_twilio, "set")] if settings.has_twilio() or not described else []),
        _told("e-mail", settings.require_email, "set", grave=settings.has_email()),
    ]


async def examine(settings: Settings, store: Store, desk: Desk, now: datetime, anchored: anchor.Read | None = None) -> list[Check]:
    """Run every check of an installation whose database opens: what it was told, what it is made of, and the world around it."""
    return [
        *settings_checks(settings),
        *await outside.checks(settings, now),
        *await machine.checks(store, settings, now),
        *await alive.checks(store, settings, now),
        *await checks(store, desk, now, anchored),
    ]


async def checks(store: Store, desk: Desk, now: datetime, anchored: anchor.Read | None = None) -> list[Check]:
    """Look at the rows and the channels; `anchored`: how far the chain of acts had come."""
    found = [Check("database", ok=True, words=f"{store.dialect}, version {await schema.version(store)}")]
    found += await _register(store)
    found += await _senders(store, now)
    found.append(await _queue(store, now))
    found += await _access(store, anchored)
    found += await _workers(store, now)
    found += await _feeds(store)
    for channel in desk.channels.values():
        if isinstance(channel, Checkable):
            found += await channel.check()
    return found


async def _feeds(store: Store) -> list[Check]:
    """A feed that cannot be read brings nothing, and nobody would miss it."""
    async with store.read() as conn:
        rows = await feeds.listed(conn)
    words = {row.id: row.failure or ("not read yet" if row.looked_at is None else f"read {row.looked_at:%d.%m. %H:%M} UTC") for row in rows}
    return [Check(f"feed {row.url}", ok=not row.failure, words=words[row.id], grave=False) for row in rows]


def _told(name: str, require: Callable[[], object], words: str, *, grave: bool = True) -> Check:
    try:
        require()
    except BudstikkeError as error:
        return Check(name, ok=False, words=str(error), grave=grave)
    return Check(name, ok=True, words=words)


async def _register(store: Store) -> list[Check]:
    """Who could be reached, and who could not: before the night comes."""
    async with store.read() as conn:
        towns = (await conn.execute(select(func.count(Municipality.id)))).scalar_one()
        people = (await conn.execute(select(func.count(ResourcePerson.id)))).scalar_one()
        registered = (await conn.execute(select(Sender.channel, Sender.stopped))).all()
        languages = set((await conn.execute(select(LanguageGroup.language))).scalars())
    stopped = [row.channel for row in registered if row.stopped]
    without = sorted(languages - set(frame_languages()))
    return [
        Check("municipalities", ok=towns > 0, words=str(towns), remedy="Run: budstikke municipality add NAME"),
        Check("resource persons", ok=people > 0, words=str(people), remedy="Run: budstikke people import FILE", grave=False),
        Check("senders", ok=bool(registered), words=f"{len(registered)}", remedy="Run: budstikke sender add"),
        Check(
            "stopped senders",
            ok=not stopped,
            words=", ".join(stopped) or "none",
            remedy="Mend what the task says, then run: budstikke sender start ADDRESS",
            grave=False,
        ),
        Check(
            "languages with words of their own",
            ok=not without,
            words=", ".join(without) or "all",
            remedy="These groups get Norwegian words around the text, and their answers in words are not understood. "
            "Have locales/TAG/LC_MESSAGES/frame.po translated, or give the group a language that has them.",
            grave=False,
        ),
    ]


async def _senders(store: Store, now: datetime) -> list[Check]:
    """How each sender fares by its last calls, and who stands in for one that is slow or down."""
    async with store.read() as conn:
        found = await senders.faring(conn, now)
    return [
        Check(
            f"{one.medium} sender {one.address}",
            ok=one.well,
            words=f"{one.words} {f'{one.stand_in} stands in for it.' if one.stand_in else ''}".strip(),
            remedy=""
            if one.well
            else f"{one.waiting} messages wait. Look at the provider's own status page; a second sender could stand in.",
        )
        for one in found
    ]


async def _access(store: Store, anchored: anchor.Read | None) -> list[Check]:
    """Who may come in, who is sent to, and whether the acts are as they were written."""
    async with store.read() as conn:
        bare = await trial.without_second_factor(conn)
        trying = await trial.on_trial(conn)
        verdicts = await audit.verify(conn, anchored.heads if anchored else {})
    broken = next((f"entry {one.bad} of chain {one.chain}: {one.why}" for one in verdicts if one.bad is not None), "")
    return [
        Check(
            "administrators with a second factor",
            ok=not bare,
            words=f"none in {', '.join(bare)}" if bare else "wherever it is in earnest",
            remedy="Let an administrator sign in and turn the second factor on under My account.",
            grave=False,
        ),
        Check("trial mode", ok=True, words=f"on in {', '.join(trying)}: real channels are off" if trying else "off: everything leaves"),
        Check(
            "chain of acts",
            ok=not broken,
            words=broken or f"{sum(one.head.number for one in verdicts)} acts, none changed, none missing",
            remedy="Somebody has changed the database. Run: budstikke audit verify",
        ),
        Check(
            "anchor of the acts",
            ok=anchored is not None and not anchored.foreign,
            words="not set" if anchored is None else "not ours" if anchored.foreign else f"{len(anchored.heads)} chains",
            remedy="Set BUDSTIKKE_AUDIT_ANCHOR to a file outside the database.",
            grave=False,
        ),
    ]


async def _queue(store: Store, now: datetime) -> Check:
    async with store.read() as conn:
        oldest = await queue.oldest_due(conn, now)
    late = int((now - oldest).total_seconds()) if oldest else 0
    return Check("queue", ok=late < 30, words=f"oldest due since {late} s", remedy="Is `budstikke serve` running? Look at its log.")


async def _workers(store: Store, now: datetime) -> list[Check]:
    """Who works, and how long ago each gave a sign. One that has fallen silent is well as long as another came after it."""
    async with store.read() as conn:
        roll = await workers.roll(conn)
    if not roll:
        return [Check("workers", ok=False, words="none", remedy="Run: budstikke serve")]
    alive = [row for row in roll if now - row.seen_at < workers.MISSED]
    newest = max((row.started_at for row in alive), default=None)
    return [_worker(row, now, replaced=newest is not None and newest > row.seen_at) for row in roll]


def _worker(row: AnyRow, now: datetime, *, replaced: bool) -> Check:
    silent, off = now - row.seen_at, timedelta(seconds=row.off_seconds)
    words = f"seen {max(0, int(silent.total_seconds()))} s ago" + (", keeps time for all" if row.leader else "")
    name = f"worker {row.name}"
    if silent >= workers.MISSED:
        return Check(name, ok=replaced, words=words, remedy="It has ended or hangs. Look at its log, and start it again.")
    if off > workers.MOST_OFF:
        return Check(
            name, ok=False, words=f"{words}, clock off by {row.off_seconds:.1f} s", remedy="It sends nothing. Set its machine's clock."
        )
    return Check(name, ok=True, words=words)
