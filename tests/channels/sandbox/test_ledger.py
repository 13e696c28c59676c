"""The ledger: whole lines or none, on disk before anybody is told, and the same figures for whoever counts."""

import asyncio
import json
import os
import sys
from collections import Counter
from pathlib import Path

import pytest

from channels.clock import ManualClock, SystemClock
from channels.sandbox.ledger import Event, Ledger, LedgerDamaged, read
from channels.sandbox.recount import main, recount


async def test_what_is_written_is_read_back(tmp_path: Path, clock: ManualClock) -> None:
    ledger = Ledger(tmp_path / "ledger", clock)
    ledger.write(Event.ACCEPTED, channel="sms", id="SM1", to="+4790000001", body="æ\n💧\ud800", buttons=[["Lest", "12.1"]], media=["x"])
    ledger.write(Event.STATUS, id="SM1", status="sent")
    accepted, status = ledger.entries()
    assert (accepted.n, accepted.at, accepted.body, accepted.buttons, accepted.media) == (
        1,
        clock.now(),
        "æ\n💧\ud800",
        (("Lest", "12.1"),),
        ("x",),
    )
    assert (status.n, status.event, status.body) == (2, Event.STATUS, "")
    await ledger.close()


async def test_many_who_wait_share_a_few_syncs(tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger, syncs, sync = Ledger(tmp_path / "ledger", clock), Counter[str](), os.fdatasync

    def counted(file: int) -> None:
        syncs["ledger"] += 1
        sync(file)

    monkeypatch.setattr(os, "fdatasync", counted)

    async def accept(number: int) -> int:
        ledger.write(Event.ACCEPTED, id=f"SM{number}")
        await ledger.commit()
        return (tmp_path / "ledger").read_text().count(f'"SM{number}"')

    assert await asyncio.gather(*(accept(number) for number in range(200))) == [1] * 200
    assert 0 < syncs["ledger"] < 20
    await ledger.close()


async def test_an_unfinished_line_is_cut_off_and_a_damaged_one_is_named(tmp_path: Path, clock: ManualClock) -> None:
    path = tmp_path / "ledger"
    ledger = Ledger(path, clock)
    ledger.write(Event.STARTED)
    await ledger.close()
    with path.open("ab") as file:
        file.write(b'{"n":2,"at":"2026-')
    assert len(read(path)) == 1
    again = Ledger(path, clock)
    again.write(Event.STARTED)
    await again.close()
    assert [entry.n for entry in read(path)] == [1, 2]
    with path.open("ab") as file:
        file.write(b'{"n":3}\n')
    with pytest.raises(LedgerDamaged, match="line 3"):
        read(path)


async def test_the_recount(tmp_path: Path, clock: ManualClock, capsys: pytest.CaptureFixture[str]) -> None:
    ledger = Ledger(tmp_path / "ledger", clock)
    for n, statuses in enumerate((["sent", "delivered"], ["delivered", "sent"], ["sent", "undelivered"], ["failed"], [])):
        ledger.write(Event.ACCEPTED, channel="sms", id=f"SM{n}", to=f"+479000000{n % 2}", status="queued", segments=2)
        for status in statuses:
            ledger.write(Event.STATUS, id=f"SM{n}", status=status)
    for _ in range(2):  # the same letter twice is two copies
        ledger.write(Event.ACCEPTED, channel="email", id="<a@b>", to="a@example.org")
    ledger.write(Event.REFUSED, channel="sms", to="+4722000000", code=21614)
    ledger.write(Event.INBOUND, channel="sms", id="SM9", sender="+4790000001", body="1")
    counts = recount(ledger.entries())
    await ledger.close()
    assert counts["channels"] == {
        "email": {"sent": 2, "delivered": 0, "failed": 0, "segments": 0},
        "sms": {"sent": 5, "delivered": 2, "failed": 2, "segments": 10, "refused": 1, "inbound": 1},
    }
    assert counts["numbers"] == {"+4790000000": {"sms": 3}, "+4790000001": {"sms": 2}, "a@example.org": {"email": 2}}
    assert main([str(tmp_path / "ledger"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == counts
    assert main([str(tmp_path / "ledger")]) == 0
    assert "sms" in capsys.readouterr().out
    assert main([str(tmp_path / "nothing")]) == 2
    assert "No such file" in capsys.readouterr().err


async def test_no_line_is_lost_between_two_threads(tmp_path: Path) -> None:
    """One thread writes lines down while the other notes new ones, changing places as often as Python lets them."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    ledger = Ledger(tmp_path / "ledger.jsonl", SystemClock())
    try:
        for n in range(300):
            committing = asyncio.create_task(ledger.commit())
            for _ in range(20):
                ledger.write(Event.STATUS, id=f"SM{n}", status="sent", body="x" * 200)
                await asyncio.sleep(0)
            await committing
    finally:
        sys.setswitchinterval(before)
    await ledger.close()
    assert [entry.n for entry in read(ledger.path)] == list(range(1, 300 * 20 + 1))
