"""Answers in digits: the shapes that a line with a number may have. A line of any other shape is no answer."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from unicodedata import category

from messages.reply.answer import Meaning, Reply
from messages.reply.danger import danger_words
from messages.reply.fold import Kind, Token, number, tokens
from messages.reply.phrases import bare, guess, phrase, together
from messages.reply.words import EVERYBODY, vocabulary

DIGITS = {
    "1": Meaning.RECEIVED,
    "2": Meaning.WILL_PASS,
    "3": Meaning.PASSED_ON,
    "4": Meaning.CANNOT,
    "5": Meaning.RING_ME,
    "0": Meaning.MENU,
    "8": Meaning.IN_FORCE,
    "9": Meaning.VERIFY,
}
#: a second, third … open alert has a legend of its own: "61 62 64", "71 72 74"
LEGENDS = "6789"
#: the first alert's digits are bare; "01" says that it is meant, where two are open
FIRST_LEGEND = "0"
LEGEND_DIGITS = "12345"
#: letters that people put behind a digit ("1a"). Other letters may be a unit ("3 m") and are left to a reader
TRAILING_LETTERS = frozenset("abcdeабвгсеابجدሀለበአกขกခ")
MOST_PLAUSIBLE = 5_000
#: a number with one decimal, in any digits
_TENTHS = re.compile(r"\d[.,٫،]\d(?!\d)")
#: signs behind a number that make it no number of people
SHARES = frozenset("%‰°٪")
#: words of free text beside a count: this many when they name a means that we know, and when they do not
MEANS_WORDS = 12
UNKNOWN_WORDS = 2


@dataclass(frozen=True, slots=True)
class Setting:
    """What the house knows when it reads: the person's languages, whether the count question is open, and which alerts are."""

    languages: tuple[str, ...]
    count_open: bool
    open_alerts: frozenset[int]


@dataclass(frozen=True, slots=True)
class Counted:
    """A count as read: people, tokens it took, and what was assumed."""

    people: int
    size: int
    guesses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Means:
    """Where it was passed on, in the person's words, and what was assumed."""

    text: str = ""
    guesses: tuple[str, ...] = ()


def in_digits(line: str, said: Sequence[Token], setting: Setting) -> Reply | None:
    """Read the tokens of a line without courtesy, by the first shape that fits."""
    if _counts_no_people(line, said):
        return None
    alert, rest = _alert_number([token for token in said if token.kind is not Kind.BREAK])
    if not rest:
        return Reply(meaning=Meaning.MESSAGE, alert_number=alert, guessed=("alert-only",))
    answer = _alone(rest, setting) or _digit_and_word(rest, setting)
    if answer is None and not any(token.text in vocabulary().denied for token in rest):
        answer = (
            (_digit_and_alert(rest, setting) if len(setting.open_alerts) > 1 else None)
            or _counted(line, rest, setting)
            or _digit_and_alert(rest, setting)
            or (None if _is_decimal(said) else _two_digits(rest, setting))
        )
    return replace(answer, alert_number=alert) if answer and alert is not None else answer


def _counts_no_people(line: str, said: Sequence[Token]) -> bool:
    """Say whether money, a share or a temperature is written ("€40", "40%", "-5 c")."""
    signed = any(a.kind is Kind.DASH and b.kind is Kind.NUMBER and a.end == b.start for a, b in pairwise(tokens(line)[:2]))
    lettered = signed and len(said) == 2 and said[1].text in TRAILING_LETTERS
    return lettered or any(character in SHARES or category(character) == "Sc" for character in line)


def _is_decimal(said: Sequence[Token]) -> bool:
    """Say whether two numbers are written as one: "1.5", "1,4"."""
    return any(
        (one.kind, mark.kind, two.kind) == (Kind.NUMBER, Kind.BREAK, Kind.NUMBER) and one.end == mark.start and mark.end == two.start
        for one, mark, two in zip(said, said[1:], said[2:], strict=False)
    )


def _counted(line: str, rest: Sequence[Token], setting: Setting) -> Reply | None:
    """Read a count, wherever it stands; "3.5" and "12,5" count no people."""
    if _TENTHS.search(line):
        return None
    return _passed_on(line, rest, setting) or _count_first(line, rest, setting) or _count_alone(line, rest, setting)


def _alert_number(said: list[Token]) -> tuple[int | None, list[Token]]:
    """Take "no. 12" out of a line."""
    for at, (mark, value) in enumerate(pairwise(said)):
        if mark.kind is Kind.WORD and mark.text in vocabulary().number_marks and value.kind is Kind.NUMBER:
            return number(value.text), bare([*said[:at], *said[at + 2 :]])
    return None, said


