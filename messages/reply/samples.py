"""Sample replies of every language, and what each must be understood as: made in every script, and written by hand (reply_samples.toml).

`python -m messages.reply --table` prints them, the tests hold them against the grammar; nothing that understands a reply reads this.
"""

import tomllib
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from messages.reply.answer import Meaning, Reply
from messages.reply.grammar import understand
from messages.reply.mail import is_automatic
from messages.reply.words import ANSWERS, tables

#: ten digits of the script, for samples of languages whose people have digits of their own; the grammar reads those of every script
OWN_DIGITS = {
    "ar": "٠١٢٣٤٥٦٧٨٩",
    "ckb": "٠١٢٣٤٥٦٧٨٩",
    "fa": "۰۱۲۳۴۵۶۷۸۹",
    "fa-AF": "۰۱۲۳۴۵۶۷۸۹",
    "ps": "۰۱۲۳۴۵۶۷۸۹",
    "ur": "۰۱۲۳۴۵۶۷۸۹",
    "my": "၀၁၂၃၄၅၆၇၈၉",
    "th": "๐๑๒๓๔๕๖๗๘๙",
}
FULL_WIDTH = "０１２３４５６７８９"
KEYCAP = "\ufe0f\u20e3"
RIGHT_TO_LEFT_MARK = "\u200f"


