"""The second half of first_way.py, inside the tree: does what the handbook says, and then looks at what came of it.

Needs what the installed program needs, and nothing of its source: `python -m deploy.check.evening [--here] [--handbook]`, as root,
in a tree of its own or under a layer that is thrown away.
"""

import asyncio
import json
import re
import ssl
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp

from deploy.check import authority, outside
from deploy.check.blocks import NOT_RUN, SHELL, WAY_ONE, Block, blocks

SOURCE = Path(__file__).parents[2]
PAGE = SOURCE / "deploy/handbook/en/install.md"
NAME, PHONE = "budstikke.example.no", "+4790000001"
ENV_FILE = Path("/etc/budstikke/budstikke.env")
SITE = Path("/etc/nginx/sites-enabled/budstikke")
LEDGER = Path("/var/lib/budstikke/sandbox.jsonl")
#: a second port, for a public address that names one
PORT = 8443
#: what the administrator chooses for a password
OWN = "en budstikke gikk fra gard til gard"
#: seconds that anything may take; nothing here is timed
PATIENCE = 120.0


def shown(words: str) -> None:
    """Print something that was shown."""
    print(f"shown: {words}", flush=True)


def command(text: str, *, exits: frozenset[int] = frozenset({0})) -> str:
    """Run a block of commands; return what it printed. Ends the program with it, if it failed."""
    print("".join(f"  $ {line}\n" for line in text.splitlines()), end="", flush=True)
    done = subprocess.run(["/bin/bash", "-euc", text], cwd=SOURCE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    print("".join(f"    {line}\n" for line in done.stdout.splitlines()), end="", flush=True)
    if done.returncode not in exits:
        sys.exit(f"not shown: this ended with {done.returncode}")
    return done.stdout


def follow_the_handbook() -> str:
    """Do what the blocks of way one say, in their order; return the administrator's password for one use."""
    printed = ""
    for block in blocks(PAGE):
        stage = block.marks.get(WAY_ONE, "")
        if stage == "beside":
            _beside(block)
        elif stage == "start":
            printed += command(block.text, exits=block.exits)
        elif block.language == SHELL and NOT_RUN in block.marks:
            print(f"  (not run: {block}: {block.marks[NOT_RUN]})")
    found = re.search(r"with the password (\S+) once", printed)
    assert found, "init printed no password"
    return found[1]


def _beside(block: Block) -> None:
    print(f"  & {block.text}", end="", flush=True)
    with Path("/tmp/beside.log").open("ab") as log:
        subprocess.Popen(["/bin/bash", "-euc", "exec " + block.text], cwd=SOURCE, stdout=log, stderr=log)


async def until(what: str, holds: Callable[[], bool]) -> None:
    """Wait until something holds."""
    for _ in range(int(PATIENCE / 0.2)):
        if holds():
            return
        await asyncio.sleep(0.2)
    sys.exit(f"not shown: {what}")


def ledger(event: str) -> list[dict[str, Any]]:
    """Return what the emulated provider wrote down of one kind."""
    lines = LEDGER.read_text(encoding="utf-8").splitlines() if LEDGER.exists() else []
    return [one for line in lines if (one := json.loads(line)).get("event") == event]


def reach() -> dict[str, int]:
    """Return how far the exercise has come."""
    done = subprocess.run(["budstikke", "reach", "1", "--json"], cwd=SOURCE, capture_output=True, text=True, check=True)
    totals: dict[str, int] = json.loads(done.stdout)["totals"]
    return totals


async def first_exercise() -> None:
    """See the exercise arrive on the emulated phone, be reported through the proxy, and be answered."""
    await until("two messages on the emulated phone", lambda: len(ledger("shown")) >= 2)
    texts = [one["body"] for one in ledger("accepted") if one["to"] == PHONE]
    assert all(text.startswith("TABABAR") and text.endswith("TABABAR") for text in texts), texts
    shown(f"the first exercise is on the emulated phone, {len(texts)} messages, each begun and ended by the word for exercise (TABABAR)")
    await until("reports and an answer that were taken in", lambda: bool(ledger("handed")) and len(_taken("callback")) >= 4)
    shown(
        f"the emulated provider's {len(_taken('callback'))} reports and the phone's answer came back, signed, through nginx over TLS: 204"
    )
    totals = reach()
    assert totals["delivered"] == totals["acknowledged"] == 1, totals
    shown("the installation counts one person reached: delivered and acknowledged")


def _taken(event: str) -> list[dict[str, Any]]:
    return [one for one in ledger(event) if one.get("http") == 204]


async def look(public: str, password: str, trusted: ssl.SSLContext) -> None:
    """Look at the installation from outside, under its public address."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=trusted)) as http:
        await outside.callbacks(http, public, public, outside.Account("twilio", "AC" + 32 * "0", "sandbox"), PHONE)
        shown(
            f"signed by the provider's own validator over {public}/…: accepted through nginx; forged, or signed over another address: 403"
        )
        page = await outside.sign_in(http, public, "kari.nordmann", password)
        assert page, "nobody could sign in"
        shown(f"kari.nordmann signed in at {public}")


async def stream(public: str, password: str, trusted: ssl.SSLContext) -> None:
    """Follow the reach board through the proxy while an answer comes in."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=trusted)) as http:
        await outside.sign_in(http, public, "kari.nordmann", password)
        account = outside.Account("twilio", "AC" + 32 * "0", "sandbox")
        sizes = await outside.live(http, public, public, account, PHONE, "/alerts/1/board/live")
        first, second = sizes
        shown(
            f"the reach board through nginx: first event of {first} bytes, and the next ({second} bytes) when an answer came, on one stream"
        )


def another_port() -> None:
    """Do what the handbook says for a public address with a port in it."""
    site = SITE.read_text(encoding="utf-8").replace("listen 443 ", f"listen {PORT} ").replace("listen [::]:443 ", f"listen [::]:{PORT} ")
    SITE.write_text(site, encoding="utf-8")
    told = ENV_FILE.read_text(encoding="utf-8").replace(f"https://{NAME}", f"https://{NAME}:{PORT}")
    ENV_FILE.write_text(told, encoding="utf-8")
    command("nginx -t\nsystemctl restart nginx\nsystemctl restart budstikke.service")


def take_this_machine() -> None:
    """Put what is installed here where the handbook's first step would have put it. We are under a layer that is thrown away."""
    venv = Path(sys.prefix)
    for place in (SOURCE, venv, Path(sys.executable).resolve()):
        for folder in (place, *place.parents):
            if folder.is_dir():
                folder.chmod(folder.stat().st_mode | 0o555)
    Path("/opt/budstikke").mkdir(parents=True)
    Path("/opt/budstikke/.venv").symlink_to(venv)
    systemctl = Path("/usr/local/bin/systemctl")
    systemctl.unlink(missing_ok=True)
    systemctl.symlink_to(SOURCE / "deploy/check/units.py")


def the_other_pages() -> None:
    """Run the commands of the other pages, and count those that cannot be run here."""
    pages = [page for page in sorted(PAGE.parent.glob("*.md")) if page != PAGE]
    every = [block for page in (*pages, SOURCE / "README.md") for block in blocks(page) if block.language == SHELL]
    runs = [block for block in every if NOT_RUN not in block.marks]
    for block in runs:
        print(f"  {block}")
        command(block.text, exits=block.exits)
    for block in every:
        if block not in runs:
            print(f"  (not run: {block}: {block.marks[NOT_RUN]})")
    shown(f"{len(runs)} blocks of the handbook's other pages and the README ran, {len(every) - len(runs)} cannot run here")


def main() -> None:
    """Follow the handbook, then look."""
    if "--here" in sys.argv:
        take_this_machine()
    with Path("/etc/hosts").open("a", encoding="utf-8") as hosts:
        hosts.write(f"127.0.0.1 {NAME}\n")
    trusted = authority.issue(NAME, Path("/etc/ssl/budstikke"))
    Path("/usr/local/share/ca-certificates/test-authority.crt").write_bytes(Path("/etc/ssl/budstikke/authority.pem").read_bytes())
    subprocess.run(["update-ca-certificates"], check=True, capture_output=True)
    password = follow_the_handbook()
    asyncio.run(first_exercise())
    public = f"https://{NAME}"
    asyncio.run(look(public, password + "\n" + OWN, trusted))
    asyncio.run(stream(public, OWN, trusted))
    another_port()
    asyncio.run(look(f"{public}:{PORT}", OWN, trusted))
    command("systemctl start budstikke-backup.service\nls /var/backups/budstikke")
    shown("the backup unit's own line made a backup while the program worked")
    if "--handbook" in sys.argv:
        the_other_pages()


if __name__ == "__main__":
    main()
