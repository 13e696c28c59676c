"""Are the tests awake? One small change at a time in `messages.segments` and `messages.reply`, and do their narrow tests notice?

    python -m tests.messages.mutation [MODULE …]         all modules of the table if none is named
    python -m tests.messages.mutation --sample 20        only so many changes a module, drawn by --seed
    python -m tests.messages.mutation --list MODULE      only name the changes

Nothing is written: a mutant lives in a process of its own, one at a time. Prints every change that went unnoticed.
"""

import argparse
import ast
import os
import random
import resource
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
REPLY = "tests/messages/reply"
#: module -> arguments of pytest: the tests that are about it, quickest first
TESTS: dict[str, list[str]] = {
    "messages.segments": ["tests/messages/test_segments.py", "-m", "not slow"],
    "messages.reply.fold": [f"{REPLY}/test_fold.py", f"{REPLY}/test_digits.py", f"{REPLY}/test_grammar.py"],
    "messages.reply.words": [f"{REPLY}/test_{about}.py" for about in ("grammar", "words", "danger", "word_lists")],
    "messages.reply.mail": [f"{REPLY}/test_mail.py", "-k", "not hostile"],
    "messages.reply.phrases": [f"{REPLY}/test_grammar.py", f"{REPLY}/test_digits.py", f"{REPLY}/test_samples.py"],
    "messages.reply.digits": [f"{REPLY}/test_digits.py", f"{REPLY}/test_grammar.py", f"{REPLY}/test_samples.py"],
    "messages.reply.grammar": [f"{REPLY}/test_grammar.py", f"{REPLY}/test_digits.py"],
}
#: processor seconds after which a mutant that still runs counts as noticed: it hangs
PATIENCE = 120
#: what the house's settings for pytest need; every other plugin only costs each mutant its start
PLUGINS = ["-p", "pytest_asyncio.plugin", "-p", "pytest_timeout"]
#: loaded once and shared with every mutant; none of it is changed
SHARED = ("asyncio", "hypothesis.strategies", "lxml.etree", "messages.languages", "regex", "smsutil", "tomllib")

#: a text with so many spaces is a sentence for readers, and none of the tests' business
WORDS_OF_PROSE = 3
_CUT = "lines = [line[: LONGEST_LINE + 1] for line in body.splitlines() if visible(line)]  # the one more says: too long"
_MARKS = 'return 10 <= place <= 36 or place >= 200 or unicodedata.name(character, "").startswith(_DRESS)'
_OUTLOOK = 'self._ended = self._ended or named.get("id", "").removeprefix("x_") in self.ends'
_CLASSES = 'elif tag in self.hidden or self.quoting.intersection(named.get("class", "").split()):'
_GAP = "gap = next((at for at in range(_known(rest) + 1) if _three(rest[at:], setting)[0]), None)"
_GROUPS = "following = (token.text for token in said[1:3] if token.kind is Kind.NUMBER)"
_LINES = 'body = text[:DANGER_WITHIN] if len(text) > ONE_SMS else " ".join(text.split())'
#: changes that change nothing anybody could see: (module, line of source, change) -> why
EQUIVALENT: dict[tuple[str, str, str], str] = {
    ("messages.reply.grammar", 'payload: str = "",', "'' -> '~'"): "neither is a button's",
    ("messages.reply.grammar", _CUT, "1 -> 2"): "a line that is longer by one is as much too long as one that is longer by two",
    ("messages.reply.grammar", 'lines = [" ".join(lines)]  # "3" and "40" one below the other', "' ' -> '~'"): "either only separates",
    ("messages.reply.fold", 'return ""', "returns nothing"): "nothing is left out as an empty text is",
    ("messages.reply.fold", _MARKS, "GtE -> Gt"): "no character has the class 200",
    ("messages.reply.fold", _MARKS, "36 -> 37"): "no character has the class 37",
    ("messages.reply.fold", _MARKS, "200 -> 201"): "no character has the classes 200 and 201",
    ("messages.reply.fold", _MARKS, "'' -> '~'"): "no name begins so",
    ("messages.reply.mail", "return False", "returns nothing"): "nothing is as little a head as False",
    ("messages.reply.mail", 'return next(filter(None, written), "").startswith(">")', "'' -> '~'"): "neither begins as a quoted line does",
    ("messages.reply.mail", 'if _is_attribution(" ".join(pieces)):', "' ' -> '~'"): "either only separates",
    ("messages.reply.mail", _OUTLOOK, "'' -> '~'"): "neither is one of Outlook's marks",
    ("messages.reply.mail", _CLASSES, "'' -> '~'"): "neither is the class of a quotation",
    ("messages.reply.digits", "return None, 0", "0 -> 1"): "nobody asks how long what was not found is",
    ("messages.reply.digits", _GAP, "0 -> 1"): "a digit that is no 3 stands last of what is looked at, and no answer follows from it",
    ("messages.reply.digits", "middle = said[low.size : low.size + 1] if low else ()", "1 -> 2"): "only the first of it is looked at",
    ("messages.reply.digits", _GROUPS, "3 -> 4"): "ten digits are no number",
    ("messages.reply.words", _LINES, "' ' -> '~'"): "either only separates",
    ("messages.reply.phrases", "COURTESY_WORDS = 4", "4 -> 5"): "no list has a longer courtesy",
}

