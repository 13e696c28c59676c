"""The rows of a plan. Writing adds only what is missing, so releasing again extends: people added since, texts approved late.

What like people get differs in ids alone. Each kind's rows are written with one statement, from what they share and a list of ids;
a few people at a time, in the register's order, so that no group has to wait until another has all of its messages.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any, TypeAlias

from sqlalchemy import BigInteger, Executable, Integer, Table, Text, bindparam, case, cast, func, literal, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from relay.counting import difference, person_adds
from relay.model import Action, DeliveryState, Hold, PersonClass, PlannedSend, Rung
from relay.store import answers, counters, recipients, restored
from relay.store.columns import AnyRow, Json
from relay.store.plan import FullPlan, Lot, in_order
from relay.store.sql import Kind, among, analyze, as_json, element, ids_as_json, ids_from_json, insert_ignore, rows_as_json, table_from_json
from relay.store.tables import alert_group, delivery, recipient, recipient_group
from relay.store.together import Hot, together

#: people whose rows are written before those of the next
AT_ONCE = 1_000
#: new sends after which the database looks at its tables anew
MANY = 1_000

#: whether a person still needs a send to an address
Needs: TypeAlias = Callable[[int, PlannedSend, int], bool]


async def write(conn: AsyncConnection, full: FullPlan) -> int:
    """Write the rows that are missing; return how many sends are new and needed. Idempotent."""
    alert_id = full.issue.alert_id
    before, sends = await _written(conn, alert_id), await _sends(conn, alert_id)
    fresh = [lot for lot in (_without(lot, before) for lot in full.lots) if lot]
    for some in _portions(fresh):
        await _write_people(conn, full, some)
    if rows := _alert_groups(full):
        await conn.execute(insert_ignore(alert_group), rows)
    await _count(conn, full, fresh)
    await _take_in(conn, full, before)
    needs = await _needs(conn, alert_id) if before else None
    hold = await restored.hold_of(conn, alert_id)
    for some in _portions(full.lots):
        for wanted, those in _by_need(some, needs):
            await _write_sends(conn, full, those, wanted, hold)
    if before:
        await answers.spare_again(conn, alert_id, full.at)
    new = await _sends(conn, alert_id) - sends
    if new >= MANY:
        await analyze(conn, recipient, recipient_group, delivery)
    return new


async def added(conn: AsyncConnection, full: FullPlan) -> int:
    """Count whom writing this plan would let in who get nothing yet."""
    had = {person for person, row in (await _written(conn, full.issue.alert_id)).items() if not row.left_out}
    return sum(person_id not in had for lot in full.lots if not lot.plan.left_out for person_id in lot.members.ids)


def _without(lot: Lot, before: Mapping[int, AnyRow]) -> Lot:
    return lot.only(place for place, person_id in enumerate(lot.members.ids) if person_id not in before) if before else lot


def _portions(lots: Sequence[Lot]) -> Iterator[Lot]:
    """Yield a few people of each lot at a time, so that all lots together keep the register's order."""
    order, begun = in_order(lots), [0] * len(lots)
    while some := Counter(n for _, n in islice(order, AT_ONCE)):
        for n, many in some.items():
            yield lots[n] if many == len(lots[n]) else lots[n].only(range(begun[n], begun[n] + many))
            begun[n] += many


async def _write_people(conn: AsyncConnection, full: FullPlan, lot: Lot) -> None:
    given = _recipient(full, lot) | {"people": ids_as_json(lot.members.ids)}
    texts = {group: choice.language for group, choice in lot.plan.choices}
    groups = [given | {"group_id": group, "text": texts.get(group, "")} for group, _ in lot.people.groups]
    await together(conn, (_RECIPIENTS, given), *((_GROUPS, group) for group in groups))


def _by_need(lot: Lot, needs: Needs | None) -> Iterator[tuple[tuple[int, ...], Lot]]:
    """Part a lot by which of its plan's sends are needed: their numbers, and for whom. `needs`: not everybody needs all."""
    all_sends = tuple(n for n, send in enumerate(lot.plan.sends) if send.action is not Action.DEPUTY or lot.stand_in)
    if needs is None:
        yield all_sends, lot
        return
    wanted = {}
    for place, person_id in enumerate(lot.members.ids):
        addresses = lot.members.addresses_of(place)
        wanted[place] = tuple(n for n in all_sends if needs(person_id, lot.plan.sends[n], addresses[max(lot.plan.sends[n].way, 0)]))
    for some, members in lot.members.parted(wanted):
        yield some, replace(lot, members=members)


