"""The sentences of the staff pages, found where they stand.

`python -m tests.meta.ui_words` prints those that nb or nn lack, ready to fill in.

In templates a sentence is what gettext is given. In code it is what `words.say` and `words.count` are given, and every sentence in a
table or a refusal of relay/web, since those reach `say` by a name. Rooms behind the pages speak to their readers only by what they refuse.
"""

import ast
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po
from jinja2.ext import babel_extract

from tests.meta.repository import ROOT

WEB = ROOT / "relay" / "web"
#: the languages that have a catalogue; English is the sentence itself
TRANSLATED = ("nb", "nn")
#: rooms of relay/web that speak to machines, in English alone, and the one that keeps the words
MACHINES = ("api", "vendor", "hooks.py", "health.py", "metrics.py", "watchdog.py", "remote.py", "words.py", "assets.py")
#: rooms behind the pages whose refusals and findings a page shows, and how those begin
BEHIND = (
    *("acts.py", "running.py", "sense.py", "routing/area.py", "store/call_list_post.py", "store/conversations.py", "store/drafts.py"),
    *("store/alerts.py", "store/board.py", "store/desk_queue.py", "store/doubts.py", "store/people_of_alert.py"),
    *("store/groups.py", "store/hand_over.py", "store/invitations.py", "store/keep.py", "store/selftest.py", "store/sooner.py"),
    *("store/trial.py", "store/users.py", "store/walls.py", "store/tasks.py"),
    *(
        "settings.py",
        "store/audit.py",
        "doctor/__init__.py",
        "doctor/alive.py",
        "doctor/machine.py",
        "doctor/outside.py",
        "doctor/spells.py",
    ),
    *(f"../channels/{one}.py" for one in ("email", "http_lists", "twilio_lists", "twilio_whatsapp")),
)
REFUSALS = frozenset(("BadInput", "NotAllowed", "NotFound", "NotReady", "Said"))
#: what is said whole, and may be a single small word
TOLD = "Told"
#: stands in texts that speak two languages at once, since they do not know their reader
TWO_LANGUAGES = " · "
#: what looks like a sentence and is a name for machines
NAMES = frozenset(("Lax", "Strict", "Origin", "Location", "MMMd", "GET", "POST"))
_COUNT = re.compile(r"%\((n|num)\)s")
_HEADER = re.compile(r"[A-Z][A-Za-z]*(-[A-Z][A-Za-z]*)+")
_SENTENCE = re.compile(r"[A-Z%(][^<>{}\n\\]*[a-z][^<>{}\n\\]*")
_OPTIONS = {"extensions": "jinja2.ext.i18n,jinja2.ext.do", "newstyle_gettext": "true", "silent": "false"}
_KEYWORDS = ["_", "gettext", "ngettext"]


@dataclass(frozen=True, order=True)
class Sentence:
    """One sentence as the code has it, its plural where it counts, and where it stands."""

    one: str
    many: str = ""
    where: str = ""


def sentences(web: Path = WEB) -> list[Sentence]:
    """Return every sentence of the pages once, in order."""
    found: dict[tuple[str, str], Sentence] = {}
    for each in (*_of_templates(web), *_of_code(web), *_of_refusals(web.parent)):
        found.setdefault((each.one, each.many), each)
    return sorted(found.values())


def _of_templates(web: Path) -> Iterator[Sentence]:
    for path in sorted((web / "templates").rglob("*.html")):
        with path.open("rb") as file:
            for line, _, message, _ in babel_extract(file, _KEYWORDS, [], _OPTIONS):
                one, many = message[:2] if isinstance(message, tuple) else (message, "")
                if one:  # a name in its place is looked up in the code
                    yield Sentence(one, many or "", f"{path.name}:{line}")


def _of_code(web: Path) -> Iterator[Sentence]:
    for path in sorted(web.rglob("*.py")):
        if not set(path.relative_to(web).parts) & set(MACHINES):
            yield from _of_module(ast.parse(path.read_text(encoding="utf-8")), path.name)


def _of_refusals(relay: Path) -> Iterator[Sentence]:
    """Yield what rooms behind the pages refuse: said on the spot, or by the name of a sentence or a table of sentences."""
    for room in BEHIND:
        tree = ast.parse((relay / room).read_text(encoding="utf-8"))
        named = dict(_named(tree))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args:
                if node.func.id in REFUSALS:
                    yield from _said(node.args[0], named, room)
                if node.func.id == TOLD and isinstance(node.args[0], ast.Constant):
                    yield Sentence(str(node.args[0].value), "", f"{room}:{node.lineno}")


def _named(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            yield node.targets[0].id, node.value
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
            yield node.target.id, node.value


def _said(said: ast.expr, named: Mapping[str, ast.expr], room: str) -> Iterator[Sentence]:
    name = said.value if isinstance(said, ast.Subscript) else said
    for node in ast.walk(named.get(name.id, said) if isinstance(name, ast.Name) else said):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and _is_said(node.value):
            yield Sentence(node.value, "", f"{room}:{node.lineno}")


def _of_module(tree: ast.Module, name: str) -> Iterator[Sentence]:
    spared = {id(inner) for node in ast.walk(tree) for outer in _not_said(node) for inner in ast.walk(outer)}
    for node in ast.walk(tree):
        for one, many in _counted(node):
            yield Sentence(str(one.value), str(many.value), f"{name}:{one.lineno}")
            spared |= {id(one), id(many)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in spared and _is_said(node.value):
            yield Sentence(node.value, "", f"{name}:{node.lineno}")


def _is_said(text: str) -> bool:
    return text not in NAMES and TWO_LANGUAGES not in text and bool(_SENTENCE.fullmatch(text)) and not _HEADER.fullmatch(text)


def _counted(node: ast.AST) -> Iterator[tuple[ast.Constant, ast.Constant]]:
    """Yield the two forms of what is counted, which stand side by side: in a call, or in a row of a table."""
    beside = node.args if isinstance(node, ast.Call) else node.elts if isinstance(node, ast.Tuple) else []
    for one, many in pairwise(beside):
        if _counts(one) and _counts(many):
            yield one, many  # type: ignore[misc]  # both are constants


def _counts(node: ast.AST) -> bool:
    """Say whether a text counts and is a title: two whole sentences in a row are two matters."""
    return isinstance(node, ast.Constant) and bool(_COUNT.search(str(node.value))) and not str(node.value).endswith(".")


def _not_said(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what nobody reads on a page: docstrings, annotations, pieces of longer texts, log lines, headers."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        yield node
    if isinstance(node, ast.JoinedStr):
        yield node
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "log"
    ):
        yield node
    for name in ("annotation", "returns"):
        if getattr(node, name, None) is not None:
            yield getattr(node, name)


def catalogue(language: str) -> Catalog:
    """Return a language's catalogue of the pages."""
    with (ROOT / "locales" / language / "LC_MESSAGES" / "ui.po").open("rb") as file:
        return read_po(file, locale=language, abort_invalid=True)


def main(arguments: Sequence[str]) -> int:
    """Print what is missing in any catalogue, with where it stands; arguments: other folders of pages to look at."""
    for web in map(Path, arguments or [str(WEB)]):
        known = [catalogue(language) for language in TRANSLATED]
        for each in sentences(web):
            if any(each.one not in one for one in known):
                plural = f'msgid_plural "{each.many}"\nmsgstr[0] ""\nmsgstr[1] ""' if each.many else 'msgstr ""'
                sys.stdout.write(f'#: {each.where}\nmsgid "{each.one}"\n{plural}\n\n')
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
