"""The grammar of answers: text in, `Reply` out. Whatever it does not know for certain is a message for a person to read.

A digit is an answer only when it stands alone on its line (3 with a number). So a line is read by the few shapes that answers
have (`phrases`, `digits`) and no other: "4 children missing" has no shape, in any language.
"""

from collections.abc import Sequence
from dataclasses import replace

from messages.reply.answer import Meaning, Reply
from messages.reply.danger import danger_words
from messages.reply.digits import DIGITS, MOST_PLAUSIBLE, Setting, in_digits
from messages.reply.fold import Kind, compact, tokens, visible
from messages.reply.mail import says_nothing, unquoted, whole
from messages.reply.phrases import WHOLE_BODY, bare, courtesy, guess, spoken, together

#: the short names in `Reply.guessed`, and what each says was assumed
GUESSES = {
    "alert-or-count": "the number is an open alert's, and two are open: the alert is taken, not a count",
    "alert-only": "only an alert's number was written: it names the alert, and answers nothing by itself",
    "carrier-word": "operators act on this word themselves (they opt people in or out), so it is no answer",
    "count-first": "the count stood before the 3",
    "count-implausible": "nobody, or more than 5,000 people: ask back once",
    "count-or-alert": "the count is also the number of an open alert",
    "count-or-answer": "the number is also an answer's digit; the open question about the count decided",
    "count-range": "a range was written; the lower number is taken",
    "count-without-3": "a number alone, while the question about the count is open",
    "count-word": "the count was written in letters",
    "digit-and-word": "the digit's own word stood beside the digit",
    "language-word": "a word, not a digit",
    "means-unknown": "what stands beside the count is none of the means we know",
    "more-text": "other lines stand beside the answer: a person should read them",
    "several-answers": "answers that do not go together: a person must read them",
    "sign": "a thumb or a tick",
    "thanks": "only thanks: taken as received",
    "trailing-letter": "a letter stood behind the digit",
    "two-answers": "two answers; the one that says more is taken",
    "word-elsewhere": "the word belongs to a language that this person is not registered with",
}

#: never answers and never ours to act on: operators opt people in (YES) or out (CANCEL, END, QUIT) by them
CARRIER_WORDS = frozenset(("yes", "no", "cancel", "end", "quit"))
#: a greeting comes first, thanks and a name come last
LINES_READ = 5
LONGEST_LINE = 300


def understand(
    text: str,
    *,
    languages: Sequence[str] = (),
    payload: str = "",
    count_open: bool = False,
    mail: bool = False,
    automatic: bool = False,
    open_alerts: Sequence[int] = (),
) -> Reply:
    """Read what a person sent. Never raises; text that is no answer is a MESSAGE.

    `payload` is a button's ("12.1": alert, digit) or a form's ("12.3.40": with a count; the text then names the means), and binds
    exactly. `open_alerts` are the numbers this person may answer:
    "1 12" is an answer to no. 12 only if 12 is one of them, since a number may be anything else. Only `mail` quotes; one that
    seems to hold nothing but what it quotes is read by a person, and no digit in it is an answer.
    """
    body = own_words(text, mail=mail)
    if automatic:
        return Reply(meaning=Meaning.AUTO_REPLY, danger=bool(danger_words(body)), text=body)
    setting = Setting(tuple(languages), count_open, frozenset(open_alerts))
    all_quoted = mail and bool(body) and not unquoted(text)
    button = _button(payload)
    said = button or (Reply(meaning=Meaning.MESSAGE) if all_quoted else _body(body, setting))
    means = body if button and button.count is not None else said.means
    return replace(said, danger=bool(danger_words(body)), text=body, means=means)


def own_words(text: str, *, mail: bool = False) -> str:
    """Return what the person wrote: of a mail without what it quotes; all of it if that leaves nothing, for they may have written there."""
    if not mail:
        return whole(text)
    return unquoted(text) or ("" if says_nothing(text) else whole(text))


def _button(payload: str) -> Reply | None:
    alert, _, rest = payload.strip().partition(".")
    digit, _, people = rest.partition(".")
    if digit not in DIGITS or not _is_number(alert):
        return None
    if people and not (DIGITS[digit] is Meaning.PASSED_ON and _is_number(people)):
        return None
    said = Reply(meaning=DIGITS[digit], alert_number=int(alert), count=int(people) if people else None)
    return guess(said, "count-implausible") if people and not 0 < int(people) <= MOST_PLAUSIBLE else said


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 9


def _body(body: str, setting: Setting) -> Reply:
    lines = [line[: LONGEST_LINE + 1] for line in body.splitlines() if visible(line)]  # the one more says: too long
    if not lines:
        return Reply(meaning=Meaning.EMPTY)
    if len(lines) == 1 and compact(lines[0]) in CARRIER_WORDS:
        return Reply(meaning=Meaning.MESSAGE, guessed=("carrier-word",))
    if all(_only_numbers(line) for line in lines):
        lines = [" ".join(lines)]  # "3" and "40" one below the other
    return _lines(lines, setting)


def _only_numbers(line: str) -> bool:
    return all(token.kind in (Kind.NUMBER, Kind.BREAK) for token in tokens(line))


def _lines(lines: Sequence[str], setting: Setting) -> Reply:
    """Read the first lines, each by itself, and make one answer of what was found."""
    read = [_line(line, setting) for line in lines[:LINES_READ]]
    answers = [answer for answer in read if answer and not (_needs_whole_body(answer) and len(lines) > 1)]
    if not answers:
        return Reply(meaning=Meaning.MESSAGE)
    said = together(answers)
    unread = [line for line, answer in zip(lines, read, strict=False) if not answer and bare(tokens(line))]
    more = said.meaning is not Meaning.MESSAGE and (unread or len(lines) > LINES_READ)
    return guess(said, "more-text") if more else said


def _needs_whole_body(answer: Reply) -> bool:
    return answer.meaning in WHOLE_BODY and answer.legend is None


def _line(line: str, setting: Setting) -> Reply | None:
    """Read one line; None if it is no answer."""
    if len(line) > LONGEST_LINE:
        return None
    said = tokens(line)
    core = bare(said)
    if not core:
        return courtesy(said)
    return spoken(said, setting.languages) or in_digits(line, core, setting) or in_digits(line, said, setting)
