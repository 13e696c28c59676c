"""Turns beside one another (PostgreSQL): several workers' routine turns write at the same time, everything else writes alone.

A routine turn changes rows that are its worker's by lease, and few besides, in this order: a sender's pace, the people it wrote to (their
rows are locked before they are read), what it leases, and the numbers last; the last two under a lock of their own each. So no two wait for
one another crosswise. Whatever else a turn comes upon - a refusal, a second try, something to tell of - asks `must_be_alone` first;
the turn is then undone and done again alone.
"""

from typing import Final

from sqlalchemy import ColumnElement, literal_column, true
from sqlalchemy.ext.asyncio import AsyncConnection

from relay.store.together import straight

#: PostgreSQL's advisory locks. Whoever writes holds the first: alone, or shared with others of its kind
WRITER: Final = 0x6275_6477
LEASING: Final = WRITER + 1
COUNTING: Final = WRITER + 2

_MARK = "budstikke.beside"


class NotAloneError(Exception):
    """What is to be done must be done alone, and others write beside this transaction: undo it, and do it again alone."""


def mark(conn: AsyncConnection, *, beside: bool) -> None:
    """Say of a transaction that has begun whether others may write beside it."""
    conn.info[_MARK] = beside


def is_beside(conn: AsyncConnection) -> bool:
    """Whether others may write beside this transaction."""
    return bool(conn.info.get(_MARK))


def must_be_alone(conn: AsyncConnection) -> None:
    """Go no further beside others; NotAloneError."""
    if is_beside(conn):
        raise NotAloneError


def in_turn(conn: AsyncConnection, lock: int) -> ColumnElement[bool]:
    """Let a statement wait in its WHERE, before it changes anything, as `take_turns` does: it saves a way to the server and back.

    What it reads may be older than the lock: only for what adds to rows, or reads what nobody changes.
    """
    if conn.dialect.name == "sqlite":
        return true()
    return literal_column(f"(SELECT pg_advisory_xact_lock({lock})) IS NOT NULL")


async def take_turns(conn: AsyncConnection, lock: int) -> None:
    """Wait until no other of the transactions beside this one holds `lock`; it is ours to the end. Nothing to do when alone."""
    if is_beside(conn):
        await straight(conn, f"SELECT pg_advisory_xact_lock({lock})")
