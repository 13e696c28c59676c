"""What a worker has leased and not sent yet, in the order in which it leaves."""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping

from relay.dispatch.texts import Ready, Shared
from relay.model import Work


class Hand:
    """Deliveries and their words, the next one first."""

    def __init__(self, ready: Iterable[Ready] = ()) -> None:
        self._ready: deque[Ready] = deque()
        #: whose they are, and perhaps some whose last one has left: so that `following` knows when it has looked far enough
        self._senders: set[int] = set()
        self.add(ready)

    def __len__(self) -> int:
        return len(self._ready)

    def __iter__(self) -> Iterator[Ready]:
        return iter(self._ready)

    def copy(self) -> "Hand":
        """Return what is in hand now, to go back to."""
        copied = Hand()
        copied._ready, copied._senders = self._ready.copy(), self._senders.copy()
        return copied

    def add(self, ready: Iterable[Ready]) -> None:
        """Put these behind what is in hand."""
        more = list(ready)
        self._ready.extend(more)
        self._senders.update([work.sender_id for work, _ in more])

    def drop(self, which: Callable[[Work], bool]) -> list[int]:
        """Take some out; return their deliveries' ids."""
        dropped = [one for one in self._ready if which(one[0])]
        if dropped:
            self._ready = deque(one for one in self._ready if not which(one[0]))
        return [work.delivery_id for work, _ in dropped]

    def take(self, most: int, goes: Callable[[Work, Shared], bool]) -> list[Ready]:
        """Take out the first ones that may go, in order; the others keep their places."""
        taken: list[Ready] = []
        kept: list[Ready] = []
        while self._ready and len(taken) < most:
            one = self._ready.popleft()
            (taken if goes(*one) else kept).append(one)
        self._ready.extendleft(reversed(kept))
        return taken

    def following(self) -> dict[int, int]:
        """Return the units of each sender's next message: asked in each turn, and mostly the first few show it."""
        following: dict[int, int] = {}
        for work, shared in self._ready:
            if work.sender_id not in following:
                following[work.sender_id] = shared.units
                if len(following) == len(self._senders):
                    return following
        self._senders = set(following)
        return following

    def units(self) -> Mapping[int, int]:
        """Return how many units each sender has in hand."""
        units: Counter[int] = Counter()
        for work, shared in self._ready:
            units[work.sender_id] += shared.units
        return units
