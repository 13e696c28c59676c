"""One command prints a template in every language, and writes a page to look at."""

import subprocess
import sys
from pathlib import Path

import pytest

from messages.alert import Kind
from messages.frames import frame_languages, say
from messages.library import templates
from messages.show import as_html, as_text, main, shown

ROOT = Path(__file__).parents[2]


def test_it_is_one_command() -> None:
    command = [sys.executable, "-m", "messages.show", "boil_water"]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", check=True, env={"PYTHONUTF8": "1"})
    assert "-- forward (155 units, 1 part, GSM-7)" in told.stdout


def test_every_language_is_printed_with_its_parts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "page.html"
    assert main(["boil_water", "--html", str(page)]) == 0
    printed = capsys.readouterr().out
    assert all(f"== {tag} " in printed for tag in frame_languages())
    html = page.read_text(encoding="utf-8")
    assert all(f'<article id="{tag}">' in html for tag in frame_languages())
    assert 'lang="ar" dir="rtl"' in html


def test_an_unknown_template_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["quake"])
    assert "no template 'quake'; there are: boil-water" in capsys.readouterr().err


def test_every_template_can_be_shown_as_an_exercise() -> None:
    for item in templates().values():
        for each in shown(item, Kind.EXERCISE):
            assert each.language in as_text(each)
            assert f'id="{each.language}"' in as_html(each)


def test_what_is_only_for_exercises_is_shown_as_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["exercise"]) == 0
    assert f"\n{say('nb', 'mark.exercise')}" in capsys.readouterr().out


def test_languages_without_a_text_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["flood"]) == 0
    printed = capsys.readouterr().out
    assert "== nn " in printed
    assert "no text yet: am, ar" in printed
