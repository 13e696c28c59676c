"""How far the words of danger reach: `python -m tests.messages.danger` prints what is found of our own sentences."""

import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from messages.reply import reads_as

HELD_OUT = Path(__file__).parent / "reply" / "danger_held_out.toml"
KINDS = ("danger", "later", "everyday")


@dataclass(frozen=True, slots=True)
class Reach:
    """What was made of one language's sentences."""

    language: str
    sentences: Mapping[str, list[str]]

    def taken_for_danger(self, name: str) -> int:
        """Count the sentences of this kind that are read as danger."""
        return sum(bool(reads_as(sentence)) for sentence in self.sentences[name])

    def wrong(self) -> Iterator[str]:
        """Yield the sentences that were read otherwise than they are meant."""
        for name in ("danger", "later"):
            yield from (f"missed  {sentence}" for sentence in self.sentences[name] if not reads_as(sentence))
        yield from (f"false   {sentence}  {reads_as(sentence)}" for sentence in self.sentences["everyday"] if reads_as(sentence))


def measured() -> list[Reach]:
    """Read the sentences, by language."""
    return [Reach(language, table) for language, table in tomllib.loads(HELD_OUT.read_text("utf-8")).items()]


def rate(name: str) -> tuple[int, int]:
    """Return how many sentences of this kind were taken for danger, and of how many."""
    reached = measured()
    return sum(one.taken_for_danger(name) for one in reached), sum(len(one.sentences[name]) for one in reached)


def _row(of: str, *counts: tuple[int, int]) -> str:
    found, later, false = (f"{some} of {total}" for some, total in counts)
    return f"{of:8}{found:>12}{later:>16}{false:>16}"


def main() -> None:
    """Print found and false alarms per language, then what was read wrongly."""
    rows = [f"{'':8}{'found':>12}{'of later ones':>16}{'false alarms':>16}"]
    rows.extend(_row(one.language, *((one.taken_for_danger(name), len(one.sentences[name])) for name in KINDS)) for one in measured())
    rows.append(_row("all", *map(rate, KINDS)))
    sys.stdout.write("\n".join([*rows, "", *(f"{one.language:4}{wrong}" for one in measured() for wrong in one.wrong())]) + "\n")


if __name__ == "__main__":
    main()
