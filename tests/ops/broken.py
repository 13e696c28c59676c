"""Ten installations that are broken, each in its own way, and whether doctor names what is wrong and what to do.

    python -m tests.ops.broken

Each is broken for real: the provider knows another token, nobody listens, a certificate has ended, a worker was killed.
"""

import asyncio
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from channels.base import Check
from channels.clock import DemoClock, SystemClock
from channels.sandbox.sandbox import Sandbox
from relay.app import open_house
from relay.settings import Settings
from relay.store import register, remembered, workers
from relay.store.engine import Store
from tests.chaos.installation import free_port
from tests.ops.house import HERE, Well, found, well

BUDSTIKKE = Path(sys.executable).with_name("budstikke")


class Breakage(NamedTuple):
    """One way to be broken, and how doctor must speak of it."""

    words: str
    breaks: Callable[[Well], Awaitable[list[Check]]]
    #: a part of the check's name, of its words, and of what to do
    name: str
    says: str
    does: str
    grave: bool


async def wrong_token(one: Well) -> list[Check]:
    return await examined(one.settings(twilio_auth_token="another"))


async def unreachable(one: Well) -> list[Check]:
    return await examined(one.settings(public_base_url="http://budstikke.invalid:8080"))


async def wrong_port(one: Well) -> list[Check]:
    return await examined(one.settings(public_base_url=f"http://{HERE}:{free_port()}"))


async def hanging(one: Well) -> list[Check]:
    """The provider takes connections, and answers on none."""

    async def hang(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(60)
        writer.close()

    async with await asyncio.start_server(hang, HERE, 0) as server:
        port = server.sockets[0].getsockname()[1]
        return await examined(one.settings(twilio_base_url=f"http://{HERE}:{port}"))


async def clock_off(one: Well) -> list[Check]:
    """The provider's clock is an hour ahead of ours: which is the same as ours an hour behind."""
    async with Sandbox(one.folder / "ahead.jsonl", clock=DemoClock(timedelta(hours=1))) as ahead:
        return await examined(one.settings(twilio_base_url=ahead.url))


async def old_backup(one: Well) -> list[Check]:
    three_days_ago = SystemClock().now() - timedelta(days=3)
    async with one.house.store.write() as conn:
        kept = await remembered.get(conn, remembered.LAST_BACKUP)
        await remembered.put(conn, remembered.LAST_BACKUP, three_days_ago.isoformat())
    try:
        return await one.house.examine()
    finally:
        async with one.house.store.write() as conn:
            await remembered.put(conn, remembered.LAST_BACKUP, kept or "")


async def full_disk(one: Well) -> list[Check]:
    """A disk of 16 MiB where this user may mount one; elsewhere more is asked for than this disk has."""
    with small_disk(one.folder / "disk") as folder:
        if folder is None:
            free = shutil.disk_usage(one.folder).free // 1024**2
            return await examined(one.settings(disk_free_mb=free + 1024))
        told = await found(f"sqlite:///{folder / 'budstikke.db'}", one.sandbox)
        return await examined(Settings.of(told))


async def lax_commits(one: Well) -> list[Check]:
    async with open_house(one.settings(), dispatches=False) as house:
        await _say(house.store, "PRAGMA synchronous=NORMAL")
        return await house.examine()


async def no_translation(one: Well) -> list[Check]:
    stamp = register.Stamp(by="Kari Nordmann", at=SystemClock().now())
    told = await found(f"sqlite:///{one.folder / 'latvian.db'}", one.sandbox)
    async with open_house(Settings.of(told), dispatches=False) as house:
        async with house.store.write() as conn:
            town = await register.find_municipality(conn, "")
            await register.add_group(conn, town, register.NewGroup(language="lv", name="Latvisk"), stamp)
        return await house.examine()


async def expired_certificate(one: Well) -> list[Check]:
    async with tls_server(one.folder, ended=timedelta(days=3)) as port:
        return await examined(one.settings(public_base_url=f"https://{HERE}:{port}"))


async def dead_worker(one: Well) -> list[Check]:
    """A process that was killed; then as much time passes as a worker may be silent."""
    told = await found(f"sqlite:///{one.folder / 'killed.db'}", one.sandbox)
    surroundings = os.environ | {f"BUDSTIKKE_{name.upper()}": value for name, value in told.items()}
    await asyncio.to_thread(_killed_at_work, one.folder, surroundings)
    async with open_house(Settings.of(told), clock=DemoClock(workers.MISSED + timedelta(seconds=5)), dispatches=False) as house:
        return await house.examine()


#: words, how; and of doctor: the check's name, its words, what to do, and whether it is grave
BREAKAGES = (
    Breakage("wrong token", wrong_token, "Twilio account", "", "Compare account SID and token", True),
    Breakage("unreachable address", unreachable, "public address", "DNS", "PUBLIC_BASE_URL", True),
    Breakage("wrong port in the public address", wrong_port, "public address", "answers at port", "The port in", True),
    Breakage("a provider that hangs", hanging, "Account", "not answered within", "status page", True),
    Breakage("clock off by an hour", clock_off, "Clock against", "by 3", "NTP", True),
    Breakage("old backup", old_backup, "backup", "3 days old", "budstikke backup", False),
    Breakage("disk nearly full", full_disk, "disk", "free of", "Make room", True),
    Breakage("synchronous lowered", lax_commits, "commits", "synchronous = NORMAL", "synchronous=FULL", True),
    Breakage("missing translations", no_translation, "languages", "lv", "frame.po", False),
    Breakage("expired certificate", expired_certificate, "certificate", "ended 3 days ago", "Renew it", True),
    Breakage("dead worker", dead_worker, "worker", "seen", "start it again", True),
)


# --- how it is broken -------------------------------------------------------------------------------------------------------


async def examined(settings: Settings) -> list[Check]:
    async with open_house(settings, dispatches=False) as house:
        return await house.examine()


async def _say(store: Store, statement: str) -> None:
    """Say something on the connection that writes, outside a transaction."""
    async with store.write() as conn:
        raw = await conn.get_raw_connection()
        driver = raw.driver_connection
        assert driver is not None
        # the transaction begins with what is said to it in the usual way, and nothing is
        await driver.run([(statement, ())])


def _killed_at_work(folder: Path, surroundings: Mapping[str, str]) -> None:
    with subprocess.Popen([BUDSTIKKE, "serve"], env=surroundings, cwd=folder, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline(), "serve did not come up"
        process.send_signal(signal.SIGKILL)


@contextmanager
def small_disk(folder: Path) -> Iterator[Path | None]:
    """Mount a disk of 16 MiB; None where this user may not."""
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", folder], capture_output=True, check=False)
    try:
        yield folder if mounted.returncode == 0 else None
    finally:
        if mounted.returncode == 0:
            subprocess.run(["umount", folder], check=True)


def certificate(folder: Path, *, ended: timedelta) -> tuple[Path, Path]:
    """Make a certificate of our own that ended so long ago; return the files of it and its key."""
    now, key = SystemClock().now(), ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HERE)])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - ended - timedelta(days=90))
        .not_valid_after(now - ended)
        .sign(key, hashes.SHA256())
    )
    shown, secret = folder / "certificate.pem", folder / "key.pem"
    shown.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    secret.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
    return shown, secret


