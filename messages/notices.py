"""The house's short answers to what a person wrote: one row per Notice, most of them one or two entries of the frame."""

from collections.abc import Callable

from messages.frames import FrameError, Notice
from messages.slots import Slot
from messages.voice import Voice

_MENU = (
    (1, "legend.read"),
    (2, "legend.will_pass"),
    (3, "menu.passed_on"),
    (4, "legend.cannot"),
    (5, "menu.ring_me"),
    (8, "menu.in_force"),
    (9, "menu.verify"),
)
_WORDS = (("STOP", "menu.stop"), ("PAUSE", "menu.pause"), ("START", "menu.start"))
#: what is about one alert, and says which where its reader has several
_ABOUT_ONE = frozenset(
    {
        Notice.ECHO_RECEIVED,
        Notice.ECHO_WILL_PASS,
        Notice.ECHO_PASSED_ON,
        Notice.ECHO_CANNOT,
        Notice.ECHO_RING_ME,
        Notice.COUNT_UNLIKELY,
    }
)


def notice_slots(kind: Notice, voice: Voice) -> list[Slot]:
    """Return the lines of one answer; raise FrameError when `Facts.values` lacks what Notice says it takes."""
    number = voice.facts.values.get("number")
    if kind in _ABOUT_ONE and number is not None:
        return [*_ROWS[kind](voice), Slot(voice.say("forward.number", number=str(number)))]
    return _ROWS[kind](voice)


def _entry(msgid: str) -> Callable[[Voice], list[Slot]]:
    return lambda voice: [_line(voice, msgid)]


def _with_hours(msgid: str) -> Callable[[Voice], list[Slot]]:
    return lambda voice: [_line(voice, msgid), *_hours(voice)]


def _counted(msgid: str, without: str) -> Callable[[Voice], list[Slot]]:
    """Speak of a number of people, or say it without one where none was reported."""

    def slots(voice: Voice) -> list[Slot]:
        count = voice.facts.values.get("count")
        if count is None or count == "":
            return [_line(voice, without)]
        return [Slot(voice.say_plural(msgid, int(count), municipality=voice.facts.municipality))]

    return slots


def _line(voice: Voice, msgid: str) -> Slot:
    return Slot(voice.say(msgid, **_values(voice)))


def _values(voice: Voice) -> dict[str, str]:
    facts = voice.facts
    said = {
        "municipality": facts.municipality,
        "contact": facts.contact_name or facts.municipality,
        "phone": facts.contact_phone,
        "hours": facts.contact_hours,
        "danger_number": facts.danger_number,
        "answer": "40" if not facts.legend else f"{facts.legend}3 40",
    }
    return said | {name: str(value) for name, value in facts.values.items()}


def _hours(voice: Voice) -> list[Slot]:
    return [_line(voice, "notice.hours")] if voice.facts.contact_hours else []


def _count_unlikely(voice: Voice) -> list[Slot]:
    count = voice.facts.values.get("count")
    if count is None:
        raise FrameError("count_unlikely needs a value 'count'")
    return [Slot(voice.say_plural("notice.count_unlikely", int(count)))]


def _menu(voice: Voice) -> list[Slot]:
    digits = [Slot(f"{voice.digit(digit)}{' 40' if digit == 3 else ''} {voice.say(msgid)}") for digit, msgid in _MENU]
    return [_line(voice, "menu.title"), *digits, *(Slot(f"{word} {voice.say(msgid)}") for word, msgid in _WORDS)]


def _alerts(voice: Voice) -> str:
    return str(voice.facts.values.get("alerts", "")).strip()


def _in_force(voice: Voice) -> list[Slot]:
    alerts = _alerts(voice)
    return [_line(voice, "notice.in_force"), Slot(alerts)] if alerts else [_line(voice, "notice.nothing_in_force")]


def _verify(voice: Voice) -> list[Slot]:
    alerts = _alerts(voice)
    told = [_line(voice, "notice.verify"), Slot(alerts)] if alerts else [_line(voice, "notice.verify_none")]
    return [*told, _line(voice, "notice.verify_how")] if voice.facts.contact_phone else told


_ROWS: dict[Notice, Callable[[Voice], list[Slot]]] = {
    Notice.ECHO_RECEIVED: _entry("notice.echo_received"),
    Notice.ECHO_WILL_PASS: _entry("notice.echo_will_pass"),
    Notice.ECHO_PASSED_ON: _counted("notice.echo_passed_on", "notice.echo_passed_on_uncounted"),
    Notice.ECHO_CANNOT: lambda voice: [Slot(voice.say("notice.echo_cannot", answer=voice.digit(2)))],
    Notice.ECHO_RING_ME: _with_hours("notice.echo_ring_me"),
    Notice.ECHO_MESSAGE: _entry("notice.echo_message"),
    Notice.MEDIA_RECEIVED: _entry("notice.media_received"),
    Notice.COUNT_UNLIKELY: _count_unlikely,
    Notice.WHICH_ALERT: _entry("notice.which_alert"),
    Notice.MENU: _menu,
    Notice.IN_FORCE: _in_force,
    Notice.NOTHING_IN_FORCE: _entry("notice.nothing_in_force"),
    Notice.VERIFY: _verify,
    # who watches is alarmed at any hour: office hours beside that would say the opposite
    Notice.DANGER: _entry("notice.danger"),
    Notice.STOPPED: _entry("notice.stopped"),
    Notice.STARTED: _entry("notice.started"),
    Notice.PAUSED: _entry("notice.paused"),
    Notice.ALERT_CLOSED: _entry("notice.alert_closed"),
    Notice.ALERT_REPLACED: _entry("notice.alert_replaced"),
    Notice.THANKS: _counted("notice.thanks", "notice.thanks_uncounted"),
    Notice.NOT_REGISTERED: _entry("notice.not_registered"),
}
