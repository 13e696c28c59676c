"""WhatsApp's own rules against the sandbox: the window, templates, quick replies, and templates made once."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from channels.base import Content, Inbound, Reason, SendFailed, Status
from channels.clock import SystemClock
from channels.sandbox.ledger import Event
from channels.settings import WhatsAppSettings
from channels.twilio_client import TwilioClient
from channels.twilio_templates import Draft, Templates, session_drafts
from channels.twilio_whatsapp import TwilioWhatsApp
from messages.form import Button
from tests.channels.providers import RawProvider, http
from tests.channels.rigs import Rig, account, whatsapp_rig

BUTTONS = (Button("Lese", "12.1"), Button("Eg fører vidare", "12.2"), Button("Kan ikkje", "12.4"))
ASK = Draft(
    name="ask_water",
    language="nb",
    body="Til deg som er ressursperson i {{1}}: melding {{2}} er sendt.",
    samples=("Sørby", "12"),
    buttons=(Button("Lest", "12.1"),),
)


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with whatsapp_rig(tmp_path / "ledger.jsonl") as ready:
        yield ready


@pytest.fixture
async def templates(rig: Rig) -> AsyncIterator[Templates]:
    assert isinstance(rig.settings, WhatsAppSettings)
    client = TwilioClient(rig.settings.account, SystemClock()).use()
    yield Templates(client)
    await client.close()


async def with_buttons(rig: Rig, templates: Templates) -> TwilioWhatsApp:
    """Return the channel as it is after set-up."""
    made = await templates.ensure(session_drafts())
    ids = {number: made[f"budstikke_buttons_{number}", "en"] for number in (1, 2, 3)}
    channel = rig.rebuilt(quick_replies=ids)
    assert isinstance(channel, TwilioWhatsApp)
    return channel


async def test_templates_are_made_once(templates: Templates) -> None:
    drafts = [*session_drafts(), ASK, replace(ASK, language="prs_AF")]
    first = await templates.ensure(drafts)
    assert await templates.ensure(drafts) == first
    assert len(set(first.values())) == len(drafts)
    assert len(await templates.list()) == len(drafts)


async def test_a_changed_text_is_a_new_template(templates: Templates) -> None:
    before = await templates.ensure([ASK])
    after = await templates.ensure([replace(ASK, body="En annen tekst {{1}}, {{2}}.")])
    assert before != after
    assert len(await templates.list()) == 2


async def test_more_templates_than_a_page_are_all_seen(templates: Templates) -> None:
    drafts = [replace(ASK, name=f"ask_{number}") for number in range(120)]
    made = await templates.ensure(drafts)
    assert await templates.ensure(drafts) == made


async def test_a_list_of_templates_is_read_to_its_last_page_and_only_there() -> None:
    def page(name: str, following: str | None) -> bytes:
        content = {"sid": "HX" + name * 32, "friendly_name": name, "language": "nb", "types": {"twilio/text": {"body": name}}}
        return http("200 OK", json.dumps({"contents": [content], "meta": {"next_page_url": following}}).encode())

    elsewhere = "https://evil.example/v1/Content?PageSize=50&PageToken=DN1"
    async with RawProvider(page("a", elsewhere), page("b", None)) as provider:
        client = TwilioClient(account(provider.url), SystemClock()).use()
        drafts = [Draft(name=name, language="nb", body=name) for name in ("a", "b")]
        assert await Templates(client).ensure(drafts) == {("a", "nb"): "HX" + "a" * 32, ("b", "nb"): "HX" + "b" * 32}
        await client.close()
        assert provider.requests[1].startswith(b"GET /v1/Content?PageSize=50&PageToken=DN1 ")


async def test_a_template_is_sent_in_and_approved(rig: Rig, templates: Templates) -> None:
    (content_id,) = (await templates.ensure([ASK])).values()
    assert (await templates.approval(content_id)).status == "unsubmitted"
    await templates.submit(content_id, "ask_water")
    await rig.sandbox.settle()
    approval = await templates.approval(content_id)
    assert (approval.status, approval.category) == ("approved", "UTILITY")


async def test_a_template_the_provider_refuses_says_why(templates: Templates) -> None:
    (content_id,) = (await templates.ensure([ASK])).values()
    with pytest.raises(SendFailed) as refusal:
        await templates.submit(content_id, "Ask Water")
    assert refusal.value.reason is Reason.BAD_CONTENT
    assert "a-z" in refusal.value.detail


async def test_outside_the_window_text_fails_and_a_template_arrives(rig: Rig, templates: Templates) -> None:
    rig.sandbox.network.heard_at.clear()
    await rig.channel.send(rig.out(1))
    (status,) = rig.channel.parse((await rig.said(1))[-1])
    assert isinstance(status, Status)
    assert status.reason is Reason.WINDOW_CLOSED
    (content_id,) = (await templates.ensure([ASK])).values()
    await templates.submit(content_id, "ask_water")
    await rig.sandbox.settle()
    sent = await rig.channel.send(rig.out(1, content=Content(content_id=content_id, variables={"1": "Sørby", "2": "12"})))
    assert rig.copy_of(sent.provider_id).body == "Til deg som er ressursperson i Sørby: melding 12 er sendt."
    assert (await rig.sandbox.phone(rig.people(1)).next()).id == sent.provider_id


async def test_buttons_are_shown_and_their_payload_comes_back(rig: Rig, templates: Templates) -> None:
    channel = await with_buttons(rig, templates)
    sent = await channel.send(rig.out(1, buttons=BUTTONS))
    copy = rig.copy_of(sent.provider_id)
    assert copy.buttons == tuple((button.title, button.payload) for button in BUTTONS)
    assert copy.body == rig.out(1).text
    phone = rig.sandbox.phone(rig.people(1))
    await phone.next()
    rig.callbacks.clear()
    await phone.press("12.2")
    (answer,) = [each for call in rig.callbacks for each in channel.parse(call) if isinstance(each, Inbound)]
    assert (answer.payload, answer.replied_to, answer.text) == ("12.2", sent.provider_id, "Eg fører vidare")
    await channel.close()


async def test_without_a_content_for_them_the_text_goes_without_buttons_and_doctor_says_so(rig: Rig, templates: Templates) -> None:
    sent = await rig.channel.send(rig.out(1, buttons=BUTTONS))
    assert rig.copy_of(sent.provider_id).buttons == ()
    assert isinstance(rig.channel, TwilioWhatsApp)
    line = (await rig.channel.check())[-1]
    assert (line.ok, "1, 2, 3" in line.words) == (False, True)
    channel = await with_buttons(rig, templates)
    assert all(each.ok for each in await channel.check())
    await channel.close()


async def test_a_picture_goes_with_its_text(rig: Rig) -> None:
    await rig.channel.send(rig.out(1, media=("https://varsel.example/kart.png",)))
    (copy,) = rig.sandbox.ledger.entries(Event.ACCEPTED)
    assert copy.media == ("https://varsel.example/kart.png",)
