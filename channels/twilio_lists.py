"""What Twilio has in its books: lists of messages, for finding an unknown one and for what came in while we were away."""

from collections.abc import AsyncIterator, Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from channels.base import Check, Media, Reason, SendFailed
from channels.http_times import on_our_clock
from channels.told import Told
from channels.twilio_client import TwilioClient
from channels.twilio_messages import SID, sender_field

#: messages on a page: as many as surely fit into the largest answer we read
PAGE = 50
#: pages after which a list counts as unreadable; a list read in part proves nothing
MOST_PAGES = 200
#: seconds that a date of Twilio's may lie before the moment it speaks of (whole seconds, and a comparison of clocks)
SLACK = timedelta(seconds=5)


async def pages(client: TwilioClient, **filters: str) -> AsyncIterator[list[Mapping[str, Any]]]:
    """Yield the account's messages, page by page, the youngest sending date first. Raises SendFailed."""
    answer = await client.read(f"{client.api}/Messages.json", {**filters, "PageSize": str(PAGE)})
    for _ in range(MOST_PAGES):
        yield [
            message for message in answer.body.get("messages") or [] if isinstance(message, dict) and SID.fullmatch(str(message.get("sid")))
        ]
        following = answer.body.get("next_page_uri")
        if not following:
            return
        answer = await client.read(_page_url(client, str(following)))
    raise SendFailed(Reason.NOT_CONNECTED, detail="the list has no end")


def _is_message(value: object) -> bool:
    return isinstance(value, dict) and SID.fullmatch(str(value.get("sid"))) is not None


def _page_url(client: TwilioClient, uri: str) -> str:
    """Return the address of a further page; our credentials go nowhere else. Raises SendFailed."""
    path = urlsplit(client.api).path
    if not uri.startswith(f"{path}/Messages.json?"):
        raise SendFailed(Reason.NOT_CONNECTED, detail="the next page lies elsewhere")
    return client.api.removesuffix(path) + uri


def our_time(client: TwilioClient, date: object) -> datetime:
    """Return a date of Twilio's on our clock. By Twilio's documentation it is in GMT, also where it names no zone."""
    return on_our_clock(str(date), client.skew, client.clock.now())


async def messages_to(client: TwilioClient, to: str, sender: str, since: datetime) -> list[Mapping[str, Any]]:
    """Return every message from `sender` to `to` created since `since`; a sending date may still be missing. Raises SendFailed."""
    field, value = sender_field(sender)
    filters = {"To": to, **({"From": value} if field == "From" else {})}
    found = [message async for page in pages(client, **filters) for message in page]
    return [
        message
        for message in found
        if message.get("direction") != "inbound" and our_time(client, message.get("date_created")) >= since - SLACK
    ]


async def messages_from_people(client: TwilioClient, to: str, since: datetime) -> AsyncIterator[Mapping[str, Any]]:
    """Yield what came in to our sender `to` since `since`. Raises SendFailed."""
    async for page in pages(client, To=to):
        dates = [our_time(client, message.get("date_sent")) for message in page]
        for message, date in zip(page, dates, strict=True):
            if message.get("direction") == "inbound" and date >= since - SLACK:
                yield message
        if dates and max(dates) < since - SLACK:
            return


async def media_of(client: TwilioClient, message: Mapping[str, Any]) -> tuple[Media, ...]:
    """Return the media of a message from a list, which tells only how many there are. Raises SendFailed."""
    if message.get("num_media") in {None, "", "0"}:
        return ()
    answer = await client.read(f"{client.api}/Messages/{message['sid']}/Media.json")
    url = client.carried_to(f"{client.api}/Messages/{message['sid']}/Media")
    return tuple(
        Media(url=f"{url}/{each.get('sid')}", content_type=str(each.get("content_type") or ""))
        for each in answer.body.get("media_list") or []
        if isinstance(each, dict)
    )


async def fetch(client: TwilioClient, sid: str) -> Mapping[str, Any]:
    """Return one message. Raises SendFailed."""
    if not SID.fullmatch(sid):
        raise SendFailed(Reason.OUR_BUG, detail="not a message id of Twilio's")
    return (await client.read(f"{client.api}/Messages/{sid}.json")).body


# --- doctor -------------------------------------------------------------------------------------------------------------

#: seconds that our clock and Twilio's may differ before somebody should know
_CLOCKS_DIFFER = 10.0
#: Twilio's own log: our webhook could not be reached, refused, was not understood, or did not believe the signature
_WEBHOOK_CODES = frozenset({"11200", "11205", "12300", "57012"})


#: seconds for one message to be forgotten
FORGET_DEADLINE = 10.0
#: done, deleted, and gone already
_FORGOTTEN = (200, 204, 404)
_NOT_FORGOTTEN = {401: Reason.NOT_AUTHORISED, 403: Reason.NOT_AUTHORISED, 429: Reason.THROTTLED}


async def redact(client: TwilioClient, provider_id: str, *, whole: bool) -> None:
    """Let Twilio forget a message: its text, or (`whole`) all of it. Raises SendFailed; one that has not come to its end waits."""
    url = f"{client.api}/Messages/{provider_id}.json"
    answer = await (client.delete(url) if whole else client.post(url, {"Body": ""}, deadline=FORGET_DEADLINE))
    if answer.status not in _FORGOTTEN:
        raise SendFailed(_NOT_FORGOTTEN.get(answer.status, Reason.NOT_CONNECTED), code=str(answer.code or answer.status))


LOOK = Told("Look at the network and at status.twilio.com.")
COMPARE = Told("Compare account SID and token with Twilio's console.")
NTP = Told("Let this machine keep its time by NTP.")


async def check_account(client: TwilioClient) -> list[Check]:
    """Look whether the account can be read, and whether its clock is ours. Sends nothing."""
    name = Told("Twilio account %(account)s", account=client.account.key)
    try:
        await client.read(f"{client.api}/Messages.json", {"PageSize": "1"})
    except SendFailed as why:
        let_in = why.reason is not Reason.NOT_AUTHORISED
        remedy = LOOK if let_in else COMPARE
        return [Check(name, ok=False, words=Told(why.reason.words), remedy=remedy)]
    seconds = client.skew.total_seconds()
    well = abs(seconds) <= _CLOCKS_DIFFER
    clock = Told("Clock against Twilio %(account)s", account=client.account.key)
    return [
        Check(name, ok=True, words=Told("The account answers.")),
        Check(clock, ok=well, words=Told("They differ by %(n)s s.", n=f"{abs(seconds):.0f}"), remedy=NTP),
    ]


async def check_webhooks(client: TwilioClient) -> list[Check]:
    """Look into Twilio's log for callbacks of the last hour that went wrong; nothing, where that log cannot be read."""
    try:
        answer = await client.read("https://monitor.twilio.com/v1/Alerts", {"LogLevel": "error", "PageSize": str(PAGE)})
    except SendFailed:
        return []
    alerts = [alert for alert in answer.body.get("alerts") or [] if isinstance(alert, dict)]
    hour_ago = (client.clock.now() + client.skew - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    young = {str(alert.get("error_code")) for alert in alerts if str(alert.get("date_generated")) >= hour_ago}
    codes = ", ".join(sorted(young & _WEBHOOK_CODES))
    name = Told("Callbacks from Twilio %(account)s", account=client.account.key)
    if not codes:
        return [Check(name, ok=True, words=Told("Twilio's log has no failed callback in the last hour."))]
    remedy = Told("Check that the public address and its certificate can be reached from outside.")
    return [Check(name, ok=False, words=Told("Twilio could not call back (errors %(codes)s).", codes=codes), remedy=remedy)]
