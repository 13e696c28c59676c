"""Commands for WhatsApp: the templates without which nobody can be written to first."""

from collections.abc import Mapping

import typer

from channels.twilio_client import TwilioClient
from channels.twilio_templates import Made, Templates
from messages.form import Medium
from relay.app import House
from relay.cli.output import By, Json, Municipality, run, say, show_json
from relay.settings import PREFIX
from relay.store import groups, register
from relay.store.register import Stamp

app = typer.Typer(no_args_is_help=True)

#: made for every municipality: what is read where a language of its own has no template
ALWAYS = ("nb", "en")


@app.callback()
def _commands() -> None:
    """WhatsApp at Twilio."""


@app.command()
def templates(by: By, json: Json = False, municipality: Municipality = "") -> None:
    """Make the templates of this municipality's languages at Twilio, send them in for approval, and note them with its WhatsApp senders.

    Doing it twice makes nothing twice; after a new language group it is done again. Approval takes an hour, sometimes days.
    """

    async def inside(opened: House, municipality_id: int) -> Made:
        stamp = Stamp(by=by, at=opened.relay.clock.now())
        async with opened.store.read() as conn:
            languages = list(dict.fromkeys((*ALWAYS, *await groups.languages_in_use(conn, municipality_id))))
        client = TwilioClient(opened.settings.require_twilio(), opened.relay.clock).use()
        try:
            made = await Templates(client).make(languages)
        finally:
            await client.close()
        async with opened.store.write() as conn:
            await register.note_contents(conn, municipality_id, Medium.WHATSAPP, made.contents, stamp)
        return made

    made = run(inside, municipality)
    setting = f"{PREFIX}WHATSAPP_QUICK_REPLIES={_setting(made.quick_replies)}"
    told = {name: f"{said.status} {said.reason}".strip() for name, said in made.approvals.items()}
    if json:
        show_json({"quick_replies": made.quick_replies, "contents": made.contents, "approvals": told, "setting": setting})
        return
    for name, words in told.items():
        say(f"{words:>12}  {name}")
    say(f"Put this into the environment file, and start everything anew:\n{setting}", "bold")


def _setting(replies: Mapping[int, str]) -> str:
    return "{" + ", ".join(f'"{count}": "{content_id}"' for count, content_id in sorted(replies.items())) + "}"
