"""How the command line speaks: tables and sentences for people, JSON for programs."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console

from relay import log
from relay.app import House, open_house
from relay.model import BadInput, BudstikkeError, NotAllowed, NotFound, NotReady, Unreadable
from relay.settings import Settings
from relay.store import register
from relay.typed import as_typed

#: see the table in relay.cli
EXIT_CODES: dict[type[BudstikkeError], int] = {BadInput: 3, NotFound: 4, NotAllowed: 5, NotReady: 6, Unreadable: 6}

out = Console()
err = Console(stderr=True)

T = TypeVar("T")

Municipality = Annotated[str, typer.Option("--municipality", "-m", help="Number or name; needed only where there are several.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for a program.")]
By = Annotated[str, typer.Option("--as", help="Who does this: it is written down.")]


def complain(words: str) -> None:
    """Say what went wrong, on the error channel, and what to type against it."""
    err.print(as_typed(words), style="red", highlight=False, markup=False, soft_wrap=True)


def say(words: str, style: str = "") -> None:
    """Say something, on the ordinary channel."""
    out.print(words, style=style, highlight=False, markup=False, soft_wrap=True)


def show_json(value: Any) -> None:
    """Print a value as JSON."""
    print(json.dumps(value, ensure_ascii=False, indent=1, default=str))


@asynccontextmanager
async def house(*, dispatches: bool = False) -> AsyncIterator[House]:
    """Open the installation that the environment describes."""
    settings = Settings.load()
    log.configure(settings.log_level, settings.log_format)
    async with open_house(settings, dispatches=dispatches) as opened:
        yield opened


def run(work: Callable[[House, int], Awaitable[T]], municipality: str = "") -> T:
    """Run `work` with the installation and the municipality that is meant."""

    async def inside() -> T:
        async with house() as opened:
            async with opened.store.read() as conn:
                municipality_id = await register.find_municipality(conn, municipality)
            return await work(opened, municipality_id)

    return asyncio.run(inside())
