"""The command that shows what the catalogues hold: it finds nothing wrong with ours, and everything with a broken one."""

from pathlib import Path

import pytest

from messages.reply.words import tables
from tests.messages.catalogues import FOLDER, catalogues, main
from tests.meta.ui_words import TRANSLATED


def test_every_catalogue_is_whole(capsys: pytest.CaptureFixture[str]) -> None:
    assert main() == 0
    rows = capsys.readouterr().out.splitlines()
    tags = list(tables())  # whoever can answer in a language is written to in it
    wanted = [("frame", tags), ("page", tags), ("ui", TRANSLATED)]
    assert sorted((one.domain, one.tag) for one in catalogues()) == sorted((domain, tag) for domain, some in wanted for tag in some)
    assert len(rows) == 2 * len(tags) + len(TRANSLATED) + 1
    assert rows[-1].startswith(f"{len(rows) - 1} catalogues, ")
    assert rows[-1].endswith(" entries, 0 faults")


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ('msgid "legend.read"\n', 'msgid "legend.red"\n', "missing: legend.read"),
        ('msgid "legend.read"\n', 'msgid "legend.red"\n', "left over: legend.red"),
        ('msgid "legend.read"\n', '#, fuzzy\nmsgid "legend.read"\n', "fuzzy: legend.read"),
        ("{municipality}", "{avsender}", "with other placeholders: "),
        ("{municipality}", "", "with other placeholders: "),
        ("nplurals=6", "nplurals=7", "without all plural forms: "),
    ],
)
def test_what_is_wrong_with_a_catalogue_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, fault: str) -> None:
    for tag in ("en", "ar"):
        source = (FOLDER / tag / "LC_MESSAGES" / "frame.po").read_text("utf-8")
        copy = tmp_path / tag / "LC_MESSAGES" / "frame.po"
        copy.parent.mkdir(parents=True)
        copy.write_text(source.replace(old, new) if tag == "ar" else source, "utf-8")
    assert main(tmp_path) == 1
    assert f"frame ar: {fault}" in capsys.readouterr().out
    assert [one.tag for one in catalogues(tmp_path) if any(one.wrong.values())] == ["ar"]
