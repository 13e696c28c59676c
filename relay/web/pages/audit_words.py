"""The log of acts in words: what was done, by whom, through what, of what, and what else is known. English here, as in sentences.py."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from messages import languages
from relay.store.acting import Face
from relay.store.columns import AnyRow
from relay.store.names import ActName
from relay.web import sentences, words
from relay.web.pages import run_alert, settings, users

ACTS: Mapping[ActName, str] = {
    "alert.take": "Took the alert in",
    "alert.wake": "Woke whoever is on duty",
    "alert.edit": "Changed the draft",
    "alert.ask": "Asked for approval",
    "alert.send_back": "Sent the alert back to its author",
    "alert.approve": "Approved the alert",
    "alert.release": "Released the alert",
    "alert.undo": "Took the release back before anything left",
    "alert.pause": "Paused the alert",
    "alert.resume": "Let the alert go on",
    "alert.cancel": "Stopped the alert",
    "alert.withdraw": "Withdrew the alert: it was wrong",
    "alert.over": "Said that the danger is over",
    "alert.add_text": "Wrote a text in one more language",
    "alert.approve_text": "Approved a text in one more language",
    "alert.looked_over": "Looked over what one had approved alone",
    "alert.channel": "Ticked an ordinary channel",
    "steps.remind": "Brought reminders forward",
    "steps.deputy": "Asked deputies sooner",
    "steps.call": "Put people on the list of those to ring",
    "wall.made": "Made a link to the wall",
    "wall.ended": "Ended the links to the wall",
    "task.taken": "Took a task",
    "task.tried": "Tried a task in vain",
    "task.done": "Did a task",
    "conversation.taken": "Took a conversation",
    "conversation.answered": "Answered a message",
    "hand_over.write": "Handed over the watch",
    "person.add": "Put a person into the register",
    "person.change": "Changed a person",
    "person.own_change": "Changed their own choices",
    "person.leave": "Took a person out of the register",
    "person.export": "Fetched what is kept about a person",
    "person.erase": "Erased a person",
    "people.import": "Imported people",
    "call_list.taken": "Took a copy of the call list",
    "call_list.subscribe": "Asked for the call list by e-mail",
    "call_list.unsubscribe": "Ended the call list by e-mail",
    "call_list.posted": "Was sent the call list by e-mail",
    "group.add": "Added a group",
    "group.change": "Changed a group",
    "group.remove": "Removed a group",
    "contact.add": "Added a contact point",
    "user.add": "Added a user",
    "user.change": "Changed a user",
    "user.roles": "Changed a user's roles",
    "user.let_in": "Let a user in again",
    "user.shut_out": "Shut a user out",
    "user.password": "Chose a new password",
    "user.second_factor": "Changed the second factor",
    "user.invite": "Invited a user",
    "user.reset": "Made a link for a new password",
    "user.uninvite": "Took an invitation back",
    "user.sign_in": "Signed in",
    "user.sign_out": "Signed out",
    "session.revoke": "Ended a session",
    "token.add": "Made a token",
    "token.revoke": "Revoked a token",
    "municipality.add": "Added the municipality",
    "sender.add": "Added a sender",
    "sender.start": "Started a sender again",
    "sender.test": "Tried a sender",
    "sender.templates": "Took over templates for WhatsApp",
    "feed.add": "Added a feed",
    "feed.remove": "Removed a feed",
    "policy.set": "Changed the steps of sending",
    "policy.reset": "Let the usual steps of sending hold again",
    "trial.on": "Began trial mode",
    "trial.off": "Ended trial mode: everything leaves",
    "trial.allow": "Put somebody on the allow-list",
    "trial.disallow": "Took somebody off the allow-list",
    "purge": "Forgot what is too old",
}
#: through what somebody acted
FACES: Mapping[Face, str] = {"web": "on the pages", "cli": "by a command", "api": "by a program", "house": "automatically"}
#: who acts without being a user: the actor of the house, and names under which commands and own pages act
NOBODYS: Mapping[str, str] = {"house": "Budstikke", "the person": "The person themselves", "cli": "By a command"}
#: an alert is known by its number, which is not its id
ALERT = "Alert no. %(number)s"
#: what else is acted on, by its id
SUBJECTS: Mapping[str, str] = {
    "allowed": "Row %(number)s of the allow-list",
    "contact": "Contact point %(number)s",
    "feed": "Feed %(number)s",
    "group": "Group %(number)s",
    "hand_over": "Hand-over %(number)s",
    "invitation": "Invitation %(number)s",
    "person": "Person %(number)s",
    "sender": "Sender %(number)s",
    "task": "Task %(number)s",
    "thread": "Conversation %(number)s",
    "token": "Token %(number)s",
    "user": "User %(number)s",
}
#: what a person chose for themselves
CHOICES: Mapping[str, str] = {
    "channels": "order of channels",
    "languages": "languages",
    "left_at": "has left",
    "paused": "pause",
    "paused_until": "end of the pause",
    "quiet_from": "quiet hours from",
    "quiet_to": "quiet hours to",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """In which language the log is read, and what is known by a name: "user:7", "alert:3"."""

    language: str
    names: Mapping[str, str]

    def say(self, sentence: str, **values: object) -> str:
        """Return a sentence in the reader's language."""
        return words.say(self.language, sentence, **values)


