"""`python -m messages.cap` says of each file whether it is taken, and why not."""

from pathlib import Path

import pytest

from messages.cap.__main__ import main
from tests.messages.cap.samples import alert, info


def test_each_file_is_judged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    documents = {
        "good.xml": alert(),
        "odd.xml": alert(info(expires="")),
        "bad.xml": b"<!DOCTYPE alert><alert/>",
        "feed.xml": b'<feed xmlns="http://www.w3.org/2005/Atom"><entry><link href="https://a.no"/></entry><entry><alert/></entry></feed>',
    }
    for name, document in documents.items():
        (tmp_path / name).write_bytes(document)
    assert main([str(tmp_path / name) for name in documents]) == 0
    good, odd, bad, feed, total = capsys.readouterr().out.splitlines()
    assert good.startswith("taken")
    assert good.endswith("good.xml  cap: 1 alerts, 0 links | nb")
    assert odd.endswith("| nb | NO_EXPIRES")
    assert bad.startswith("REFUSED")
    assert "bad.xml  DOCTYPE: The document has a DOCTYPE" in bad
    assert "atom: 0 alerts, 1 links | refused inside: The document is XML but" in feed
    assert total.startswith("3 taken, 1 refused; slowest ")


def test_files_of_an_index_are_held_against_what_it_says(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "good.xml").write_bytes(alert())
    (tmp_path / "bad.xml").write_bytes(b"<!DOCTYPE alert><alert/>")
    index = tmp_path / "index.tsv"
    index.write_text("file\txsd_lxml\ngood.xml\tyes\nbad.xml\tno (1/1)\n", encoding="utf-8")
    assert main(["--index", str(index)]) == 0
    good, bad, valid, other, _ = capsys.readouterr().out.splitlines()
    assert good.startswith("valid      taken")
    assert bad.startswith("not valid  REFUSED")
    assert valid == "valid by the schema of CAP 1.2: 1, of which 1 taken, 0 refused"
    assert other == "not valid, or no CAP 1.2: 1, of which 0 taken, 1 refused"


def test_a_valid_file_that_is_refused_is_a_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "bad.xml").write_bytes(b"<!DOCTYPE alert><alert/>")
    index = tmp_path / "index.tsv"
    index.write_text("file\txsd_lxml\nbad.xml\tyes\n", encoding="utf-8")
    assert main(["--index", str(index)]) == 1
    assert "1, of which 0 taken, 1 refused" in capsys.readouterr().out


def test_nothing_to_judge_is_a_mistake() -> None:
    with pytest.raises(SystemExit, match="2"):
        main([])
