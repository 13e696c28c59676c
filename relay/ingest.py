"""What comes in from outside becomes a draft: CAP documents, forms, programs. Nothing that is not official can become real."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256

from sqlalchemy.ext.asyncio import AsyncConnection

from messages import cap
from messages.alert import Act, Alert, Identity, Kind, Severity
from relay import sense, staff
from relay.model import BadInput, Place
from relay.routing import How, inside
from relay.store import alerts, people, tasks
from relay.store.columns import AnyRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A draft as it was stored, with what its author should know."""

    alert_id: int
    number: int
    #: it had come before, and nothing was stored anew
    again: bool = False
    never_real: str = ""
    notes: tuple[str, ...] = ()


async def take_cap(
    conn: AsyncConnection,
    municipality_id: int,
    document: bytes,
    author: str,
    now: datetime,
    *,
    replay: bool = False,
    as_exercise: bool = False,
    only_ours: bool = False,
    wake: str | None = None,
    found: Sequence[cap.CapAlert] | None = None,
) -> list[Taken]:
    """Store every alert of a CAP document (or feed) as a draft; BadInput says why a document is refused.

    `as_exercise`: play it, whatever it is, with its times moved to now; the real one can still come in beside it.
    `only_ours`: pass over what does not concern the municipality, and what could never be released: nobody has asked for it.
    `wake`: nobody sits before it, so that what is grave wakes whoever is on duty; where the pages are (may be "").
    `found`: which of the document's alerts, where somebody has read it already; else all of them.
    """
    found = _read(document) if found is None else found
    if not found:
        raise BadInput("The document holds no alert, only links. Give the address of an alert, or let the feed be polled.")
    place = await people.place(conn, municipality_id)
    if as_exercise:
        return [await _play(conn, municipality_id, place, one, document, author, now) for one in found]
    wanted = await _ours(conn, municipality_id, place, found, now) if only_ours else found
    taken = [await _take_one(conn, municipality_id, place, one, document, author, now, replay=replay) for one in wanted]
    if wake is not None:
        for one, made in zip(wanted, taken, strict=True):
            await _wake(conn, municipality_id, place, one, made, wake, now)
    return taken


def _read(document: bytes) -> Sequence[cap.CapAlert]:
    try:
        return cap.read(document).alerts
    except cap.CapRefused as refused:
        raise BadInput(refused.words) from refused


async def _ours(
    conn: AsyncConnection, municipality_id: int, place: Place, found: Sequence[cap.CapAlert], now: datetime
) -> list[cap.CapAlert]:
    """Those whose area holds us, or may (a person says); and those that change or end what was released here, wherever they moved to."""
    ours = []
    for one in found:
        drafted = _drafted(place, one)
        if _why(one, now, replay=False)[0] is None and (
            inside(drafted.alert.areas, place).how is not How.NO
            or (await _replaced(conn, municipality_id, drafted.alert, drafted.references))[0]
        ):
            ours.append(one)
    return ours


def _drafted(place: Place, one: cap.CapAlert) -> cap.Draft:
    """Draft a message as it reads here: of parts that differ by area, ours; and in the municipality's own Norwegian first."""
    return cap.draft(one, municipality=place.number, sender_languages=(place.norwegian, "nb", "nn"))


async def _play(
    conn: AsyncConnection, municipality_id: int, place: Place, one: cap.CapAlert, document: bytes, author: str, now: datetime
) -> Taken:
    """Store a message as the draft of an exercise: of no identity, and following nothing."""
    drafted = _drafted(place, cap.replay(one, now))
    new = alerts.NewAlert(
        alert=replace(drafted.alert, kind=Kind.EXERCISE, act=Act.ISSUE, identity=None, replaces=None),
        variants=drafted.variants,
        author=author,
        source="cap",
        document=document,
        document_sha256=sha256(document).hexdigest(),
        notes=drafted.notes,
    )
    return await store(conn, municipality_id, new, now)


async def _take_one(
    conn: AsyncConnection,
    municipality_id: int,
    place: Place,
    one: cap.CapAlert,
    document: bytes,
    author: str,
    now: datetime,
    *,
    replay: bool,
) -> Taken:
    why, exercise = _why(one, now, replay=replay)
    moved = cap.replay(one, now) if replay else one
    drafted = _drafted(place, moved)
    before = await alerts.by_identity(conn, municipality_id, drafted.alert.identity) if drafted.alert.identity else None
    if before is not None:
        return Taken(alert_id=before.id, number=before.number, again=True, never_real=before.never_real)
    replaces, notes = await _replaced(conn, municipality_id, drafted.alert, drafted.references)
    act = drafted.alert.act if replaces is not None or drafted.alert.act is Act.ISSUE else Act.ISSUE
    new = alerts.NewAlert(
        alert=replace(drafted.alert, act=act),
        variants=drafted.variants,
        author=author,
        source="cap",
        document=document,
        document_sha256=sha256(document).hexdigest(),
        references=drafted.references,
        notes=(*exercise, *drafted.notes, *notes),
        never_real=_sentence(why, drafted, replaces),
        replaces_id=replaces.id if replaces else None,
    )
    return await store(conn, municipality_id, new, now)


