"""What a browser fetches besides pages: style, script, fonts. Each address carries a fingerprint, so that it may be kept for good."""

from functools import cache
from hashlib import sha256
from pathlib import Path

from aiohttp import web

ROOT = Path(__file__).parent / "static"
FOREVER = "public, max-age=31536000, immutable"


@cache
def address(name: str) -> str:
    """Return the address of a file under static/, as "css/app.css"."""
    return f"/static/{name}?v={sha256((ROOT / name).read_bytes()).hexdigest()[:12]}"


async def serve(request: web.Request) -> web.FileResponse:
    """Send a file of static/; 404 for anything else."""
    wanted = (ROOT / request.match_info["name"]).resolve()
    if not wanted.is_relative_to(ROOT) or not wanted.is_file():
        raise web.HTTPNotFound
    # a font named in a style sheet carries no fingerprint; its name does, by the package's version
    return web.FileResponse(wanted, headers={"Cache-Control": FOREVER, "X-Content-Type-Options": "nosniff"})
