"""Way one of the handbook, in an empty Debian: `python -m deploy.check.first_way [--tree FOLDER] [--keep]`.

Makes a minbase tree, does in it what the handbook's blocks say and nothing else, and prints what that shows; ends with another code
than 0 if something is not so. Needs root and debootstrap. The second half runs without any network but the tree's own
(`unshare --net`); all that it started ends with it. Packages come from where this machine gets its own: its resolver and pip settings
are copied in.

`--here` takes this machine as it is, under a layer that is thrown away, in place of the empty Debian and the packages: all but the first
half of the first step, in a minute. `--handbook` runs the commands of all the other pages, too.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

from deploy.check.blocks import WAY_ONE, Block, blocks

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "deploy/handbook/en/install.md"
PLACE = Path("usr/local/src/budstikke")
SUITE = "bookworm"
#: what the tree needs of this machine to reach packages; missing ones are nothing
COPIED = ("etc/resolv.conf", "etc/hosts", "etc/pip.conf", "etc/xdg/pip/constraints.txt")
#: how pip is told where packages are
TOLD = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_DEFAULT_TIMEOUT", "PIP_CONSTRAINT", "http_proxy", "https_proxy", "no_proxy")
#: an authority of this machine's own, as its tools are told of it
AUTHORITIES = ("PIP_CERT", "SSL_CERT_FILE")
#: a plain environment
PLAIN = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/", "LANG": "C.UTF-8"}
#: no service is started while packages are installed
POLICY = "#!/bin/sh\nexit 101\n"


def say(words: str) -> None:
    """Print a step."""
    print(f"-- {words}", flush=True)


def wanted(stage: str) -> list[Block]:
    """Return the handbook's blocks of a stage."""
    return [block for block in blocks(PAGE) if block.marks.get(WAY_ONE) == stage]


def make_tree(tree: Path) -> None:
    """Make an empty Debian, as small as it gets, unless one is there."""
    if (tree / "etc/debian_version").exists():
        say(f"{tree} is there: taken as it is")
    else:
        say(f"debootstrap --variant=minbase {SUITE} {tree}")
        done = subprocess.run(
            ["debootstrap", "--variant=minbase", "--include=ca-certificates", SUITE, tree], capture_output=True, text=True, check=False
        )
        if done.returncode:
            sys.exit(f"not shown: debootstrap ended with {done.returncode}: {done.stdout[-500:]}")
    for name in COPIED:
        if (Path("/") / name).exists():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(Path("/") / name, tree / name)
    (tree / "usr/sbin/policy-rc.d").write_text(POLICY)
    (tree / "usr/sbin/policy-rc.d").chmod(0o755)