def _why(one: cap.CapAlert, now: datetime, *, replay: bool) -> tuple[cap.NeverReal | None, list[str]]:
    """Why a message can never be released, and what its author should know; an exercise can, as one, if nothing else is against it."""
    why = one.why_never_real(now, replay=replay)
    if why is not cap.NeverReal.EXERCISE:
        return why, []
    envelope = "" if one.carrier_status == cap.Status.EXERCISE else one.carrier_status
    played = replace(one, status=cap.Status.ACTUAL, carrier_status=envelope)
    return played.why_never_real(now, replay=replay), [why.words]


def _sentence(why: cap.NeverReal | None, drafted: cap.Draft, replaces: AnyRow | None) -> str:
    if why is not None:
        return why.words
    if drafted.alert.act in (Act.WITHDRAW, Act.OVER) and replaces is None:
        return "This message withdraws or ends an alert that was never taken in here, so there is nobody to tell."
    # a feed goes on: one message that is only for exercises keeps no other out
    return sense.ONLY_PLAYED if sense.only_played(drafted.variants, drafted.alert.kind) else ""


async def _replaced(
    conn: AsyncConnection, municipality_id: int, alert: Alert, references: Sequence[Identity]
) -> tuple[AnyRow | None, list[str]]:
    """Find the newest released alert that a message refers to; an update of an unknown one is taken as new, and that is said."""
    if alert.act is Act.ISSUE:
        return None, []
    found = [row for one in references if (row := await alerts.by_identity(conn, municipality_id, one)) is not None]
    released = [row for row in found if row.released_at is not None]
    if released:
        return max(released, key=lambda row: row.number), []
    return None, ["This message updates one that was never released here, so it is taken as new."]


async def store(conn: AsyncConnection, municipality_id: int, new: alerts.NewAlert, now: datetime) -> Taken:
    """Store a draft and say so in the record; BadInput when it could be released and its texts are not for an alert of its kind."""
    if not new.never_real:
        sense.fits(new.variants, new.alert.kind)
    alert_id = await alerts.save(conn, municipality_id, new, now)
    row = await alerts.row_of(conn, municipality_id, alert_id)
    await tasks.acted(conn, new.author, "alert.take", now, municipality_id=municipality_id, subject=f"alert:{alert_id}", number=row.number)
    await tasks.happened(conn, municipality_id, "alert.taken", now, alert_id=alert_id, number=row.number)
    return Taken(alert_id=alert_id, number=row.number, never_real=new.never_real, notes=tuple(new.notes))


# --- what wakes somebody --------------------------------------------------------------------------------------------------

#: gravest first; what is less wakes nobody
GRAVE = (Severity.EXTREME, Severity.SEVERE)


async def _wake(
    conn: AsyncConnection, municipality_id: int, place: Place, one: cap.CapAlert, taken: Taken, site: str, now: datetime
) -> None:
    """Wake whoever is on duty for a message that is new, real, grave and ours; for an update only when it is graver than before."""
    row = await alerts.row_of(conn, municipality_id, taken.alert_id)
    begins = Act(row.act) not in (Act.WITHDRAW, Act.OVER)
    if taken.again or taken.never_real or row.kind != Kind.ACTUAL or row.severity not in GRAVE or not begins:
        return
    if inside(_drafted(place, one).alert.areas, place).how is How.NO or not await _graver(conn, municipality_id, row):
        return
    source = next((info.sender_name for info in one.infos if info.sender_name), one.sender)
    reached = await staff.wake(conn, row, source, site, now)
    subject = f"alert:{row.id}"
    await tasks.acted(
        conn, row.author, "alert.wake", now, municipality_id=municipality_id, subject=subject, number=row.number, reached=reached
    )


async def _graver(conn: AsyncConnection, municipality_id: int, row: AnyRow) -> bool:
    """Whether a message is graver than all that it follows, and what those follow, as far as it came in here."""
    seen, ahead = {row.id}, [row]
    while ahead:
        for named in ahead.pop().cap_references or ():
            before = await alerts.by_identity(conn, municipality_id, Identity(named[0], named[1], datetime.fromisoformat(named[2])))
            if before is None or before.id in seen or before.never_real or before.kind != Kind.ACTUAL:
                continue
            if before.severity in GRAVE and GRAVE.index(before.severity) <= GRAVE.index(row.severity):
                return False
            seen.add(before.id)
            ahead.append(before)
    return True
