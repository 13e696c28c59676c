"""What a batch of sends has in common: the issues, the words about each municipality, and the senders. A handful of queries a batch."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import NamedTuple

import structlog
from sqlalchemy import LargeBinary, select, type_coerce
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from relay.model import Home, Issue, NotReady, Unreadable
from relay.store import alerts, sealing
from relay.store.columns import AnyRow, in_clear
from relay.store.sql import among, ids_as_json
from relay.store.tables import ContactPoint, LanguageGroup, Municipality, Sender
from relay.store.together import Hot, together

log = structlog.get_logger(__name__)


class Point(NamedTuple):
    """Whom people may ring."""

    id: int
    municipality_id: int
    name: str
    phone: str
    hours: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Everything about some municipalities that texts and sends need."""

    municipalities: Mapping[int, AnyRow]
    #: municipality -> its contact points, the first is the general one
    contacts: Mapping[int, Mapping[int, Point]]
    #: group -> its contact point
    of_group: Mapping[int, int | None]
    senders: Mapping[int, AnyRow]
    #: where the pages are (Home.site)
    site: str = ""
    #: (municipality, contact point) that no key of ours opens: it counts as absent
    unreadable: Sequence[tuple[int, int]] = ()

    def with_(self, fresh: "Context") -> "Context":
        """Return both: what is in hand of other municipalities still needs theirs."""
        return Context(
            municipalities={**self.municipalities, **fresh.municipalities},
            contacts={**self.contacts, **fresh.contacts},
            of_group={**self.of_group, **fresh.of_group},
            senders={**self.senders, **fresh.senders},
            site=fresh.site,
            unreadable=fresh.unreadable,
        )

    def home(self, municipality_id: int, group_id: int | None, sender_id: int | None) -> Home:
        """Return what the frame says for one group by one sender."""
        town = self.municipalities[municipality_id]
        points = self.contacts.get(municipality_id, {})
        chosen = points.get(self.of_group.get(group_id or 0) or 0) or next(iter(points.values()), None)
        sender = self.senders.get(sender_id or 0)
        return Home(
            municipality=town.name,
            timezone=town.timezone,
            norwegian=town.norwegian,
            contact_name=chosen.name if chosen else "",
            contact_phone=chosen.phone if chosen else "",
            contact_hours=chosen.hours if chosen else "",
            two_way=sender.two_way if sender else True,
            reply_to=sender.reply_to if sender else "",
            site=self.site,
            links_in_sms=town.links_in_sms,
        )


async def load(conn: AsyncConnection, municipalities: Iterable[int], *, site: str = "") -> Context:
    """Load the context of these municipalities; `site` is where this installation's pages are, if texts are to name them."""
    ids = list(set(municipalities))
    points = await conn.execute(select(*_POINT).where(ContactPoint.municipality_id.in_(ids)))
    groups = await conn.execute(select(LanguageGroup.id, LanguageGroup.contact_point_id).where(LanguageGroup.municipality_id.in_(ids)))
    towns = await conn.execute(select(*in_clear(Municipality.__table__)).where(Municipality.id.in_(ids)))
    senders = await conn.execute(select(Sender.__table__).where(Sender.municipality_id.in_(ids)))
    return _context(towns.all(), points.all(), groups.all(), senders.all(), site)


async def load_to_send(conn: AsyncConnection, municipalities: Collection[int], *, site: str) -> Context:
    """Do the same for each batch of sends, at a tenth of the cost: in a `write`, and with those columns only that sending needs."""
    whose = {"ids": ids_as_json(municipalities)}
    towns, points, groups, senders = await together(conn, (_TOWNS, whose), (_POINTS, whose), (_GROUPS, whose), (_SENDERS, whose))
    return _context(towns, points, groups, senders, site)


def _context(towns: Sequence[AnyRow], points: Sequence[AnyRow], groups: Sequence[AnyRow], senders: Sequence[AnyRow], site: str) -> Context:
    contacts: dict[int, dict[int, Point]] = {}
    unreadable = []
    for row in sorted(points, key=attrgetter("id")):
        opened = _opened(row)
        if opened is None:
            unreadable.append((row.municipality_id, row.id))
        else:
            contacts.setdefault(row.municipality_id, {})[row.id] = opened
    return Context(
        municipalities={row.id: row for row in towns},
        contacts=contacts,
        of_group={row.id: row.contact_point_id for row in groups},
        senders={row.id: row for row in senders},
        site=site,
        unreadable=unreadable,
    )


def _opened(point: AnyRow) -> Point | None:
    """Return a contact point in clear; None where no key opens it. One such row must not keep a whole installation from sending."""
    keys = sealing.keyring()
    try:
        name, phone = keys.open(bytes(point.name), "contact_point.name"), keys.open(bytes(point.phone), "contact_point.phone")
    except Unreadable:
        return None
    return Point(point.id, point.municipality_id, name, phone, point.hours)


async def issues(conn: AsyncConnection, wanted: Iterable[tuple[int, int]]) -> dict[int, Issue]:
    """Return issues by alert id for pairs of (municipality, alert). One that cannot be read is missing, and told of in the log."""
    found = {}
    for municipality_id, alert_id in set(wanted):
        try:
            found[alert_id] = await alerts.issue(conn, municipality_id, alert_id)
        except (NotReady, OSError, DBAPIError):
            raise
        except Exception:
            log.exception("an alert cannot be read", alert=alert_id, municipality=municipality_id)
    return found


# --- the statements of `load_to_send` -------------------------------------------------------------------------------------

#: still sealed
_POINT = (
    ContactPoint.id,
    ContactPoint.municipality_id,
    type_coerce(ContactPoint.name, LargeBinary).label("name"),
    type_coerce(ContactPoint.phone, LargeBinary).label("phone"),
    ContactPoint.hours,
)
_TOWNS = Hot(
    lambda conn: select(
        Municipality.id,
        Municipality.name,
        Municipality.timezone,
        Municipality.norwegian,
        Municipality.quiet_from,
        Municipality.quiet_to,
        Municipality.links_in_sms,
    ).where(among(conn, Municipality.__table__.c.id, "ids"))
)
_POINTS = Hot(lambda conn: select(*_POINT).where(among(conn, ContactPoint.__table__.c.municipality_id, "ids")))
_GROUPS = Hot(
    lambda conn: select(LanguageGroup.id, LanguageGroup.contact_point_id).where(
        among(conn, LanguageGroup.__table__.c.municipality_id, "ids")
    )
)
#: SQLite packs a pace with 15 digits, which is plenty; what is counted in money stays out of here
_SENDERS = Hot(
    lambda conn: select(
        Sender.id,
        Sender.address,
        Sender.provider,
        Sender.account,
        Sender.two_way,
        Sender.reply_to,
        Sender.pace_per_second,
        Sender.pace_burst,
        Sender.contents,
        Sender.health,
        Sender.health_since,
        Sender.try_at,
    ).where(among(conn, Sender.__table__.c.municipality_id, "ids"))
)
