"""One list of checks that says whether messages can go out, and what to do about each that is not well."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, select

from channels.base import Check
from channels.told import Told
from messages.form import Medium
from messages.frames import frame_languages
from relay.desk import Desk
from relay.doctor import alive, machine, outside, providers
from relay.doctor.spells import spell
from relay.model import BudstikkeError, Health
from relay.settings import PREFIX, Settings
from relay.store import anchor, audit, feeds, pauses, queue, schema, senders, trial, workers
from relay.store.columns import AnyRow
from relay.store.engine import Store
from relay.store.tables import LanguageGroup, Municipality, ResourcePerson, Sender

SET, NONE = Told("set"), Told("none")
PAUSED = Told("paused, nothing of it leaves")
#: a message that is due leaves sooner than that
LATE = timedelta(seconds=30)
MEDIA: Mapping[Medium, Told] = {Medium.SMS: Told("SMS"), Medium.WHATSAPP: Told("WhatsApp"), Medium.EMAIL: Told("E-mail")}


def settings_checks(settings: Settings) -> list[Check]:
    """Judge what the installation was told."""
    described = settings.has_http_sms()
    return [
        _set(Told("public address"), settings.require_public_base_url, Told(settings.public_base_url)),
        *([_set(Told("SMS provider described by a file"), settings.require_http_sms)] if described else []),
        *([_set(Told("SMS and WhatsApp account"), settings.require_twilio)] if settings.has_twilio() or not described else []),
        _set(Told("e-mail"), settings.require_email, grave=settings.has_email()),
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
    found = [
        Check(
            Told("database"), ok=True, words=Told("%(name)s, version %(version)s", name=store.dialect, version=await schema.version(store))
        )
    ]
    found += await _register(store)
    found += await _senders(store, now)
    found.append(await _queue(store, now))
    found += await _paused(store, now)
    found += await _access(store, anchored)
    found += await _workers(store, now)
    found += await _feeds(store)
    return found + await providers.checks(desk.channels.values())


async def _feeds(store: Store) -> list[Check]:
    """A feed that cannot be read brings nothing, and nobody would miss it."""
    async with store.read() as conn:
        rows = await feeds.listed(conn)
    return [Check(Told("feed %(url)s", url=row.url), ok=not row.failure, words=_read(row), grave=False) for row in rows]


def _read(row: AnyRow) -> Told:
    if row.failure or row.looked_at is None:
        return Told(row.failure) if row.failure else Told("not read yet")
    return Told("read %(when)s UTC", when=f"{row.looked_at:%d.%m. %H:%M}")


def _set(name: Told, require: Callable[[], object], words: Told = SET, *, grave: bool = True) -> Check:
    try:
        require()
    except BudstikkeError as error:
        return Check(name, ok=False, words=Told(error.sentence, **error.values), grave=grave)
    return Check(name, ok=True, words=words)


async def _register(store: Store) -> list[Check]:
    """Who could be reached, and who could not: before the night comes."""
    async with store.read() as conn:
        towns = (await conn.execute(select(func.count(Municipality.id)))).scalar_one()
        people = (await conn.execute(select(func.count(ResourcePerson.id)))).scalar_one()
        registered = (await conn.execute(select(Sender.address, Sender.stopped))).all()
        languages = set((await conn.execute(select(LanguageGroup.language))).scalars())
    stopped = [row.address for row in registered if row.stopped]
    without = sorted(languages - set(frame_languages()))
    return [
        Check(Told("municipalities"), ok=towns > 0, words=Told(str(towns)), remedy=Told("Run: budstikke municipality add NAME")),
        Check(
            Told("resource persons"), ok=people > 0, words=Told(str(people)), remedy=Told("Run: budstikke people import FILE"), grave=False
        ),
        Check(Told("senders"), ok=bool(registered), words=Told(str(len(registered))), remedy=Told("Run: budstikke sender add")),
        Check(
            Told("stopped senders"),
            ok=not stopped,
            words=Told(", ".join(stopped)) if stopped else NONE,
            remedy=Told("Mend what the task says, then run: budstikke sender start ADDRESS"),
            grave=False,
        ),
        Check(
            Told("languages with words of their own"),
            ok=not without,
            words=Told(", ".join(without)) if without else Told("all"),
            remedy=Told(
                "These groups get Norwegian words around the text, and their answers in words are not understood. "
                "Have locales/TAG/LC_MESSAGES/frame.po translated, or give the group a language that has them."
            ),
            grave=False,
        ),
    ]


async def _senders(store: Store, now: datetime) -> list[Check]:
    """How each sender fares by its last calls, and who stands in for one that is slow or down."""
    async with store.read() as conn:
        found = await senders.faring(conn, now)
    return [
        Check(
            Told("%(medium)s sender %(address)s", medium=MEDIA[one.medium], address=one.address),
            ok=one.well,
            words=_fares(one),
            remedy=Told(
                "%(number)s messages wait. Look at the provider's own status page; a second sender could stand in.", number=one.waiting
            ),
        )
        for one in found
    ]


def _fares(one: senders.Faring) -> Told:
    words = Told(one.words)
    return Told("%(words)s %(sender)s stands in for it.", words=words, sender=one.stand_in) if one.stand_in else words


async def _access(store: Store, anchored: anchor.Read | None) -> list[Check]:
    """Who may come in, who is sent to, and whether the acts are as they were written."""
    async with store.read() as conn:
        bare = await trial.without_second_factor(conn)
        trying = await trial.on_trial(conn)
        verdicts = await audit.verify(conn, anchored.heads if anchored else {})
    broken = next((one for one in verdicts if one.bad is not None), None)
    sound = Told("%(number)s acts, none changed, none missing", number=sum(one.head.number for one in verdicts))
    return [
        Check(
            Told("administrators with a second factor"),
            ok=not bare,
            words=Told("none in %(towns)s", towns=", ".join(bare)) if bare else Told("wherever it is in earnest"),
            remedy=Told("Let an administrator sign in and turn the second factor on under My account."),
            grave=False,
        ),
        Check(Told("trial mode"), ok=True, words=_trying(trying)),
        Check(
            Told("chain of acts"),
            ok=broken is None,
            words=_broken(broken) if broken else sound,
            remedy=Told("Somebody has changed the database. Run: budstikke audit verify"),
        ),
        Check(
            Told("anchor of the acts"),
            ok=anchored is not None and not anchored.foreign,
            words=_anchored(anchored),
            remedy=Told("Set %(setting)s to a file outside the database.", setting=f"{PREFIX}AUDIT_ANCHOR"),
            grave=False,
        ),
    ]


def _trying(towns: Sequence[str]) -> Told:
    return Told("on in %(towns)s: real channels are off", towns=", ".join(towns)) if towns else Told("off: everything leaves")


def _broken(one: audit.Verdict) -> Told:
    return Told("entry %(number)s of chain %(chain)s: %(why)s", number=one.bad, chain=one.chain, why=one.why)


def _anchored(read: anchor.Read | None) -> Told:
    if read is None or read.foreign:
        return Told("not ours") if read else Told("not set")
    return Told("%(number)s chains", number=len(read.heads))


async def _queue(store: Store, now: datetime) -> Check:
    """What could leave must leave soon; what cannot, since its sender is down or stopped, waits too, and is said with its number."""
    async with store.read() as conn:
        oldest, faring = await queue.oldest_due(conn, now), await senders.faring(conn, now)
    late, held = now - oldest if oldest else timedelta(), sum(one.waiting for one in faring if one.stopped or one.health is Health.DOWN)
    if late < LATE and held:
        words = Told("%(number)s messages are due and cannot leave: their sender is down or stopped", number=held)
        return Check(Told("queue"), ok=False, words=words, remedy=Told("Look at the lines of the senders."))
    remedy = Told("Is `budstikke serve` running? Look at its log.")
    return Check(Told("queue"), ok=late < LATE, words=Told("oldest due since %(spell)s", spell=spell(late)), remedy=remedy)


async def _paused(store: Store, now: datetime) -> list[Check]:
    """What somebody has paused, and may have forgotten: nothing of it leaves."""
    async with store.read() as conn:
        found = await pauses.standing(conn)
    return [
        Check(
            Told("alert no. %(number)s, %(town)s", number=one.number, town=one.town),
            ok=False,
            words=Told("paused %(spell)s ago, nothing of it leaves", spell=spell(now - one.since)) if one.since else PAUSED,
            remedy=Told("Meant so? Else let it go on, on the alert's page, under: While it is out."),
            grave=False,
        )
        for one in found
    ]


async def _workers(store: Store, now: datetime) -> list[Check]:
    """Who works, and how long ago each gave a sign. One that has fallen silent is well as long as another does its work."""
    async with store.read() as conn:
        roll = await workers.roll(conn)
    if not roll:
        return [Check(Told("workers"), ok=False, words=NONE, remedy=Told("Run: budstikke serve"))]
    alive = [row for row in roll if now - row.seen_at < workers.MISSED]
    # one that was killed cannot take back that it led: of several the last to say so does
    leader = max((row for row in alive if row.leader), key=lambda row: (row.seen_at, row.started_at), default=None)
    works = any(_off(row) <= workers.MOST_OFF for row in alive)
    return [_worker(row, now, leads=row is leader) if row in alive else _silent(row, now, works=works) for row in roll]


def _silent(row: AnyRow, now: datetime, *, works: bool) -> Check:
    name = Told("worker %(name)s", name=row.name)
    if works:
        return Check(name, ok=True, words=Told("gone since %(time)s, another does its work", time=f"{row.seen_at.astimezone():%H:%M}"))
    words = Told("seen %(spell)s ago", spell=spell(now - row.seen_at))
    return Check(name, ok=False, words=words, remedy=Told("It has ended or hangs. Look at its log, and start it again."))


def _worker(row: AnyRow, now: datetime, *, leads: bool) -> Check:
    seen, name = spell(now - row.seen_at), Told("worker %(name)s", name=row.name)
    words = Told("seen %(spell)s ago, keeps time for all", spell=seen) if leads else Told("seen %(spell)s ago", spell=seen)
    if _off(row) > workers.MOST_OFF:
        wrong = Told("%(seen)s, clock off by %(seconds)s s", seen=words, seconds=f"{row.off_seconds:.1f}")
        return Check(name, ok=False, words=wrong, remedy=Told("It sends nothing. Set its machine's clock."))
    return Check(name, ok=True, words=words)


def _off(row: AnyRow) -> timedelta:
    return timedelta(seconds=row.off_seconds)