def bring_source(tree: Path) -> None:
    """Copy the source into the tree as it is in git, with the wheel that the handbook's block made."""
    for block in wanted("wheel"):
        print(f"  $ {block.text}", end="", flush=True)
        subprocess.run(["/bin/sh", "-euc", block.text], cwd=ROOT, check=True)
    place = tree / PLACE
    shutil.rmtree(place, ignore_errors=True)
    git = ["git", "-c", "safe.directory=*"]
    known = subprocess.run([*git, "stash", "create"], cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip() or "HEAD"
    packed = subprocess.run([*git, "archive", known], cwd=ROOT, check=True, capture_output=True).stdout
    with tarfile.open(fileobj=BytesIO(packed)) as archive:
        archive.extractall(place, filter="data")
    shutil.copytree(ROOT / "dist", place / "dist")
    systemctl = tree / "usr/local/bin/systemctl"
    systemctl.unlink(missing_ok=True)
    systemctl.symlink_to("/" / PLACE / "deploy/check/units.py")


def inside(tree: Path, command: list[str], *, told: dict[str, str], alone: bool) -> int:
    """Run a command in the tree, with /proc and /dev, and end all that it started; `alone`: without this machine's network."""
    ready = "ip link set lo up; " if alone else ""
    script = f'{ready}mount -t proc proc "$0/proc"; mount --rbind /dev "$0/dev"; exec chroot "$0" "$@"'
    spaces = ["--mount", "--pid", "--fork", "--kill-child", *(["--net"] if alone else [])]
    return subprocess.run(["unshare", *spaces, "/bin/sh", "-euc", script, tree, *command], env=PLAIN | told, check=False).returncode


def here(command: list[str]) -> int:
    """Run a command on this machine under a layer that is thrown away, without its network, as `inside` does in a tree."""
    layers = 'mount -t tmpfs tmpfs "$0"; mkdir "$0/up" "$0/work" "$0/root"; '
    overlay = 'mount -t overlay overlay -o "lowerdir=/,upperdir=$0/up,workdir=$0/work" "$0/root"; '
    devices = 'mount -t proc proc "$0/root/proc"; mount --rbind /dev "$0/root/dev"; '
    script = f'ip link set lo up; {layers}{overlay}{devices}exec chroot "$0/root" "$@"'
    with tempfile.TemporaryDirectory(prefix="budstikke-layer-") as place:
        run = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--net", "/bin/sh", "-euc", script, place, *command]
        return subprocess.run(run, env=PLAIN, check=False).returncode


def registry(tree: Path) -> dict[str, str]:
    """Return what pip in the tree is told, with this machine's own authority at hand."""
    told = {name: os.environ[name] for name in TOLD if name in os.environ}
    bundle = next((os.environ[name] for name in AUTHORITIES if os.environ.get(name)), "")
    if bundle:
        shutil.copy(bundle, tree / "etc/ssl/machine.pem")
        told["PIP_CERT"] = "/etc/ssl/machine.pem"
    return told | {"DEBIAN_FRONTEND": "noninteractive"}


def install(tree: Path) -> None:
    """Run the blocks that need packages."""
    for block in wanted("packages"):
        print("".join(f"  $ {line}\n" for line in block.text.splitlines()), end="", flush=True)
        command = f"cd /{PLACE}\n{block.text}"
        if code := inside(tree, ["/bin/bash", "-euc", command], told=registry(tree), alone=False):
            sys.exit(f"not shown: {block} ended with {code}")


@contextmanager
def folder(named: Path | None, *, keep: bool) -> Iterator[Path]:
    """Yield the tree's folder, and take it away afterwards unless it is to be kept."""
    if named is not None:
        named.mkdir(parents=True, exist_ok=True)
        yield named.resolve()
        return
    made = Path(tempfile.mkdtemp(prefix="budstikke-tree-"))
    # it becomes the root, through which every user must get
    made.chmod(0o755)
    try:
        yield made
    finally:
        if not keep:
            shutil.rmtree(made)


def empty(tree: Path, more: list[str]) -> int:
    """Do it in an empty Debian."""
    make_tree(tree)
    bring_source(tree)
    install(tree)
    say("from here on without any network but the tree's own")
    command = f'cd /{PLACE} && exec /opt/budstikke/.venv/bin/python -m deploy.check.evening "$@"'
    return inside(tree, ["/bin/sh", "-c", command, "sh", *more], told={}, alone=True)


def main() -> None:
    """Do it."""
    options = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    options.add_argument("--tree", type=Path, help="a minbase tree that is there, or where to make one")
    options.add_argument("--keep", action="store_true", help="leave the tree there")
    options.add_argument("--here", action="store_true", help="this machine, under a layer that is thrown away")
    options.add_argument("--handbook", action="store_true", help="run the commands of the other pages, too")
    asked = options.parse_args()
    tools = ("unshare", "chroot", "ip", "nginx") if asked.here else ("debootstrap", "unshare", "chroot", "ip", "git")
    missing = [name for name in tools if not shutil.which(name)]
    if os.geteuid() or missing:
        sys.exit(f"needs root and {', '.join(missing) or 'nothing else'}")
    more = ["--handbook"] if asked.handbook else []
    if asked.here:
        code = here(["/bin/sh", "-c", f'cd "{ROOT}" && exec "$@"', "sh", sys.executable, "-m", "deploy.check.evening", "--here", *more])
    else:
        with folder(asked.tree, keep=asked.keep) as tree:
            code = empty(tree, more)
    if code:
        sys.exit(code)
    say("way one of the handbook works")


if __name__ == "__main__":
    main()
