"""How we write (CONTRIBUTING.md), as far as it can be counted."""

import ast
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from tests.meta.repository import ROOT, files

MOST_LINES_OF_A_FUNCTION = 60
MEDIAN_LINES_OF_A_FUNCTION = 8
PACKAGES = ("channels", "messages", "relay")


def modules() -> list[Path]:
    """Return the program's own modules; migrations are history and may be long."""
    own = (path for path in files() if path.suffix == ".py" and path.relative_to(ROOT).parts[0] in PACKAGES)
    return [path for path in own if "migrations" not in path.parts]


def functions(module: Path) -> Iterator[tuple[str, int]]:
    """Yield name and number of lines of each function in this module; its docstring and decorators do not count."""
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{module.relative_to(ROOT)}:{node.lineno} {node.name}", _lines(node)


def _lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    first = node.body[1] if ast.get_docstring(node) and len(node.body) > 1 else node.body[0]
    return (node.end_lineno or first.lineno) - first.lineno + 1


def test_no_function_is_too_long() -> None:
    counted = (entry for module in modules() for entry in functions(module))
    assert [entry for entry in counted if entry[1] > MOST_LINES_OF_A_FUNCTION] == []


def test_most_functions_are_short() -> None:
    assert median(lines for module in modules() for _, lines in functions(module)) <= MEDIAN_LINES_OF_A_FUNCTION
