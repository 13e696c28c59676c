#!/usr/bin/env python3
"""Runs units where systemd is not: takes ExecStart and the rest out of the unit file and does as it says.

Linked as `systemctl` into a tree without systemd it lets the handbook's own commands work. It knows what the units need: User,
WorkingDirectory, StateDirectory, Environment, EnvironmentFile, UMask, ExecStartPre, ExecStart, ExecStartPost, ExecReload, and the types
simple, exec, notify, forking and oneshot. It hardens nothing and restarts nothing: `systemd-analyze` judges the one, systemd does the
other. Needs nothing but Python, since it runs before anything is installed.
"""

import os
import pwd
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PLACES = (Path("/etc/systemd/system"), Path("/lib/systemd/system"))
RUNNING = Path("/run/units")
#: seconds that a service has to say that it is ready, or to end
PATIENCE = 60.0
#: types whose process goes on; the others end before systemctl returns
STAYS = {"simple", "exec", "notify", ""}


@dataclass(frozen=True)
class Unit:
    """A unit file, as (section, name) -> the values that stand there, in their order."""

    name: str
    values: dict[tuple[str, str], list[str]]

    def every(self, name: str) -> list[str]:
        """Return all values of a setting of [Service]; an empty one takes back those before it."""
        found: list[str] = []
        for value in self.values.get(("Service", name), []):
            found = [*found, value] if value else []
        return found

    def last(self, name: str, default: str = "") -> str:
        """Return what a setting of [Service] is in the end."""
        return (self.every(name) or [default])[-1]


def read(file: Path, name: str = "") -> Unit:
    """Read a unit file; `name` is what it is started as, where it is a template."""
    name = name or file.name
    values: dict[tuple[str, str], list[str]] = {}
    section = ""
    for line in file.read_text(encoding="utf-8").replace("\\\n", " ").splitlines():
        text = line.strip()
        if text.startswith("["):
            section = text.strip("[]")
        elif text and text[0] not in "#;":
            key, _, value = text.partition("=")
            values.setdefault((section, key.strip()), []).append(value.strip())
    return Unit(name, values)


def words(unit: Unit, line: str) -> list[str]:
    """Split an Exec line as systemd does: quotes, %% and %i, $$, and variables of the environment."""
    instance = unit.name.partition("@")[2].partition(".")[0]
    told = environment(unit)
    line = line.lstrip("-@+!:").replace("%i", instance).replace("%%", "%")
    return [_filled(word, told) for word in shlex.split(line)]


def _filled(word: str, told: dict[str, str]) -> str:
    parts = word.split("$$")
    for name, value in told.items():
        parts = [part.replace("${" + name + "}", value) for part in parts]
    return "$".join(parts)


def environment(unit: Unit) -> dict[str, str]:
    """Return what the unit's processes are told: what the unit says, then what its files say."""
    said = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
    for pairs in unit.every("Environment"):
        said |= dict(pair.split("=", 1) for pair in shlex.split(pairs))
    for file in unit.every("EnvironmentFile"):
        said |= _told(Path(file.lstrip("-")), required=not file.startswith("-"))
    return said


def _told(file: Path, *, required: bool) -> dict[str, str]:
    if not required and not file.exists():
        return {}
    lines = (line.strip() for line in file.read_text(encoding="utf-8").splitlines())
    pairs = (line.split("=", 1) for line in lines if line and line[0] not in "#;")
    return {name: "".join(shlex.split(value)) for name, value in pairs}


# --- starting -----------------------------------------------------------------------------------------------------------


def start(unit: Unit) -> None:
    """Start a service and return once it is up (or, for oneshot and forking, done)."""
    if process := _process(unit):
        print(f"{unit.name} runs already, as {process}")
        return
    _make_folders(unit)
    for line in unit.every("ExecStartPre"):
        _run(unit, line)
    kind = unit.last("Type")
    for line in unit.every("ExecStart"):
        _stay(unit, line, kind) if kind in STAYS else _run(unit, line)
    for line in unit.every("ExecStartPost"):
        _run(unit, line)


def _make_folders(unit: Unit) -> None:
    for name in unit.last("StateDirectory").split():
        folder = Path("/var/lib") / name
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(int(unit.last("StateDirectoryMode", "0755"), 8))
        os.chown(folder, *_user(unit))


def _user(unit: Unit) -> tuple[int, int]:
    found = pwd.getpwnam(unit.last("User", "root"))
    return found.pw_uid, found.pw_gid