SWAPS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.And: ast.Or,
    ast.Or: ast.And,
}


@dataclass(frozen=True)
class Change:
    """One small change: where, what, and how to make it in the tree it was found in."""

    line: int
    words: str
    make: Callable[[], object]


def changes(tree: ast.Module) -> Iterator[Change]:
    """Yield every small change of `tree`, in a steady order."""
    spared = {id(inner) for node in ast.walk(tree) for outer in _not_code(node) for inner in ast.walk(outer)}
    for node in ast.walk(tree):
        if id(node) not in spared:
            yield from _of_operators(node)
            yield from _of_values(node)
            yield from _of_flow(node)


def _not_code(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what is there for readers, type checkers and careless hands: docstrings, annotations, decorators, strict=True."""
    if (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)) or (isinstance(node, ast.keyword) and node.arg == "strict"):
        yield node
    yield from getattr(node, "decorator_list", ())
    for name in ("annotation", "returns"):
        if getattr(node, name, None) is not None:
            yield getattr(node, name)


def _of_operators(node: ast.AST) -> Iterator[Change]:
    if isinstance(node, ast.Compare):
        for place, operator in enumerate(node.ops):
            if swap := SWAPS.get(type(operator)):
                yield _change(node, f"{type(operator).__name__} -> {swap.__name__}", partial(node.ops.__setitem__, place, swap()))
    if isinstance(node, (ast.BinOp, ast.BoolOp, ast.AugAssign)) and (other := SWAPS.get(type(node.op))):
        yield _change(node, f"{type(node.op).__name__} -> {other.__name__}", lambda: setattr(node, "op", other()))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield _change(node, "not left out", lambda: setattr(node, "operand", ast.UnaryOp(ast.Not(), node.operand)))


def _of_values(node: ast.AST) -> Iterator[Change]:
    if not isinstance(node, ast.Constant):
        return
    value = node.value
    if isinstance(value, bool):
        yield _change(node, f"{value} -> {not value}", lambda: setattr(node, "value", not value))
    elif isinstance(value, int):
        yield _change(node, f"{value} -> {value + 1}", lambda: setattr(node, "value", value + 1))
    elif isinstance(value, str) and value.count(" ") < WORDS_OF_PROSE:
        other = value[1:] if len(value) > 1 else "~"
        yield _change(node, f"{value!r} -> {other!r}", lambda: setattr(node, "value", other))


def _of_flow(node: ast.AST) -> Iterator[Change]:
    if isinstance(node, (ast.If, ast.IfExp, ast.While)):
        yield _change(node, "condition turned round", lambda: setattr(node, "test", ast.UnaryOp(ast.Not(), node.test)))
    if isinstance(node, ast.comprehension):
        for place, test in enumerate(node.ifs):
            yield _change(test, "filter left out", partial(node.ifs.__setitem__, place, ast.Constant(value=True)))
    if isinstance(node, ast.Return) and node.value is not None and not _is_nothing(node.value):
        yield _change(node, "returns nothing", lambda: setattr(node, "value", ast.Constant(value=None)))


def _is_nothing(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _change(node: ast.AST, words: str, make: Callable[[], object]) -> Change:
    return Change(getattr(node, "lineno", 0), words, make)


class Mutant(MetaPathFinder, Loader):
    """Stands first in the queue of importers and hands out the changed module."""

    def __init__(self, module: str, path: Path, tree: ast.Module) -> None:
        self.module, self.path, self.tree = module, path, tree

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> ModuleSpec | None:
        return spec_from_loader(fullname, self, origin=str(self.path)) if fullname == self.module else None

    def exec_module(self, module: ModuleType) -> None:
        exec(compile(ast.fix_missing_locations(self.tree), str(self.path), "exec"), module.__dict__)


def source_of(module: str) -> Path:
    """Return the file of a module of this house by its dotted name."""
    return ROOT.joinpath(*module.split(".")).with_suffix(".py")


def noticed(module: str, number: int | None) -> bool:
    """Say whether the tests fail, crash or hang on change `number` (None: no change); the mutant runs in a child of this process."""
    child = os.fork()
    if not child:
        _run_child(module, number)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) != 0


def _run_child(module: str, number: int | None) -> None:
    """Put the mutant in the module's place and leave with the tests' verdict; the system ends one that computes for ever."""
    resource.setrlimit(resource.RLIMIT_CPU, (PATIENCE, PATIENCE))
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    verdict: int = 1
    try:
        tree = ast.parse(source_of(module).read_text(encoding="utf-8"))
        if number is not None:
            list(changes(tree))[number].make()
        sys.meta_path.insert(0, Mutant(module, source_of(module), tree))
        verdict = int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", "--no-header", *PLUGINS, *TESTS[module]]))
    finally:
        os._exit(verdict)


def survey(chosen: Callable[[int], Sequence[int]], module: str) -> int:
    """Try the chosen changes of a module; print those that nobody noticed; return how many."""
    source = source_of(module).read_text(encoding="utf-8")
    found, lines = list(changes(ast.parse(source))), source.splitlines()
    if noticed(module, None):
        _say(f"{module}: its tests fail as it is")
        return 1
    tried, survived, same = chosen(len(found)), 0, 0
    for change in (found[number] for number in tried if not noticed(module, number)):
        why = EQUIVALENT.get((module, lines[change.line - 1].strip(), change.words))
        survived, same = survived + (not why), same + bool(why)
        state = f"the same ({why})" if why else "survived"
        _say(f"  {state}: {module}:{change.line}: {change.words}\n      {lines[change.line - 1].strip()}")
    of_all = "" if len(tried) == len(found) else f" of {len(found)}"
    _say(f"{module}: {len(tried)} mutants{of_all}, {len(tried) - survived - same} killed, {survived} survived, {same} the same")
    return survived


def _say(words: str) -> None:
    sys.stdout.write(words + "\n")
    sys.stdout.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    """Survey the modules asked for; return 1 if anything survived, or if the tests fail on the unchanged module."""
    parser = argparse.ArgumentParser(description="Do the tests notice small changes?")
    parser.add_argument("modules", nargs="*", metavar="MODULE", help=f"of {', '.join(TESTS)}")
    parser.add_argument("--sample", type=int, metavar="N", help="try at most so many changes a module")
    parser.add_argument("--seed", type=int, default=1, help="which ones (default: 1)")
    parser.add_argument("--list", action="store_true", help="only name the changes")
    asked = parser.parse_args(arguments)
    if unknown := set(asked.modules) - set(TESTS):
        parser.error(f"no tests are named for {', '.join(sorted(unknown))}")
    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT))
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    for name in SHARED:
        import_module(name)
    if asked.list:
        for module in asked.modules or TESTS:
            for change in changes(ast.parse(source_of(module).read_text(encoding="utf-8"))):
                _say(f"{module}:{change.line}: {change.words}")
        return 0
    chosen = partial(_drawn, asked.sample, asked.seed)
    return 1 if sum(survey(chosen, module) for module in asked.modules or TESTS) else 0


def _drawn(sample: int | None, seed: int, count: int) -> Sequence[int]:
    """Return which of `count` changes are tried: all, or a sample in their order."""
    return range(count) if sample is None or sample >= count else sorted(random.Random(seed).sample(range(count), sample))


if __name__ == "__main__":
    sys.exit(main())
