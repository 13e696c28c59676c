"""The table of replies: every row of every language is understood as written, and the command says so."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from messages.reply import GUESSES, Meaning
from messages.reply.__main__ import main
from messages.reply.samples import Row, rows, samples
from messages.reply.words import tables
from tests.messages.catalogues import FOLDER

LANGUAGES = sorted(path.name for path in FOLDER.iterdir() if (path / "LC_MESSAGES").is_dir())
ROOT = Path(__file__).parents[3]


def test_the_languages_of_the_house_are_there() -> None:
    assert sorted(tables()) == sorted(samples()) == LANGUAGES


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_reply_is_understood_as_written(language: str) -> None:
    table = rows(language)
    assert len(table) >= 40
    assert {row.text: row.read() for row in table if not row.holds()} == {}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_replies_written_by_hand(language: str) -> None:
    sample = samples()[language]
    assert sum(len(sample[name]) for name in ("digits", "digits_alarm", "alarm", "plain", "said")) >= 20
    assert len(sample["digits_alarm"]) == 3
    assert len(sample["missing"]) >= 5
    assert {meaning for _, meaning, *_ in sample["said"]} >= {"received", "will_pass", "passed_on", "cannot", "ring_me"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_guessed_is_said_by_a_name_that_is_explained(language: str) -> None:
    guessed = {name for row in rows(language) for name in row.read().guessed}
    assert {"count-first", "language-word", "sign", "trailing-letter"} <= guessed <= set(GUESSES)


def test_a_row_that_is_misunderstood_does_not_hold() -> None:
    row = next(row for row in rows("nb") if row.expected.meaning is Meaning.RECEIVED)
    for name, wrong in {"meaning": Meaning.CANNOT, "count": 7, "means": "x", "danger": True, "legend": 9, "alert_number": 3}.items():
        assert not _with(row, name, wrong).holds(), name


def _with(row: Row, name: str, value: Any) -> Row:
    return replace(row, expected=replace(row.expected, **{name: value}))


def test_the_command_prints_the_table_of_a_language(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--table", "ti", "th"]) == 0
    printed = capsys.readouterr().out
    assert f"ti: {len(rows('ti'))} replies, {len(rows('ti'))} understood as written" in printed
    assert "'፫ ፵'  ->  passed_on · count 40" in printed
    assert f"2 languages, {len(rows('ti')) + len(rows('th'))} replies, {len(rows('ti')) + len(rows('th'))} understood as written" in printed
    assert "guessed: count-first" in printed
    assert f"count-first: {GUESSES['count-first']}" in printed
    assert "✗" not in printed
    assert "nb:" not in printed


def test_the_command_explains_one_reply(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["63 40 på whatsapp, barn savnet"]) == 0
    assert "message · DANGER" in capsys.readouterr().out
    assert main(["No. 12: 40 63 moskeen"]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed == [
        "passed_on · count 40 · means moskeen · legend 6 · no. 12 · guessed: count-first",
        f"  count-first: {GUESSES['count-first']}",
    ]


@pytest.mark.parametrize("wrong", [[], ["--table", "xx"]])
def test_the_command_says_what_it_cannot_do(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(wrong)
    assert "python -m messages.reply" in capsys.readouterr().err


def test_the_command_runs_as_a_module() -> None:
    done = subprocess.run([sys.executable, "-m", "messages.reply", "--table", "so"], cwd=ROOT, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    assert "so: " in done.stdout.decode()


def test_a_table_with_a_misunderstood_reply_fails(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    broken = [_with(row, "count", 7) for row in rows("nb")[:2]] + rows("nb")[2:3]
    monkeypatch.setattr("messages.reply.__main__.rows", lambda _: broken)
    assert main(["--table", "nb"]) == 1
    printed = capsys.readouterr().out
    assert "nb: 3 replies, 1 understood as written" in printed
    assert printed.endswith("1 languages, 3 replies, 1 understood as written\n")
    assert printed.count("✗") == 2