def digit(token: Token) -> Reply | None:
    """Read one token as an answer's digit: 1; 61 of a second alert's legend; 01, as the first alert's is offered while two are open."""
    if token.kind is not Kind.NUMBER:
        return None
    text = token.text if token.text.isascii() else str(number(token.text))
    if text in DIGITS:
        return Reply(meaning=DIGITS[text], legend=0)
    if len(text) != 2 or text[0] not in FIRST_LEGEND + LEGENDS or text[1] not in LEGEND_DIGITS:
        return None
    return Reply(meaning=DIGITS[text[1]], legend=int(text[0]), legend_named=text[0] == FIRST_LEGEND)


def _alone(said: Sequence[Token], setting: Setting) -> Reply | None:
    """Read "1" or "1a"; or only the number of an open alert."""
    answer = digit(said[0])
    if setting.count_open and len(said) == 1 and not (answer and answer.legend_named):
        return None
    if len(said) == 1:
        return answer or _alert_alone(said[0], setting)
    lettered = answer and len(said) == 2 and said[1].text in TRAILING_LETTERS
    return guess(answer, "trailing-letter") if answer and lettered else None


def _alert_alone(token: Token, setting: Setting) -> Reply | None:
    value = number(token.text) if token.kind is Kind.NUMBER else None
    if value is None or value not in setting.open_alerts:
        return None
    return Reply(meaning=Meaning.MESSAGE, alert_number=value, guessed=("alert-only",))


def _digit_and_word(said: Sequence[Token], setting: Setting) -> Reply | None:
    """A digit beside its own word: "1 received", "received = 1"."""
    for token, words in ((said[0], said[1:]), (said[-1], said[:-1])):
        answer, word = digit(token), phrase(words, setting.languages)
        if answer and word and word.meaning is answer.meaning:
            return guess(answer, "digit-and-word")
    return None


def _passed_on(line: str, said: Sequence[Token], setting: Setting) -> Reply | None:
    """3, then a count, then perhaps where: "3 40", "3 about 40 whatsapp", "passed on to 40"."""
    answer, size = _three(said, setting)
    between = size + _known(said[size:])
    counted = _count(said[between:], setting)
    if answer is None or counted is None:
        return None
    strict = said[between].kind is Kind.WORD or any(token.kind is Kind.DASH for token in said[size:between])
    after = said[between + counted.size :]
    means = _means(line, after, unknown=0 if strict else UNKNOWN_WORDS)
    if means is None:
        return None
    return _with(answer, counted, means if means.text else _where(line, said[size:between]), setting)


def _three(said: Sequence[Token], setting: Setting) -> tuple[Reply | None, int]:
    """Read the 3 that a line begins with, in digits or in words, and how many tokens it takes."""
    answer = digit(said[0]) if said else None
    if answer:
        return (answer if answer.meaning is Meaning.PASSED_ON else None), 1
    words = next((at for at, token in enumerate(said) if token.kind is not Kind.WORD), len(said))
    for size in range(words, 0, -1):
        spoken = phrase(said[:size], setting.languages)
        if spoken and spoken.meaning is Meaning.PASSED_ON:
            return spoken, size
    return None, 0


def _count_first(line: str, said: Sequence[Token], setting: Setting) -> Reply | None:
    """A count, then 3: "40 3", "40 people 3 whatsapp", "40 passed on"."""
    before = _known(said)
    counted = _count(said[before:], setting)
    if counted is None:
        return None
    rest = said[before + counted.size :]
    if len(said) == 2 and said[0].text in DIGITS and said[0].text != "3":
        return None  # "4 3": two answers
    gap = next((at for at in range(_known(rest) + 1) if _three(rest[at:], setting)[0]), None)
    if gap is None:
        return None
    answer, size = _three(rest[gap:], setting)
    means = _means(line, rest[gap + size :], unknown=0)
    return guess(_with(answer, counted, means, setting), "count-first") if answer and means else None


def _count_alone(line: str, said: Sequence[Token], setting: Setting) -> Reply | None:
    """A count while the question is open: "40", "about 40 people". Beside it only words we know, for "4 children missing" is none."""
    before = _known(said)
    counted = _count(said[before:], setting)
    if counted is None or not setting.count_open:
        return None
    means = _means(line, said[before + counted.size :], unknown=0)
    doubt = ("count-or-answer",) if counted.size == 1 and digit(said[before]) else ()
    if means is None:
        return None
    return guess(_with(Reply(meaning=Meaning.PASSED_ON), counted, means, setting), "count-without-3", *doubt)


