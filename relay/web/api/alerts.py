"""Operations on alerts. Every act goes through the same verbs as the pages', with the same rules about who and when."""

from typing import Any

from messages.alert import Act, Alert, Area, Variant
from messages.cap.faults import CapUnwritable
from messages.cap.write import write
from relay import acts, ingest, sense
from relay.authority import approvers_of
from relay.model import NotAllowed
from relay.store import alerts as rows, drafts
from relay.store.alerts import NewAlert
from relay.store.columns import AnyRow
from relay.web.api import shapes
from relay.web.api.operation import CAP, Answer, Call, Raw
from relay.web.api.problem import RefusedError

CHANGED = "The alert was changed after this revision was read. Read it again, and approve what it says now."
_LINE = tuple(shapes.AlertLine.model_fields)


async def listed(call: Call) -> Answer:
    """List alerts, newest first."""
    query = call.query
    assert isinstance(query, shapes.AlertQuery)  # noqa: S101 - declared by the operation
    async with call.relay.store.read() as conn:
        found = await rows.newest(conn, call.who.municipality_id, query.limit, state=query.state)
    return shapes.AlertList(alerts=[shapes.AlertLine(**_line(row)) for row in found])


def _line(row: AnyRow) -> dict[str, Any]:
    return {name: getattr(row, name) for name in _LINE}


async def taken(call: Call) -> Answer:
    """Store an official message, or a draft of our own shape."""
    relay, town = call.relay, call.who.municipality_id
    if call.document:
        made = await relay.take(town, call.document, call.who.name, unattended=True)
    else:
        async with relay.store.write() as conn:
            made = [await ingest.store(conn, town, _new(call), call.now)]
    return shapes.TakenList(
        alerts=[shapes.Taken(number=one.number, again=one.again, never_real=one.never_real, notes=list(one.notes)) for one in made]
    )


def _new(call: Call) -> NewAlert:
    body = call.body
    assert isinstance(body, shapes.NewAlert)  # noqa: S101 - declared by the operation
    alert = _in_time(
        call,
        Alert(
            number=0,
            kind=body.kind,
            severity=body.severity,
            urgency=body.urgency,
            certainty=body.certainty,
            event=body.event,
            areas=(Area(description=body.area),) if body.area else (),
            sent_at=call.now,
            onset_at=body.onset_at,
            expires_at=body.expires_at,
            next_news_at=body.next_news_at,
            act_by_at=body.act_by_at,
        ),
    )
    return NewAlert(alert=alert, variants=[_variant(text) for text in body.texts], author=call.who.name, source="api")


def _in_time(call: Call, alert: Alert) -> Alert:
    """Refuse moments that cannot be meant, each by its name."""
    wrong = [{"where": name, "what": str(why)} for name, why in sense.amiss(alert, call.now).items()]
    if wrong:
        raise RefusedError("; ".join(f"{one['where']}: {one['what']}" for one in wrong), wrong)
    return alert


def _variant(text: shapes.Text) -> Variant:
    return Variant(**text.model_dump(), source="api")


async def read(call: Call) -> Answer:
    """Return one alert."""
    async with call.relay.store.read() as conn:
        alert_id = await rows.id_of_number(conn, call.who.municipality_id, call.number)
        row = await rows.row_of(conn, call.who.municipality_id, alert_id)
        issue = await rows.issue(conn, call.who.municipality_id, alert_id, approved_only=False)
    return shapes.AlertWhole(**_line(row), texts=[_text(one) for one in issue.variants.values()], notes=list(row.notes or ()))


def _text(variant: Variant) -> shapes.Text:
    return shapes.Text.model_construct(**{name: getattr(variant, name) for name in shapes.Text.model_fields})


