"""The provider's numbers: what it refuses at the door, and what it says of a message that did not arrive.

Meanings are Twilio's; the sentences are ours. `HTTP` has the status where it is not 400.
"""

from enum import StrEnum

#: refused at once, and nothing was sent
REFUSALS: dict[int, str] = {
    20001: "Unknown parameter",  # Twilio ignores these; the sandbox refuses, so that a slip of the pen is found here
    20003: "Authentication failed: account sid and token do not belong together",
    20004: "This method is not allowed on this resource",
    20007: "Page size is too large: 1000 at most",
    20009: "This message cannot be deleted before its delivery has ended",
    20404: "The requested resource was not found",
    20422: "A parameter has an invalid value",
    20429: "Too many requests: try again later",
    20500: "Internal server error",
    21211: "The 'To' number is not a valid phone number",
    21212: "The 'From' is neither a phone number nor a valid alphanumeric sender",
    21408: "Sending to the region of the 'To' number is not enabled for this account",
    21602: "The message has no text, no media and no template",
    21603: "A 'From' or 'MessagingServiceSid' is needed",
    21604: "A 'To' is needed",
    21606: "The 'From' is not a message-capable sender of this account",
    21609: "The 'StatusCallback' is not a URL that the sandbox may call",
    21610: "The recipient has opted out of messages from this sender",
    21611: "The queue of this sender is full",
    21614: "The 'To' number is not a mobile number",
    21617: "The text is longer than 1600 characters",
    21620: "A 'MediaUrl' is not a valid URL",
    21623: "More than 10 media",
    21624: "The 'ValidityPeriod' must lie between 1 and 36000 seconds",
    21654: "'ContentVariables' need a 'ContentSid'",
    21655: "There is no template with this 'ContentSid'",
    21656: "The 'ContentVariables' are not a JSON object of strings",
    21701: "This messaging service does not exist",
    21704: "This messaging service has no sender",
    30409: "This message can no longer be canceled",
    35111: "Scheduling needs a 'SendAt'",
    35114: "'SendAt' must be a time from 15 minutes to 35 days ahead",
    35118: "Scheduling needs a 'MessagingServiceSid'",
    63007: "There is no WhatsApp sender with this 'From'",
}

HTTP: dict[int, int] = {20003: 401, 20004: 405, 20404: 404, 20429: 429, 20500: 500}

#: said later, in a status: the message was accepted and then failed, or did not arrive
FAILURES: dict[int, str] = {
    30001: "The message waited longer than its validity period",
    30003: "The phone is switched off or out of coverage",
    30004: "The recipient blocks messages",
    30005: "The number is not in use",
    30006: "The number is a landline, or its operator cannot be reached",
    30007: "The operator filtered the text",
    30008: "Not delivered, for an unknown reason",
    63003: "The number is not on WhatsApp",
    63016: "Free text outside the 24-hour window: a template is needed",
    63024: "The recipient cannot take WhatsApp messages",
    63027: "The template does not exist in this language, or is not approved",
}

#: codes from here on are WhatsApp's: it turns a message down before any operator sees it
FIRST_OF_WHATSAPP = 63000


class State(StrEnum):
    """The states of a message; beside each whether Twilio calls back about it."""

    ACCEPTED = "accepted"  # first state with a messaging service: no call
    SCHEDULED = "scheduled"  # first state: no call
    QUEUED = "queued"  # first state with a From: no call; after accepted: a call
    SENDING = "sending"  # seen by fetching only
    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    UNDELIVERED = "undelivered"
    FAILED = "failed"
    CANCELED = "canceled"
    RECEIVED = "received"  # what came in


#: nothing more will happen (a read receipt may still follow `delivered`)
FINAL = frozenset({State.DELIVERED, State.READ, State.UNDELIVERED, State.FAILED, State.CANCELED, State.RECEIVED})
#: it has not left yet, so it can be taken back
WAITING = frozenset({State.ACCEPTED, State.SCHEDULED, State.QUEUED})


class Refused(Exception):
    """The provider turns this request down."""

    def __init__(self, code: int, detail: str = "") -> None:
        super().__init__(f"{REFUSALS[code]}{': ' if detail else ''}{detail}")
        self.code = code
        self.http = HTTP.get(code, 400)

    def as_json(self) -> dict[str, object]:
        """Return the body of the answer."""
        more = f"https://www.twilio.com/docs/errors/{self.code}"
        return {"code": self.code, "message": str(self), "more_info": more, "status": self.http}
