"""Codes as sentences: events, answers, evidence, reasons, tasks. English here, translated by the catalogue of the pages."""

from collections.abc import Mapping

from channels.base import Evidence, Reason
from relay.model import Action, LeftOut, TaskKind
from relay.store.board import Happened
from relay.web import words

EVENTS: Mapping[str, str] = {
    "alert.taken": "The alert came in",
    "alert.asked": "Somebody was asked to approve the alert",
    "alert.sent_back": "The alert was sent back to its author",
    "alert.approved": "The alert was approved",
    "alert.released": "The alert was released",
    "alert.cancelled": "The alert was stopped",
    "alert.paused": "The alert was paused",
    "alert.resumed": "The alert goes on",
    "alert.undone": "The release was undone before anything left",
    "alert.text_approved": "A text in one more language was approved",
    "alert.looked_over": "A second person has looked over what one approved alone",
    "alert.channel": "An ordinary channel was ticked",
    "alert.closed": "The alert has ended",
    "alert.expired": "The alert has lapsed",
    "task.danger": "Somebody has written of danger",
    "task.ring": "Somebody asks to be rung",
    "task.call": "Somebody is to be rung",
    "task.question": "There is a message to read",
    "task.opted_out": "Somebody has opted out",
    "task.address": "An address does not work",
    "task.unreachable": "Somebody cannot be reached",
    "task.sender": "A sender has stopped",
    "task.text": "A text was refused",
    "task.unknown_sender": "A number that we do not know has written",
    "task.review": "What one approved alone is to be looked over",
    "task.returned": "The author has a draft to change",
    "task.new_address": "Somebody wants another address",
    "task.done": "A task was done",
    "task.taken": "A task was taken",
    "sender.back": "A sender sends again",
    "conversation.answered": "A message was answered",
    "wall.ended": "A link to the wall was ended",
    "steps.remind": "Reminder to %(people)s brought forward",
    "steps.deputy": "Deputies of %(people)s asked",
    "steps.call": "Made a task: ring %(people)s",
}
ANSWERS: Mapping[str, str] = {
    "received": "%(person)s has read it",
    "will_pass": "%(person)s will pass it on",
    "passed_on": "%(person)s has passed it on",
    "cannot": "%(person)s cannot",
    "ring_me": "%(person)s asks to be rung",
    "message": "%(person)s has written to us",
}
COUNTED = "%(person)s has passed it on to about %(count)s"

