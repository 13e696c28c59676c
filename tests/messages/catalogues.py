"""What the catalogues of words hold: `python -m tests.messages.catalogues` prints a row each and fails on the first that lacks anything.

frame: the words around a message. page: the pages for resource persons. ui: the pages for staff, whose English is the sentence itself.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import regex
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po

import locales

FOLDER = Path(locales.__path__[0])
DOMAINS = ("frame", "page", "ui")
#: {name} in frame and page, %(name)s in ui
_PLACEHOLDER = regex.compile(r"\{(\w*)\}|%\((\w+)\)s")


@dataclass(frozen=True, slots=True)
class Held:
    """One catalogue: how much it holds, and the entries in which something is wrong, by what."""

    domain: str
    tag: str
    entries: int
    plural: int
    forms: int
    reviewed: bool
    wrong: dict[str, list[str]]

    def __str__(self) -> str:
        faults = ", ".join(f"{len(entries)} {what}" for what, entries in self.wrong.items())
        state = "reviewed" if self.reviewed else "draft"
        counted = f", {self.plural} of them in {self.forms} forms" if self.plural else ""
        return f"{self.domain:6}{self.tag:6}{self.entries:5} entries{counted}; {faults}; {state}"


def catalogues(folder: Path = FOLDER) -> Iterator[Held]:
    """Yield every catalogue below `folder`; those of a domain are held against the English one, or the fullest."""
    for domain in DOMAINS:
        found = {path.parts[-3]: path for path in sorted(folder.glob(f"*/LC_MESSAGES/{domain}.po"))}
        read = {tag: _read(path) for tag, path in found.items()}
        english = _entries(read.get("en") or max(read.values(), key=len)) if read else {}
        for tag, path in found.items():
            yield _held(domain, tag, read[tag], english, reviewed='"X-Review: reviewed' in path.read_text("utf-8"))


def _read(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, abort_invalid=True)


def _entries(catalogue: Catalog) -> dict[str, Message]:
    return {entry.id if isinstance(entry.id, str) else entry.id[0]: entry for entry in catalogue if entry.id}


def _held(domain: str, tag: str, catalogue: Catalog, english: dict[str, Message], *, reviewed: bool) -> Held:
    entries = _entries(catalogue)
    plural = {msgid: entry for msgid, entry in entries.items() if not isinstance(entry.id, str)}
    wrong = {
        "missing": [msgid for msgid in english if msgid not in entries],
        "left over": [*(msgid for msgid in entries if msgid not in english), *map(str, catalogue.obsolete)],
        "empty": [msgid for msgid, entry in entries.items() if msgid not in plural and not all(_said(entry))],
        "fuzzy": [msgid for msgid, entry in entries.items() if entry.fuzzy],
        "with other placeholders": [msgid for msgid, entry in entries.items() if not _agrees(entry, english.get(msgid))],
        "without all plural forms": [msgid for msgid, entry in plural.items() if not all(_said(entry))],  # babel fills up with ""
    }
    return Held(domain, tag, len(entries), len(plural), catalogue.num_plurals, reviewed, wrong)


def _said(entry: Message) -> tuple[str, ...]:
    return (entry.string,) if isinstance(entry.string, str) else tuple(entry.string or ())


def _agrees(entry: Message, english: Message | None) -> bool:
    """Say whether every form has the places for values that the English has: where ids are sentences, each form's own."""
    if english is None:
        return True
    ids = [english.id] if isinstance(english.id, str) else [*english.id]
    if " " in ids[0]:
        return [*map(_places, ids)] == [*map(_places, _said(entry))]
    return {*map(_places, _said(entry))} == {_places(_said(english)[0])}


def _places(text: str) -> frozenset[str]:
    return frozenset("".join(found) for found in _PLACEHOLDER.findall(text))


def main(folder: Path = FOLDER) -> int:
    """Print every catalogue; return 1 if anything is wrong."""
    held = [*catalogues(folder)]
    sys.stdout.writelines(f"{one}\n" for one in held)
    wrong = [f"{one.domain} {one.tag}: {what}: {', '.join(entries)}\n" for one in held for what, entries in one.wrong.items() if entries]
    sys.stdout.writelines(wrong)
    sys.stdout.write(f"{len(held)} catalogues, {sum(one.entries for one in held)} entries, {len(wrong)} faults\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
