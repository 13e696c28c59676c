"""The table that a person watches while the demo runs: the group that needs us most on top."""

from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from rich.console import Group
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from relay.model import ChannelReach, GroupReach, Reach

OSLO = ZoneInfo("Europe/Oslo")


def board(reach: Reach, now: datetime, tasks: Mapping[str, int], *, title: str, done: bool) -> Group:
    """Return the whole board."""
    head = Text.assemble(
        (title, "bold"),
        "   ",
        (now.astimezone(OSLO).strftime("%A %H:%M:%S"), "cyan"),
        "   ",
        ("settled" if done else "running", "green" if done else "yellow"),
    )
    return Group(Panel(head, expand=False), groups(reach), channels(reach), *_todo(reach, tasks))


def groups(reach: Reach) -> Table:
    """Return the ladder per language group."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("Group", "People", "Sent", "Delivered", "Acknowledged", "Passed on", "Reported reached", "Failed", "Unknown"):
        table.add_column(name, justify="left" if name == "Group" else "right")
    table.add_column("Quorum")
    for one in sorted(reach.groups, key=_need):
        table.add_row(*_cells(one), _quorum(one))
    table.add_section()
    table.add_row(*(Text(cell.plain if isinstance(cell, Text) else cell, style="bold") for cell in _cells(reach.totals)), "")
    return table


def _need(one: GroupReach) -> tuple[float, str]:
    """What is missing to the quorum, most first."""
    return (-(max(0, one.quorum - one.counted) / max(1, one.quorum)), one.name)


def _cells(one: GroupReach) -> list[str | Text]:
    people = f"{one.planned}" + (f" (+{one.skipped})" if one.skipped else "")
    return [
        one.name or "All, each person once",
        people,
        _of(one.sent, one.planned),
        _of(one.delivered, one.planned),
        _of(one.acknowledged, one.planned),
        str(one.relayed or "·"),
        f"{one.reported_reach}" if one.reported_reach else "·",
        Text(str(one.failed), style="red") if one.failed else "·",
        Text(str(one.unknown), style="yellow") if one.unknown else "·",
    ]


def _of(part: int, whole: int) -> Text:
    return Text(str(part) if part else "·", style="green" if whole and part >= whole else "")


def _quorum(one: GroupReach) -> Table:
    met = one.counted >= one.quorum
    row = Table.grid(padding=(0, 1))
    row.add_row(
        ProgressBar(total=max(1, one.quorum), completed=min(one.counted, one.quorum), width=10),
        Text(f"{one.counted} of {one.quorum}", style="green" if met else ""),
    )
    return row


def channels(reach: Reach) -> Text:
    """Return a line about the channels: messages, not people."""
    return Text("\nMessages   ") + Text("   ").join(_channel(medium, one) for medium, one in reach.channels.items())


def _channel(medium: str, one: ChannelReach) -> Text:
    names = {"sms": "SMS", "whatsapp": "WhatsApp", "email": "e-mail"}
    failed = f", {one.failed} failed" if one.failed else ""
    return Text(f"{names[medium]}: {one.sent} sent, {one.delivered} delivered{failed}")


def _todo(reach: Reach, tasks: Mapping[str, int]) -> list[Text]:
    lines = []
    if tasks:
        words = ", ".join(f"{count} {kind.replace('_', ' ')}" for kind, count in tasks.items())
        lines.append(Text(f"For the duty officer: {words}", style="bold red" if "danger" in tasks else "bold"))
    lines += [Text(f"Not reached: {name} - {why}", style="red") for name, why in reach.unreachable]
    return lines
