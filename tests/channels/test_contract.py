"""Runs the contract for each channel: SMS, WhatsApp, e-mail, and SMS by HTTP in two styles."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.channels.contract import *  # noqa: F403 - pytest collects what it finds here
from tests.channels.rigs import RIGS, Rig


@pytest.fixture(params=list(RIGS))
async def rig(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Rig]:
    async with RIGS[request.param](tmp_path / "ledger.jsonl") as ready:
        yield ready