@asynccontextmanager
async def tls_server(folder: Path, *, ended: timedelta) -> AsyncIterator[int]:
    """Listen with TLS; yield the port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate(folder, ended=ended))

    async def heard(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(heard, HERE, 0, ssl=context, family=socket.AF_INET)
    async with server:
        yield server.sockets[0].getsockname()[1]


# --- the table --------------------------------------------------------------------------------------------------------------


def named(breakage: Breakage, checks: list[Check], before: list[Check]) -> Check | None:
    """Return the check by which doctor names the breakage, if it does, and did not before."""
    ill = {one.name for one in before if not one.ok}
    found = (one for one in checks if not one.ok and one.grave == breakage.grave and one.name not in ill)
    return next((one for one in found if breakage.name in one.name and breakage.says in one.words and breakage.does in one.remedy), None)


async def _all(folder: Path) -> int:
    missed = 0
    async with well(folder) as one:
        before = await one.house.examine()
        print(f"{'well':34}{sum(one.ok for one in before)} of {len(before)} checks, none grave that is not")
        assert all(one.ok or not one.grave for one in before)
        for breakage in BREAKAGES:
            check = named(breakage, await breakage.breaks(one), before)
            missed += check is None
            print(f"{breakage.words:34}{'NOT NAMED' if check is None else ('not well' if check.grave else 'to mend')}")
            if check:
                print(f"{'':34}{check.name}: {check.words}\n{'':34}-> {check.remedy}")
    return missed


def main() -> None:
    """Break ten installations and print what doctor says of each."""
    with tempfile.TemporaryDirectory() as folder:
        missed = asyncio.run(_all(Path(folder)))
    print(f"\n{len(BREAKAGES)} broken, {len(BREAKAGES) - missed} named with what to do")
    sys.exit(bool(missed))


if __name__ == "__main__":
    main()
