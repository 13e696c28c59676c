"""Which channel a sender's messages go by, and the addresses under which answers come back."""

from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import quote, urlsplit

from channels.base import Channel, Located, Reason, SendFailed
from channels.settings import on_this_machine
from messages.form import Medium
from relay.model import NotFound
from relay.store import sealing
from relay.store.columns import AnyRow

#: where real mail relays listen
MAIL_PORTS = (25, 465, 587)
#: asks Twilio to repeat a callback on connection failures, time-outs and 5xx
CALLBACK_RETRIES = "#rc=4&rp=5xx,ct,rt"

_quoted = lru_cache(maxsize=64)(quote)


class Desk:
    """The channels of this installation by (registry name, account), and its public address."""

    def __init__(self, channels: Mapping[tuple[str, str], Channel], public_url: str, mail_domain: str) -> None:
        self.channels = dict(channels)
        self._by_account = {account: channel for (_, account), channel in channels.items()}
        self.public_url = public_url.rstrip("/")
        self.mail_domain = mail_domain
        #: whether messages leave at this moment: other work can wait for its turn
        self.sending = False

    def channel(self, sender: AnyRow | None) -> Channel:
        """Return the channel of a sender row; SendFailed when this installation has none."""
        found = self.channels.get((sender.provider, sender.account)) if sender else None
        if found is None:
            raise SendFailed(Reason.BAD_SENDER, code="not-configured")
        return found

    def emulates(self, account: str) -> bool:
        """Whether an account's messages reach nobody: its provider is a sandbox on this machine.

        A mail relay on this machine is a sandbox's only beside another one, and not at a port where real mail relays listen.
        """
        here = {
            channel.account: channel
            for channel in self.channels.values()
            if isinstance(channel, Located) and on_this_machine(channel.place)
        }
        found = here.get(account)
        if found is None or found.form.medium is not Medium.EMAIL:
            return found is not None
        beside = any(channel.form.medium is not Medium.EMAIL for channel in here.values())
        return beside and urlsplit(f"//{found.place}").port not in MAIL_PORTS

    def of_account(self, account: str) -> Channel:
        """Return the channel whose callbacks come to `account`; NotFound when there is none. An account has one channel."""
        if account not in self._by_account:
            # a channel may have come later than the desk
            self._by_account = {name: channel for (_, name), channel in self.channels.items()}
        found = self._by_account.get(account)
        if found is None:
            raise NotFound(f"No channel of this installation is called {account!r}.")
        return found

    def status_url(self, account: str, token: str) -> str:
        """Where statuses of one attempt come."""
        return f"{self.public_url}/hooks/{_quoted(account)}/status/{token}{CALLBACK_RETRIES}"

    def message_page(self) -> str:
        """What a reader's token is put behind; "" while there is no public address."""
        return f"{self.public_url}/m/" if self.public_url else ""

    def leave_url(self, token: str) -> str:
        """Where one press leaves the e-mail list."""
        return f"{self.public_url}/avmeld/{token}"

    def message_id(self, name: str) -> str:
        """The same Message-ID for every attempt of one delivery, so that the receiver knows a second copy."""
        return f"<{sealing.keyring().lookup(name)[:32]}@{self.mail_domain}>"

    async def close(self) -> None:
        """Let go of every connection."""
        for channel in self.channels.values():
            await channel.close()
