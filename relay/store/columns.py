"""Column types: aware UTC times, JSON, ids, and text that is sealed at rest."""

from collections.abc import Callable
from datetime import UTC, datetime
from enum import Enum
from typing import Any, TypeAlias, TypeVar

from sqlalchemy import JSON, BigInteger, ColumnElement, DateTime, Dialect, FromClause, Integer, LargeBinary, Row, TypeDecorator, type_coerce
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import InstrumentedAttribute

from relay.model import Unreadable
from relay.store import sealing

E = TypeVar("E", bound=Enum)

#: a row of whatever columns were asked for
AnyRow: TypeAlias = Row[*tuple[Any, ...]]

#: 64-bit ids; SQLite counts up by itself only in INTEGER
Id = BigInteger().with_variant(Integer, "sqlite")
Json = JSON().with_variant(JSONB(), "postgresql")


def reader(kind: type[E]) -> Callable[[Any], E]:
    """Return what makes a member of its value: the hot rows' way, since an enum's own costs as much as the rest of a row."""
    return {one.value: one for one in kind}.__getitem__


class Moment(TypeDecorator[datetime]):
    """An aware time, kept in UTC. SQLite forgets zones: DateTime(timezone=True) comes back naive there."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive times: nobody knows which moment they mean."""
        if value is None:
            return None
        if value.tzinfo is None:
            msg = f"naive time {value!r}"
            raise ValueError(msg)
        return value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Give back aware UTC on every database."""
        if value is None:
            return None
        moment: datetime = value
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


class Sealed(TypeDecorator[str]):
    """Text encrypted at rest with the process's keyring, bound to its column by name (`table.column`)."""

    impl = LargeBinary
    cache_ok = True

    def __init__(self, place: str) -> None:
        super().__init__()
        self.place = place

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:
        """Seal."""
        return None if value is None else sealing.keyring().seal(value, self.place)

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:
        """Open."""
        return None if value is None else sealing.keyring().open(bytes(value), self.place)


class _IfReadable(Sealed):
    """The same, where one row must not stop the others."""

    cache_ok = True

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:
        """Open; "" where no key of ours does."""
        try:
            return super().process_result_value(value, dialect)
        except Unreadable:
            return UNREADABLE


#: what a value that no key opens is read as by `if_readable`: nothing that anybody would have written
UNREADABLE = ""


def if_readable(column: ColumnElement[Any] | InstrumentedAttribute[Any]) -> ColumnElement[str | None]:
    """Read a sealed column of many people's rows: one that no key opens comes as UNREADABLE, and the others can be read all the same."""
    if not isinstance(column.type, Sealed):
        raise TypeError(f"{column} is not sealed")
    return type_coerce(column, _IfReadable(column.type.place))


def in_clear(table: FromClause) -> list[ColumnElement[Any]]:
    """Return the columns that need no key: for whoever wants a row, and none of its secrets."""
    return [column for column in table.c if not isinstance(column.type, Sealed)]
