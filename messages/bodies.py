"""The two bodies of a message as slots: *forward* for everybody, *ask* for the resource person. Never mixed.

Each line of a right-to-left frame begins with a word of its own script, so that phones lay it out from the right.
"""

from collections.abc import Iterable

from messages.alert import Act, Alert, Kind, Review, Severity, Urgency, Variant
from messages.form import Medium
from messages.frames import say
from messages.languages import NORWEGIAN
from messages.slots import Slot, optional
from messages.voice import Voice, number_of, one_line, reference, replaced

_ENDS = frozenset({Act.WITHDRAW, Act.OVER})
_LEGEND = ((1, "legend.read"), (2, "legend.will_pass"), (4, "legend.cannot"))


def marked(slots: Iterable[Slot], kind: Kind, voice: Voice) -> list[Slot]:
    """Put the exercise mark before and after everything that is not real."""
    mark = Slot(voice.mark(kind))
    return [mark, *slots, mark]


def forward(alert: Alert, variant: Variant, voice: Voice) -> list[Slot]:
    """Return what everybody in the group should hear: act, text, place, times, number. Nothing of the ask is in it."""
    ends = alert.act in _ENDS
    return [
        Slot(_first_line(alert, variant, voice), language=variant.language),
        Slot(one_line(variant.headline) if ends else "", language=variant.language),
        _why_this_language(variant, voice),
        Slot(variant.forward.strip(), language=variant.language),
        _draft_line(variant, voice),
        _place(alert, variant, voice),
        *([] if ends else _times(alert, voice)),
        Slot(_number(alert, voice)),
    ]


def _first_line(alert: Alert, variant: Variant, voice: Voice) -> str:
    sender = voice.say("forward.sender", municipality=voice.facts.municipality)
    return f"{sender} {headline(alert, variant, voice)}"


def headline(alert: Alert, variant: Variant, voice: Voice) -> str:
    """Return the act, which comes before all else: the alert's own, or that it was wrong, or that it is over."""
    if alert.act in _ENDS:
        return voice.say("act.withdrawn" if alert.act is Act.WITHDRAW else "act.over", replaces=replaced(alert))
    update = voice.say("act.update") if alert.act is Act.UPDATE else ""
    return f"{update} {one_line(variant.headline)}".strip()


def _why_this_language(variant: Variant, voice: Voice) -> Slot:
    missing = voice.facts.missing and variant.language != voice.facts.language
    return Slot(voice.say("missing.no_text") if missing else "")


def _draft_line(variant: Variant, voice: Voice) -> Slot:
    # a Norwegian text is the original, and a text in another language has its own line
    quiet = variant.review is Review.REVIEWED or variant.language in NORWEGIAN or voice.facts.missing
    return optional("translation-draft", "" if quiet else voice.say("translation.draft"))


def _place(alert: Alert, variant: Variant, voice: Voice) -> Slot:
    place = variant.place or ", ".join(area.description for area in alert.areas if area.description)
    return optional("place", voice.say("forward.place", place=place) if place else "")


def _times(alert: Alert, voice: Voice) -> list[Slot]:
    news = voice.say("forward.next_news", time=voice.when(alert.next_news_at, alert.sent_at, alert.onset_at)) if alert.next_news_at else ""
    duration = _duration(alert, voice)
    note = voice.say("forward.clock_note") if voice.known.sun_clock and (news or duration) else ""
    return [optional("time", duration), optional("next-news", news), optional("clock-note", note)]


def _duration(alert: Alert, voice: Voice) -> str:
    since = voice.when(alert.onset_at, alert.sent_at) if alert.onset_at else ""
    until = voice.when(alert.expires_at, alert.sent_at, alert.onset_at) if alert.expires_at else ""
    if since and until:
        return voice.say("forward.since_until", since=since, until=until)
    if since:
        return voice.say("forward.since", since=since)
    return voice.say("forward.until", until=until) if until else ""


def _number(alert: Alert, voice: Voice) -> str:
    if alert.act is Act.UPDATE and alert.replaces:
        return voice.say("forward.number_replaces", number=number_of(alert), replaces=str(alert.replaces))
    return voice.say("forward.number", number=number_of(alert))


def ask(alert: Alert, variant: Variant, voice: Voice) -> list[Slot]:
    """Return what we ask of the resource person: the question and how to answer, or how to set a passed-on alert right."""
    body = _correction(alert, voice) if alert.act in _ENDS else _question(alert, variant, voice)
    return [*body, *_contact(voice), _danger(voice)]


