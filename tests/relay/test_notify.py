"""systemd hears when we are ready, that we are at work, and that we end; a dispatcher that hangs gives no sign of life."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from relay import notify
from relay.store import sealing
from tests.chaos.installation import free_port
from tests.stories.town import Town

BUDSTIKKE = Path(sys.executable).with_name("budstikke")


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """Stand where systemd stands: at the end of NOTIFY_SOCKET."""
    place = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(str(place))
        ear.settimeout(120)
        monkeypatch.setenv("NOTIFY_SOCKET", str(place))
        yield ear


def heard(ear: socket.socket) -> list[str]:
    """Everything that has been said and not been listened to."""
    ear.setblocking(False)
    found = []
    try:
        while True:
            found.append(ear.recv(1000).decode())
    except BlockingIOError:
        return found


async def test_the_watchdog_is_fed_only_when_the_dispatcher_has_turned(systemd: socket.socket, town: Town) -> None:
    dispatcher = town.relay.dispatcher
    watched = notify.Watched(lambda: dispatcher.turns)
    await dispatcher.drain()
    await watched.feed()
    assert heard(systemd) == ["WATCHDOG=1"]
    await watched.feed()
    assert heard(systemd) == [], "it has hung since"
    await dispatcher.drain()
    await watched.feed()
    assert heard(systemd) == ["WATCHDOG=1"]


@pytest.mark.parametrize("command", [("serve",), ("serve", "--no-work"), ("work",)])
def test_a_process_says_that_it_is_ready_at_work_and_ending(
    systemd: socket.socket, migrated_sqlite_url: str, tmp_path: Path, command: tuple[str, ...]
) -> None:
    told = {
        "DATABASE_URL": migrated_sqlite_url,
        "PUBLIC_BASE_URL": "https://varsel.example",
        "LISTEN_PORT": str(free_port()),
        "ENCRYPTION_KEY": sealing.make_key(),
        "LOOKUP_KEY": sealing.make_key(),
    }
    surroundings = os.environ | {f"BUDSTIKKE_{name}": value for name, value in told.items()}
    with subprocess.Popen([BUDSTIKKE, *command], env=surroundings, cwd=tmp_path, stdout=subprocess.DEVNULL) as process:
        assert systemd.recv(1000).decode().startswith("READY=1\nSTATUS=")
        for _ in range(2):
            assert systemd.recv(1000) == b"WATCHDOG=1"
        process.send_signal(signal.SIGTERM)
        while (words := systemd.recv(1000)) == b"WATCHDOG=1":
            pass
        assert words.startswith(b"STOPPING=1")
        assert process.wait(60) == 0


@pytest.mark.parametrize("place", ["", "nowhere", "/nowhere/at/all"])
def test_without_systemd_nothing_is_said(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", place)
    notify.ready("Works.")
    notify.stopping()
