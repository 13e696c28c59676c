"""Are the tests awake? Change one thing in a module at a time and see whether its tests notice.

    python tests/messages/mutate.py messages.segments tests/messages/test_segments.py

Prints each change that no test noticed, and the share that was noticed. Nothing is written: a mutant lives in a process of its own.
"""

import argparse
import ast
import importlib.util
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[2]
#: seconds after which a mutant that runs on counts as noticed
PATIENCE = 120

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
    ast.And: ast.Or,
    ast.Or: ast.And,
}
Mutation = tuple[str, Callable[[], None]]


def mutations(tree: ast.AST) -> Iterator[Mutation]:
    """Yield every small change of `tree`: what it is, and a function that makes it."""
    for node in ast.walk(tree):
        yield from _operators(node)
        if isinstance(node, ast.Constant) and isinstance(node.value, int) and not isinstance(node.value, bool):
            yield _named(node, f"{node.value} -> {node.value + 1}", lambda node=node: setattr(node, "value", node.value + 1))
        if isinstance(node, (ast.If, ast.IfExp)):
            yield _named(node, "condition turned round", lambda node=node: setattr(node, "test", ast.UnaryOp(ast.Not(), node.test)))
        if isinstance(node, ast.Return) and node.value is not None:
            yield _named(node, "returns nothing", lambda node=node: setattr(node, "value", ast.Constant(None)))


def _operators(node: ast.AST) -> Iterator[Mutation]:
    if isinstance(node, ast.Compare):
        for place, operator in enumerate(node.ops):
            if swap := SWAPS.get(type(operator)):
                yield _named(node, f"{type(operator).__name__} -> {swap.__name__}", lambda p=place, s=swap: node.ops.__setitem__(p, s()))
    if isinstance(node, (ast.BinOp, ast.BoolOp, ast.AugAssign)) and (other := SWAPS.get(type(node.op))):
        yield _named(node, f"{type(node.op).__name__} -> {other.__name__}", lambda: setattr(node, "op", other()))


def _named(node: ast.AST, words: str, make: Callable[..., None]) -> Mutation:
    return f"line {getattr(node, 'lineno', 0)}: {words}", make


def source_of(module: str) -> Path:
    """Return the file of a module by its dotted name."""
    found = importlib.util.find_spec(module)
    if found is None or found.origin is None:
        raise SystemExit(f"no module {module}")
    return Path(found.origin)


def run_one(module: str, number: int, tests: list[str]) -> int:
    """Put mutant `number` in the module's place and run the tests in this process."""
    import pytest

    path = source_of(module)
    tree = ast.parse(path.read_text(encoding="utf-8"))
    dict(enumerate(mutations(tree)))[number][1]()
    mutant = ModuleType(module)
    mutant.__dict__.update(__file__=str(path), __package__=module.rpartition(".")[0])
    sys.modules[module] = mutant
    exec(compile(ast.fix_missing_locations(tree), str(path), "exec"), mutant.__dict__)
    return pytest.main(["-x", "-q", "-p", "no:cacheprovider", "-m", "not slow", *tests])


def noticed(module: str, number: int, tests: list[str]) -> bool:
    """Say whether the tests fail, crash or hang on mutant `number`."""
    command = [sys.executable, __file__, module, *tests, "--one", str(number)]
    try:
        return subprocess.run(command, cwd=ROOT, capture_output=True, timeout=PATIENCE, check=False).returncode != 0
    except subprocess.TimeoutExpired:
        return True


def main() -> int:
    """Run every mutant of a module; print those that lived."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("module")
    parser.add_argument("tests", nargs="+")
    parser.add_argument("--one", type=int)
    given = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    if given.one is not None:
        return run_one(given.module, given.one, given.tests)
    names = [name for name, _ in mutations(ast.parse(source_of(given.module).read_text(encoding="utf-8")))]
    lived = [name for number, name in enumerate(names) if not noticed(given.module, number, given.tests)]
    sys.stdout.write("\n".join([*(f"not noticed: {name}" for name in lived), f"{len(names) - len(lived)} of {len(names)} noticed", ""]))
    return 1 if lived else 0


if __name__ == "__main__":
    sys.exit(main())
