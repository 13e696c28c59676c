"""The anchor: a file outside the database that remembers how far each chain of acts has come. A chain that ends before it was cut off.

It is moved on within a second of every act by whoever serves, and at the end of every command. Each line is sealed under the audit key:
a file that somebody else has written anchors nothing, and says so.
"""

import hmac
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from sqlalchemy import func, select

from relay.store import audit, sealing
from relay.store.audit import Head, Verdict
from relay.store.engine import Store
from relay.store.tables import act_log


@dataclass(frozen=True, slots=True)
class Read:
    """What a file of anchors says, and which of its lines are not ours."""

    heads: Mapping[int, Head] = field(default_factory=dict)
    foreign: tuple[str, ...] = ()


def read(text: str) -> Read:
    """Read anchors: one JSON value a line."""
    heads: dict[int, Head] = {}
    foreign = []
    for line in filter(None, map(str.strip, text.splitlines())):
        found = _line(line)
        if found is None:
            foreign.append(line[:80])
        elif found[0] not in heads or found[1].number > heads[found[0]].number:
            heads[found[0]] = found[1]
    return Read(heads, tuple(foreign))


def _line(line: str) -> tuple[int, Head] | None:
    try:
        told = json.loads(line)
        chain, head, seal = int(told["chain"]), Head(int(told["number"]), str(told["mac"])), str(told["seal"])
    except (ValueError, KeyError, TypeError):
        return None
    seals = [_seal(key, chain, head) for key in sealing.keyring().audit_keys.values()]
    return (chain, head) if any(hmac.compare_digest(ours.encode(), seal.encode()) for ours in seals) else None


def written(heads: Mapping[int, Head]) -> str:
    """Return anchors as text, sealed under the newest key."""
    key = next(iter(sealing.keyring().audit_keys.values()))
    lines = (
        {"chain": chain, "number": head.number, "mac": head.mac, "seal": _seal(key, chain, head)} for chain, head in sorted(heads.items())
    )
    return "".join(json.dumps(line) + "\n" for line in lines)


def _seal(key: bytes, chain: int, head: Head) -> str:
    return hmac.new(key, f"anchor {chain} {head.number} {head.mac}".encode(), sha256).hexdigest()


def place(told: str, store: Store) -> Path | None:
    """Return where the anchor is kept: as told, else beside a SQLite database; None for a PostgreSQL of which nothing is told."""
    if told:
        return Path(told)
    file = store.url.database
    return Path(f"{file}.anchor") if store.dialect == "sqlite" and file and file != ":memory:" else None


class Anchor:
    """The anchor of one installation, as one process moves it on."""

    def __init__(self, store: Store, file: Path) -> None:
        self._store, self.file = store, file
        self._seen = 0

    def read(self) -> Read:
        """Return what the file says; nothing where there is none yet."""
        try:
            return read(self.file.read_text())
        except FileNotFoundError:
            return Read()

    async def advance(self) -> list[Verdict]:
        """Check what came since, and move on over what is sound; return what is not. Where it is not, the anchor stays."""
        async with self._store.read() as conn:
            newest = (await conn.execute(select(func.max(act_log.c.id)))).scalar() or 0
            if newest == self._seen:
                return []
            before = self.read().heads
            found = await audit.verify(conn, before, since=True)
        after = {one.chain: one.head for one in found if one.bad is None and one.head.number}
        if dict(before) | after != dict(before):
            self._write({**before, **after})
        self._seen = newest
        return [one for one in found if one.bad is not None]

    def _write(self, heads: Mapping[int, Head]) -> None:
        """Replace the file whole; the rename is on disk before we go on."""
        new = self.file.with_name(f"{self.file.name}.{os.getpid()}.new")
        with new.open("w", encoding="ascii") as out:
            new.chmod(0o600)
            out.write(written(heads))
            out.flush()
            os.fsync(out.fileno())
        new.replace(self.file)
        with suppress(OSError):
            folder = os.open(self.file.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
