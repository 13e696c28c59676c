"""A sandbox in the test's own loop, the official client in a thread, and a product that only listens."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import web
from twilio.rest import Client

from channels.clock import ManualClock
from channels.sandbox.house import ACCOUNT, AUTH_TOKEN
from channels.sandbox.sandbox import Sandbox
from tests.channels.sandbox.product import Product


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 11, 23, 17, 0, tzinfo=UTC))


@pytest.fixture
async def product() -> AsyncIterator[Product]:
    product = Product()
    app = web.Application()
    app.router.add_post("/{path:.*}", product.hook)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    product.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield product
    await runner.cleanup()


@pytest.fixture
async def sandbox(tmp_path: Path, clock: ManualClock, product: Product) -> AsyncIterator[Sandbox]:
    async with Sandbox(tmp_path / "ledger.jsonl", clock=clock, seed=1) as sandbox:
        sandbox.change(inbound_url=f"{product.url}/hooks/a/inbound", call_again=0.01)
        yield sandbox


@pytest.fixture
def client(sandbox: Sandbox) -> Client:
    """Return the official client: nothing but its base addresses is set."""
    client = Client(ACCOUNT, AUTH_TOKEN)
    client.api.base_url = sandbox.url
    client.content.base_url = sandbox.url
    return client
