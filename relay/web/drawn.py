"""What many look at is drawn once: the newest picture of each kind of page, kept as long as what it shows is the same."""

from collections.abc import Awaitable, Callable, Hashable

#: kinds of pictures that are kept; an alert has a few of them, by language, direction and what its reader may do
MOST = 64


class Drawn:
    """The newest pictures of one process."""

    def __init__(self) -> None:
        self._kept: dict[Hashable, tuple[object, str]] = {}

    async def of(self, key: Hashable, shown: object, draw: Callable[[], Awaitable[str]]) -> str:
        """Return the picture of `shown`, drawn anew unless the newest of its `key` shows the same. It may depend on nothing else."""
        kept = self._kept.get(key)
        if kept is not None and kept[0] == shown:
            return kept[1]
        picture = await draw()
        if key not in self._kept and len(self._kept) >= MOST:
            self._kept.clear()
        self._kept[key] = (shown, picture)
        return picture