def reminder(alert: Alert, variant: Variant, voice: Voice) -> list[Slot]:
    """Return the kind word that follows an ask without an answer."""
    opening = _opening(voice, voice.say("reminder", number=reference(alert, variant)))
    return [*_leave_first(alert, variant, voice), opening, *answers(voice), *_contact(voice), _danger(voice)]


def _question(alert: Alert, variant: Variant, voice: Voice) -> list[Slot]:
    known_as = reference(alert, variant)
    if alert.act_by_at:
        question = voice.say("ask.question", number=known_as, time=voice.by(alert.act_by_at, alert.sent_at))
    else:
        question = voice.say("ask.question_no_time", number=known_as)
    own = Slot(variant.ask.strip(), language=variant.language)
    return [*_leave_first(alert, variant, voice), _opening(voice, question), own, *answers(voice)]


def _correction(alert: Alert, voice: Voice) -> list[Slot]:
    suffix = "withdrawn" if alert.act is Act.WITHDRAW else "over"
    told = voice.facts.had_passed_on
    text = voice.say(f"ask.{'correct' if told else 'stop'}_{suffix}", replaces=replaced(alert))
    done = voice.say("ask.done", answer=voice.digit(3)) if told and voice.facts.two_way else ""
    return [Slot(f"{voice.say('ask.to_you')} {text}"), Slot(done)]


def _opening(voice: Voice, question: str) -> Slot:
    plain = f"{voice.say('ask.to_you')} {question}"
    return Slot(f"{voice.say('ask.deputy')} {question}", (("deputy", plain),)) if voice.facts.deputy else Slot(plain)


def endangers(alert: Alert, variant: Variant) -> bool:
    """Say whether being there is dangerous: as the template says, otherwise by severity and urgency, in exercises too."""
    said = variant.extra.get("leave_first")
    if said in ("yes", "no"):
        return said == "yes"
    return alert.severity in (Severity.EXTREME, Severity.SEVERE) and alert.urgency is Urgency.IMMEDIATE


def _leave_first(alert: Alert, variant: Variant, voice: Voice) -> list[Slot]:
    return [Slot(voice.say("ask.leave_first"))] if endangers(alert, variant) else []


def answers(voice: Voice) -> list[Slot]:
    """Return how to answer: digits on lines of their own, buttons (nothing to print), or the way round a one-way sender."""
    link = [_link(voice)] if _may_link(voice) else []
    if not voice.facts.two_way:
        return [*_way_round(voice), *link]
    if voice.medium is Medium.WHATSAPP:
        return link
    return [optional("answer", voice.say("ask.answer")), *(_legend(voice, digit, msgid) for digit, msgid in _LEGEND), *link]


def _may_link(voice: Voice) -> bool:
    # operators filter SMS with links, and people are told not to trust them: only where somebody has chosen so. The letter has its own
    in_sms = voice.medium is Medium.SMS and voice.facts.link_in_sms
    return bool(voice.facts.link) and (in_sms or voice.medium is Medium.WHATSAPP)


def _link(voice: Voice) -> Slot:
    """The link; where an SMS can be answered, it goes before the answers do."""
    text = voice.say("ask.link", link=voice.facts.link)
    return Slot(text, (("link", ""),) if voice.facts.two_way else (), href=voice.facts.link)


def _legend(voice: Voice, digit: int, msgid: str) -> Slot:
    line = f"{voice.digit(digit)} {voice.say(msgid)}"
    if not voice.beside:
        return Slot(line)
    # "read" is the first to lose its Norwegian word: to confuse the other two would be graver
    names = ("norwegian-read", "norwegian-legend") if msgid == "legend.read" else ("norwegian-legend",)
    return Slot(f"{line}/{say('nb', msgid)}", tuple((name, line) for name in names))


def _way_round(voice: Voice) -> list[Slot]:
    if voice.facts.reply_to:
        words = {name: voice.say(f"legend.{name}") for name in ("read", "will_pass", "cannot")}
        return [Slot(voice.say("ask.reply_to", phone=voice.facts.reply_to, **words))]
    return [Slot(voice.say("ask.call", phone=voice.contact()))] if voice.facts.contact_phone else []


def _contact(voice: Voice) -> list[Slot]:
    named_already = not voice.facts.two_way and not voice.facts.reply_to
    if named_already or not voice.contact():
        return []
    phone = voice.facts.contact_phone
    shorter = voice.say("ask.contact", contact=phone) if phone else ""
    return [Slot(voice.say("ask.contact", contact=voice.contact()), (("contact-name", shorter), ("contact", "")))]


def _danger(voice: Voice) -> Slot:
    return Slot(voice.say("ask.danger", danger_number=voice.facts.danger_number))
