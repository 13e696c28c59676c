"""Two dispatchers on one SQLite file would send everything twice."""

import asyncio
import sys
from pathlib import Path

import pytest

from relay.model import NotReady
from relay.store.address import claim_file

HOLDER = """
import sys, time
from relay.store.address import claim_file
claim = claim_file(sys.argv[1])
print("held", flush=True)
time.sleep(60)
"""


async def test_a_second_dispatcher_refuses_until_the_first_is_gone_however_it_went(sqlite_url: str) -> None:
    holder = await asyncio.create_subprocess_exec(sys.executable, "-c", HOLDER, sqlite_url, stdout=asyncio.subprocess.PIPE)
    assert holder.stdout is not None
    assert await holder.stdout.readline() == b"held\n"
    with pytest.raises(NotReady, match="Another dispatcher"):
        claim_file(sqlite_url)
    holder.kill()
    await holder.communicate()
    claim_file(sqlite_url).release()


def test_a_released_file_can_be_claimed_again(sqlite_url: str) -> None:
    claim_file(sqlite_url).release()
    claim_file(sqlite_url).release()


def test_another_name_of_the_same_file_is_the_same_file(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    claim = claim_file(f"sqlite:///{tmp_path}/real/budstikke.db")
    with pytest.raises(NotReady, match="Another dispatcher"):
        claim_file(f"sqlite:///{tmp_path}/link/budstikke.db")
    claim.release()


def test_postgresql_is_never_claimed() -> None:
    for _ in range(2):
        claim_file("postgresql://user@host/budstikke")
