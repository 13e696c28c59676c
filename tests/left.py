"""Which texts left, by the provider's ledger: in whose language, in which text, over which channels.

    python -m tests.left LEDGER [--cap FILE] [--people 60] [--seed 1]

A text counts where headline and forward stand in a body word for word. It is in a language that its reader registered, or the frame
says in theirs that it is not, or it is the Norwegian beneath a letter in theirs. Danger words are shown with the first answer that
followed, and whether the duty officer was called.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from channels.sandbox.ledger import Entry, Event
from channels.sandbox.people import CHARACTERS
from messages.cap import draft, read
from messages.frames import say
from relay.town import Town, town
from tests.recount import CHANNELS, DUTY_PHONE, Book, book_of, one_line

#: language -> headline and forward, on one line each
Texts = Mapping[str, tuple[str, str]]


#: how a text may stand in a body
THEIRS, OTHER, BENEATH, UNSAID = "", "said not to be theirs", "beneath a letter in theirs", "NOT THEIRS, UNSAID"


@dataclass(frozen=True, slots=True, order=True)
class Left:
    """What kind of copy left: the reader's first language, the text's, and how it stands there."""

    reader: str
    text: str
    how: str


def accepted(book: Book) -> list[Entry]:
    """Return what the provider took, in order."""
    return [entry for entry in book.entries if entry.event is Event.ACCEPTED]


def left(book: Book, people: Town, texts: Texts) -> dict[Left, Counter[str]]:
    """Return how many copies of each kind left by each channel."""
    found: dict[Left, Counter[str]] = {}
    tongues = _tongues(people)
    for entry in (one for one in accepted(book) if one.to in tongues):
        body, own = one_line(entry.body), tongues[entry.to]
        inside = [language for language, (headline, forward) in texts.items() if headline in body and forward in body]
        for language in inside:
            kind = Left(own[0], language, _how(language, own, inside, body))
            found.setdefault(kind, Counter())[entry.channel] += 1
    return found


def _tongues(people: Town) -> dict[str, list[str]]:
    """Return what those who hold an address read, the first one's first language first."""
    found: dict[str, list[str]] = {}
    for person in people.people:
        for way in person.ways:
            found.setdefault(way.value, []).extend(person.languages)
    return found


def _how(language: str, own: Sequence[str], inside: Sequence[str], body: str) -> str:
    if language in own:
        return THEIRS
    if language == "nb" and set(own).intersection(inside):
        return BENEATH
    return OTHER if one_line(say(own[0], "missing.no_text")) in body else UNSAID


def texts_of_cap(document: bytes) -> Texts:
    """Return the texts of an official message as it is sent."""
    variants = draft(read(document).alerts[0]).variants
    return {one.language: (one_line(one.headline), one_line(one.forward)) for one in variants}


def dangers(book: Book) -> Iterator[tuple[Entry, Entry | None, Entry | None]]:
    """Yield what people wrote of danger, the first answer to it, and the first message to the duty officer after it."""
    worried = {phone.number for phone in book.phones.values() if CHARACTERS[phone.character].text == "{danger}"}
    for wrote in book.entries:
        if wrote.event is Event.INBOUND and wrote.sender in worried:
            after = [entry for entry in accepted(book) if entry.n > wrote.n]
            answer, alarm = (next((entry for entry in after if entry.to == to), None) for to in (wrote.sender, DUTY_PHONE))
            yield wrote, answer, alarm


def _rows(found: Mapping[Left, Counter[str]]) -> Iterator[str]:
    yield f"{'reader':8}{'text':8}{'':28}{''.join(f'{name:>10}' for name in CHANNELS)}"
    for kind, by in sorted(found.items()):
        yield f"{kind.reader:8}{kind.text:8}{kind.how:28}{''.join(f'{by[name]:10}' for name in CHANNELS)}"
    channels = sorted({name for by in found.values() for name in by})
    texts, readers = {kind.text for kind in found}, {kind.reader for kind in found}
    yield f"texts of {len(texts)} languages for readers of {len(readers)}, over {len(channels)} channels"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; return 1 if a copy in another language does not say so, or danger was not answered and alarmed."""
    parser = argparse.ArgumentParser(prog="python -m tests.left", description="Which texts left, by the ledger.")
    parser.add_argument("ledger", type=Path)
    parser.add_argument("--cap", type=Path, help="the official message that was sent instead of the demo's own")
    parser.add_argument("--people", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args(arguments)
    people = town(asked.people, asked.seed)
    book = book_of(asked.ledger, people)
    found = left(book, people, texts_of_cap(asked.cap.read_bytes()) if asked.cap else book.texts)
    heard = [*dangers(book)]
    unsaid = [kind for kind in found if kind.how == UNSAID]
    sys.stdout.writelines(f"{row}\n" for row in _rows(found))
    for wrote, answer, alarm in heard:
        sys.stdout.write(f"danger: {wrote.body!r}\n  answered: {answer and answer.body!r}\n  alarmed: {alarm and alarm.body!r}\n")
    sys.stdout.write(f"{len(unsaid)} kinds of copies keep silent about their language\n")
    return 1 if unsaid or not found or not all(answer and alarm for _, answer, alarm in heard) else 0


if __name__ == "__main__":
    sys.exit(main())
