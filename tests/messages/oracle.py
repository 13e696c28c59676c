"""Another program's opinion: `python -m tests.messages.oracle [COUNT]` cuts so many texts of all scripts, 100,000 if none is given.

Where we differ from smsutil, the difference must follow from a rule that messages/segments.py states; it prints how often which does.
"""

import random
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import regex
import smsutil

from messages.segments import LIMITS, Coding, alphabet, split, units

ALPHABETS = [
    "abcdefghijklmnopqrstuvwxyzæøåÆØÅ 0123456789,.-\n",
    "^{}\\[~]|€\fabc ",
    "абвгдеєжзиіїйклмнопрстуфхцчшщьюя ",
    "ابتثجحخدذرزسشصضطظعغفقكلمنهويپچژگکیۀ ",
    "ሀለሐመሠረሰሸቀበተኀነአከኸወዐዘየደጀገጠጰጸፈፐ ",
    "กขคงจฉชซญฎฏฐฑาิีึืุูเแโใไ่้ ",
    "ကခဂဃငစဆဇဈညတထဒဓနပဖဗဘမယရလဝသဟအ\u1039\u103a\u102c ",
    "अआइईकखगघङचछजझ\u093f\u0940\u094d\u0902 ",
    "அஆஇகஙசஞடண\u0bbe\u0bbf\u0bcd ",
    "ąćęłńóśźżėšųūžșțğışçêîûáčđŋŧ ",
    "中文简体繁體字 ",
    "ქართულიհայերենខ្មែរ ",
    "😀👍🇳🇴👨👩\u200d\u200c\u200f\ufe0f\u20e3 1",
    "\r\nab я",
    "\x1babc€ ",
]


#: rule of messages/segments.py -> how it is told from a letter that the other program cut in two
LETTERS = {
    "a line end of two characters stays whole": r"\r\n",
    "a flag stays whole": r"\p{Regional_Indicator}{2}.*",
    "a picture of several characters stays whole": r"[\p{Extended_Pictographic}0-9#*].*",
    "a letter with its marks stays whole": r".*[\p{M}\u200c\u200d\ufe0f].*",
}
ESCAPE_RULE = "the escape character itself is foreign to GSM-7"


class Unexplained(AssertionError):
    """A text is cut otherwise than by smsutil, and no rule of ours says why."""


@dataclass
class Comparison:
    """How many texts were cut alike, and how many otherwise by which rule; `dearer` counts those that cost one part more."""

    alike: int = 0
    dearer: int = 0
    by_rule: Counter[str] = field(default_factory=Counter)


def texts(number: int, seed: int) -> list[str]:
    """So many random texts, each of one script, of lengths around the limits."""
    dice = random.Random(seed)
    return ["".join(dice.choices(dice.choice(ALPHABETS), k=dice.choice((3, 40, 90, 150, 170, 320)))) for _ in range(number)]


def compare(number: int, seed: int) -> Comparison:
    """Cut so many texts both ways. Raises Unexplained."""
    found = Comparison()
    for text in texts(number, seed):
        theirs = [part.content for part in smsutil.split(text).parts]
        ours = split(text)
        if theirs == ours and _same_alphabet(text):
            found.alike += 1
        else:
            found.by_rule[_explain(text, theirs, ours)] += 1
            found.dearer += len(ours) > len(theirs)
    return found


def _same_alphabet(text: str) -> bool:
    theirs = smsutil.split(text)
    size = 1 if theirs.encoding == "gsm0338" else 2
    return (size == 1) == (alphabet(text) is Coding.GSM7) and theirs.total_bytes == size * units(text, alphabet(text))


def _explain(text: str, theirs: Sequence[str], ours: Sequence[str]) -> str:
    """The rule behind a difference: every cut of ours is the last one possible between two letters, counted as they count."""
    if not _same_alphabet(text):
        if "\x1b" in text and alphabet(text.replace("\x1b", "")) is Coding.GSM7:
            return ESCAPE_RULE
        raise Unexplained(f"another alphabet or length: {text!r}")
    if ours != _cut_between_letters(text):
        raise Unexplained(f"not cut between letters: {text!r}")
    return _rule_of(_first_torn(text, theirs))


def _cut_between_letters(text: str) -> list[str]:
    """What smsutil would do if its unit were the letter: each part the longest run of whole letters that it counts as one part."""
    room = LIMITS[alphabet(text)][1] * (1 if alphabet(text) is Coding.GSM7 else 2)
    parts = [""]
    for letter in regex.findall(r"\X", text):
        if smsutil.split(parts[-1] + letter, room, room).total_bytes > room:
            parts.append("")
        parts[-1] += letter
    return parts


def _first_torn(text: str, theirs: Sequence[str]) -> str:
    """The first letter that the other program cut in two."""
    ends, position = set(), 0
    for part in theirs[:-1]:
        position += len(part)
        ends.add(position)
    torn = (letter[0] for letter in regex.finditer(r"\X", text) if ends & set(range(letter.start() + 1, letter.end())))
    letter = next(torn, None)
    if letter is None:
        raise Unexplained(f"no letter was torn: {text!r}")
    return letter


def _rule_of(letter: str) -> str:
    found = next((rule for rule, pattern in LETTERS.items() if regex.fullmatch(pattern, letter, regex.DOTALL)), None)
    if found is None:
        raise Unexplained(f"{letter!r} is a letter of no known make")
    return found


def main(arguments: Sequence[str]) -> int:
    """Compare as many texts as asked for, and print what came of it."""
    number = int(arguments[0]) if arguments else 100_000
    found = compare(number, seed=12)
    differing = found.by_rule.total()
    lines = (f"  {count:6} {rule}" for rule, count in found.by_rule.most_common())
    head = f"{number} texts of {len(ALPHABETS)} alphabets: {found.alike} cut as smsutil does, {differing} otherwise"
    sys.stdout.write("\n".join((f"{head} ({found.dearer} cost a part more), by rule:", *lines, "")))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
