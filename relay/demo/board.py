"""The table that a person watches while the demo runs: the group that needs us most on top."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from relay.model import ChannelReach, GroupReach, Reach

OSLO = ZoneInfo("Europe/Oslo")

#: the columns: on a wide screen, on one of 80 signs
HEADS = (
    ("Group", "Group"),
    ("People", "Ppl"),
    ("Sent", "Sent"),
    ("Delivered", "Got"),
    ("Acknowledged", "Ack"),
    ("Passed on", "Pass"),
    ("Reported reached", "Reach"),
    ("Failed", "Fail"),
    ("Unknown", "?"),
    ("Quorum", "Quorum"),
)
ALL = ("All, each person once", "All")
#: signs a line from which the wide table fits
WIDE = 120


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


@dataclass(frozen=True, slots=True)
class Ladder:
    """The ladder per language group, as wide as the screen it is printed on."""

    reach: Reach

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Print the table; rich asks for it."""
        yield _table(self.reach, wide=options.max_width >= WIDE)


def groups(reach: Reach) -> Ladder:
    """Return the ladder per language group."""
    return Ladder(reach)


def _table(reach: Reach, *, wide: bool) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for names in HEADS:
        table.add_column(names[0 if wide else 1], justify="left" if names[0] in ("Group", "Quorum") else "right", no_wrap=True)
    for one in sorted(reach.groups, key=_need):
        table.add_row(*_cells(one), _quorum(one, wide=wide))
    table.add_section()
    totals = [ALL[0 if wide else 1], *_cells(reach.totals)[1:]]
    table.add_row(*(Text(cell.plain if isinstance(cell, Text) else cell, style="bold") for cell in totals), "")
    return table


def _need(one: GroupReach) -> tuple[float, str]:
    """What is missing to the quorum, most first."""
    return (-(max(0, one.quorum - one.counted) / max(1, one.quorum)), one.name)


def _cells(one: GroupReach) -> list[str | Text]:
    people = f"{one.planned}" + (f" (+{one.skipped})" if one.skipped else "")
    return [
        one.name,
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


def _quorum(one: GroupReach, *, wide: bool) -> Table | Text:
    met = one.counted >= one.quorum
    words = Text(f"{one.counted} of {one.quorum}", style="green" if met else "")
    if not wide:
        return words
    row = Table.grid(padding=(0, 1))
    row.add_row(
        ProgressBar(total=max(1, one.quorum), completed=min(one.counted, one.quorum), width=10),
        words,
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
