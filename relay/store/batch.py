"""Group commit: many callers, one durable transaction. A commit costs the same for one row as for hundreds."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Generic, NamedTuple, TypeAlias, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from relay.model import NotReady
from relay.store.engine import Store

T = TypeVar("T")
R = TypeVar("R")


class Patience(NamedTuple):
    """How long the first of a batch waits for company, and how many are enough: then it begins at once, and others are read meanwhile."""

    seconds: float
    enough: int


AT_ONCE = Patience(0.0, 1)

#: an item and its caller's future
_Waiting: TypeAlias = tuple[T, asyncio.Future[R]]


class Batch(Generic[T, R]):
    """Items of one kind, applied `most` at a time: `apply` gets the transaction and the items, and returns one result for each.

    Several batches share one store by taking turns, a transaction each.
    """

    def __init__(
        self,
        store: Store,
        apply: Callable[[AsyncConnection, Sequence[T]], Awaitable[Sequence[R]]],
        *,
        most: int = 500,
        patience: Callable[[], Patience] = lambda: AT_ONCE,
    ) -> None:
        self._store = store
        self._apply = apply
        self._most = most
        #: where many trickle in, a transaction for each costs more than it gains
        self._patience = patience
        self._enough = 1
        self._came = asyncio.Event()
        self._queue: deque[_Waiting[T, R]] = deque()
        self._worker: asyncio.Task[None] | None = None
        self._closed = False

    async def put(self, item: T) -> R:
        """Return the item's result once it is committed; raise what it alone caused, or NotReady when the database is away.

        A caller who gives up meanwhile takes nothing back: the item is applied all the same.
        """
        if self._closed:
            raise NotReady("Budstikke is shutting down. Try again when it is up.")
        answer: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._queue.append((item, answer))
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work())
        elif len(self._queue) >= self._enough:
            self._came.set()
        return await answer

    async def close(self) -> None:
        """Take nothing more, and return when all that was taken is committed."""
        self._closed = True
        if self._worker is not None:
            await self._worker

    async def _work(self) -> None:
        while self._queue:
            await self._company()
            await self._commit([])

    async def _company(self) -> None:
        """Wait until enough are there, or the time for that is over; at least until all who are about to come have."""
        seconds, enough = self._patience()
        self._enough = min(enough, self._most)
        self._came.clear()
        await asyncio.sleep(0)
        if seconds and len(self._queue) < self._enough:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._came.wait()

    async def _commit(self, batch: Sequence[_Waiting[T, R]]) -> None:
        """Apply `batch`; an empty one stands for whatever waits when our turn has come."""
        try:
            async with self._store.write() as conn:
                batch = batch or self._take()
                results = await self._results(conn, batch)
        except NotReady as error:
            _refuse(batch or self._take(), error)
        except Exception as error:  # noqa: BLE001 - the edge of one item: _part finds whose it is
            await self._part(batch or self._take(), error)
        else:
            _tell(batch, results)

    def _take(self) -> list[_Waiting[T, R]]:
        return [self._queue.popleft() for _ in range(min(self._most, len(self._queue)))]

    async def _results(self, conn: AsyncConnection, batch: Sequence[_Waiting[T, R]]) -> Sequence[R]:
        results = await self._apply(conn, [item for item, _ in batch])
        if len(results) != len(batch):
            raise ValueError(f"{len(results)} results for {len(batch)} items")
        return results

    async def _part(self, batch: Sequence[_Waiting[T, R]], error: Exception) -> None:
        """Halve a failed batch until the item that spoils it is alone: it gets the error, and all others are committed."""
        if len(batch) <= 1:
            _refuse(batch, error)
            return
        middle = len(batch) // 2
        for part in (batch[:middle], batch[middle:]):
            await self._commit(part)


def _tell(batch: Sequence[_Waiting[T, R]], results: Sequence[R]) -> None:
    for (_, answer), result in zip(batch, results, strict=True):
        if not answer.done():
            answer.set_result(result)


def _refuse(batch: Sequence[_Waiting[T, R]], error: Exception) -> None:
    for _, answer in batch:
        if not answer.done():
            answer.set_exception(error)
