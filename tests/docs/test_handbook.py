"""The handbook and the README say what is so: both languages the same, links that lead somewhere, commands and settings that exist."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from deploy.check import metrics_page, settings_page
from deploy.check.blocks import NOT_RUN, SHELL, Block, blocks
from relay.cli import app
from relay.settings import PREFIX, Settings
from tests.meta.repository import ROOT, files

HANDBOOK = ROOT / "deploy/handbook"
PAGES = sorted(path.name for path in (HANDBOOK / "en").glob("*.md"))
DOCUMENTS = [path for path in files() if path.suffix == ".md" and ".github" not in path.parts]
LINK = re.compile(r"(?<!!)\[[^\]]*\]\((?P<to>[^)\s]+)\)")
HEADING = re.compile(r"^#+ (?P<words>.+)$", re.MULTILINE)
#: what stands before a command of ours
CALLS = re.compile(r"(?:^|\s)(?:\./run|budstikke)\s+(?P<words>[a-z].*)$")
#: what ./run does itself
OWN = {"test", "lint", "bench", "wheel", "help"}


def shell(pages: list[Path]) -> list[Block]:
    return [block for page in pages for block in blocks(page) if block.language == SHELL]


EVERY = shell([*(HANDBOOK / language / name for language in ("en", "nb") for name in PAGES), ROOT / "README.md", ROOT / "CONTRIBUTING.md"])


def test_every_page_is_there_in_both_languages() -> None:
    assert sorted(path.name for path in (HANDBOOK / "nb").glob("*.md")) == PAGES
    assert len(PAGES) >= 12


@pytest.mark.parametrize("name", PAGES)
def test_both_languages_tell_to_do_the_same(name: str) -> None:
    english, norwegian = ([(one.language, one.text, one.marks) for one in blocks(HANDBOOK / language / name)] for language in ("en", "nb"))
    assert norwegian == english


@pytest.mark.parametrize("name", PAGES)
def test_both_languages_have_the_same_parts(name: str) -> None:
    def shape(language: str) -> list[str]:
        text = (HANDBOOK / language / name).read_text(encoding="utf-8")
        return [line.split(" ")[0] for line in text.splitlines() if re.match(r"#+ |\d+\. |\* |\| ", line)]

    assert shape("nb") == shape("en")


def anchors(page: Path) -> set[str]:
    """Return the places of a page that a link can name, as they are made of its headings."""
    words = (match["words"].lower() for match in HEADING.finditer(page.read_text(encoding="utf-8")))
    return {re.sub(r"[^\w\- ]", "", one).replace(" ", "-") for one in words}


@pytest.mark.parametrize("page", DOCUMENTS, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_inside_leads_somewhere(page: Path) -> None:
    lost = []
    for match in LINK.finditer(page.read_text(encoding="utf-8")):
        to, _, place = match["to"].partition("#")
        if re.match(r"[a-z]+:", match["to"]):
            continue
        target = (page.parent / to).resolve() if to else page
        if not target.exists() or (place and target.suffix == ".md" and place not in anchors(target)):
            lost.append(match["to"])
    assert lost == []


def commands(block: Block) -> Iterator[list[str]]:
    """Yield the words of each call of a command of ours."""
    for line in block.text.replace("\\\n", " ").splitlines():
        if call := CALLS.search(line.partition(" #")[0]):
            yield shlex.split(call["words"].partition(" < ")[0])


def faults(words: list[str]) -> str:
    """Say what is wrong with a command; "" if such a command and such options exist."""
    command: Any = typer.main.get_command(app)
    if words[0] in OWN:
        return ""
    rest = list(words)
    while hasattr(command, "commands"):
        name = rest.pop(0) if rest else ""
        if name not in command.commands:
            return f"no command {name!r} in {' '.join(words)}"
        command = command.commands[name]
    known = {option for parameter in command.params for option in parameter.opts}
    strange = [word for word in rest if word.startswith("--") and word not in known]
    return f"no option {', '.join(strange)} in {' '.join(words)}" if strange else ""


def test_every_command_that_is_told_exists_with_its_options() -> None:
    told = [(str(block), words) for block in EVERY for words in commands(block)]
    assert len(told) > 60
    assert [(where, wrong) for where, words in told if (wrong := faults(words))] == []


@pytest.mark.parametrize("line", ["people import", "alert release 1 --at-once", "no-such"])
def test_a_command_that_does_not_exist_would_be_found(line: str) -> None:
    assert bool(faults(line.split())) == (line != "people import")


def test_every_block_runs_or_says_why_not(capsys: pytest.CaptureFixture[str]) -> None:
    silent = [str(block) for block in EVERY if NOT_RUN in block.marks and len(block.marks[NOT_RUN]) < 10]
    assert silent == []
    left = [block for block in EVERY if NOT_RUN in block.marks]
    with capsys.disabled():
        print(f"\n{len(left)} of {len(EVERY)} blocks cannot run here:")
        print("".join(f"  {block}: {block.marks[NOT_RUN]}\n" for block in left))


@pytest.mark.parametrize("language", ["en", "nb"])
def test_the_page_of_settings_is_made_from_the_code(language: str) -> None:
    page = (HANDBOOK / language / "settings.md").read_text(encoding="utf-8")
    assert page == settings_page.page(language), "Run: python -m deploy.check.settings_page --write"
    missing = [name for name in Settings.model_fields if f"`{PREFIX}{name.upper()}`" not in page]
    assert missing == []


@pytest.mark.parametrize("language", ["en", "nb"])
def test_the_page_of_monitoring_is_made_from_the_code(language: str) -> None:
    page = (HANDBOOK / language / "monitoring.md").read_text(encoding="utf-8")
    told = metrics_page.norwegian()
    assert metrics_page.without_words(told) == [], "Say in deploy/handbook/nb/metrics.toml what these say"
    assert page == metrics_page.page(language, told), "Run: python -m deploy.check.metrics_page --write"


def test_no_page_of_monitoring_is_written_while_a_number_lacks_its_words(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for language in ("en", "nb"):
        (tmp_path / language).mkdir()
    monkeypatch.setattr(metrics_page, "HANDBOOK", tmp_path)
    monkeypatch.setattr(metrics_page, "WORDS", tmp_path / "metrics.toml")
    monkeypatch.setattr("sys.argv", ["metrics_page", "--write"])
    *_, first, last = metrics_page.NUMBERS
    told = {name: "Noe." for name in metrics_page.NUMBERS if name not in (first, last)}
    metrics_page.WORDS.write_text("".join(f'{name} = "{words}"\n' for name, words in told.items()), encoding="utf-8")
    with pytest.raises(SystemExit, match=f"{first}, {last}$"):
        metrics_page.main()
    assert [path.name for path in tmp_path.rglob("*.md")] == []


def test_every_setting_that_is_spoken_of_exists() -> None:
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    # these are for the tests, for whoever builds, and for the file of settings itself
    others = re.compile(rf"{PREFIX}(?:ENV_FILE|NAME|CI|CHAOS|HOSTILE|STRACE|FIRST_WAY|TEST_\w+|\w*_|)$")
    spoken = {
        (page.name, name)
        for page in [*DOCUMENTS, *(ROOT / "deploy").rglob("*.service"), *(ROOT / "deploy/container").iterdir()]
        for name in re.findall(rf"{PREFIX}[A-Z_]*", page.read_text(encoding="utf-8"))
        if not others.match(name)
    }
    assert {(page, name) for page, name in spoken if name not in known} == set()


def _parts(cell: str) -> float:
    return float(re.sub(r"[ ,](?=\d{3})", "", cell).replace(",", "."))


@pytest.mark.parametrize("language", ["en", "nb"])
def test_the_arithmetic_of_capacity_is_right(language: str) -> None:
    text = (HANDBOOK / language / "capacity.md").read_text(encoding="utf-8")
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.count("|") == 9]
    counted = 0
    for cells in rows:
        if not re.fullmatch(r"[\d ,]+", cells[1]):
            continue
        people, messages, parts, total = (_parts(cell) for cell in cells[1:5])
        assert people * messages * parts == total
        for cell, pace in zip(cells[5:], (1, 10, 100), strict=True):
            assert abs(_seconds(cell) - total / pace) <= 30
        counted += 1
    assert counted == 3


def _seconds(cell: str) -> float:
    units = {"h": 3600, "t": 3600, "min": 60, "s": 1}
    return sum(int(number) * units[unit] for number, unit in re.findall(r"(\d+) (h|t|min|s)", cell))
