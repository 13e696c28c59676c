"""E-mail: out through a relay, one recipient a transaction; in by our own listener (channels.listener)."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Iterator
from functools import cached_property

import aiosmtplib

from channels.base import Callback, Check, Inbound, Outbound, Reason, SendFailed, Sent, Status
from channels.clock import Clock
from channels.mail_in import read
from channels.mail_out import Letter, compose
from channels.settings import EmailSettings, Security
from channels.smtp_codes import Stage
from channels.told import Told
from messages.form import Alphabet, Feature, Form, Medium

#: a letter is as long as it needs to be; 100,000 characters are a short book
FORM = Form(Medium.EMAIL, 100_000, Alphabet.UNICODE, frozenset({Feature.REPLY, Feature.RICH}))

#: seconds for a look at the relay
CHECK_DEADLINE = 10.0


class Email:
    """E-mail: send, parse, check. An unknown one cannot be looked up; sent again it has the same Message-ID."""

    name = "email"
    form = FORM

    def __init__(self, settings: EmailSettings, clock: Clock) -> None:
        self.account = settings.key
        self.place = f"{settings.host}:{settings.port}"
        self.pace = settings.pace
        self._domain = settings.domain
        self._clock = clock
        self._relay = Relay(settings)

    async def send(self, out: Outbound) -> Sent:
        """Hand one mail to the relay within `out.deadline` seconds; its id is the attempt's token. Raises SendFailed."""
        letter = compose(out, self._domain, self._clock.now())
        errand = Errand(letter)
        try:
            async with asyncio.timeout(out.deadline), self._relay.connection() as smtp:
                await errand.run(smtp)
        except aiosmtplib.SMTPAuthenticationError as why:
            raise _not_let_in(why.code) from None
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as why:
            reason = Reason.UNCERTAIN if errand.may_have_arrived else Reason.NOT_CONNECTED
            raise SendFailed(reason, detail=type(why).__name__) from None
        return Sent(provider_id=out.token)

    def parse(self, callback: Callback) -> list[Inbound | Status]:
        """Read a mail that came to one of our own addresses: an answer, a bounce, a complaint. Raises NotGenuine."""
        return read(callback, self._domain)

    async def check(self) -> list[Check]:
        """Look whether the relay lets us in. Sends nothing."""
        name = Told("Mail relay %(account)s", account=self.account)
        try:
            async with asyncio.timeout(CHECK_DEADLINE), self._relay.connection() as smtp:
                await smtp.noop()
        except aiosmtplib.SMTPAuthenticationError:
            remedy = Told("Check user name and password of the mail relay.")
            return [Check(name, ok=False, words=Told(Reason.NOT_AUTHORISED.words), remedy=remedy)]
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as why:
            words = Told("The relay does not answer as it should (%(error)s).", error=type(why).__name__)
            return [Check(name, ok=False, words=words, remedy=Told("Check its host, port and certificate."))]
        return [Check(name, ok=True, words=Told("The relay answers."))]

    async def close(self) -> None:
        """Take leave of the relay."""
        await self._relay.close()


class Errand:
    """One letter's way over one connection."""

    def __init__(self, letter: Letter) -> None:
        self._letter = letter
        #: the relay has been told DATA, and has not refused since
        self.may_have_arrived = False

    async def run(self, smtp: aiosmtplib.SMTP) -> None:
        """Hand the letter over. Raises SendFailed when the relay refuses it, and whatever the connection raises."""
        letter, encoding = self._letter, "utf-8" if self._letter.needs_utf8 else "ascii"
        if letter.needs_utf8 and not smtp.supports_extension("smtputf8"):
            raise SendFailed(Reason.REFUSED, detail="the relay knows no addresses outside ASCII")
        options = ["SMTPUTF8", "BODY=8BITMIME"] if letter.needs_utf8 else []
        with _refused(Stage.MAIL):
            await smtp.mail(letter.mail_from, options=options)
        with _refused(Stage.RCPT):
            await smtp.rcpt(letter.to, encoding=encoding)
        with _refused(Stage.DATA):
            self.may_have_arrived = True
            await smtp.data(letter.data)


@contextlib.contextmanager
def _refused(stage: Stage) -> Iterator[None]:
    """Turn the relay's no into SendFailed; a malformed answer is no no."""
    try:
        yield
    except aiosmtplib.SMTPResponseException as why:
        if not 400 <= why.code < 600:
            raise
        code = stage.code(why.code, why.message)
        raise SendFailed(stage.reason(code), code=f"{why.code} {code}") from None


def _not_let_in(code: int) -> SendFailed:
    return SendFailed(Reason.NOT_AUTHORISED if code >= 500 else Reason.NOT_CONNECTED, code=str(code))


class Relay:
    """The connections to the mail relay: few, and used again."""

    def __init__(self, settings: EmailSettings) -> None:
        self._settings = settings
        self._places = asyncio.Semaphore(settings.connections)
        self._idle: list[aiosmtplib.SMTP] = []

    @contextlib.asynccontextmanager
    async def connection(self) -> AsyncIterator[aiosmtplib.SMTP]:
        """Lend a connection that is known to work. It is kept if all went well, or the relay merely said no."""
        async with self._places:
            smtp = await self._idle_one() or await self._new_one()
            try:
                yield smtp
            except SendFailed:
                self._idle.append(smtp)
                raise
            except BaseException:
                smtp.close()
                raise
            self._idle.append(smtp)

    async def close(self) -> None:
        """Take leave."""
        while self._idle:
            with contextlib.suppress(aiosmtplib.SMTPException, OSError):
                await self._idle.pop().quit(timeout=1)

    async def _idle_one(self) -> aiosmtplib.SMTP | None:
        """Return a connection that answers RSET, which also clears what a refusal left behind."""
        while self._idle:
            smtp = self._idle.pop()
            try:
                await smtp.rset()
            except (aiosmtplib.SMTPException, OSError):
                smtp.close()
            except BaseException:
                smtp.close()
                raise
            else:
                return smtp
        return None

    async def _new_one(self) -> aiosmtplib.SMTP:
        its = self._settings
        smtp = aiosmtplib.SMTP(
            hostname=its.host,
            port=its.port,
            username=its.username or None,
            password=its.password or None,
            local_hostname=its.hostname or its.domain,
            timeout=None,  # the deadline of the call counts
            use_tls=its.security is Security.TLS,
            start_tls=its.security is Security.STARTTLS,
            tls_context=self._tls if its.security is not Security.NONE else None,
        )
        try:
            await smtp.connect()
            await smtp.ehlo()
        except BaseException:
            smtp.close()
            raise
        return smtp

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self._settings.ca_file or None)
