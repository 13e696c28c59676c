"""Way one of the handbook works: its commands, the units' own lines, nginx, TLS, a signed callback, a stream, a first exercise.

`python -m deploy.check.first_way` does the same in an empty Debian, packages and all; here it runs on this machine under a layer that is
thrown away, and runs every other command of the handbook as well.
"""

import os
import shutil
import subprocess
import sys

import pytest

from tests.meta.repository import ROOT

SHOWN = (
    "the first exercise is on the emulated phone",
    "came back, signed, through nginx over TLS: 204",
    "delivered and acknowledged",
    "signed by the provider's own validator over https://budstikke.example.no/…: accepted through nginx",
    "signed by the provider's own validator over https://budstikke.example.no:8443/…: accepted through nginx",
    "the reach board through nginx: first event of",
    "the backup unit's own line made a backup",
    "blocks of the handbook's other pages and the README ran",
)


def _can() -> str:
    """Say why it cannot run here; "" if it can."""
    if os.geteuid():
        return "needs root, for a network and a layer of its own"
    missing = [name for name in ("unshare", "ip", "nginx") if not shutil.which(name)]
    if missing:
        return f"needs {', '.join(missing)} (Debian: apt-get install nginx iproute2)"
    probe = "mount -t tmpfs t /mnt; mkdir /mnt/u /mnt/w /mnt/r; exec mount -t overlay o -o lowerdir=/,upperdir=/mnt/u,workdir=/mnt/w /mnt/r"
    tried = subprocess.run(["unshare", "--mount", "--net", "/bin/sh", "-ec", probe], capture_output=True, text=True, check=False)
    return tried.stderr.strip()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_way_one_of_the_handbook_works() -> None:
    if why := _can():
        pytest.skip(why)
    command = [sys.executable, "-m", "deploy.check.first_way", "--here", "--handbook"]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    print(done.stdout)
    assert done.returncode == 0, done.stdout[-6000:]
    assert [words for words in SHOWN if words not in done.stdout] == []
