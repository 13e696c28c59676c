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
