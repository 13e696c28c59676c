"""The command that shows what the catalogues hold: it finds nothing wrong with ours, and everything with a broken one."""

from pathlib import Path

import pytest

from tests.messages.catalogues import FOLDER, catalogues, main


def test_every_catalogue_is_whole(capsys: pytest.CaptureFixture[str]) -> None:
    assert main() == 0
    rows = capsys.readouterr().out.splitlines()
    assert len(rows) == 2 * 26 + 2 + 1
    assert rows[-1].startswith("54 catalogues, ")
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
