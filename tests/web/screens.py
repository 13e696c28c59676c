"""Pictures of every page: `python -m tests.web.screens FOLDER [PART]`: Bokmål light and dark, mirrored, and on a phone."""

import argparse
import asyncio
import tempfile
from pathlib import Path

from tests.web.eyes import browser, desks
from tests.web.places import Place, busy_town, links_held, places

VIEWS = {
    "nb": ("lang=nb&scheme=light&dir=ltr", 1366),
    "dark": ("lang=nb&scheme=dark&dir=ltr", 1366),
    "rtl": ("lang=nb&scheme=light&dir=rtl", 1366),
    "phone": ("lang=nb&scheme=light&dir=ltr", 390),
}


async def main(folder: Path, part: str) -> None:
    """Write the pictures."""
    with tempfile.TemporaryDirectory() as scratch:
        async with busy_town(Path(scratch)) as town, browser("/usr/bin/chromium") as made, desks(made, town) as free:
            for place in [*await places(town), *await links_held(town)]:
                name = called(place)
                if part not in name:
                    continue
                async with free(place) as desk:
                    for view, (asked, width) in VIEWS.items():
                        await desk.page.set_viewport_size({"width": width, "height": 900})
                        await desk.open(f"{place.address}?{asked}")
                        await desk.page.evaluate("document.fonts.ready")
                        await desk.page.screenshot(path=folder / f"{name}.{view}.png", full_page=True)
                print(name)  # noqa: T201 - a command says what it has done


def called(place: Place) -> str:
    """Return what a page's pictures are called: by its address, without the keys that links are."""
    address = place.pattern.replace("{token}", place.address.split("/")[2][:2]) if "{token}" in place.pattern else place.address
    return address.strip("/").replace("/", "-") or "front"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="screens", description="Take pictures of every page.")
    parser.add_argument("folder", type=Path, help="where the pictures go")
    parser.add_argument("part", nargs="?", default="", help="only pages with this in their picture's name")
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(asked.folder, asked.part))
