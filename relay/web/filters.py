"""How values are written on a page: moments, numbers, money, languages. CLDR's forms (Babel), the municipality's zone, 24-hour clock."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache

from babel.dates import format_date, format_skeleton, format_timedelta
from babel.numbers import format_currency, format_decimal, format_percent

from messages import languages
from messages.zones import zone_of
from relay.web import words

#: Babel has no Nynorsk figures of its own that differ
_LOCALE = {"nb": "nb_NO", "nn": "nn_NO", "en": "en_GB"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """For whom a page is written. The filters of the templates are its methods."""

    language: str
    timezone: str
    now: datetime

    @property
    def locale(self) -> str:
        """The CLDR locale that dates and numbers follow."""
        return _LOCALE[self.language]

    def local(self, moment: datetime) -> datetime:
        """Return a moment in the municipality's zone."""
        return moment.astimezone(zone_of(self.timezone))

    def time(self, moment: datetime) -> str:
        """18:42; on another day with its date: 23. nov. 18:42."""
        local = self.local(moment)
        clock = f"{local:%H:%M}"
        return clock if local.date() == self.local(self.now).date() else f"{self.date(local)} {clock}"

    def clock(self, moment: datetime) -> str:
        """18:42:07, for lists of what happened."""
        return f"{self.local(moment):%H:%M:%S}"

    def date(self, moment: datetime | date) -> str:
        """23. nov., with the year where it is another one."""
        day = self.local(moment).date() if isinstance(moment, datetime) else moment
        if day.year == self.local(self.now).year:
            return format_skeleton("MMMd", day, locale=self.locale)
        return format_date(day, "medium", locale=self.locale)

    def ago(self, moment: datetime) -> str:
        """4 minutes ago; in 4 minutes."""
        return format_timedelta(moment - self.now, add_direction=True, format="long", locale=self.locale)

    def minutes(self, seconds: float) -> str:
        """How long something takes: under a minute, 7 minutes, 2 hours."""
        if seconds < 60:
            return words.say(self.language, "under a minute")
        return format_timedelta(timedelta(seconds=seconds), threshold=1.5, locale=self.locale)

    def number(self, value: float) -> str:
        """1 200."""
        return _decimal(value, self.locale)

    def percent(self, part: float, whole: float) -> str:
        """78 %; a dash where there is no whole."""
        return format_percent(part / whole, "#,##0 %", locale=self.locale) if whole else "-"

    def money(self, value: float) -> str:
        """Kr 221, whole crowns from ten on."""
        shape = "¤ #,##0" if value >= 10 else "¤ #,##0.00"
        return format_currency(value, "NOK", shape, locale=self.locale, currency_digits=False).replace("NOK", "kr")

    def language_name(self, tag: str) -> str:
        """Tigrinya, in the reader's language."""
        return languages.name(tag, self.language)


@lru_cache(4096)
def _decimal(value: float, locale: str) -> str:
    """A board writes the same small numbers over and over."""
    return format_decimal(value, locale=locale)


FILTERS = ("time", "clock", "date", "ago", "minutes", "number", "percent", "money", "language_name")
