"""What an HTTP SMS provider's words prove: the answer to a request, and a message's state wherever it stands."""

import re

from channels.base import Evidence, Outbound, Reason, SendFailed, Sent, Status
from channels.clock import Clock
from channels.http_places import Document, of_answer
from channels.http_request import understood
from channels.http_settings import ALWAYS_UNKNOWN, HttpSmsSettings, Rule, StatusPlaces
from channels.one_shot import HttpAnswer, retry_after

#: characters of a provider's code and word that are kept
_CODE, _WORD = 20, 40
#: what any provider's id looks like; a longer one fits in no row
_ID = re.compile(r"[!-~]{1,100}")

# --- the answer to a request --------------------------------------------------------------------------------------------


def read_answer(answer: HttpAnswer, out: Outbound, settings: HttpSmsSettings, clock: Clock) -> Sent:
    """Return what the answer to a message proves. Raises SendFailed; UNCERTAIN for whatever no rule speaks of."""
    document, places = of_answer(answer), settings.answer
    code = clean(document.at(places.code), _CODE)
    rule = _rule(answer.status, code, document, settings)
    if rule is None or rule.means == "unknown" or not _is_ours(document, out, settings):
        raise _uncertain(answer, code, "no rule speaks of this answer, or it is not about our message")
    if rule.means == "accepted":
        return _sent(answer, document, settings)
    reason = Reason.THROTTLED if rule.means == "throttled" else _refusal(rule, code, settings)
    if reason is None:
        raise _uncertain(answer, code, "a refusal without a code")
    raise SendFailed(reason, code=code or str(answer.status), retry_after=_wait(document, settings, clock))


def _uncertain(answer: HttpAnswer, code: str, detail: str) -> SendFailed:
    return SendFailed(Reason.UNCERTAIN, code=code or str(answer.status), detail=detail)


def _rule(status: int, code: str, document: Document, settings: HttpSmsSettings) -> Rule | None:
    """Return the first rule that fits; none fits what may have been answered by somebody on the way."""
    if status in ALWAYS_UNKNOWN:
        return None
    return next((rule for rule in settings.answer.rules if _fits(rule, status, code, document)), None)


def _fits(rule: Rule, status: int, code: str, document: Document) -> bool:
    return (
        any(low <= status <= high for low, high in rule.status)
        and (not rule.code or code in rule.code)
        and (not rule.body or re.search(rule.body, document.text) is not None)
    )


def _is_ours(document: Document, out: Outbound, settings: HttpSmsSettings) -> bool:
    """Whether the answer repeats no other recipient and no other token than ours."""
    to, token = document.at(settings.answer.to), document.at(settings.answer.token)
    return (not to or understood(to, settings.numbers) == out.to) and (not token or token == out.token)


def _sent(answer: HttpAnswer, document: Document, settings: HttpSmsSettings) -> Sent:
    """Return the acceptance, if its id is one and all that is to be repeated is repeated. Raises SendFailed (UNCERTAIN)."""
    places, provider_id = settings.answer, document.at(settings.answer.id)
    silent = any(place and not document.at(place) for place in (places.to, places.token))
    if silent or not (is_id(provider_id) and re.fullmatch(places.id_like, provider_id)):
        raise _uncertain(answer, "", "accepted, but without its id, recipient or token")
    return Sent(provider_id=provider_id, segments=_count(document.at(places.segments)), price=_amount(document.at(places.price)))


def _refusal(rule: Rule, code: str, settings: HttpSmsSettings) -> Reason | None:
    """Return why; None if neither the rule nor a code of the provider's says it, so that it may not have been the provider who spoke."""
    if rule.reason is not None:
        return rule.reason
    return settings.codes.get(code, Reason.REFUSED) if code else None


def _wait(document: Document, settings: HttpSmsSettings, clock: Clock) -> float | None:
    place = settings.answer.retry_after
    return retry_after(document.at(place) if place else document.headers.get("retry-after", ""), clock.now())


# --- a message's state --------------------------------------------------------------------------------------------------


def read_status(document: Document, places: StatusPlaces, settings: HttpSmsSettings) -> Status:
    """Return the status that stands there. A word that [states] does not know proves that the provider has the message, no more."""
    word, code = clean(document.at(places.state), _WORD), clean(document.at(places.code), _CODE)
    evidence = settings.states.get(word, Evidence.ACCEPTED)
    provider_id = document.at(places.id)
    return Status(
        evidence=evidence,
        token=clean(document.at(places.token), 64),
        provider_id=provider_id if is_id(provider_id) else "",
        reason=settings.codes.get(code, Reason.UNDELIVERED) if evidence is Evidence.UNDELIVERED else None,
        code=code,
        segments=_count(document.at(places.segments)),
        price=_amount(document.at(places.price)),
        word=word,
    )


def is_id(value: str) -> bool:
    """Whether this can be a provider's id of a message."""
    return bool(_ID.fullmatch(value))


def clean(value: str, most: int) -> str:
    """Return `value` without what cannot be printed, `most` characters at most."""
    return "".join(filter(str.isprintable, value))[:most]


def _amount(value: str) -> float | None:
    """Some providers count prices down from zero; what is no number, or no sensible one, is not told."""
    try:
        amount = abs(float(value))
    except ValueError:
        return None
    return amount if 0 < amount < 1e6 else None


def _count(value: str) -> int | None:
    amount = _amount(value)
    return int(amount) or None if amount is not None and amount < 1000 else None
