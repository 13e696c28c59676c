"""Where mail comes in: LMTP behind the municipality's mail server, or SMTP as the MX of our own subdomain.

Says 250 only when the handler has returned, that is, committed. Until then the sending server keeps the mail and tries again.
"""

import asyncio
import logging
import ssl
from collections.abc import Awaitable, Callable
from typing import Any, Self

from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP, Envelope, Session

from channels.base import Callback, NotGenuine
from channels.clock import Clock
from channels.mail_in import MAIL_FROM, RCPT_TO, URL, tagged
from channels.mime import LARGEST

#: seconds for one command with all its data, for a whole connection, and for what is being handled when we stop
COMMAND_SECONDS = 60.0
CONNECTION_SECONDS = 600.0
GRACE_SECONDS = 5.0
#: connections at once
CONNECTIONS = 100
#: how often a command may come in one connection; a server that has more mail comes back
COMMANDS = {"*": 200, "NOOP": 20, "VRFY": 5, "HELP": 5}

TAKEN = "250 2.0.0 Taken"
TRY_LATER = "451 4.3.0 Not taken now; please try again"
NOT_OURS = "550 5.7.1 Not for us"
NOBODY = "550 5.1.1 Nobody of that name here"
#: one recipient a mail, so that each answer stands for exactly one commit; the sending server comes back for the others
ONE_AT_A_TIME = "452 4.5.3 One recipient at a time"
FULL = b"421 4.3.2 Too many connections\r\n"

Handler = Callable[[Callback], Awaitable[None]]

_log = logging.getLogger("budstikke.listener")
# aiosmtpd logs addresses at INFO, and mails at DEBUG.
logging.getLogger("mail.log").setLevel(logging.WARNING)


class MailListener:
    """Takes mail for svar+…, retur+… and avmeld+… at `domain`, and nothing else. `async with MailListener(…) as listener:`"""

    def __init__(
        self,
        domain: str,
        handler: Handler,
        clock: Clock,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        lmtp: bool = True,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._domain = domain.lower()
        self._handler = handler
        self._clock = clock
        self._host = host
        self._wanted_port = port
        self._kind = _BoundedLMTP if lmtp else _BoundedSMTP
        self._tls = tls
        self._transports: set[asyncio.Transport] = set()
        self._handling: set[asyncio.Future[str]] = set()
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        """The port it listens on; 0 before `start`."""
        return int(self._server.sockets[0].getsockname()[1]) if self._server else self._wanted_port

    async def start(self) -> None:
        """Listen. Port 0: any free one. Raises OSError."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._session, self._host, self._wanted_port)

    async def stop(self) -> None:
        """Take no more, finish what is being handled, and hang up."""
        if self._server is None:
            return
        self._server.close()
        if self._handling:
            await asyncio.wait(self._handling, timeout=GRACE_SECONDS)
            await asyncio.sleep(0)  # for the answers to leave
        for transport in list(self._transports):
            transport.abort()
        await self._server.wait_closed()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def _session(self) -> SMTP:
        return self._kind(
            self._transports,
            self,
            data_size_limit=LARGEST,
            enable_SMTPUTF8=True,
            hostname=self._domain,
            ident="Budstikke",
            timeout=COMMAND_SECONDS,
            tls_context=self._tls,
            command_call_limit=COMMANDS,
            auth_exclude_mechanism=("LOGIN", "PLAIN"),
            loop=asyncio.get_running_loop(),
        )

    # --- what aiosmtpd asks, by the names it looks for --------------------------------------------------------------------

    async def handle_RCPT(self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]) -> str:  # noqa: N802
        """Take one recipient, if it is one of ours."""
        if tagged(address, self._domain) is None:
            return NOBODY
        if envelope.rcpt_tos:
            return ONE_AT_A_TIME
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Hand the mail on, and say so when it is safe; a sender who hangs up meanwhile does not undo it."""
        callback = Callback(
            url=URL,
            fields=((MAIL_FROM, envelope.mail_from or ""), (RCPT_TO, envelope.rcpt_tos[0])),
            body=bytes(envelope.original_content or b""),
            received_at=self._clock.now(),
        )
        handling = asyncio.ensure_future(self._handle(callback))
        self._handling.add(handling)
        handling.add_done_callback(self._handling.discard)
        return await asyncio.shield(handling)

    async def handle_exception(self, error: Exception) -> str:
        """Whatever goes wrong in here passes; no mail is lost for it."""
        _log.warning("a mail connection went wrong: %s", type(error).__name__)
        return TRY_LATER

    async def _handle(self, callback: Callback) -> str:
        try:
            await self._handler(callback)
        except NotGenuine:
            return NOT_OURS
        except Exception as why:  # noqa: BLE001 - the edge of one request: it becomes an answer
            _log.error("a mail could not be taken (%s); its server will try again", type(why).__name__)
            return TRY_LATER
        return TAKEN


class _BoundedSMTP(SMTP):
    """A connection that takes neither all places, nor for ever."""

    #: mail programmes write longer lines than the standard's 998 characters
    line_length_limit = 65_536

    def __init__(self, transports: set[asyncio.Transport], *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._transports = transports
        self._mine: asyncio.Transport | None = None
        self._end: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, if there is room; STARTTLS makes it a second time."""
        if self._mine is None and isinstance(transport, asyncio.Transport):
            if len(self._transports) >= CONNECTIONS:
                transport.write(FULL)
                transport.close()
                return
            self._mine = transport
            self._transports.add(transport)
            self._end = self.loop.call_later(CONNECTION_SECONDS, transport.abort)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        """Make room."""
        if self._mine is None:
            return
        self._transports.discard(self._mine)
        if self._end is not None:
            self._end.cancel()
        super().connection_lost(error)

    def eof_received(self) -> bool | None:
        """Hang up on who was turned away."""
        return super().eof_received() if self._mine is not None else None


class _BoundedLMTP(_BoundedSMTP, LMTP):
    """The same for LMTP."""
