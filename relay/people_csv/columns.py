"""The columns of the spreadsheet, and the headings and words they go by in Norwegian and English."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from messages.form import Medium


class Column(StrEnum):
    """What a column holds; its value is the heading that we print ourselves."""

    NAME = "navn"
    LANGUAGES = "språk"
    GROUPS = "gruppe"
    SMS = "mobil"
    WHATSAPP = "whatsapp"
    EMAIL = "e-post"
    ORDER = "rekkefølge"
    AGREED_ON = "avtale"
    AGREED_UNTIL = "avtale til"
    ADULT = "18+ bekreftet"
    KIND = "stilling"
    WORKING = "arbeidstid"
    QUIET = "stille tid"
    DEPUTY_OF = "stedfortreder for"
    PAUSE = "pause"


#: further headings of each column, besides its own
HEADINGS: Mapping[Column, tuple[str, ...]] = MappingProxyType(
    {
        Column.NAME: ("name", "namn", "fullt navn", "full name"),
        Column.LANGUAGES: ("languages", "language", "språkene", "morsmål"),
        Column.GROUPS: ("group", "groups", "grupper", "språkgruppe", "language group"),
        Column.SMS: ("sms", "mobile", "mobilnummer", "mobiltelefon", "phone", "telefon", "tlf"),
        Column.WHATSAPP: ("wa", "whatsapp-nummer", "whatsapp number"),
        Column.EMAIL: ("epost", "email", "e-mail", "e-postadresse", "e-mail address"),
        Column.ORDER: ("order", "kanaler", "channels", "rekkjefølgje"),
        Column.AGREED_ON: ("agreement", "agreement date", "avtale fra", "avtaledato", "avtale frå"),
        Column.AGREED_UNTIL: ("agreement until", "agreement to", "avtale slutt"),
        Column.ADULT: ("adult confirmed", "18+", "over 18", "over 18 bekreftet", "18+ stadfesta"),
        Column.KIND: ("kind", "position", "type"),
        Column.WORKING: ("working hours", "arbeidstider", "vakt"),
        Column.QUIET: ("quiet hours", "stilletid", "stille timer"),
        Column.DEPUTY_OF: ("deputy of", "deputy for", "vara for", "stedfortreder"),
        Column.PAUSE: ("paused", "pause til", "paused until", "pause until"),
    }
)

#: every heading, in small letters -> its column
BY_HEADING: Mapping[str, Column] = MappingProxyType(
    {heading: column for column, others in HEADINGS.items() for heading in (column.value, *others)}
)

#: a person is written to by these, in this order where no other is given
CHANNELS: Mapping[Column, Medium] = MappingProxyType({Column.SMS: Medium.SMS, Column.WHATSAPP: Medium.WHATSAPP, Column.EMAIL: Medium.EMAIL})

YES = frozenset({"ja", "j", "yes", "y", "x", "true", "sann", "1", "✓"})
NO = frozenset({"nei", "n", "no", "false", "usann", "0", "-"})
NONE = frozenset({"ingen", "none"})
VOLUNTEER = frozenset({"frivillig", "volunteer"})
EMPLOYEE = frozenset({"ansatt", "tilsett", "employee"})