@dataclass(frozen=True, slots=True)
class Expected:
    """What a reply must be understood as."""

    meaning: Meaning
    count: int | None = None
    means: str | None = None
    danger: bool = False
    legend: int | None = None
    alert_number: int | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One reply of the table: what came in, with what the house knew, and what it must be understood as."""

    language: str
    text: str
    expected: Expected
    asked: Mapping[str, Any] = field(default_factory=dict)

    def read(self) -> Reply:
        """Understand it."""
        return understand(self.text, languages=(self.language,), **self.asked)

    def holds(self) -> bool:
        """Say whether it is understood as written."""
        said, expected = self.read(), self.expected
        got = (said.meaning, said.count, said.danger, said.legend, said.alert_number)
        wanted = (expected.meaning, expected.count, expected.danger, expected.legend, expected.alert_number)
        return got == wanted and expected.means in (None, said.means)


@cache
def samples() -> Mapping[str, Mapping[str, Any]]:
    """Return reply_samples.toml as it stands: language -> lists by name."""
    return tomllib.loads(files("messages").joinpath("reply_samples.toml").read_text("utf-8"))


def rows(language: str) -> list[Row]:
    """Return every row of one language."""
    made = (_digits, _counts, _two_alerts, _signs, _words, _bound, _in_mail, _by_hand)
    return [row for make in made for row in make(language)]


def _row(language: str, text: str, meaning: Meaning, *, asked: Mapping[str, Any] | None = None, **expected: Any) -> Row:
    return Row(language, text, Expected(meaning, **expected), asked or {})


def _own(language: str, text: str) -> str:
    """Write `text` in the digits of the language."""
    return text.translate(str.maketrans("0123456789", OWN_DIGITS.get(language, "0123456789")))


def _digits(language: str) -> Iterator[Row]:
    plain = {"1": Meaning.RECEIVED, "2": Meaning.WILL_PASS, "3": Meaning.PASSED_ON, "4": Meaning.CANNOT, "5": Meaning.RING_ME}
    asking = {"0": Meaning.MENU, "8": Meaning.IN_FORCE, "9": Meaning.VERIFY}
    for digit, meaning in (plain | asking).items():
        yield _row(language, _own(language, digit), meaning, legend=0)
    for digit, meaning in plain.items():
        yield _row(language, FULL_WIDTH[int(digit)], meaning, legend=0)
        yield _row(language, digit + KEYCAP, meaning, legend=0)
    for text in (f"{RIGHT_TO_LEFT_MARK}1.", " 1 !", "(1)", "1a", "1\n\n"):
        yield _row(language, text, Meaning.RECEIVED, legend=0)


def _counts(language: str) -> Iterator[Row]:
    table, passed, is_open = tables()[language], Meaning.PASSED_ON, {"count_open": True}
    about, people, means = table["about"][0], table["people"][0], table["means"][0].rstrip("*")
    for text in ("3 40", "40 3", "3: 40", f"3 {about} 40", f"3, 40 {people}", "3\n40", "3-40", "3️⃣ 4️⃣0️⃣"):
        yield _row(language, _own(language, text), passed, count=40, legend=0)
    yield _row(language, f"3 {about} 40 {means}", passed, count=40, means=means, legend=0)
    yield _row(language, "3 whatsapp 40", passed, count=40, means="whatsapp", legend=0)
    for text in ("40", f"{about} 40", f"40 {people}", "40-50"):
        yield _row(language, _own(language, text), passed, asked=is_open, count=40)
    yield _row(language, _own(language, "3 1 200"), passed, count=1200, legend=0)
    yield _row(language, _own(language, "99999"), passed, asked=is_open, count=99999)
    yield _row(language, "40", Meaning.MESSAGE)


def _two_alerts(language: str) -> Iterator[Row]:
    for digit, meaning in {"61": Meaning.RECEIVED, "62": Meaning.WILL_PASS, "64": Meaning.CANNOT}.items():
        yield _row(language, _own(language, digit), meaning, legend=6)
    yield _row(language, _own(language, "72"), Meaning.WILL_PASS, legend=7)
    yield _row(language, _own(language, "63 40"), Meaning.PASSED_ON, count=40, legend=6)
    yield _row(language, "61\n71", Meaning.MESSAGE)
    yield _row(language, "1 12", Meaning.MESSAGE)
    yield _row(language, "1 12", Meaning.RECEIVED, asked={"open_alerts": (12, 13)}, legend=0, alert_number=12)


def _signs(language: str) -> Iterator[Row]:
    for text in ("👍", "👍🏽", "✔️", "✅", "👍👍🏿", "🆗"):
        yield _row(language, text, Meaning.RECEIVED)
    yield _row(language, "2 👍", Meaning.WILL_PASS, legend=0)
    yield _row(language, "👎", Meaning.MESSAGE)
    yield _row(language, " \u200b ", Meaning.EMPTY)


def _words(language: str) -> Iterator[Row]:
    for name, meaning in ANSWERS.items():
        for phrase in tables()[language][name]:
            yield _row(language, phrase, meaning, danger=phrase.lower() == "help")
    yield _row(language, "STOP", Meaning.STOP)
    yield _row(language, "STOPP!", Meaning.STOP)
    yield _row(language, f"{tables()[language]['stop'][0]} {samples()[language]['plain'][0]}", Meaning.MESSAGE)


def _bound(language: str) -> Iterator[Row]:
    title = tables()[language]["received"][0]
    yield _row(language, title, Meaning.RECEIVED, asked={"payload": "12.1"}, alert_number=12)
    yield _row(language, title, Meaning.CANNOT, asked={"payload": "7.4"}, alert_number=7)
    yield _row(language, "2", Meaning.AUTO_REPLY, asked={"automatic": True})


def _in_mail(language: str) -> Iterator[Row]:
    sample, table, mail = samples()[language], tables()[language], {"mail": True}
    legend = "\n".join(f"> {digit} {table[name][0]}" for digit, name in ((1, "received"), (2, "will_pass"), (4, "cannot")))
    yield _row(language, f"2\n\n{sample['wrote']}\n{legend}", Meaning.WILL_PASS, asked=mail, legend=0)
    yield _row(
        language, f"{sample['hello']}\n\n4\n\n{table['thanks'][0]}\n\n{sample['wrote']}\n{legend}", Meaning.CANNOT, asked=mail, legend=0
    )
    yield _row(language, f"{sample['wrote']}\n{legend}\n\n1", Meaning.RECEIVED, asked=mail, legend=0)
    yield _row(language, f"{sample['wrote']}\n{legend}", Meaning.EMPTY, asked=mail)
    yield _row(language, f"{sample['wrote']}\n{legend.replace('> ', '')}\n\n1", Meaning.MESSAGE, asked=mail)
    yield _row(language, legend.replace("> ", ""), Meaning.MESSAGE)
    away = {"automatic": is_automatic({}, sample["away"])} | mail
    yield _row(language, f"1\n{sample['away']}", Meaning.AUTO_REPLY, asked=away)


def _by_hand(language: str) -> Iterator[Row]:
    sample, is_open = samples()[language], {"count_open": True}
    for text in (*sample["digits"], *sample["plain"]):
        yield _row(language, text, Meaning.MESSAGE)
    for text in (*sample["digits_alarm"], *sample["alarm"], *sample["missing"]):
        yield _row(language, text, Meaning.MESSAGE, danger=True)
    for text in sample["digits_alarm"]:
        yield _row(language, text, Meaning.MESSAGE, asked=is_open, danger=True)
    yield _row(language, f"1\n{sample['alarm'][0]}", Meaning.RECEIVED, legend=0, danger=True)
    for text, meaning, *more in sample["said"]:
        count, means = (*more, None, None)[:2]
        legend = 0 if unicodedata.digit(text[0], 0) in (1, 3) else None
        yield _row(language, text, Meaning(meaning), count=count, means=means, legend=legend)
