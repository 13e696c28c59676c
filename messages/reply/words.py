"""The words people answer with, per language, from reply_words.toml."""

import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from messages.reply.answer import Meaning
from messages.reply.fold import compact

#: the languages everybody in Norway may answer in, whatever else they have
EVERYBODY = ("nb", "nn", "en")

#: keys of a language's table that are answers; the others are lists of words with another office
ANSWERS = {
    "received": Meaning.RECEIVED,
    "will_pass": Meaning.WILL_PASS,
    "passed_on": Meaning.PASSED_ON,
    "cannot": Meaning.CANNOT,
    "ring_me": Meaning.RING_ME,
    "menu": Meaning.MENU,
    "pause": Meaning.PAUSE,
    "start": Meaning.START,
    "stop": Meaning.STOP,
}


@dataclass(frozen=True, slots=True)
class Stems:
    """Words and beginnings of words ("moske*"), folded; a beginning is also a word."""

    whole: frozenset[str]
    beginnings: tuple[str, ...]

    def __contains__(self, word: str) -> bool:
        return word in self.whole or word.startswith(self.beginnings)


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """All languages, read once."""

    #: language -> folded phrase -> meaning
    answers: Mapping[str, Mapping[str, Meaning]]
    #: folded phrase -> meaning, where all languages that have the phrase agree
    agreed: Mapping[str, Meaning]
    #: words that may stand around an answer without changing it
    polite: Stems
    thanks: Stems
    #: words that may stand beside a count: about; "30 to 40"; people; where it was passed on
    about: Stems
    range: Stems
    people: Stems
    means: Stems
    #: words that deny what stands beside them, or say that those counted are in need
    denied: Stems
    #: "no." before the number of an alert
    number_marks: Stems
    #: polite endings of a last word, in scripts that write words together
    endings: tuple[str, ...]
    #: language -> "twenty" -> 20
    numbers: Mapping[str, Mapping[str, int]]


@cache
def tables() -> Mapping[str, Mapping[str, list[str]]]:
    """Return reply_words.toml as it stands: language -> list by name."""
    loaded: Mapping[str, Mapping[str, list[str]]] = tomllib.loads(files("messages").joinpath("reply_words.toml").read_text("utf-8"))
    return loaded


@cache
def vocabulary() -> Vocabulary:
    """Return the words of all languages, folded."""
    answers = {language: dict(_phrases(table)) for language, table in tables().items()}
    return Vocabulary(
        answers=answers,
        agreed=_agreed(answers.values()),
        polite=_stems("polite"),
        thanks=_stems("thanks"),
        about=_stems("about"),
        range=_stems("range"),
        people=_stems("people"),
        means=_stems("means"),
        denied=_stems("denied"),
        number_marks=_stems("number_marks"),
        endings=tuple(map(compact, every("endings"))),
        numbers={language: _numbers(table) for language, table in tables().items()},
    )


def every(name: str) -> Iterator[str]:
    """Yield the entries that any language has under `name`, each once."""
    return iter(dict.fromkeys(entry for table in tables().values() for entry in table.get(name, ())))


def _phrases(table: Mapping[str, list[str]]) -> Iterator[tuple[str, Meaning]]:
    for name, meaning in ANSWERS.items():
        for phrase in table.get(name, ()):
            yield compact(phrase), meaning


def _agreed(answers: Iterable[Mapping[str, Meaning]]) -> dict[str, Meaning]:
    meanings: dict[str, set[Meaning]] = {}
    for said in answers:
        for phrase, meaning in said.items():
            meanings.setdefault(phrase, set()).add(meaning)
    return {phrase: found.pop() for phrase, found in meanings.items() if len(found) == 1}


def _numbers(table: Mapping[str, list[str]]) -> dict[str, int]:
    return {compact(word): value for value, word in enumerate(table.get("numbers", ()), 1)}


def _stems(name: str) -> Stems:
    entries = list(every(name))
    beginnings = tuple(compact(entry) for entry in entries if entry.endswith("*"))
    return Stems(frozenset(map(compact, entries)), beginnings)


def meaning_of(phrase: str, languages: Sequence[str]) -> tuple[Meaning, bool] | None:
    """Look a folded phrase up in the person's languages, then everybody's, then all others if they agree.

    The flag says whether it was found only among the others. None: nobody says this, or two languages disagree.
    """
    return _found(phrase, languages) or next(
        (found for ending in vocabulary().endings if phrase.endswith(ending) and (found := _found(phrase.removesuffix(ending), languages))),
        None,
    )


def _found(phrase: str, languages: Sequence[str]) -> tuple[Meaning, bool] | None:
    answers = vocabulary().answers
    for language in (*languages, *EVERYBODY):
        if phrase in answers.get(language, ()):
            return answers[language][phrase], False
    elsewhere = vocabulary().agreed.get(phrase)
    return (elsewhere, True) if elsewhere else None
