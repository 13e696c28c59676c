"""The providers, each asked how it is: all at once, and none for longer than a duty officer waits for a page at night."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable

from channels.base import Channel, Check, Checkable
from channels.told import Told

#: seconds for one account: a provider that hangs is found out, and holds up nothing else that doctor has to say
PATIENCE = 5.0


async def checks(channels: Iterable[Channel]) -> list[Check]:
    """Ask all that can say whether they are well."""
    found = await asyncio.gather(*(_asked(channel, channel.check) for channel in channels if isinstance(channel, Checkable)))
    return [one for some in found for one in some]


async def _asked(channel: Channel, check: Callable[[], Awaitable[list[Check]]]) -> list[Check]:
    try:
        async with asyncio.timeout(PATIENCE):
            return await check()
    except TimeoutError:
        name = Told("Account %(account)s", account=f"{channel.account} ({channel.name})")
        words = Told("It has not answered within %(seconds)s s.", seconds=f"{PATIENCE:.0f}")
        return [Check(name, ok=False, words=words, remedy=Told("Look at the network, and at the provider's own status page."))]
