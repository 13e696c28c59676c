"""What must be on disk is on disk before a word of it leaves the house. More by hand: fsync.py."""

import shutil
from pathlib import Path

import pytest

from tests.chaos.fsync import read, trace
from tests.chaos.installation import Installation, Plan
from tests.chaos.nursery import Nursery

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(shutil.which("strace") is None, reason="strace is missing: apt install strace"),
]
SYNCED = ("fsync", "fdatasync")


def test_an_intent_is_on_disk_before_its_call_and_a_receipt_before_its_answer(tmp_path: Path) -> None:
    with Nursery() as nursery:
        house = Installation(Plan(folder=tmp_path, people=10, rate=50.0), nursery)
        found = trace(house)
    assert found.good, found
    assert found.posts >= 20
    lines = (tmp_path / "trace").read_text(encoding="latin-1").splitlines()
    without = read((line for line in lines if not any(name in line[:40] for name in SYNCED)), house)
    assert len(without.posts_too_early) == found.posts, "the judge would see a call that leaves before its intent is on disk"
    assert len(without.callbacks_too_early) == found.callbacks