def _run(unit: Unit, line: str) -> None:
    done = subprocess.run(words(unit, line), **_as_told(unit), check=False)  # type: ignore[call-overload]
    if done.returncode and not line.startswith("-"):
        sys.exit(f"{unit.name}: {line} ended with {done.returncode}")


def _as_told(unit: Unit) -> dict[str, object]:
    uid, gid = _user(unit)
    return {
        "env": environment(unit),
        "cwd": unit.last("WorkingDirectory", "/").lstrip("-~") or "/",
        "user": uid,
        "group": gid,
        "extra_groups": [],
        "umask": int(unit.last("UMask", "0022"), 8),
        "stdin": subprocess.DEVNULL,
    }


def _stay(unit: Unit, line: str, kind: str) -> None:
    RUNNING.mkdir(parents=True, exist_ok=True)
    told = _as_told(unit)
    with _listening(unit, kind) as (address, hears), (RUNNING / f"{unit.name}.log").open("ab") as log:
        told["env"] = environment(unit) | ({"NOTIFY_SOCKET": address} if address else {})
        process = subprocess.Popen(words(unit, line), **told, stdout=log, stderr=log, start_new_session=True)  # type: ignore[call-overload]
        _pid_file(unit).write_text(str(process.pid))
        if hears is not None:
            _await_ready(unit, hears, process)
    print(f"{unit.name} runs as {process.pid}: {line}")


@contextmanager
def _listening(unit: Unit, kind: str) -> Iterator[tuple[str, socket.socket | None]]:
    """Open the socket at which a service of type notify says that it is ready."""
    if kind != "notify":
        yield "", None
        return
    path = RUNNING / f"{unit.name}.notify"
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as hears:
        hears.bind(str(path))
        os.chown(path, *_user(unit))
        yield str(path), hears


def _await_ready(unit: Unit, hears: socket.socket, process: "subprocess.Popen[bytes]") -> None:
    hears.settimeout(0.2)
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and process.poll() is None:
        try:
            said = hears.recv(4096).decode()
        except TimeoutError:
            continue
        if "READY=1" in said.splitlines():
            return
    sys.exit(f"{unit.name} did not say that it is ready; see {RUNNING / unit.name}.log")


# --- stopping, asking ---------------------------------------------------------------------------------------------------


def _pid_file(unit: Unit) -> Path:
    return Path(unit.last("PIDFile") or RUNNING / f"{unit.name}.pid")


def _process(unit: Unit) -> int | None:
    try:
        process = int(_pid_file(unit).read_text())
        os.kill(process, 0)
    except (OSError, ValueError):
        return None
    return process if _state(process) not in ("Z", "") else None


def _state(process: int) -> str:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


def stop(unit: Unit) -> None:
    """Ask a service to end, and wait until it has."""
    process = _process(unit)
    if process is None:
        return
    os.kill(process, signal.SIGTERM)
    until = time.monotonic() + PATIENCE
    while _process(unit) and time.monotonic() < until:
        time.sleep(0.05)
    if _process(unit):
        os.killpg(process, signal.SIGKILL)


def reload(unit: Unit) -> None:
    """Do what ExecReload says; start what does not run."""
    if not _process(unit):
        start(unit)
        return
    for line in unit.every("ExecReload"):
        _run(unit, line)


VERBS = {"start": (start,), "stop": (stop,), "restart": (stop, start), "reload": (reload,), "enable": (), "disable": (), "is-active": ()}


def find(name: str) -> Unit | None:
    """Return the unit of this name, or None for a timer, which nobody keeps here. Ends the program if there is none."""
    name = name if "." in name else f"{name}.service"
    template = name.partition("@")[0] + "@." + name.rpartition(".")[2] if "@" in name else name
    found = next((place / one for place in PLACES for one in (name, template) if (place / one).exists()), None)
    if found is None:
        sys.exit(f"There is no unit {name}.")
    return read(found, name) if name.endswith(".service") else None


def main(arguments: list[str]) -> None:
    """Do what a small systemctl does."""
    verb, *rest = [word for word in arguments if not word.startswith("--")]
    if verb == "daemon-reload":
        return
    for name in rest:
        unit = find(name)
        if unit is None:
            print(f"{name} is there; timers are systemd's own.")
            continue
        if verb == "is-active":
            sys.exit(0 if _process(unit) else 3)
        for does in (start,) if verb == "enable" and "--now" in arguments else VERBS[verb]:
            does(unit)


if __name__ == "__main__":
    main(sys.argv[1:])
