"""The table of the demo and of `reach` on a terminal: every group is on a screen of 80 by 24, and nothing in it is cut or broken."""

from datetime import UTC, datetime
from io import StringIO

import pytest
from rich.console import Console

from messages.form import Medium
from relay.demo.board import HEADS, board
from relay.model import ChannelReach, GroupReach, Reach

NAMES = ("Norsk", "English", "Українська", "Tigrinja", "Somali", "Arabisk (Syria)", "Dari", "Polsk", "Litauisk", "Swahili", "Tamil", "Urdu")
NOW = datetime(2026, 11, 24, 17, 0, tzinfo=UTC)


def group(name: str) -> GroupReach:
    return GroupReach(
        group_id=1, language="so", name=name, people=128, skipped=16, planned=112, sent=112, delivered=108, acknowledged=100, relayed=88,
        reported_reach=12500, failed=12, unknown=3, quorum=13, counted=11,
    )  # fmt: skip


def screen(width: int) -> list[str]:
    ways = dict.fromkeys(Medium, ChannelReach(sent=112, delivered=108, failed=4))
    reach = Reach(alert_id=1, number=1, revision=1, groups=tuple(map(group, NAMES)), totals=group(""), channels=ways)
    console = Console(file=StringIO(), width=width, height=24)
    console.print(board(reach, NOW, {"question": 2}, title="No. 1, KOK VANNET", done=False))
    assert isinstance(console.file, StringIO)
    return console.file.getvalue().splitlines()


@pytest.mark.parametrize(("width", "head", "total"), [(80, 1, "All "), (140, 0, "All, each person once")])
def test_all_twelve_groups_stand_on_the_screen_and_nothing_is_cut(width: int, head: int, total: str) -> None:
    lines = screen(width)
    assert len(lines) <= 24
    assert not [line for line in lines if "…" in line]
    assert all(sum(line.startswith(name) for line in lines) == 1 for name in NAMES)
    [heads] = [line for line in lines if line.startswith("Group")]
    assert heads.split() == " ".join(names[head] for names in HEADS).split()
    assert sum("11 of 13" in line for line in lines) == len(NAMES)
    assert any(line.startswith(total) for line in lines)
