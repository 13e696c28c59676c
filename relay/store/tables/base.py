"""What every table shares: the metadata, the audit columns and the ways of writing a column."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Integer,
    MetaData,
    String,
    false,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from relay.store.columns import Id, Json, Moment

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """The register's base; the facts share its metadata."""

    metadata = MetaData(naming_convention=NAMES)
    type_annotation_map = {datetime: Moment(), int: Id, dict[str, Any]: Json, list[str]: Json}


class Audited:
    """Who made a row, who touched it last, and when."""

    created_at: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(String(120))
    updated_at: Mapped[datetime]
    updated_by: Mapped[str] = mapped_column(String(120))


def tenant() -> Mapped[int]:
    """The municipality that an ORM row belongs to."""
    return mapped_column(ForeignKey("municipality.id"), index=True)


def key() -> Column[int]:
    """The row's own number."""
    return Column("id", Id, primary_key=True)


def belongs() -> Column[int]:
    """The municipality that a fact belongs to."""
    return Column("municipality_id", Id, ForeignKey("municipality.id"), nullable=False)


def points(name: str, to: str, *, null: bool = False) -> Column[int]:
    """A reference to another table's row, `to` as table.column."""
    return Column(name, Id, ForeignKey(to), nullable=null)


def word(name: str, size: int = 20, default: str | None = "") -> Column[str]:
    """A short word; a state or a code."""
    return Column(name, String(size), nullable=False, server_default=default)


def count(name: str) -> Column[int]:
    """How many; starts at nought."""
    return Column(name, Integer, nullable=False, server_default=text("0"))


def flag(name: str) -> Column[bool]:
    """Yes or no; starts as no."""
    return Column(name, Boolean, nullable=False, server_default=false())


def at(name: str, *, null: bool = True) -> Column[datetime]:
    """A moment in UTC."""
    return Column(name, Moment, nullable=null)
