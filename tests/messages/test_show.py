"""One command prints a template in every language, and writes a page to look at."""

import subprocess
import sys
from pathlib import Path

from messages.alert import Kind
from messages.frames import frame_languages
from messages.library import templates
from messages.show import as_html, as_text, shown

ROOT = Path(__file__).parents[2]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "messages.show", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)


def test_every_language_is_printed_with_its_parts(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    told = run("boil_water", "--html", str(page))
    assert told.returncode == 0, told.stderr
    assert "-- forward (155 units, 1 part, GSM-7)" in told.stdout
    assert all(f"== {tag} " in told.stdout for tag in frame_languages())
    html = page.read_text(encoding="utf-8")
    assert all(f'<article id="{tag}">' in html for tag in frame_languages())
    assert 'lang="ar" dir="rtl"' in html


def test_an_unknown_template_is_said() -> None:
    told = run("flood")
    assert told.returncode == 2
    assert "no template 'flood'; there are: boil-water" in told.stderr


def test_every_template_can_be_shown_as_an_exercise() -> None:
    for item in templates().values():
        for each in shown(item, Kind.EXERCISE):
            assert each.language in as_text(each)
            assert f'id="{each.language}"' in as_html(each)
