"""The call list by post: who gets it at each change of the register, sealed with their own passphrase, and what of it is on its way.

Of the passphrase only the key that is made of it is kept, sealed like everything: the house can seal a newer list for its owner, and nobody
learns the passphrase from it. Whoever could open the key has the register itself.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, exists, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from relay.model import AlertState, BadInput, DeliveryState, Hold, Role, SparedBy
from relay.store import letters, tasks, users
from relay.store.columns import AnyRow
from relay.store.register import Stamp
from relay.store.sql import upsert
from relay.store.tables import User, alert, call_list_copy, call_list_post, delivery, delivery_file, user_role

#: how seldom one gets it while nothing is out, and while an alert is approved or out
QUIET, PRESSED = timedelta(hours=1), timedelta(minutes=5)
#: when what did not arrive is sent again, if it is still the newest
AGAIN = timedelta(hours=6)
#: a list that has not left by then is replaced by a newer one
LIFE = timedelta(hours=12)
CAUSE = "call_list:"
#: what did not arrive; SPARED: trial mode ended, or its reader was not on duty any more
_GIVEN_UP = (DeliveryState.FAILED, DeliveryState.EXPIRED, DeliveryState.SPARED)

NO_MAILBOX = "Your account has no mailbox. Enter it under My account, then try again."
NO_SENDER = "There is no e-mail sender that could send it. Download the file instead."


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """What a passphrase became; all but `key` stands in the file too."""

    rounds: int
    salt: bytes
    key: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscriber:
    """A user who gets the list."""

    user_id: int
    name: str
    email: str
    #: nb | nn | en
    language: str
    key: Key
    #: what stood in the newest one that was sent to them, and when
    mark: str
    posted_at: datetime | None
    #: the newest one could not be sent
    lost: bool

    def may_get(self, now: datetime, every: timedelta) -> bool:
        """Whether it is time for another one, if there is news."""
        return self.posted_at is None or now - self.posted_at >= every

    def lacks(self, mark: str, now: datetime) -> bool:
        """Whether what they have is not the list with this mark. To a mailbox that takes nothing it is sent again, but seldom."""
        return self.mark != mark or (self.lost and (self.posted_at is None or now - self.posted_at >= AGAIN))


# --- who gets it --------------------------------------------------------------------------------------------------------


async def subscribe(conn: AsyncConnection, municipality_id: int, user_id: int, key: Key, stamp: Stamp) -> None:
    """Let a user get the list from now on; a new passphrase replaces the one before. BadInput where nothing could reach them."""
    if not (await users.find(conn, municipality_id, user_id)).email:
        raise BadInput(NO_MAILBOX)
    if await letters.sender(conn, municipality_id) is None:
        raise BadInput(NO_SENDER)
    row = {"user_id": user_id, "municipality_id": municipality_id, "rounds": key.rounds, "salt": key.salt.hex(), "key": key.key.hex()}
    row |= {"mark": "", "posted_at": None, "since": stamp.at, "delivery_id": None}
    keep = [name for name in row if name not in ("user_id", "municipality_id")]
    await conn.execute(upsert(call_list_post, ["user_id"], replace=keep).values(row))
    await tasks.acted(conn, stamp.by, "call_list.subscribe", stamp.at, municipality_id=municipality_id, subject=f"user:{user_id}")


async def unsubscribe(conn: AsyncConnection, municipality_id: int, user_id: int, stamp: Stamp) -> None:
    """Send a user no more of it; the key goes."""
    mine = (call_list_post.c.municipality_id == municipality_id, call_list_post.c.user_id == user_id)
    if (await conn.execute(delete(call_list_post).where(*mine))).rowcount:
        await tasks.acted(conn, stamp.by, "call_list.unsubscribe", stamp.at, municipality_id=municipality_id, subject=f"user:{user_id}")


async def towns(conn: AsyncConnection) -> list[int]:
    """Return the municipalities in which somebody gets it."""
    return list((await conn.execute(select(call_list_post.c.municipality_id).distinct())).scalars())


async def subscribers(conn: AsyncConnection, municipality_id: int, roles: Collection[Role]) -> list[Subscriber]:
    """Return who gets it and has one of these roles: whoever was shut out, has another role by now, or no mailbox any more does not."""
    on_duty = exists().where(user_role.c.user_id == User.id, user_role.c.municipality_id == municipality_id, user_role.c.role.in_(roles))
    wanted = (
        select(call_list_post, User.name, User.email, User.language, delivery.c.state)
        .join(User, User.id == call_list_post.c.user_id)
        .join(delivery, delivery.c.id == call_list_post.c.delivery_id, isouter=True)
        .where(call_list_post.c.municipality_id == municipality_id, User.active, User.email.is_not(None), on_duty)
    )
    return [_subscriber(row) for row in (await conn.execute(wanted)).all()]


def _subscriber(row: AnyRow) -> Subscriber:
    return Subscriber(
        user_id=row.user_id,
        name=row.name,
        email=row.email,
        language=row.language or "nb",
        key=Key(rounds=row.rounds, salt=bytes.fromhex(row.salt), key=bytes.fromhex(row.key)),
        mark=row.mark,
        posted_at=row.posted_at,
        lost=row.state in _GIVEN_UP,
    )


async def every(conn: AsyncConnection, municipality_id: int) -> timedelta:
    """Return how seldom one gets it just now."""
    leaves = (alert.c.municipality_id == municipality_id, alert.c.state.in_((AlertState.APPROVED, AlertState.RELEASED)))
    pressed = (await conn.execute(select(alert.c.id).where(*leaves).limit(1))).scalar() is not None
    return PRESSED if pressed else QUIET


# --- the post -----------------------------------------------------------------------------------------------------------


async def post(
    conn: AsyncConnection, municipality_id: int, to: Subscriber, mark: str, text: str, file: letters.File, now: datetime
) -> bool:
    """Plan the letter with its file; False where another process was faster, or no sender could carry it."""
    mine = (call_list_post.c.user_id == to.user_id, call_list_post.c.municipality_id == municipality_id)
    unchanged = call_list_post.c.posted_at.is_(None) if to.posted_at is None else call_list_post.c.posted_at == to.posted_at
    taken = update(call_list_post).where(*mine, unchanged).values(posted_at=now, mark=mark)
    if await letters.sender(conn, municipality_id) is None or not (await conn.execute(taken)).rowcount:
        return False
    cause = f"{CAUSE}{to.user_id}:{int(now.timestamp() * 1000)}"
    letter = letters.Letter(to=to.email, language=to.language, text=text, cause=cause, life=LIFE, file=file)
    delivery_id = await letters.post(conn, municipality_id, letter, now)
    await conn.execute(update(call_list_post).where(*mine).values(delivery_id=delivery_id))
    await tasks.acted(conn, to.name, "call_list.posted", now, municipality_id=municipality_id, subject=f"user:{to.user_id}")
    return True


async def tidy(conn: AsyncConnection, roles: Collection[Role], now: datetime) -> None:
    """Note as copies what the mail relay has taken; stop what is nobody's newest list any more; forget keys and files that nobody needs."""
    done = (
        select(call_list_post.c.municipality_id, call_list_post.c.user_id, call_list_post.c.mark, call_list_post.c.posted_at)
        .join(delivery, delivery.c.id == call_list_post.c.delivery_id)
        .where(
            delivery.c.state == DeliveryState.DONE,
            ~exists().where(call_list_copy.c.user_id == call_list_post.c.user_id, call_list_copy.c.made_at == call_list_post.c.posted_at),
        )
    )
    await conn.execute(insert(call_list_copy).from_select(["municipality_id", "user_id", "mark", "made_at"], done))
    await conn.execute(delete(call_list_post).where(call_list_post.c.user_id.in_(select(User.id).where(~User.active))))
    newest = (
        select(call_list_post.c.delivery_id)
        .join(
            user_role, (user_role.c.user_id == call_list_post.c.user_id) & (user_role.c.municipality_id == call_list_post.c.municipality_id)
        )
        .where(call_list_post.c.delivery_id.is_not(None), user_role.c.role.in_(roles))
    )
    stale = (delivery.c.state == DeliveryState.WAITING, delivery.c.cause.startswith(CAUSE), delivery.c.id.not_in(newest))
    spared = {"state": DeliveryState.SPARED, "spared_by": SparedBy.CANCELLED, "ended_at": now, "lease_until": None}
    await conn.execute(update(delivery).where(*stale).values(spared))
    ended = select(delivery.c.id).where(delivery.c.ended_at.is_not(None))
    await conn.execute(delete(delivery_file).where(delivery_file.c.delivery_id.in_(ended)))


async def of_user(conn: AsyncConnection, municipality_id: int, user_id: int) -> letters.Posted | None:
    """Return what became of the newest letter to a user; None for who gets none. Nothing sent yet: a state of its own, WAITING."""
    columns = (call_list_post.c.since, delivery.c.planned_at, delivery.c.state, delivery.c.evidence, delivery.c.reason, delivery.c.hold)
    mine = (call_list_post.c.municipality_id == municipality_id, call_list_post.c.user_id == user_id)
    found = select(*columns).join(delivery, delivery.c.id == call_list_post.c.delivery_id, isouter=True).where(*mine)
    row = (await conn.execute(found)).one_or_none()
    if row is None:
        return None
    if row.state is None:
        return letters.Posted(at=row.since, state=DeliveryState.WAITING, evidence=-1, reason="", hold=Hold.NOTHING)
    return letters.Posted(at=row.planned_at, state=row.state, evidence=row.evidence, reason=row.reason, hold=row.hold)
