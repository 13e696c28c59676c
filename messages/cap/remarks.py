"""What the author of a draft must know or decide, as whole sentences."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from messages.alert import Act, Alert, Variant
from messages.cap import norway, own, scripts, text, times, wording
from messages.cap.model import CapAlert, CapInfo
from messages.cap.own import Own
from messages.cap.terms import MsgType, ResponseType


class Remark(Enum):
    """What the author of a draft must know or decide; `{detail}` is filled in."""

    NO_TEXT = "The message has no text: take the words of the message it refers to, or write your own."
    CANCEL = "Cancel may mean two things: it was wrong, or it is over. Ask the sender, and choose; now it is: it was wrong."
    PARTLY_OVER = "The danger is over in some of the areas only: say where it goes on."
    PARTS_DIFFER = "The message has {detail} in this language; the gravest is used, the others are in the long text."
    END_ASSUMED = "The message does not say when it ends; we assume {detail}."
    EVENT_LASTS = "The message ends before the event does; we use the end of the event, {detail}."
    LANGUAGE_UNKNOWN = "There is a text in {detail}, which is not one of our languages: nobody will get it."
    NO_WORDS = "The message has no words for the short text: write them ({detail})."
    LEFT_OUT = "The short text leaves out {detail}; read the long text and choose."
    TOO_LONG = "The short text is too long for its messages: write a shorter one ({detail})."
    MORE_PLACES = "There are more places than the short text can name: write what people there say ({detail})."
    NO_AREA = "The message does not say where: choose the area."


@dataclass(frozen=True, slots=True)
class Tongue:
    """One language of a message: its info blocks, the one that is said, and the text made of them."""

    language: str
    infos: Sequence[CapInfo]
    chosen: CapInfo
    variant: Variant


def all_clear(info: CapInfo) -> bool:
    """Whether an info block says that the danger is over."""
    return ResponseType.ALL_CLEAR in info.responses


def remarks(cap: CapAlert, alert: Alert, tongues: Sequence[Tongue]) -> tuple[str, ...]:
    """The sentences for the author: first what to decide, then what is odd about the message itself."""
    asked = (*_about_meaning(cap, alert), *_about_end(alert, tongues[:1]), *(s for t in tongues for s in _about_text(t, alert)))
    return tuple(dict.fromkeys((*asked, *(flag.words for flag in cap.flags))))


def _say(remark: Remark, detail: str = "") -> str:
    return remark.value.replace("{detail}", detail)


def _about_meaning(cap: CapAlert, alert: Alert) -> Iterator[str]:
    if not cap.infos:
        yield _say(Remark.NO_TEXT)
    if cap.msg_type is MsgType.CANCEL and alert.act is Act.WITHDRAW and not (norway.is_norwegian(cap) or own.is_own(cap)):
        yield _say(Remark.CANCEL)
    if alert.act is not Act.OVER and any(map(all_clear, cap.infos)):
        yield _say(Remark.PARTLY_OVER)
    if cap.infos and not alert.areas:
        yield _say(Remark.NO_AREA)


def _about_end(alert: Alert, first: Sequence[Tongue]) -> Iterator[str]:
    stated = [info.expires for tongue in first for info in tongue.infos if info.expires]
    if alert.expires_at and alert.expires_at not in stated:
        yield _say(Remark.EVENT_LASTS if stated else Remark.END_ASSUMED, times.write(alert.expires_at))


def _about_text(tongue: Tongue, alert: Alert) -> Iterator[str]:
    variant, chosen = tongue.variant, tongue.chosen
    if scripts.known(tongue.language) is None:
        yield _say(Remark.LANGUAGE_UNKNOWN, chosen.language[:40])
    if parts := sum(not wording.same_text(info, chosen) for info in tongue.infos):
        yield _say(Remark.PARTS_DIFFER, f"{parts + 1} different parts ({tongue.language})")
    if Own.FORWARD in own.texts(chosen):
        return
    if not variant.forward:
        yield _say(Remark.NO_WORDS, tongue.language[:40])
    if missing := wording.left_out(chosen, variant.headline, variant.forward, over=alert.act is Act.OVER):
        yield _say(Remark.LEFT_OUT, f"{missing} of the sentences ({tongue.language})")
    if not text.fits_sms(f"{variant.headline} {variant.place} {variant.forward}", tongue.language):
        yield _say(Remark.TOO_LONG, f"{tongue.language}, {len(variant.forward)} characters")
    if variant.place.endswith("..."):
        yield _say(Remark.MORE_PLACES, tongue.language)
