"""How we write (CONTRIBUTING.md), as far as it can be counted."""

import ast
import io
import tokenize
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from tests.meta.repository import ROOT, files

MOST_LINES_OF_A_FUNCTION = 60
MEDIAN_LINES_OF_A_FUNCTION = 8
MOST_LINES_OF_A_FILE = 280
#: tokens that are no code, or only its lay-out
LAYOUT = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
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


def lines_of_code(text: str) -> int:
    """Count the lines of a module that hold code; docstrings, comments and empty lines do not."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    code = {line for token in tokens if token.type not in LAYOUT for line in range(token.start[0], token.end[0] + 1)}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and ast.get_docstring(node):
            code -= set(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
    return len(code)


def test_lines_of_code_are_counted() -> None:
    assert (
        lines_of_code('"""Says\nwhat it is."""\n\n# why\nX = 1  # here\n\n\ndef f():\n    """Docs."""\n    return (\n        X\n    )\n')
        == 5
    )


def test_no_file_is_too_long() -> None:
    counted = ((str(module.relative_to(ROOT)), lines_of_code(module.read_text(encoding="utf-8"))) for module in modules())
    assert [entry for entry in counted if entry[1] > MOST_LINES_OF_A_FILE] == []


def test_no_function_is_too_long() -> None:
    counted = (entry for module in modules() for entry in functions(module))
    assert [entry for entry in counted if entry[1] > MOST_LINES_OF_A_FUNCTION] == []


def test_most_functions_are_short() -> None:
    assert median(lines for module in modules() for _, lines in functions(module)) <= MEDIAN_LINES_OF_A_FUNCTION
