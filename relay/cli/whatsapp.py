"""Commands for WhatsApp: the templates without which nobody can be written to first."""

from collections.abc import Mapping, Sequence

import typer

from channels.settings import TwilioAccount
from channels.twilio_client import TwilioClient
from channels.twilio_templates import Templates, frame_drafts, session_drafts
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

    async def inside(opened: House, municipality_id: int) -> tuple[Mapping[int, str], Mapping[str, str], Mapping[str, str]]:
        stamp = Stamp(by=by, at=opened.relay.clock.now())
        async with opened.store.read() as conn:
            languages = list(dict.fromkeys((*ALWAYS, *await groups.languages_in_use(conn, municipality_id))))
        replies, contents, approvals = await _made(opened, languages)
        async with opened.store.write() as conn:
            await register.note_contents(conn, municipality_id, Medium.WHATSAPP, contents, stamp)
        return replies, contents, approvals

    replies, contents, approvals = run(inside, municipality)
    setting = f"{PREFIX}WHATSAPP_QUICK_REPLIES={_setting(replies)}"
    if json:
        show_json({"quick_replies": replies, "contents": contents, "approvals": approvals, "setting": setting})
        return
    for name, status in approvals.items():
        say(f"{status:>12}  {name}")
    say(f"Put this into the environment file, and start everything anew:\n{setting}", "bold")


async def _made(opened: House, languages: Sequence[str]) -> tuple[Mapping[int, str], Mapping[str, str], Mapping[str, str]]:
    """Return the quick replies by number of buttons, the templates by name and language, and what Meta says of each."""
    account: TwilioAccount = opened.settings.require_twilio()
    client = TwilioClient(account, opened.relay.clock).use()
    try:
        book = Templates(client)
        session = await book.ensure(session_drafts())
        made = await book.ensure(frame_drafts(languages))
        approvals = {}
        for (name, language), content_id in made.items():
            said = await book.approval(content_id)
            if said.status in ("", "unsubmitted"):
                said = await book.submit(content_id, f"{name}_{language}".lower())
            approvals[f"{name}:{language}"] = f"{said.status} {said.reason}".strip()
    finally:
        await client.close()
    replies = {int(name.rpartition("_")[2]): content_id for (name, _), content_id in session.items()}
    return replies, {f"{name}:{language}": content_id for (name, language), content_id in made.items()}, approvals


def _setting(replies: Mapping[int, str]) -> str:
    return "{" + ", ".join(f'"{count}": "{content_id}"' for count, content_id in sorted(replies.items())) + "}"