#: what stands for a person on the ladder, and the colour of its tag
RUNGS: Mapping[str, tuple[str, str]] = {
    "none": ("No answer yet", "neutral"),
    "received": ("Has read it", "info"),
    "will_pass": ("Will pass it on", "accent"),
    "passed_on": ("Has passed it on", "success"),
    "cannot": ("Cannot", "warning"),
    "ring_me": ("Asks to be rung", "danger"),
}
EVIDENCE: Mapping[int, tuple[str, str]] = {
    -1: ("Not sent yet", "neutral"),
    Evidence.INTENT: ("Being sent just now", "neutral"),
    Evidence.UNKNOWN: ("It is not known whether it was sent", "warning"),
    Evidence.REFUSED: ("Not sent", "danger"),
    Evidence.ACCEPTED: ("The provider has it", "neutral"),
    Evidence.SENT: ("On its way to the phone", "neutral"),
    Evidence.UNDELIVERED: ("Did not arrive", "danger"),
    Evidence.DELIVERED: ("Delivered", "info"),
    Evidence.READ: ("Read", "info"),
}
FOUND_BY: Mapping[str, str] = {
    "answer": "by the provider's answer",
    "callback": "by the provider's message",
    "list": "found in the provider's list",
    "reply": "the person has answered",
    "sweep": "fetched from the provider",
}
STATES: Mapping[str, str] = {
    "WAITING": "Waits for its time",
    "CLAIMED": "Is being sent",
    "DONE": "Sent",
    "FAILED": "Failed",
    "SPARED": "Not needed any more",
    "EXPIRED": "Lapsed before it could be sent",
}
SPARED: Mapping[str, str] = {
    "own_answer": "the person has answered",
    "principal": "the person they stand by for has answered",
    "quorum": "enough people of the group pass it on",
    "newer_alert": "a newer message has replaced it",
    "cancelled": "the alert was stopped",
    "closed": "the alert has ended",
    "left": "the person has left",
}
LEFT_OUT: Mapping[str, str] = {
    LeftOut.NO_AGREEMENT: "No role agreement",
    LeftOut.AGREEMENT_LATER: "The role agreement begins later",
    LeftOut.AGREEMENT_ENDED: "The role agreement has ended",
    LeftOut.AGE_NOT_CONFIRMED: "It is not confirmed that they are 18",
    LeftOut.PAUSED: "Has a pause",
    LeftOut.NO_ADDRESS: "No number and no mailbox",
    LeftOut.NO_USABLE_ADDRESS: "No address that can be used",
    LeftOut.NO_TEXT: "No text that they can read",
    LeftOut.OUTSIDE_AREA: "Outside the area",
    LeftOut.NEVER_GOT_ORIGINAL: "Never got the message that this is about",
    LeftOut.ENDS_FIRST: "The alert ends before they may be disturbed",
    LeftOut.NOT_ASKED: "Stands by, and was not needed",
}
ACTIONS: Mapping[str, str] = {
    Action.MESSAGE: "First message",
    Action.REMIND: "Reminder",
    Action.OTHER_CHANNEL: "The message by another channel",
    Action.DEPUTY: "The message to the deputy",
    Action.CALL: "Call list",
    "": "Answer of the house",
}
PARTS: Mapping[str, str] = {
    "forward": "to pass on",
    "ask": "the question to them",
    "letter": "letter",
    "wake": "opens the conversation",
    "reminder": "reminder",
    "count": "about how many?",
    "notice": "answer of the house",
}
CHANNELS: Mapping[str, str] = {"sms": "SMS", "whatsapp": "WhatsApp", "email": "E-mail", "call": "Telephone", "page": "Web page"}
TASKS: Mapping[TaskKind, tuple[str, str]] = {
    TaskKind.DANGER: ("Danger", "danger"),
    TaskKind.RING: ("Ring them", "danger"),
    TaskKind.CALL: ("Call list", "warning"),
    TaskKind.QUESTION: ("Message", "info"),
    TaskKind.OPTED_OUT: ("Has opted out", "neutral"),
    TaskKind.ADDRESS: ("Address does not work", "warning"),
    TaskKind.UNREACHABLE: ("Not reached", "warning"),
    TaskKind.SENDER: ("Sender has stopped", "danger"),
    TaskKind.TEXT: ("Text was refused", "danger"),
    TaskKind.UNKNOWN_SENDER: ("Unknown number", "neutral"),
    TaskKind.REVIEW: ("Approved alone", "warning"),
    TaskKind.RETURNED: ("Sent back by the approver", "warning"),
    TaskKind.NEW_ADDRESS: ("Wants another address", "info"),
}
WAYS: Mapping[str, str] = {"OPTED_OUT": "opted out", "INVALID": "does not work", "ACTIVE": ""}


def happened(language: str, one: Happened) -> str:
    """Return an event as a sentence; one that nobody has put in words yet by its name."""
    person = one.person or words.say(language, "Somebody")
    if one.kind == "answer":
        return _answered(language, one, person)
    counts = {"people": one.data.get("people", "")}
    return words.say(language, EVENTS[one.kind], **counts) if one.kind in EVENTS else one.kind.replace(".", " ")


def _answered(language: str, one: Happened, person: str) -> str:
    meaning, count = str(one.data.get("meaning", "")), one.data.get("count")
    if meaning == "passed_on" and count is not None:
        return words.say(language, COUNTED, person=person, count=count)
    return words.say(language, ANSWERS.get(meaning, ANSWERS["message"]), person=person)


def reason(language: str, name: str) -> str:
    """Return why a send failed, and what is to be done."""
    if not name:
        return ""
    known = Reason.__members__.get(name)
    return words.say(language, known.words) if known else words.say(language, "It is not known whether it was sent.")


def came_of(language: str, outcome: str) -> str:
    """Return what came of a task: a sentence of ours, and what somebody has added in their own words."""
    ours, stop, theirs = outcome.partition(". ")
    return f"{words.say(language, ours)}{stop}{theirs}" if outcome else ""


#: what templates find under these names
TABLES: Mapping[str, object] = {
    "ACTIONS": ACTIONS,
    "CHANNELS": CHANNELS,
    "EVIDENCE": EVIDENCE,
    "FOUND_BY": FOUND_BY,
    "LEFT_OUT": LEFT_OUT,
    "PARTS": PARTS,
    "RUNGS": RUNGS,
    "SPARED": SPARED,
    "STATES": STATES,
    "TASKS": TASKS,
    "WAYS": WAYS,
    "came_of": came_of,
    "reason": reason,
}
