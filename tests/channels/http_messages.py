"""One message and an answer to it, for the tests of sending by HTTP."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from channels.base import Outbound, SendFailed, Sent
from channels.clock import ManualClock
from channels.http_settings import HttpSmsSettings
from channels.http_sms import http_sms

CLOCK = ManualClock(datetime(2026, 11, 23, 17, tzinfo=UTC))
TOKEN = "0123456789abcdef0123456789abcdef"
OUT = Outbound(
    token=TOKEN,
    to="+4790000001",
    sender="+4759440000",
    text="Kok vatnet & «æøå» {token} = 100 % 💧\nاغلوا",
    status_url=f"https://varsel.example/hooks/nordisk/status/{TOKEN}#rc=4&rp=5xx,ct,rt",
    valid_for=3600,
    deadline=1.0,
)
SID = "SM" + "1" * 32
TAKEN: dict[str, Any] = {"messageId": SID, "recipient": "4790000001", "clientReference": TOKEN, "statusCode": 1, "parts": 2}


def taken(**changes: object) -> bytes:
    return json.dumps({"messages": [{**TAKEN, **changes}]}).encode()


async def sent_by(settings: HttpSmsSettings, out: Outbound = OUT) -> Sent:
    channel = http_sms(settings, CLOCK)
    try:
        return await channel.send(out)
    finally:
        await channel.close()


async def outcome(settings: HttpSmsSettings, out: Outbound = OUT) -> SendFailed:
    with pytest.raises(SendFailed) as failure:
        await sent_by(settings, out)
    return failure.value