async def _write_sends(conn: AsyncConnection, full: FullPlan, lot: Lot, wanted: Sequence[int], hold: Hold) -> None:
    """Write what like people get: person by person, in the order in which it leaves."""
    if not wanted:
        return
    issue, members = full.issue, lot.members
    sends = [_send(full, lot, n) for n in wanted]
    rows = [
        {
            "person_id": person_id,
            "principal_id": members.principals[place] if lot.stand_in else None,
            "addresses": members.addresses_of(place),
        }
        for place, person_id in enumerate(members.ids)
    ]
    given: dict[str, Any] = {"municipality_id": issue.municipality_id, "alert_id": issue.alert_id, "gravity": int(issue.alert.gravity)}
    given |= {"hold": hold, "expires_at": issue.alert.expires_at, "sends": rows_as_json(conn, sends), "rows": as_json(rows)}
    await together(conn, (_DELIVERIES, given))


def _send(full: FullPlan, lot: Lot, n: int) -> dict[str, Any]:
    send = lot.plan.sends[n]
    medium = None if send.action is Action.CALL or send.way < 0 else lot.people.media[send.way]
    return {
        "n": n,
        "way": max(send.way, 0),
        "sender_id": full.senders[medium].id if medium else None,
        "channel": medium or "call",
        "step": send.step,
        "action": send.action,
        "part": send.part,
        "language": send.language,
        "frame_language": frame_language(lot.people, send.language),
        "due_at": send.due_at,
    }


# --- what is missing ----------------------------------------------------------------------------------------------------


async def _written(conn: AsyncConnection, alert_id: int) -> dict[int, AnyRow]:
    rows = await conn.execute(select(recipient).where(recipient.c.alert_id == alert_id))
    return {row.person_id: row for row in rows}


async def _sends(conn: AsyncConnection, alert_id: int) -> int:
    """Count what is planned and not spared; a database does not always say how many rows an INSERT has left out."""
    mine = (delivery.c.alert_id == alert_id, delivery.c.action != "", delivery.c.state != DeliveryState.SPARED)
    return (await conn.execute(select(func.count()).select_from(delivery).where(*mine))).scalar_one()


async def _needs(conn: AsyncConnection, alert_id: int) -> Needs:
    """Leave out what is planned, at another step too: a way that has died since the first release lets the others move up.

    And what would only chase: whoever has answered gets nothing more but a text in a language that they had none in.
    """
    mine = (delivery.c.alert_id == alert_id, delivery.c.action != "")
    columns = (delivery.c.person_id, delivery.c.action, delivery.c.address_id, delivery.c.part, delivery.c.language)
    planned = {_same_send(*row) for row in (await conn.execute(select(*columns).where(*mine))).all()}
    answered = (delivery.c.alert_id == alert_id, recipient.c.rung != Rung.NONE)
    found = select(delivery.c.person_id, delivery.c.language).join(recipient, recipient.c.id == delivery.c.recipient_id)
    had: defaultdict[int, set[str]] = defaultdict(set)
    for owner, language in (await conn.execute(found.where(*answered).distinct())).all():
        had[owner].add(language)

    def needs(person: int, send: PlannedSend, address: int) -> bool:
        if _same_send(person, send.action, address, send.part, send.language) in planned:
            return False
        return person not in had or (send.action is Action.MESSAGE and send.language not in had[person])

    return needs


def _same_send(person: int, action: str, address: int, part: str, language: str) -> tuple[object, ...]:
    """What makes two rows one send to a person: nobody is reminded or rung twice, by whatever way."""
    return (person, action) if action in (Action.REMIND, Action.CALL) else (person, address, part, language)


async def _take_in(conn: AsyncConnection, full: FullPlan, before: Mapping[int, AnyRow]) -> None:
    """Let in whoever was left out at an earlier release and is planned now: their row, their groups' texts, the numbers."""
    planned = [lot for lot in full.lots if before and not lot.plan.left_out]
    late = [(lot, before[one]) for lot in planned for one in lot.members.ids if one in before and before[one].left_out]
    adds = counters.Sums()
    for lot, row in late:
        await conn.execute(update(recipient).where(recipient.c.id == row.id).values(_recipient(full, lot)))
        theirs = (await conn.execute(select(recipient_group.c.group_id).where(recipient_group.c.recipient_id == row.id))).scalars().all()
        for group, text in lot.plan.choices:
            mine = (recipient_group.c.recipient_id == row.id, recipient_group.c.group_id == group)
            await conn.execute(update(recipient_group).where(*mine).values(language=text.language))
        facts = recipients.person_facts(row)
        change = difference(person_adds(facts), person_adds(facts._replace(left_out=False)))
        for group in (0, *theirs):
            adds.add(row.municipality_id, row.alert_id, group, "", change)
    await counters.write(conn, adds)


# --- what like people share -----------------------------------------------------------------------------------------------


def _recipient(full: FullPlan, lot: Lot) -> dict[str, Any]:
    plan = lot.plan
    text = plan.choices[0][1] if plan.choices else None
    return {
        "municipality_id": full.issue.municipality_id,
        "alert_id": full.issue.alert_id,
        "group_id": lot.people.groups[0][0] if lot.people.groups else None,
        "reader_language": _own_language(lot.people),
        "language": text.language if text else "",
        "language_why": text.why if text else "",
        "left_out": plan.left_out or "",
        "wait": plan.wait or "",
        "waits_until": plan.waits_until,
        # one send that may wake is leave to wake
        "pierced": plan.pierced or next((send.pierced for send in plan.sends if send.pierced), ""),
        "deputy": lot.stand_in,
        "had_passed_on": lot.had_passed_on,
    }


