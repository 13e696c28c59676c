"""Commands for a change of the encryption key: make the next one, and seal everything anew under it while everybody works on."""

import asyncio

import typer

from relay.cli.output import Json, house, say, show_json
from relay.model import NotReady
from relay.settings import PREFIX, Settings
from relay.store import reseal, sealing

app = typer.Typer(no_args_is_help=True)

#: so often is gone over what a process with old settings may still have written
PASSES = 3


@app.command("next")
def next_key() -> None:
    """Print the setting with a new key in front of those that there are. Put it into the environment file, and start everything anew."""
    told = Settings.load().encryption_key.get_secret_value()
    print(f"{PREFIX}ENCRYPTION_KEY={sealing.with_next(told)}")


@app.command()
def rotate(json: Json = False) -> None:
    """Seal everything anew under the newest key, while everybody works on. Interrupted, it is simply started again.

    Before: the command `key next`, its line in the environment file of every process, and all of them started anew.
    """

    async def inside() -> tuple[dict[str, int], dict[str, int]]:
        done: dict[str, int] = {}
        left: dict[str, int] = {}
        async with house() as opened:
            for _ in range(PASSES):
                for name, number in (await reseal.reseal(opened.store)).items():
                    done[name] = done.get(name, 0) + number
                async with opened.store.read() as conn:
                    left = await reseal.left(conn)
                if not left:
                    break
        return done, left

    done, left = asyncio.run(inside())
    if json:
        show_json({"sealed": done, "left": left})
    else:
        for name, number in done.items():
            say(f"{number:>10} {name}")
    if left:
        raise NotReady("A process works with old settings and seals under an old key. Start all of them anew, and run this again.")
    if not json:
        say(
            f"All is sealed under the newest key. The older ones may leave {PREFIX}ENCRYPTION_KEY when no older backup is needed.",
            "bold",
        )
