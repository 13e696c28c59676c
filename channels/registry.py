"""Which channels there are: a factory each, which loads the provider's file only where it is on, and a line in FACTORIES.

Everything else that a new provider needs stands in ARCHITECTURE.md, "How would I add".
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from channels.base import Channel
from channels.clock import Clock, SystemClock
from channels.http_settings import HttpSmsSettings
from channels.settings import BadSettings, ChannelSettings, EmailSettings, SmsSettings, TwilioAccount, WhatsAppSettings

if TYPE_CHECKING:  # half a second and 50 MB, only where Twilio is on
    from channels.twilio_client import TwilioClient


class Lines:
    """The lines to provider accounts that channels share: SMS and WhatsApp of one account use the same connections."""

    def __init__(self) -> None:
        self._twilio: dict[TwilioAccount, TwilioClient] = {}

    def twilio(self, account: TwilioAccount, clock: Clock) -> "TwilioClient":
        """Return the line to `account`."""
        from channels.twilio_client import TwilioClient

        same = replace(account, key="")  # whatever callbacks it is known by, it is one account
        if same not in self._twilio:
            self._twilio[same] = TwilioClient(account, clock)
        return self._twilio[same]


Factory = Callable[[ChannelSettings, Clock, Lines], Channel]


def _twilio_sms(settings: ChannelSettings, clock: Clock, lines: Lines) -> Channel:
    from channels.twilio_sms import TwilioSms

    if not isinstance(settings, SmsSettings):
        raise BadSettings("twilio_sms needs SmsSettings.")
    return TwilioSms(settings, lines.twilio(settings.account, clock))


def _twilio_whatsapp(settings: ChannelSettings, clock: Clock, lines: Lines) -> Channel:
    from channels.twilio_whatsapp import TwilioWhatsApp

    if not isinstance(settings, WhatsAppSettings):
        raise BadSettings("twilio_whatsapp needs WhatsAppSettings.")
    return TwilioWhatsApp(settings, lines.twilio(settings.account, clock))


def _http_sms(settings: ChannelSettings, clock: Clock, _lines: Lines) -> Channel:
    from channels.http_sms import http_sms

    if not isinstance(settings, HttpSmsSettings):
        raise BadSettings("http_sms needs HttpSmsSettings.")
    return http_sms(settings, clock)


def _email(settings: ChannelSettings, clock: Clock, _lines: Lines) -> Channel:
    from channels.email import Email

    if not isinstance(settings, EmailSettings):
        raise BadSettings("email needs EmailSettings.")
    return Email(settings, clock)


#: registry name -> what builds it
FACTORIES: Mapping[str, Factory] = {
    "twilio_sms": _twilio_sms,
    "twilio_whatsapp": _twilio_whatsapp,
    "http_sms": _http_sms,
    "email": _email,
}


def build(name: str, settings: ChannelSettings, *, clock: Clock | None = None, lines: Lines | None = None) -> Channel:
    """Return the channel called `name`; channels built with the same `lines` share their connections. Raises BadSettings."""
    if name not in FACTORIES:
        raise BadSettings(f"There is no channel called {name!r}. There are: {', '.join(sorted(FACTORIES))}.")
    return FACTORIES[name](settings, clock or SystemClock(), lines or Lines())