def _own_language(people_class: PersonClass) -> str:
    return next(iter((*people_class.languages, *(language for _, language in people_class.groups))), "nb")


def _alert_groups(full: FullPlan) -> list[dict[str, Any]]:
    reached: Counter[int] = Counter()
    for lot in full.lots:
        for group, _ in lot.people.groups:
            reached[group] += len(lot)
    return [
        {
            "alert_id": full.issue.alert_id,
            "group_id": group,
            "municipality_id": full.issue.municipality_id,
            "language": full.groups[group].language,
            "name": full.groups[group].name,
            "quorum": full.groups[group].quorum,
            "people": count,
        }
        for group, count in sorted(reached.items())
    ]


def frame_language(people_class: PersonClass, text: str) -> str:
    """The words around a text are in its language where the person reads it, in the person's own where it is a fallback."""
    reads = {*people_class.languages, *(language for _, language in people_class.groups)}
    return text if text in reads else _own_language(people_class)


async def _count(conn: AsyncConnection, full: FullPlan, fresh: Sequence[Lot]) -> None:
    adds = counters.Sums()
    for lot in fresh:
        change = {"people": len(lot), "skipped" if lot.plan.left_out else "planned": len(lot)}
        for group in (0, *(group for group, _ in lot.people.groups)):
            adds.add(full.issue.municipality_id, full.issue.alert_id, group, "", change)
    await counters.write(conn, adds)


# --- statements -----------------------------------------------------------------------------------------------------------


def _bound(table: Table, *names: str) -> dict[str, Any]:
    return {name: bindparam(name, type_=table.c[name].type) for name in names}


def _recipients(conn: AsyncConnection) -> Executable:
    shared = _bound(recipient, *_SHARED)
    people = ids_from_json(conn, "people").subquery()
    (person,) = people.c
    rows = select(*shared.values(), person).order_by(person)
    return insert_ignore(recipient).from_select([*shared, "person_id"], rows)


def _groups(conn: AsyncConnection) -> Executable:
    shared = _bound(recipient_group, "municipality_id", "alert_id", "group_id") | {"language": bindparam("text", type_=Text)}
    theirs = (recipient.c.alert_id == shared["alert_id"], among(conn, recipient.c.person_id, "people"))
    rows = select(*shared.values(), recipient.c.id).where(*theirs)
    return insert_ignore(recipient_group).from_select([*shared, "recipient_id"], rows)


def _deliveries(conn: AsyncConnection) -> Executable:
    row, send = table_from_json(conn, "rows", _ROW), table_from_json(conn, "sends", _SEND)
    owner, principal = recipient.alias("owner"), recipient.alias("principal")
    values = _bound(delivery, "municipality_id", "alert_id", "gravity", "expires_at")
    values |= {name: send.c[name] for name in _SEND if name not in ("n", "way")} | {"planned_at": send.c.due_at}
    address = element(conn, row.c.addresses, send.c.way)
    values |= {"recipient_id": owner.c.id, "person_id": row.c.person_id, "address_id": address, "stands_for_id": principal.c.id}
    values |= {"hold": case((send.c.sender_id.is_(None), Hold.NOTHING), else_=bindparam("hold", type_=Text))}
    values |= {"cause": func.coalesce("for:" + cast(principal.c.id, Text), ""), "state": literal(DeliveryState.WAITING, Text)}
    mine = owner.c.alert_id == values["alert_id"]
    rows = (
        select(*values.values())
        .select_from(row)
        .join(owner, (owner.c.person_id == row.c.person_id) & mine)
        .join(principal, (principal.c.person_id == row.c.principal_id) & (principal.c.alert_id == values["alert_id"]), isouter=True)
        # each of them with each send: a product, and meant as one
        .join(send, true())
        .order_by(row.c.person_id, send.c.n)
    )
    return insert_ignore(delivery).from_select(list(values), rows)


_SHARED = (
    "municipality_id",
    "alert_id",
    "group_id",
    "reader_language",
    "language",
    "language_why",
    "left_out",
    "wait",
    "waits_until",
    "pierced",
    "deputy",
    "had_passed_on",
)
_ROW: dict[str, Kind] = {"person_id": BigInteger, "principal_id": BigInteger, "addresses": Json}
_SEND: dict[str, Kind] = {
    "n": Integer,
    "way": Integer,
    **{name: delivery.c[name].type for name in ("sender_id", "channel", "step", "action", "part", "language", "frame_language", "due_at")},
}
_RECIPIENTS, _GROUPS, _DELIVERIES = Hot(_recipients), Hot(_groups), Hot(_deliveries)