Written = Callable[[Around, object], str]


def _by(table: Mapping[str, str]) -> Written:
    """Write each value by its word in a table; one that is not there as it is."""
    return lambda around, value: ", ".join(around.say(table[one]) if one in table else one for one in _each(value))


def _of(kind: str) -> Written:
    """Write each id of a kind of things as what it is known by."""
    return lambda around, value: ", ".join(subject(around, f"{kind}:{one}") for one in _each(value))


def _language(around: Around, value: object) -> str:
    return languages.name(str(value), around.language)


def _steps(around: Around, value: object) -> str:
    """Write "remind 30/60/-" by the step's name."""
    parts = (one.partition(" ") for one in _each(value))
    return ", ".join(f"{around.say(sentences.ACTIONS.get(action, action))} {minutes}" for action, _, minutes in parts)


def _each(value: object) -> list[str]:
    return [str(one) for one in (value if isinstance(value, list) else [value])]


PLAIN = _by({})
ROLES = _by({str(role): name for role, name in users.ROLES.items()})
SCOPES = _by({str(scope): name for scope, (name, _) in settings.SCOPES.items()})
YES_NO = _by({str(True): "yes", str(False): "no"})

#: the same as what was acted on
SAID = frozenset(("number",))
#: what else is written down of an act, and how its value is said; nothing is said of what is empty
DETAILS: Mapping[str, tuple[str, Written]] = {
    "added": ("Added: %(value)s", PLAIN),
    "after": ("After: %(value)s", ROLES),
    "before": ("Before: %(value)s", ROLES),
    "changed": ("Changed: %(value)s", PLAIN),
    "channel": ("Channel: %(value)s", _by(run_alert.CHANNELS)),
    "deliveries": ("Messages planned: %(value)s", PLAIN),
    "forgotten": ("Forgotten: %(value)s", PLAIN),
    "group": ("Of: %(value)s", _of("group")),
    "language": ("Language: %(value)s", _language),
    "on": ("Turned on: %(value)s", YES_NO),
    "override": ("Approved alone, because: %(value)s", PLAIN),
    "passed": (
        "Left out, since its time had passed: %(value)s",
        _by({"next_news_at": "Next news", "act_by_at": "Pass it on before"}),
    ),
    "people": ("People: %(value)s", PLAIN),
    "reached": ("Colleagues told: %(value)s", PLAIN),
    "reason": ("Reason: %(value)s", PLAIN),
    "roles": ("Roles: %(value)s", ROLES),
    "scopes": ("Scopes: %(value)s", SCOPES),
    "session": ("Session: %(value)s", PLAIN),
    "steps": ("Minutes by gravity: %(value)s", _steps),
    "templates": ("Templates: %(value)s", PLAIN),
    "used": ("Used: %(value)s", YES_NO),
    "user": ("For: %(value)s", _of("user")),
    "wake": ("Woken: %(value)s", _of("group")),
    "what": ("What: %(value)s", _by(CHOICES)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One act, as its reader reads it."""

    number: int
    at: datetime
    who: str
    face: str
    act: str
    subject: str
    details: tuple[str, ...]


def said(around: Around, row: AnyRow) -> Said:
    """Put an act into words. What an older version wrote down under a name that is none any more stays as it is."""
    return Said(
        number=row.number,
        at=row.at,
        who=actor(around, row.actor),
        face=around.say(FACES[row.face]) if row.face in FACES else row.face,
        act=around.say(ACTS[row.act]) if row.act in ACTS else row.act,
        subject=subject(around, row.subject),
        details=tuple(_details(around, row.data)),
    )


def actor(around: Around, code: str) -> str:
    """Return who acted, by the name that they have now."""
    name = around.names.get(code, code)
    return around.say(NOBODYS[name]) if name in NOBODYS else name


def subject(around: Around, code: str) -> str:
    """Return what was acted on: by its name, else by its kind and number."""
    kind, _, number = code.partition(":")
    if code in around.names or kind not in SUBJECTS:
        return around.names.get(code, code)
    return around.say(SUBJECTS[kind], number=number)


def _details(around: Around, data: Mapping[str, Any]) -> list[str]:
    return [_detail(around, name, value) for name, value in data.items() if name not in SAID and value not in ("", [], None)]


def _detail(around: Around, name: str, value: object) -> str:
    sentence, written = DETAILS.get(name, (f"{name}: %(value)s", PLAIN))
    return around.say(sentence, value=written(around, value))


def meant(around: Around, search: str) -> str:
    """Return the code of who or what a whole search names, as the page calls it; "" = of nobody and nothing."""
    number = "".join(filter(str.isdigit, search))
    called = {**{f"{kind}:{number}": around.say(sentence, number=number) for kind, sentence in SUBJECTS.items()}, **around.names}
    return next((code for code, name in called.items() if name.casefold() == search.strip().casefold()), "")


def acts_with(language: str, word: str) -> Collection[str]:
    """Return the acts whose sentence in a language has a word in it, for a search."""
    return [act for act, sentence in ACTS.items() if word.casefold() in words.say(language, sentence).casefold()]
