"""The handbook's blocks of code, with the marks that stand in a comment before them.

    <!-- way one: packages -->   run by first_way.py in an empty tree, with the packages' registries at hand
    <!-- way one: start -->      run there afterwards, without any network but the machine's own
    <!-- way one: beside -->     likewise, and goes on beside the rest
    <!-- exit: 0 6 -->           the exit codes that are right, where 0 alone is not
    <!-- not run: WHY -->        cannot be run here; the tests count these and print why

A block of shell without a mark is run by tests/docs in a temporary installation.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

_MARK = re.compile(r"<!--\s*(?P<name>[a-z ]+?):\s*(?P<value>.*?)\s*-->")
_FENCE = re.compile(r"(?P<indent>\s*)```(?P<language>\w*)")

NOT_RUN, WAY_ONE, EXIT = "not run", "way one", "exit"
#: languages whose blocks are commands
SHELL = "sh"


@dataclass(frozen=True)
class Block:
    """One block of code."""

    file: Path
    line: int
    language: str
    text: str
    marks: Mapping[str, str] = field(default_factory=dict)

    @property
    def exits(self) -> frozenset[int]:
        """Exit codes that are right."""
        return frozenset(int(code) for code in self.marks.get(EXIT, "0").split())

    def __str__(self) -> str:
        return f"{self.file.parent.name}/{self.file.name}:{self.line}"


def blocks(file: Path) -> list[Block]:
    """Return the blocks of a page, in their order."""
    return list(_blocks(file, file.read_text(encoding="utf-8").splitlines()))


def _blocks(file: Path, lines: list[str]) -> Iterator[Block]:
    marks: dict[str, str] = {}
    open_at, language, indent, inside = 0, "", 0, list[str]()
    for number, line in enumerate(lines, 1):
        fence = _FENCE.match(line)
        if open_at and line.strip() == "```":
            yield Block(file, open_at, language, "\n".join(inside) + "\n", marks)
            open_at, marks = 0, {}
        elif open_at:
            inside.append(line[indent:])
        elif fence:
            open_at, language, indent, inside = number, fence["language"], len(fence["indent"]), []
        elif mark := _MARK.match(line.strip()):
            marks = marks | {mark["name"]: mark["value"]}
        elif line.strip():
            marks = {}