def _with(answer: Reply, counted: Counted, means: Means, setting: Setting) -> Reply:
    doubts = {
        "count-implausible": not 0 < counted.people <= MOST_PLAUSIBLE,
        "count-or-alert": counted.people in setting.open_alerts,
    }
    names = (*counted.guesses, *means.guesses, *(name for name, true in doubts.items() if true))
    return guess(replace(answer, count=counted.people, means=means.text), *names)


def _count(said: Sequence[Token], setting: Setting) -> Counted | None:
    """Read a number of people: "40", "1 000", "30-40" (the lower counts), "twenty"."""
    if said and said[0].kind is not Kind.NUMBER:
        return _count_in_letters(said[0], setting)
    low = _whole(said)
    middle = said[low.size : low.size + 1] if low else ()
    if low and middle and (middle[0].kind is Kind.DASH or middle[0].text in vocabulary().range):
        high = _whole(said[low.size + 1 :])
        return Counted(min(low.people, high.people), low.size + 1 + high.size, ("count-range",)) if high else low
    return low


def _count_in_letters(token: Token, setting: Setting) -> Counted | None:
    """Read "twenty", if the person is registered with that language or with none: Kurdish "tên" is no ten."""
    numbers = vocabulary().numbers
    for language in setting.languages or EVERYBODY:
        if token.text in numbers.get(language, ()):
            return Counted(numbers[language][token.text], 1, ("count-word",))
    return None


def _whole(said: Sequence[Token]) -> Counted | None:
    """Read one number, its thousands perhaps set apart ("1 000", "1.000")."""
    if not said or said[0].kind is not Kind.NUMBER:
        return None
    text = said[0].text
    groups = [text]
    if text.isascii() and len(text) <= 3:
        following = (token.text for token in said[1:3] if token.kind is Kind.NUMBER)
        groups += [group for group in following if group.isascii() and len(group) == 3]
    value = number("".join(groups))
    return None if value is None else Counted(value, len(groups))


def _is_known(token: Token) -> bool:
    words = vocabulary()
    return token.kind is Kind.DASH or token.text in words.about or token.text in words.people or token.text in words.means


def _known(said: Sequence[Token]) -> int:
    """Return how many words at the beginning may stand beside a count."""
    return next((at for at, token in enumerate(said) if not _is_known(token)), len(said))


def _means(line: str, rest: Sequence[Token], *, unknown: int) -> Means | None:
    """Read what stands behind a count; None if it is more than a means, so that a person must read it."""
    strange = [token for token in rest if not _is_known(token)]
    named = any(token.text in vocabulary().means for token in rest)
    people = any(token.text in vocabulary().people for token in rest)
    if any(token.kind is Kind.NUMBER for token in rest) or len(rest) > MEANS_WORDS:
        return None
    if strange and (unknown == 0 or danger_words(line) or not (named or (len(strange) <= unknown and not people))):
        return None
    means = _where(line, rest)
    return means if named or not means.text else Means(means.text, ("means-unknown",))


def _where(line: str, rest: Sequence[Token]) -> Means:
    """Return the words from the first to the last that is no "about" and no "people", as the person wrote them."""
    words = vocabulary()
    naming = [token for token in rest if token.kind is Kind.WORD and token.text not in words.about and token.text not in words.people]
    return Means(line[naming[0].start : naming[-1].end]) if naming else Means()


def _digit_and_alert(said: Sequence[Token], setting: Setting) -> Reply | None:
    """Read "1 12" or "12: 1" for open alert 12, where the two numbers can be read in one way alone.

    "3 12" may also be a count. It names the alert only while two are open: then we have asked which one is meant.
    """
    if len(said) != 2:
        return None
    readings = [
        replace(answer, alert_number=value)
        for one, other in (said, said[::-1])
        if (answer := digit(one)) and (value := _value(other)) in setting.open_alerts
    ]
    if len(readings) != 1:
        return None
    return guess(readings[0], "alert-or-count") if readings[0].meaning is Meaning.PASSED_ON else readings[0]


def _value(token: Token) -> int | None:
    return number(token.text) if token.kind is Kind.NUMBER else None


def _two_digits(said: Sequence[Token], setting: Setting) -> Reply | None:
    """Read "1 2", "1 and 2", "1+5": both answers, if they go together."""
    digits = [digit(token) for token in said if token.kind is Kind.NUMBER]
    answers = [answer for answer in digits if answer]
    plain = all(token.kind is Kind.NUMBER or _is_known(token) for token in said)
    if not plain or len(answers) != 2 or len(digits) != 2 or any(_value(token) in setting.open_alerts for token in said):
        return None
    return together(answers)
