"""A provider that is no bottleneck. It takes messages, gives each an id of its own, and writes down who is to be called back.

nginx where it is there (Debian: nginx-light and libnginx-mod-http-lua): some 20 us a message. Else a bare server in Python, which is named
as such in the table. Port 1 answers at once, port 2 after 60 ms. Nothing is judged here: that is the sandbox's part.
"""

import asyncio
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from urllib.parse import unquote

ACCOUNT = "AC" + "0" * 32
#: seconds that the slow one takes
SLOW = 0.06
#: where Debian keeps nginx's modules
MODULES = Path("/usr/lib/nginx/modules")
WANTED = ("ndk_http_module.so", "ngx_http_lua_module.so")
#: what is written down of each message: id, callback address, number
LINE = re.compile(r"(\w+) (\S*) (\S*)")

_CONF = """
daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log crit;
load_module {modules}/ndk_http_module.so; load_module {modules}/ngx_http_lua_module.so;
events {{ worker_connections 4096; }}
http {{
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  scgi_temp_path {folder}/s; uwsgi_temp_path {folder}/u;
  keepalive_requests 1000000000; keepalive_timeout 600; client_body_buffer_size 64k; client_body_in_single_buffer on;
  map $request_body $to {{ default ""; "~(?:^|&)To=(?<number>[^&]*)" $number; }}
  map $request_body $back {{ default ""; "~(?:^|&)StatusCallback=(?<address>[^&]*)" $address; }}
  log_format told '$request_id $back $to';
  access_log {folder}/told.log told buffer=16k flush=10ms;
  init_by_lua_block {{
    function answer()
      ngx.req.read_body()
      local number = string.match(ngx.req.get_body_data() or "", "To=([^&]*)") or ""
      local text = '{{"sid":"SM' .. ngx.var.request_id .. '","account_sid":"{account}","to":"' .. ngx.unescape_uri(number) ..
        '","status":"queued","num_segments":"1","error_code":null,"error_message":null,"price":null,"price_unit":"NOK","direction":"outbound-api"}}'
      ngx.status = 201
      ngx.header["Content-Type"] = "application/json"
      ngx.header["Content-Length"] = #text
      ngx.print(text)
    end
  }}
  server {{ listen 127.0.0.1:{fast}; location / {{ content_by_lua_block {{ answer() }} }} }}
  server {{ listen 127.0.0.1:{slow}; location / {{ content_by_lua_block {{ ngx.sleep({seconds}); answer() }} }} }}
}}
"""


@dataclass(frozen=True, slots=True)
class Provider:
    """A running provider."""

    name: str
    url: str
    slow_url: str
    #: one LINE a message, as it comes
    told: Path


@contextmanager
def running_provider(folder: Path, ports: tuple[int, int]) -> Iterator[Provider]:
    """Start nginx, or what stands in for it, and stop it at the end."""
    folder.mkdir(parents=True, exist_ok=True)
    told = folder / "told.log"
    told.touch()
    nginx = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    found = nginx is not None and all((MODULES / name).exists() for name in WANTED)
    command = (
        [nginx, "-c", str(_conf(folder, ports))] if nginx and found else [sys.executable, "-m", __spec__.name, *map(str, ports), str(told)]
    )
    with ExitStack() as stack:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        stack.callback(process.wait)
        stack.callback(process.terminate)
        _wait_for(ports)
        fast, slow = (f"http://127.0.0.1:{port}" for port in ports)
        yield Provider(_name(nginx) if nginx and found else "a server in Python", fast, slow, told)


def _conf(folder: Path, ports: tuple[int, int]) -> Path:
    file = folder / "nginx.conf"
    file.write_text(_CONF.format(folder=folder, modules=MODULES, account=ACCOUNT, fast=ports[0], slow=ports[1], seconds=SLOW))
    return file


def _name(nginx: str) -> str:
    said = subprocess.run([nginx, "-v"], capture_output=True, text=True, check=False)
    return said.stderr.strip().rpartition(" ")[2].replace("/", " ")


def _wait_for(ports: tuple[int, int]) -> None:
    import socket

    for port in ports:
        for _ in range(200):
            with socket.socket() as line:
                if line.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)


class Server(asyncio.Protocol):
    """One connection of a client of the stand-in."""

    numbers = count(1)

    def __init__(self, told: Path, seconds: float) -> None:
        self._told, self._seconds = told, seconds
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer each whole request."""
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end].lower()
            at = head.find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(self._buffer) < end + 4 + length:
                return
            body, self._buffer = self._buffer[end + 4 : end + 4 + length], self._buffer[end + 4 + length :]
            asyncio.get_running_loop().call_later(self._seconds, self._answer, dict(_pairs(body.decode())))

    def _answer(self, form: dict[str, str]) -> None:
        number = f"{next(self.numbers):032x}"
        text = f'{{"sid":"SM{number}","account_sid":"{ACCOUNT}","to":"{unquote(form.get("To", ""))}","status":"queued","num_segments":"1",'
        body = (text + '"error_code":null,"price":null,"price_unit":"NOK","direction":"outbound-api"}').encode()
        head = b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
        self._transport.write(head + body)  # type: ignore[attr-defined]
        with self._told.open("a") as file:
            file.write(f"{number} {form.get('StatusCallback', '')} {form.get('To', '')}\n")


def _pairs(body: str) -> Iterator[tuple[str, str]]:
    for pair in body.split("&"):
        name, _, value = pair.partition("=")
        yield name, value


async def main(fast: int, slow: int, told: Path) -> None:
    """Serve until killed."""
    loop = asyncio.get_running_loop()
    for port, seconds in ((fast, 0.0), (slow, SLOW)):
        await loop.create_server(lambda seconds=seconds: Server(told, seconds), "127.0.0.1", port)  # type: ignore[misc]
    await asyncio.Event().wait()


if __name__ == "__main__":
    import uvloop

    uvloop.run(main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])))