async def as_cap(call: Call) -> Answer:
    """Return one alert as CAP, for other systems."""
    town = call.who.municipality_id
    async with call.relay.store.read() as conn:
        alert_id = await rows.id_of_number(conn, town, call.number)
        issue = await rows.issue(conn, town, alert_id, approved_only=False)
        row = await rows.row_of(conn, town, alert_id)
        references = [await rows.own_identity(conn, town, row.replaces_id)] if row.replaces_id else []
        ours = await rows.own_identity(conn, town, alert_id)
    try:
        document = write(
            issue.alert,
            list(issue.variants.values()),
            sender=ours.sender,
            identifier=ours.identifier,
            sent=ours.sent,
            references=references,
        )
    except CapUnwritable as error:
        raise NotAllowed(str(error)) from error
    return Raw(document, CAP[0])


async def put_text(call: Call) -> Answer:
    """Write a draft's text in one language."""
    body = call.body
    assert isinstance(body, shapes.Text)  # noqa: S101 - declared by the operation
    async with call.relay.store.write() as conn:
        alert_id = await rows.id_of_number(conn, call.who.municipality_id, call.number)
        issue = await rows.issue(conn, call.who.municipality_id, alert_id, approved_only=False)
        wanted = dict(issue.variants) | {body.language: _variant(body)}
        await drafts.change(conn, call.who.municipality_id, alert_id, issue.alert, list(wanted.values()), call.who.name, call.now)
    return await read(call)


async def plan(call: Call) -> Answer:
    """Draw the plan as release would write it now."""
    review = await call.relay.review(call.who.municipality_id, await _id(call))
    full = review.full
    return shapes.Plan(
        people=full.size,
        planned=full.planned,
        waiting=full.waiting,
        left_out={str(reason): number for reason, number in full.left_out.items()},
        channels=[
            shapes.ChannelLoad(
                channel=load.medium, people=load.people, messages=load.messages, units=load.units, price=load.price, seconds=load.seconds
            )
            for load in review.loads
        ],
        seconds=review.seconds,
        too_slow=review.too_slow,
    )


async def _id(call: Call) -> int:
    async with call.relay.store.read() as conn:
        return await rows.id_of_number(conn, call.who.municipality_id, call.number)


# --- acts -----------------------------------------------------------------------------------------------------------------


async def approve(call: Call) -> Answer:
    """Approve an alert that another user wrote, as it was read: nobody approves what they have not seen."""
    body, town = call.body, call.who.municipality_id
    assert isinstance(body, shapes.Approval)  # noqa: S101 - declared by the operation
    async with call.relay.store.write() as conn:
        row = await rows.row_of(conn, town, await rows.id_of_number(conn, town, call.number), to_change=True)
        call.need(approvers_of(row.kind))
        if row.revision != body.revision:
            raise NotAllowed(CHANGED)
        await acts.approve(conn, town, row.id, call.who.name, call.now, site=call.relay.desk.public_url)
    call.relay.pulse.ring()
    return await read(call)


async def release(call: Call) -> Answer:
    """Write the plan down."""
    written = await call.relay.release(call.who.municipality_id, await _id(call), call.who.name)
    return shapes.Released(number=call.number, deliveries=written)


async def withdraw(call: Call) -> Answer:
    """Say that it was wrong."""
    return await _correct(call, Act.WITHDRAW)


async def over(call: Call) -> Answer:
    """Say that it has ended."""
    return await _correct(call, Act.OVER)


async def _correct(call: Call, act: Act) -> Answer:
    made = await call.relay.correct(call.who.municipality_id, await _id(call), act, call.who.name)
    return await _corrected(call, made)


async def cancel(call: Call) -> Answer:
    """Stop what has not left, and withdraw what may have."""
    return await _corrected(call, await call.relay.cancel(call.who.municipality_id, await _id(call), call.who.name))


async def _corrected(call: Call, alert_id: int | None) -> shapes.Corrected:
    if alert_id is None:
        return shapes.Corrected(number=None)
    async with call.relay.store.read() as conn:
        row = await rows.row_of(conn, call.who.municipality_id, alert_id)
    return shapes.Corrected(number=row.number)
