"""Shows how replies are understood: `python -m messages.reply --table [LANGUAGE …]`, or one reply given as text."""

import argparse
import sys
from collections.abc import Iterator, Sequence

from messages.reply.answer import Reply
from messages.reply.danger import danger_words
from messages.reply.grammar import GUESSES, understand
from messages.reply.samples import Row, rows
from messages.reply.words import tables


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what was asked for; return 1 if a row of the table is not understood as written."""
    parser = argparse.ArgumentParser(prog="python -m messages.reply", description="How replies are understood.")
    parser.add_argument("--table", nargs="*", metavar="LANGUAGE", help="print the table of replies, of all languages if none is named")
    parser.add_argument("text", nargs="?", help="one reply to understand")
    asked = parser.parse_args(arguments)
    if asked.table is None and asked.text is None:
        parser.error("give a reply, or --table")
    if asked.table is None:
        _print([describe(understand(asked.text)), *_meanings(understand(asked.text)), *danger_words(asked.text)])
        return 0
    unknown = sorted(set(asked.table) - set(tables()))
    if unknown:
        parser.error(f"no words for {', '.join(unknown)}; there are {', '.join(tables())}")
    return _table(asked.table or list(tables()))


def _table(languages: Sequence[str]) -> int:
    wrong, total = 0, 0
    for language in languages:
        made = rows(language)
        missed = [row for row in made if not row.holds()]
        wrong, total = wrong + len(missed), total + len(made)
        _print((f"\n{language}: {len(made)} replies, {len(made) - len(missed)} understood as written", *map(_line, made)))
    _print(("\nGuessed:", *(f"  {name}: {words}" for name, words in GUESSES.items())))
    _print(("", f"{len(languages)} languages, {total} replies, {total - wrong} understood as written"))
    return 1 if wrong else 0


def _line(row: Row) -> str:
    known = "".join(f" [{name}={value}]" for name, value in row.asked.items())
    mark = " " if row.holds() else "✗"
    return f"{mark} {row.text!r}{known}  ->  {describe(row.read())}"


def describe(reply: Reply) -> str:
    """Return a reply as one line: meaning, values, and what was guessed."""
    values = (
        reply.meaning.value,
        "" if reply.count is None else f"count {reply.count}",
        reply.means and f"means {reply.means}",
        f"legend {reply.legend}" if reply.legend else "",
        "" if reply.alert_number is None else f"no. {reply.alert_number}",
        "DANGER" if reply.danger else "",
        reply.guessed and f"guessed: {', '.join(reply.guessed)}",
    )
    return " · ".join(value for value in values if value)


def _meanings(reply: Reply) -> Iterator[str]:
    return (f"  {name}: {GUESSES[name]}" for name in reply.guessed)


def _print(lines: Sequence[str] | Iterator[str]) -> None:
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    sys.exit(main())
