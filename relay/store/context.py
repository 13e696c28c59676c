"""What a batch of sends has in common: the issues, the words about each municipality, and the senders. A handful of queries a batch."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from relay.model import Home, Issue
from relay.store import alerts
from relay.store.columns import AnyRow
from relay.store.tables import ContactPoint, LanguageGroup, Municipality, Sender


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Everything about some municipalities that texts and sends need."""

    municipalities: Mapping[int, AnyRow]
    #: municipality -> its contact points, the first is the general one
    contacts: Mapping[int, Mapping[int, AnyRow]]
    #: group -> its contact point
    of_group: Mapping[int, int | None]
    senders: Mapping[int, AnyRow]
    #: where the pages are (Home.site)
    site: str = ""

    def with_(self, fresh: "Context") -> "Context":
        """Return both: what is in hand of other municipalities still needs theirs."""
        return Context(
            municipalities={**self.municipalities, **fresh.municipalities},
            contacts={**self.contacts, **fresh.contacts},
            of_group={**self.of_group, **fresh.of_group},
            senders={**self.senders, **fresh.senders},
            site=fresh.site,
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
    points = await conn.execute(select(ContactPoint.__table__).where(ContactPoint.municipality_id.in_(ids)).order_by(ContactPoint.id))
    contacts: dict[int, dict[int, AnyRow]] = {}
    for row in points.all():
        contacts.setdefault(row.municipality_id, {})[row.id] = row
    groups = await conn.execute(select(LanguageGroup.id, LanguageGroup.contact_point_id).where(LanguageGroup.municipality_id.in_(ids)))
    towns = await conn.execute(select(Municipality.__table__).where(Municipality.id.in_(ids)))
    senders = await conn.execute(select(Sender.__table__).where(Sender.municipality_id.in_(ids)))
    return Context(
        municipalities={row.id: row for row in towns.all()},
        contacts=contacts,
        of_group={row.id: row.contact_point_id for row in groups.all()},
        senders={row.id: row for row in senders.all()},
        site=site,
    )


async def issues(conn: AsyncConnection, wanted: Iterable[tuple[int, int]]) -> dict[int, Issue]:
    """Return issues by alert id for pairs of (municipality, alert)."""
    return {alert_id: await alerts.issue(conn, municipality_id, alert_id) for municipality_id, alert_id in set(wanted)}
