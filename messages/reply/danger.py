"""Danger to life in free sentences: phrases, and small classes of words that are danger when they stand together."""

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import groupby

from messages.reply.fold import Kind, accented, spaced, tokens
from messages.reply.words import every, tables

#: classes of which one word each, on one line and in any order, is danger
TOGETHER = (
    ("kin", "missing"),
    ("kin", "harm"),
    ("who", "harm"),
    ("took", "poison"),
    ("fire", "place"),
    ("water", "flood"),
    ("mass", "struck", "place"),
    ("mass", "struck", "kin"),
    ("mass", "struck", "who"),
)
#: characters of a reply that are searched; an SMS has at most 1,600, a WhatsApp message 4,096
DANGER_WITHIN = 10_000
ONE_SMS = 160
#: characters by which words are looked up
BEGINNING = 5


@dataclass(frozen=True, slots=True)
class Phrase:
    """One entry of a list: every needle must be on the same line, in any order; `exact` needles keep their accents."""

    entry: str
    needles: tuple[str, ...]
    exact: bool


@dataclass(frozen=True, slots=True)
class Word:
    """A phrase as one of a class of one language."""

    language: str
    name: str
    phrase: Phrase


@dataclass(frozen=True, slots=True)
class Dangers:
    """What all languages say of danger, read once."""

    phrases: tuple[Phrase, ...]
    #: how a word begins -> the words that begin so: of thousands, a text needs to be searched for a few
    words: Mapping[str, tuple[Word, ...]]
    calm: Mapping[str, tuple[Phrase, ...]]
    #: danger only when nothing else is said ("help", "fire")
    cries: frozenset[str]


@cache
def classes() -> Mapping[str, Mapping[str, list[str]]]:
    """Return danger_words.toml as it stands: language -> list by name."""
    loaded: Mapping[str, Mapping[str, list[str]]] = tomllib.loads(files("messages").joinpath("danger_words.toml").read_text("utf-8"))
    return loaded


@cache
def dangers() -> Dangers:
    """Return the words of danger of all languages, folded."""
    alone = dict.fromkeys((*every("danger"), *(entry for table in classes().values() for entry in table["danger"])))
    return Dangers(
        phrases=tuple(map(_phrase, alone)),
        words=_by_beginning(word for language in classes() for word in _words(language)),
        calm={language: tuple(map(_phrase, table["calm"])) for language, table in classes().items()},
        cries=frozenset(map(spaced, every("cry"))),
    )


def _words(language: str) -> Iterator[Word]:
    table = {**tables()[language], **classes()[language]}
    for name in sorted({name for rule in TOGETHER for name in rule}):
        yield from (Word(language, name, _phrase(entry)) for entry in table[name])


def _by_beginning(words: Iterable[Word]) -> dict[str, tuple[Word, ...]]:
    found: dict[str, list[Word]] = {}
    for word in words:
        found.setdefault(word.phrase.needles[0][:BEGINNING], []).append(word)
    return {beginning: tuple(same) for beginning, same in found.items()}


def _phrase(entry: str) -> Phrase:
    """Turn "child* + miss*" into what `in` finds in spaced text: a star leaves that end of the word open."""
    exact = entry.startswith("=")
    return Phrase(entry, tuple(_needle(part, exact=exact) for part in entry.removeprefix("=").split(" + ")), exact)


def _needle(part: str, *, exact: bool) -> str:
    before = "" if part.startswith("*") else " "
    after = "" if part.endswith("*") else " "
    return f"{before}{(accented if exact else spaced)(part).strip()}{after}"


def danger_words(text: str) -> tuple[str, ...]:
    """Return the entries of the danger lists that `text` holds, in any language; () if there is none.

    Words of one entry must stand on one line; in a short message people break lines anywhere.
    """
    body = text[:DANGER_WITHIN] if len(text) > ONE_SMS else " ".join(text.split())
    lines = body.splitlines()
    plain = "\n".join(map(spaced, lines))
    found = (*_phrases(plain, "\n".join(map(accented, lines))), *_together(lines, plain))
    return (*found, plain.strip()) if _is_cry(plain) else found


def _phrases(plain: str, exact: str) -> Iterator[str]:
    """Yield the phrases that are danger by themselves."""
    for phrase in dangers().phrases:
        text = exact if phrase.exact else plain
        if phrase.needles[0] in text and any(_holds(line, phrase) for line in text.split("\n")):
            yield phrase.entry


def _together(lines: list[str], plain: str) -> Iterator[str]:
    """Yield "daughter* + missing" once for every language and rule of `TOGETHER` that is met on one line."""
    met = {language: words for language, words in _spoken(plain).items() if any(_met(plain, words))}
    clauses = [_clauses(line) for line in lines] if met else []  # hardly any text meets a rule, and lines may be many
    for language, words in met.items():
        worried = (_worried(line, dangers().calm[language]) for line in clauses)
        yield from dict.fromkeys(entry for line in worried for entry in _met(line, words))


def _spoken(text: str) -> dict[str, list[Word]]:
    """Return the words of the classes that `text` holds, by language."""
    by_beginning, spoken = dangers().words, dict[str, list[Word]]()
    beginnings = {text[at : at + size] for size in range(1, BEGINNING + 1) for at in range(len(text))}
    for word in (word for beginning in sorted(by_beginning.keys() & beginnings) for word in by_beginning[beginning]):
        if _holds(text, word.phrase):
            spoken.setdefault(word.language, []).append(word)
    return spoken


def _met(line: str, words: Iterable[Word]) -> Iterator[str]:
    """Yield the rules of which every class has a word on this line, by the words' entries."""
    said: dict[str, str] = {}
    for word in words:
        if word.name not in said and _holds(line, word.phrase):
            said[word.name] = word.phrase.entry
    return (" + ".join(said[name] for name in rule) for rule in TOGETHER if said.keys() >= set(rule))


def _clauses(line: str) -> list[str]:
    """Return the clauses of a line, each spaced."""
    parts = groupby(tokens(line), key=lambda token: token.kind is Kind.BREAK)
    return [
        f" {' '.join(token.text for token in part if token.kind in (Kind.WORD, Kind.NUMBER))} " for is_break, part in parts if not is_break
    ]


def _worried(clauses: Iterable[str], calm: Iterable[Phrase]) -> str:
    """Return, as one line, the clauses that do not say that it is past, practised or well."""
    return " ".join(clause for clause in clauses if not any(_holds(clause, phrase) for phrase in calm)).replace("  ", " ")


def _holds(line: str, phrase: Phrase) -> bool:
    return all(needle in line for needle in phrase.needles)


def _is_cry(text: str) -> bool:
    """Say whether nothing but cries for help stands there: "hjelp", "brann, hjelp"."""
    cries = dangers().cries
    words = text.split()
    return text in cries or (bool(words) and all(f" {word} " in cries for word in words))
