"""Routine turns: a worker writes down first copies that were taken, the next intents, and what it leases for the turns after; nothing else.

Most turns of an evening are that.

On PostgreSQL several workers' routine turns write at the same time, everything else writes alone. A routine turn changes rows that are
its worker's by lease, and few besides, in this order: a sender's pace, the people it wrote to (their rows are locked before they are read),
what it leases, and the numbers last; the last two under a lock of their own each, which every statement of theirs waits for before it
touches a row. So no two wait for one another crosswise.

SQLite has one writer. There a routine turn goes to it in fewer visits: its intents are asked for before it is known whether all of its
outcomes could be written. All is one transaction: if not, both are undone, and nothing has left.

Whatever else a turn comes upon - a refusal, a second try, something to tell of - is `beyond_routine`: the turn is then undone and done
again as any other.
"""

from typing import Final

from sqlalchemy import ColumnElement, literal_column, true
from sqlalchemy.ext.asyncio import AsyncConnection

from relay.store.together import straight

#: PostgreSQL's advisory locks. Whoever writes holds the first: alone, or shared with others of its kind
WRITER: Final = 0x6275_6477
LEASING: Final = WRITER + 1
COUNTING: Final = WRITER + 2

_MARK = "budstikke.routine"


class NotRoutineError(Exception):
    """What is to be done is no routine, and this transaction was begun as such: undo it, and do it again as any other."""


def mark(conn: AsyncConnection, *, routine: bool) -> None:
    """Say of a transaction that begins whether it is a routine turn's."""
    conn.info[_MARK] = routine


def is_routine(conn: AsyncConnection) -> bool:
    """Whether this transaction is a routine turn's: on PostgreSQL others may write beside it."""
    return bool(conn.info.get(_MARK))


def beyond_routine(conn: AsyncConnection) -> None:
    """Go no further in a routine turn; NotRoutineError."""
    if is_routine(conn):
        raise NotRoutineError


def in_turn(conn: AsyncConnection, lock: int) -> ColumnElement[bool]:
    """Let a statement wait in its WHERE, before it changes anything, as `take_turns` does: it saves a way to the server and back.

    What it reads may be older than the lock: only for what adds to rows, or reads what nobody changes.
    """
    if conn.dialect.name == "sqlite":
        return true()
    return literal_column(f"(SELECT pg_advisory_xact_lock({lock})) IS NOT NULL")


async def take_turns(conn: AsyncConnection, lock: int) -> None:
    """Wait until no other of the transactions beside this one holds `lock`; it is ours to the end. Nothing to do where nobody can be."""
    if is_routine(conn) and conn.dialect.name == "postgresql":
        await straight(conn, f"SELECT pg_advisory_xact_lock({lock})")
