"""What the readers of lists say about a cell, in the reader's language: a sentence is known by its fixed words, and its values stay."""

import re
from functools import cache

from relay.web import words

#: as relay.people_csv and relay.store.merge write them
SENTENCES = (
    "%(n)s characters, at most %(most)s: shorten it",
    "%(cell)s has invisible signs: type it anew",
    "%(cell)s is no language that we know: did you mean %(meant)s? Write its name or its code, like tigrinja or ti",
    "%(cell)s is no language that we know: write its name or its code, like tigrinja or ti",
    "%(cell)s has lost its digits to the spreadsheet: format the column as text and type it anew",
    "%(cell)s is no telephone number: leave only the number, like +47 412 34 567",
    "%(cell)s is no telephone number: write it like +47 412 34 567",
    "%(cell)s is no number in use: look for a missing or wrong digit, or a missing country code",
    "%(cell)s is no mobile and cannot get SMS: give a mobile number",
    "%(cell)s is no e-mail address that we can write to: it must look like name@example.no",
    "%(cell)s is no channel: write sms, whatsapp or e-post",
    "%(cell)s is no date: write it like 2026-11-23 or 23.11.2026",
    "%(cell)s are no hours: write them like 08:00-16:00",
    "%(cell)s begins where it ends: write hours like 21:00-07:00, or «ingen»",
    "%(cell)s is neither yes, no nor a day: write ja, nei or a day like 2026-11-23",
    "more cells than headings: put cells that hold a separator in quotation marks",
    "is empty: fill it in",
    "no mobile, WhatsApp or e-mail: fill in at least one",
    "%(cell)s has no address in this row: fill it in, or leave it out here",
    "there is no mobile number that this could mean: write the number",
    "ends before it begins: look at both dates",
    "%(cell)s has not come yet: write the day on which it was confirmed",
    "%(cell)s is neither: write frivillig or ansatt",
    "a volunteer has no working hours: empty this cell, or write ansatt",
    "%(cell)s is taken as bokmål; if it is not, write nynorsk",
    "without a dated agreement nothing will be sent to this person",
    "the agreement begins on %(day)s: nothing will be sent to this person before then",
    "the agreement ended on %(day)s: nothing will be sent to this person",
    "until the age is confirmed nothing will be sent to this person",
    "an employee without working hours is written to like a volunteer",
    "%(cell)s looks like a formula; it is kept as text",
    "the same person as in row %(row)s: leave one of them out",
    "the same %(medium)s address as in row %(row)s; kept, if the two share it",
    "nobody can stand by for themselves: write another name",
    "%(cell)s is the name of %(n)s people in this file: make the names differ",
    "%(cell)s is neither in this file nor in the register: write the name as it stands there",
    "%(cell)s stands by for somebody else: name a person who is asked first",
    "no people of this name are in the register: it must be one, so make the names differ",
    "%(n)s people of this name are in the register: it must be one, so make the names differ",
    "somebody of this name is in the register with other addresses; this is taken for another person",
    "the same person as row %(row)s, by the register: put both addresses into one row",
    "there is more than one group for %(language)s: write which, %(names)s",
    "This is a workbook, not a CSV file. Save it as «CSV UTF-8» in the spreadsheet program.",
    "This is not a text file that can be read. Save it as «CSV UTF-8» in the spreadsheet program.",
    "The columns «%(one)s» and «%(other)s» mean the same. Leave one out.",
    "The first line must hold the headings. These are missing: %(names)s.",
    "The file has %(n)s people, at most %(most)s can be imported at once. Divide it.",
    "The file has %(n)s bytes, at most %(most)s can be imported. Divide it.",
)
_HOLE = re.compile(r"%\\\((\w+)\\\)s|%\((\w+)\)s")


def in_words(language: str, told: str) -> str:
    """Return a sentence about a cell or a file in `language`; one that nobody has translated as it is."""
    for sentence, pattern in _patterns():
        if found := pattern.fullmatch(told):
            return words.say(language, sentence, **found.groupdict())
    return words.say(language, told) if "%" not in told else told


@cache
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((sentence, re.compile(_HOLE.sub(_hole, re.escape(sentence)), re.DOTALL)) for sentence in SENTENCES)


def _hole(found: re.Match[str]) -> str:
    return f"(?P<{found[1] or found[2]}>.+?)"
